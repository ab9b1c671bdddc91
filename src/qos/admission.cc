#include "qos/admission.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace autoglm {
namespace {

constexpr double kMsPerNs = 1e-6;

template <typename T>
T& At(PerClass<T>& values, RequestClass request_class) {
  return values[static_cast<size_t>(request_class)];
}
template <typename T>
const T& At(const PerClass<T>& values, RequestClass request_class) {
  return values[static_cast<size_t>(request_class)];
}

int64_t TaskBytesFree(const AdmissionRequest& request) {
  return request.task_bytes > 0 ? request.task_memory->free_bytes() : 0;
}

}  // namespace

const char* Name(Refusal refusal) {
  constexpr const char* kNames[] = {"none", "too_large", "overloaded", "deadline"};
  return kNames[static_cast<size_t>(refusal)];
}

RequestClass AdmissionQueue::EffectiveClass(const Waiting& waiting, int64_t now_ns) const {
  const RequestClass own = waiting.request.request_class;
  const bool aged = now_ns - waiting.arrival_ns >= options_.batch_age_ns;
  return own == RequestClass::kBatch && aged ? RequestClass::kInteractive : own;
}

bool AdmissionQueue::GoesBefore(const Waiting& a, const Waiting& b, int64_t now_ns) const {
  const RequestClass class_a = EffectiveClass(a, now_ns);
  const RequestClass class_b = EffectiveClass(b, now_ns);
  if (class_a != class_b) return class_a < class_b;
  if (class_a == RequestClass::kRealtime && a.request.deadline_ns != b.request.deadline_ns) {
    return a.request.deadline_ns < b.request.deadline_ns;
  }
  if (a.arrival_ns != b.arrival_ns) return a.arrival_ns < b.arrival_ns;
  return a.request.id < b.request.id;
}

int64_t AdmissionQueue::ExpiryNs(const Waiting& waiting) const {
  const int64_t longest = At(options_.max_wait_ns, waiting.request.request_class);
  return std::min(waiting.request.deadline_ns, waiting.arrival_ns + longest);
}

double AdmissionQueue::WaitForRoomMs(const AdmissionRequest& request) const {
  // Those running share the device: the one with work w left of n ends after w * n / rate. Of task
  // memory that others hold nobody knows when it will be free.
  std::vector<Running> running = running_;
  std::sort(running.begin(), running.end(),
            [](const Running& a, const Running& b) { return a.work_left_ms < b.work_left_ms; });
  int64_t free = budget_.free_bytes();
  int64_t task_free = TaskBytesFree(request);
  auto n_running = static_cast<int>(running.size());
  double elapsed_ms = 0;
  double done_each_ms = 0;
  for (const Running& next : running) {
    const bool has_memory = free >= request.need_bytes && task_free >= request.task_bytes;
    if (has_memory && n_running < options_.max_running) break;
    elapsed_ms += (next.work_left_ms - done_each_ms) * n_running / drain_rate_.rate();
    done_each_ms = next.work_left_ms;
    free += next.bytes;
    task_free += next.task_bytes;
    --n_running;
  }
  return elapsed_ms;
}

double AdmissionQueue::ExpectedWaitMs(const AdmissionRequest& request, int64_t now_ns) const {
  const Waiting candidate = {request, now_ns, -1};
  double ahead_ms = 0;
  int64_t ahead_bytes = 0;
  int64_t ahead_task_bytes = 0;
  for (const Waiting& waiting : waiting_) {
    if (!GoesBefore(waiting, candidate, now_ns)) continue;
    ahead_ms += waiting.request.work_ms;
    ahead_bytes += waiting.request.need_bytes;
    ahead_task_bytes += waiting.request.task_bytes;
  }
  const bool fits_beside = ahead_bytes + request.need_bytes <= budget_.free_bytes() &&
                           (request.task_bytes == 0 ||
                            ahead_task_bytes + request.task_bytes <= TaskBytesFree(request)) &&
                           n_waiting() + n_running() < options_.max_running;
  if (fits_beside) return 0;
  return WaitForRoomMs(request) + ahead_ms / drain_rate_.rate();
}

AdmissionDecision AdmissionQueue::Refuse(const AdmissionRequest& request, double wait_ms,
                                         int64_t now_ns) const {
  AdmissionDecision decision;
  decision.expected_wait_ms = wait_ms;
  if (request.need_bytes > budget_.capacity_bytes()) {
    decision.refusal = Refusal::kTooLarge;
    decision.status = Error(StatusCode::kOutOfRange, "the request needs ", request.need_bytes,
                            " bytes of memory and there are ", budget_.capacity_bytes(),
                            " in all; ask for fewer tokens");
    return decision;
  }
  const double longest_ms =
      static_cast<double>(At(options_.max_wait_ns, request.request_class)) * kMsPerNs;
  const auto retry_in = [&](double ms) {
    return std::max<int64_t>(1, std::llround(std::ceil(ms)));
  };
  if (n_waiting() >= options_.max_waiting || wait_ms > longest_ms) {
    decision.refusal = Refusal::kOverloaded;
    decision.status =
        Error(StatusCode::kResourceExhausted, "the queue is full: a ", Name(request.request_class),
              " request would wait ", std::llround(wait_ms), " ms behind ", n_waiting(),
              " others, and ", std::llround(longest_ms), " ms are permitted");
    // Full by number: until one of those waiting has gone on.
    decision.retry_after_ms =
        retry_in(wait_ms > longest_ms ? wait_ms - longest_ms : wait_ms / (n_waiting() + 1));
    return decision;
  }
  if (request.deadline_ns == kNoDeadline) return decision;
  const double left_ms = static_cast<double>(request.deadline_ns - now_ns) * kMsPerNs;
  if (wait_ms + request.work_ms <= left_ms) return decision;
  decision.refusal = Refusal::kDeadline;
  decision.status = Error(StatusCode::kResourceExhausted, "the deadline is ", std::llround(left_ms),
                          " ms away, and the answer would take ", std::llround(request.work_ms),
                          " ms after ", std::llround(wait_ms), " ms in the queue");
  // Where even an idle device is too slow, waiting does not help.
  if (request.work_ms <= left_ms) {
    decision.retry_after_ms = retry_in(wait_ms + request.work_ms - left_ms);
  }
  return decision;
}

AdmissionDecision AdmissionQueue::Offer(const AdmissionRequest& request, int64_t now_ns) {
  AdmissionDecision decision = Refuse(request, ExpectedWaitMs(request, now_ns), now_ns);
  if (decision.refusal == Refusal::kNone) waiting_.push_back({request, now_ns, -1});
  return decision;
}

std::optional<AdmittedRequest> AdmissionQueue::Next(int64_t now_ns) {
  if (waiting_.empty() || n_running() >= options_.max_running) return std::nullopt;
  std::sort(waiting_.begin(), waiting_.end(),
            [&](const Waiting& a, const Waiting& b) { return GoesBefore(a, b, now_ns); });
  bool task_memory_is_kept = false;  // for one that waits for it; others may go on
  for (size_t i = 0; i < waiting_.size(); ++i) {
    const AdmissionRequest request = waiting_[i].request;
    AdmittedRequest admitted;
    if (!Reserve(&waiting_[i], task_memory_is_kept, &admitted, now_ns)) {
      const int64_t since_ns = waiting_[i].overtaken_since_ns;
      if (now_ns - since_ns < options_.max_overtaken_ns) continue;
      if (request.need_bytes > budget_.free_bytes()) return std::nullopt;
      task_memory_is_kept = true;
      continue;
    }
    admitted.request = request;
    admitted.queue_delay_ns = now_ns - waiting_[i].arrival_ns;
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    running_.push_back(
        {request.id, request.work_ms, request.work_ms, request.need_bytes, request.task_bytes});
    return admitted;
  }
  return std::nullopt;
}

bool AdmissionQueue::Reserve(Waiting* waiting, bool task_memory_is_kept, AdmittedRequest* admitted,
                             int64_t now_ns) {
  const AdmissionRequest& request = waiting->request;
  std::optional<ByteBudget::Reservation> reservation = budget_.TryReserve(request.need_bytes);
  std::optional<ByteBudget::Reservation> task;
  if (reservation && request.task_bytes > 0 && !task_memory_is_kept) {
    task = request.task_memory->TryReserve(request.task_bytes);
  }
  if (!reservation || (request.task_bytes > 0 && !task)) {
    if (waiting->overtaken_since_ns < 0) waiting->overtaken_since_ns = now_ns;
    return false;
  }
  admitted->reservation = std::move(*reservation);
  if (task) admitted->task_reservation = std::move(*task);
  return true;
}

void AdmissionQueue::Progress(uint64_t id, double work_left_ms) {
  for (Running& running : running_) {
    if (running.id != id) continue;
    const double left_ms = std::clamp(work_left_ms, 0.0, running.work_left_ms);
    done_ms_ += running.work_left_ms - left_ms;
    running.work_left_ms = left_ms;
  }
}

void AdmissionQueue::StepDone(double busy_ms) {
  drain_rate_.Observe(done_ms_, busy_ms);
  done_ms_ = 0;
}

bool AdmissionQueue::Remove(uint64_t id) {
  Progress(id, 0);  // what an answer did not need any more is out of the way as well
  const size_t n_before = waiting_.size() + running_.size();
  std::erase_if(waiting_, [id](const Waiting& waiting) { return waiting.request.id == id; });
  std::erase_if(running_, [id](const Running& running) { return running.id == id; });
  return waiting_.size() + running_.size() < n_before;
}

std::vector<ExpiredRequest> AdmissionQueue::TakeExpired(int64_t now_ns) {
  std::vector<ExpiredRequest> expired;
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    if (now_ns < ExpiryNs(waiting)) return false;
    const bool too_late = now_ns >= waiting.request.deadline_ns;
    expired.push_back({waiting.request, too_late ? Refusal::kDeadline : Refusal::kOverloaded});
    return true;
  });
  return expired;
}

int AdmissionQueue::n_waiting(RequestClass request_class) const {
  return static_cast<int>(std::count_if(waiting_.begin(), waiting_.end(), [&](const Waiting& w) {
    return w.request.request_class == request_class;
  }));
}

int64_t AdmissionQueue::next_expiry_ns() const {
  int64_t next = kNoDeadline;
  for (const Waiting& waiting : waiting_) next = std::min(next, ExpiryNs(waiting));
  return next;
}

}  // namespace autoglm
