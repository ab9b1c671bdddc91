// ThreadPool: one loop of tiles shared by a fixed set of threads. Whoever is free takes the next
// tile, so a core that is slow, preempted or taken away costs its own share and no more.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/function_ref.h"

namespace autoglm {

/// The calling thread takes part as thread 0. Threads: ParallelFor may be called from any thread;
/// calls from different threads run one after the other.
class ThreadPool {
 public:
  using TileFunction = FunctionRef<void(int64_t tile, int thread)>;

  /// Bound on n_tiles.
  static constexpr int64_t kMaxTiles = (int64_t{1} << 32) - 1;

  /// Starts n_threads - 1 workers (n_threads is at least 1). Where the system refuses a thread the
  /// pool has fewer: see n_threads(). `cpus`: the logical cpus that workers may run on, any of them
  /// (empty: where the system likes); the calling threads are not touched.
  explicit ThreadPool(int n_threads, std::span<const int> cpus = {});
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  /// Joins the workers. No ParallelFor may be running.
  ~ThreadPool();

  /// Including the caller; at least 1.
  int n_threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Workers that were seen to run on one of `cpus` after asking for it.
  int n_placed() const { return n_placed_.load(std::memory_order_relaxed); }

  /// Calls function(tile, thread) once for each tile in [0, n_tiles) and returns when all are
  /// done; 0 <= thread < n_threads() and no two calls with the same `thread` run at a time, so it
  /// can index scratch memory. Tiles are started in ascending order. What the caller wrote before
  /// is visible to every tile, and what tiles wrote is visible to the caller afterwards. Takes no
  /// memory. A call from inside a tile runs inline on its thread. `function` must not throw.
  void ParallelFor(int64_t n_tiles, TileFunction function);

  /// Inside a tile: which one this thread will probably get next, if all are equally fast; may be
  /// beyond the last. For prefetching.
  int64_t LikelyNextTile() const {
    if (next_alone_ > 0) return next_alone_;
    return int64_t{n_tiles_} - unclaimed_.load(std::memory_order_relaxed) + n_threads() - 1 -
           n_suspended_;
  }

  /// Time that callers have lost to workers that were taken off their core while they held a tile,
  /// and how often a worker was left out for a while because of it.
  int64_t stalled_ns() const { return stalled_ns_.load(std::memory_order_relaxed); }
  int64_t n_suspensions() const { return n_suspensions_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kCacheLine = 64;
  struct Worker;

  void RunAlone(int64_t n_tiles, TileFunction function);
  void Work(int thread, std::span<const int> cpus);
  void RunTiles(int thread);
  uint32_t WaitForJob(Worker& worker, uint32_t seen);
  void Publish(uint32_t n_tiles, const TileFunction& function);
  void WaitUntilDone(uint32_t n_tiles);
  void SleepUntilDone(uint32_t n_tiles);
  void Suspend(Worker& worker, int64_t now_ns, int64_t lost_ns);
  void ResumeWorkers();

  // The current job; written by the caller while no tile is unclaimed or running, read only by a
  // thread that has claimed one of its tiles.
  const TileFunction* function_ = nullptr;
  uint32_t n_tiles_ = 0;
  int64_t next_alone_ = 0;  ///< the next tile of a job that the caller runs alone; 0: no such job
  int n_suspended_ = 0;     ///< callers only

  // Each on a cache line of its own: they are written by different threads at different times.
  alignas(kCacheLine) std::atomic<uint32_t> unclaimed_{0};      ///< tiles of the job to be taken
  alignas(kCacheLine) std::atomic<uint32_t> n_done_{0};         ///< tiles of the job finished
  alignas(kCacheLine) std::atomic<uint32_t> caller_asleep_{0};  ///< the caller sleeps on it
  std::atomic<int64_t> done_at_ns_{0};  ///< when the last tile was, if the caller slept
  alignas(kCacheLine) std::atomic<uint32_t> job_number_{0};
  alignas(kCacheLine) std::atomic<bool> stop_{false};
  std::atomic<int> n_started_{0}, n_placed_{0};
  std::atomic<int64_t> stalled_ns_{0}, n_suspensions_{0};
  std::mutex call_mutex_;
  std::unique_ptr<Worker[]> states_;  ///< [n_threads - 1]
  std::vector<std::thread> workers_;
};

}  // namespace autoglm
