#include "sampling/grammar/grammar.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace autoglm {

Result<std::shared_ptr<const Grammar>> Grammar::Compile(
    const GrammarSpec& spec, std::shared_ptr<const GrammarVocabulary> vocabulary,
    const GrammarLimits& limits) {
  ControlTokenFinder find_token;
  if (vocabulary != nullptr) {
    find_token = [&](std::string_view name) { return vocabulary->FindControl(name); };
  }
  AUTOGLM_ASSIGN_OR_RETURN(Automaton automaton, BuildAutomaton(spec, find_token));
  return std::shared_ptr<const Grammar>(
      new Grammar(std::move(automaton), std::move(vocabulary), limits));
}

Grammar::Grammar(Automaton automaton, std::shared_ptr<const GrammarVocabulary> vocabulary,
                 const GrammarLimits& limits)
    : automaton_(std::move(automaton)),
      vocabulary_(std::move(vocabulary)),
      limits_(limits),
      store_(std::make_shared<StackStore>(automaton_, limits_.max_nesting)) {
  if (vocabulary_ != nullptr) {
    // Most grammars have few such states (the inside of a string); found now, no step waits for
    // them.
    constexpr int kPrepared = 16;
    mask_maker_ = std::make_unique<MaskMaker>(automaton_, *vocabulary_);
    store_->GrantWork(limits_.max_work);
    mask_maker_->Prepare(store_.get(), kPrepared);
  }
}

size_t Grammar::cache_bytes() const {
  const std::lock_guard lock(mutex_);
  return store_->bytes() + young_bytes_ + old_bytes_ + (mask_maker_ ? mask_maker_->bytes() : 0);
}

const TokenMask& Grammar::MaskOf(StackStore::Id config) const {
  if (const auto it = young_masks_.find(config); it != young_masks_.end()) return it->second;
  TokenMask mask;
  if (const auto it = old_masks_.find(config); it != old_masks_.end()) {
    mask = std::move(it->second);
    old_bytes_ -= mask.bytes();
    old_masks_.erase(it);
  } else {
    mask = TokenMask(vocabulary_->size());
    mask_maker_->Make(store_.get(), config, &mask);
    mask.Compact();
    if (store_->work_is_used_up()) return unkept_mask_ = std::move(mask);
  }
  young_bytes_ += mask.bytes();
  return young_masks_.emplace(config, std::move(mask)).first->second;
}

void Grammar::TrimCaches() const {
  if (young_bytes_ > limits_.max_mask_bytes / 3) {
    old_masks_ = std::exchange(young_masks_, {});
    old_bytes_ = std::exchange(young_bytes_, 0);
  }
  if (mask_maker_ && mask_maker_->bytes() > limits_.max_mask_bytes / 3) mask_maker_->Forget();
  if (store_->bytes() > limits_.max_stack_bytes) {
    store_ = std::make_shared<StackStore>(automaton_, limits_.max_nesting);
    if (mask_maker_) mask_maker_->ForgetConfigurations();
    young_masks_.clear(), old_masks_.clear();
    young_bytes_ = old_bytes_ = 0;
  }
}

GrammarMatcher::GrammarMatcher(std::shared_ptr<const Grammar> grammar)
    : grammar_(std::move(grammar)) {
  const std::lock_guard lock(grammar_->mutex_);
  store_ = grammar_->store_;
  store_->GrantWork(grammar_->limits_.max_work);
  config_ = store_->Start();
}

std::unique_lock<std::mutex> GrammarMatcher::Begin() const {
  std::unique_lock lock(grammar_->mutex_);
  grammar_->TrimCaches();
  grammar_->store_->GrantWork(grammar_->limits_.max_work);
  if (store_ != grammar_->store_) {
    config_ = grammar_->store_->Import(*store_, config_);
    store_ = grammar_->store_;
  }
  return lock;
}

Status GrammarMatcher::MaskLogits(std::span<float> logits) const {
  const auto n = static_cast<size_t>(grammar_->vocabulary_->size());
  if (logits.size() < n) {
    return Error(StatusCode::kInvalidArgument, "got ", logits.size(), " logits for a grammar over ",
                 n, " tokens");
  }
  const auto lock = Begin();
  // Rows behind the vocabulary belong to no token.
  std::fill(logits.begin() + static_cast<ptrdiff_t>(n), logits.end(), -INFINITY);
  grammar_->MaskOf(config_).Apply(logits.first(n));
  if (store_->work_is_used_up()) {
    return Error(StatusCode::kResourceExhausted,
                 "the grammar is too ambiguous: what may follow takes more than ",
                 grammar_->limits_.max_work, " steps to find");
  }
  return OkStatus();
}

bool GrammarMatcher::Allows(int32_t id) const {
  const auto lock = Begin();
  const GrammarVocabulary& vocabulary = *grammar_->vocabulary_;
  if (id < 0 || id >= vocabulary.size()) return false;
  if (vocabulary.kind(id) == GrammarToken::Kind::kEnd) return store_->has_empty(config_);
  StackStore::Id config = config_;
  const std::string_view path = vocabulary.path(id);
  for (const char c : path) config = store_->Next(config, static_cast<uint8_t>(c));
  return !path.empty() && config != StackStore::kNone;
}

Status GrammarMatcher::Accept(int32_t id) {
  const auto lock = Begin();
  const GrammarVocabulary& vocabulary = *grammar_->vocabulary_;
  const bool known = id >= 0 && id < vocabulary.size();
  StackStore::Id config = StackStore::kNone;
  if (known && vocabulary.kind(id) == GrammarToken::Kind::kEnd) {
    ended_ = store_->has_empty(config_);
    config_ = StackStore::kNone;
    if (ended_) return OkStatus();
  } else if (known && !vocabulary.path(id).empty()) {
    config = config_;
    for (const char c : vocabulary.path(id)) config = store_->Next(config, static_cast<uint8_t>(c));
  }
  config_ = config;
  if (config != StackStore::kNone) return OkStatus();
  if (store_->work_is_used_up()) {
    return Error(StatusCode::kResourceExhausted, "the grammar is too ambiguous at token ", id);
  }
  return Error(StatusCode::kInvalidArgument, "the grammar does not permit token ", id, " here");
}

size_t GrammarMatcher::AcceptText(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto lock = Begin();
    const auto byte = static_cast<uint8_t>(text[i]);
    config_ = byte == kControlTokenByte ? StackStore::kNone : store_->Next(config_, byte);
    if (config_ == StackStore::kNone) return i;
  }
  return text.size();
}

bool GrammarMatcher::CanEnd() const {
  const auto lock = Begin();
  return store_->has_empty(config_);
}

bool GrammarMatcher::IsComplete() const {
  const auto lock = Begin();
  return config_ == StackStore::kEmptyStack;
}

std::string GrammarMatcher::Forced(size_t max_bytes) const {
  const auto lock = Begin();
  const Automaton& automaton = grammar_->automaton_;
  std::string forced;
  StackStore::Id config = config_;
  while (config != StackStore::kNone && forced.size() < max_bytes) {
    if (store_->has_empty(config)) break;
    int only = -1;
    bool several = false;
    for (const StackStore::Entry& entry : store_->entries(config)) {
      const Automaton::State& state = automaton.states[entry.state];
      for (uint32_t i = 0; i < state.n && !several; ++i) {
        const Automaton::Edge& edge = automaton.edges[state.first + i];
        several = edge.low != edge.high || (only >= 0 && only != edge.low);
        only = edge.low;
      }
    }
    if (several || only < 0) break;
    const StackStore::Id next = store_->Next(config, static_cast<uint8_t>(only));
    if (next == StackStore::kNone) break;
    forced.push_back(static_cast<char>(only));
    config = next;
  }
  return forced;
}

bool GrammarMatcher::MayOverrun(std::string_view bytes) const {
  const auto lock = Begin();
  const GrammarVocabulary& vocabulary = *grammar_->vocabulary_;
  StackStore::Id config = config_;
  for (const char c : bytes) config = store_->Next(config, static_cast<uint8_t>(c));
  for (const TokenTrie* trie : {&vocabulary.plain_trie(), &vocabulary.trie()}) {
    const uint32_t node = trie->Find(bytes);
    if (node == TokenTrie::kNotFound) continue;
    for (uint32_t i = node + 1; i < trie->nodes()[node].end; i = trie->nodes()[i].end) {
      if (store_->Next(config, trie->nodes()[i].byte) != StackStore::kNone) return true;
    }
  }
  return false;
}

}  // namespace autoglm
