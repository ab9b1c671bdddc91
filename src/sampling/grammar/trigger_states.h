// The states of text that is free until a trigger is written.
// Source: Aho and Corasick 1975, "Efficient String Matching".
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "sampling/grammar/automaton.h"

namespace autoglm {

/// Adds to `automaton` the states of: any bytes and control tokens, until the first trigger is
/// complete (of several complete with the same byte the longest), then a call of its entry of
/// `rule_starts`. Returns their start. kInvalidArgument: an empty trigger, or more than 4096 bytes
/// of them.
Result<uint32_t> AddTriggerStates(const GrammarSpec& spec, const std::vector<uint32_t>& rule_starts,
                                  const ControlTokenFinder& find_token, Automaton* automaton);

}  // namespace autoglm
