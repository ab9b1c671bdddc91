// MappedFile: a whole file as bytes, mapped read-only where the system can, read into memory where
// it cannot. POSIX.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace autoglm {

enum class MapMode {
  kMapOrRead,  ///< map; read where mapping fails (a pipe, a file system without mmap)
  kRead,       ///< read always: for tests of that path, and where the file may change under us
};

/// Owns the bytes of one opened file. Movable; the bytes do not move with it. Threads: const
/// methods from any. A mapped file that another process shortens meanwhile faults when touched.
class MappedFile {
 public:
  /// Errors, each naming the path: kNotFound, kPermissionDenied, kInvalidArgument (a directory),
  /// kDataLoss (empty), kResourceExhausted (no memory to read it into), kIoError.
  static Result<MappedFile> Open(const std::string& path, MapMode mode = MapMode::kMapOrRead);

  /// A copy of `bytes`, aligned as a mapping is: for files that are made in memory.
  static Result<MappedFile> FromBytes(std::string_view bytes);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept { Swap(other); }
  MappedFile& operator=(MappedFile&& other) noexcept {
    Swap(other);
    return *this;
  }
  ~MappedFile();

  /// Starts at a multiple of 64 bytes at least.
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// False when the bytes were read into memory.
  bool mapped() const { return mapped_; }

  /// Tells the system that the pages wholly inside [offset, offset + n) are not needed soon; a
  /// later touch reads them again. Nothing happens where the bytes are not mapped.
  void DropPages(size_t offset, size_t n) const;

 private:
  void Swap(MappedFile& other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapped_, other.mapped_);
  }

  std::byte* data_ = nullptr;
  size_t size_ = 0;
  bool mapped_ = false;
};

}  // namespace autoglm
