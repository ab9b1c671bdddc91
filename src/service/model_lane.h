// ModelLane: the answers that one model is writing, and those that wait for it. Sequences join and
// leave at every step ("continuous batching"). Source: Yu et al. 2022, "Orca: A Distributed Serving
// System for Transformer-Based Generative Models".
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/status.h"
#include "engine/engine.h"
#include "platform/clock.h"
#include "service/generation.h"

namespace autoglm {

struct LaneOptions {
  int max_sequences = 16;  ///< answers under way
  int n_ctx = 4096;        ///< tokens of one sequence
  /// The most rows of a step: while a prompt of any length is read, answers under way wait no
  /// longer than for one chunk of this size.
  int chunk_tokens = 256;
};

/// For metrics; written by the inference thread, read by any.
struct LaneStats {
  std::atomic<int64_t> n_waiting = 0;
  std::atomic<int64_t> n_running = 0;  ///< sequences
  std::atomic<int64_t> n_kv_pages = 0;
  std::atomic<int64_t> n_free_kv_pages = 0;
  std::atomic<int64_t> n_steps = 0;
  std::atomic<int64_t> n_rows = 0;  ///< tokens computed, prompts and answers
};

/// On the inference thread, but for stats() and options().
class ModelLane {
 public:
  ModelLane(Engine& engine, const Clock& clock, const LaneOptions& options);
  ~ModelLane();

  void Add(GenerationJob job);

  /// Something is under way or waiting.
  bool busy() const { return !waiting_.empty() || !running_.empty(); }
  /// A step would do something: not every answer waits for its reader.
  bool runnable();
  /// Forgets what was cancelled, lets in what fits, steps once, hands out what came of it.
  void Step();
  /// Ends everything with `status`.
  void FailAll(const Status& status);

  const LaneStats& stats() const { return stats_; }
  const LaneOptions& options() const { return options_; }
  Engine& engine() { return engine_; }

 private:
  struct Choice {
    int index = 0;
    std::unique_ptr<Sequence> sequence;  ///< null: it still waits for the first choice's prompt
    bool stepped = false;                ///< in this step
    bool ended = false;
  };
  struct Running {
    GenerationJob job;
    int64_t start_ns = 0;
    int64_t n_reserved_pages = 0;
    int n_active = 0;
    std::vector<Choice> choices;  ///< [job.n]
  };

  int64_t PagesFor(const GenerationJob& job) const;
  void DropCancelled();
  bool CanEverFit(const GenerationJob& job) const;
  bool FitsNow(const GenerationJob& job) const;
  void Admit();
  void Begin(GenerationJob job);
  void ForkChoices(Running& running);
  void CollectSequences();
  void Deliver(Running& running);
  void Emit(Running& running, Choice& choice);
  void EmitEnd(Running& running, Choice& choice, StopReason reason, Status status);
  void Refuse(GenerationJob& job, const Status& status);
  void DropEnded();
  void PublishStats();

  Engine& engine_;
  const Clock& clock_;
  const LaneOptions options_;
  std::deque<GenerationJob> waiting_;
  std::vector<std::unique_ptr<Running>> running_;
  int64_t n_reserved_pages_ = 0;
  int n_sequences_ = 0;              ///< choices of running_ that have not ended
  std::vector<Sequence*> stepping_;  ///< of this step
  LaneStats stats_;
};

}  // namespace autoglm
