// State files: arbitrary bytes either give a state or an error. To get beyond checksums, the bytes
// are tried as they are and with the preamble's and the header's made right.
#include <cstring>
#include <vector>

#include "base/xxhash64.h"
#include "engine/state_file.h"

namespace {

void Read(std::span<const std::byte> bytes) {
  const autoglm::MemoryReader reader(bytes);
  const auto info = autoglm::ReadStateInfo(reader, nullptr);
  if (!info.ok()) return;
  const auto state = autoglm::ReadStateFile(reader, nullptr, *info);
  if (state.ok() && state->tokens.size() != static_cast<size_t>(info->n_tokens)) __builtin_trap();
}

void Put64(std::vector<std::byte>* bytes, size_t at, uint64_t value) {
  if (at <= bytes->size() && bytes->size() - at >= 8) std::memcpy(bytes->data() + at, &value, 8);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto given = std::as_bytes(std::span(data, size));
  Read(given);
  constexpr size_t kPreamble = 64;
  if (size < kPreamble + 16) return 0;
  std::vector<std::byte> bytes(given.begin(), given.end());
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data() + 32, 8);
  if (header_bytes > size - kPreamble) return 0;
  Put64(&bytes, 56, autoglm::XxHash64(std::span(bytes).first(56)));
  const size_t header_end = kPreamble + header_bytes;
  Put64(&bytes, header_end, autoglm::XxHash64(std::span(bytes).subspan(kPreamble, header_bytes)));
  if (header_end + 16 <= size) {
    const auto record = std::span(bytes).subspan(header_end + 8, size - header_end - 16);
    Put64(&bytes, size - 8, autoglm::XxHash64(record, 1));
  }
  Read(bytes);
  return 0;
}
