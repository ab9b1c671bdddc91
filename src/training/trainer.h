// Trainer: runs of gradient descent on examples, with validation, early stop, checkpoints that a
// killed run goes on from, and a log.
#pragma once

#include <functional>
#include <string>

#include "base/status.h"
#include "training/adamw.h"
#include "training/checkpoint.h"
#include "training/decoder.h"
#include "training/examples.h"

namespace autoglm {

struct TrainerOptions {
  std::string folder;  ///< of checkpoint.safetensors and train.csv; made where it is missing
  double n_epochs = 1;
  int64_t n_steps = 0;          ///< above 0: instead of n_epochs
  int64_t batch_tokens = 4096;  ///< positions in a batch, padding included
  int accumulate = 1;           ///< batches for one update
  double learning_rate = 2e-3;
  double final_rate = 0.05;  ///< of learning_rate, where the cosine ends
  int64_t n_warmup = 100;    ///< steps
  AdamWOptions adamw;
  uint64_t seed = 1;             ///< of the order of examples
  int64_t validate_every = 200;  ///< steps
  int patience = 0;              ///< validations without a better loss before it stops; 0: none
  int64_t checkpoint_every = 200;
  std::string run;  ///< words that a checkpoint must agree in, beside the options above
};

struct TrainerProgress {
  int64_t step = 0, n_steps = 0, n_tokens = 0;
  double epoch = 0;       ///< how many are done
  double loss = 0;        ///< of the last steps, averaged
  double valid_loss = 0;  ///< of the last validation; 0 before the first
  double best_valid_loss = 0;
  double tokens_per_s = 0, seconds_left = 0;
};

struct TrainerResult {
  int64_t n_steps = 0;
  double loss = 0;        ///< of the last steps
  double valid_loss = 0;  ///< of the parameters that were kept; 0 without validation
  bool stopped_early = false;
  bool resumed = false;
};

/// Loss of a batch as a scalar with a gradient, to be made smaller.
using Objective = std::function<at::Tensor(const TokenBatch& batch)>;

/// Mean cross entropy of the tokens that count.
Objective CrossEntropyObjective(const TrainableDecoder& decoder);
/// Mean cross entropy over all scored tokens of `examples`; no gradients.
double MeanLoss(const TrainableDecoder& decoder, const ExampleSet& examples, int64_t batch_tokens);

/// A loss with the digits that mean something, for messages.
double RoundedLoss(double loss);

/// Trains `decoder` in place, at the end with the parameters of the best validation. A checkpoint
/// in options.folder is gone on from: the weights at the end are, to the bit, those of a run that
/// was never stopped (with the same number of threads). `valid` may be empty. `progress` is called
/// after each step and may be null. Errors: kOutOfRange (the loss or its gradient became infinite
/// or no number; the last checkpoint stays), kFailedPrecondition (a checkpoint of another run),
/// those of writing.
Result<TrainerResult> Train(TrainableDecoder* decoder, const ExampleSet& train,
                            const ExampleSet& valid, const Objective& objective,
                            const TrainerOptions& options,
                            const std::function<void(const TrainerProgress&)>& progress);

}  // namespace autoglm
