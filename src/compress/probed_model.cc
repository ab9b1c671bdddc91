#include "compress/probed_model.h"

#include <algorithm>

#include "base/utf8.h"
#include "model/load.h"
#include "platform/memory.h"

namespace autoglm {

Status CheckText(std::string_view text, std::string_view name) {
  if (text.empty()) return Error(StatusCode::kInvalidArgument, "'", Quoted(name), "' is empty");
  for (size_t at = 0; at < text.size();) {
    const Utf8Char decoded = DecodeUtf8(text.substr(at));
    if (!decoded.valid) {
      return Error(StatusCode::kInvalidArgument, "'", Quoted(name), "' is not UTF-8: byte ", at,
                   " does not begin a character; convert it (iconv -t UTF-8)");
    }
    at += static_cast<size_t>(decoded.n_bytes);
  }
  return OkStatus();
}

Result<std::unique_ptr<ProbedModel>> ProbedModel::Load(const ModelFile& file, int n_ctx,
                                                       int n_threads) {
  std::unique_ptr<ProbedModel> probed(new ProbedModel(n_threads));
  probed->backend_ = NewInstrumentedBackend(NewCpuBackend(probed->threads_));
  AUTOGLM_ASSIGN_OR_RETURN(probed->tokenizer_, Tokenizer::Create(file.metadata()));
  LoadOptions options;
  options.n_ctx = n_ctx;
  options.max_batch_tokens = std::max(n_ctx, 1);
  options.max_output_rows = 64;
  options.available_bytes = AvailableMemoryBytes();
  AUTOGLM_ASSIGN_OR_RETURN(probed->model_,
                           LoadLanguageModel(file, *probed->backend_, probed->threads_, options));
  EngineOptions engine_options;
  engine_options.kv_dtype = DType::kF32;
  engine_options.n_kv_pages = (n_ctx + KvLayout::kPageTokens - 1) / KvLayout::kPageTokens;
  AUTOGLM_ASSIGN_OR_RETURN(
      probed->engine_, Engine::Create(*probed->model_, *probed->backend_, probed->tokenizer_.get(),
                                      probed->clock_, engine_options));
  return probed;
}

Result<std::vector<int32_t>> ProbedModel::Tokenize(const CalibrationText& calibration) const {
  AUTOGLM_RETURN_IF_ERROR(CheckText(calibration.text, calibration.source));
  std::vector<int32_t> tokens = tokenizer_->Encode(calibration.text, {});
  const auto n_ctx = static_cast<size_t>(calibration.n_ctx);
  const Status long_enough = ChunkedText::Create(tokens, calibration.n_ctx, -1).status();
  if (!long_enough.ok()) {
    return long_enough.WithContext(StrCat("'", Quoted(calibration.source), "'"));
  }
  if (calibration.max_chunks > 0) {
    tokens.resize(std::min(tokens.size(), n_ctx * static_cast<size_t>(calibration.max_chunks)));
  }
  return tokens;
}

Result<PerplexityResult> ProbedModel::Read(std::span<const int32_t> tokens, int n_ctx,
                                           ChunkProgress progress) {
  return Perplexity(*engine_, tokens, n_ctx, bos_id(),
                    [&](const PerplexityResult& so_far, int n_chunks) {
                      return progress(so_far.n_chunks, n_chunks);
                    });
}

}  // namespace autoglm
