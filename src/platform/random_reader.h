// RandomReader: bytes that are read at any place: a file, or memory in tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/status.h"
#include "platform/file.h"

namespace autoglm {

class RandomReader {
 public:
  virtual ~RandomReader() = default;
  virtual uint64_t size() const = 0;
  /// Fills `out` from `offset` on. kDataLoss where that goes beyond the end, kIoError.
  virtual Status ReadAt(uint64_t offset, std::span<std::byte> out) const = 0;
};

/// A file of the size that it had when it was opened. One that is shortened meanwhile gives
/// kDataLoss, never a fault.
class FileReader : public RandomReader {
 public:
  /// Errors as ReadWholeFile.
  static Result<FileReader> Open(const std::string& path);
  uint64_t size() const override { return size_; }
  Status ReadAt(uint64_t offset, std::span<std::byte> out) const override;

 private:
  FileReader(std::string path, ScopedFd fd, uint64_t size)
      : path_(std::move(path)), fd_(std::move(fd)), size_(size) {}

  std::string path_;
  ScopedFd fd_;
  uint64_t size_;
};

/// Bytes owned elsewhere.
class MemoryReader : public RandomReader {
 public:
  explicit MemoryReader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  uint64_t size() const override { return bytes_.size(); }
  Status ReadAt(uint64_t offset, std::span<std::byte> out) const override;

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace autoglm
