// Writes one safetensors file: what Hugging Face folders and checkpoints of training consist of.
// Source: the safetensors format description (header length u64, JSON header, data).
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "tensor/tensor.h"

namespace autoglm {

/// One tensor to write; its bytes are viewed, row-major and little-endian.
struct SafetensorsData {
  std::string name;
  std::string_view dtype_name;  ///< as the format spells it: "F32", "U8", "I64"
  Shape shape;
  std::span<const std::byte> bytes;
};

/// Writes `tensors` in their order; `metadata` becomes the header's "__metadata__". The file
/// appears when complete or not at all. Errors: kInvalidArgument (a name twice), those of
/// FileWriter.
Status WriteSafetensors(const std::string& path, std::span<const SafetensorsData> tensors,
                        const std::map<std::string, std::string>& metadata);

}  // namespace autoglm
