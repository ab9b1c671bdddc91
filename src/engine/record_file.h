// Files in checked records: a preamble, a header record and data records of a mebibyte, each with a
// checksum (XXH64) or, where there is a key, encrypted and authenticated. A reader never sees a
// byte of a record that is damaged.
//
//   preamble, 64 bytes, little-endian:
//     0  "AGLMSEQ" and a zero    8  u32 version    12  u32 flags: 1 encrypted    16  salt [16]
//     32 u64 bytes of the header    40 u64 bytes of data    48 u64 zero    56  u64 XXH64 of [0, 56)
//   then each record's bytes, followed by its tag: XXH64 with the record's number as seed (8
//   bytes), or RecordCipher's (16 bytes), with the preamble as associated data. Record 0 is the
//   header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/state_cipher.h"
#include "platform/file.h"
#include "platform/random_reader.h"

namespace autoglm {

/// Writes such a file; `path` is replaced at once by Commit or not at all. One thread at a time.
class RecordFileWriter {
 public:
  /// `cipher` may be null. `data_bytes` is how much Write will be given in all. Errors as
  /// FileWriter, and the cipher's.
  static Result<RecordFileWriter> Create(const std::string& path, const StateCipher* cipher,
                                         std::span<const std::byte> header, uint64_t data_bytes);
  Status Write(std::span<const std::byte> bytes);
  /// kFailedPrecondition unless data_bytes were written.
  Status Commit();

 private:
  RecordFileWriter(FileWriter file, std::unique_ptr<RecordCipher> cipher);
  Status WriteRecord(std::span<std::byte> record);

  FileWriter file_;
  std::unique_ptr<RecordCipher> cipher_;
  std::vector<std::byte> preamble_;
  std::vector<std::byte> record_;  ///< being filled
  uint64_t data_left_ = 0;
  uint64_t number_ = 0;
};

/// Reads such a file front to back. One thread at a time; `reader` and `cipher` outlive it.
class RecordFileReader {
 public:
  /// Checks the preamble, that the file has the size that it announces, and the header.
  /// kDataLoss (damaged or cut short), kUnimplemented (a later version), kPermissionDenied
  /// (encrypted with another key, or there is no cipher; or not encrypted, and there is one:
  /// somebody without the key wrote it).
  static Result<RecordFileReader> Open(const RandomReader& reader, const StateCipher* cipher);

  std::span<const std::byte> header() const { return header_; }
  uint64_t data_bytes() const { return data_bytes_; }
  /// The next bytes of the data. kDataLoss where there are not so many or a record is damaged.
  Status Read(std::span<std::byte> out);

 private:
  explicit RecordFileReader(const RandomReader& reader) : reader_(&reader) {}
  Status ReadPreamble(const StateCipher* cipher);
  Status ReadRecord(size_t n_bytes, std::vector<std::byte>* record);
  size_t tag_bytes() const;

  const RandomReader* reader_;
  std::unique_ptr<RecordCipher> cipher_;
  std::vector<std::byte> preamble_;
  std::vector<std::byte> header_;
  std::vector<std::byte> record_;
  size_t record_used_ = 0;  ///< bytes of record_ that were given out
  uint64_t header_bytes_ = 0;
  uint64_t data_bytes_ = 0;
  uint64_t data_left_ = 0;  ///< in records not yet read
  uint64_t offset_ = 0;
  uint64_t number_ = 0;
};

}  // namespace autoglm
