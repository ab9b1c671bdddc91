// The machine's own limits, measured: what decoding (memory) and prefill (int8 arithmetic) are held
// against.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "platform/thread_pool.h"

namespace autoglm {

/// Bytes per second that all threads together read from memory, the best of a few passes over
/// `n_bytes` (many times the last cache). kResourceExhausted where that memory cannot be had.
Result<double> MeasureReadBandwidth(ThreadPool& threads, int64_t n_bytes = int64_t{256} << 20);

/// int8 operations per second (a multiplication and an addition are two) of all threads together,
/// with the best instruction that this CPU has for it and every operand in registers.
double MeasureInt8Peak(ThreadPool& threads);

}  // namespace autoglm
