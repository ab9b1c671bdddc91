// The structure of one GGUF file (versions 2 and 3): metadata and where its tensors lie, every
// count, size and offset checked. Source: the GGUF specification of the ggml project.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "formats/metadata.h"
#include "formats/model_file.h"

namespace autoglm {

struct GgufContents {
  Metadata metadata;  ///< strings are views into the parsed bytes
  std::vector<TensorEntry> tensors;
  std::vector<uint64_t> offsets;  ///< of each tensor, in bytes from the file's start
};

/// True if the bytes begin as a GGUF file does.
bool IsGguf(std::span<const std::byte> bytes);

/// Messages do not name the file. Errors: kInvalidArgument (no GGUF), kUnimplemented (version,
/// byte order or tensor type unknown), kDataLoss (damaged or contradicting itself), kOutOfRange
/// (a u64 above the range of i64).
Result<GgufContents> ParseGguf(std::span<const std::byte> bytes);

}  // namespace autoglm
