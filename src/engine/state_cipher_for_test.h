// A cipher for tests of what uses one: it hides nothing from anybody, but it changes every byte and
// notices every change, as a real one does.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/xxhash64.h"
#include "engine/state_cipher.h"

namespace autoglm {

class XorCipher : public StateCipher {
 public:
  explicit XorCipher(uint64_t key) : key_(key) {}

  Result<std::unique_ptr<RecordCipher>> ForFile(
      std::span<const std::byte, kSaltBytes> salt) const override {
    return std::unique_ptr<RecordCipher>(new Records(XxHash64(salt, key_)));
  }

 private:
  class Records : public RecordCipher {
   public:
    explicit Records(uint64_t key) : key_(key) {}

    Status Seal(uint64_t number, std::span<const std::byte> associated, std::span<std::byte> record,
                std::span<std::byte, kTagBytes> tag) override {
      MakeTag(number, associated, record, tag);
      Turn(number, record);
      return OkStatus();
    }
    Status Open(uint64_t number, std::span<const std::byte> associated, std::span<std::byte> record,
                std::span<const std::byte, kTagBytes> tag) override {
      Turn(number, record);
      std::byte expected[kTagBytes];
      MakeTag(number, associated, record, expected);
      if (std::equal(tag.begin(), tag.end(), expected)) return OkStatus();
      return Error(StatusCode::kDataLoss, "record ", number, " does not open with this key");
    }

   private:
    void Turn(uint64_t number, std::span<std::byte> record) const {
      for (std::byte& byte : record) byte ^= static_cast<std::byte>(key_ + number);
    }
    void MakeTag(uint64_t number, std::span<const std::byte> associated,
                 std::span<const std::byte> record, std::span<std::byte, kTagBytes> tag) const {
      const uint64_t words[2] = {XxHash64(record, XxHash64(associated, key_ + number)), key_};
      std::memcpy(tag.data(), words, kTagBytes);
    }

    uint64_t key_;
  };

  uint64_t key_;
};

}  // namespace autoglm
