// See model_lane.h.
#include "service/model_lane.h"

#include <algorithm>
#include <utility>

#include "platform/bus_error.h"
#include "qos/work.h"

namespace autoglm {
namespace {

constexpr double kMsPerNs = 1e-6;
/// What an answer without a limit is taken to come to, before any has ended; and the weight of a
/// newly ended one in the mean.
constexpr double kFirstGuessTokens = 128;
constexpr double kMeanWeight = 0.1;

LaneOptions Complete(LaneOptions options) {
  options.admission.max_running = options.max_sequences;
  options.plan.max_rows = options.chunk_tokens;
  options.plan.max_outputs = options.max_sequences;
  return options;
}

ApiError ErrorOf(const AdmissionDecision& decision) {
  ApiError error;
  const bool too_large = decision.refusal == Refusal::kTooLarge;
  error.status = too_large ? 413 : 429;
  error.type = too_large ? "invalid_request_error" : "rate_limit_error";
  error.code = Name(decision.refusal);
  error.message = decision.status.message();
  error.retry_after_ms = decision.retry_after_ms;
  return error;
}

}  // namespace

ModelLane::ModelLane(Engine& engine, const Clock& clock, const LaneOptions& options)
    : engine_(engine),
      clock_(clock),
      options_(Complete(options)),
      kv_budget_(engine.pool().n_pages() * engine.pool().layout().page_bytes()),
      queue_(kv_budget_, options_.admission),
      mean_generated_(kFirstGuessTokens) {
  PublishStats();
}

ModelLane::~ModelLane() = default;

int64_t ModelLane::PagesFor(const GenerationJob& job) const {
  // The most that it can come to, so that no page is ever missing in the middle of an answer.
  const int64_t n_prompt = static_cast<int64_t>(job.prompt.size());
  int64_t n_tokens = options_.n_ctx;
  if (job.options.max_new_tokens != SequenceOptions::kNoLimit) {
    n_tokens = std::min<int64_t>(n_tokens, n_prompt + job.options.max_new_tokens);
  }
  return job.n * ((n_tokens + KvLayout::kPageTokens - 1) / KvLayout::kPageTokens);
}

double ModelLane::WorkMs(const GenerationJob& job) const {
  double n_new = mean_generated_;
  if (job.options.max_new_tokens != SequenceOptions::kNoLimit) {
    n_new = std::min<double>(n_new, job.options.max_new_tokens);
    // Who has a deadline is promised it for the whole length.
    if (job.request_class == RequestClass::kRealtime) n_new = job.options.max_new_tokens;
  }
  return PredictWorkMs(cost_, static_cast<int>(job.prompt.size()), static_cast<int>(n_new), job.n,
                       options_.chunk_tokens);
}

ApiError ModelLane::Offer(GenerationJob job) {
  const int64_t now_ns = clock_.NowNs();
  std::lock_guard lock(mutex_);
  const AdmissionRequest request = {
      .id = next_id_++,
      .request_class = job.request_class,
      .deadline_ns = job.deadline_ns,
      .need_bytes = PagesFor(job) * engine_.pool().layout().page_bytes(),
      .work_ms = WorkMs(job),
      .task_bytes = job.task_bytes,
      .task_memory = job.task_memory};
  const AdmissionDecision decision = queue_.Offer(request, now_ns);
  if (decision.refusal != Refusal::kNone) return ErrorOf(decision);
  waiting_.emplace(request.id, std::move(job));
  ++stats_.n_waiting[static_cast<size_t>(request.request_class)];
  return {};
}

bool ModelLane::busy() const {
  if (!running_.empty()) return true;
  std::lock_guard lock(mutex_);
  return !waiting_.empty();
}

bool ModelLane::Prepare(Urgency* urgency, LastSeen* last_seen_ns) {
  const int64_t now_ns = clock_.NowNs();
  DropCancelled();
  DropExpired(now_ns);
  Admit(now_ns);
  CollectTasks();
  NoteClasses(now_ns, last_seen_ns);
  PublishStats();
  if (tasks_.empty()) return false;
  *urgency = MostUrgent(tasks_, options_.plan, now_ns);
  return true;
}

void ModelLane::DropCancelled() {
  {
    std::lock_guard lock(mutex_);
    std::erase_if(waiting_, [this](const auto& entry) {
      return entry.second.generation->cancelled() && queue_.Remove(entry.first);
    });
  }
  for (const auto& running : running_) {
    if (!running->job.generation->cancelled()) continue;
    for (Choice& choice : running->choices) choice.ended = true;
    running->n_active = 0;
  }
  DropEnded();
}

void ModelLane::DropExpired(int64_t now_ns) {
  std::vector<std::pair<GenerationJob, Refusal>> expired;
  {
    std::lock_guard lock(mutex_);
    for (const ExpiredRequest& request : queue_.TakeExpired(now_ns)) {
      auto node = waiting_.extract(request.request.id);
      if (!node.empty()) expired.emplace_back(std::move(node.mapped()), request.refusal);
    }
  }
  for (auto& [job, refusal] : expired) {
    const bool late = refusal == Refusal::kDeadline;
    Refuse(job,
           Error(StatusCode::kResourceExhausted,
                 late ? "the deadline has passed before the request could begin"
                      : "the request has waited for as long as its class may",
                 job.task_bytes > 0 ? " (and for the bytes of X-Memory-Bytes)" : ""),
           late ? 504 : 429, /*retry_after_ms=*/1000);
  }
}

void ModelLane::Admit(int64_t now_ns) {
  while (true) {
    std::optional<AdmittedRequest> admitted;
    GenerationJob job;
    {
      std::lock_guard lock(mutex_);
      admitted = queue_.Next(now_ns);
      if (!admitted) return;
      auto node = waiting_.extract(admitted->request.id);
      job = std::move(node.mapped());
    }
    if (options_.on_admitted) options_.on_admitted(job.request_class, admitted->queue_delay_ns);
    Begin(std::move(*admitted), std::move(job), now_ns);
  }
}

void ModelLane::Refuse(GenerationJob& job, const Status& status, int http_status,
                       int64_t retry_after_ms) {
  if (job.on_end) job.on_end(nullptr, status);
  for (int i = 0; i < job.n; ++i) {
    TokenEvent& event = job.generation->Back();
    event = TokenEvent();
    event.choice = job.first_choice + i;
    event.stop_reason = StopReason::kError;
    event.status = status;
    event.http_status = http_status;
    event.retry_after_ms = retry_after_ms;
    event.times = {.submit_ns = job.submit_ns, .end_ns = clock_.NowNs()};
    job.generation->Push();
  }
  job.generation->Wake();
}

void ModelLane::Begin(AdmittedRequest admitted, GenerationJob job, int64_t now_ns) {
  std::unique_ptr<Sequence> sequence = engine_.NewSequence(options_.n_ctx);
  if (const Status status = sequence->Start(job.prompt, job.options); !status.ok()) {
    std::lock_guard lock(mutex_);
    queue_.Remove(admitted.request.id);
    return Refuse(job, status, 0, 0);
  }
  auto running = std::make_unique<Running>();
  running->id = admitted.request.id;
  running->reservation = std::move(admitted.reservation);
  running->task_reservation = std::move(admitted.task_reservation);
  running->start_ns = now_ns;
  running->n_active = job.n;
  running->choices.resize(static_cast<size_t>(job.n));
  for (int i = 0; i < job.n; ++i) {
    running->choices[static_cast<size_t>(i)].index = job.first_choice + i;
    running->choices[static_cast<size_t>(i)].last_served_ns = now_ns;
  }
  running->choices[0].sequence = std::move(sequence);
  running->job = std::move(job);
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

void ModelLane::CollectTasks() {
  tasks_.clear();
  candidates_.clear();
  for (const auto& running : running_) {
    const bool has_room = running->job.generation->HasRoom();
    for (Choice& choice : running->choices) {
      choice.stepped = false;
      if (!has_room || choice.sequence == nullptr || !choice.sequence->active()) continue;
      tasks_.push_back({.id = running->id,
                        .request_class = running->job.request_class,
                        .deadline_ns = running->job.deadline_ns,
                        .last_served_ns = choice.last_served_ns,
                        .n_pending = choice.sequence->n_pending()});
      candidates_.push_back({running.get(), &choice});
    }
  }
}

void ModelLane::NoteClasses(int64_t now_ns, LastSeen* last_seen_ns) const {
  for (const auto& running : running_) {
    (*last_seen_ns)[static_cast<size_t>(running->job.request_class)] = now_ns;
  }
  std::lock_guard lock(mutex_);
  for (const auto& [id, job] : waiting_) {
    (*last_seen_ns)[static_cast<size_t>(job.request_class)] = now_ns;
  }
}

void ModelLane::Step(const LastSeen& last_seen_ns) {
  const int64_t start_ns = clock_.NowNs();
  PlanStep(tasks_, cost_, options_.plan, last_seen_ns, start_ns, &plan_);
  stepping_.clear();
  bool wants_embedding = false;
  for (const PlannedTask& task : plan_.tasks) {
    const Candidate& candidate = candidates_[task.index];
    if (candidate.running->job.wants_embedding && !stepping_.empty()) continue;  // next time
    candidate.choice->stepped = true;
    candidate.choice->last_served_ns = start_ns;
    stepping_.push_back(candidate.choice->sequence.get());
    wants_embedding = candidate.running->job.wants_embedding;
    if (wants_embedding) break;
  }
  const Result<StepStats> stats = StepEngine(wants_embedding);
  if (!stats.ok()) return FailAll(stats.status());
  for (const auto& running : running_) Deliver(*running);
  const int64_t step_ns = clock_.NowNs() - start_ns;
  stats_.n_steps += 1;
  stats_.n_rows += stats->n_tokens;
  stats_.step_ns += step_ns;
  const double step_ms = static_cast<double>(step_ns) * kMsPerNs;
  {
    std::lock_guard lock(mutex_);
    if (stats->n_tokens > 0) cost_.Observe(stats->n_tokens, step_ms);
  }
  ReportProgress(step_ms);
  DropEnded();
  PublishStats();
}

Result<StepStats> ModelLane::StepEngine(bool wants_embedding) {
  embedding_.clear();
  const int64_t n_lost_before = NumLostPages();
  LanguageModel& model = engine_.model();
  if (wants_embedding) {
    model.set_observer(
        [this, last = model.config().num_hidden_layers](int layer, const Tensor& hidden) {
          if (layer == last)
            embedding_.assign(hidden.f32_row(0), hidden.f32_row(0) + hidden.cols());
        });
  }
  const Result<StepStats> stats =
      engine_.Step(stepping_, {.max_tokens = std::max(plan_.n_rows, 1)});
  if (wants_embedding) model.set_observer(nullptr);
  if (NumLostPages() != n_lost_before) {
    broken_ = true;
    return Error(StatusCode::kDataLoss, "the model's file was cut short while it was in use");
  }
  return stats;
}

void ModelLane::ReportProgress(double step_ms) {
  std::lock_guard lock(mutex_);
  for (const auto& running : running_) {
    double left_ms = 0;
    for (const Choice& choice : running->choices) {
      if (choice.sequence == nullptr || choice.ended) continue;
      double n_new = mean_generated_;
      const int limit = running->job.options.max_new_tokens;
      if (limit != SequenceOptions::kNoLimit) n_new = std::min<double>(n_new, limit);
      n_new = std::max(n_new - choice.sequence->n_generated(), 1.0);
      left_ms = std::max(
          left_ms, PredictWorkMs(cost_, choice.sequence->n_pending() - 1, static_cast<int>(n_new),
                                 running->job.n, options_.chunk_tokens));
    }
    queue_.Progress(running->id, left_ms);
  }
  queue_.StepDone(step_ms);
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
  event.http_status = 0;
  event.retry_after_ms = 0;
  if (running.job.wants_embedding) event.embedding = embedding_;
  event.n_prompt = sequence.n_prompt();
  event.n_cached = sequence.n_cached();
  event.n_generated = sequence.n_generated();
  event.times = {.submit_ns = running.job.submit_ns,
                 .start_ns = running.start_ns,
                 .first_token_ns = sequence.timings().first_token_ns,
                 .end_ns = clock_.NowNs()};
  if (running.job.on_end) running.job.on_end(&sequence, event.status);
  running.job.generation->Push();
  choice.ended = true;
  --running.n_active;
  std::lock_guard lock(mutex_);
  mean_generated_ += kMeanWeight * (sequence.n_generated() - mean_generated_);
}

void ModelLane::DropEnded() {
  {
    std::lock_guard lock(mutex_);
    for (const auto& running : running_) {
      if (running->n_active == 0) queue_.Remove(running->id);
    }
  }
  // Sequences first, then the bytes that were reserved for them.
  for (const auto& running : running_) {
    if (running->n_active == 0) running->choices.clear();
  }
  std::erase_if(running_, [](const auto& running) { return running->n_active == 0; });
}

void ModelLane::FailAll(const Status& status) {
  std::map<uint64_t, GenerationJob> waiting;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, job] : waiting_) queue_.Remove(id);
    waiting.swap(waiting_);
  }
  for (auto& [id, job] : waiting) Refuse(job, status, 0, 0);
  for (const auto& running : running_) {
    for (Choice& choice : running->choices) {
      if (choice.ended) continue;
      GenerationJob& job = running->job;
      if (job.on_end) job.on_end(nullptr, status);
      TokenEvent& event = job.generation->Back();
      event = TokenEvent();
      event.choice = choice.index;
      event.stop_reason = StopReason::kError;
      event.status = status;
      event.times = {
          .submit_ns = job.submit_ns, .start_ns = running->start_ns, .end_ns = clock_.NowNs()};
      job.generation->Push();
      choice.ended = true;
    }
    running->n_active = 0;
    running->job.generation->Wake();
  }
  DropEnded();
  PublishStats();
}

void ModelLane::PublishStats() {
  {
    std::lock_guard lock(mutex_);
    for (int i = 0; i < kNumRequestClasses; ++i) {
      stats_.n_waiting[static_cast<size_t>(i)] = queue_.n_waiting(static_cast<RequestClass>(i));
    }
  }
  int64_t n_running = 0;
  for (const auto& running : running_) n_running += running->n_active;
  stats_.n_running = n_running;
  stats_.n_kv_pages = engine_.pool().n_pages();
  stats_.n_reserved_kv_pages = kv_budget_.reserved_bytes() / engine_.pool().layout().page_bytes();
  if (const PrefixCache* cache = engine_.prefix_cache()) {
    stats_.n_cached_kv_pages = cache->stats().n_pages;
    stats_.n_evicted_kv_pages = cache->stats().n_evicted_pages;
    stats_.n_lookup_tokens = cache->stats().n_lookup_tokens;
    stats_.n_hit_tokens = cache->stats().n_hit_tokens;
  }
}

}  // namespace autoglm
