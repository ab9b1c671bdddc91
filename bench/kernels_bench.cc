// Every matrix product of every runnable kernel table, on one thread and from cache: prefill as
// int8 or float32 operations and their share of the core's peak, decode as bytes of weights. And
// the encoders of every type, in elements. The best of many runs counts, and the peak is measured
// in the same process.
//   bench: kernels_bench --benchmark_filter='avx512vnni/(prefill|decode)/q4_'
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include "base/rng.h"
#include "kernels/kernels.h"
#include "kernels/peaks.h"
#include "quant/quant_format.h"
#include "tensor/buffer.h"

namespace autoglm {
namespace {

struct Problem {
  const LinearKernel& kernel;
  DType dtype;
  int64_t n_rows, cols, n_tokens;
  Buffer weights, x, prepared, y, scratch;

  Problem(const LinearKernel& kernel, DType dtype, int64_t n_rows, int64_t cols, int64_t n_tokens)
      : kernel(kernel), dtype(dtype), n_rows(n_rows), cols(cols), n_tokens(n_tokens) {
    const auto floats = [](int64_t n) {
      return Buffer::Allocate(static_cast<size_t>(n) * sizeof(float), "benchmark").value();
    };
    weights = Buffer::Allocate(n_rows * RowBytes(dtype, cols), "benchmark").value();
    x = floats(n_tokens * cols);
    y = floats(n_tokens * n_rows);
    prepared = Buffer::Allocate(n_tokens * kernel.prepared_bytes(cols), "benchmark").value();
    scratch = floats(kernel.scratch_floats(cols));
    Rng rng(1);
    float* values = reinterpret_cast<float*>(x.data());
    for (int64_t i = 0; i < n_tokens * cols; ++i) {
      values[i] = static_cast<float>(rng.NextGaussian());
    }
    // One row, many times: how fast a kernel is does not depend on the values.
    if (Format(dtype).can_encode()) {
      Format(dtype).encode(values, nullptr, weights.data(), cols);
    }
    for (int64_t r = 1; r < n_rows; ++r) {
      std::memcpy(weights.data() + r * RowBytes(dtype, cols), weights.data(),
                  RowBytes(dtype, cols));
    }
    if (kernel.prepare == nullptr) std::memcpy(prepared.data(), x.data(), x.n_bytes());
  }

  void Prepare() const {
    for (int64_t t = 0; t < n_tokens && kernel.prepare != nullptr; ++t) {
      kernel.prepare(reinterpret_cast<const float*>(x.data()) + t * cols, cols,
                     prepared.data() + t * kernel.prepared_bytes(cols));
    }
  }

  // All rows, in tiles as a backend would cut them.
  void Multiply() const {
    const int64_t step = n_tokens == 1 ? 4 * kernel.row_multiple : kernel.row_multiple;
    for (int64_t row = 0; row < n_rows; row += step) {
      kernel.multiply({.dtype = dtype,
                       .weights = weights.data() + row * RowBytes(dtype, cols),
                       .n_rows = std::min(step, n_rows - row),
                       .cols = cols,
                       .x = prepared.data(),
                       .x_stride = kernel.prepared_bytes(cols),
                       .n_tokens = n_tokens,
                       .y = reinterpret_cast<float*>(y.data()) + row,
                       .y_stride = n_rows,
                       .scratch = reinterpret_cast<float*>(scratch.data())});
    }
  }
};

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Run(benchmark::State& state, const LinearKernel& kernel, DType dtype, int64_t n_rows,
         int64_t cols, int64_t n_tokens) {
  ThreadPool one(1);
  const bool is_int8 = kernel.prepare != nullptr;
  double peak = is_int8 ? MeasureInt8Peak(one) : MeasureFp32Peak(one);
  const Problem problem(kernel, dtype, n_rows, cols, n_tokens);
  double best = 1e30;
  for (auto _ : state) {
    const double start = Seconds();
    problem.Prepare();
    problem.Multiply();
    best = std::min(best, Seconds() - start);
  }
  const double again = is_int8 ? MeasureInt8Peak(one) : MeasureFp32Peak(one);
  peak = std::max(peak, again);
  const double operations = 2.0 * static_cast<double>(n_rows * cols * n_tokens);
  state.counters["GOP/s"] = operations / best * 1e-9;
  if (n_tokens > 1) state.counters["peak%"] = 100 * operations / best / peak;
  state.counters["GB/s"] = static_cast<double>(n_rows * RowBytes(dtype, cols)) / best * 1e-9;
}

// Of a matrix that is quantized on load, or of keys and values.
void Encode(benchmark::State& state, const EncoderLoops& loops, DType dtype) {
  constexpr int64_t kElements = 1 << 14;
  Rng rng(1);
  std::vector<float> x(kElements);
  for (float& v : x) v = static_cast<float>(rng.NextGaussian());
  std::vector<std::byte> blocks(static_cast<size_t>(RowBytes(dtype, kElements)));
  double best = 1e30;
  for (auto _ : state) {
    const double start = Seconds();
    Format(dtype).encode(x.data(), nullptr, blocks.data(), kElements, loops);
    best = std::min(best, Seconds() - start);
  }
  state.counters["M/s"] = static_cast<double>(kElements) / best * 1e-6;
}

void Register() {
  for (const KernelTable& table : RunnableKernels()) {
    for (int i = 0; i < kNumDTypes; ++i) {
      const DType dtype = static_cast<DType>(i);
      const LinearKernel& kernel = table.linear[i];
      const auto add = [&](const char* phase, int64_t n_rows, int64_t cols, int64_t n_tokens) {
        if (cols % Info(dtype).block_elements != 0) return;
        const std::string name = std::string(table.isa) + "/" + phase + "/" +
                                 std::string(Name(dtype)) + "/" + std::to_string(n_rows) + "x" +
                                 std::to_string(cols) + "x" + std::to_string(n_tokens);
        benchmark::RegisterBenchmark(name.c_str(), Run, kernel, dtype, n_rows, cols, n_tokens)
            ->MinTime(0.1);
      };
      if (Format(dtype).can_encode()) {
        const std::string name = std::string(table.isa) + "/encode/" + std::string(Name(dtype));
        benchmark::RegisterBenchmark(name.c_str(), Encode, table.encoder_loops, dtype)
            ->MinTime(0.1);
      }
      add("prefill", 256, 768, 256);
      add("prefill", 896, 4864, 256);
      add("prefill", 512, 2048, 512);
      add("decode", 256, 768, 1);
      add("decode", 512, 2048, 1);
    }
  }
}

}  // namespace
}  // namespace autoglm

int main(int argc, char** argv) {
  autoglm::Register();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
