// The verb `train`: a small model out of text or pairs of prompt and answer, with a tokenizer of
// its own or of another model.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "training/trained_model.h"
#include "training/trainer.h"

namespace autoglm {

/// What all verbs that train take.
struct TrainingOptions {
  std::vector<std::string> data;  ///< files of one kind: text, or JSON Lines of pairs
  std::string valid;              ///< another; empty: no validation
  std::string grammar;     ///< answers are learned among what it permits (AnswerChoices); or empty
  ExtraMetadata metadata;  ///< for the GGUF file
  int n_threads = 1;
  TrainerOptions trainer;  ///< its folder is where everything goes
};

struct TrainOptions : TrainingOptions {
  std::string config;         ///< a config.json; empty where there is `init`
  std::string init;           ///< a model to go on from; empty: random weights
  std::string tokenizer;      ///< of this model or folder; empty: `init`'s, or a new one
  int vocab_size = 4096;      ///< of a new tokenizer, at most
  bool classes_apart = true;  ///< see BpeTrainer
  std::string chat_template;  ///< its source; empty: the tokenizer's
};

/// Data in ids, and what it is in ids of.
struct TrainingData {
  ExampleSet train, valid;
};

/// Reads `paths` into one. kInvalidArgument where they are of different kinds.
Result<TextData> ReadTextFiles(const std::vector<std::string>& paths);

/// Examples of at most `n_ctx` positions of `train` and of options.valid. What is left out is told.
Result<TrainingData> LoadTrainingData(const TextData& train, const TrainingOptions& options,
                                      const TokenizerPart& text, int n_ctx, const Logger& log);

/// kInvalidArgument unless both give every text the same ids. The message names what differs.
Status CheckSameTokenizer(const Metadata& a, const Metadata& b);

/// Trains and writes the model to options.trainer.folder (see SaveModel). Errors: those of reading
/// the data, of the configuration, of Train and of SaveModel.
Result<TrainerResult> TrainModel(const TrainOptions& options, const Logger& log,
                                 const std::function<void(const TrainerProgress&)>& progress);

}  // namespace autoglm
