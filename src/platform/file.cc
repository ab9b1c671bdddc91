#include "platform/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace autoglm {

namespace {

constexpr size_t kPathBytesShown = 4096;

StatusCode CodeOfErrno(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return StatusCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return StatusCode::kPermissionDenied;
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return StatusCode::kInvalidArgument;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return StatusCode::kResourceExhausted;
    default:
      return StatusCode::kIoError;
  }
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

ScopedFd::~ScopedFd() {
  if (fd_ >= 0) ::close(fd_);
}

Status ErrnoError(int error, std::string_view what, std::string_view path) {
  return Error(CodeOfErrno(error), what, " '", Quoted(path, kPathBytesShown),
               "': ", std::strerror(error));
}

bool IsDirectory(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool FileExists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

std::string JoinPath(std::string_view folder, std::string_view name) {
  std::string path(folder);
  if (!path.empty() && path.back() != '/') path.push_back('/');
  return path.append(name);
}

Result<std::string> ReadWholeFile(const std::string& path, size_t max_bytes) {
  const ScopedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return ErrnoError(errno, "cannot open", path);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return ErrnoError(errno, "cannot examine", path);
  if (S_ISDIR(info.st_mode)) return ErrnoError(EISDIR, "cannot read", path);

  std::string content;
  constexpr size_t kChunk = 64 * 1024;
  const auto expected = static_cast<size_t>(std::max<off_t>(info.st_size, 0));
  size_t n = 0;
  while (true) {
    if (n > max_bytes || expected > max_bytes) {
      return Error(StatusCode::kResourceExhausted, "'", Quoted(path, kPathBytesShown),
                   "' is larger than the ", FormatBytes(max_bytes), " allowed for it");
    }
    if (n == content.size()) content.resize(std::max(expected + 1, n + n / 2 + kChunk));
    const ssize_t got = ::read(fd.get(), content.data() + n, content.size() - n);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(errno, "cannot read", path);
    if (got == 0) break;
    n += static_cast<size_t>(got);
  }
  content.resize(n);
  return content;
}

Status WriteFileAtomic(const std::string& path, std::string_view content) {
  AUTOGLM_ASSIGN_OR_RETURN(FileWriter writer, FileWriter::Create(path));
  AUTOGLM_RETURN_IF_ERROR(writer.Write(content));
  return writer.Commit();
}

FileWriter::FileWriter(std::string path, std::string temp_path, ScopedFd fd)
    : path_(std::move(path)),
      temp_path_(std::move(temp_path)),
      fd_(std::move(fd)),
      buffer_(std::make_unique<std::byte[]>(kBufferBytes)) {}

Result<FileWriter> FileWriter::Create(const std::string& path) {
  std::string target = path;
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return ErrnoError(EISDIR, "cannot write", path);
    if (!S_ISREG(info.st_mode)) {
      return Error(StatusCode::kInvalidArgument, "cannot write '", Quoted(path, kPathBytesShown),
                   "': it is a device or a pipe; name a regular file");
    }
    if (char* real = ::realpath(path.c_str(), nullptr)) {  // renaming must not replace a link
      target = real;
      ::free(real);
    }
  }
  // mkstemp makes the file private; the mode that a plain open would have given comes back below.
  std::string temp = target + ".tmp-XXXXXX";
  ScopedFd fd(::mkstemp(temp.data()));
  if (fd.get() < 0) return ErrnoError(errno, "cannot create", path);
  const mode_t mask = ::umask(0);
  ::umask(mask);
  if (::fchmod(fd.get(), 0666 & ~mask) != 0) {
    const int error = errno;
    ::unlink(temp.c_str());
    return ErrnoError(error, "cannot create", path);
  }
  return FileWriter(std::move(target), std::move(temp), std::move(fd));
}

FileWriter::~FileWriter() {
  if (!temp_path_.empty()) ::unlink(temp_path_.c_str());
}

Status FileWriter::WriteThrough(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return status_ = ErrnoError(errno, "cannot write", path_);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return OkStatus();
}

Status FileWriter::Flush() {
  const size_t n = std::exchange(buffered_, 0);
  return WriteThrough({buffer_.get(), n});
}

Status FileWriter::Write(std::span<const std::byte> bytes) {
  AUTOGLM_RETURN_IF_ERROR(status_);
  position_ += bytes.size();
  if (buffered_ + bytes.size() > kBufferBytes) AUTOGLM_RETURN_IF_ERROR(Flush());
  if (bytes.size() >= kBufferBytes) return WriteThrough(bytes);
  if (!bytes.empty()) std::memcpy(buffer_.get() + buffered_, bytes.data(), bytes.size());
  buffered_ += bytes.size();
  return OkStatus();
}

Status FileWriter::Pad(uint64_t n) {
  static constexpr std::byte kZeros[4096] = {};
  for (; n > 0; n -= std::min<uint64_t>(n, sizeof(kZeros))) {
    AUTOGLM_RETURN_IF_ERROR(Write({kZeros, std::min<uint64_t>(n, sizeof(kZeros))}));
  }
  return OkStatus();
}

Status FileWriter::Commit() {
  AUTOGLM_RETURN_IF_ERROR(status_);
  if (temp_path_.empty()) {
    return Error(StatusCode::kFailedPrecondition, "'", path_, "' is already committed");
  }
  AUTOGLM_RETURN_IF_ERROR(Flush());
  if (::fsync(fd_.get()) != 0) return status_ = ErrnoError(errno, "cannot write", path_);
  if (::close(fd_.release()) != 0) return status_ = ErrnoError(errno, "cannot write", path_);
  if (::rename(temp_path_.c_str(), path_.c_str()) != 0) {
    return status_ = ErrnoError(errno, "cannot create", path_);
  }
  temp_path_.clear();
  // The rename itself reaches the disk with its folder; a file system that cannot sync a folder
  // loses nothing but this promise.
  const ScopedFd folder(::open(FolderOf(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) ::fsync(folder.get());
  return OkStatus();
}

}  // namespace autoglm
