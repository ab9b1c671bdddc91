// ThreadPool: one loop of tiles shared by a fixed set of threads. Whoever is free takes the next
// tile, so a core that is slow, preempted or taken away costs its own share and no more.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
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
  /// pool has fewer: see n_threads().
  explicit ThreadPool(int n_threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  /// Joins the workers. No ParallelFor may be running.
  ~ThreadPool();

  /// Including the caller; at least 1.
  int n_threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls function(tile, thread) once for each tile in [0, n_tiles) and returns when all are
  /// done; 0 <= thread < n_threads() and no two calls with the same `thread` run at a time, so it
  /// can index scratch memory. Tiles are started in ascending order. What the caller wrote before
  /// is visible to every tile, and what tiles wrote is visible to the caller afterwards. Takes no
  /// memory. A call from inside a tile runs inline on its thread. `function` must not throw.
  void ParallelFor(int64_t n_tiles, TileFunction function);

 private:
  static constexpr size_t kCacheLine = 64;

  void Work(int thread);
  void RunTiles(int thread);
  void WaitUntilDone(uint32_t n_tiles);

  // The current job; written by the caller while no tile is unclaimed or running, read only by a
  // thread that has claimed one of its tiles.
  const TileFunction* function_ = nullptr;
  uint32_t n_tiles_ = 0;

  // Each on a cache line of its own: they are written by different threads at different times.
  alignas(kCacheLine) std::atomic<uint32_t> unclaimed_{0};   ///< tiles of the job still to be taken
  alignas(kCacheLine) std::atomic<uint32_t> n_done_{0};      ///< tiles of the job finished
  alignas(kCacheLine) std::atomic<uint32_t> job_number_{0};  ///< workers sleep on it
  alignas(kCacheLine) std::atomic<bool> stop_{false};
  std::mutex call_mutex_;
  std::vector<std::thread> workers_;
};

}  // namespace autoglm
