#include "service/aes_gcm_cipher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <sys/stat.h>

#include <array>
#include <cstring>
#include <utility>

#include "platform/file.h"

namespace autoglm {
namespace {

constexpr size_t kKeyBytes = 32;
constexpr size_t kNonceBytes = 12;
constexpr size_t kMaxKeyFileBytes = 256;
constexpr std::string_view kPurpose = "autoglm state file, AES-256-GCM";

using Key = std::array<unsigned char, kKeyBytes>;

template <auto kFree>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using CipherPtr = std::unique_ptr<EVP_CIPHER_CTX, Freer<EVP_CIPHER_CTX_free>>;
using DerivePtr = std::unique_ptr<EVP_PKEY_CTX, Freer<EVP_PKEY_CTX_free>>;

const unsigned char* Bytes(const std::byte* data) {
  return reinterpret_cast<const unsigned char*>(data);
}
unsigned char* Bytes(std::byte* data) { return reinterpret_cast<unsigned char*>(data); }

Status Failed(const char* what) {
  return Error(StatusCode::kInternal, "encryption: OpenSSL could not ", what);
}

class AesGcmRecords : public RecordCipher {
 public:
  AesGcmRecords(const Key& key, CipherPtr context) : key_(key), context_(std::move(context)) {}
  ~AesGcmRecords() override { OPENSSL_cleanse(key_.data(), key_.size()); }

  Status Seal(uint64_t number, std::span<const std::byte> associated, std::span<std::byte> record,
              std::span<std::byte, kTagBytes> tag) override {
    if (!Run(true, number, associated, record)) return Failed("encrypt");
    if (EVP_EncryptFinal_ex(context_.get(), nullptr, &n_out_) != 1 ||
        EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag.data()) != 1) {
      return Failed("make a tag");
    }
    return OkStatus();
  }

  Status Open(uint64_t number, std::span<const std::byte> associated, std::span<std::byte> record,
              std::span<const std::byte, kTagBytes> tag) override {
    if (!Run(false, number, associated, record)) return Failed("decrypt");
    std::array<std::byte, kTagBytes> expected;
    std::memcpy(expected.data(), tag.data(), kTagBytes);
    if (EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, expected.data()) ==
            1 &&
        EVP_DecryptFinal_ex(context_.get(), nullptr, &n_out_) == 1) {
      return OkStatus();
    }
    OPENSSL_cleanse(record.data(), record.size());
    return Error(StatusCode::kDataLoss, "record ", number,
                 " of the state file is damaged, or encrypted with another key");
  }

 private:
  /// Everything but the tag. Records are far smaller than an int can count.
  bool Run(bool encrypt, uint64_t number, std::span<const std::byte> associated,
           std::span<std::byte> record) {
    std::array<unsigned char, kNonceBytes> nonce = {};
    std::memcpy(nonce.data(), &number, sizeof(number));
    return EVP_CipherInit_ex(context_.get(), EVP_aes_256_gcm(), nullptr, key_.data(), nonce.data(),
                             encrypt) == 1 &&
           EVP_CipherUpdate(context_.get(), nullptr, &n_out_, Bytes(associated.data()),
                            static_cast<int>(associated.size())) == 1 &&
           EVP_CipherUpdate(context_.get(), Bytes(record.data()), &n_out_, Bytes(record.data()),
                            static_cast<int>(record.size())) == 1;
  }

  Key key_;
  CipherPtr context_;
  int n_out_ = 0;
};

class AesGcmCipher : public StateCipher {
 public:
  explicit AesGcmCipher(std::string_view key) { std::memcpy(key_.data(), key.data(), kKeyBytes); }
  ~AesGcmCipher() override { OPENSSL_cleanse(key_.data(), key_.size()); }

  Result<std::unique_ptr<RecordCipher>> ForFile(
      std::span<const std::byte, kSaltBytes> salt) const override {
    Key file_key;
    size_t n_bytes = file_key.size();
    const DerivePtr derive(EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr));
    CipherPtr context(EVP_CIPHER_CTX_new());
    const auto* purpose = reinterpret_cast<const unsigned char*>(kPurpose.data());
    if (!derive || !context || EVP_PKEY_derive_init(derive.get()) != 1 ||
        EVP_PKEY_CTX_set_hkdf_md(derive.get(), EVP_sha256()) != 1 ||
        EVP_PKEY_CTX_set1_hkdf_salt(derive.get(), Bytes(salt.data()), kSaltBytes) != 1 ||
        EVP_PKEY_CTX_set1_hkdf_key(derive.get(), key_.data(), kKeyBytes) != 1 ||
        EVP_PKEY_CTX_add1_hkdf_info(derive.get(), purpose, static_cast<int>(kPurpose.size())) !=
            1 ||
        EVP_PKEY_derive(derive.get(), file_key.data(), &n_bytes) != 1) {
      return Failed("derive a key");
    }
    auto records = std::make_unique<AesGcmRecords>(file_key, std::move(context));
    OPENSSL_cleanse(file_key.data(), file_key.size());
    return std::unique_ptr<RecordCipher>(std::move(records));
  }

 private:
  Key key_;
};

/// 64 hexadecimal digits as 32 bytes, or "".
std::string FromHex(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string bytes;
  if (text.size() != 2 * kKeyBytes) return bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return "";
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

}  // namespace

Result<std::unique_ptr<StateCipher>> NewAesGcmCipher(std::string_view key) {
  if (key.size() != kKeyBytes) {
    return Error(StatusCode::kInvalidArgument, "a key of ", key.size(), " bytes; it must have ",
                 kKeyBytes);
  }
  return std::unique_ptr<StateCipher>(std::make_unique<AesGcmCipher>(key));
}

Result<std::unique_ptr<StateCipher>> AesGcmCipherFromFile(const std::string& path) {
  AUTOGLM_ASSIGN_OR_RETURN(std::string key, ReadWholeFile(path, kMaxKeyFileBytes));
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Error(StatusCode::kPermissionDenied, "the key file '", Quoted(path),
                 "' may be used by others than its owner: chmod 600 it");
  }
  if (key.size() != kKeyBytes) {
    while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
    key = FromHex(key);
  }
  if (key.empty()) {
    return Error(StatusCode::kInvalidArgument, "the key file '", Quoted(path),
                 "' must hold 32 bytes or 64 hexadecimal digits, as from: openssl rand -hex 32");
  }
  Result<std::unique_ptr<StateCipher>> cipher = NewAesGcmCipher(key);
  OPENSSL_cleanse(key.data(), key.size());
  return cipher;
}

}  // namespace autoglm
