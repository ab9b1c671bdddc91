#include "model/hparams.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "backend/backend.h"
#include "model/memory_model_for_test.h"
#include "platform/thread_pool.h"

namespace autoglm {
namespace {

class HparamsTest : public testing::Test {
 protected:
  Metadata& keys() { return file_->keys(); }

  RopeSpec Rope(int n_ctx = 0, float local_base = 0) {
    Hparams hparams(*file_, "llama", n_ctx);
    RopeSpec rope = hparams.Rope(RopeStyle::kHalf, kHeadDim, local_base);
    EXPECT_TRUE(hparams.status().ok()) << hparams.status().ToString();
    return rope;
  }
  /// The message of reading everything, or "" after success.
  std::string Failure() {
    Hparams hparams(*file_, "llama");
    hparams.Common();
    if (hparams.status().ok()) hparams.Rope(RopeStyle::kHalf, kHeadDim);
    return hparams.status().ok() ? "" : hparams.status().ToString();
  }

  static constexpr int kHeadDim = 64;
  std::unique_ptr<MemoryModelFile> file_ = RandomLlama();
};

double Frequency(double base, int i, int dim) { return std::pow(base, -2.0 * i / dim); }

TEST_F(HparamsTest, ConfigHoldsWhatTheMetadataSays) {
  keys().SetString("general.name", "tiny");
  Hparams hparams(*file_, "llama");
  const ModelConfig config = hparams.Common();
  ASSERT_TRUE(hparams.status().ok());
  EXPECT_EQ(config.architecture, "llama");
  EXPECT_EQ(config.name, "tiny");
  EXPECT_EQ(config.vocab_size, 320);  // the embedding's rows
  EXPECT_EQ(config.hidden_size, 256);
  EXPECT_EQ(config.intermediate_size, 512);
  EXPECT_EQ(config.num_hidden_layers, 2);
  EXPECT_EQ(config.num_attention_heads, 4);
  EXPECT_EQ(config.num_key_value_heads, 2);
  EXPECT_EQ(config.head_dim, 64);
  EXPECT_EQ(config.max_position_embeddings, 1024);
  EXPECT_FLOAT_EQ(config.rms_norm_eps, 1e-5f);
}

TEST_F(HparamsTest, WrongHyperparametersAreNamedWithWhatWasExpected) {
  struct Case {
    const char* key;
    uint32_t value;
    const char* message;
  };
  const Case cases[] = {
      {"llama.block_count", 0, "llama.block_count is 0"},
      {"llama.block_count", 4000000000u, "llama.block_count is 4000000000"},
      {"llama.attention.head_count", 0, "llama.attention.head_count is 0"},
      {"llama.attention.head_count_kv", 3, "no multiple of the 3 key-value heads"},
      {"llama.attention.key_length", 63, "the size of an attention head is 63"},
      {"llama.attention.value_length", 32, "llama.attention.value_length differs"},
      {"llama.rope.dimension_count", 66, "llama.rope.dimension_count is 66"},
      {"llama.rope.dimension_count", 7, "llama.rope.dimension_count is 7"},
      {"llama.rope.freq_base", 0, "llama.rope.freq_base is 0"},
  };
  for (const Case& c : cases) {
    file_ = RandomLlama();
    keys().SetU32(c.key, c.value);
    EXPECT_NE(Failure().find(c.message), std::string::npos) << Failure();
  }
  file_ = RandomLlama();
  keys().Erase("llama.feed_forward_length");
  EXPECT_NE(Failure().find("llama.feed_forward_length"), std::string::npos) << Failure();
  file_ = RandomLlama();
  keys().SetF32("llama.attention.layer_norm_rms_epsilon", NAN);
  EXPECT_NE(Failure().find("layer_norm_rms_epsilon"), std::string::npos) << Failure();
  file_ = RandomLlama();
  keys().SetString("llama.embedding_length", "wide");
  EXPECT_NE(Failure().find("llama.embedding_length"), std::string::npos) << Failure();
  file_ = RandomLlama();
  file_->Erase("token_embd.weight");
  EXPECT_NE(Failure().find("token_embd.weight"), std::string::npos) << Failure();
}

TEST_F(HparamsTest, FrequenciesArePowersOfTheBase) {
  keys().SetF32("llama.rope.freq_base", 500.0f);
  keys().SetU32("llama.rope.dimension_count", 32);
  const RopeSpec rope = Rope();
  ASSERT_EQ(rope.rotary_dim(), 32);
  EXPECT_EQ(rope.attention_factor, 1);
  for (int i = 0; i < 16; ++i) {
    EXPECT_NEAR(rope.inv_freq[i] / Frequency(500, i, 32), 1, 1e-6) << i;
  }
}

TEST_F(HparamsTest, LinearScalingDividesEveryFrequency) {
  keys().SetString("llama.rope.scaling.type", "linear");
  keys().SetF32("llama.rope.scaling.factor", 4);
  const RopeSpec rope = Rope();
  for (int i = 0; i < kHeadDim / 2; ++i) {
    EXPECT_NEAR(rope.inv_freq[i] * 4 / Frequency(10000, i, kHeadDim), 1, 1e-6) << i;
  }
}

TEST_F(HparamsTest, AZeroFactorStandsForNoScaling) {
  keys().SetString("llama.rope.scaling.type", "linear");
  keys().SetF32("llama.rope.scaling.factor", 0);
  EXPECT_EQ(Rope().inv_freq[0], 1);
}

TEST_F(HparamsTest, YarnInterpolatesSlowDimensionsOnly) {
  constexpr double kBase = 10000, kFactor = 4, kOriginal = 256;
  keys().SetString("llama.rope.scaling.type", "yarn");
  keys().SetF32("llama.rope.scaling.factor", kFactor);
  keys().SetU32("llama.rope.scaling.original_context_length", kOriginal);
  const RopeSpec rope = Rope();
  EXPECT_NEAR(rope.attention_factor, 1 + 0.1 * std::log(kFactor), 1e-6);
  for (int i = 0; i < kHeadDim / 2; ++i) {
    const double plain = Frequency(kBase, i, kHeadDim);
    const double rotations = kOriginal * plain / (2 * std::numbers::pi);
    const double divisor = plain / rope.inv_freq[i];
    // A dimension beside a bound may lie on the ramp, as the bounds are rounded outwards.
    if (rotations > 45) {
      EXPECT_NEAR(divisor, 1, 1e-5) << i;
    }
    if (rotations < 0.7) {
      EXPECT_NEAR(divisor, kFactor, 1e-5) << i;
    }
    EXPECT_GE(divisor, 1 - 1e-5);
    EXPECT_LE(divisor, kFactor + 1e-5);
  }
  // Halfway up the ramp, from the paper's formula: beta_fast = 32 turns at dimension
  // 64 * ln(256 / (32 * 2 pi)) / (2 ln 10000) = 0.84, beta_slow = 1 at 12.88.
  const double ramp = (6.0 - 0) / (13 - 0);
  EXPECT_NEAR(rope.inv_freq[6] / Frequency(kBase, 6, kHeadDim), 1 - ramp + ramp / kFactor, 1e-5);
}

TEST_F(HparamsTest, YarnsTemperatureIsMultipliedByAttnFactor) {
  keys().SetString("llama.rope.scaling.type", "yarn");
  keys().SetF32("llama.rope.scaling.factor", 8);
  keys().SetF32("llama.rope.scaling.attn_factor", 0.5f);
  EXPECT_NEAR(Rope().attention_factor, 0.5 * (1 + 0.1 * std::log(8.0)), 1e-6);
}

TEST_F(HparamsTest, LongRopeChoosesItsFactorsByTheContextOfTheRun) {
  file_->Set("rope_factors_short.weight", Shape{32}, std::vector<float>(32, 2.0f));
  file_->Set("rope_factors_long.weight", Shape{32}, std::vector<float>(32, 8.0f));
  keys().SetU32("llama.rope.scaling.original_context_length", 128);
  keys().SetF32("llama.rope.scaling.attn_factor", 1.25f);
  EXPECT_EQ(Rope(128).inv_freq[0], 1 / 2.0f);
  EXPECT_EQ(Rope(129).inv_freq[0], 1 / 8.0f);
  EXPECT_EQ(Rope(0).inv_freq[0], 1 / 8.0f);  // what it was trained for: 1024
  EXPECT_EQ(Rope(128).attention_factor, 1.25f);
}

TEST_F(HparamsTest, FactorsOfTheFileDivideTheFrequencies) {
  std::vector<float> factors;
  for (int i = 0; i < kHeadDim / 2; ++i) factors.push_back(1 + 0.5f * static_cast<float>(i));
  file_->Set("rope_freqs.weight", Shape{kHeadDim / 2}, factors);
  const RopeSpec rope = Rope();
  for (int i = 0; i < kHeadDim / 2; ++i) {
    EXPECT_NEAR(rope.inv_freq[i] * factors[i] / Frequency(10000, i, kHeadDim), 1, 1e-6) << i;
  }
}

TEST_F(HparamsTest, FactorsOfTheWrongSizeOrValueAreRefused) {
  file_->Set("rope_freqs.weight", Shape{4}, std::vector<float>(4, 1.0f));
  EXPECT_NE(Failure().find("'rope_freqs.weight' is f32 [4], expected f32 [32]"), std::string::npos)
      << Failure();
  file_->Set("rope_freqs.weight", Shape{32}, std::vector<float>(32, 0.0f));
  EXPECT_NE(Failure().find("'rope_freqs.weight' holds 0"), std::string::npos) << Failure();
}

TEST_F(HparamsTest, ALocalBaseIsNotScaled) {
  keys().SetString("llama.rope.scaling.type", "linear");
  keys().SetF32("llama.rope.scaling.factor", 8);
  const RopeSpec rope = Rope(0, 100);
  EXPECT_NEAR(rope.inv_freq[1] / Frequency(100, 1, kHeadDim), 1, 1e-6);
}

TEST_F(HparamsTest, UnknownScalingAndMultimodalRotationAreRefused) {
  keys().SetString("llama.rope.scaling.type", "spiral");
  EXPECT_NE(Failure().find("llama.rope.scaling.type is 'spiral'"), std::string::npos) << Failure();
  keys().Erase("llama.rope.scaling.type");
  keys().SetI32s("llama.rope.dimension_sections", {0, 0, 0, 0});
  EXPECT_EQ(Failure(), "");
  keys().SetI32s("llama.rope.dimension_sections", {16, 8, 8, 0});
  EXPECT_NE(Failure().find("M-RoPE"), std::string::npos) << Failure();
}

TEST_F(HparamsTest, SlidingWindowsFollowAListOrAPeriod) {
  const auto windows = [&](int default_period) {
    Hparams hparams(*file_, "llama");
    return hparams.SlidingWindows(6, default_period);
  };
  EXPECT_EQ(windows(2), std::vector<int>({0, 0, 0, 0, 0, 0}));
  keys().SetU32("llama.attention.sliding_window", 9);
  EXPECT_EQ(windows(0), std::vector<int>({9, 9, 9, 9, 9, 9}));
  EXPECT_EQ(windows(2), std::vector<int>({9, 0, 9, 0, 9, 0}));
  keys().SetU32("llama.attention.sliding_window_pattern", 3);
  EXPECT_EQ(windows(2), std::vector<int>({9, 9, 0, 9, 9, 0}));
  keys().SetI32s("llama.attention.sliding_window_pattern", {0, 1, 1, 0, 0, 1});
  EXPECT_EQ(windows(2), std::vector<int>({0, 9, 9, 0, 0, 9}));
  keys().SetI32s("llama.attention.sliding_window_pattern", {0, 1});
  Hparams hparams(*file_, "llama");
  hparams.SlidingWindows(6, 2);
  EXPECT_NE(hparams.status().ToString().find("has 2 entries"), std::string::npos);
}

TEST_F(HparamsTest, AttentionScaleZeroStandsForTheDefault) {
  Hparams hparams(*file_, "llama");
  EXPECT_EQ(hparams.AttentionScale(64), 0.125f);
  keys().SetF32("llama.attention.scale", 0);
  EXPECT_EQ(hparams.AttentionScale(64), 0.125f);
  keys().SetF32("llama.attention.scale", 0.3f);
  EXPECT_EQ(hparams.AttentionScale(64), 0.3f);
  ASSERT_TRUE(hparams.status().ok());
  keys().SetF32("llama.attention.scale", -1);
  hparams.AttentionScale(64);
  EXPECT_FALSE(hparams.status().ok());
}

TEST_F(HparamsTest, TheRotaryTableHoldsCosinesThenSines) {
  keys().SetString("llama.rope.scaling.type", "yarn");
  keys().SetF32("llama.rope.scaling.factor", 4);
  const RopeSpec rope = Rope();
  ThreadPool threads(1);
  const auto backend = NewCpuBackend(threads);
  const std::vector<int32_t> positions = {0, 1, 77, 1000};
  const Buffer buffer = Buffer::Allocate(4 * kHeadDim * sizeof(float), "table").value();
  const Tensor table = buffer.View(DType::kF32, Shape{4, kHeadDim});
  backend->stream().RopeTable(rope, positions, table);
  ASSERT_TRUE(backend->stream().Finish().ok());
  for (int row = 0; row < 4; ++row) {
    for (int i = 0; i < kHeadDim / 2; ++i) {
      const double angle = double{rope.inv_freq[i]} * positions[row];
      // Angles are rounded to float32: at position 1000 by up to 3e-5.
      EXPECT_NEAR(table.f32_row(row)[i], rope.attention_factor * std::cos(angle), 5e-5);
      EXPECT_NEAR(table.f32_row(row)[kHeadDim / 2 + i], rope.attention_factor * std::sin(angle),
                  5e-5);
    }
  }
}

}  // namespace
}  // namespace autoglm
