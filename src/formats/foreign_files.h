// Files that people take for models: recognised by content, so that the message can say what to do.
#pragma once

#include <cstddef>
#include <span>

#include "base/status.h"

namespace autoglm {

/// Always an error: what the bytes look like, and what to do about it.
Status DescribeForeignFile(std::span<const std::byte> bytes);

}  // namespace autoglm
