// Writes any model as one GGUF file, with the element type of each tensor chosen by the caller:
// quantizing is this.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "formats/model_file.h"
#include "quant/encoder_loops.h"

namespace autoglm {

struct ConvertOptions {
  /// The element type that a tensor shall have; as it is where unset.
  std::function<DType(const TensorEntry&)> choose;
  /// general.file_type of the result; kept where unset.
  std::optional<uint32_t> file_type;
  /// By which the squared error of each column counts: shape.cols() weights, or none. The span is
  /// used until the next tensor is asked for.
  std::function<std::span<const float>(const TensorEntry&)> importance;
  /// Writes n_rows rows of x [n_rows, cols] as blocks of the tensor's new type.
  using RowEncoder = std::function<Status(const float* x, int64_t n_rows, std::byte* out)>;
  /// How `source` becomes `target`, where its type's own encoder shall not do it: called once for a
  /// tensor that changes its type, before its first row. Unset or null: that encoder, with
  /// `importance`.
  std::function<Result<RowEncoder>(const TensorEntry& source, DType target)> encoder;
  /// What its type's own encoder works with: a kernel table's are faster and change no bit.
  const EncoderLoops* encoder_loops = &kScalarEncoderLoops;
  /// Bytes of the model read so far, of all; called from the calling thread. Returning false
  /// cancels.
  std::function<bool(int64_t done_bytes, int64_t total_bytes)> progress;
  int n_threads = 1;
  /// Without it, a tensor that is quantized already and would change its type is refused: each
  /// rounding adds to the error.
  bool allow_requantize = false;
  /// Texts that the result's metadata shall have, by key, in place of what the input has.
  std::vector<std::pair<std::string, std::string>> strings;
};

/// Streams `in` to `out` row by row: beyond the mapped input, memory for a few MiB of rows is
/// taken. `out` appears when complete or not at all. Errors: kInvalidArgument (a type that cannot
/// be encoded, or whose blocks do not divide the rows; requantizing; a key that is no text),
/// kCancelled, and those of reading and writing.
Status WriteGguf(const ModelFile& in, const std::string& out, const ConvertOptions& options);

/// The size in bytes of the file that this would write. kInvalidArgument as WriteGguf.
Result<int64_t> GgufBytes(const ModelFile& in, const ConvertOptions& options);

}  // namespace autoglm
