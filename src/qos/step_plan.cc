#include "qos/step_plan.h"

#include <algorithm>

namespace autoglm {
namespace {

bool IsAged(const RunnableTask& task, const PlanOptions& options, int64_t now_ns) {
  return task.request_class == RequestClass::kBatch &&
         now_ns - task.last_served_ns >= options.batch_age_ns;
}

Urgency UrgencyOf(const RunnableTask& task, const PlanOptions& options, int64_t now_ns) {
  const RequestClass request_class =
      IsAged(task, options, now_ns) ? RequestClass::kInteractive : task.request_class;
  return {request_class, request_class == RequestClass::kRealtime ? task.deadline_ns : kNoDeadline,
          task.last_served_ns};
}

/// The step while it is put together.
class Planner {
 public:
  Planner(std::span<const RunnableTask> tasks, const StepCost& cost, const PlanOptions& options,
          const LastSeen& last_seen_ns, int64_t now_ns, StepPlan* plan)
      : tasks_(tasks),
        cost_(cost),
        options_(options),
        last_seen_ns_(last_seen_ns),
        now_ns_(now_ns),
        plan_(*plan) {}

  void Run() {
    Sort();
    AddForegroundDecoders();
    AddForegroundPrompts();
    AddBatch();
    std::erase_if(plan_.tasks, [](const PlannedTask& planned) { return planned.n_rows == 0; });
    plan_.predicted_ms = cost_.PredictMs(plan_.n_rows);
  }

 private:
  const RunnableTask& TaskOf(const PlannedTask& planned) const { return tasks_[planned.index]; }
  Urgency UrgencyOf(const PlannedTask& planned) const {
    return autoglm::UrgencyOf(TaskOf(planned), options_, now_ns_);
  }
  bool IsBatch(const PlannedTask& planned) const {
    return UrgencyOf(planned).request_class == RequestClass::kBatch;
  }
  int rows_left() const { return options_.max_rows - plan_.n_rows; }
  bool outputs_left() const { return n_outputs_ < options_.max_outputs; }

  /// All tasks in order of urgency, none with rows yet.
  void Sort() {
    plan_.tasks.clear();
    plan_.n_rows = 0;
    for (size_t i = 0; i < tasks_.size(); ++i) plan_.tasks.push_back({i, tasks_[i].id, 0});
    std::sort(plan_.tasks.begin(), plan_.tasks.end(),
              [this](const PlannedTask& a, const PlannedTask& b) {
                const auto order = UrgencyOf(a) <=> UrgencyOf(b);
                return order != 0 ? order < 0 : a.id < b.id;
              });
    plan_.urgency = plan_.tasks.empty() ? Urgency() : UrgencyOf(plan_.tasks.front());
  }

  /// Gives up to `n_rows`; fewer where no row of logits is left for a prompt's end.
  void Give(PlannedTask* planned, int n_rows) {
    const int n_pending = TaskOf(*planned).n_pending;
    n_rows = std::min({n_rows, n_pending, rows_left()});
    if (n_rows == n_pending && !outputs_left()) --n_rows;
    if (n_rows <= 0) return;
    n_outputs_ += n_rows == n_pending;
    planned->n_rows = n_rows;
    plan_.n_rows += n_rows;
  }

  void AddForegroundDecoders() {
    for (PlannedTask& planned : plan_.tasks) {
      if (IsBatch(planned)) continue;
      n_foreground_ += 1;
      if (TaskOf(planned).n_pending == 1) Give(&planned, 1);
    }
    decoding_ms_ = cost_.PredictMs(plan_.n_rows);
    n_decoders_ = plan_.n_rows;
  }

  /// The longest step of prompts of this class beside which nobody in the foreground decodes.
  double LongestStepMs(RequestClass request_class) const {
    // Among realtime prompts, another one may be the more urgent.
    for (int i = 0; i < std::max(static_cast<int>(request_class), 1); ++i) {
      const int64_t seen_ns = last_seen_ns_[static_cast<size_t>(i)];
      if (seen_ns != kNeverSeen && now_ns_ - seen_ns < options_.quiet_ns) {
        return options_.max_step_ms;
      }
    }
    return std::max(options_.max_step_ms, options_.max_quiet_step_ms);
  }

  /// The rows that still fit where the whole step may take `ms`.
  int RowsWithin(double ms) const {
    if (cost_.empty()) return options_.initial_chunk;
    return cost_.MaxRowsWithin(ms, options_.max_rows) - plan_.n_rows;
  }

  void AddForegroundPrompts() {
    for (PlannedTask& planned : plan_.tasks) {
      const RunnableTask& task = TaskOf(planned);
      if (IsBatch(planned) || task.n_pending == 1) continue;
      double limit_ms = n_decoders_ > 0 ? decoding_ms_ * options_.prefill_gap_factor
                                        : LongestStepMs(UrgencyOf(planned).request_class);
      if (task.request_class == RequestClass::kRealtime) {
        limit_ms = std::max(limit_ms, options_.max_step_ms);
      }
      // The first prompt always gets on; those behind it take what is left.
      const int least = prompt_given_ ? 0 : options_.min_chunk;
      Give(&planned, std::max(RowsWithin(limit_ms), least));
      prompt_given_ |= planned.n_rows > 0;
    }
  }

  void AddBatch() {
    if (plan_.urgency.request_class == RequestClass::kRealtime) return;
    if (n_foreground_ > 0) {
      // Beside prompts alone, batch may make the step as much longer as beside decoding.
      const double alone_ms = n_decoders_ > 0 ? decoding_ms_ : cost_.PredictMs(plan_.n_rows);
      const double limit_ms = alone_ms * options_.gap_factor;
      for (PlannedTask& planned : plan_.tasks) {
        if (!IsBatch(planned)) continue;
        const int n_rows = cost_.empty() ? 0 : RowsWithin(limit_ms);
        if (n_rows <= 0) return;
        Give(&planned, n_rows);
      }
      return;
    }
    for (PlannedTask& planned : plan_.tasks) {
      if (TaskOf(planned).n_pending == 1) Give(&planned, 1);
    }
    const double limit_ms = std::max(LongestStepMs(RequestClass::kBatch),
                                     cost_.PredictMs(plan_.n_rows) * options_.gap_factor);
    for (PlannedTask& planned : plan_.tasks) {
      if (TaskOf(planned).n_pending == 1) continue;
      const int least = prompt_given_ ? 0 : options_.min_chunk;
      Give(&planned, std::max(RowsWithin(limit_ms), least));
      prompt_given_ |= planned.n_rows > 0;
    }
  }

  std::span<const RunnableTask> tasks_;
  const StepCost& cost_;
  const PlanOptions& options_;
  const LastSeen& last_seen_ns_;
  int64_t now_ns_;
  StepPlan& plan_;

  int n_outputs_ = 0;
  int n_foreground_ = 0;
  int n_decoders_ = 0;      ///< foreground sequences that decode in this step
  double decoding_ms_ = 0;  ///< what they take alone
  bool prompt_given_ = false;
};

}  // namespace

void PlanStep(std::span<const RunnableTask> tasks, const StepCost& cost, const PlanOptions& options,
              const LastSeen& last_seen_ns, int64_t now_ns, StepPlan* plan) {
  Planner(tasks, cost, options, last_seen_ns, now_ns, plan).Run();
}

Urgency MostUrgent(std::span<const RunnableTask> tasks, const PlanOptions& options,
                   int64_t now_ns) {
  Urgency most;
  for (const RunnableTask& task : tasks) most = std::min(most, UrgencyOf(task, options, now_ns));
  return most;
}

}  // namespace autoglm
