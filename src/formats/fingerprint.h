// A model's fingerprint: whether a saved cache belongs to these weights.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "formats/model_file.h"

namespace autoglm {

/// A hash of every tensor's name, type, shape and of samples of its bytes (whole rows at its
/// beginning, end and between, so that a large model takes milliseconds), of the numbers in the
/// metadata, and of `recipe`, by which weights are converted while they are loaded. Models that
/// were trained on differ in nearly every row. Not a proof against somebody who makes two alike.
/// Errors as ReadRows.
Result<uint64_t> ModelFingerprint(const ModelFile& file, std::string_view recipe);

}  // namespace autoglm
