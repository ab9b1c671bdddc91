#include "training/prune.h"

#include <cmath>

#include "kernels/peaks.h"
#include "model/predict.h"
#include "platform/file.h"
#include "training/distil.h"
#include "training/threads.h"

namespace autoglm {

namespace {

/// What a shape is held against.
struct Target {
  std::function<double(const DecoderConfig&)> measure;
  double limit = 0;
};

/// Milliseconds for one token by the roofline model, of weights as the recipe stores them.
double LatencyMs(const DecoderConfig& config, const Recipe& recipe, const MachineRates& machine) {
  const auto n_bytes = WeightBytes(config, recipe);
  if (!n_bytes.ok()) return INFINITY;
  const int64_t head = static_cast<int64_t>(config.vocab_size) * config.hidden_size;
  ModelCost cost;
  cost.decode_weight_bytes = *n_bytes;
  cost.head_weights = head;
  cost.head_is_quantized = !IsFloat(recipe.dtype);
  const int64_t others = config.n_parameters() - head * (config.tie_word_embeddings ? 1 : 2);
  (cost.head_is_quantized ? cost.int8_weights : cost.float_weights) = others;
  return 1e3 / PredictDecode(cost, machine, 0);
}

Result<Target> LatencyTarget(const PruneOptions& options, const Recipe& recipe) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::vector<MachinePeaks> peaks, MeasurePeaks(1));
  const MachineRates machine = {peaks[0].read_bytes_per_s, peaks[0].int8_ops_per_s,
                                peaks[0].fp32_flops_per_s};
  return Target{[=](const DecoderConfig& config) { return LatencyMs(config, recipe, machine); },
                options.latency_ms};
}

Result<Target> TargetOf(const PruneOptions& options, const DecoderConfig& config) {
  const int n_given = (options.ratio > 0) + (options.n_parameters > 0) + (options.file_mb > 0) +
                      (options.latency_ms > 0);
  if (n_given != 1) {
    return Error(StatusCode::kInvalidArgument,
                 "one target is needed: a ratio, a number of parameters, a size or a latency");
  }
  AUTOGLM_ASSIGN_OR_RETURN(const Recipe recipe, ParseRecipe(options.type));
  if (options.latency_ms > 0) return LatencyTarget(options, recipe);
  if (options.file_mb > 0) {
    return Target{[=](const DecoderConfig& c) {
                    const auto n_bytes = WeightBytes(c, recipe);
                    return n_bytes.ok() ? static_cast<double>(*n_bytes) / 1e6 : INFINITY;
                  },
                  options.file_mb};
  }
  if (options.ratio >= 1) {
    return Error(StatusCode::kInvalidArgument, "a ratio of ", options.ratio, " leaves nothing");
  }
  const double n = options.n_parameters > 0
                       ? static_cast<double>(options.n_parameters)
                       : static_cast<double>(config.n_parameters()) * (1 - options.ratio);
  return Target{[](const DecoderConfig& c) { return static_cast<double>(c.n_parameters()); }, n};
}

std::string ShapeText(const DecoderConfig& c) {
  return StrCat(c.n_parameters(), " parameters: ", c.num_hidden_layers, " layers, hidden_size ",
                c.hidden_size, ", intermediate_size ", c.intermediate_size, ", ",
                c.num_attention_heads, "/", c.num_key_value_heads, " heads");
}

/// Healing: the data, and what the model was before.
Result<Objective> HealingObjective(const TrainableDecoder& original, const TrainableDecoder& pruned,
                                   double teacher_weight) {
  if (teacher_weight <= 0) return CrossEntropyObjective(pruned);
  return DistilObjective(original, pruned, {.temperature = 1, .teacher_weight = teacher_weight});
}

}  // namespace

Result<PruneResult> PruneModel(const PruneOptions& options, const Logger& log,
                               const std::function<void(const TrainerProgress&)>& progress) {
  SetTrainingThreads(options.n_threads);
  AUTOGLM_ASSIGN_OR_RETURN(const TrainedModel model, TrainedModel::Open(options.model));
  AUTOGLM_ASSIGN_OR_RETURN(TrainedModel current, TrainedModel::Open(options.model));
  const DecoderConfig& original = model.decoder->config();
  if (!original.layer_sources.empty()) {
    return Error(StatusCode::kUnimplemented, options.model,
                 ": a model whose layers share weights cannot be pruned; prune first, then share");
  }
  AUTOGLM_ASSIGN_OR_RETURN(const Target target, TargetOf(options, original));
  AUTOGLM_ASSIGN_OR_RETURN(const TextData text, ReadTextFiles(options.data));
  AUTOGLM_ASSIGN_OR_RETURN(
      const TrainingData data,
      LoadTrainingData(text, options, model.text, original.max_position_embeddings, log));
  const int64_t batch_tokens = options.trainer.batch_tokens;
  const auto valid_loss = [&](const TrainableDecoder& decoder) {
    return data.valid.size() > 0 ? MeanLoss(decoder, data.valid, batch_tokens) : 0;
  };
  PruneResult result;
  result.n_parameters_before = original.n_parameters();
  result.loss_before = valid_loss(*model.decoder);
  const double start = target.measure(original);
  for (int round = 1; round <= options.n_rounds; ++round) {
    const double limit =
        start * std::pow(target.limit / start, static_cast<double>(round) / options.n_rounds);
    AUTOGLM_ASSIGN_OR_RETURN(const DecoderConfig shape,
                             ShapeWithin(original, options.parts, target.measure, limit));
    const Importance importance = MeasureImportance(current.decoder.get(), data.train, batch_tokens,
                                                    options.n_calibration_batches);
    current.decoder = PruneTo(*current.decoder, importance, shape);
    result.loss_pruned = valid_loss(*current.decoder);
    log.Info("round ", round, ": ", ShapeText(shape), "; validation ",
             RoundedLoss(result.loss_before), " before, ", RoundedLoss(result.loss_pruned),
             " pruned");
    AUTOGLM_ASSIGN_OR_RETURN(
        const Objective objective,
        HealingObjective(*model.decoder, *current.decoder, options.teacher_weight));
    TrainerOptions trainer = options.trainer;
    trainer.run = StrCat("pruned from ", options.model, ", round ", round);
    if (round < options.n_rounds) {
      trainer.folder = JoinPath(trainer.folder, StrCat("round-", round));
    }
    AUTOGLM_ASSIGN_OR_RETURN(result.training, Train(current.decoder.get(), data.train, data.valid,
                                                    objective, trainer, progress));
  }
  result.n_parameters = current.decoder->config().n_parameters();
  AUTOGLM_RETURN_IF_ERROR(
      SaveModel(*current.decoder, model.text, options.trainer.folder, options.metadata));
  return result;
}

}  // namespace autoglm
