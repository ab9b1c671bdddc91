#include "compress/quantize.h"

#include <utility>
#include <vector>

#include "compress/hessian.h"
#include "formats/convert.h"
#include "kernels/kernels.h"
#include "quant/level_grid.h"

namespace autoglm {

namespace {

Status Report(const QuantizeOptions& options, const char* what, int64_t done, int64_t total) {
  if (!options.progress || options.progress(what, done, total)) return OkStatus();
  return Error(StatusCode::kCancelled, "quantizing was cancelled");
}

/// Encoders that correct errors, for the tensors where that is possible and pays.
class Corrector {
 public:
  static Result<std::unique_ptr<Corrector>> Create(const ModelFile& in,
                                                   const QuantizeOptions& options) {
    const CalibrationText& text = *options.correct_over;
    std::unique_ptr<Corrector> corrector(new Corrector(options));
    AUTOGLM_ASSIGN_OR_RETURN(corrector->model_,
                             ProbedModel::Load(in, text.n_ctx, options.n_threads));
    AUTOGLM_ASSIGN_OR_RETURN(corrector->tokens_, corrector->model_->Tokenize(text));
    std::vector<std::string> tensors;
    for (const TensorEntry& tensor : in.tensors()) {
      if (Corrects(tensor, options.choose(tensor))) tensors.push_back(tensor.name);
    }
    HessianSource::Options source;
    source.max_bytes = options.max_hessian_bytes;
    source.n_ctx = text.n_ctx;
    source.progress = [&options](int done, int total) {
      return Report(options, "reading", done, total);
    };
    corrector->hessians_ = std::make_unique<HessianSource>(*corrector->model_, corrector->tokens_,
                                                           std::move(tensors), std::move(source));
    return corrector;
  }

  /// Null: the type's own encoder shall do it.
  Result<ConvertOptions::RowEncoder> EncoderOf(const TensorEntry& tensor, DType dtype) {
    if (!Corrects(tensor, dtype)) return ConvertOptions::RowEncoder();
    AUTOGLM_ASSIGN_OR_RETURN(const std::shared_ptr<const Hessian> hessian,
                             hessians_->Get(tensor.name));
    if (hessian == nullptr) return ConvertOptions::RowEncoder();
    const int block = Info(dtype).block_elements;
    if (hessian != factored_ || factor_.block != block) {
      factored_ = hessian;
      Result<GptqFactor> factor = FactorHessian(*hessian, block, options_.gptq, model_->threads());
      if (!factor.ok()) return factor.status().WithContext(tensor.name);
      factor_ = std::move(*factor);
    }
    const std::span<const float> importance =
        options_.importance ? options_.importance->Weights(tensor.name) : std::span<const float>();
    return ConvertOptions::RowEncoder([=, this](const float* x, int64_t n_rows, std::byte* out) {
      return GptqEncode(dtype, factor_, x, n_rows, importance.empty() ? nullptr : importance.data(),
                        out, model_->threads());
    });
  }

 private:
  explicit Corrector(const QuantizeOptions& options) : options_(options) {}

  // Not the embedding: its rows are looked up, too, and are to stay near what they were.
  static bool Corrects(const TensorEntry& tensor, DType dtype) {
    return HasLevelGrid(dtype) && dtype != tensor.dtype && tensor.shape.rank() == 2 &&
           tensor.name != "token_embd.weight";
  }

  const QuantizeOptions& options_;
  std::unique_ptr<ProbedModel> model_;
  std::vector<int32_t> tokens_;
  std::unique_ptr<HessianSource> hessians_;
  std::shared_ptr<const Hessian> factored_;  ///< of factor_
  GptqFactor factor_;
};

}  // namespace

Status QuantizeModel(const ModelFile& in, const std::string& out, const QuantizeOptions& options) {
  ConvertOptions convert;
  convert.choose = options.choose;
  convert.file_type = options.file_type;
  convert.n_threads = options.n_threads;
  convert.allow_requantize = options.allow_requantize;
  convert.strings = options.strings;
  convert.encoder_loops = &BestKernels().encoder_loops;
  convert.progress = [&](int64_t done, int64_t total) {
    return !options.progress || options.progress("quantizing", done, total);
  };
  if (options.importance != nullptr) {
    AUTOGLM_RETURN_IF_ERROR(CheckMatches(*options.importance, in));
    convert.importance = [&](const TensorEntry& tensor) {
      return options.importance->Weights(tensor.name);
    };
  }
  // What would be refused at the end is refused before the long work.
  AUTOGLM_RETURN_IF_ERROR(GgufBytes(in, convert).status());
  std::unique_ptr<Corrector> corrector;
  if (options.correct_over != nullptr) {
    AUTOGLM_ASSIGN_OR_RETURN(corrector, Corrector::Create(in, options));
    convert.encoder = [&](const TensorEntry& source, DType target) {
      return corrector->EncoderOf(source, target);
    };
  }
  return WriteGguf(in, out, convert);
}

}  // namespace autoglm
