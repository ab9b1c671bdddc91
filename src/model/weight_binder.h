// WeightBinder: hands an architecture its parameters by name, with the shapes that it expects, and
// quantizes them on the way where that was asked for.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "backend/backend.h"
#include "base/function_ref.h"
#include "formats/model_file.h"
#include "model/load.h"
#include "platform/thread_pool.h"

namespace autoglm {

/// The first failure is latched: bind everything, then look at status() once. After a failure every
/// call gives an empty Weight.
class WeightBinder {
 public:
  /// The type a tensor is to have in memory.
  using Choose = std::function<DType(const TensorEntry& entry)>;

  /// `copy`: take matrices out of the file's mapping into memory of their own even where they could
  /// stay there.
  WeightBinder(const ModelFile& file, Backend& backend, ThreadPool& threads, Choose choose,
               bool copy, std::function<void(int64_t done_bytes, int64_t total_bytes)> progress);

  /// A matrix [rows, cols] in its stored (or chosen) type.
  Weight Matrix(std::string_view name, int64_t rows, int64_t cols);
  /// Rows [first, first + n) of the matrix [rows, cols]: one part of a fused tensor.
  Weight MatrixRows(std::string_view name, int64_t rows, int64_t cols, int64_t first, int64_t n);
  /// A vector [n], always as F32.
  Weight Vector(std::string_view name, int64_t n);
  /// Elements [first, first + n) of the vector [size].
  Weight VectorPart(std::string_view name, int64_t size, int64_t first, int64_t n);
  /// As Vector, or empty where the file has no such tensor.
  Weight OptionalVector(std::string_view name, int64_t n);

  bool Has(std::string_view name) const { return file_.Find(SourceName(name)) != nullptr; }

  /// Fails (kUnimplemented) where the file has a tensor that nobody asked for: it would change what
  /// the model computes, were it not ignored.
  void ExpectNoOthers();

  const Status& status() const { return status_; }
  /// Bytes handed out so far.
  int64_t weight_bytes() const { return weight_bytes_; }

 private:
  void ReadLayerSources();
  /// The name that a tensor has in the file: that of the layer whose weights this one shares.
  std::string SourceName(std::string_view name) const;
  const TensorEntry* Expect(std::string_view name, const Shape& shape);
  /// Takes rows of a tensor in; those that another layer has taken already are shared.
  Weight TakeOnce(const TensorEntry& entry, int64_t first, int64_t n, DType dtype);
  Result<Weight> Take(const TensorEntry& entry, int64_t first, int64_t n, DType dtype);
  // The file's own bytes, or nothing where they must be copied.
  Tensor InPlace(const TensorEntry& entry, DType dtype) const;
  Result<Weight> Copy(const TensorEntry& entry, int64_t first, int64_t n, DType dtype);
  // Memory for a copy, and who owns it.
  struct Place {
    std::byte* data;
    std::shared_ptr<const void> owner;
  };
  Result<Place> Allocate(int64_t n_bytes);
  Status ConvertRows(const TensorEntry& entry, int64_t first, const Tensor& out);
  // Calls function(thread, first row, rows) for chunks of about kElementsPerChunk elements of
  // `out`, side by side, and gives the first failure.
  Status ForChunks(const Tensor& out, FunctionRef<Status(int, int64_t, int64_t)> function);
  Weight Latch(Result<Weight> weight, const TensorEntry& entry);

  const ModelFile& file_;
  std::set<std::string_view> used_;
  std::span<const int64_t> layer_sources_;  ///< empty: no layers share weights
  /// Of a model whose layers do: what was taken, by tensor and first row.
  std::map<std::pair<const TensorEntry*, int64_t>, Weight> taken_;
  Backend& backend_;
  ThreadPool& threads_;
  Choose choose_;
  bool copy_;
  // All copied matrices, one behind the other: one large block can have large pages.
  std::shared_ptr<Buffer> arena_;
  int64_t arena_bytes_ = 0, arena_used_ = 0;
  std::function<void(int64_t, int64_t)> progress_;
  int64_t total_bytes_ = 0;
  int64_t done_bytes_ = 0;
  int64_t weight_bytes_ = 0;
  Status status_;
};

}  // namespace autoglm
