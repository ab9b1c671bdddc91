#include "platform/random_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace autoglm {

Result<FileReader> FileReader::Open(const std::string& path) {
  ScopedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return ErrnoError(errno, "cannot open", path);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return ErrnoError(errno, "cannot examine", path);
  if (!S_ISREG(info.st_mode)) {
    return Error(StatusCode::kInvalidArgument, "'", Quoted(path), "' is not a regular file");
  }
  return FileReader(path, std::move(fd), static_cast<uint64_t>(info.st_size));
}

Status FileReader::ReadAt(uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const ssize_t n = ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, "cannot read", path_);
    if (n == 0) {
      return Error(StatusCode::kDataLoss, "'", Quoted(path_), "' ends at byte ", offset, "; ",
                   out.size(), " more were expected");
    }
    out = out.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return OkStatus();
}

Status MemoryReader::ReadAt(uint64_t offset, std::span<std::byte> out) const {
  if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
    return Error(StatusCode::kDataLoss, "bytes ", offset, " to ", offset + out.size(), " of ",
                 bytes_.size());
  }
  if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
  return OkStatus();
}

}  // namespace autoglm
