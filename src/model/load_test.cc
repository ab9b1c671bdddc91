#include "model/load.h"

#include <gtest/gtest.h>

#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/kernels.h"
#include "model/memory_model_for_test.h"
#include "model/weight_binder.h"
#include "quant/quant_format.h"
#include "tests/model_runner.h"

namespace autoglm {
namespace {

std::vector<int32_t> SomeTokens(int n) {
  Rng rng(3);
  std::vector<int32_t> tokens;
  for (int i = 0; i < n; ++i) tokens.push_back(static_cast<int32_t>(rng.NextBelow(320)));
  return tokens;
}

std::string LoadMessage(const ModelFile& file, const LoadOptions& options = {}) {
  const ModelRunner runner(file, options);
  return runner.status().ok() ? "loaded" : runner.status().ToString();
}

class LoadTest : public testing::Test {
 protected:
  Rows Logits(const LoadOptions& options, DType kv_dtype = DType::kF32) {
    ModelRunner runner(*file_, options, 2, kv_dtype);
    EXPECT_TRUE(runner.status().ok()) << runner.status().ToString();
    return runner.status().ok() ? runner.Prefill(SomeTokens(40), 40) : Rows{};
  }
  void ExpectMessage(std::initializer_list<const char*> parts, const LoadOptions& options = {}) {
    const std::string message = LoadMessage(*file_, options);
    for (const char* part : parts) {
      EXPECT_NE(message.find(part), std::string::npos) << part << "\n" << message;
    }
  }

  std::unique_ptr<MemoryModelFile> file_ = RandomLlama();
};

TEST_F(LoadTest, AMissingTensorIsNamedWithItsShape) {
  file_->Erase("blk.1.attn_k.weight");
  ExpectMessage({"NOT_FOUND", "in memory", "'blk.1.attn_k.weight' is missing", "[128, 256]"});
}

TEST_F(LoadTest, AWrongShapeIsNamedWithTheExpectedOne) {
  file_->SetRandom("blk.0.ffn_down.weight", Shape{256, 256});
  ExpectMessage(
      {"INVALID_ARGUMENT", "'blk.0.ffn_down.weight' has shape [256, 256]", "expected [256, 512]"});
}

TEST_F(LoadTest, ABiasOfTheWrongSizeIsRefused) {
  file_->Set("blk.0.attn_q.bias", Shape{64}, std::vector<float>(64));
  ExpectMessage({"'blk.0.attn_q.bias' has shape [64]", "expected [256]"});
}

TEST_F(LoadTest, ATensorThatNobodyReadsIsRefused) {
  file_->SetRandom("blk.0.ffn_gate_inp.weight", Shape{8, 256});
  ExpectMessage({"UNIMPLEMENTED", "'blk.0.ffn_gate_inp.weight' [8, 256]"});
}

TEST_F(LoadTest, AnUnknownArchitectureIsNamedWithThoseKnown) {
  file_->keys().SetString("general.architecture", "mamba");
  ExpectMessage({"UNIMPLEMENTED", "'mamba' is not supported", "llama", "gemma3", "smollm3"});
  file_->keys().Erase("general.architecture");
  ExpectMessage({"NOT_FOUND", "general.architecture"});
}

TEST_F(LoadTest, MoreLayersThanTheFileHoldsFailWithoutTakingMemoryForThem) {
  file_->keys().SetU32("llama.block_count", 1 << 24);
  ExpectMessage({"'blk.2.attn_norm.weight' is missing"});
}

TEST_F(LoadTest, TheFusedFormsGiveTheSameBits) {
  const Rows expected = Logits({});
  const auto fuse = [&](const std::string& name, std::initializer_list<std::string> parts) {
    std::vector<float> values;
    for (const std::string& part : parts) {
      const Tensor view = file_->View(*file_->Find(part));
      values.insert(values.end(), view.f32(), view.f32() + view.shape.n_elements());
      file_->Erase(part);
    }
    const auto rows = static_cast<int64_t>(values.size()) / 256;
    file_->Set(name, Shape{rows, 256}, std::move(values));
  };
  for (const std::string b : {"blk.0.", "blk.1."}) {
    fuse(b + "attn_qkv.weight", {b + "attn_q.weight", b + "attn_k.weight", b + "attn_v.weight"});
    fuse(b + "ffn_up.weight", {b + "ffn_gate.weight", b + "ffn_up.weight"});
  }
  EXPECT_EQ(Logits({}), expected);
}

TEST_F(LoadTest, ATiedModelProjectsWithItsEmbedding) {
  const Tensor table = file_->View(*file_->Find("token_embd.weight"));
  file_->Set("output.weight", Shape{320, 256}, {table.f32(), table.f32() + 320 * 256});
  const Rows expected = Logits({});
  file_->Erase("output.weight");
  EXPECT_EQ(Logits({}), expected);
}

TEST_F(LoadTest, LayersThatShareWeightsComputeAsWithCopiesAndTakeThemOnce) {
  std::vector<std::string> names;
  for (const TensorEntry& entry : file_->tensors()) {
    if (entry.name.starts_with("blk.1.")) names.push_back(entry.name);
  }
  ASSERT_EQ(names.size(), 9u);
  for (const std::string& name : names) {
    const TensorEntry source = *file_->Find("blk.0." + name.substr(6));
    const float* values = file_->View(source).f32();
    file_->Set(name, source.shape, {values, values + source.shape.n_elements()});
  }
  LoadOptions copied, quantized;
  copied.weights = WeightPlace::kCopied;
  quantized.quantize = "int8";
  const std::vector<LoadOptions> ways = {LoadOptions(), copied, quantized};
  std::vector<Rows> expected;
  for (const LoadOptions& options : ways) expected.push_back(Logits(options));
  for (const std::string& name : names) file_->Erase(name);
  file_->keys().SetI32s("autoglm.layer_sources", {0, 0});
  int64_t n_bytes = 0;
  for (const TensorEntry& entry : file_->tensors()) n_bytes += entry.n_bytes();
  for (size_t i = 0; i < ways.size(); ++i) {
    EXPECT_EQ(Logits(ways[i]), expected[i]) << i;
    const ModelRunner runner(*file_, ways[i]);
    EXPECT_LE(runner.model().weight_bytes(), n_bytes) << i;
  }
}

TEST_F(LoadTest, LayersThatShareWeightsOfNoLayerAreRefused) {
  for (const std::vector<int64_t>& sources : std::initializer_list<std::vector<int64_t>>{
           {1, 1}, {0, -1}, {0, 2}, {int64_t{1} << 31, 0}}) {
    file_->keys().SetI32s("autoglm.layer_sources", sources);
    ExpectMessage({"INVALID_ARGUMENT", "autoglm.layer_sources", "the weights of layer"});
  }
  file_->keys().SetString("autoglm.layer_sources", "0,0");
  ExpectMessage({"autoglm.layer_sources"});
}

TEST_F(LoadTest, WhereWeightsLieChangesNoBit) {
  LoadOptions mapped, copied;
  mapped.weights = WeightPlace::kMapped;
  copied.weights = WeightPlace::kCopied;
  const Rows expected = Logits(mapped);
  EXPECT_EQ(Logits(copied), expected);
  // What is copied no longer reads the file's memory.
  ThreadPool threads(2);
  const auto backend = NewCpuBackend(threads);
  const auto in_file = [&](const LoadOptions& options) {
    WeightBinder binder(
        *file_, *backend, threads, [](const TensorEntry& e) { return e.dtype; },
        options.weights == WeightPlace::kCopied, nullptr);
    const Weight table = binder.MatrixRows("token_embd.weight", 320, 256, 1, 200);
    EXPECT_TRUE(binder.status().ok()) << binder.status().ToString();
    const Tensor stored = file_->View(*file_->Find("token_embd.weight")).Rows(1, 200);
    EXPECT_EQ(std::memcmp(table.tensor.data, stored.data, stored.n_bytes()), 0);
    return table.tensor.data == stored.data;
  };
  EXPECT_TRUE(in_file(mapped));
  EXPECT_FALSE(in_file(copied));
}

TEST_F(LoadTest, TooLittleMemoryIsRefusedWithTheFigures) {
  LoadOptions options;
  options.max_batch_tokens = options.max_output_rows = 16;
  options.kv_bytes = 3 << 20;
  options.available_bytes = 5 << 20;
  ExpectMessage({"RESOURCE_EXHAUSTED", "needs", "of weights", "3.0 MiB of KV cache", "of workspace",
                 "5.0 MiB are free"},
                options);
  options.quantize = "int8";  // a quarter of the weights: now it fits
  EXPECT_EQ(LoadMessage(*file_, options), "loaded");
}

TEST_F(LoadTest, ProgressRisesToTheWhole) {
  int64_t last = 0, total = 0;
  LoadOptions options;
  options.progress = [&](int64_t done_bytes, int64_t total_bytes) {
    EXPECT_GE(done_bytes, last);
    last = done_bytes;
    total = total_bytes;
  };
  EXPECT_EQ(LoadMessage(*file_, options), "loaded");
  EXPECT_GT(total, 0);
  EXPECT_EQ(last, total);
}

// Weights are off by 0.02 %, 0.5 % and 7 % (root mean square); two layers make about five times
// that of it.
TEST_F(LoadTest, QuantizedOnLoadingLogitsStayNear) {
  const Rows expected = Logits({});
  const auto error = [&](const char* type) {
    LoadOptions options;
    options.quantize = type;
    return RelativeL2(Logits(options), expected);
  };
  const double f16 = error("f16"), int8 = error("int8"), int4 = error("int4");
  EXPECT_GT(f16, 0);
  EXPECT_LT(f16, 2e-3);
  EXPECT_GT(int8, f16);
  EXPECT_LT(int8, 4e-2);
  EXPECT_GT(int4, int8);
  EXPECT_LT(int4, 4e-1);
}

TEST_F(LoadTest, QuantizedOnLoadingIsTheModelOfTheRoundedWeights) {
  LoadOptions options;
  options.quantize = "int8";
  const Rows quantized = Logits(options);
  const std::vector<TensorEntry> entries(file_->tensors().begin(), file_->tensors().end());
  for (const TensorEntry& entry : entries) {
    if (entry.shape.rank() == 1) continue;
    const Tensor view = file_->View(entry);
    const int64_t n = entry.shape.n_elements();
    std::vector<std::byte> blocks(static_cast<size_t>(TensorBytes(DType::kQ8_0, entry.shape)));
    std::vector<float> rounded(static_cast<size_t>(n));
    Format(DType::kQ8_0).encode(view.f32(), nullptr, blocks.data(), n);
    Format(DType::kQ8_0).decode(blocks.data(), rounded.data(), n);
    file_->Set(entry.name, entry.shape, std::move(rounded));
  }
  // Kernels may round activations to int8 too: half a percent a product.
  EXPECT_LT(RelativeL2(quantized, Logits({})), 3e-2);
}

TEST_F(LoadTest, AnUnknownQuantizationIsRefused) {
  LoadOptions options;
  options.quantize = "int9";
  ExpectMessage({"int9", "int8"}, options);
}

TEST_F(LoadTest, SmallerCachesStayNearTheFullOne) {
  const Rows expected = Logits({});
  const double f16 = RelativeL2(Logits({}, DType::kF16), expected);
  const double q8_0 = RelativeL2(Logits({}, DType::kQ8_0), expected);
  // Attention over them may round to bfloat16, an eighth of the precision of F16.
  EXPECT_LT(f16, BestKernels().bf16_attention ? 5e-3 : 1e-3);
  EXPECT_GT(f16, 0);
  EXPECT_LT(q8_0, 2e-2);
  EXPECT_GT(q8_0, f16);
}

TEST_F(LoadTest, ACacheTypeThatHeadsDoNotFitIsRefused) {
  file_->keys().SetU32("llama.attention.head_count", 16);
  file_->keys().SetU32("llama.attention.head_count_kv", 8);
  const ModelRunner good(*file_, {});
  EXPECT_TRUE(good.status().ok()) << good.status().ToString();
  const ModelRunner bad(*file_, {}, 1, DType::kQ8_0);  // heads of 16, blocks of 32
  EXPECT_NE(bad.status().ToString().find("q8_0"), std::string::npos) << bad.status().ToString();
}

TEST_F(LoadTest, TheObserverSeesEveryLayerAndTheLastNorm) {
  ModelRunner runner(*file_, {});
  ASSERT_TRUE(runner.status().ok());
  std::vector<int> layers;
  std::vector<float> embedded;
  runner.model().set_observer([&](int layer, const Tensor& hidden) {
    EXPECT_EQ(hidden.shape, (Shape{2, 256}));
    if (layer == -1) embedded.assign(hidden.f32(), hidden.f32() + 256);
    layers.push_back(layer);
  });
  const std::vector<int32_t> tokens = {5, 6};
  runner.Prefill(tokens, 2);
  EXPECT_EQ(layers, std::vector<int>({-1, 0, 1, 2}));  // two layers, and the last norm
  const float* row = file_->View(*file_->Find("token_embd.weight")).f32_row(5);
  EXPECT_EQ(embedded, std::vector<float>(row, row + 256));
}

TEST_F(LoadTest, ABatchThatDoesNotFitIsRefused) {
  LoadOptions options;
  options.max_batch_tokens = 4;
  ModelRunner runner(*file_, options);
  ASSERT_TRUE(runner.status().ok());
  runner.Prefill(std::vector<int32_t>{1, 2, 3, 4, 5}, 5);
  EXPECT_EQ(runner.status().code(), StatusCode::kInvalidArgument);
  for (const int32_t token : {-1, 320}) {
    runner.Prefill(std::vector<int32_t>{1, token}, 2);
    EXPECT_EQ(runner.status().code(), StatusCode::kOutOfRange);
    EXPECT_NE(runner.status().ToString().find(std::to_string(token)), std::string::npos);
  }
  EXPECT_EQ(runner.Prefill(std::vector<int32_t>{1, 319}, 2).size(), 2u);
}

}  // namespace
}  // namespace autoglm
