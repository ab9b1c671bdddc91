#include "formats/hf/architectures.h"

namespace autoglm {

#define AUTOGLM_HF_ARCHITECTURE(name, gguf_name, Function) \
  void Function(HfConfig* config, HfModel* model);
#include "formats/hf/architectures.inc"
#undef AUTOGLM_HF_ARCHITECTURE

namespace {

constexpr HfArchitecture kArchitectures[] = {
#define AUTOGLM_HF_ARCHITECTURE(name, gguf_name, Function) {name, gguf_name, Function},
#include "formats/hf/architectures.inc"
#undef AUTOGLM_HF_ARCHITECTURE
};

}  // namespace

std::span<const HfArchitecture> HfArchitectures() { return kArchitectures; }

}  // namespace autoglm
