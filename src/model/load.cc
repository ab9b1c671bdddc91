#include "model/load.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/recipe_model.h"
#include "model/decoder.h"
#include "model/hparams.h"
#include "model/weight_binder.h"
#include "platform/memory.h"

namespace autoglm {

#define AUTOGLM_ARCHITECTURE(name, Function) \
  std::unique_ptr<Decoder> Function(const ArchitectureInputs& inputs);
#include "model/arch/architectures.inc"
#undef AUTOGLM_ARCHITECTURE

namespace {

struct ArchitectureRow {
  std::string_view name;
  std::unique_ptr<Decoder> (*load)(const ArchitectureInputs& inputs);
};

constexpr ArchitectureRow kArchitectures[] = {
#define AUTOGLM_ARCHITECTURE(name, Function) {name, Function},
#include "model/arch/architectures.inc"
#undef AUTOGLM_ARCHITECTURE
};

Result<const ArchitectureRow*> FindArchitecture(const ModelFile& file) {
  const auto name = file.metadata().GetString("general.architecture");
  if (!name.ok()) return name.status().WithContext(file.path());
  std::string known;
  for (const ArchitectureRow& row : kArchitectures) {
    if (row.name == *name) return &row;
    StrAppend(&known, known.empty() ? "" : ", ", row.name);
  }
  return Error(StatusCode::kUnimplemented, file.path(), ": architecture '", Quoted(*name),
               "' is not supported; known are ", known);
}

// The type that each tensor gets in memory. What is quantized already stays so: encoding it again
// would only lose.
Result<WeightBinder::Choose> MakeChoose(const ModelFile& file, const std::string& quantize) {
  if (quantize.empty()) {
    return WeightBinder::Choose([](const TensorEntry& entry) { return entry.dtype; });
  }
  AUTOGLM_ASSIGN_OR_RETURN(const Recipe recipe, ParseRecipe(quantize));
  return WeightBinder::Choose([recipe, model = RecipeModelOf(file)](const TensorEntry& entry) {
    return IsFloat(entry.dtype) ? ChooseDType(recipe, model, entry.name, entry.shape) : entry.dtype;
  });
}

int64_t WeightBytes(const ModelFile& file, const WeightBinder::Choose& choose) {
  int64_t n_bytes = 0;
  for (const TensorEntry& entry : file.tensors()) {
    n_bytes += TensorBytes(choose(entry), entry.shape);
  }
  return n_bytes;
}

bool CopiesWeights(int64_t weight_bytes, const LoadOptions& options) {
  if (options.weights != WeightPlace::kAuto) return options.weights == WeightPlace::kCopied;
  return HasLargePages() && options.available_bytes &&
         *options.available_bytes >= 2 * (weight_bytes + options.kv_bytes);
}

Status CheckMemory(const ModelFile& file, int64_t weights, const ModelConfig& config,
                   const LoadOptions& options) {
  if (!options.available_bytes) return OkStatus();
  const int64_t workspace =
      Workspace::BytesFor(config, options.max_batch_tokens, options.max_output_rows);
  const int64_t needed = weights + workspace + options.kv_bytes;
  if (needed <= *options.available_bytes) return OkStatus();
  return Error(StatusCode::kResourceExhausted, file.path(), ": needs ", FormatBytes(needed), " (",
               FormatBytes(weights), " of weights, ", FormatBytes(options.kv_bytes),
               " of KV cache, ", FormatBytes(workspace), " of workspace) and ",
               FormatBytes(std::max<int64_t>(0, *options.available_bytes)),
               " are free; use a smaller model, a smaller context, or quantize it on loading");
}

}  // namespace

Result<std::unique_ptr<LanguageModel>> LoadLanguageModel(const ModelFile& file, Backend& backend,
                                                         ThreadPool& threads,
                                                         const LoadOptions& options) {
  AUTOGLM_ASSIGN_OR_RETURN(const ArchitectureRow* const row, FindArchitecture(file));
  Hparams hparams(file, row->name, options.n_ctx);
  const ModelConfig config = hparams.Common();
  if (!hparams.status().ok()) return hparams.status().WithContext(file.path());
  AUTOGLM_ASSIGN_OR_RETURN(const WeightBinder::Choose choose, MakeChoose(file, options.quantize));
  const int64_t weight_bytes = WeightBytes(file, choose);
  AUTOGLM_RETURN_IF_ERROR(CheckMemory(file, weight_bytes, config, options));

  WeightBinder binder(file, backend, threads, choose, CopiesWeights(weight_bytes, options),
                      options.progress);
  std::unique_ptr<Decoder> model = row->load({hparams, binder, backend});
  if (!hparams.status().ok()) return hparams.status().WithContext(file.path());
  binder.ExpectNoOthers();
  AUTOGLM_RETURN_IF_ERROR(binder.status());
  int64_t decode_bytes = binder.weight_bytes();
  if (file.Find("output.weight") != nullptr) {
    const TensorEntry& table = *file.Find("token_embd.weight");
    decode_bytes -= TensorBytes(choose(table), table.shape);
  }
  AUTOGLM_RETURN_IF_ERROR(model->Prepare(options.max_batch_tokens, options.max_output_rows,
                                         binder.weight_bytes(), decode_bytes));
  options.log.Info("loaded ", file.path(), ": ", row->name, ", ",
                   FormatBytes(binder.weight_bytes()), " of weights");
  return std::unique_ptr<LanguageModel>(std::move(model));
}

}  // namespace autoglm
