// The plan of single steps, and whole loads on a simulated device.
#include "qos/step_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "base/rng.h"
#include "qos/work.h"

namespace autoglm {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

/// Weights read in 20 ms, each row beyond that costs 0.5 ms: eight rows take 1.18 times one.
double DeviceMs(int n_rows) { return 20 + 0.5 * n_rows; }

StepCost KnownCost() {
  StepCost cost;
  for (int n = 1; n <= 256; n *= 2) cost.Observe(n, DeviceMs(n));
  return cost;
}

RunnableTask Task(uint64_t id, RequestClass request_class, int n_pending,
                  int64_t deadline_ns = kNoDeadline) {
  return {id, request_class, deadline_ns, 0, n_pending};
}

std::map<uint64_t, int> Rows(const StepPlan& plan) {
  std::map<uint64_t, int> rows;
  for (const PlannedTask& planned : plan.tasks) rows[planned.id] = planned.n_rows;
  return rows;
}

/// All classes are about.
constexpr LastSeen kAllSeen = {0, 0, 0};

std::map<uint64_t, int> PlanRows(std::vector<RunnableTask> tasks, PlanOptions options = {},
                                 StepCost cost = KnownCost(), const LastSeen& seen = kAllSeen) {
  StepPlan plan;
  PlanStep(tasks, cost, options, seen, 0, &plan);
  int n_rows = 0;
  for (const PlannedTask& planned : plan.tasks) {
    EXPECT_EQ(tasks[planned.index].id, planned.id);
    EXPECT_GT(planned.n_rows, 0);
    n_rows += planned.n_rows;
  }
  EXPECT_EQ(n_rows, plan.n_rows);
  EXPECT_LE(n_rows, options.max_rows);
  return Rows(plan);
}

TEST(StepPlan, NothingToDoIsAnEmptyPlan) { EXPECT_TRUE(PlanRows({}).empty()); }

TEST(StepPlan, EveryForegroundDecoderHasARowBesideAPrompt) {
  const auto rows =
      PlanRows({Task(1, RequestClass::kInteractive, 1000), Task(2, RequestClass::kInteractive, 1),
                Task(3, RequestClass::kRealtime, 1, 5)});
  EXPECT_EQ(rows.at(2), 1);
  EXPECT_EQ(rows.at(3), 1);
  // The step may take three times as long as with two rows: 63 ms, which is 86 rows in all.
  EXPECT_NEAR(rows.at(1), 84, 3);
}

TEST(StepPlan, BatchFillsWhatTheGapFactorLeaves) {
  const auto rows =
      PlanRows({Task(1, RequestClass::kInteractive, 1), Task(2, RequestClass::kBatch, 1000)});
  EXPECT_EQ(rows.at(1), 1);
  EXPECT_NEAR(rows.at(2), 16, 2) << "1.4 x 20.5 ms is 28.7 ms: 17 rows in all";
}

TEST(StepPlan, BatchAddsNothingBesideRealtime) {
  const auto rows =
      PlanRows({Task(1, RequestClass::kRealtime, 1, 5), Task(2, RequestClass::kBatch, 1)});
  EXPECT_EQ(rows.size(), 1u);
}

TEST(StepPlan, BatchTakesTurnsInWhatIsLeft) {
  std::vector<RunnableTask> tasks = {Task(1, RequestClass::kInteractive, 1)};
  for (uint64_t id = 2; id < 6; ++id) tasks.push_back(Task(id, RequestClass::kBatch, 100));
  for (auto& task : tasks) task.last_served_ns = static_cast<int64_t>(10 - task.id);
  EXPECT_EQ(PlanRows(tasks).count(5), 1u) << "served longest ago";
  EXPECT_EQ(PlanRows(tasks).count(2), 0u);
}

TEST(StepPlan, WithoutForegroundBatchTakesTheWholeStep) {
  std::vector<RunnableTask> tasks = {Task(1, RequestClass::kBatch, 500)};
  for (uint64_t id = 2; id < 6; ++id) tasks.push_back(Task(id, RequestClass::kBatch, 1));
  const auto rows = PlanRows(tasks);
  EXPECT_EQ(rows.size(), 5u);
  EXPECT_NEAR(rows.at(1), 36, 3) << "40 ms: 40 rows in all";
}

TEST(StepPlan, PromptsTakeLongStepsWhileNobodyMoreUrgentIsAbout) {
  const LastSeen only_batch = {kNeverSeen, kNeverSeen, 0};
  const LastSeen no_realtime = {kNeverSeen, 0, 0};
  const PlanOptions options = {.max_rows = 512, .max_quiet_step_ms = 100};
  const auto rows = [&](RequestClass request_class, const LastSeen& seen) {
    return PlanRows({Task(1, request_class, 1000)}, options, KnownCost(), seen).at(1);
  };
  EXPECT_NEAR(rows(RequestClass::kBatch, only_batch), 160, 5) << "100 ms";
  EXPECT_NEAR(rows(RequestClass::kBatch, no_realtime), 40, 3) << "40 ms";
  EXPECT_NEAR(rows(RequestClass::kInteractive, no_realtime), 160, 5);
  EXPECT_NEAR(rows(RequestClass::kInteractive, kAllSeen), 40, 3);
  EXPECT_NEAR(rows(RequestClass::kRealtime, kAllSeen), 40, 3) << "another may be more urgent";
}

TEST(StepPlan, ADecodingStreamKeepsStepsShortHoweverQuietItIs) {
  const LastSeen no_realtime = {kNeverSeen, 0, 0};
  const auto rows =
      PlanRows({Task(1, RequestClass::kInteractive, 1), Task(2, RequestClass::kInteractive, 1000)},
               {}, KnownCost(), no_realtime);
  EXPECT_NEAR(rows.at(2), 82, 3) << "3 x 20.5 ms";
}

TEST(StepPlan, StepsAreLongAgainOnceTheMoreUrgentHaveBeenGoneForAWhile) {
  const PlanOptions options = {.max_rows = 512, .max_quiet_step_ms = 100};
  const std::vector<RunnableTask> tasks = {Task(1, RequestClass::kInteractive, 1000)};
  StepPlan plan;
  PlanStep(tasks, KnownCost(), options, kAllSeen, options.quiet_ns - 1, &plan);
  EXPECT_NEAR(plan.n_rows, 40, 3);
  PlanStep(tasks, KnownCost(), options, kAllSeen, options.quiet_ns, &plan);
  EXPECT_NEAR(plan.n_rows, 160, 5);
}

TEST(StepPlan, TheEarliestDeadlineIsFirst) {
  const PlanOptions options = {.max_rows = 32};
  const auto rows = PlanRows(
      {Task(1, RequestClass::kRealtime, 100, 900), Task(2, RequestClass::kRealtime, 100, 300),
       Task(3, RequestClass::kInteractive, 100)},
      options);
  EXPECT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows.at(2), 32);
}

TEST(StepPlan, RealtimePromptsMayHoldDecodersBackForOneStepsTime) {
  const PlanOptions options = {.prefill_gap_factor = 1.1, .max_step_ms = 60};
  const auto rows = PlanRows({Task(1, RequestClass::kRealtime, 1000, 300 * kNsPerMs),
                              Task(2, RequestClass::kInteractive, 1)},
                             options);
  EXPECT_NEAR(rows.at(1), 79, 3);
}

TEST(StepPlan, APromptAlwaysGetsOn) {
  const PlanOptions options = {.prefill_gap_factor = 1};
  const auto rows = PlanRows(
      {Task(1, RequestClass::kInteractive, 1), Task(2, RequestClass::kInteractive, 1000)}, options);
  EXPECT_EQ(rows.at(2), options.min_chunk);
}

TEST(StepPlan, NoMoreGetATokenThanTheEngineHasRowsOfLogitsFor) {
  const PlanOptions options = {.max_outputs = 2};
  const auto rows =
      PlanRows({Task(1, RequestClass::kInteractive, 1), Task(2, RequestClass::kInteractive, 1),
                Task(3, RequestClass::kInteractive, 1), Task(4, RequestClass::kInteractive, 10)},
               options);
  EXPECT_EQ(rows.count(3), 0u);
  EXPECT_EQ(rows.at(4), 9) << "all but the row that would need logits";
}

TEST(StepPlan, ABatchTaskPassedOverForLongGetsOneTurn) {
  PlanOptions options = {.max_outputs = 2, .gap_factor = 1};
  std::vector<RunnableTask> tasks = {Task(1, RequestClass::kInteractive, 1),
                                     Task(2, RequestClass::kBatch, 1)};
  StepPlan plan;
  tasks[0].last_served_ns = options.batch_age_ns - 1;
  PlanStep(tasks, KnownCost(), options, kAllSeen, options.batch_age_ns - 1, &plan);
  EXPECT_EQ(Rows(plan).count(2), 0u);
  PlanStep(tasks, KnownCost(), options, kAllSeen, options.batch_age_ns, &plan);
  EXPECT_EQ(Rows(plan).count(2), 1u);
}

TEST(StepPlan, WithoutKnownCostsChunksAreSmallAndBatchWaits) {
  const auto rows =
      PlanRows({Task(1, RequestClass::kInteractive, 1000), Task(2, RequestClass::kBatch, 1000)}, {},
               StepCost());
  EXPECT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows.at(1), 64);
}

TEST(StepPlan, TheModelWithTheMoreUrgentWorkIsLess) {
  const std::vector<RunnableTask> batch = {Task(1, RequestClass::kBatch, 1)};
  const std::vector<RunnableTask> late = {Task(1, RequestClass::kRealtime, 1, 900)};
  const std::vector<RunnableTask> soon = {Task(1, RequestClass::kRealtime, 1, 300),
                                          Task(2, RequestClass::kBatch, 1)};
  EXPECT_LT(MostUrgent(soon, {}, 0), MostUrgent(late, {}, 0));
  EXPECT_LT(MostUrgent(late, {}, 0), MostUrgent(batch, {}, 0));
  EXPECT_LT(MostUrgent(batch, {}, 0), MostUrgent({}, {}, 0));
}

/// A device that does what is planned, in simulated time.
struct Simulation {
  struct Live {
    RunnableTask task;
    int n_new = 0;  ///< tokens still to write
    std::vector<int64_t> token_ns = {};
  };

  explicit Simulation(PlanOptions plan_options = {}) : options(plan_options) {}

  void Add(RunnableTask task, int n_new) {
    task.last_served_ns = now_ns;
    live.push_back({task, n_new});
  }

  /// One step; `on_end` is called with each task that is done.
  void Step(const std::function<void(const Live&)>& on_end) {
    std::vector<RunnableTask> tasks;
    for (const Live& one : live) {
      tasks.push_back(one.task);
      seen[static_cast<size_t>(one.task.request_class)] = now_ns;
    }
    PlanStep(tasks, cost, options, seen, now_ns, &plan);
    ASSERT_FALSE(plan.tasks.empty());
    // A tenth of noise, as on a real machine.
    const double ms = DeviceMs(plan.n_rows) * (0.95 + 0.1 * rng.NextDouble());
    now_ns += static_cast<int64_t>(ms * kNsPerMs);
    cost.Observe(plan.n_rows, ms);
    for (const PlannedTask& planned : plan.tasks) {
      Live& one = live[planned.index];
      one.task.last_served_ns = now_ns;
      one.task.n_pending -= planned.n_rows;
      if (one.task.n_pending > 0) continue;
      one.task.n_pending = 1;
      one.token_ns.push_back(now_ns);
      --one.n_new;
    }
    for (const Live& one : live) {
      if (one.n_new == 0) on_end(one);
    }
    std::erase_if(live, [](const Live& one) { return one.n_new == 0; });
  }

  PlanOptions options;
  StepCost cost;
  StepPlan plan;
  std::vector<Live> live;
  LastSeen seen = {kNeverSeen, kNeverSeen, kNeverSeen};
  int64_t now_ns = 0;
  Rng rng{1};
};

double P99GapMs(const std::vector<int64_t>& token_ns) {
  std::vector<double> gaps;
  for (size_t i = 1; i < token_ns.size(); ++i) {
    gaps.push_back(static_cast<double>(token_ns[i] - token_ns[i - 1]) / kNsPerMs);
  }
  std::sort(gaps.begin(), gaps.end());
  return gaps[gaps.size() * 99 / 100];
}

TEST(StepPlanLoad, ASaturatingBatchLoadStretchesInteractiveGapsByLessThanSixTenths) {
  double alone_ms = 0;
  for (const bool with_batch : {false, true}) {
    Simulation simulation;
    double p99_ms = 0;
    int n_batch_done = 0;
    uint64_t next_id = 2;
    simulation.Add(Task(1, RequestClass::kInteractive, 50), 1000);
    while (p99_ms == 0) {
      for (; with_batch && simulation.live.size() < 12; ++next_id) {
        simulation.Add(Task(next_id, RequestClass::kBatch, 300), 20);
      }
      simulation.Step([&](const Simulation::Live& done) {
        if (done.task.id == 1) p99_ms = P99GapMs(done.token_ns);
        n_batch_done += done.task.id != 1;
      });
    }
    if (!with_batch) alone_ms = p99_ms;
    if (with_batch) {
      EXPECT_LE(p99_ms, 1.6 * alone_ms);
      EXPECT_GT(n_batch_done, 20) << "what is left is used";
    }
  }
}

TEST(StepPlanLoad, BatchNeverStarvesUnderASaturatingInteractiveLoad) {
  PlanOptions options;
  options.max_outputs = 4;
  options.gap_factor = 1;
  Simulation simulation(options);
  bool done_batch = false;
  uint64_t next_id = 2;
  simulation.Add(Task(1, RequestClass::kBatch, 30), 5);
  for (int step = 0; step < 2000 && !done_batch; ++step) {
    for (; simulation.live.size() < 8; ++next_id) {
      simulation.Add(Task(next_id, RequestClass::kInteractive, 20), 40);
    }
    simulation.Step([&](const Simulation::Live& done) { done_batch |= done.task.id == 1; });
  }
  EXPECT_TRUE(done_batch);
}

TEST(StepPlanLoad, ShortTasksKeepTheirDeadlinesAtSevenTenthsLoad) {
  Simulation simulation;
  for (int n = 1; n <= 256; n *= 2) simulation.cost.Observe(n, DeviceMs(n));
  // A prompt of 20 and two more tokens: 30 + 2 x 20.5 ms alone; deadlines of 300 and 150 ms.
  const double work_ms = PredictWorkMs(simulation.cost, 20, 3, 1, 64);
  Rng arrivals(7);
  double next_ms = 0;
  int n_arrived = 0, n_done = 0, n_kept = 0;
  uint64_t next_id = 1;
  simulation.Add(Task(0, RequestClass::kBatch, 1 << 30), 1);  // takes whatever is left
  while (n_done < 500) {
    while (n_arrived < 500 && static_cast<double>(simulation.now_ns) / kNsPerMs >= next_ms) {
      const int64_t deadline_ms = n_arrived % 2 == 0 ? 300 : 150;
      simulation.Add(Task(next_id++, RequestClass::kRealtime, 20,
                          static_cast<int64_t>((next_ms + deadline_ms) * kNsPerMs)),
                     3);
      next_ms += work_ms / 0.7 * (0.5 + arrivals.NextDouble());
      ++n_arrived;
    }
    simulation.Step([&](const Simulation::Live& done) {
      ++n_done;
      n_kept += simulation.now_ns <= done.task.deadline_ns;
    });
  }
  EXPECT_GE(n_kept, 495);
}

}  // namespace
}  // namespace autoglm
