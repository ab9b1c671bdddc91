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

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

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

// A loop over independent dot-product instructions, and the int8 operations of one turn.
struct Int8Loop {
  void (*run)(int64_t turns);
  int64_t operations_per_turn;
};

// Enough independent sums to hide the latency of the instruction on every current core.
constexpr int kSums = 12;

#if defined(__x86_64__)

__attribute__((target("avx512f,avx512vnni"))) void RunAvx512Vnni(int64_t turns) {
  __m512i sums[kSums], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5);
  for (auto& sum : sums) sum = _mm512_setzero_si512();
  for (int64_t i = 0; i < turns; ++i) {
    for (auto& sum : sums) {
      sum = _mm512_dpbusd_epi32(sum, a, b);
      asm volatile("" : "+v"(sum));  // or the loop is folded into a product
    }
  }
}

__attribute__((target("avx2"))) void RunAvx2(int64_t turns) {
  __m256i sums[kSums], a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(5);
  const __m256i ones = _mm256_set1_epi16(1);
  for (auto& sum : sums) sum = _mm256_setzero_si256();
  for (int64_t i = 0; i < turns; ++i) {
    for (auto& sum : sums) {
      __m256i pairs = _mm256_maddubs_epi16(a, b);
      asm volatile("" : "+x"(pairs));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
      asm volatile("" : "+x"(sum));
    }
  }
}

#elif defined(__aarch64__)

__attribute__((target("arch=armv8.2-a+dotprod"))) void RunDotprod(int64_t turns) {
  int32x4_t sums[kSums];
  const int8x16_t a = vdupq_n_s8(3), b = vdupq_n_s8(5);
  for (auto& sum : sums) sum = vdupq_n_s32(0);
  for (int64_t i = 0; i < turns; ++i) {
    for (auto& sum : sums) {
      sum = vdotq_s32(sum, a, b);
      asm volatile("" : "+w"(sum));
    }
  }
}

#endif

// Left to the compiler: 16 products a sum.
void RunPortable(int64_t turns) {
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

Int8Loop BestInt8Loop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vnni")) return {RunAvx512Vnni, int64_t{kSums} * 64 * 2};
  if (__builtin_cpu_supports("avx2")) return {RunAvx2, int64_t{kSums} * 32 * 2};
#elif defined(__aarch64__) && defined(__linux__)
  if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) return {RunDotprod, int64_t{kSums} * 16 * 2};
#endif
  return {RunPortable, int64_t{kSums} * 16 * 2};
}

}  // namespace

Result<double> MeasureReadBandwidth(ThreadPool& threads, int64_t n_bytes) {
  AUTOGLM_ASSIGN_OR_RETURN(const Buffer buffer,
                           Buffer::Allocate(static_cast<size_t>(n_bytes), "measuring bandwidth"));
  constexpr int64_t kTile = 1 << 20;
  const int64_t n_tiles = n_bytes / kTile;
  std::atomic<uint64_t> sink{0};
  // Untouched memory is one shared page of zeros: write it first.
  threads.ParallelFor(
      n_tiles, [&](int64_t tile, int) { std::memset(buffer.data() + tile * kTile, 1, kTile); });
  double best = 0;
  for (int pass = 0; pass < 5; ++pass) {
    const double start = Seconds();
    threads.ParallelFor(n_tiles, [&](int64_t tile, int) {
      sink.fetch_add(SumOf(buffer.data() + tile * kTile, kTile), std::memory_order_relaxed);
    });
    best = std::max(best, static_cast<double>(n_tiles * kTile) / (Seconds() - start));
  }
  return best;
}

double MeasureInt8Peak(ThreadPool& threads) {
  const Int8Loop loop = BestInt8Loop();
  constexpr int64_t kTurns = 200'000;
  const int64_t n_tiles = threads.n_threads();
  double best = 0;
  for (int pass = 0; pass < 5; ++pass) {
    const double start = Seconds();
    threads.ParallelFor(n_tiles, [&](int64_t, int) { loop.run(kTurns); });
    const double operations = static_cast<double>(n_tiles * kTurns * loop.operations_per_turn);
    best = std::max(best, operations / (Seconds() - start));
  }
  return best;
}

}  // namespace autoglm
