// Small files read whole, and files written so that a reader sees the old content or all of the
// new, never a part. POSIX.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace autoglm {

/// Closes a file descriptor; -1 is none.
class ScopedFd {
 public:
  explicit ScopedFd(int fd = -1) : fd_(fd) {}
  ScopedFd(ScopedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ScopedFd& operator=(ScopedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~ScopedFd();
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

/// A Status for errno value `error`: "cannot open 'x': no such file". kNotFound,
/// kPermissionDenied, kInvalidArgument (a directory), kResourceExhausted (disk full, no memory),
/// else kIoError.
Status ErrnoError(int error, std::string_view what, std::string_view path);

/// The whole content. kResourceExhausted above `max_bytes`; an empty file gives "".
Result<std::string> ReadWholeFile(const std::string& path, size_t max_bytes);

/// Writes through FileWriter.
Status WriteFileAtomic(const std::string& path, std::string_view content);

bool IsDirectory(const std::string& path);
bool FileExists(const std::string& path);
/// `folder`/`name`.
std::string JoinPath(std::string_view folder, std::string_view name);

/// Writes a file piece by piece into a temporary one beside it, which Commit renames to `path`;
/// destroyed without Commit, it removes the temporary and `path` is untouched. Every write is
/// checked, the first failure is kept and returned by all later calls. One thread at a time.
class FileWriter {
 public:
  /// Refuses a `path` that exists and is no regular file. A symbolic link is followed.
  static Result<FileWriter> Create(const std::string& path);

  FileWriter(FileWriter&&) noexcept = default;
  FileWriter& operator=(FileWriter&&) = delete;
  ~FileWriter();

  Status Write(std::span<const std::byte> bytes);
  Status Write(std::string_view text) {
    return Write(std::as_bytes(std::span(text.data(), text.size())));
  }
  /// Writes `n` zero bytes.
  Status Pad(uint64_t n);
  /// Bytes written so far.
  uint64_t position() const { return position_; }

  /// Flushes to the disk and renames. Call once, last.
  Status Commit();

 private:
  FileWriter(std::string path, std::string temp_path, ScopedFd fd);
  Status Flush();
  Status WriteThrough(std::span<const std::byte> bytes);

  static constexpr size_t kBufferBytes = size_t{1} << 20;

  std::string path_;
  std::string temp_path_;  ///< empty once committed or moved from
  ScopedFd fd_;
  std::unique_ptr<std::byte[]> buffer_;  ///< [kBufferBytes]
  size_t buffered_ = 0;
  uint64_t position_ = 0;
  Status status_;
};

}  // namespace autoglm
