// What the thread pool keeps of its speed beside other busy processes: steps shaped like decoding
// (about 190 parallel loops over memory-bound tiles) and like prefill (long compute-bound loops),
// alone and beside one and two processes that never sleep, taking turns. Also: what an empty loop
// costs.
//
//   threads_bench [--threads N] [--rounds R] [--ms M] [--mode decode|prefill|both]
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "platform/cpu.h"
#include "platform/thread_pool.h"
#include "tensor/buffer.h"

namespace autoglm {
namespace {

uint64_t SumOf(const std::byte* data, int64_t n_bytes) {
  uint64_t sums[8] = {};
  for (int64_t i = 0; i + 64 <= n_bytes; i += 64) {
    uint64_t line[8];
    std::memcpy(line, data + i, sizeof(line));
    for (int k = 0; k < 8; ++k) sums[k] += line[k];
  }
  uint64_t sum = 0;
  for (const uint64_t s : sums) sum += s;
  return sum;
}

// Arithmetic in registers: `turns` of about a nanosecond each.
float Multiply(int64_t turns) {
  float sums[16];
  for (int k = 0; k < 16; ++k) sums[k] = static_cast<float>(k);
  for (int64_t i = 0; i < turns; ++i) {
    for (float& sum : sums) sum = sum * 0.999f + 0.001f;
  }
  float sum = 0;
  for (const float s : sums) sum += s;
  return sum;
}

// The rows and columns of the matrices of a model of half a billion parameters, eight bits each.
struct Matrix {
  int64_t rows, cols;
};
constexpr int kLayers = 24;
constexpr int64_t kHidden = 896;
constexpr Matrix kLayerMatrices[] = {{896, 896},  {128, 896},  {128, 896}, {896, 896},
                                     {4864, 896}, {4864, 896}, {896, 4864}};
constexpr Matrix kHead = {151936, 896};
constexpr int64_t kPrefillTokens = 512;

class Step {
 public:
  Step(ThreadPool& threads, const Buffer& weights) : threads_(threads), weights_(weights) {}

  // One token: every weight is read once.
  void Decode() {
    at_ = 0;
    for (int layer = 0; layer < kLayers; ++layer) {
      for (const Matrix& matrix : kLayerMatrices) {
        Small();
        ReadMatrix(matrix);
      }
    }
    ReadMatrix(kHead);
  }

  // kPrefillTokens tokens.
  void Prefill() {
    for (int layer = 0; layer < kLayers; ++layer) {
      for (const Matrix& matrix : kLayerMatrices) {
        Small();
        // At 512 multiply-adds a nanosecond and thread, in tiles of 64 rows by 64 tokens.
        const int64_t n_tiles = (matrix.rows + 63) / 64 * (kPrefillTokens / 64);
        threads_.ParallelFor(n_tiles,
                             [&](int64_t, int) { Use(Multiply(64 * 64 * matrix.cols / 512)); });
      }
    }
  }

 private:
  void ReadMatrix(const Matrix& matrix) {
    const int64_t rows_per_tile = std::max<int64_t>(1, 32 * 1024 / matrix.cols);
    const int64_t n_tiles = (matrix.rows + rows_per_tile - 1) / rows_per_tile;
    const std::byte* data = weights_.data() + at_;
    threads_.ParallelFor(n_tiles, [&](int64_t tile, int) {
      const int64_t begin = tile * rows_per_tile;
      const int64_t n_rows = std::min(rows_per_tile, matrix.rows - begin);
      Use(static_cast<float>(SumOf(data + begin * matrix.cols, n_rows * matrix.cols)));
    });
    at_ += matrix.rows * matrix.cols;
  }

  // An operation that is one tile: a norm, a rotation.
  void Small() {
    threads_.ParallelFor(1, [&](int64_t, int) { Use(Multiply(500)); });
  }

  void Use(float value) { asm volatile("" : : "m"(value)); }

  ThreadPool& threads_;
  const Buffer& weights_;
  int64_t at_ = 0;
};

int64_t WeightBytes() {
  int64_t n = kHead.rows * kHead.cols;
  for (const Matrix& matrix : kLayerMatrices) n += kLayers * matrix.rows * matrix.cols;
  return n;
}

struct Settings {
  int n_threads = NumUsableCores();
  int rounds = 5;
  double seconds = 1.0;
  std::string mode = "both";
};

struct Speed {
  double steps_per_second;
  double cores_of_others;  ///< used meanwhile by processes that are none of ours
};

template <typename F>
Speed SpeedBeside(int n_busy, double seconds, F&& step) {
  const BusyProcesses busy(n_busy);
  step();
  const double others = MachineCpuSeconds() - OwnCpuSeconds() - busy.CpuSeconds();
  const double start = Seconds();
  int n = 0;
  do {
    step();
    ++n;
  } while (Seconds() - start < seconds);
  const double passed = Seconds() - start;
  const double others_after = MachineCpuSeconds() - OwnCpuSeconds() - busy.CpuSeconds();
  return {n / passed, (others_after - others) / passed};
}

void Measure(const Settings& settings, const char* name, ThreadPool& threads, const Buffer& weights,
             bool decode) {
  constexpr int kMostBusy = 2;
  constexpr double kMostCoresOfOthers = 0.05;  // above it the measurement is repeated
  constexpr int kRetries = 3;
  std::vector<double> speeds[kMostBusy + 1];
  Step step(threads, weights);
  int n_disturbed = 0;
  for (int round = 0; round < settings.rounds; ++round) {
    for (int n_busy = 0; n_busy <= kMostBusy; ++n_busy) {
      const auto measure = [&] {
        return SpeedBeside(n_busy, settings.seconds,
                           [&] { decode ? step.Decode() : step.Prefill(); });
      };
      Speed speed = measure();
      for (int retry = 0; speed.cores_of_others > kMostCoresOfOthers && retry < kRetries; ++retry) {
        sleep(2);
        speed = measure();
      }
      n_disturbed += speed.cores_of_others > kMostCoresOfOthers;
      speeds[n_busy].push_back(speed.steps_per_second);
    }
  }
  const double alone = Median(speeds[0]);
  std::printf("%-8s %d threads  alone %7.2f/s", name, threads.n_threads(), alone);
  if (decode) std::printf(" (%.1f GB/s)", alone * static_cast<double>(WeightBytes()) / 1e9);
  for (int n_busy = 1; n_busy <= kMostBusy; ++n_busy) {
    const auto [least, most] = std::minmax_element(speeds[n_busy].begin(), speeds[n_busy].end());
    std::printf("  %d busy %5.1f %% (%.0f..%.0f)", n_busy, 100 * Median(speeds[n_busy]) / alone,
                100 * *least / alone, 100 * *most / alone);
  }
  if (n_disturbed > 0) std::printf("  (%d disturbed by others)", n_disturbed);
  std::printf("\n");
  std::fflush(stdout);
}

void MeasureEmptyLoops(ThreadPool& threads) {
  constexpr int kLoops = 20'000;
  for (const int gap_us : {0, 20, 200}) {
    const int n_loops = gap_us == 0 ? kLoops : kLoops / gap_us;
    std::vector<double> costs;
    for (int i = 0; i < n_loops; ++i) {
      const double wait_until = Seconds() + gap_us * 1e-6;
      while (Seconds() < wait_until) {
      }
      const double start = Seconds();
      threads.ParallelFor(threads.n_threads(), [](int64_t, int) {});
      costs.push_back(Seconds() - start);
    }
    std::printf("empty loop, %3d us after the last: %.2f us\n", gap_us, Median(costs) * 1e6);
  }
}

int Main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--threads") settings.n_threads = std::max(1, std::atoi(argv[i + 1]));
    if (name == "--rounds") settings.rounds = std::max(1, std::atoi(argv[i + 1]));
    if (name == "--ms") settings.seconds = std::atoi(argv[i + 1]) / 1e3;
    if (name == "--mode") settings.mode = argv[i + 1];
  }
  const Result<Buffer> weights = Buffer::Allocate(WeightBytes(), "weights");
  if (!weights.ok()) return 1;
  std::memset(weights->data(), 1, weights->n_bytes());
  for (const int n_threads : {1, settings.n_threads}) {
    ThreadPool threads(n_threads);
    if (n_threads > 1) MeasureEmptyLoops(threads);
    if (settings.mode != "prefill") Measure(settings, "decode", threads, *weights, true);
    if (settings.mode != "decode") Measure(settings, "prefill", threads, *weights, false);
    if (settings.n_threads == 1) break;
  }
  return 0;
}

}  // namespace
}  // namespace autoglm

int main(int argc, char** argv) { return autoglm::Main(argc, argv); }
