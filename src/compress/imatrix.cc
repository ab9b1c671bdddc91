#include "compress/imatrix.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "formats/gguf_file.h"
#include "formats/gguf_writer.h"

namespace autoglm {

namespace {

constexpr std::string_view kType = "general.type";
constexpr std::string_view kDatasets = "imatrix.datasets";
constexpr std::string_view kChunkCount = "imatrix.chunk_count";
constexpr std::string_view kChunkSize = "imatrix.chunk_size";
constexpr std::string_view kSums = ".in_sum2";   // F32 [n_experts, cols]
constexpr std::string_view kCounts = ".counts";  // F32 [n_experts, 1]

/// Sums of squares in double precision, so that a long text does not drown what comes late.
class Collector {
 public:
  void Observe(const Tensor& x, std::span<const MatMulTerm> terms) {
    squares_.assign(static_cast<size_t>(x.cols()), 0.0);
    for (int64_t row = 0; row < x.rows(); ++row) {
      const float* values = x.f32_row(row);
      for (int64_t c = 0; c < x.cols(); ++c) squares_[c] += double{values[c]} * values[c];
    }
    for (size_t i = 0; i < terms.size(); ++i) {
      // The parts of a fused tensor read the same x.
      const auto same = [&](const MatMulTerm& t) {
        return t.weight->name == terms[i].weight->name;
      };
      if (std::any_of(terms.begin(), terms.begin() + i, same)) continue;
      Sums& sums = sums_[std::string(terms[i].weight->name)];
      sums.squares.resize(squares_.size());
      for (size_t c = 0; c < squares_.size(); ++c) sums.squares[c] += squares_[c];
      sums.n_tokens += x.rows();
    }
  }

  void MoveTo(ImportanceMatrix* matrix) const {
    for (const auto& [name, sums] : sums_) {
      matrix->entries[name] = {{sums.squares.begin(), sums.squares.end()}, sums.n_tokens};
    }
  }

 private:
  struct Sums {
    std::vector<double> squares;
    int64_t n_tokens = 0;
  };
  std::map<std::string, Sums, std::less<>> sums_;
  std::vector<double> squares_;
};

Result<std::vector<float>> ReadFloats(const ModelFile& file, const TensorEntry& entry) {
  if (entry.dtype != DType::kF32) {
    return Error(StatusCode::kDataLoss, "tensor '", Quoted(entry.name), "' is ", Name(entry.dtype),
                 ", expected f32");
  }
  std::vector<float> values(static_cast<size_t>(entry.shape.n_elements()));
  AUTOGLM_RETURN_IF_ERROR(
      file.ReadRows(entry, 0, entry.shape.rows(), reinterpret_cast<std::byte*>(values.data())));
  for (const float value : values) {
    if (!std::isfinite(value) || value < 0) {
      return Error(StatusCode::kDataLoss, "tensor '", Quoted(entry.name),
                   "' holds a value that is negative or not a number");
    }
  }
  return values;
}

/// Of the tensor whose sums are `sums`; experts count together.
Result<ImportanceMatrix::Entry> ReadEntry(const ModelFile& file, const TensorEntry& sums,
                                          std::string_view name) {
  const TensorEntry* counts = file.Find(StrCat(name, kCounts));
  if (counts == nullptr) {
    return Error(StatusCode::kDataLoss, "tensor '", Quoted(name), kCounts, "' is missing");
  }
  AUTOGLM_ASSIGN_OR_RETURN(const std::vector<float> values, ReadFloats(file, sums));
  AUTOGLM_ASSIGN_OR_RETURN(const std::vector<float> n_tokens, ReadFloats(file, *counts));
  const size_t cols = static_cast<size_t>(sums.shape.cols());
  ImportanceMatrix::Entry entry;
  entry.sum_squares.resize(cols);
  for (size_t i = 0; i < values.size(); ++i) entry.sum_squares[i % cols] += values[i];
  double total = 0;
  for (const float n : n_tokens) total += n;
  entry.n_tokens = static_cast<int64_t>(std::min(total, 0x1.0p+62));
  return entry;
}

Result<ImportanceMatrix> ReadContents(const ModelFile& file) {
  const auto type = file.metadata().GetString(kType, "");
  if (!type.ok() || *type != "imatrix") {
    return Error(StatusCode::kInvalidArgument,
                 "not an importance matrix; make one with 'autoglm compress imatrix'");
  }
  ImportanceMatrix matrix;
  if (file.metadata().Has(kDatasets)) {
    AUTOGLM_ASSIGN_OR_RETURN(const auto datasets, file.metadata().GetStrings(kDatasets));
    matrix.datasets.assign(datasets.begin(), datasets.end());
  }
  const auto number = [&](std::string_view key) -> Result<uint32_t> {
    AUTOGLM_ASSIGN_OR_RETURN(const int64_t value, file.metadata().GetInt(key, int64_t{0}));
    return static_cast<uint32_t>(std::clamp<int64_t>(value, 0, UINT32_MAX));
  };
  AUTOGLM_ASSIGN_OR_RETURN(matrix.n_chunks, number(kChunkCount));
  AUTOGLM_ASSIGN_OR_RETURN(matrix.chunk_size, number(kChunkSize));
  for (const TensorEntry& tensor : file.tensors()) {
    if (!tensor.name.ends_with(kSums)) continue;
    const std::string name = tensor.name.substr(0, tensor.name.size() - kSums.size());
    AUTOGLM_ASSIGN_OR_RETURN(matrix.entries[name], ReadEntry(file, tensor, name));
  }
  return matrix;
}

}  // namespace

std::span<const float> ImportanceMatrix::Weights(std::string_view tensor_name) const {
  const auto found = entries.find(tensor_name);
  if (found == entries.end() || found->second.n_tokens == 0) return {};
  return found->second.sum_squares;
}

Result<ImportanceMatrix> CollectImportance(ProbedModel& model, std::span<const int32_t> tokens,
                                           const CalibrationText& calibration,
                                           ChunkProgress progress) {
  Collector collector;
  model.backend().set_observer(
      [&](const Tensor& x, std::span<const MatMulTerm> terms) { collector.Observe(x, terms); });
  const Result<PerplexityResult> read = model.Read(tokens, calibration.n_ctx, progress);
  model.backend().set_observer(nullptr);
  if (!read.ok()) return read.status();
  ImportanceMatrix matrix;
  collector.MoveTo(&matrix);
  matrix.datasets = {calibration.source};
  matrix.n_chunks = static_cast<uint32_t>(read->n_chunks);
  matrix.chunk_size = static_cast<uint32_t>(calibration.n_ctx);
  return matrix;
}

Status WriteImatrix(const ImportanceMatrix& matrix, const std::string& path) {
  Metadata metadata;
  metadata.SetString(kType, "imatrix");
  metadata.SetStrings(kDatasets, {matrix.datasets.begin(), matrix.datasets.end()});
  metadata.SetU32(kChunkCount, matrix.n_chunks);
  metadata.SetU32(kChunkSize, matrix.chunk_size);
  std::vector<TensorEntry> tensors;
  for (const auto& [name, entry] : matrix.entries) {
    const auto cols = static_cast<int64_t>(entry.sum_squares.size());
    tensors.push_back({StrCat(name, kSums), DType::kF32, Shape{1, cols}});
    tensors.push_back({StrCat(name, kCounts), DType::kF32, Shape{1, 1}});
  }
  return WriteGgufFile(
      path, metadata, tensors, [&](const TensorEntry& tensor, const ByteSink& sink) {
        const bool is_counts = tensor.name.ends_with(kCounts);
        const size_t ending = is_counts ? kCounts.size() : kSums.size();
        const auto& entry =
            matrix.entries.find(tensor.name.substr(0, tensor.name.size() - ending))->second;
        const auto n_tokens = static_cast<float>(entry.n_tokens);
        return sink(is_counts ? std::as_bytes(std::span(&n_tokens, 1))
                              : std::as_bytes(std::span(entry.sum_squares)));
      });
}

Result<ImportanceMatrix> ReadImatrix(const std::string& path) {
  const auto file = GgufFile::Open(path);
  if (!file.ok()) return file.status();
  Result<ImportanceMatrix> matrix = ReadContents(**file);
  if (!matrix.ok()) return matrix.status().WithContext(Quoted(path, 4096));
  return matrix;
}

Status CheckMatches(const ImportanceMatrix& matrix, const ModelFile& file) {
  int n_matched = 0;
  for (const auto& [name, entry] : matrix.entries) {
    const TensorEntry* tensor = file.Find(name);
    if (tensor == nullptr) {
      return Error(StatusCode::kInvalidArgument, "the importance matrix is of another model: it ",
                   "has tensor '", Quoted(name), "', which ", Quoted(file.path(), 4096), " lacks");
    }
    if (tensor->shape.cols() != static_cast<int64_t>(entry.sum_squares.size())) {
      return Error(StatusCode::kInvalidArgument,
                   "the importance matrix is of another model: tensor '", Quoted(name), "' has ",
                   entry.sum_squares.size(), " columns there and ", tensor->shape.cols(), " in ",
                   Quoted(file.path(), 4096));
    }
    ++n_matched;
  }
  if (n_matched > 0) return OkStatus();
  return Error(StatusCode::kInvalidArgument, "the importance matrix has no entries");
}

}  // namespace autoglm
