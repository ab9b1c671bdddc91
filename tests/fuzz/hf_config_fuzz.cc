// Any bytes as config.json, read by every architecture.
#include <cstddef>
#include <cstdint>

#include "formats/hf/architectures.h"

using namespace autoglm;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const HfArchitecture& architecture : HfArchitectures()) {
    auto config = HfConfig::Parse(text, "config.json");
    if (!config.ok()) return 0;
    HfModel model(architecture.gguf_name);
    architecture.describe(&*config, &model);
    if (config->status().ok() && model.tensors.empty()) __builtin_trap();
  }
  return 0;
}
