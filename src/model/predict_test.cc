#include "model/predict.h"

#include <gtest/gtest.h>

#include "model/memory_model_for_test.h"

namespace autoglm {
namespace {

constexpr double kRelative = 1e-12;  // the same formula, rounded in another order

// Half a billion 8-bit weights, of which the head is a quarter.
ModelCost SomeCost() {
  ModelCost cost;
  cost.decode_weight_bytes = 500'000'000;
  cost.int8_weights = 350'000'000;
  cost.head_weights = 125'000'000;
  cost.head_is_quantized = true;
  cost.kv_bytes_per_token = 12'288;
  cost.attention_flops_per_pair = 86'016;
  return cost;
}
constexpr MachineRates kMachine = {25e9, 900e9, 220e9};

TEST(Predict, DecodeOfALargeModelIsBoundByMemory) {
  EXPECT_NEAR(PredictDecode(SomeCost(), kMachine, 0), 50, 50 * kRelative);
  const double deep = 25e9 / (500e6 + 4096 * 12288.0);
  EXPECT_NEAR(PredictDecode(SomeCost(), kMachine, 4096), deep, deep * kRelative);
}

TEST(Predict, DecodeIsBoundByArithmeticWhereThatIsSlower) {
  MachineRates machine = kMachine;
  machine.int8_ops_per_s = 10e9;
  const double rate = 10e9 / (2 * 475e6);
  EXPECT_NEAR(PredictDecode(SomeCost(), machine, 0), rate, rate * kRelative);
}

TEST(Predict, PrefillIsBoundByArithmeticAndComputesTheHeadOnce) {
  const double seconds = 2 * (512 * 350e6 + 125e6) / 900e9 + 512 * 513 / 2 * 86016.0 / 220e9;
  const double rate = 512 / seconds;
  EXPECT_NEAR(PredictPrefill(SomeCost(), kMachine, 512), rate, rate * kRelative);
  EXPECT_LT(PredictPrefill(SomeCost(), kMachine, 512, 4096), rate);
  EXPECT_LT(PredictPrefill(SomeCost(), kMachine, 2048), rate);
}

TEST(Predict, OneTokenOfPrefillCostsWhatOneOfDecodeDoes) {
  const double decode = PredictDecode(SomeCost(), kMachine, 0);
  EXPECT_NEAR(PredictPrefill(SomeCost(), kMachine, 1), decode, 1e-4 * decode);
}

TEST(Predict, FloatWeightsWorkAtTheFloatRate) {
  ModelCost cost = SomeCost();
  std::swap(cost.int8_weights, cost.float_weights);
  cost.head_is_quantized = false;
  const double seconds = (2 * (512 * 350e6 + 125e6) + 512 * 513 / 2 * 86016.0) / 220e9;
  const double rate = 512 / seconds;
  EXPECT_NEAR(PredictPrefill(cost, kMachine, 512), rate, rate * kRelative);
}

TEST(Predict, NothingIsPromisedWithoutTheRatesThatItNeeds) {
  EXPECT_EQ(PredictDecode(SomeCost(), {0, 1e9, 1e9}, 0), 0);
  EXPECT_EQ(PredictPrefill(SomeCost(), {1e9, 0, 1e9}, 512), 0);
  EXPECT_EQ(PredictDecode(SomeCost(), {1e9, 1e9, 0}, 100), 0);
  EXPECT_GT(PredictDecode(SomeCost(), {1e9, 1e9, 0}, 0), 0) << "no floats at depth 0";
  EXPECT_EQ(PredictPrefill(SomeCost(), kMachine, 0), 0);
  EXPECT_EQ(PredictDecode(ModelCost(), kMachine, 0), 0);
}

TEST(ModelCost, CountsWhatATokenTouches) {
  const auto file = RandomLlama();
  const Result<ModelCost> cost = CostOf(*file);
  ASSERT_TRUE(cost.ok()) << cost.status().message();
  // attn_q, attn_k, attn_v, attn_output, and three of the feed-forward part, twice.
  constexpr int64_t kMatrices = 2 * (256 * 256 + 2 * 128 * 256 + 256 * 256 + 3 * 512 * 256);
  EXPECT_EQ(cost->float_weights, kMatrices);
  EXPECT_EQ(cost->int8_weights, 0);
  EXPECT_EQ(cost->head_weights, 320 * 256);
  EXPECT_FALSE(cost->head_is_quantized);
  EXPECT_EQ(cost->decode_weight_bytes, 4 * (kMatrices + 320 * 256 + 5 * 256));
  EXPECT_EQ(cost->kv_bytes_per_token, 2 * 2 * 2 * 64 * 2);
  EXPECT_EQ(cost->attention_flops_per_pair, 4 * 64 * 4 * 2);
  EXPECT_EQ(CostOf(*file, DType::kQ8_0)->kv_bytes_per_token, 2 * 2 * 2 * 68);
}

TEST(ModelCost, ATiedEmbeddingIsTheHead) {
  const auto file = RandomLlama();
  const int64_t untied = CostOf(*file)->decode_weight_bytes;
  file->Erase("output.weight");
  const Result<ModelCost> cost = CostOf(*file);
  ASSERT_TRUE(cost.ok());
  EXPECT_EQ(cost->head_weights, 320 * 256);
  EXPECT_EQ(cost->decode_weight_bytes, untied);
}

TEST(ModelCost, SharedLayersAreReadForEachLayerThatComputesWithThem) {
  const auto file = RandomLlama();
  const ModelCost apart = *CostOf(*file);
  std::vector<std::string> names;
  for (const TensorEntry& entry : file->tensors()) {
    if (entry.name.starts_with("blk.1.")) names.push_back(entry.name);
  }
  for (const std::string& name : names) file->Erase(name);
  file->keys().SetI32s("autoglm.layer_sources", {0, 0});
  const Result<ModelCost> cost = CostOf(*file);
  ASSERT_TRUE(cost.ok()) << cost.status().message();
  EXPECT_EQ(cost->float_weights, apart.float_weights);
  EXPECT_EQ(cost->decode_weight_bytes, apart.decode_weight_bytes);
}

TEST(ModelCost, WithoutHyperparametersIsAnError) {
  const MemoryModelFile empty;
  EXPECT_FALSE(CostOf(empty).ok());
}

}  // namespace
}  // namespace autoglm
