// ModelFile: an opened model, whatever its format: metadata and tensors in one vocabulary (GGUF
// keys and tensor names). A file is known by its content, never by its name's ending.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "formats/metadata.h"
#include "tensor/tensor.h"

namespace autoglm {

struct TensorEntry {
  std::string name;  ///< GGUF vocabulary: "blk.0.attn_q.weight"
  DType dtype;       ///< as View and ReadRows give it
  Shape shape;       ///< outermost dimension first
  int64_t n_bytes() const { return TensorBytes(dtype, shape); }
};

/// Read-only after Open; every const method may be called from many threads.
class ModelFile {
 public:
  virtual ~ModelFile() = default;

  /// Opens a GGUF file (v2, v3; the first of a split set opens all), or a Hugging Face folder
  /// (config.json and safetensors). Everything that the file says about itself is checked here:
  /// magic, counts, alignment, offsets, overlaps, sizes. Errors: kNotFound, kPermissionDenied,
  /// kDataLoss (damaged), kUnimplemented (a type or version unknown to us), kInvalidArgument (not
  /// a model); each message names the path.
  static Result<std::unique_ptr<ModelFile>> Open(const std::string& path);

  const std::string& path() const { return path_; }
  const Metadata& metadata() const { return metadata_; }
  std::span<const TensorEntry> tensors() const { return tensors_; }
  /// Null if there is none of that name.
  const TensorEntry* Find(std::string_view name) const;

  /// The tensor's bytes in place, without a copy, valid while this object lives; a Tensor with
  /// null data where the stored form differs from the entry's (a Hugging Face tensor that is
  /// permuted, joined or converted on entry): then use ReadRows.
  virtual Tensor View(const TensorEntry& entry) const = 0;

  /// Copies rows [first, first + n) of `entry` in its dtype to `out`
  /// (n * RowBytes(dtype, shape.cols()) bytes).
  virtual Status ReadRows(const TensorEntry& entry, int64_t first, int64_t n,
                          std::byte* out) const = 0;

  /// Tells the system that the pages of rows [first, first + n) are not needed soon (after a copy
  /// was made). Where rows are not stored in one piece, the last of them stands for all.
  virtual void DropPages(const TensorEntry& entry, int64_t first, int64_t n) const = 0;
  void DropPages(const TensorEntry& entry) const { DropPages(entry, 0, entry.shape.rows()); }

 protected:
  ModelFile() = default;
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;

  /// Takes the list and makes the index by name. kDataLoss if a name occurs twice.
  Status SetTensors(std::vector<TensorEntry> tensors);
  /// The place of `entry` in tensors(), or -1 if it is not of this file.
  int64_t IndexOf(const TensorEntry& entry) const;
  /// kInvalidArgument unless `entry` is of this file and has rows [first, first + n).
  Status CheckRows(const TensorEntry& entry, int64_t first, int64_t n) const;

  std::string path_;
  Metadata metadata_;

 private:
  std::vector<TensorEntry> tensors_;
  std::unordered_map<std::string_view, size_t> index_;  ///< keys point into tensors_
};

}  // namespace autoglm
