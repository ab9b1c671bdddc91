// What must be known of a grammar's rules before states are made of them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "sampling/grammar/gbnf.h"

namespace autoglm {

struct RuleAnalysis {
  std::vector<bool> ends;       ///< [nodes] some finite text matches
  std::vector<bool> nullable;   ///< [nodes] the empty text matches
  std::vector<bool> recursive;  ///< [rules] reaches itself
};

/// kInvalidArgument: a rule that begins with itself (left recursion), with the cycle in the
/// message.
Result<RuleAnalysis> AnalyzeRules(const GbnfGrammar& grammar);

}  // namespace autoglm
