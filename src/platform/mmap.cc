#include "platform/mmap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

#include "platform/file.h"

namespace autoglm {

namespace {

constexpr std::align_val_t kAlignment{64};

struct AlignedDelete {
  void operator()(std::byte* data) const { ::operator delete(data, kAlignment); }
};
using AlignedBytes = std::unique_ptr<std::byte, AlignedDelete>;

AlignedBytes AllocateAligned(size_t n) {
  return AlignedBytes(static_cast<std::byte*>(::operator new(n, kAlignment, std::nothrow)));
}

Status OutOfMemory(const std::string& path, size_t n) {
  return Error(StatusCode::kResourceExhausted, "cannot hold ", Quoted(path, 4096),
               " in memory: ", FormatBytes(n), " refused by the system");
}

/// Reads to the end of `fd`. `expected` is only the first guess: a pipe does not know its length.
Status ReadToEnd(int fd, const std::string& path, size_t expected, AlignedBytes* out,
                 size_t* size) {
  size_t capacity = std::max<size_t>(expected + 1, 64 * 1024);  // + 1: to see the end at once
  AlignedBytes data = AllocateAligned(capacity);
  if (!data) return OutOfMemory(path, capacity);
  size_t n = 0;
  while (true) {
    if (n == capacity) {
      AlignedBytes larger = AllocateAligned(capacity * 2);
      if (!larger) return OutOfMemory(path, capacity * 2);
      std::memcpy(larger.get(), data.get(), n);
      data = std::move(larger);
      capacity *= 2;
    }
    const ssize_t got = ::read(fd, data.get() + n, std::min(capacity - n, size_t{1} << 30));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(errno, "cannot read", path);
    if (got == 0) break;
    n += static_cast<size_t>(got);
  }
  *out = std::move(data);
  *size = n;
  return OkStatus();
}

}  // namespace

Result<MappedFile> MappedFile::Open(const std::string& path, MapMode mode) {
  const ScopedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return ErrnoError(errno, "cannot open", path);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return ErrnoError(errno, "cannot examine", path);
  if (S_ISDIR(info.st_mode)) return ErrnoError(EISDIR, "cannot read", path);

  MappedFile file;
  const auto expected = static_cast<uint64_t>(std::max<off_t>(info.st_size, 0));
  if (expected > SIZE_MAX / 2) return OutOfMemory(path, expected);
  if (mode == MapMode::kMapOrRead && S_ISREG(info.st_mode) && expected > 0) {
    void* address = ::mmap(nullptr, expected, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (address != MAP_FAILED) {
      file.data_ = static_cast<std::byte*>(address);
      file.size_ = expected;
      file.mapped_ = true;
      return file;
    }
  }
  AlignedBytes data;
  AUTOGLM_RETURN_IF_ERROR(ReadToEnd(fd.get(), path, expected, &data, &file.size_));
  if (file.size_ == 0) {
    return Error(StatusCode::kDataLoss, Quoted(path, 4096), " is empty");
  }
  file.data_ = data.release();
  return file;
}

Result<MappedFile> MappedFile::FromBytes(std::string_view bytes) {
  AlignedBytes data = AllocateAligned(std::max<size_t>(bytes.size(), 1));
  if (!data) return OutOfMemory("bytes", bytes.size());
  if (!bytes.empty()) std::memcpy(data.get(), bytes.data(), bytes.size());
  MappedFile file;
  file.data_ = data.release();
  file.size_ = bytes.size();
  return file;
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  if (mapped_) {
    ::munmap(data_, size_);
  } else {
    AlignedDelete()(data_);
  }
}

void MappedFile::DropPages(size_t offset, size_t n) const {
  if (!mapped_ || offset >= size_) return;
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t first = (offset + page - 1) / page * page;
  // The file's last page belongs to this range alone when the range reaches the end.
  const size_t end = n >= size_ - offset ? size_ : (offset + n) / page * page;
  if (first < end) ::madvise(data_ + first, end - first, MADV_DONTNEED);
}

}  // namespace autoglm
