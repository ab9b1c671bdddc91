// See sequence.h.
#include "engine/sequence.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/jump_ahead.h"

namespace autoglm {

const char* StopReasonName(StopReason reason) {
  switch (reason) {
    case StopReason::kNone:
      return "none";
    case StopReason::kEndOfGeneration:
      return "end_of_generation";
    case StopReason::kStopString:
      return "stop_string";
    case StopReason::kLength:
      return "length";
    case StopReason::kContextFull:
      return "context_full";
    case StopReason::kCancelled:
      return "cancelled";
    case StopReason::kError:
      return "error";
  }
  return "unknown";
}

Sequence::Sequence(KvPagePool& pool, PrefixCache* prefix_cache, int max_tokens,
                   const Tokenizer* tokenizer, int vocab_size, const Clock& clock)
    : pool_(&pool),
      prefix_cache_(prefix_cache),
      tokenizer_(tokenizer),
      clock_(&clock),
      vocab_size_(vocab_size),
      kv_(pool, max_tokens) {
  tokens_.reserve(max_tokens);
}

Status Sequence::CheckStart(std::span<const int32_t> prompt, const SequenceOptions& options) const {
  if (prompt.empty()) return Error(StatusCode::kInvalidArgument, "the prompt has no tokens");
  for (size_t i = 0; i < prompt.size(); ++i) {
    if (prompt[i] < 0 || prompt[i] >= vocab_size_) {
      return Error(StatusCode::kInvalidArgument, "token ", i, " of the prompt is ", prompt[i],
                   "; the vocabulary has ids 0 to ", vocab_size_ - 1);
    }
  }
  if (options.max_new_tokens != SequenceOptions::kNoLimit && options.max_new_tokens <= 0) {
    return Error(StatusCode::kOutOfRange, "max_tokens is ", options.max_new_tokens,
                 "; it must be above 0, or ", SequenceOptions::kNoLimit, " for no limit");
  }
  if (options.grammar != nullptr) {
    const GrammarVocabulary* vocabulary = options.grammar->vocabulary();
    if (tokenizer_ == nullptr || vocabulary == nullptr || vocabulary->size() > vocab_size_) {
      return Error(StatusCode::kInvalidArgument,
                   "a grammar that was not compiled by this sequence's engine");
    }
  }
  if (options.context_policy == ContextPolicy::kDropOldest) {
    if (options.n_keep < 0 || options.n_keep > max_tokens() - 2) {
      return Error(StatusCode::kOutOfRange, "n_keep is ", options.n_keep, "; with a context of ",
                   max_tokens(), " tokens it must be within 0 and ", max_tokens() - 2);
    }
  } else if (prompt.size() >= static_cast<size_t>(max_tokens())) {
    return Error(StatusCode::kResourceExhausted, "the prompt has ", prompt.size(),
                 " tokens, but prompt and answer together may have ", max_tokens(),
                 ": shorten it, take a larger context, or let the oldest tokens be dropped");
  }
  return OkStatus();
}

Status Sequence::Start(std::span<const int32_t> prompt, const SequenceOptions& options) {
  AUTOGLM_RETURN_IF_ERROR(CheckStart(prompt, options));
  AUTOGLM_ASSIGN_OR_RETURN(Sampler sampler, Sampler::Create(options.sampling, vocab_size_));
  std::optional<StopMatcher> stop_matcher;
  if (!options.stop.empty()) {
    AUTOGLM_ASSIGN_OR_RETURN(stop_matcher, StopMatcher::Create(options.stop));
  }

  options_ = options;
  n_prompt_ = static_cast<int>(prompt.size());
  std::span<const int32_t> head = prompt;
  std::span<const int32_t> tail;
  if (n_prompt_ >= max_tokens()) {  // only with kDropOldest
    head = prompt.first(options_.n_keep);
    tail = prompt.last(NumTailTokens());
  }
  // At least the last token is computed (again), for its logits.
  const size_t n_reusable =
      std::min<size_t>(n_computed(), tail.empty() ? head.size() - 1 : head.size());
  const auto mismatch = std::mismatch(head.begin(), head.begin() + n_reusable, tokens_.begin());
  n_cached_ = static_cast<int>(mismatch.first - head.begin());
  if (tail.empty()) n_cached_ = AdoptPrefix(head.first(head.size() - 1), n_cached_);
  kv_.Truncate(n_cached_);
  tokens_.assign(head.begin(), head.end());
  tokens_.insert(tokens_.end(), tail.begin(), tail.end());

  sampler_ = std::move(sampler);
  for (int32_t token : prompt) sampler_->Accept(token);  // penalties see the prompt
  grammar_ = nullptr;
  forced_.clear();
  if (options_.grammar != nullptr) {
    auto constraint = std::make_unique<GrammarConstraint>(GrammarMatcher(options_.grammar));
    grammar_ = constraint.get();
    sampler_->AddConstraint(std::move(constraint));
  }
  decoder_.reset();
  if (tokenizer_ != nullptr) {
    decoder_.emplace(*tokenizer_, /*at_start=*/false, options_.keep_special,
                     options_.shown_special);
  }
  stop_matcher_ = std::move(stop_matcher);

  started_ = true;
  stop_reason_ = StopReason::kNone;
  status_ = OkStatus();
  output_ = StepOutput();
  n_generated_ = 0;
  n_jumped_ = 0;
  timings_ = {.start_ns = clock_->NowNs()};
  return OkStatus();
}

int Sequence::AdoptPrefix(std::span<const int32_t> prompt, int n_own) {
  if (prefix_cache_ == nullptr) return n_own;
  const std::span<const int> pages = prefix_cache_->Find(options_.prefix_domain, prompt);
  const int n_found = static_cast<int>(pages.size()) * KvLayout::kPageTokens;
  if (n_found <= n_own) return n_own;
  kv_.Adopt(pages);
  return n_found;
}

void Sequence::ShareWith(uint64_t domain) const {
  if (prefix_cache_ == nullptr) return;
  prefix_cache_->Insert(domain, tokens().first(n_computed()), kv_.pages());
}

SequenceSnapshot Sequence::Snapshot() const {
  const int n_full = n_computed() / KvLayout::kPageTokens * KvLayout::kPageTokens;
  return {*pool_, tokens_, kv_.Fork(n_full)};
}

Status Sequence::Restore(const SequenceState& state) {
  if (active()) {
    return Error(StatusCode::kFailedPrecondition, "a state cannot be restored during an answer");
  }
  if (state.layout != pool_->layout()) {
    return Error(StatusCode::kInvalidArgument, "the saved cache has another layout");
  }
  if (state.tokens.size() > static_cast<size_t>(max_tokens())) {
    return Error(StatusCode::kInvalidArgument, "the saved state has ", state.tokens.size(),
                 " tokens, and the context ", max_tokens());
  }
  for (int32_t token : state.tokens) {
    if (token < 0 || token >= vocab_size_) {
      return Error(StatusCode::kInvalidArgument, "the saved state has a token ", token,
                   ", and the vocabulary ids 0 to ", vocab_size_ - 1);
    }
  }
  KvSequence kv(*pool_, max_tokens());
  AUTOGLM_RETURN_IF_ERROR(kv.Extend(state.n_computed));
  const auto page_bytes = static_cast<size_t>(state.layout.page_bytes());
  for (size_t i = 0; i < kv.page_data().size(); ++i) {
    std::memcpy(kv.page_data()[i], state.pages.data() + i * page_bytes, page_bytes);
  }
  kv_ = std::move(kv);
  tokens_.assign(state.tokens.begin(), state.tokens.end());
  started_ = false;
  return OkStatus();
}

std::unique_ptr<Sequence> Sequence::Fork() const {
  std::unique_ptr<Sequence> fork(
      new Sequence(*pool_, prefix_cache_, max_tokens(), tokenizer_, vocab_size_, *clock_));
  fork->kv_ = kv_.Fork(kv_.n_tokens());
  fork->tokens_.assign(tokens_.begin(), tokens_.end());  // keeps the reserved capacity
  fork->options_ = options_;
  fork->sampler_ = sampler_;
  if (grammar_ != nullptr) {
    const LogitTransform& constraint = *fork->sampler_->constraints().back();
    fork->grammar_ = static_cast<const GrammarConstraint*>(&constraint);
  }
  fork->forced_ = forced_;
  if (decoder_) fork->decoder_.emplace(*decoder_);
  fork->stop_matcher_ = stop_matcher_;
  fork->started_ = started_;
  fork->stop_reason_ = stop_reason_;
  fork->status_ = status_;
  fork->n_prompt_ = n_prompt_;
  fork->n_cached_ = n_cached_;
  fork->n_generated_ = n_generated_;
  fork->n_jumped_ = n_jumped_;
  fork->timings_ = timings_;
  return fork;
}

void Sequence::Reseed(uint64_t seed) {
  if (sampler_) sampler_->Reseed(seed);
}

void Sequence::Cancel() {
  if (!active()) return;
  output_.token.id = -1;
  output_.text.clear();
  output_.forced.clear();
  Finish(StopReason::kCancelled);
}

void Sequence::Choose(std::span<float> logits) {
  const Status status = ChooseToken(logits);
  if (!status.ok()) return Finish(StopReason::kError, status);
  if (!Append(output_.token.id) || grammar_ == nullptr || options_.n_logprobs >= 0) return;
  while (options_.jump_ahead && PlanForced()) {
    const int32_t id = forced_.back();
    forced_.pop_back();
    output_.forced.push_back(id);
    ++n_jumped_;
    if (!Append(id)) return;
  }
  if (grammar_->matcher().IsComplete()) FinishGrammar();
}

Status Sequence::ChooseToken(std::span<float> logits) {
  if (PlanForced()) {
    const int32_t id = forced_.back();
    forced_.pop_back();
    if (options_.n_logprobs >= 0)
      sampler_->Logprobs(logits, id, options_.n_logprobs, &output_.token);
    output_.token.id = id;
    return OkStatus();
  }
  if (options_.n_logprobs >= 0) {
    AUTOGLM_RETURN_IF_ERROR(
        sampler_->SampleWithLogprobs(logits, options_.n_logprobs, &output_.token));
    return OkStatus();
  }
  Result<int32_t> id = sampler_->Sample(logits);
  if (id.ok()) return output_.token.id = *id, OkStatus();
  return grammar_ != nullptr && !grammar_->status().ok() ? grammar_->status() : id.status();
}

bool Sequence::PlanForced() {
  if (grammar_ == nullptr || !forced_.empty()) return grammar_ != nullptr;
  constexpr int kMaxForced = 256;
  forced_ = ForcedTokens(grammar_->matcher(), *tokenizer_, tokens_, kMaxForced);
  std::reverse(forced_.begin(), forced_.end());
  return !forced_.empty();
}

void Sequence::FinishGrammar() {
  const std::span<const int32_t> ends = options_.grammar->vocabulary()->end_tokens();
  if (ends.empty()) return Finish(StopReason::kEndOfGeneration);
  const int32_t eos = tokenizer_->eos_id();
  const int32_t id = std::find(ends.begin(), ends.end(), eos) != ends.end() ? eos : ends[0];
  output_.forced.push_back(id);
  ++n_jumped_;
  Append(id);
}

bool Sequence::Append(int32_t id) {
  sampler_->Accept(id);
  tokens_.push_back(id);  // within capacity: see the end of this function
  ++n_generated_;
  timings_.last_token_ns = clock_->NowNs();
  if (n_generated_ == 1) timings_.first_token_ns = timings_.last_token_ns;

  if (tokenizer_ != nullptr) {
    const bool ends = !options_.ignore_eos || grammar_ != nullptr;
    if (ends && tokenizer_->IsEndOfGeneration(id)) {
      return Finish(StopReason::kEndOfGeneration), false;
    }
    if (!AppendText(id)) return Finish(StopReason::kStopString), false;
  }
  if (n_generated_ == options_.max_new_tokens) return Finish(StopReason::kLength), false;
  if (static_cast<int>(tokens_.size()) < max_tokens()) return true;
  if (options_.context_policy == ContextPolicy::kDropOldest) return DropOldest(), true;
  Finish(StopReason::kContextFull,
         Error(StatusCode::kResourceExhausted, "the context of ", max_tokens(), " tokens is full: ",
               max_tokens() - n_generated_, " of the prompt and ", n_generated_, " of the answer"));
  return false;
}

bool Sequence::AppendText(int32_t id) {
  std::string piece = decoder_->Push(id);
  if (!stop_matcher_) {
    output_.text += piece;
    return true;
  }
  const StopMatcher::Output matched = stop_matcher_->Push(piece);
  output_.text += matched.emit;
  return !matched.stopped;
}

void Sequence::Finish(StopReason reason, Status status) {
  if (reason != StopReason::kError) ShareWith(options_.prefix_domain);
  stop_reason_ = reason;
  status_ = std::move(status);
  if (!decoder_ || reason == StopReason::kStopString) return;
  const std::string rest = decoder_->Flush();
  if (!stop_matcher_) {
    output_.text += rest;
    return;
  }
  const StopMatcher::Output matched = stop_matcher_->Push(rest);
  output_.text += matched.emit;
  if (matched.stopped) {
    stop_reason_ = StopReason::kStopString;
  } else {
    output_.text += stop_matcher_->Flush();
  }
}

void Sequence::DropOldest() {
  // At the end of the context, tokens_ has max_tokens() of them.
  tokens_.erase(tokens_.begin() + options_.n_keep, tokens_.end() - NumTailTokens());
  kv_.Truncate(options_.n_keep);
}

}  // namespace autoglm
