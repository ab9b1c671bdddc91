// XXH64: a fast hash for detecting damage and for telling contents apart. Not for secrets: whoever
// may choose the content can make two alike.
// Source: Y. Collet, "xxHash fast digest algorithm" (specification, version 0.1.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace autoglm {

uint64_t XxHash64(std::span<const std::byte> bytes, uint64_t seed = 0);

}  // namespace autoglm
