// The table of Hugging Face architectures. The list is architectures.inc.
#pragma once

#include <span>
#include <string_view>

#include "formats/hf/model.h"

namespace autoglm {

struct HfArchitecture {
  std::string_view name;       ///< as in config.json
  std::string_view gguf_name;  ///< general.architecture
  void (*describe)(HfConfig* config, HfModel* model);
};

std::span<const HfArchitecture> HfArchitectures();

}  // namespace autoglm
