#include "kernels/peaks.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "tensor/buffer.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#if defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#endif

namespace autoglm {

namespace {

// Enough independent sums to hide the latency of the instruction on every current core.
constexpr int kSums = 12;
// Before the loops are unrolled GCC keeps such arrays in memory, and a peak would be that of the
// cache.
#define AUTOGLM_UNROLL _Pragma("GCC unroll 16")
// Of a pass over memory: claimed one by one.
constexpr int64_t kTileBytes = 1 << 20;
constexpr int64_t kLineBytes = 64;

// The best of passes for at least kLeastPasses and kSeconds.
constexpr int kLeastPasses = 3;
constexpr double kSeconds = 0.05;

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The most work per second over some passes of `work`.
template <typename F>
double BestRate(double work, F&& pass) {
  double best = 0;
  const double start = Seconds();
  for (int n = 0; n < kLeastPasses || Seconds() - start < kSeconds; ++n) {
    const double pass_start = Seconds();
    pass();
    best = std::max(best, work / (Seconds() - pass_start));
  }
  return best;
}

// A loop over independent instructions in registers, and the operations of one turn.
struct PeakLoop {
  void (*run)(int64_t turns);
  int64_t operations_per_turn;
  std::string_view isa;
};

// Reads n_bytes (a multiple of kTileBytes) in a way that cannot be left out.
using ReadFunction = void (*)(const std::byte* data, int64_t n_bytes);

#if defined(__x86_64__)

__attribute__((target("avx512f,avx512vnni"))) void Int8Avx512Vnni(int64_t turns) {
  __m512i sums[kSums], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5);
  AUTOGLM_UNROLL for (auto& sum : sums) sum = _mm512_setzero_si512();
  for (int64_t i = 0; i < turns; ++i) {
    AUTOGLM_UNROLL for (auto& sum : sums) {
      sum = _mm512_dpbusd_epi32(sum, a, b);
      asm volatile("" : "+v"(sum));  // or the loop is folded into a product
    }
  }
}

__attribute__((target("avx2"))) void Int8Avx2(int64_t turns) {
  __m256i sums[kSums], a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(5);
  const __m256i ones = _mm256_set1_epi16(1);
  AUTOGLM_UNROLL for (auto& sum : sums) sum = _mm256_setzero_si256();
  for (int64_t i = 0; i < turns; ++i) {
    AUTOGLM_UNROLL for (auto& sum : sums) {
      __m256i pairs = _mm256_maddubs_epi16(a, b);
      asm volatile("" : "+x"(pairs));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
      asm volatile("" : "+x"(sum));
    }
  }
}

__attribute__((target("avx512f"))) void Fp32Avx512(int64_t turns) {
  __m512 sums[kSums], a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(0.25f);
  AUTOGLM_UNROLL for (auto& sum : sums) sum = _mm512_setzero_ps();
  for (int64_t i = 0; i < turns; ++i) {
    AUTOGLM_UNROLL for (auto& sum : sums) {
      sum = _mm512_fmadd_ps(sum, a, b);
      asm volatile("" : "+v"(sum));
    }
  }
}

__attribute__((target("avx2,fma"))) void Fp32Avx2(int64_t turns) {
  __m256 sums[kSums], a = _mm256_set1_ps(0.5f), b = _mm256_set1_ps(0.25f);
  AUTOGLM_UNROLL for (auto& sum : sums) sum = _mm256_setzero_ps();
  for (int64_t i = 0; i < turns; ++i) {
    AUTOGLM_UNROLL for (auto& sum : sums) {
      sum = _mm256_fmadd_ps(sum, a, b);
      asm volatile("" : "+x"(sum));
    }
  }
}

__attribute__((target("avx512f"))) void ReadAvx512(const std::byte* data, int64_t n_bytes) {
  __m512i sums[4];
  AUTOGLM_UNROLL for (auto& sum : sums) sum = _mm512_setzero_si512();
  for (int64_t i = 0; i < n_bytes; i += 4 * kLineBytes) {
    AUTOGLM_UNROLL for (int k = 0; k < 4; ++k) {
      sums[k] = _mm512_or_si512(sums[k], _mm512_loadu_si512(data + i + k * kLineBytes));
    }
  }
  AUTOGLM_UNROLL for (auto& sum : sums) asm volatile("" : : "v"(sum));
}

__attribute__((target("avx2"))) void ReadAvx2(const std::byte* data, int64_t n_bytes) {
  __m256i sums[8];
  AUTOGLM_UNROLL for (auto& sum : sums) sum = _mm256_setzero_si256();
  for (int64_t i = 0; i < n_bytes; i += 4 * kLineBytes) {
    AUTOGLM_UNROLL for (int k = 0; k < 8; ++k) {
      const auto* at = reinterpret_cast<const __m256i*>(data + i + k * kLineBytes / 2);
      sums[k] = _mm256_or_si256(sums[k], _mm256_loadu_si256(at));
    }
  }
  AUTOGLM_UNROLL for (auto& sum : sums) asm volatile("" : : "x"(sum));
}

#elif defined(__aarch64__)

__attribute__((target("arch=armv8.2-a+dotprod"))) void Int8Dotprod(int64_t turns) {
  int32x4_t sums[kSums];
  const int8x16_t a = vdupq_n_s8(3), b = vdupq_n_s8(5);
  AUTOGLM_UNROLL for (auto& sum : sums) sum = vdupq_n_s32(0);
  for (int64_t i = 0; i < turns; ++i) {
    AUTOGLM_UNROLL for (auto& sum : sums) {
      sum = vdotq_s32(sum, a, b);
      asm volatile("" : "+w"(sum));
    }
  }
}

__attribute__((target("arch=armv8.2-a+i8mm"))) void Int8I8mm(int64_t turns) {
  int32x4_t sums[kSums];
  const int8x16_t a = vdupq_n_s8(3), b = vdupq_n_s8(5);
  AUTOGLM_UNROLL for (auto& sum : sums) sum = vdupq_n_s32(0);
  for (int64_t i = 0; i < turns; ++i) {
    AUTOGLM_UNROLL for (auto& sum : sums) {
      sum = vmmlaq_s32(sum, a, b);
      asm volatile("" : "+w"(sum));
    }
  }
}

void Fp32Neon(int64_t turns) {
  float32x4_t sums[kSums];
  const float32x4_t a = vdupq_n_f32(0.5f), b = vdupq_n_f32(0.25f);
  AUTOGLM_UNROLL for (auto& sum : sums) sum = vdupq_n_f32(0);
  for (int64_t i = 0; i < turns; ++i) {
    AUTOGLM_UNROLL for (auto& sum : sums) {
      sum = vfmaq_f32(b, sum, a);
      asm volatile("" : "+w"(sum));
    }
  }
}

#endif

// Left to the compiler: 16 products a sum.
void Int8Portable(int64_t turns) {
  int8_t a[16], b[16];
  std::memset(a, 3, sizeof(a));
  std::memset(b, 5, sizeof(b));
  int32_t sums[kSums] = {};
  for (int64_t i = 0; i < turns; ++i) {
    asm volatile("" : : "r"(a), "r"(b) : "memory");
    for (int32_t& sum : sums) {
      for (int k = 0; k < 16; ++k) sum += a[k] * b[k];
    }
  }
  asm volatile("" : : "r"(sums) : "memory");
}

[[maybe_unused]] void Fp32Portable(int64_t turns) {
  float sums[kSums][4] = {};
  for (int64_t i = 0; i < turns; ++i) {
    for (auto& four : sums) {
      for (float& sum : four) sum = sum * 0.5f + 0.25f;
    }
    asm volatile("" : : "r"(sums) : "memory");
  }
}

[[maybe_unused]] void ReadPortable(const std::byte* data, int64_t n_bytes) {
  uint64_t sums[8] = {};
  for (int64_t i = 0; i < n_bytes; i += kLineBytes) {
    uint64_t line[8];
    std::memcpy(line, data + i, sizeof(line));
    for (int k = 0; k < 8; ++k) sums[k] += line[k];
  }
  asm volatile("" : : "r"(sums) : "memory");
}

PeakLoop BestInt8Loop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vnni")) {
    return {Int8Avx512Vnni, int64_t{kSums} * 64 * 2, "avx512vnni"};
  }
  if (__builtin_cpu_supports("avx2")) return {Int8Avx2, int64_t{kSums} * 32 * 2, "avx2"};
#elif defined(__aarch64__) && defined(__linux__)
  if (getauxval(AT_HWCAP2) & HWCAP2_I8MM) return {Int8I8mm, int64_t{kSums} * 32 * 2, "i8mm"};
  if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) {
    return {Int8Dotprod, int64_t{kSums} * 16 * 2, "dotprod"};
  }
#endif
  return {Int8Portable, int64_t{kSums} * 16 * 2, "portable"};
}

PeakLoop BestFp32Loop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {Fp32Avx512, int64_t{kSums} * 16 * 2, "avx512f"};
  if (__builtin_cpu_supports("fma")) return {Fp32Avx2, int64_t{kSums} * 8 * 2, "fma"};
#elif defined(__aarch64__)
  return {Fp32Neon, int64_t{kSums} * 4 * 2, "neon"};
#endif
  return {Fp32Portable, int64_t{kSums} * 4 * 2, "portable"};
}

ReadFunction BestRead() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return ReadAvx512;
  if (__builtin_cpu_supports("avx2")) return ReadAvx2;
#endif
  return ReadPortable;
}

double ReadBandwidth(ThreadPool& threads, std::span<const std::byte> bytes) {
  const ReadFunction read = BestRead();
  const auto n_tiles = static_cast<int64_t>(bytes.size()) / kTileBytes;
  return BestRate(static_cast<double>(n_tiles * kTileBytes), [&] {
    threads.ParallelFor(
        n_tiles, [&](int64_t tile, int) { read(bytes.data() + tile * kTileBytes, kTileBytes); });
  });
}

// Memory that is really there: untouched, it would be one shared page of zeros.
Result<Buffer> TouchedMemory(int64_t n_bytes) {
  AUTOGLM_ASSIGN_OR_RETURN(Buffer buffer,
                           Buffer::Allocate(static_cast<size_t>(n_bytes), "measuring bandwidth"));
  std::memset(buffer.data(), 1, buffer.n_bytes());
  return buffer;
}

double PeakOf(const PeakLoop& loop, ThreadPool& threads) {
  // A fraction of a millisecond a tile, and several tiles a thread, so that a thread that comes
  // late or is interrupted does not decide.
  constexpr int64_t kTurns = 50'000;
  const int64_t n_tiles = 16 * threads.n_threads();
  const int64_t operations = n_tiles * kTurns * loop.operations_per_turn;
  return BestRate(static_cast<double>(operations),
                  [&] { threads.ParallelFor(n_tiles, [&](int64_t, int) { loop.run(kTurns); }); });
}

}  // namespace

Result<double> MeasureReadBandwidth(ThreadPool& threads, int64_t n_bytes) {
  AUTOGLM_ASSIGN_OR_RETURN(const Buffer buffer, TouchedMemory(n_bytes));
  return ReadBandwidth(threads, {buffer.data(), buffer.n_bytes()});
}

double MeasureInt8Peak(ThreadPool& threads) { return PeakOf(BestInt8Loop(), threads); }

double MeasureFp32Peak(ThreadPool& threads) { return PeakOf(BestFp32Loop(), threads); }

std::string_view Int8PeakIsa() { return BestInt8Loop().isa; }

std::string_view Fp32PeakIsa() { return BestFp32Loop().isa; }

Result<std::vector<MachinePeaks>> MeasurePeaks(int most_threads, std::span<const int> cpus,
                                               int64_t n_bytes) {
  AUTOGLM_ASSIGN_OR_RETURN(const Buffer buffer, TouchedMemory(n_bytes));
  std::vector<MachinePeaks> peaks;
  for (int n_threads = 1; n_threads <= most_threads;
       n_threads = n_threads == most_threads ? most_threads + 1
                                             : std::min(2 * n_threads, most_threads)) {
    ThreadPool threads(n_threads, cpus);
    peaks.push_back({.n_threads = n_threads,
                     .read_bytes_per_s = ReadBandwidth(threads, {buffer.data(), buffer.n_bytes()}),
                     .int8_ops_per_s = MeasureInt8Peak(threads),
                     .fp32_flops_per_s = MeasureFp32Peak(threads)});
  }
  return peaks;
}

}  // namespace autoglm
