// From a pattern to its syntax tree (internal to regex.cc).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "text/code_point_set.h"

namespace autoglm {

struct RegexNode {
  enum class Kind : uint8_t {
    kEmpty,
    kSet,
    kConcat,
    kAlternate,
    kRepeat,
    kLook,
    kAtomic,
    kBegin,
    kEnd,
    kAbsoluteEnd,
    kWordBoundary,
  };
  enum class Mode : uint8_t { kGreedy, kLazy, kPossessive };
  static constexpr uint32_t kUnbounded = UINT32_MAX;

  Kind kind = Kind::kEmpty;
  CodePointSet set;  ///< of kSet
  std::vector<std::unique_ptr<RegexNode>> children;
  uint32_t min = 0, max = 0;  ///< of kRepeat
  Mode mode = Mode::kGreedy;  ///< of kRepeat
  bool negative = false;      ///< of kLook, kWordBoundary
};

/// The errors of Regex::Compile.
Result<std::unique_ptr<RegexNode>> ParseRegex(std::string_view pattern);

/// The letters, marks, decimal digits and connectors that \w stands for.
CodePointSet WordSet();

}  // namespace autoglm
