// What the layout of data in memory is worth: weights as separate arrays of codes and scales
// against an array of blocks that hold both, and counters of several threads on cache lines of
// their own against counters side by side. Prints ratios; the two sides take turns.
//
//   layout_bench [ROUNDS]
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "bench/measure.h"
#include "kernels/peaks.h"
#include "platform/thread_pool.h"
#include "tensor/buffer.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define AUTOGLM_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), noinline))
#else
#define AUTOGLM_CLONES __attribute__((noinline))
#endif

namespace autoglm {
namespace {

constexpr int kBlock = 32;  // codes that share a scale

// Array of structures: what a file of 8-bit weights holds.
struct BlockOfCodes {
  float scale;
  int8_t codes[kBlock];
};

// Structure of arrays over the same memory budget: all scales, then all codes.
struct Planes {
  float* scales;
  int8_t* codes;
};

AUTOGLM_CLONES float DotOfBlocks(const BlockOfCodes* blocks, const int8_t* x, int64_t n_blocks,
                                 int64_t cols) {
  float sum = 0;
  const int64_t x_blocks = cols / kBlock;
  for (int64_t i = 0; i < n_blocks; ++i) {
    const int8_t* at = x + i % x_blocks * kBlock;
    int32_t dot = 0;
    for (int k = 0; k < kBlock; ++k) dot += blocks[i].codes[k] * at[k];
    sum += blocks[i].scale * static_cast<float>(dot);
  }
  return sum;
}

AUTOGLM_CLONES float DotOfPlanes(const Planes& planes, const int8_t* x, int64_t n_blocks,
                                 int64_t cols) {
  float sum = 0;
  const int64_t x_blocks = cols / kBlock;
  for (int64_t i = 0; i < n_blocks; ++i) {
    const int8_t* at = x + i % x_blocks * kBlock;
    const int8_t* codes = planes.codes + i * kBlock;
    int32_t dot = 0;
    for (int k = 0; k < kBlock; ++k) dot += codes[k] * at[k];
    sum += planes.scales[i] * static_cast<float>(dot);
  }
  return sum;
}

// Looks at the scales alone, as a search for outliers does.
AUTOGLM_CLONES float MaxScaleOfBlocks(const BlockOfCodes* blocks, int64_t n_blocks) {
  float most[16] = {};
  for (int64_t i = 0; i < n_blocks; ++i) most[i % 16] = std::max(most[i % 16], blocks[i].scale);
  return *std::max_element(most, most + 16);
}

AUTOGLM_CLONES float MaxScaleOfPlanes(const Planes& planes, int64_t n_blocks) {
  float most[16] = {};
  for (int64_t i = 0; i + 16 <= n_blocks; i += 16) {
    for (int k = 0; k < 16; ++k) most[k] = std::max(most[k], planes.scales[i + k]);
  }
  return *std::max_element(most, most + 16);
}

void Use(float value) { asm volatile("" : : "m"(value)); }

template <typename F>
double TimeOf(F&& work) {
  const double start = Seconds();
  work();
  return Seconds() - start;
}

// Both layouts of `n_blocks` blocks, and the activations that they meet.
class Layouts {
 public:
  static constexpr int64_t kCols = 4096;

  static Result<Layouts> Make(int64_t n_blocks) {
    Layouts layouts;
    layouts.n_blocks_ = n_blocks;
    const auto n = static_cast<size_t>(n_blocks);
    AUTOGLM_ASSIGN_OR_RETURN(layouts.blocks_, Buffer::Allocate(n * sizeof(BlockOfCodes), "blocks"));
    AUTOGLM_ASSIGN_OR_RETURN(layouts.planes_, Buffer::Allocate(n * sizeof(BlockOfCodes), "planes"));
    std::memset(layouts.blocks_.data(), 1, layouts.blocks_.n_bytes());
    std::memset(layouts.planes_.data(), 1, layouts.planes_.n_bytes());
    layouts.x_.assign(kCols, 2);
    return layouts;
  }

  int64_t n_bytes() const { return static_cast<int64_t>(blocks_.n_bytes()); }
  const BlockOfCodes* blocks() const {
    return reinterpret_cast<const BlockOfCodes*>(blocks_.data());
  }
  Planes planes() const {
    return {reinterpret_cast<float*>(planes_.data()),
            reinterpret_cast<int8_t*>(planes_.data() + n_blocks_ * sizeof(float))};
  }

  void Compare(const char* where, int rounds, double peak_bytes_per_s) const {
    constexpr double kBytesOfRound = 1 << 30;
    const int64_t passes = std::max<int64_t>(1, static_cast<int64_t>(kBytesOfRound) / n_bytes());
    std::vector<double> aos, soa, aos_scales, soa_scales;
    for (int round = 0; round < rounds; ++round) {
      const auto repeat = [&](auto&& work) {
        return TimeOf([&] {
          for (int64_t pass = 0; pass < passes; ++pass) Use(work());
        });
      };
      aos.push_back(repeat([&] { return DotOfBlocks(blocks(), x_.data(), n_blocks_, kCols); }));
      soa.push_back(repeat([&] { return DotOfPlanes(planes(), x_.data(), n_blocks_, kCols); }));
      aos_scales.push_back(repeat([&] { return MaxScaleOfBlocks(blocks(), n_blocks_); }));
      soa_scales.push_back(repeat([&] { return MaxScaleOfPlanes(planes(), n_blocks_); }));
    }
    const double bytes = static_cast<double>(passes * n_bytes());
    const double aos_rate = bytes / Median(aos), soa_rate = bytes / Median(soa);
    std::printf(
        "%-9s dot product: arrays %6.1f GB/s (%3.0f %% of the read bandwidth)  blocks %6.1f"
        " GB/s (%3.0f %%)  ratio %.2f\n",
        where, soa_rate / 1e9, 100 * soa_rate / peak_bytes_per_s, aos_rate / 1e9,
        100 * aos_rate / peak_bytes_per_s, soa_rate / aos_rate);
    std::printf(
        "%-9s scales only: arrays %.2f times as fast; of each cache line that is fetched"
        " %.0f %% is used, in blocks %.0f %%\n",
        where, Median(aos_scales) / Median(soa_scales), 100.0,
        100.0 * sizeof(float) / sizeof(BlockOfCodes));
  }

 private:
  Layouts() = default;

  int64_t n_blocks_ = 0;
  Buffer blocks_, planes_;
  std::vector<int8_t> x_;
};

// Seconds in which each thread counts to kCounts in a counter `stride` bytes from its neighbour's.
double CountSeconds(int n_threads, size_t stride) {
  constexpr int kCounts = 20'000'000;
  struct alignas(256) Line {
    std::byte bytes[256];
  };
  std::vector<Line> memory(static_cast<size_t>(n_threads) * stride / sizeof(Line) + 1);
  std::byte* base = memory[0].bytes;
  std::atomic<int> n_ready{0};
  std::vector<std::thread> threads;
  std::vector<double> seconds(static_cast<size_t>(n_threads));
  for (int t = 0; t < n_threads; ++t) {
    threads.emplace_back([&, t] {
      auto* counter = new (base + static_cast<size_t>(t) * stride) std::atomic<uint32_t>(0);
      n_ready.fetch_add(1);
      while (n_ready.load() < n_threads) std::this_thread::yield();
      const double start = Seconds();
      for (int i = 0; i < kCounts; ++i) {
        counter->store(counter->load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      }
      seconds[static_cast<size_t>(t)] = Seconds() - start;
    });
  }
  for (std::thread& thread : threads) thread.join();
  return *std::max_element(seconds.begin(), seconds.end());
}

void CompareCounters(int rounds) {
  const int n_threads =
      std::max(2, std::min(8, static_cast<int>(std::thread::hardware_concurrency())));
  std::vector<double> packed, padded, apart;
  for (int round = 0; round < rounds; ++round) {
    packed.push_back(CountSeconds(n_threads, sizeof(uint32_t)));
    padded.push_back(CountSeconds(n_threads, 64));
    apart.push_back(CountSeconds(n_threads, 128));
  }
  std::printf(
      "counters of %d threads: 64 bytes apart %.2f times as fast as side by side, 128 bytes"
      " apart %.2f times\n",
      n_threads, Median(packed) / Median(padded), Median(packed) / Median(apart));
}

int Main(int rounds) {
  ThreadPool one(1);
  const Result<double> peak = MeasureReadBandwidth(one);
  if (!peak.ok()) return 1;
  std::printf("one thread reads %.1f GB/s\n", *peak / 1e9);
  struct Case {
    const char* where;
    int64_t n_blocks;
  };
  for (const Case& c : {Case{"cache", 4096}, Case{"memory", 8 << 20}}) {
    const Result<Layouts> layouts = Layouts::Make(c.n_blocks);
    if (!layouts.ok()) return 1;
    layouts->Compare(c.where, rounds, *peak);
  }
  CompareCounters(rounds);
  return 0;
}

}  // namespace
}  // namespace autoglm

int main(int argc, char** argv) { return autoglm::Main(argc > 1 ? std::max(1, atoi(argv[1])) : 5); }
