// The vector operations of kernels/vector/ in AVX2 with FMA and F16C: 8 lanes of 32 bits, or two
// rows of 16 bytes.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace autoglm {
namespace {

using F32 = __m256;   // 8 floats
using I32 = __m256i;  // 8 int32
using U8 = __m256i;   // two rows of 16 bytes

inline constexpr int kLanes = 8;
inline constexpr int kGemmPanels = 2;          // panels of kLanes rows in one register tile
inline constexpr int kGemmTokens = 3;          // tokens beside them
inline constexpr int kGemmTokensSub16 = 2;     // the same where each 32 elements have two scales
inline constexpr int kPanelBytes = 24 * 1024;  // of an unpacked tile: most of a 32 KB L1
inline constexpr int kSignedOffsetLog2 = -1;   // signed codes stay as they are

// Floats.
inline F32 ZeroF() { return _mm256_setzero_ps(); }
inline F32 SplatF(float x) { return _mm256_set1_ps(x); }
inline F32 LoadF(const float* p) { return _mm256_loadu_ps(p); }
inline void StoreF(float* p, F32 x) { _mm256_storeu_ps(p, x); }
inline __m256i FirstLanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline F32 LoadFirst(const float* p, int n) { return _mm256_maskload_ps(p, FirstLanes(n)); }
inline void StoreFirst(float* p, F32 x, int n) { _mm256_maskstore_ps(p, FirstLanes(n), x); }
inline F32 Add(F32 a, F32 b) { return _mm256_add_ps(a, b); }
inline F32 Sub(F32 a, F32 b) { return _mm256_sub_ps(a, b); }
inline F32 Mul(F32 a, F32 b) { return _mm256_mul_ps(a, b); }
inline F32 Div(F32 a, F32 b) { return _mm256_div_ps(a, b); }
inline F32 Max(F32 a, F32 b) { return _mm256_max_ps(a, b); }
inline F32 Min(F32 a, F32 b) { return _mm256_min_ps(a, b); }
inline F32 Abs(F32 a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
inline F32 RoundF(F32 a) { return _mm256_round_ps(a, 8); }  // nearest, ties to even
// To low..high; `low` for a NaN.
inline F32 Clamp(F32 a, F32 low, F32 high) { return Min(Max(a, low), high); }
inline F32 NanToZero(F32 a) { return _mm256_and_ps(a, _mm256_cmp_ps(a, a, _CMP_ORD_Q)); }
inline F32 ReciprocalOrZero(F32 a) {  // 0 for 0
  return _mm256_and_ps(Div(SplatF(1), a), _mm256_cmp_ps(a, ZeroF(), _CMP_NEQ_UQ));
}
inline F32 IfGreater(F32 a, F32 b, F32 x, F32 y) {  // a > b ? x : y
  return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_GT_OQ));
}
inline int FirstEqual(F32 a, float b) {  // lane; kLanes: none
  const int equal = _mm256_movemask_ps(_mm256_cmp_ps(a, SplatF(b), _CMP_EQ_OQ));
  return __builtin_ctz(equal | 1 << kLanes);
}
inline F32 Fma(F32 a, F32 b, F32 c) { return _mm256_fmadd_ps(a, b, c); }  // a * b + c
inline float SumOf(F32 x) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
inline float MaxOf(F32 x) {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}
// {a0, b0, a1, b1, ...} of the lower and of the upper half; and the reverse.
inline void Interleave(F32 a, F32 b, F32* low, F32* high) {
  const F32 even = _mm256_unpacklo_ps(a, b), odd = _mm256_unpackhi_ps(a, b);
  *low = _mm256_permute2f128_ps(even, odd, 0x20);
  *high = _mm256_permute2f128_ps(even, odd, 0x31);
}
inline void Deinterleave(F32 low, F32 high, F32* a, F32* b) {
  const F32 front = _mm256_permute2f128_ps(low, high, 0x20);
  const F32 back = _mm256_permute2f128_ps(low, high, 0x31);
  *a = _mm256_shuffle_ps(front, back, 0x88);
  *b = _mm256_shuffle_ps(front, back, 0xDD);
}

// Integers.
inline I32 ZeroI() { return _mm256_setzero_si256(); }
inline I32 SplatI(int32_t x) { return _mm256_set1_epi32(x); }
inline I32 AddI(I32 a, I32 b) { return _mm256_add_epi32(a, b); }
inline I32 ShiftLeft(I32 x, int n) { return _mm256_slli_epi32(x, n); }
inline I32 ShiftRight(I32 x, int n) { return _mm256_srli_epi32(x, n); }
inline I32 ShiftRightSigned(I32 x, int n) { return _mm256_srai_epi32(x, n); }
inline I32 AndI(I32 a, I32 b) { return _mm256_and_si256(a, b); }
inline I32 OrI(I32 a, I32 b) { return _mm256_or_si256(a, b); }
inline F32 ToFloat(I32 x) { return _mm256_cvtepi32_ps(x); }
inline I32 RoundToInt(F32 x) { return _mm256_cvtps_epi32(x); }  // nearest, ties to even
inline F32 AsFloat(I32 x) { return _mm256_castsi256_ps(x); }
// The binary16 in the low or high half of each lane.
inline F32 HalvesToFloat(I32 x) {  // of lanes below 65536
  const __m128i low = _mm256_castsi256_si128(x), high = _mm256_extracti128_si256(x, 1);
  return _mm256_cvtph_ps(_mm_packus_epi32(low, high));
}
inline F32 LowHalfToFloat(I32 x) {
  return HalvesToFloat(_mm256_blend_epi16(x, _mm256_setzero_si256(), 0xAA));
}
inline F32 HighHalfToFloat(I32 x) { return HalvesToFloat(_mm256_srli_epi32(x, 16)); }
// 8 consecutive values.
inline F32 LoadHalves(const void* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
// 8 binary16, to nearest; those that are finite and beyond its range become its largest.
inline void StoreFiniteHalves(void* p, F32 x) {
  const F32 is_finite = _mm256_cmp_ps(Abs(x), SplatF(__builtin_inff()), _CMP_LT_OQ);
  const F32 within = _mm256_blendv_ps(x, Clamp(x, SplatF(-65504), SplatF(65504)), is_finite);
  _mm_storeu_si128(static_cast<__m128i*>(p), _mm256_cvtps_ph(within, 8));
}
inline F32 LoadBytesAsFloat(const void* p) {
  return ToFloat(_mm256_cvtepi8_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(p))));
}
// 8 integers of -128..127 as bytes.
inline void StoreAsBytes(int8_t* p, I32 x) {
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
}
inline int32_t SumOfI(I32 x) {
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xB1)));
}

// Bytes.
inline U8 SplatU8(int x) { return _mm256_set1_epi8(static_cast<char>(x)); }
inline U8 And(U8 a, U8 b) { return _mm256_and_si256(a, b); }
inline U8 Or(U8 a, U8 b) { return _mm256_or_si256(a, b); }
// The low nibbles or, in general, bits [n, n + popcount(mask)) of each byte.
inline U8 Bits(U8 x, int n, int mask) {
  return And(n == 0 ? x : _mm256_srli_epi16(x, n), SplatU8(mask));
}
// Each byte shifted left; no bit may leave its byte.
inline U8 ShiftBytesLeft(U8 x, int n) { return _mm256_slli_epi16(x, n); }
// value where any bit of `bits` (one a byte) is set in x, else 0.
inline U8 WhereAny(U8 x, U8 bits, int value) {
  return And(_mm256_cmpeq_epi8(And(x, bits), bits), SplatU8(value));
}
// The same 16 bytes for every row.
inline U8 RowBytes16(const void* p) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
// table[index] within each row; indices are 0..15.
inline U8 LookUp(U8 table, U8 index) { return _mm256_shuffle_epi8(table, index); }
// Signed codes in the form that DotSigned takes: as they are.
inline U8 SignedCodes(U8 x) { return x; }
inline U8 AsU8(I32 x) { return x; }
inline U8 LoadU8(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline void StoreU8(void* p, U8 x) { _mm256_storeu_si256(static_cast<__m256i*>(p), x); }
// Four bytes for every lane.
inline U8 SplatQuad(const void* p) {
  int32_t quad;
  __builtin_memcpy(&quad, p, sizeof(quad));
  return _mm256_set1_epi32(quad);
}
// acc + the four products in each lane. Dot: codes 0..63, so that a pair of products fits 16 bits.
inline I32 Dot(I32 acc, U8 codes, U8 x) {
  const I32 pairs = _mm256_maddubs_epi16(codes, x);
  return AddI(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
// Signed codes: |code| times x with the code's sign. 2 * 128 * 127 fits 16 bits too.
inline I32 DotSigned(I32 acc, U8 codes, U8 x) {
  return Dot(acc, _mm256_abs_epi8(codes), _mm256_sign_epi8(x, codes));
}

// kLanes rows in memory, a constant distance apart. A U8 holds two of them: group g has rows g and
// g + 4, so that Transpose and Reduce end in natural order.
struct Rows {
  const std::byte* p[2];  // rows 0, 4
  int64_t stride;

  Rows(const std::byte* first, int64_t stride) : p{first, first + 4 * stride}, stride(stride) {}
  void Advance(int64_t n_bytes) {
    for (auto& row : p) row += n_bytes;
  }
  const std::byte* At(int i, int g) const { return p[i] + g * stride; }
};

inline U8 LoadRows(const Rows& rows, int g, int64_t offset) {
  const auto load = [&](int i) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows.At(i, g) + offset));
  };
  return _mm256_inserti128_si256(_mm256_castsi128_si256(load(0)), load(1), 1);
}

inline int32_t LoadInt(const std::byte* p) {
  int32_t x;
  __builtin_memcpy(&x, p, sizeof(x));
  return x;
}

// Four bytes of each row, repeated four times.
inline U8 LoadRowQuads(const Rows& rows, int g, int64_t offset) {
  return _mm256_blend_epi32(_mm256_set1_epi32(LoadInt(rows.At(0, g) + offset)),
                            _mm256_set1_epi32(LoadInt(rows.At(1, g) + offset)), 0xF0);
}

// Four bytes of each row, row r in lane r.
inline I32 LoadLanes(const Rows& rows, int64_t offset) {
  const auto four = [&](int i) {
    return _mm_setr_epi32(LoadInt(rows.At(i, 0) + offset), LoadInt(rows.At(i, 1) + offset),
                          LoadInt(rows.At(i, 2) + offset), LoadInt(rows.At(i, 3) + offset));
  };
  return _mm256_inserti128_si256(_mm256_castsi128_si256(four(0)), four(1), 1);
}

// From the same 16 bytes of all rows (groups 0..3): bytes 4i..4i+3 of row r in lane r of out[i].
inline void Transpose(const U8 (&groups)[4], I32 (&out)[4]) {
  const I32 a = _mm256_unpacklo_epi32(groups[0], groups[1]);
  const I32 b = _mm256_unpackhi_epi32(groups[0], groups[1]);
  const I32 c = _mm256_unpacklo_epi32(groups[2], groups[3]);
  const I32 d = _mm256_unpackhi_epi32(groups[2], groups[3]);
  out[0] = _mm256_unpacklo_epi64(a, c);
  out[1] = _mm256_unpackhi_epi64(a, c);
  out[2] = _mm256_unpacklo_epi64(b, d);
  out[3] = _mm256_unpackhi_epi64(b, d);
}

// From four partial sums of each row: the sum of row r in lane r.
inline I32 Reduce(const I32 (&groups)[4]) {
  return _mm256_hadd_epi32(_mm256_hadd_epi32(groups[0], groups[1]),
                           _mm256_hadd_epi32(groups[2], groups[3]));
}

}  // namespace
}  // namespace autoglm

#include "kernels/vector/quad_tile.h"
