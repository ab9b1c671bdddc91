#include "training/examples.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/rng.h"
#include "base/str.h"
#include "training/torch.h"

namespace autoglm {

namespace {

// Enough batches to find partners of one length in, few enough to mix lengths over the epoch.
constexpr int64_t kBatchesSortedTogether = 50;

void Shuffle(std::vector<int>* values, Rng* rng) {
  for (size_t i = values->size(); i > 1; --i) {
    std::swap((*values)[i - 1], (*values)[rng->NextBelow(i)]);
  }
}

void SortByLength(const ExampleSet& examples, std::span<int> indices) {
  std::stable_sort(indices.begin(), indices.end(),
                   [&](int a, int b) { return examples.length(a) < examples.length(b); });
}

/// Cuts `indices`, in order of length, into batches.
void Cut(const ExampleSet& examples, std::span<const int> indices, int64_t max_tokens,
         std::vector<std::vector<int>>* batches) {
  std::vector<int> batch;
  for (const int i : indices) {
    const auto n = static_cast<int64_t>(batch.size()) + 1;
    if (!batch.empty() && n * examples.length(i) > max_tokens) {
      batches->push_back(std::move(batch));
      batch.clear();
    }
    batch.push_back(i);
  }
  if (!batch.empty()) batches->push_back(std::move(batch));
}

std::vector<int> AllOf(const ExampleSet& examples) {
  std::vector<int> indices(static_cast<size_t>(examples.size()));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

/// Tokens of a conversation's front with this message of the user.
Result<std::vector<int32_t>> EncodePrompt(const std::string& prompt, const Tokenizer& tokenizer,
                                          const ChatTemplate& chat_template) {
  const auto name_of = [&](int32_t id) {
    return id < 0 ? std::string() : std::string(tokenizer.TokenBytes(id));
  };
  const nlohmann::ordered_json input = {{"messages", {{{"role", "user"}, {"content", prompt}}}},
                                        {"add_generation_prompt", true},
                                        {"bos_token", name_of(tokenizer.bos_id())},
                                        {"eos_token", name_of(tokenizer.eos_id())}};
  AUTOGLM_ASSIGN_OR_RETURN(const std::string text, chat_template.Render(input, 0));
  return tokenizer.Encode(text, {.add_special = false, .parse_special = true});
}

struct EncodedPair {
  std::vector<int32_t> tokens;
  int n_given = 0;
};

Result<EncodedPair> EncodePair(const PromptAnswer& pair, const Tokenizer& tokenizer,
                               const ChatTemplate& chat_template) {
  EncodedPair encoded;
  AUTOGLM_ASSIGN_OR_RETURN(encoded.tokens, EncodePrompt(pair.prompt, tokenizer, chat_template));
  encoded.n_given = static_cast<int>(encoded.tokens.size());
  const auto answer = tokenizer.Encode(pair.answer, {.add_special = false, .parse_special = false});
  encoded.tokens.insert(encoded.tokens.end(), answer.begin(), answer.end());
  encoded.tokens.push_back(tokenizer.eos_id());
  return encoded;
}

/// Of all pairs, on all threads: a grammar for each prompt is most of the work of encoding.
std::vector<Result<TokenChoices>> ChoicesOf(const std::vector<PromptAnswer>& pairs,
                                            const std::vector<EncodedPair>& encoded,
                                            const AnswerChoices& grammar) {
  std::vector<Result<TokenChoices>> choices(encoded.size(), TokenChoices{});
  at::parallel_for(0, static_cast<int64_t>(pairs.size()), 256, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      const auto answer =
          std::span(encoded[i].tokens).subspan(static_cast<size_t>(encoded[i].n_given));
      choices[i] = grammar.For(pairs[i].prompt, answer);
    }
  });
  return choices;
}

int64_t NumScored(const TokenChoices& choices) {
  int64_t n = 0;
  for (size_t i = 0; i < choices.ends.size(); ++i) n += choices.at(i).size() != 1;
  return n;
}

Result<ExampleSet> EncodePairs(const std::vector<PromptAnswer>& pairs, const Tokenizer& tokenizer,
                               const ChatTemplate* chat_template, const AnswerChoices* grammar,
                               int n_ctx, LeftOut* left_out) {
  if (chat_template == nullptr) {
    return Error(StatusCode::kInvalidArgument,
                 "the model has no chat template to make prompts with");
  }
  if (tokenizer.eos_id() < 0) {
    return Error(StatusCode::kInvalidArgument, "the tokenizer has no token that ends an answer");
  }
  std::vector<EncodedPair> encoded;
  for (const PromptAnswer& pair : pairs) {
    AUTOGLM_ASSIGN_OR_RETURN(EncodedPair one, EncodePair(pair, tokenizer, *chat_template));
    encoded.push_back(std::move(one));
  }
  std::vector<Result<TokenChoices>> choices;
  if (grammar != nullptr) choices = ChoicesOf(pairs, encoded, *grammar);
  ExampleSet examples;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto& [tokens, n_given] = encoded[i];
    if (static_cast<int>(tokens.size()) > n_ctx + 1 || n_given == 0) {
      ++left_out->too_long;
    } else if (grammar == nullptr) {
      examples.Add(tokens, n_given);
    } else if (!choices[i].ok()) {
      if (left_out->outside_grammar++ == 0) left_out->outside_example = pairs[i].answer;
    } else if (NumScored(*choices[i]) > 0) {
      examples.Add(tokens, n_given, &*choices[i]);
    }
  }
  if (examples.size() > 0) return examples;
  if (left_out->outside_grammar > 0) {
    return Error(StatusCode::kInvalidArgument, "none of the ", pairs.size(),
                 " answers follows the grammar; the first is '", Quoted(left_out->outside_example),
                 "'");
  }
  return Error(StatusCode::kInvalidArgument, "none of the ", pairs.size(),
               " pairs fits into a context of ", n_ctx, " tokens and leaves a choice");
}

}  // namespace

void ExampleSet::Add(std::span<const int32_t> tokens, int n_given, const TokenChoices* choices) {
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  begin_.push_back(tokens_.size());
  given_.push_back(n_given);
  const size_t n_scored = tokens.size() - static_cast<size_t>(n_given);
  first_scored_.push_back(first_scored_.back() + n_scored);
  for (size_t t = 0; choices != nullptr && t < n_scored; ++t) choices_.Add(choices->at(t));
}

int64_t ExampleSet::n_scored() const {
  return has_choices() ? NumScored(choices_) : static_cast<int64_t>(first_scored_.back());
}

Result<ExampleSet> EncodeExamples(const TextData& data, const Tokenizer& tokenizer,
                                  const ChatTemplate* chat_template, const AnswerChoices* grammar,
                                  int n_ctx, LeftOut* left_out) {
  if (!data.pairs.empty()) {
    return EncodePairs(data.pairs, tokenizer, chat_template, grammar, n_ctx, left_out);
  }
  if (grammar != nullptr) {
    return Error(StatusCode::kInvalidArgument, "a grammar is of answers, and the data is text");
  }
  const std::vector<int32_t> tokens =
      tokenizer.Encode(data.text, {.add_special = true, .parse_special = false});
  ExampleSet examples;
  for (size_t at = 0; at + 1 < tokens.size(); at += static_cast<size_t>(n_ctx)) {
    const size_t n = std::min(tokens.size() - at, static_cast<size_t>(n_ctx) + 1);
    examples.Add(std::span(tokens).subspan(at, n), 1);
  }
  if (examples.size() == 0) {
    return Error(StatusCode::kInvalidArgument,
                 "the text is a single token; there is nothing to "
                 "predict");
  }
  return examples;
}

TokenBatch MakeBatch(const ExampleSet& examples, std::span<const int> indices) {
  TokenBatch batch;
  batch.n_sequences = static_cast<int>(indices.size());
  for (const int i : indices) batch.n_positions = std::max(batch.n_positions, examples.length(i));
  batch.tokens.resize(indices.size() * static_cast<size_t>(batch.n_positions));
  for (size_t s = 0; s < indices.size(); ++s) {
    const auto tokens = examples.tokens(indices[s]);
    const auto row = static_cast<int32_t>(s) * batch.n_positions;
    const int n = examples.length(indices[s]);
    std::copy(tokens.begin(), tokens.end() - 1, batch.tokens.begin() + row);
    batch.n_tokens += n;
    const int first = examples.n_given(indices[s]) - 1;
    for (int t = first; t < n; ++t) {
      if (examples.has_choices()) {
        const auto choices = examples.choices(indices[s], t - first);
        if (choices.size() == 1) continue;
        batch.choices.Add(choices);
      }
      batch.scored_rows.push_back(row + t);
      batch.targets.push_back(tokens[static_cast<size_t>(t) + 1]);
    }
  }
  return batch;
}

std::vector<std::vector<int>> EpochBatches(const ExampleSet& examples, int64_t max_tokens,
                                           uint64_t seed, int64_t epoch) {
  Rng rng(seed * 0x9E3779B97F4A7C15u + static_cast<uint64_t>(epoch));
  std::vector<int> order = AllOf(examples);
  Shuffle(&order, &rng);
  std::vector<std::vector<int>> batches;
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    for (int64_t n = 0; end < order.size() && n < kBatchesSortedTogether * max_tokens; ++end) {
      n += examples.length(order[end]);
    }
    const auto stretch = std::span(order).subspan(begin, end - begin);
    SortByLength(examples, stretch);
    Cut(examples, stretch, max_tokens, &batches);
    begin = end;
  }
  std::vector<int> places(batches.size());
  std::iota(places.begin(), places.end(), 0);
  Shuffle(&places, &rng);
  std::vector<std::vector<int>> shuffled;
  for (const int place : places) shuffled.push_back(std::move(batches[static_cast<size_t>(place)]));
  return shuffled;
}

std::vector<std::vector<int>> OrderedBatches(const ExampleSet& examples, int64_t max_tokens) {
  std::vector<int> order = AllOf(examples);
  SortByLength(examples, order);
  std::vector<std::vector<int>> batches;
  Cut(examples, order, max_tokens, &batches);
  return batches;
}

}  // namespace autoglm
