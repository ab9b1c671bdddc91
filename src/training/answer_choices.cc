#include "training/answer_choices.h"

#include <algorithm>
#include <cmath>

#include "autoglm/action.h"
#include "engine/jump_ahead.h"
#include "sampling/grammar/builtin.h"

namespace autoglm {

namespace {

std::vector<int32_t> FiniteOf(const std::vector<float>& logits) {
  std::vector<int32_t> ids;
  for (size_t id = 0; id < logits.size(); ++id) {
    if (std::isfinite(logits[id])) ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

/// Whether the engine writes the token without asking the model, see ForcedTokens: the grammar
/// forces its text, and no token reaches from there to where there is a choice.
bool IsForced(const GrammarMatcher& matcher, std::string_view bytes) {
  constexpr size_t kAhead = 64;
  const std::string forced = matcher.Forced(kAhead);
  return !bytes.empty() && forced.starts_with(bytes) && !matcher.MayOverrun(forced);
}

}  // namespace

Result<AnswerChoices> AnswerChoices::Create(const std::string& grammar,
                                            const Tokenizer& tokenizer) {
  AnswerChoices made;
  made.vocabulary_ = MakeGrammarVocabulary(tokenizer, tokenizer.vocab_size());
  if (grammar == kPhoneActionsTask) return made;
  AUTOGLM_ASSIGN_OR_RETURN(std::string gbnf, ResolveGrammar(grammar));
  AUTOGLM_ASSIGN_OR_RETURN(made.grammar_,
                           Grammar::Compile({.gbnf = std::move(gbnf)}, made.vocabulary_));
  return made;
}

Result<TokenChoices> AnswerChoices::For(std::string_view prompt,
                                        std::span<const int32_t> answer) const {
  std::shared_ptr<const Grammar> grammar = grammar_;
  if (grammar == nullptr) {
    AUTOGLM_ASSIGN_OR_RETURN(grammar,
                             Grammar::Compile({.gbnf = PhoneActionsGrammar(prompt)}, vocabulary_));
  }
  GrammarMatcher matcher(grammar);
  TokenChoices choices;
  std::vector<float> logits(static_cast<size_t>(vocabulary_->size()));
  std::vector<int32_t> permitted;
  for (const int32_t token : answer) {
    if (IsForced(matcher, vocabulary_->path(token))) {
      permitted = {token};
    } else {
      std::fill(logits.begin(), logits.end(), 0.0F);
      AUTOGLM_RETURN_IF_ERROR(matcher.MaskLogits(logits));
      permitted = FiniteOf(logits);
      if (permitted.size() > kMostChoices) permitted.clear();
    }
    AUTOGLM_RETURN_IF_ERROR(matcher.Accept(token));
    choices.Add(permitted);
  }
  return choices;
}

}  // namespace autoglm
