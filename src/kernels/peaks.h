// The machine's own limits, measured: what decoding (memory) and prefill (int8 arithmetic) are held
// against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "platform/thread_pool.h"

namespace autoglm {

/// Bytes per second that all threads together read from memory, the best of a few passes over
/// `n_bytes` (many times the last cache). kResourceExhausted where that memory cannot be had.
Result<double> MeasureReadBandwidth(ThreadPool& threads, int64_t n_bytes = int64_t{256} << 20);

/// int8 operations per second (a multiplication and an addition are two) of all threads together,
/// with the best instruction that this CPU has for it and every operand in registers.
double MeasureInt8Peak(ThreadPool& threads);

/// The same for float32 multiply-adds.
double MeasureFp32Peak(ThreadPool& threads);

/// The instructions that the peaks were measured with: "avx512vnni", "portable".
std::string_view Int8PeakIsa();
std::string_view Fp32PeakIsa();

/// The limits of `n_threads` together.
struct MachinePeaks {
  int n_threads = 1;
  double read_bytes_per_s = 0;
  double int8_ops_per_s = 0;
  double fp32_flops_per_s = 0;
};

/// For 1, 2, 4, ... and `most_threads` threads (workers on `cpus` as ThreadPool has it): one row
/// each, ascending. Takes about 0.2 s a row. kResourceExhausted as MeasureReadBandwidth.
Result<std::vector<MachinePeaks>> MeasurePeaks(int most_threads, std::span<const int> cpus = {},
                                               int64_t n_bytes = int64_t{256} << 20);

}  // namespace autoglm
