// Any bytes as a GGUF file: opened, and every value and tensor that it claims to have read.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "formats/gguf_file.h"

using namespace autoglm;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto file = MappedFile::FromBytes({reinterpret_cast<const char*>(data), size});
  if (!file.ok()) return 0;
  auto model = GgufFile::Open(std::move(*file), "fuzz.gguf");
  if (!model.ok()) return 0;
  size_t sum = 0;
  for (const auto& [key, value] : (*model)->metadata().entries()) {
    (void)(*model)->metadata().GetInt(key).ok();
    (void)(*model)->metadata().GetFloat(key).ok();
    if (const auto text = (*model)->metadata().GetString(key); text.ok()) {
      for (char c : *text) sum += static_cast<unsigned char>(c);
    }
    if (const auto texts = (*model)->metadata().GetStrings(key); texts.ok()) {
      for (std::string_view text : *texts) {
        for (char c : text) sum += static_cast<unsigned char>(c);
      }
    }
  }
  for (const TensorEntry& entry : (*model)->tensors()) {
    std::vector<std::byte> rows(static_cast<size_t>(entry.n_bytes()));
    if (!(*model)->ReadRows(entry, 0, entry.shape.rows(), rows.data()).ok()) __builtin_trap();
    if ((*model)->Find(entry.name) != &entry) __builtin_trap();
  }
  volatile size_t sink = sum;
  (void)sink;
  return 0;
}
