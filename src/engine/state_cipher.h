// StateCipher: encryption of state files, as an interface, so that the core needs no cryptographic
// library; whoever has one implements it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/status.h"

namespace autoglm {

/// Authenticated encryption of the records of one file: each is sealed with its number, so that
/// records cannot be changed, exchanged or taken from another file. One thread at a time.
class RecordCipher {
 public:
  static constexpr size_t kTagBytes = 16;

  virtual ~RecordCipher() = default;
  /// Encrypts `record` in place. `associated` is authenticated along with it.
  virtual Status Seal(uint64_t number, std::span<const std::byte> associated,
                      std::span<std::byte> record, std::span<std::byte, kTagBytes> tag) = 0;
  /// The way back. kDataLoss where the record, its number, `associated` or the key is another.
  virtual Status Open(uint64_t number, std::span<const std::byte> associated,
                      std::span<std::byte> record, std::span<const std::byte, kTagBytes> tag) = 0;
};

/// Holds the key. Any thread may call.
class StateCipher {
 public:
  static constexpr size_t kSaltBytes = 16;

  virtual ~StateCipher() = default;
  /// For a file with this salt, which is random and never used for two files.
  virtual Result<std::unique_ptr<RecordCipher>> ForFile(
      std::span<const std::byte, kSaltBytes> salt) const = 0;
};

}  // namespace autoglm
