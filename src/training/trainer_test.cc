#include "training/trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/rng.h"
#include "formats/safetensors_bytes_for_test.h"
#include "training/ops.h"

namespace autoglm {
namespace {

DecoderConfig Tiny() {
  DecoderConfig config;
  config.vocab_size = 24;
  config.hidden_size = 32;
  config.intermediate_size = 48;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  config.num_key_value_heads = 1;
  config.head_dim = 16;
  config.rotary_dim = 8;
  config.max_position_embeddings = 16;
  return config;
}

/// Sequences that count upwards from a random start, modulo the vocabulary.
ExampleSet Counting(int n, uint64_t seed) {
  Rng rng(seed);
  ExampleSet examples;
  for (int i = 0; i < n; ++i) {
    std::vector<int32_t> tokens(4 + rng.NextBelow(8));
    tokens[0] = static_cast<int32_t>(rng.NextBelow(24));
    for (size_t k = 1; k < tokens.size(); ++k) tokens[k] = (tokens[k - 1] + 1) % 24;
    examples.Add(tokens, 1);
  }
  return examples;
}

TrainerOptions Options(const std::string& folder) {
  TrainerOptions options;
  options.folder = folder;
  options.n_steps = 60;
  options.batch_tokens = 128;
  options.learning_rate = 1e-2;
  options.n_warmup = 5;
  options.validate_every = 10;
  options.checkpoint_every = 20;
  return options;
}

std::vector<at::Tensor> ValuesOf(const TrainableDecoder& decoder) {
  std::vector<at::Tensor> values;
  for (const Parameter& p : decoder.parameters()) values.push_back(p.value.detach().clone());
  return values;
}

void ExpectEqual(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(at::equal(a[i], b[i])) << "parameter " << i;
}

TEST(TrainerTest, LearnsToCount) {
  const TempFolder folder("trainer_counts");
  TrainableDecoder decoder(Tiny(), 1);
  const ExampleSet train = Counting(500, 1), valid = Counting(50, 2);
  const double before = MeanLoss(decoder, valid, 128);
  TrainerOptions options = Options(folder.path());
  options.n_steps = 150;
  options.accumulate = 2;
  const auto result =
      Train(&decoder, train, valid, CrossEntropyObjective(decoder), options, nullptr);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_NEAR(before, std::log(24.0), 0.3);
  EXPECT_LT(result->valid_loss, 0.1);
  EXPECT_NEAR(MeanLoss(decoder, valid, 128), result->valid_loss, 1e-6);
}

/// Runs and is gone after `n_steps`, as a killed process is: no destructor saves anything.
void RunAndDie(const std::string& folder, int n_steps) {
  TrainableDecoder decoder(Tiny(), 1);
  struct Killed {};
  const auto progress = [&](const TrainerProgress& p) {
    if (p.step == n_steps) throw Killed();
  };
  EXPECT_THROW((void)Train(&decoder, Counting(100, 1), Counting(20, 2),
                           CrossEntropyObjective(decoder), Options(folder), progress),
               Killed);
}

TEST(TrainerTest, AKilledRunGoesOnToTheSameWeights) {
  const TempFolder undisturbed("trainer_whole"), killed("trainer_killed");
  const ExampleSet train = Counting(100, 1), valid = Counting(20, 2);
  TrainableDecoder whole(Tiny(), 1), resumed(Tiny(), 1);
  ASSERT_TRUE(Train(&whole, train, valid, CrossEntropyObjective(whole), Options(undisturbed.path()),
                    nullptr)
                  .ok());
  RunAndDie(killed.path(), 33);  // the last checkpoint is of step 20
  const auto result = Train(&resumed, train, valid, CrossEntropyObjective(resumed),
                            Options(killed.path()), nullptr);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_TRUE(result->resumed);
  ExpectEqual(ValuesOf(whole), ValuesOf(resumed));
  const auto lines = [](const TempFolder& folder) {
    const std::string csv = ReadWholeFile(folder.path() + "/train.csv", 1 << 20).value();
    return std::count(csv.begin(), csv.end(), '\n');
  };
  EXPECT_EQ(lines(killed), 61);
  EXPECT_EQ(lines(undisturbed), 61);
}

TEST(TrainerTest, ACheckpointOfAnotherRunIsRefused) {
  const TempFolder folder("trainer_other");
  TrainableDecoder decoder(Tiny(), 1);
  const ExampleSet train = Counting(100, 1);
  TrainerOptions options = Options(folder.path());
  ASSERT_TRUE(Train(&decoder, train, {}, CrossEntropyObjective(decoder), options, nullptr).ok());
  options.learning_rate = 2e-2;
  const auto other = Train(&decoder, train, {}, CrossEntropyObjective(decoder), options, nullptr);
  EXPECT_EQ(other.status().code(), StatusCode::kFailedPrecondition);
}

TEST(TrainerTest, ALossThatIsNoNumberEndsTheRunAndLeavesTheCheckpoint) {
  const TempFolder folder("trainer_nan");
  TrainableDecoder decoder(Tiny(), 1);
  const ExampleSet train = Counting(100, 1);
  int n_calls = 0;
  const Objective sound = CrossEntropyObjective(decoder);
  const Objective breaks = [&](const TokenBatch& batch) {
    return sound(batch) * (++n_calls > 30 ? NAN : 1);
  };
  const auto result = Train(&decoder, train, {}, breaks, Options(folder.path()), nullptr);
  EXPECT_EQ(result.status().code(), StatusCode::kOutOfRange);
  EXPECT_NE(result.status().message().find("step 31"), std::string::npos);
  EXPECT_NE(result.status().message().find("step 20 is intact"), std::string::npos);
  const auto again = Train(&decoder, train, {}, sound, Options(folder.path()), nullptr);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_TRUE(again->resumed);
}

TEST(TrainerTest, StopsWhenValidationNoLongerImproves) {
  const TempFolder folder("trainer_patience");
  TrainableDecoder decoder(Tiny(), 1);
  const ExampleSet train = Counting(3, 1), valid = Counting(50, 99);
  TrainerOptions options = Options(folder.path());
  options.n_steps = 2000;
  options.patience = 3;
  const auto result =
      Train(&decoder, train, valid, CrossEntropyObjective(decoder), options, nullptr);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_TRUE(result->stopped_early);
  EXPECT_LT(result->n_steps, 2000);
  EXPECT_NEAR(MeanLoss(decoder, valid, 128), result->valid_loss, 1e-6);  // the best is kept
}

TEST(TrainerTest, AFullDiskEndsTheRunAndLeavesTheCheckpoint) {
  if (!FileExists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  const TempFolder folder("trainer_full");
  TrainableDecoder decoder(Tiny(), 1);
  const ExampleSet train = Counting(100, 1);
  TrainerOptions options = Options(folder.path());
  options.n_steps = 20;
  ASSERT_TRUE(Train(&decoder, train, {}, CrossEntropyObjective(decoder), options, nullptr).ok());
  std::filesystem::remove(folder.path() + "/train.csv");
  std::filesystem::create_symlink("/dev/full", folder.path() + "/train.csv");
  options.n_steps = 40;
  options.run = "another";
  const std::string before =
      ReadWholeFile(folder.path() + "/checkpoint.safetensors", 1 << 24).value();
  EXPECT_FALSE(Train(&decoder, train, {}, CrossEntropyObjective(decoder), options, nullptr).ok());
  EXPECT_EQ(ReadWholeFile(folder.path() + "/checkpoint.safetensors", 1 << 24).value(), before);
}

TEST(LearningRateTest, RisesThenFallsToItsFloor) {
  EXPECT_DOUBLE_EQ(LearningRate(0, 10, 100, 1, 0.1), 0.1);
  EXPECT_DOUBLE_EQ(LearningRate(9, 10, 100, 1, 0.1), 1);
  EXPECT_DOUBLE_EQ(LearningRate(55, 10, 100, 1, 0.1), 0.55);
  EXPECT_DOUBLE_EQ(LearningRate(100, 10, 100, 1, 0.1), 0.1);
}

}  // namespace
}  // namespace autoglm
