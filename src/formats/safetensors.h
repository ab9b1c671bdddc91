// Safetensors: the header of one file, checked, and the set of files that make up a model folder.
// Source: the safetensors format description (header length u64, JSON header, data).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "platform/mmap.h"
#include "tensor/tensor.h"

namespace autoglm {

/// One tensor of a safetensors file.
struct SafetensorsEntry {
  std::string name;
  std::string dtype_name;      ///< as written: "BF16"
  std::optional<DType> dtype;  ///< none for types that this build cannot use
  Shape shape;
  uint64_t offset = 0;  ///< in bytes from the file's start; of any alignment
  uint64_t n_bytes = 0;
};

/// The tensors that the file lists, in the order of their data. Messages do not name the file.
/// Errors: kDataLoss (damaged or contradicting itself), kUnimplemented (an element type or a rank
/// that is unknown).
Result<std::vector<SafetensorsEntry>> ParseSafetensors(std::span<const std::byte> bytes);

/// All tensors of a folder: those of model.safetensors.index.json, of model.safetensors, or of
/// the only *.safetensors there. Movable; spans stay valid. Threads: const methods from any.
class SafetensorsFolder {
 public:
  struct Stored {
    SafetensorsEntry entry;
    size_t file;  ///< for DropPages
    std::span<const std::byte> bytes;
  };

  /// Errors name the file: kNotFound (no weights, a missing shard), kInvalidArgument (an index
  /// that names files outside the folder, PyTorch weights only), and those of ParseSafetensors.
  static Result<SafetensorsFolder> Open(const std::string& folder,
                                        MapMode mode = MapMode::kMapOrRead);

  /// Null if there is none of that name.
  const Stored* Find(std::string_view name) const;
  const std::map<std::string, Stored, std::less<>>& tensors() const { return tensors_; }
  void DropPages(const Stored& stored) const;

 private:
  Status AddFile(const std::string& folder, const std::string& name, MapMode mode);
  Status AddIndexed(const std::string& folder, const std::string& index_path, MapMode mode);

  std::vector<MappedFile> files_;
  std::map<std::string, Stored, std::less<>> tensors_;
};

}  // namespace autoglm
