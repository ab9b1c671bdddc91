// Any bytes as a safetensors file: what is listed must lie within the file.
#include <cstddef>
#include <cstdint>
#include <span>

#include "formats/safetensors.h"

using namespace autoglm;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto entries = ParseSafetensors(bytes);
  if (!entries.ok()) return 0;
  uint64_t end = 0;
  for (const SafetensorsEntry& entry : *entries) {
    if (entry.offset < end || entry.offset > size || entry.n_bytes > size - entry.offset) {
      __builtin_trap();
    }
    end = entry.offset + entry.n_bytes;
    if (entry.dtype &&
        static_cast<uint64_t>(TensorBytes(*entry.dtype, entry.shape)) != entry.n_bytes) {
      __builtin_trap();
    }
  }
  return 0;
}
