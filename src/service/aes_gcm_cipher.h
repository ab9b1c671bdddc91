// State files encrypted with AES-256 in Galois/Counter Mode, by OpenSSL.
// Sources: NIST SP 800-38D; a key for each file from the one key by HKDF-SHA256 (RFC 5869), so that
// no nonce is ever used twice with a key however many files there are.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "engine/state_cipher.h"

namespace autoglm {

/// The cipher of a 32-byte key.
Result<std::unique_ptr<StateCipher>> NewAesGcmCipher(std::string_view key);

/// Its key from a file of 32 bytes, or of 64 hexadecimal digits. kPermissionDenied where others
/// than its owner may read it, kInvalidArgument where it holds no key, and as ReadWholeFile.
Result<std::unique_ptr<StateCipher>> AesGcmCipherFromFile(const std::string& path);

}  // namespace autoglm
