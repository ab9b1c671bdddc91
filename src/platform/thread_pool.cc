// How a job ends without waiting for idle workers: a tile is claimed by lowering `unclaimed_` from
// a positive number, and the job's fields are read only after that. A worker that wakes late, even
// in the middle of the next job, either claims a tile of the job that runs now, or nothing.
//
// What is left is a worker that loses its core to another process while it holds a tile: the job
// waits for that tile, for milliseconds. Where this costs more than the worker helps (short jobs
// beside a busy process), the worker is left out for a while and then tried again.
#include "platform/thread_pool.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <optional>
#include <string_view>
#include <system_error>

#include "platform/affinity.h"
#include "platform/cgroup.h"
#include "platform/futex.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif
#if defined(__linux__)
#include <fcntl.h>
#include <unistd.h>
#endif

namespace autoglm {
namespace {

// Longer than the gap between two operations of a decode step, far shorter than what a user or a
// battery notices; a thread that sleeps costs 10 us and more to wake.
constexpr int64_t kSpinNs = 50'000;
// Less than this is noise, not a time slice lost.
constexpr int64_t kLeastStallNs = 300'000;
// A worker that is left out stays out for so many times what it cost: what trying it again costs is
// at most a share of 1 / kHoldOff.
constexpr int64_t kHoldOff = 16;
constexpr int64_t kMostHoldOffNs = 200'000'000;

void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");  // "yield" does nothing on most cores
#endif
}

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// True once `done()` is; false after spinning for kSpinNs.
template <typename F>
bool SpinUntil(F&& done) {
  constexpr int kPausesBetweenClocks = 32;
  int64_t end_ns = 0;
  for (;;) {
    for (int i = 0; i < kPausesBetweenClocks; ++i) {
      if (done()) return true;
      Pause();
    }
    const int64_t now_ns = NowNs();
    if (end_ns == 0) end_ns = now_ns + kSpinNs;
    if (now_ns >= end_ns) return false;
  }
}

// Which pool's tile this thread is inside of, to run nested calls inline.
struct Inside {
  const ThreadPool* pool = nullptr;
  int thread = 0;
};
thread_local Inside inside;

// How long a thread has waited for a core since it began (kernel documentation:
// scheduler/sched-stats), which tells "taken off its core" from "slow" and from "waiting for a
// disk".
class RunDelay {
 public:
  RunDelay() = default;
  RunDelay(const RunDelay&) = delete;
  RunDelay& operator=(const RunDelay&) = delete;
  ~RunDelay() {
#if defined(__linux__)
    if (file_ >= 0) close(file_);
#endif
  }
  /// On the thread itself.
  void Open() {
#if defined(__linux__)
    file_.store(open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC));
#endif
  }
  /// From any thread; nothing where the system does not say.
  std::optional<int64_t> Ns() const {
#if defined(__linux__)
    char text[96];  // "time_on_cpu_ns time_waiting_ns n_slices"
    const ssize_t n = file_ < 0 ? -1 : pread(file_, text, sizeof(text), 0);
    if (n <= 0) return std::nullopt;
    const std::string_view fields(text, static_cast<size_t>(n));
    return ParseNumber(fields.substr(std::min(fields.find(' '), fields.size())));
#else
    return std::nullopt;
#endif
  }

 private:
  std::atomic<int> file_{-1};
};

}  // namespace

struct alignas(64) ThreadPool::Worker {
  std::atomic<uint32_t> asleep{0};    ///< the worker sleeps on it
  std::atomic<bool> has_tile{false};  ///< or is about to; a hint
  std::atomic<bool> suspended{false};

  RunDelay run_delay;

  // Callers only.
  int64_t trusted_since_ns = 0;  ///< when it last came back, or last held a job up
  int64_t resume_ns = 0;
  std::optional<int64_t> delay_before_ns;  ///< as the caller went to sleep, if it held a tile
};

ThreadPool::ThreadPool(int n_threads, std::span<const int> cpus) {
  assert(n_threads >= 1);
  states_ = std::make_unique<Worker[]>(n_threads - 1);
  workers_.reserve(n_threads - 1);
  for (int thread = 1; thread < n_threads; ++thread) {
    try {
      workers_.emplace_back([this, thread, cpus] { Work(thread, cpus); });
    } catch (const std::system_error&) {
      break;  // the system's limit on threads: fewer are slower, not wrong
    }
  }
  // `cpus` belongs to the caller, and n_placed() should be true from the start.
  const int n_workers = static_cast<int>(workers_.size());
  while (!cpus.empty() && n_started_.load(std::memory_order_acquire) < n_workers) {
    std::this_thread::yield();
  }
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_relaxed);
  job_number_.fetch_add(1);
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (states_[i].asleep.exchange(0) != 0) FutexWakeOne(states_[i].asleep);
    workers_[i].join();
  }
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
  if (n_suspended_ > 0 && n_tiles > 1) ResumeWorkers();
  if (n_tiles == 1 || n_suspended_ == static_cast<int>(workers_.size())) {
    RunAlone(n_tiles, function);
  } else {
    Publish(static_cast<uint32_t>(n_tiles), function);
    RunTiles(0);
    WaitUntilDone(static_cast<uint32_t>(n_tiles));
  }
  inside = outer;
}

void ThreadPool::RunAlone(int64_t n_tiles, TileFunction function) {
  for (int64_t tile = 0; tile < n_tiles; ++tile) {
    next_alone_ = tile + 1;
    function(tile, 0);
  }
  next_alone_ = 0;
}

void ThreadPool::Publish(uint32_t n_tiles, const TileFunction& function) {
  function_ = &function;
  n_tiles_ = n_tiles;
  n_done_.store(0, std::memory_order_relaxed);
  unclaimed_.store(n_tiles, std::memory_order_release);
  // Sequentially consistent, as is the worker's side: either it sees the new number before it
  // sleeps, or we see that it sleeps.
  job_number_.fetch_add(1);
  // Awake workers come by themselves; of the sleeping ones wake as many as there are tiles for.
  const int n_workers = static_cast<int>(workers_.size());
  int64_t n_wanted = int64_t{n_tiles} - 1;
  for (int i = 0; i < n_workers; ++i) {
    const Worker& worker = states_[i];
    n_wanted -= worker.asleep.load() == 0 && !worker.suspended.load(std::memory_order_relaxed);
  }
  for (int i = 0; i < n_workers && n_wanted > 0; ++i) {
    Worker& worker = states_[i];
    if (worker.suspended.load(std::memory_order_relaxed)) continue;
    if (worker.asleep.exchange(0) == 0) continue;
    FutexWakeOne(worker.asleep);
    --n_wanted;
  }
}

void ThreadPool::Work(int thread, std::span<const int> cpus) {
  if (!cpus.empty() && RunOnCpus(cpus)) n_placed_.fetch_add(1, std::memory_order_relaxed);
  n_started_.fetch_add(1, std::memory_order_release);
  inside = {this, thread};
  Worker& worker = states_[thread - 1];
  worker.run_delay.Open();
  uint32_t seen = 0;
  for (;;) {
    seen = WaitForJob(worker, seen);
    if (stop_.load(std::memory_order_relaxed)) return;
    if (worker.suspended.load(std::memory_order_relaxed)) continue;
    worker.has_tile.store(true, std::memory_order_relaxed);
    RunTiles(thread);
    worker.has_tile.store(false, std::memory_order_relaxed);
  }
}

// The number of a job later than `seen`: spins briefly, then sleeps.
uint32_t ThreadPool::WaitForJob(Worker& worker, uint32_t seen) {
  uint32_t now = seen;
  const auto changed = [&] {
    now = job_number_.load(std::memory_order_acquire);
    return now != seen;
  };
  if (SpinUntil(changed)) return now;
  for (;;) {
    worker.asleep.store(1);
    now = job_number_.load();
    if (now != seen) {
      worker.asleep.store(0, std::memory_order_relaxed);
      return now;
    }
    FutexWait(worker.asleep, 1);
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
  const uint32_t before = n_done_.fetch_add(n_run);
  if (thread != 0 && before + n_run == n_tiles && caller_asleep_.exchange(0) != 0) {
    done_at_ns_.store(NowNs(), std::memory_order_relaxed);
    FutexWakeOne(caller_asleep_);
  }
}

void ThreadPool::WaitUntilDone(uint32_t n_tiles) {
  const auto done = [&] { return n_done_.load(std::memory_order_acquire) == n_tiles; };
  if (done() || SpinUntil(done)) return;
  const int64_t start_ns = NowNs();
  for (size_t i = 0; i < workers_.size(); ++i) {
    Worker& worker = states_[i];
    const bool holds = worker.has_tile.load(std::memory_order_relaxed);
    worker.delay_before_ns = holds ? worker.run_delay.Ns() : std::nullopt;
  }
  done_at_ns_.store(0, std::memory_order_relaxed);
  SleepUntilDone(n_tiles);
  const int64_t now_ns = NowNs();
  // That this thread had to wait for a core of its own after that is not the worker's fault.
  const int64_t done_at_ns = done_at_ns_.load(std::memory_order_relaxed);
  const int64_t waited_ns = (done_at_ns > start_ns ? done_at_ns : now_ns) - start_ns;
  int64_t most_lost_ns = 0;
  for (size_t i = 0; i < workers_.size(); ++i) {
    Worker& worker = states_[i];
    if (!worker.delay_before_ns) continue;
    const int64_t delay_ns = worker.run_delay.Ns().value_or(0) - *worker.delay_before_ns;
    const int64_t lost_ns = std::min(delay_ns, waited_ns);
    if (lost_ns < kLeastStallNs) continue;
    most_lost_ns = std::max(most_lost_ns, lost_ns);
    Suspend(worker, now_ns, lost_ns);
  }
  stalled_ns_.fetch_add(most_lost_ns, std::memory_order_relaxed);
}

void ThreadPool::SleepUntilDone(uint32_t n_tiles) {
  for (;;) {
    caller_asleep_.store(1);
    if (n_done_.load() == n_tiles) break;
    FutexWait(caller_asleep_, 1);
  }
  caller_asleep_.store(0, std::memory_order_relaxed);
}

// Leaves a worker out that has held a job up for more than half of the time that it helped. Long
// jobs lose little by a slice and gain the worker's share, so there it stays.
void ThreadPool::Suspend(Worker& worker, int64_t now_ns, int64_t lost_ns) {
  const int64_t helped_ns = now_ns - lost_ns - worker.trusted_since_ns;
  worker.trusted_since_ns = now_ns;
  if (2 * lost_ns < helped_ns) return;
  worker.resume_ns = now_ns + std::min(kHoldOff * lost_ns, kMostHoldOffNs);
  worker.suspended.store(true, std::memory_order_relaxed);
  ++n_suspended_;
  n_suspensions_.fetch_add(1, std::memory_order_relaxed);
}

void ThreadPool::ResumeWorkers() {
  const int64_t now_ns = NowNs();
  for (size_t i = 0; i < workers_.size(); ++i) {
    Worker& worker = states_[i];
    if (!worker.suspended.load(std::memory_order_relaxed) || now_ns < worker.resume_ns) continue;
    worker.suspended.store(false, std::memory_order_relaxed);
    worker.trusted_since_ns = now_ns;
    --n_suspended_;
  }
}

}  // namespace autoglm
