// See model_lane.h.
#include "service/model_lane.h"

#include <algorithm>
#include <utility>

namespace autoglm {

ModelLane::ModelLane(Engine& engine, const Clock& clock, const LaneOptions& options)
    : engine_(engine), clock_(clock), options_(options) {
  PublishStats();
}

ModelLane::~ModelLane() = default;

void ModelLane::Add(GenerationJob job) {
  waiting_.push_back(std::move(job));
  PublishStats();
}

int64_t ModelLane::PagesFor(const GenerationJob& job) const {
  // The most that it can come to, so that no page is ever missing in the middle of an answer; each
  // further answer copies the page that the prompt ends in.
  const int64_t n_prompt = static_cast<int64_t>(job.prompt.size());
  int64_t n_tokens = options_.n_ctx;
  if (job.options.max_new_tokens != SequenceOptions::kNoLimit) {
    n_tokens = std::min<int64_t>(n_tokens, n_prompt + job.options.max_new_tokens);
  }
  return job.n * ((n_tokens + KvLayout::kPageTokens - 1) / KvLayout::kPageTokens);
}

void ModelLane::DropCancelled() {
  std::erase_if(waiting_, [](const GenerationJob& job) { return job.generation->cancelled(); });
  for (const auto& running : running_) {
    if (!running->job.generation->cancelled()) continue;
    for (Choice& choice : running->choices) {
      if (!choice.ended) --n_sequences_;
      choice.ended = true;
      choice.sequence.reset();
    }
    running->n_active = 0;
  }
  DropEnded();
}

bool ModelLane::CanEverFit(const GenerationJob& job) const {
  return PagesFor(job) <= engine_.pool().n_pages() && job.n <= options_.max_sequences;
}

bool ModelLane::FitsNow(const GenerationJob& job) const {
  return n_reserved_pages_ + PagesFor(job) <= engine_.pool().n_pages() &&
         n_sequences_ + job.n <= options_.max_sequences;
}

void ModelLane::Admit() {
  while (!waiting_.empty()) {
    GenerationJob& next = waiting_.front();
    if (!CanEverFit(next)) {
      Refuse(next, Error(StatusCode::kResourceExhausted, "the request needs ", PagesFor(next),
                         " pages of the KV cache for ", next.n, " answers; there are ",
                         engine_.pool().n_pages(), " for at most ", options_.max_sequences));
    } else if (FitsNow(next)) {
      Begin(std::move(next));
    } else {
      return;
    }
    waiting_.pop_front();
  }
}

void ModelLane::Refuse(GenerationJob& job, const Status& status) {
  for (int i = 0; i < job.n; ++i) {
    TokenEvent& event = job.generation->Back();
    event = TokenEvent();
    event.choice = job.first_choice + i;
    event.stop_reason = StopReason::kError;
    event.status = status;
    event.times = {.submit_ns = job.submit_ns, .end_ns = clock_.NowNs()};
    job.generation->Push();
  }
  job.generation->Wake();
}

void ModelLane::Begin(GenerationJob job) {
  auto running = std::make_unique<Running>();
  running->start_ns = clock_.NowNs();
  std::unique_ptr<Sequence> sequence = engine_.NewSequence(options_.n_ctx);
  if (const Status status = sequence->Start(job.prompt, job.options); !status.ok()) {
    return Refuse(job, status);
  }
  running->n_reserved_pages = PagesFor(job);
  running->n_active = job.n;
  running->choices.resize(static_cast<size_t>(job.n));
  for (int i = 0; i < job.n; ++i) running->choices[i].index = job.first_choice + i;
  running->choices[0].sequence = std::move(sequence);
  running->job = std::move(job);
  n_reserved_pages_ += running->n_reserved_pages;
  n_sequences_ += running->n_active;
  running_.push_back(std::move(running));
}

void ModelLane::ForkChoices(Running& running) {
  // Once the prompt is computed for the first answer, the others share its pages.
  const Sequence* first = running.choices[0].sequence.get();
  if (first == nullptr || first->n_generated() == 0) return;
  for (size_t i = 1; i < running.choices.size(); ++i) {
    Choice& choice = running.choices[i];
    if (choice.sequence != nullptr || choice.ended) continue;
    choice.sequence = first->Fork();
    SequenceOptions options = running.job.options;
    options.sampling.seed += i;
    const Status status = choice.sequence->Start(running.job.prompt, options);
    if (!status.ok()) EmitEnd(running, choice, StopReason::kError, status);
  }
}

void ModelLane::CollectSequences() {
  stepping_.clear();
  for (const auto& running : running_) {
    const bool has_room = running->job.generation->HasRoom();
    for (Choice& choice : running->choices) {
      choice.stepped = has_room && choice.sequence != nullptr && choice.sequence->active();
      if (choice.stepped) stepping_.push_back(choice.sequence.get());
    }
  }
}

bool ModelLane::runnable() {
  if (!waiting_.empty() && (FitsNow(waiting_.front()) || !CanEverFit(waiting_.front())))
    return true;
  CollectSequences();
  return !stepping_.empty();
}

void ModelLane::Step() {
  DropCancelled();
  Admit();
  CollectSequences();
  if (!stepping_.empty()) {
    const Result<StepStats> stats = engine_.Step(stepping_, {.max_tokens = options_.chunk_tokens});
    if (!stats.ok()) return FailAll(stats.status());
    stats_.n_steps += 1;
    stats_.n_rows += stats->n_tokens;
    for (const auto& running : running_) Deliver(*running);
    DropEnded();
  }
  PublishStats();
}

void ModelLane::Deliver(Running& running) {
  bool news = false;
  for (Choice& choice : running.choices) {
    if (choice.ended || !choice.stepped) continue;
    const StepOutput& output = choice.sequence->output();
    if (output.token.id < 0 && output.text.empty() && choice.sequence->active()) continue;
    Emit(running, choice);
    news = true;
  }
  if (running.choices.size() > 1) ForkChoices(running);
  if (news) running.job.generation->Wake();
}

void ModelLane::Emit(Running& running, Choice& choice) {
  Sequence& sequence = *choice.sequence;
  if (!sequence.active()) {
    return EmitEnd(running, choice, sequence.stop_reason(), sequence.status());
  }
  TokenEvent& event = running.job.generation->Back();
  event.choice = choice.index;
  event.time_ns = sequence.timings().last_token_ns;
  event.token = sequence.output().token;
  event.text = sequence.output().text;
  event.stop_reason = StopReason::kNone;
  running.job.generation->Push();
}

void ModelLane::EmitEnd(Running& running, Choice& choice, StopReason reason, Status status) {
  const Sequence& sequence = *choice.sequence;
  TokenEvent& event = running.job.generation->Back();
  event.choice = choice.index;
  event.time_ns = clock_.NowNs();
  event.token = sequence.output().token;
  event.text = sequence.output().text;
  event.stop_reason = reason;
  event.status = std::move(status);
  event.retry_after_ms = 0;
  event.n_prompt = sequence.n_prompt();
  event.n_cached = sequence.n_cached();
  event.n_generated = sequence.n_generated();
  event.times = {.submit_ns = running.job.submit_ns,
                 .start_ns = running.start_ns,
                 .first_token_ns = sequence.timings().first_token_ns,
                 .end_ns = clock_.NowNs()};
  running.job.generation->Push();
  choice.ended = true;
  --running.n_active;
  --n_sequences_;
}

void ModelLane::DropEnded() {
  for (const auto& running : running_) {
    if (running->n_active == 0) n_reserved_pages_ -= running->n_reserved_pages;
  }
  std::erase_if(running_, [](const auto& running) { return running->n_active == 0; });
}

void ModelLane::FailAll(const Status& status) {
  for (GenerationJob& job : waiting_) Refuse(job, status);
  waiting_.clear();
  for (const auto& running : running_) {
    for (Choice& choice : running->choices) {
      if (choice.ended) continue;
      GenerationJob& job = running->job;
      TokenEvent& event = job.generation->Back();
      event = TokenEvent();
      event.choice = choice.index;
      event.stop_reason = StopReason::kError;
      event.status = status;
      event.times = {
          .submit_ns = job.submit_ns, .start_ns = running->start_ns, .end_ns = clock_.NowNs()};
      job.generation->Push();
      choice.ended = true;
      --n_sequences_;
    }
    running->n_active = 0;
    running->job.generation->Wake();
  }
  DropEnded();
  PublishStats();
}

void ModelLane::PublishStats() {
  stats_.n_waiting = static_cast<int64_t>(waiting_.size());
  stats_.n_running = n_sequences_;
  stats_.n_kv_pages = engine_.pool().n_pages();
  stats_.n_free_kv_pages = engine_.pool().n_free_pages();
}

}  // namespace autoglm
