#include "compress/mixed_types.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/str.h"
#include "compress/divergence.h"
#include "compress/table.h"
#include "formats/gguf_format.h"
#include "formats/recipe_model.h"
#include "kernels/kernels.h"
#include "quant/quant_format.h"
#include "quant/recipe.h"
#include "tensor/buffer.h"

namespace autoglm {

namespace {

/// From few bits to many; those whose blocks divide a tensor's rows are tried.
constexpr DType kCandidates[] = {DType::kQ2_K, DType::kQ3_K, DType::kQ4_0, DType::kQ4_K,
                                 DType::kQ5_0, DType::kQ5_1, DType::kQ5_K, DType::kQ6_K,
                                 DType::kQ8_0, DType::kF16};
constexpr int64_t kMaxReferenceBytes = int64_t{512} << 20;  // of logits kept
constexpr int64_t kMaxErrorRows = 1024;                     // of a tensor, for its errors

class Planner {
 public:
  Planner(const ModelFile& in, const MixedTypesRequest& request) : in_(in), request_(request) {}

  Result<MixedTypes> Run() {
    AUTOGLM_RETURN_IF_ERROR(CheckMatches(*request_.importance, in_));
    for (const TensorEntry& tensor : in_.tensors()) {
      if (CanChoose(tensor)) plan_.tensors.push_back(Options(tensor));
    }
    AUTOGLM_ASSIGN_OR_RETURN(const int64_t budget, Budget());
    // Before the long work: with losses of zero it is only told whether the budget can be met.
    AUTOGLM_RETURN_IF_ERROR(ChooseWithinBudget(plan_.tensors, budget).status());
    AUTOGLM_RETURN_IF_ERROR(MeasureLosses());
    AUTOGLM_ASSIGN_OR_RETURN(plan_.chosen, ChooseWithinBudget(plan_.tensors, budget));
    for (size_t i = 0; i < plan_.tensors.size(); ++i) {
      plan_.loss += plan_.tensors[i].options[plan_.chosen[i]].loss;
    }
    AUTOGLM_ASSIGN_OR_RETURN(plan_.file_bytes, GgufBytes(in_, Conversion(plan_)));
    return std::move(plan_);
  }

 private:
  // What no recipe would quantize stays as it is.
  bool CanChoose(const TensorEntry& tensor) const {
    const Recipe q8_0 = *ParseRecipe("q8_0");
    return ChooseDType(q8_0, recipe_model_, tensor.name, tensor.shape) != DType::kF32 &&
           (IsFloat(tensor.dtype) || request_.allow_requantize);
  }

  static int64_t AlignedBytes(DType dtype, const Shape& shape) {
    return static_cast<int64_t>(
        gguf::AlignUp(static_cast<uint64_t>(TensorBytes(dtype, shape)), gguf::kDefaultAlignment));
  }

  static TensorOptions Options(const TensorEntry& tensor) {
    TensorOptions result{tensor.name, tensor.shape.n_elements(), {}};
    for (const DType dtype : kCandidates) {
      if (tensor.shape.cols() % Info(dtype).block_elements != 0) continue;
      result.options.push_back({dtype, AlignedBytes(dtype, tensor.shape), 0});
    }
    return result;
  }

  /// Bytes for the tensors with a choice.
  Result<int64_t> Budget() const {
    if (request_.file_bytes.has_value() == request_.bits_per_weight.has_value()) {
      return Error(StatusCode::kInvalidArgument,
                   "give either the file's size or the bits per weight");
    }
    // What has no choice has the same size in every plan: that of the smallest one less its
    // choices.
    MixedTypes smallest = plan_;
    int64_t choice_bytes = 0, n_elements = 0, tensor_bytes = 0;
    for (const TensorOptions& tensor : plan_.tensors) {
      smallest.chosen.push_back(0);
      choice_bytes += tensor.options[0].n_bytes;
    }
    for (const TensorEntry& tensor : in_.tensors()) {
      n_elements += tensor.shape.n_elements();
      tensor_bytes += AlignedBytes(smallest.TypeOf(tensor), tensor.shape);
    }
    if (request_.bits_per_weight) {
      const double bytes = *request_.bits_per_weight * static_cast<double>(n_elements) / 8;
      return static_cast<int64_t>(std::min(bytes, 0x1.0p+62)) - (tensor_bytes - choice_bytes);
    }
    AUTOGLM_ASSIGN_OR_RETURN(const int64_t file_bytes, GgufBytes(in_, Conversion(smallest)));
    return *request_.file_bytes - (file_bytes - choice_bytes);
  }

  // `plan` must outlive it.
  ConvertOptions Conversion(const MixedTypes& plan) const {
    ConvertOptions convert;
    convert.allow_requantize = request_.allow_requantize;
    convert.choose = [&plan](const TensorEntry& tensor) { return plan.TypeOf(tensor); };
    convert.file_type = plan.FileType();
    return convert;
  }

  Status Report(int64_t done) const {
    const auto total = static_cast<int64_t>(plan_.tensors.size());
    if (!request_.progress || request_.progress("measuring", done, total)) return OkStatus();
    return Error(StatusCode::kCancelled, "measuring was cancelled");
  }

  Status MeasureLosses() {
    const CalibrationText& text = *request_.text;
    AUTOGLM_ASSIGN_OR_RETURN(model_, ProbedModel::Load(in_, text.n_ctx, request_.n_threads));
    AUTOGLM_ASSIGN_OR_RETURN(std::vector<int32_t> tokens, model_->Tokenize(text));
    const int64_t chunk_bytes = int64_t{text.n_ctx} / 2 *
                                model_->engine().model().config().vocab_size *
                                static_cast<int64_t>(sizeof(float));
    const int64_t max_chunks = std::max<int64_t>(1, kMaxReferenceBytes / chunk_bytes);
    tokens.resize(std::min(tokens.size(), static_cast<size_t>(max_chunks * text.n_ctx)));
    AUTOGLM_ASSIGN_OR_RETURN(ChunkedText chunks,
                             ChunkedText::Create(tokens, text.n_ctx, model_->bos_id()));
    AUTOGLM_ASSIGN_OR_RETURN(const ReferenceLogits reference,
                             ReferenceLogits::Compute(model_->engine(), chunks));
    for (size_t i = 0; i < plan_.tensors.size(); ++i) {
      AUTOGLM_RETURN_IF_ERROR(Report(static_cast<int64_t>(i)));
      AUTOGLM_RETURN_IF_ERROR(MeasureTensor(reference, chunks, &plan_.tensors[i]));
    }
    return OkStatus();
  }

  Status MeasureTensor(const ReferenceLogits& reference, ChunkedText& text, TensorOptions* tensor) {
    const TensorEntry& entry = *in_.Find(tensor->name);
    AUTOGLM_ASSIGN_OR_RETURN(const Buffer original, ReadFloats(entry));
    const Tensor floats = original.View(DType::kF32, entry.shape);
    AUTOGLM_ASSIGN_OR_RETURN(const Buffer rounded, Buffer::Allocate(original.n_bytes(), "weights"));
    const Tensor probe = rounded.View(DType::kF32, entry.shape);
    const DType probe_type = entry.shape.cols() % 32 == 0 ? DType::kQ4_0 : DType::kF16;
    const std::span<const float> weights = request_.importance->Weights(entry.name);
    RoundTo(probe_type, weights, floats, floats.rows(), probe);
    model_->backend().Replace(entry.name, probe);
    const Result<Divergence> divergence = reference.Compare(model_->engine(), text);
    model_->backend().Restore(entry.name);
    if (!divergence.ok()) return divergence.status().WithContext(entry.name);

    const int64_t n_rows = std::min(floats.rows(), kMaxErrorRows);
    const double probe_error = WeightedError(weights, floats, probe, n_rows);
    const double loss_of_error = probe_error > 0 ? divergence->mean / probe_error : 0;
    for (TypeOption& option : tensor->options) {
      RoundTo(option.dtype, weights, floats, n_rows, probe);
      option.loss = loss_of_error * WeightedError(weights, floats, probe, n_rows);
    }
    return OkStatus();
  }

  Result<Buffer> ReadFloats(const TensorEntry& entry) {
    const int64_t n = entry.shape.n_elements();
    AUTOGLM_ASSIGN_OR_RETURN(Buffer stored,
                             Buffer::Allocate(static_cast<size_t>(entry.n_bytes()), "weights"));
    AUTOGLM_RETURN_IF_ERROR(in_.ReadRows(entry, 0, entry.shape.rows(), stored.data()));
    AUTOGLM_ASSIGN_OR_RETURN(Buffer floats,
                             Buffer::Allocate(static_cast<size_t>(n) * sizeof(float), "weights"));
    Format(entry.dtype).decode(stored.data(), reinterpret_cast<float*>(floats.data()), n);
    in_.DropPages(entry);
    return floats;
  }

  // Rows [0, n_rows) of `to` become those of `from` as blocks of `dtype` say them.
  void RoundTo(DType dtype, std::span<const float> weights, const Tensor& from, int64_t n_rows,
               const Tensor& to) const {
    const QuantFormat& format = Format(dtype);
    const int64_t cols = from.cols();
    std::vector<std::vector<std::byte>> blocks(
        model_->threads().n_threads(),
        std::vector<std::byte>(static_cast<size_t>(RowBytes(dtype, cols))));
    model_->threads().ParallelFor(n_rows, [&](int64_t row, int thread) {
      std::byte* encoded = blocks[thread].data();
      format.encode(from.f32_row(row), weights.empty() ? nullptr : weights.data(), encoded, cols,
                    BestKernels().encoder_loops);
      format.decode(encoded, to.f32_row(row), cols);
    });
  }

  static double WeightedError(std::span<const float> weights, const Tensor& a, const Tensor& b,
                              int64_t n_rows) {
    double sum = 0;
    for (int64_t row = 0; row < n_rows; ++row) {
      for (int64_t c = 0; c < a.cols(); ++c) {
        const double error = double{a.f32_row(row)[c]} - b.f32_row(row)[c];
        sum += (weights.empty() ? 1.0 : double{weights[static_cast<size_t>(c)]}) * error * error;
      }
    }
    return sum;
  }

  const ModelFile& in_;
  const MixedTypesRequest& request_;
  const RecipeModel recipe_model_ = RecipeModelOf(in_);
  std::unique_ptr<ProbedModel> model_;
  MixedTypes plan_;
};

}  // namespace

DType MixedTypes::TypeOf(const TensorEntry& tensor) const {
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].name == tensor.name) return tensors[i].options[chosen[i]].dtype;
  }
  return tensor.dtype;
}

uint32_t MixedTypes::FileType() const {
  std::map<DType, int64_t> n_elements;
  for (size_t i = 0; i < tensors.size(); ++i) {
    n_elements[tensors[i].options[chosen[i]].dtype] += tensors[i].n_elements;
  }
  const auto most = std::max_element(n_elements.begin(), n_elements.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  if (most == n_elements.end()) return 0;
  const Result<Recipe> recipe = ParseRecipe(Name(most->first));
  return recipe.ok() ? recipe->file_type : 0;
}

std::string MixedTypes::Table() const {
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TypeOption& option = tensors[i].options[chosen[i]];
    const double bits =
        8.0 * static_cast<double>(option.n_bytes) / static_cast<double>(tensors[i].n_elements);
    rows.push_back({tensors[i].name, std::string(Name(option.dtype)), FormatNumber(bits, 2),
                    FormatNumber(static_cast<double>(option.n_bytes) / 1e3, 1),
                    FormatNumber(option.loss, 6)});
  }
  return FormatTable({"tensor", "type", "bits", "kB", "KL"}, rows);
}

Result<MixedTypes> PlanMixedTypes(const ModelFile& in, const MixedTypesRequest& request) {
  return Planner(in, request).Run();
}

}  // namespace autoglm
