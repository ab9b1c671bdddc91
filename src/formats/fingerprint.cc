#include "formats/fingerprint.h"

#include <algorithm>
#include <variant>
#include <vector>

#include "base/xxhash64.h"

namespace autoglm {
namespace {

/// Rows of each tensor that are looked at.
constexpr int64_t kRows = 8;

class Hasher {
 public:
  void Add(std::span<const std::byte> bytes) { hash_ = XxHash64(bytes, hash_); }
  void Add(std::string_view text) { Add(std::as_bytes(std::span(text.data(), text.size()))); }
  void Add(int64_t number) { Add(std::as_bytes(std::span(&number, 1))); }
  void Add(double number) { Add(std::as_bytes(std::span(&number, 1))); }
  uint64_t hash() const { return hash_; }

 private:
  uint64_t hash_ = 0;
};

}  // namespace

Result<uint64_t> ModelFingerprint(const ModelFile& file, std::string_view recipe) {
  Hasher hasher;
  hasher.Add(recipe);
  for (const auto& [key, value] : file.metadata().entries()) {
    hasher.Add(key);
    if (const auto* number = std::get_if<int64_t>(&value.v)) hasher.Add(*number);
    if (const auto* number = std::get_if<double>(&value.v)) hasher.Add(*number);
  }
  std::vector<std::byte> row;
  for (const TensorEntry& entry : file.tensors()) {
    hasher.Add(entry.name);
    hasher.Add(Name(entry.dtype));
    for (int i = 0; i < entry.shape.rank(); ++i) hasher.Add(entry.shape[i]);
    const int64_t n_rows = entry.shape.rows();
    row.resize(static_cast<size_t>(RowBytes(entry.dtype, entry.shape.cols())));
    const int64_t n_read = std::min(n_rows, kRows);
    for (int64_t i = 0; i < n_read; ++i) {
      const int64_t which = n_read == 1 ? 0 : i * (n_rows - 1) / (n_read - 1);
      AUTOGLM_RETURN_IF_ERROR(file.ReadRows(entry, which, 1, row.data()));
      hasher.Add(row);
    }
  }
  return hasher.hash();
}

}  // namespace autoglm
