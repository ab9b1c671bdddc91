#include "engine/record_file.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

#include "base/xxhash64.h"

namespace autoglm {
namespace {

constexpr char kMagic[8] = "AGLMSEQ";
constexpr uint32_t kVersion = 1;
constexpr uint32_t kEncrypted = 1;
constexpr size_t kPreambleBytes = 64;
constexpr size_t kRecordBytes = size_t{1} << 20;
constexpr size_t kMaxHeaderBytes = size_t{1} << 16;
constexpr size_t kChecksumBytes = 8;

constexpr size_t kVersionAt = 8, kFlagsAt = 12, kSaltAt = 16, kHeaderBytesAt = 32,
                 kDataBytesAt = 40, kChecksumAt = 56;

template <typename T>
T Get(std::span<const std::byte> bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

template <typename T>
void Put(std::span<std::byte> bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

std::span<const std::byte, StateCipher::kSaltBytes> SaltOf(std::span<const std::byte> preamble) {
  return preamble.subspan<kSaltAt, StateCipher::kSaltBytes>();
}

uint64_t DivideUp(uint64_t n, uint64_t by) { return n / by + (n % by != 0); }

}  // namespace

RecordFileWriter::RecordFileWriter(FileWriter file, std::unique_ptr<RecordCipher> cipher)
    : file_(std::move(file)), cipher_(std::move(cipher)) {}

Result<RecordFileWriter> RecordFileWriter::Create(const std::string& path,
                                                  const StateCipher* cipher,
                                                  std::span<const std::byte> header,
                                                  uint64_t data_bytes) {
  if (header.size() > kMaxHeaderBytes) {
    return Error(StatusCode::kInvalidArgument, "a header of ", header.size(), " bytes; at most ",
                 kMaxHeaderBytes);
  }
  std::vector<std::byte> preamble(kPreambleBytes);
  std::memcpy(preamble.data(), kMagic, sizeof(kMagic));
  Put(std::span(preamble), kVersionAt, kVersion);
  Put(std::span(preamble), kFlagsAt, cipher != nullptr ? kEncrypted : 0u);
  std::random_device random;
  for (size_t i = 0; i < StateCipher::kSaltBytes; i += 4) {
    Put(std::span(preamble), kSaltAt + i, static_cast<uint32_t>(random()));
  }
  Put(std::span(preamble), kHeaderBytesAt, static_cast<uint64_t>(header.size()));
  Put(std::span(preamble), kDataBytesAt, data_bytes);
  Put(std::span(preamble), kChecksumAt, XxHash64(std::span(preamble).first(kChecksumAt)));

  std::unique_ptr<RecordCipher> record_cipher;
  if (cipher != nullptr) {
    AUTOGLM_ASSIGN_OR_RETURN(record_cipher, cipher->ForFile(SaltOf(preamble)));
  }
  AUTOGLM_ASSIGN_OR_RETURN(FileWriter file, FileWriter::Create(path));
  RecordFileWriter writer(std::move(file), std::move(record_cipher));
  AUTOGLM_RETURN_IF_ERROR(writer.file_.Write(preamble));
  writer.preamble_ = std::move(preamble);
  writer.data_left_ = data_bytes;
  writer.record_.assign(header.begin(), header.end());
  AUTOGLM_RETURN_IF_ERROR(writer.WriteRecord(writer.record_));
  writer.record_.clear();
  writer.record_.reserve(kRecordBytes);
  return writer;
}

Status RecordFileWriter::WriteRecord(std::span<std::byte> record) {
  std::byte tag[RecordCipher::kTagBytes];
  size_t tag_bytes = kChecksumBytes;
  if (cipher_) {
    AUTOGLM_RETURN_IF_ERROR(cipher_->Seal(number_, preamble_, record, tag));
    tag_bytes = RecordCipher::kTagBytes;
  } else {
    Put(std::span(tag), 0, XxHash64(record, number_));
  }
  ++number_;
  AUTOGLM_RETURN_IF_ERROR(file_.Write(record));
  return file_.Write(std::span<const std::byte>(tag, tag_bytes));
}

Status RecordFileWriter::Write(std::span<const std::byte> bytes) {
  if (bytes.size() > data_left_) {
    return Error(StatusCode::kFailedPrecondition, bytes.size() - data_left_,
                 " bytes more than were announced");
  }
  data_left_ -= bytes.size();
  while (!bytes.empty()) {
    const size_t n = std::min(bytes.size(), kRecordBytes - record_.size());
    record_.insert(record_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    bytes = bytes.subspan(n);
    if (record_.size() < kRecordBytes && !(data_left_ == 0 && bytes.empty())) continue;
    AUTOGLM_RETURN_IF_ERROR(WriteRecord(record_));
    record_.clear();
  }
  return OkStatus();
}

Status RecordFileWriter::Commit() {
  if (data_left_ > 0) {
    return Error(StatusCode::kFailedPrecondition, data_left_,
                 " bytes that were announced are missing");
  }
  return file_.Commit();
}

size_t RecordFileReader::tag_bytes() const {
  return cipher_ ? RecordCipher::kTagBytes : kChecksumBytes;
}

Result<RecordFileReader> RecordFileReader::Open(const RandomReader& reader,
                                                const StateCipher* cipher) {
  RecordFileReader file(reader);
  AUTOGLM_RETURN_IF_ERROR(file.ReadPreamble(cipher));
  const Status header = file.ReadRecord(file.header_bytes_, &file.header_);
  if (!header.ok() && cipher != nullptr && header.code() == StatusCode::kDataLoss) {
    return Error(StatusCode::kPermissionDenied,
                 "the state file is encrypted with another key, or damaged");
  }
  AUTOGLM_RETURN_IF_ERROR(header);
  file.data_left_ = file.data_bytes_;
  return file;
}

Status RecordFileReader::ReadPreamble(const StateCipher* cipher) {
  preamble_.resize(kPreambleBytes);
  AUTOGLM_RETURN_IF_ERROR(reader_->ReadAt(0, preamble_));
  const std::span<const std::byte> preamble = preamble_;
  if (std::memcmp(preamble.data(), kMagic, sizeof(kMagic)) != 0) {
    return Error(StatusCode::kDataLoss, "not a state file: it does not begin with ", kMagic);
  }
  if (Get<uint64_t>(preamble, kChecksumAt) != XxHash64(preamble.first(kChecksumAt))) {
    return Error(StatusCode::kDataLoss, "the first 64 bytes of the state file are damaged");
  }
  const auto version = Get<uint32_t>(preamble, kVersionAt);
  const auto flags = Get<uint32_t>(preamble, kFlagsAt);
  if (version != kVersion || (flags & ~kEncrypted) != 0) {
    return Error(StatusCode::kUnimplemented, "a state file of version ", version, " with flags ",
                 flags, "; this program reads version ", kVersion);
  }
  if ((flags & kEncrypted) != (cipher != nullptr ? kEncrypted : 0)) {
    return Error(StatusCode::kPermissionDenied, cipher != nullptr
                                                    ? "the state file is not encrypted, and a key "
                                                      "is configured"
                                                    : "the state file is encrypted, and no key is "
                                                      "configured");
  }
  if (cipher != nullptr) {
    AUTOGLM_ASSIGN_OR_RETURN(cipher_, cipher->ForFile(SaltOf(preamble)));
  }
  header_bytes_ = Get<uint64_t>(preamble, kHeaderBytesAt);
  data_bytes_ = Get<uint64_t>(preamble, kDataBytesAt);
  // No sum of these overflows: the data is no longer than the file.
  const uint64_t size = reader_->size();
  if (header_bytes_ > kMaxHeaderBytes || data_bytes_ > size ||
      size != kPreambleBytes + header_bytes_ + tag_bytes() + data_bytes_ +
                  DivideUp(data_bytes_, kRecordBytes) * tag_bytes()) {
    return Error(StatusCode::kDataLoss, "the state file has ", size,
                 " bytes, which is not the size that it announces");
  }
  offset_ = kPreambleBytes;
  return OkStatus();
}

Status RecordFileReader::ReadRecord(size_t n_bytes, std::vector<std::byte>* record) {
  const uint64_t number = number_++;
  std::byte tag[RecordCipher::kTagBytes];
  record->resize(n_bytes);
  AUTOGLM_RETURN_IF_ERROR(reader_->ReadAt(offset_, *record));
  AUTOGLM_RETURN_IF_ERROR(reader_->ReadAt(offset_ + n_bytes, std::span(tag).first(tag_bytes())));
  offset_ += n_bytes + tag_bytes();
  if (cipher_) return cipher_->Open(number, preamble_, *record, tag);
  if (Get<uint64_t>(tag, 0) == XxHash64(*record, number)) return OkStatus();
  record->clear();
  return Error(StatusCode::kDataLoss, "record ", number, " of the state file is damaged");
}

Status RecordFileReader::Read(std::span<std::byte> out) {
  while (!out.empty()) {
    if (record_used_ == record_.size()) {
      if (data_left_ == 0) {
        return Error(StatusCode::kDataLoss, "the state file ends ", out.size(), " bytes too early");
      }
      record_used_ = 0;
      const uint64_t n_bytes = std::min<uint64_t>(data_left_, kRecordBytes);
      data_left_ -= n_bytes;
      const Status status = ReadRecord(n_bytes, &record_);
      if (!status.ok()) {
        record_.clear();
        data_left_ = 0;
        return status;
      }
    }
    const size_t n = std::min(out.size(), record_.size() - record_used_);
    std::memcpy(out.data(), record_.data() + record_used_, n);
    record_used_ += n;
    out = out.subspan(n);
  }
  return OkStatus();
}

}  // namespace autoglm
