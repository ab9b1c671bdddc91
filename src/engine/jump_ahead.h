// What a grammar needs of a tokenizer: the vocabulary's bytes, and the tokens of text that the
// grammar forces.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sampling/grammar/grammar.h"
#include "text/tokenizer.h"

namespace autoglm {

/// For tokens with ids below `vocab_size` (of the model; at most the tokenizer's are taken).
std::shared_ptr<const GrammarVocabulary> MakeGrammarVocabulary(const Tokenizer& tokenizer,
                                                               int32_t vocab_size);

/// The tokens that must come next after `tokens`, as the tokenizer would write the text that the
/// grammar forces; at most `max_tokens`. They end before a token that a permitted continuation
/// could make longer: that one is for the model to choose. Empty: nothing is forced, or the
/// tokenizer does not write that text as it is.
std::vector<int32_t> ForcedTokens(const GrammarMatcher& matcher, const Tokenizer& tokenizer,
                                  std::span<const int32_t> tokens, int max_tokens);

}  // namespace autoglm
