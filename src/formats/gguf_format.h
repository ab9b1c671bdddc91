// What the GGUF reader and writer share. Source: the GGUF specification of the ggml project.
#pragma once

#include <cstdint>
#include <string_view>

namespace autoglm::gguf {

inline constexpr std::string_view kMagic = "GGUF";
inline constexpr uint32_t kWrittenVersion = 3;
inline constexpr uint64_t kDefaultAlignment = 32;

inline constexpr std::string_view kAlignmentKey = "general.alignment";
inline constexpr std::string_view kSplitNoKey = "split.no";
inline constexpr std::string_view kSplitCountKey = "split.count";
inline constexpr std::string_view kSplitTensorsKey = "split.tensors.count";

/// `value` rounded up to a multiple of `alignment` (a power of two); it must not overflow.
constexpr uint64_t AlignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

}  // namespace autoglm::gguf
