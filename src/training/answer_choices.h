// AnswerChoices: which tokens the engine lets a model choose from as it answers, so that training
// is about the same choices.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "sampling/grammar/grammar.h"
#include "text/tokenizer.h"

namespace autoglm {

/// Lists of ids: the i-th is ids[ends[i - 1], ends[i]). An empty one: any token.
struct TokenChoices {
  std::vector<int32_t> ids;
  std::vector<size_t> ends;

  std::span<const int32_t> at(size_t i) const {
    const size_t begin = i == 0 ? 0 : ends[i - 1];
    return std::span(ids).subspan(begin, ends[i] - begin);
  }
  void Add(std::span<const int32_t> list) {
    ids.insert(ids.end(), list.begin(), list.end());
    ends.push_back(ids.size());
  }
};

class AnswerChoices {
 public:
  /// More are no decision between a few, but free text, and would take much memory.
  static constexpr size_t kMostChoices = 128;

  /// `grammar`: "phone_actions" (for each prompt its own, see PhoneActionsGrammar), or a name or
  /// rules as ResolveGrammar takes them. The errors of ResolveGrammar and Grammar::Compile.
  static Result<AnswerChoices> Create(const std::string& grammar, const Tokenizer& tokenizer);

  /// For each token of `answer`, the ids that may stand in its place after those before it,
  /// ascending; where they are more than kMostChoices, any; where the grammar forces the token's
  /// text, which the engine then writes by itself, the token alone. kInvalidArgument: the answer
  /// breaks the grammar. Threads may share this.
  Result<TokenChoices> For(std::string_view prompt, std::span<const int32_t> answer) const;

 private:
  std::shared_ptr<const GrammarVocabulary> vocabulary_;
  std::shared_ptr<const Grammar> grammar_;  ///< null: one is made for each prompt
};

}  // namespace autoglm
