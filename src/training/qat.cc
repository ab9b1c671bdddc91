#include "training/qat.h"

#include "formats/convert.h"
#include "formats/recipe_model.h"
#include "platform/file.h"
#include "training/fake_quantize.h"
#include "training/threads.h"

namespace autoglm {

Status SaveQuantized(const TrainableDecoder& decoder, const TokenizerPart& text,
                     const Recipe& recipe, const std::string& path, const ExtraMetadata& extra) {
  const std::string unrounded = JoinPath(path.substr(0, path.rfind('/')), "unrounded.gguf");
  AUTOGLM_RETURN_IF_ERROR(SaveGguf(decoder, text, unrounded, extra));
  AUTOGLM_ASSIGN_OR_RETURN(const auto file, ModelFile::Open(unrounded));
  const RecipeModel model = RecipeModelOf(*file);
  ConvertOptions convert;
  convert.choose = [&](const TensorEntry& tensor) {
    return ChooseDType(recipe, model, tensor.name, tensor.shape);
  };
  convert.file_type = recipe.file_type;
  return WriteGguf(*file, path, convert);
}

Result<QatResult> QatModel(const QatOptions& options, const Logger& log,
                           const std::function<void(const TrainerProgress&)>& progress) {
  SetTrainingThreads(options.n_threads);
  AUTOGLM_ASSIGN_OR_RETURN(const Recipe recipe, ParseRecipe(options.type));
  AUTOGLM_ASSIGN_OR_RETURN(TrainedModel model, TrainedModel::Open(options.model));
  TrainableDecoder& decoder = *model.decoder;
  AUTOGLM_ASSIGN_OR_RETURN(const TextData text, ReadTextFiles(options.data));
  AUTOGLM_ASSIGN_OR_RETURN(
      const TrainingData data,
      LoadTrainingData(text, options, model.text, decoder.config().max_position_embeddings, log));
  AUTOGLM_ASSIGN_OR_RETURN(const auto rounding, FakeQuantization(decoder, recipe));
  TrainerOptions trainer = options.trainer;
  trainer.run = StrCat("qat of ", options.model, " to ", recipe.name);
  QatResult result;
  const bool has_valid = data.valid.size() > 0;
  if (has_valid) result.float_loss = MeanLoss(decoder, data.valid, trainer.batch_tokens);
  decoder.set_weight_transform(rounding);
  if (has_valid) {
    result.rounded_loss = MeanLoss(decoder, data.valid, trainer.batch_tokens);
    log.Info("validation: ", RoundedLoss(result.float_loss), " as it is, ",
             RoundedLoss(result.rounded_loss), " with weights rounded to ", recipe.name);
  }
  AUTOGLM_ASSIGN_OR_RETURN(
      result.training,
      Train(&decoder, data.train, data.valid, CrossEntropyObjective(decoder), trainer, progress));
  AUTOGLM_RETURN_IF_ERROR(SaveQuantized(decoder, model.text, recipe,
                                        JoinPath(trainer.folder, "model.gguf"), options.metadata));
  decoder.set_weight_transform(nullptr);
  decoder.Bake(rounding);
  const Status folder = SaveFolder(decoder, model.text, trainer.folder);
  if (!folder.ok() && folder.code() != StatusCode::kUnimplemented) return folder;
  return result;
}

}  // namespace autoglm
