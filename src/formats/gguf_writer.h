// Writes GGUF version 3 files in one pass: what is in the file first, then the tensors' data, given
// piece by piece. Source: the GGUF specification of the ggml project.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "formats/metadata.h"
#include "formats/model_file.h"

namespace autoglm {

/// Takes the next bytes of the tensor being written.
using ByteSink = std::function<Status(std::span<const std::byte>)>;
/// Puts all bytes of `entry` into `sink`, in order, in any number of pieces.
using TensorSource = std::function<Status(const TensorEntry& entry, const ByteSink& sink)>;

/// Writes `metadata` and `tensors` (with the dtypes and shapes that the file shall have) to `path`,
/// asking `source` for each tensor's data in their order. The file appears when complete or not at
/// all. general.alignment is obeyed where `metadata` has it, and split.* keys are left out: what
/// is written is one file. Errors: kInvalidArgument (entries that no reader would take, or a
/// source that gives too few or too many bytes), those of `source`, those of FileWriter.
Status WriteGgufFile(const std::string& path, const Metadata& metadata,
                     std::span<const TensorEntry> tensors, const TensorSource& source);

/// The size in bytes of the file that WriteGgufFile would write. Errors as for its arguments.
Result<int64_t> GgufFileBytes(const Metadata& metadata, std::span<const TensorEntry> tensors);

}  // namespace autoglm
