// AdmissionQueue: which requests may begin. A request declares the bytes it needs, which are
// reserved whole before it begins (SPEC S2.4); what can never fit is refused at once, what would
// wait too long is refused with the time after which asking again is worth it, the rest waits:
// realtime by deadline, then interactive, then batch, each in order of arrival.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/status.h"
#include "qos/byte_budget.h"
#include "qos/drain_rate.h"
#include "qos/request_class.h"
#include "qos/task_memory.h"

namespace autoglm {

struct AdmissionRequest {
  uint64_t id = 0;  ///< unique among those waiting and running
  RequestClass request_class = RequestClass::kInteractive;
  int64_t deadline_ns = kNoDeadline;  ///< realtime: when the answer must be done
  int64_t need_bytes = 0;             ///< reserved before it begins, all at once
  double work_ms = 0;                 ///< time on the device that it is predicted to take alone
  /// Bytes for a task of the app's own, reserved together with need_bytes or not at all.
  int64_t task_bytes = 0;
  TaskMemory* task_memory = nullptr;  ///< where task_bytes come from; outlives the queue
};

enum class Refusal : uint8_t {
  kNone = 0,
  kTooLarge,    ///< cannot fit ever: HTTP 413
  kOverloaded,  ///< would wait longer than its class may, or the queue is full: HTTP 429
  kDeadline,    ///< could not be done by its deadline: HTTP 429
};

/// "none", "too_large", "overloaded" or "deadline": for metrics.
const char* Name(Refusal refusal);

struct AdmissionDecision {
  Refusal refusal = Refusal::kNone;
  Status status;               ///< the figures, where refused
  int64_t retry_after_ms = 0;  ///< where asking again can help; else 0
  double expected_wait_ms = 0;
};

struct AdmissionOptions {
  int max_running = 8;     ///< sequences at a time
  int max_waiting = 1024;  ///< of all classes
  /// The longest wait that a class accepts; for realtime its deadline counts too.
  PerClass<int64_t> max_wait_ns = {1'000'000'000, 10'000'000'000, 120'000'000'000};
  /// A batch request that has waited so long counts as interactive.
  int64_t batch_age_ns = 30'000'000'000;
  /// For so long, smaller requests may overtake one whose bytes are not free; then bytes are saved
  /// up for it.
  int64_t max_overtaken_ns = 2'000'000'000;
};

struct AdmittedRequest {
  AdmissionRequest request;
  ByteBudget::Reservation reservation;
  ByteBudget::Reservation task_reservation;
  int64_t queue_delay_ns = 0;
};

struct ExpiredRequest {
  AdmissionRequest request;
  Refusal refusal = Refusal::kDeadline;
};

/// One thread at a time (the caller locks); the budget may be shared with others. `budget` must
/// outlive it.
class AdmissionQueue {
 public:
  AdmissionQueue(ByteBudget& budget, const AdmissionOptions& options)
      : budget_(budget), options_(options) {}

  /// Joins the queue unless refused.
  AdmissionDecision Offer(const AdmissionRequest& request, int64_t now_ns);
  /// The next that may begin, with its bytes; nothing where none can. From now on it runs.
  std::optional<AdmittedRequest> Next(int64_t now_ns);
  /// A running request has so much of its work left (Offer's work_ms at first).
  void Progress(uint64_t id, double work_left_ms);
  /// The device was busy for `busy_ms` since the last call, doing what Progress and Remove told.
  void StepDone(double busy_ms);
  /// A running request has ended, or a waiting one is no longer wanted. False where unknown.
  bool Remove(uint64_t id);
  /// Takes those out that have waited in vain: past their deadline or the class's longest wait.
  std::vector<ExpiredRequest> TakeExpired(int64_t now_ns);

  /// What a request of this class and need would wait now.
  double ExpectedWaitMs(const AdmissionRequest& request, int64_t now_ns) const;

  int n_waiting() const { return static_cast<int>(waiting_.size()); }
  int n_waiting(RequestClass request_class) const;
  int n_running() const { return static_cast<int>(running_.size()); }
  /// When the first waiting request would expire; kNoDeadline without one. For the caller's timer.
  int64_t next_expiry_ns() const;
  const DrainRate& drain_rate() const { return drain_rate_; }

 private:
  struct Waiting {
    AdmissionRequest request;
    int64_t arrival_ns = 0;
    int64_t overtaken_since_ns = -1;
  };
  struct Running {
    uint64_t id = 0;
    double work_ms = 0;
    double work_left_ms = 0;
    int64_t bytes = 0;
    int64_t task_bytes = 0;
  };

  bool GoesBefore(const Waiting& a, const Waiting& b, int64_t now_ns) const;
  RequestClass EffectiveClass(const Waiting& waiting, int64_t now_ns) const;
  int64_t ExpiryNs(const Waiting& waiting) const;
  AdmissionDecision Refuse(const AdmissionRequest& request, double wait_ms, int64_t now_ns) const;
  double WaitForRoomMs(const AdmissionRequest& request) const;
  /// Reserves what it needs; false: not all of it is free, and it notes since when.
  bool Reserve(Waiting* waiting, bool task_memory_is_kept, AdmittedRequest* admitted,
               int64_t now_ns);

  ByteBudget& budget_;
  AdmissionOptions options_;
  std::vector<Waiting> waiting_;
  std::vector<Running> running_;
  double done_ms_ = 0;  ///< work done since StepDone
  DrainRate drain_rate_;
};

}  // namespace autoglm
