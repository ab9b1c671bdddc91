#include "training/share.h"

#include "training/distil.h"
#include "training/threads.h"

namespace autoglm {

namespace {

/// The mean of a layer's parameter over this layer and the ones behind it, `group_size` together.
at::Tensor GroupMean(const TrainableDecoder& decoder, const std::string& name, int group_size) {
  const size_t dot = name.find('.', 4);
  const int first = std::stoi(name.substr(4, dot - 4));
  at::Tensor sum;
  int n = 0;
  for (; n < group_size && first + n < decoder.config().num_hidden_layers; ++n) {
    const std::string other = StrCat("blk.", first + n, name.substr(dot));
    for (const Parameter& p : decoder.parameters()) {
      if (p.name != other) continue;
      sum = sum.defined() ? sum + p.value.detach() : p.value.detach();
    }
  }
  return sum / static_cast<double>(n);
}

std::unique_ptr<TrainableDecoder> Shared(const TrainableDecoder& decoder, int group_size,
                                         bool takes_mean) {
  DecoderConfig config = decoder.config();
  config.layer_sources.clear();
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    config.layer_sources.push_back(i / group_size * group_size);
  }
  auto shared = std::make_unique<TrainableDecoder>(config, 0);
  const at::NoGradGuard no_grad;
  for (Parameter& p : shared->parameters()) {
    p.value.copy_(p.name.starts_with("blk.")
                      ? GroupMean(decoder, p.name, takes_mean ? group_size : 1)
                      : decoder.FileValue(p.name));
  }
  return shared;
}

}  // namespace

std::unique_ptr<TrainableDecoder> ShareLayers(const TrainableDecoder& decoder, int group_size,
                                              const ExampleSet& examples, int64_t batch_tokens) {
  auto mean = Shared(decoder, group_size, true), first = Shared(decoder, group_size, false);
  const bool mean_is_better =
      MeanLoss(*mean, examples, batch_tokens) < MeanLoss(*first, examples, batch_tokens);
  return mean_is_better ? std::move(mean) : std::move(first);
}

Result<ShareResult> ShareModel(const ShareOptions& options, const Logger& log,
                               const std::function<void(const TrainerProgress&)>& progress) {
  SetTrainingThreads(options.n_threads);
  AUTOGLM_ASSIGN_OR_RETURN(const TrainedModel model, TrainedModel::Open(options.model));
  const DecoderConfig& config = model.decoder->config();
  if (!config.layer_sources.empty()) {
    return Error(StatusCode::kInvalidArgument, options.model, ": its layers share weights already");
  }
  if (options.group_size < 2 || options.group_size > config.num_hidden_layers) {
    return Error(StatusCode::kInvalidArgument, "groups of ", options.group_size,
                 " layers, expected 2 to the ", config.num_hidden_layers, " that there are");
  }
  AUTOGLM_ASSIGN_OR_RETURN(const TextData text, ReadTextFiles(options.data));
  AUTOGLM_ASSIGN_OR_RETURN(
      const TrainingData data,
      LoadTrainingData(text, options, model.text, config.max_position_embeddings, log));
  const int64_t batch_tokens = options.trainer.batch_tokens;
  const ExampleSet& judged = data.valid.size() > 0 ? data.valid : data.train;
  const auto shared = ShareLayers(*model.decoder, options.group_size, judged, batch_tokens);
  ShareResult result;
  result.n_parameters_before = config.n_parameters();
  result.n_parameters = shared->config().n_parameters();
  result.loss_before = MeanLoss(*model.decoder, judged, batch_tokens);
  result.loss_shared = MeanLoss(*shared, judged, batch_tokens);
  log.Info(result.n_parameters_before, " parameters become ", result.n_parameters, "; loss ",
           RoundedLoss(result.loss_before), " before, ", RoundedLoss(result.loss_shared),
           " shared");
  Objective objective = CrossEntropyObjective(*shared);
  if (options.teacher_weight > 0) {
    AUTOGLM_ASSIGN_OR_RETURN(
        objective, DistilObjective(*model.decoder, *shared,
                                   {.temperature = 1, .teacher_weight = options.teacher_weight}));
  }
  TrainerOptions trainer = options.trainer;
  trainer.run = StrCat("shared from ", options.model, " by ", options.group_size);
  AUTOGLM_ASSIGN_OR_RETURN(
      result.training, Train(shared.get(), data.train, data.valid, objective, trainer, progress));
  AUTOGLM_RETURN_IF_ERROR(SaveModel(*shared, model.text, trainer.folder, options.metadata));
  return result;
}

}  // namespace autoglm
