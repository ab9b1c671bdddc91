// ModelLane: the answers that one model is writing, and those that wait for it. Sequences join and
// leave at every step ("continuous batching"); who joins and who steps is qos' decision. Source: Yu
// et al. 2022, "Orca: A Distributed Serving System for Transformer-Based Generative Models".
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/status.h"
#include "engine/engine.h"
#include "platform/clock.h"
#include "qos/admission.h"
#include "qos/byte_budget.h"
#include "qos/step_cost.h"
#include "qos/step_plan.h"
#include "service/api_error.h"
#include "service/generation.h"

namespace autoglm {

struct LaneOptions {
  int max_sequences = 16;  ///< answers under way
  int n_ctx = 4096;        ///< tokens of one sequence
  /// The most rows of a step: while a prompt of any length is read, answers under way wait no
  /// longer than for one chunk of this size.
  int chunk_tokens = 256;
  AdmissionOptions admission = {};  ///< max_running is set to max_sequences
  PlanOptions plan = {};            ///< max_rows and max_outputs are set
  /// Told how long a request of a class waited, when it begins. On the inference thread.
  std::function<void(RequestClass request_class, int64_t queue_delay_ns)> on_admitted = nullptr;
};

/// For metrics; written by the inference thread, read by any.
struct LaneStats {
  PerClass<std::atomic<int64_t>> n_waiting = {};
  std::atomic<int64_t> n_running = 0;  ///< sequences
  std::atomic<int64_t> n_kv_pages = 0;
  std::atomic<int64_t> n_reserved_kv_pages = 0;  ///< by answers under way
  std::atomic<int64_t> n_cached_kv_pages = 0;    ///< held by the prefix cache
  std::atomic<int64_t> n_evicted_kv_pages = 0;
  std::atomic<int64_t> n_lookup_tokens = 0;  ///< of prompts
  std::atomic<int64_t> n_hit_tokens = 0;     ///< of them, found in the prefix cache
  std::atomic<int64_t> n_steps = 0;
  std::atomic<int64_t> n_rows = 0;   ///< tokens computed, prompts and answers
  std::atomic<int64_t> step_ns = 0;  ///< time spent in steps
};

/// On the inference thread, but for Offer, stats() and options().
class ModelLane {
 public:
  ModelLane(Engine& engine, const Clock& clock, const LaneOptions& options);
  ~ModelLane();

  /// Takes `job` in, unless it can never fit (413) or would wait for too long (429, with the time
  /// after which to ask again). Any thread. The lane must be stepped for it to be answered.
  ApiError Offer(GenerationJob job);

  /// Something is under way or waiting.
  bool busy() const;
  /// Forgets what was cancelled, refuses what has waited in vain, lets in what may begin. True
  /// where a step would do something; `urgency` is then how urgent that is. Notes in `last_seen_ns`
  /// which classes are there.
  bool Prepare(Urgency* urgency, LastSeen* last_seen_ns);
  /// After Prepare: steps once and hands out what came of it.
  void Step(const LastSeen& last_seen_ns);
  /// Ends everything with `status`.
  void FailAll(const Status& status);

  /// The model cannot be used any more. Any thread.
  bool broken() const { return broken_; }
  const LaneStats& stats() const { return stats_; }
  const LaneOptions& options() const { return options_; }
  Engine& engine() { return engine_; }

 private:
  struct Choice {
    int index = 0;
    std::unique_ptr<Sequence> sequence;  ///< null: it still waits for the first choice's prompt
    int64_t last_served_ns = 0;
    bool stepped = false;  ///< in this step
    bool ended = false;
  };
  struct Running {
    uint64_t id = 0;
    GenerationJob job;
    ByteBudget::Reservation reservation;
    ByteBudget::Reservation task_reservation;
    int64_t start_ns = 0;
    int n_active = 0;
    std::vector<Choice> choices;  ///< [job.n]
  };
  struct Candidate {
    Running* running;
    Choice* choice;
  };

  int64_t PagesFor(const GenerationJob& job) const;
  double WorkMs(const GenerationJob& job) const;
  void DropCancelled();
  void DropExpired(int64_t now_ns);
  void Admit(int64_t now_ns);
  void Begin(AdmittedRequest admitted, GenerationJob job, int64_t now_ns);
  void ForkChoices(Running& running);
  void CollectTasks();
  void NoteClasses(int64_t now_ns, LastSeen* last_seen_ns) const;
  /// Does plan_; a sequence whose embedding is wanted is stepped alone.
  Result<StepStats> StepEngine(bool wants_embedding);
  void Deliver(Running& running);
  void Emit(Running& running, Choice& choice);
  void EmitEnd(Running& running, Choice& choice, StopReason reason, Status status);
  void Refuse(GenerationJob& job, const Status& status, int http_status, int64_t retry_after_ms);
  void ReportProgress(double step_ms);
  void DropEnded();
  void PublishStats();

  Engine& engine_;
  const Clock& clock_;
  const LaneOptions options_;
  ByteBudget kv_budget_;

  mutable std::mutex mutex_;  ///< of the next five, which Offer uses too
  AdmissionQueue queue_;
  std::map<uint64_t, GenerationJob> waiting_;
  uint64_t next_id_ = 1;
  StepCost cost_;
  double mean_generated_;  ///< tokens of an answer, of late

  std::vector<std::unique_ptr<Running>> running_;
  std::vector<RunnableTask> tasks_;    ///< of this step
  std::vector<Candidate> candidates_;  ///< [tasks_.size()]
  std::vector<Sequence*> stepping_;
  StepPlan plan_;
  std::vector<float> embedding_;  ///< of the step's only sequence, where it is wanted
  LaneStats stats_;
  std::atomic<bool> broken_ = false;
};

}  // namespace autoglm
