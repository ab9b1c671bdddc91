// How a job ends without waiting for idle workers: a tile is claimed by lowering `unclaimed_` from
// a positive number, and the job's fields are read only after that. A worker that wakes late, even
// in the middle of the next job, either claims a tile of the job that runs now, or nothing.
#include "platform/thread_pool.h"

#include <cassert>
#include <system_error>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace autoglm {
namespace {

// Tens of microseconds: longer than the gap between two operations of a decode step, far shorter
// than what a user or a battery notices.
constexpr int kSpins = 1000;

void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");  // "yield" does nothing on most cores
#endif
}

// Returns once `value` is no longer `old`: spins briefly, then sleeps.
uint32_t WaitWhile(const std::atomic<uint32_t>& value, uint32_t old) {
  for (int spin = 0; spin < kSpins; ++spin) {
    const uint32_t now = value.load(std::memory_order_acquire);
    if (now != old) return now;
    Pause();
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

// Which pool's tile this thread is inside of, to run nested calls inline.
struct Inside {
  const ThreadPool* pool = nullptr;
  int thread = 0;
};
thread_local Inside inside;

}  // namespace

ThreadPool::ThreadPool(int n_threads) {
  assert(n_threads >= 1);
  workers_.reserve(n_threads - 1);
  for (int thread = 1; thread < n_threads; ++thread) {
    try {
      workers_.emplace_back([this, thread] { Work(thread); });
    } catch (const std::system_error&) {
      break;  // the system's limit on threads: fewer are slower, not wrong
    }
  }
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_relaxed);
  job_number_.fetch_add(1, std::memory_order_release);
  job_number_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::ParallelFor(int64_t n_tiles, TileFunction function) {
  assert(n_tiles <= kMaxTiles);
  if (n_tiles <= 0) return;
  if (inside.pool == this) {
    for (int64_t tile = 0; tile < n_tiles; ++tile) function(tile, inside.thread);
    return;
  }
  std::lock_guard lock(call_mutex_);
  const Inside outer = inside;
  inside = {this, 0};
  if (workers_.empty() || n_tiles == 1) {
    for (int64_t tile = 0; tile < n_tiles; ++tile) function(tile, 0);
  } else {
    function_ = &function;
    n_tiles_ = static_cast<uint32_t>(n_tiles);
    n_done_.store(0, std::memory_order_relaxed);
    unclaimed_.store(n_tiles_, std::memory_order_release);
    job_number_.fetch_add(1, std::memory_order_release);
    job_number_.notify_all();
    RunTiles(0);
    WaitUntilDone(static_cast<uint32_t>(n_tiles));
  }
  inside = outer;
}

void ThreadPool::Work(int thread) {
  inside = {this, thread};
  uint32_t seen = 0;
  for (;;) {
    seen = WaitWhile(job_number_, seen);
    if (stop_.load(std::memory_order_relaxed)) return;
    RunTiles(thread);
  }
}

void ThreadPool::RunTiles(int thread) {
  uint32_t n_run = 0;
  uint32_t n_tiles = 0;
  uint32_t left = unclaimed_.load(std::memory_order_relaxed);
  while (left > 0) {
    // Acquire: pairs with the store that published the job, whichever job it is by now.
    if (!unclaimed_.compare_exchange_weak(left, left - 1, std::memory_order_acquire,
                                          std::memory_order_relaxed)) {
      continue;
    }
    n_tiles = n_tiles_;
    (*function_)(int64_t{n_tiles} - left, thread);
    ++n_run;
    left = unclaimed_.load(std::memory_order_relaxed);
  }
  // Until n_run is added the job cannot end, so all of n_run belongs to one job.
  if (n_run == 0) return;
  const uint32_t before = n_done_.fetch_add(n_run, std::memory_order_acq_rel);
  if (thread != 0 && before + n_run == n_tiles) n_done_.notify_one();
}

void ThreadPool::WaitUntilDone(uint32_t n_tiles) {
  uint32_t done = n_done_.load(std::memory_order_acquire);
  while (done != n_tiles) done = WaitWhile(n_done_, done);
}

}  // namespace autoglm
