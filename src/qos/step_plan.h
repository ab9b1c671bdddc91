// PlanStep: which sequences are in the next step, and with how many rows. A pure function of what
// waits, of what steps cost and of the time.
//
// Realtime goes before interactive before batch; within realtime the earliest deadline is first
// (Liu and Layland, "Scheduling Algorithms for Multiprogramming in a Hard-Real-Time Environment",
// 1973), within the others who was served longest ago. Every foreground (realtime or interactive)
// sequence that decodes has a row in every step, so that a prefill holds it back by one chunk at
// most (Agrawal et al., "Taming Throughput-Latency Tradeoff in LLM Inference with Sarathi-Serve",
// 2024). What batch may add to a step with such a sequence is bounded by time:
//   PredictMs(all rows) <= gap_factor * PredictMs(foreground decoding rows)
// and beside realtime it adds nothing, since how much work a deadline still needs is not known
// here.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "qos/request_class.h"
#include "qos/step_cost.h"

namespace autoglm {

/// What the plan needs to know of one admitted sequence. Times in nanoseconds of one clock.
struct RunnableTask {
  uint64_t id = 0;
  RequestClass request_class = RequestClass::kInteractive;
  int64_t deadline_ns = kNoDeadline;  ///< realtime only
  int64_t last_served_ns = 0;         ///< its latest step with a row; before: when it was admitted
  int n_pending = 1;                  ///< Sequence::n_pending(); 1 is decoding
};

struct PlanOptions {
  int max_rows = 256;   ///< the model's max_batch_tokens
  int max_outputs = 8;  ///< the engine's max_sequences: those that can get a token in one step
  /// How much longer than alone a step of the foreground may get by batch work.
  double gap_factor = 1.4;
  /// How much longer than alone a decoding foreground's step may get by an interactive prompt.
  double prefill_gap_factor = 3;
  /// Bounds a step of prefill where nobody in the foreground decodes: what a new and more urgent
  /// request may have to wait for. A realtime prompt may take so long in any case.
  double max_step_ms = 40;
  /// The bound where nobody more urgent has been there for quiet_ns: longer chunks of a prompt
  /// take less time in all, since each reads the weights once. Cancelling waits for it, too.
  double max_quiet_step_ms = 250;
  int64_t quiet_ns = int64_t{10'000'000'000};
  int min_chunk = 8;       ///< rows that a foreground prompt gets whatever its chunk costs
  int initial_chunk = 64;  ///< rows of a chunk while nothing is known of costs
  /// A batch sequence without a row for so long is once treated as interactive.
  int64_t batch_age_ns = int64_t{2'000'000'000};
};

struct PlannedTask {
  size_t index = 0;  ///< in the tasks given
  uint64_t id = 0;
  int n_rows = 0;
};

/// How urgent the most urgent task is: the lesser goes first where several models have work.
struct Urgency {
  RequestClass request_class = RequestClass::kBatch;
  int64_t deadline_ns = kNoDeadline;
  int64_t last_served_ns = INT64_MAX;

  auto operator<=>(const Urgency&) const = default;
};

/// Engine::Step with these sequences in this order and StepLimits::max_tokens = n_rows does it.
struct StepPlan {
  std::vector<PlannedTask> tasks;
  int n_rows = 0;
  double predicted_ms = 0;
  Urgency urgency;
};

/// When a request of each class was there most recently, waiting or running, for any model of this
/// device; kNeverSeen: none was.
using LastSeen = PerClass<int64_t>;
constexpr int64_t kNeverSeen = INT64_MIN;

/// Fills `*plan`, whose memory is reused. Empty only where `tasks` is.
void PlanStep(std::span<const RunnableTask> tasks, const StepCost& cost, const PlanOptions& options,
              const LastSeen& last_seen_ns, int64_t now_ns, StepPlan* plan);

/// The urgency of the most urgent task; the least urgent value where there is none.
Urgency MostUrgent(std::span<const RunnableTask> tasks, const PlanOptions& options, int64_t now_ns);

}  // namespace autoglm
