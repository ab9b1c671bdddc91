// The vector operations of kernels/vector/ in AVX-512 with VNNI: 16 lanes of 32 bits, or four rows
// of 16 bytes.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace autoglm {
namespace {

using F32 = __m512;   // 16 floats
using I32 = __m512i;  // 16 int32
using U8 = __m512i;   // four rows of 16 bytes

inline constexpr int kLanes = 16;
inline constexpr int kGemmPanels = 2;          // panels of kLanes rows in one register tile
inline constexpr int kGemmTokens = 6;          // tokens beside them
inline constexpr int kGemmTokensSub16 = 4;     // the same where each 32 elements have two scales
inline constexpr int kPanelBytes = 38 * 1024;  // of an unpacked tile: most of a 48 KB L1
// The dot instruction multiplies unsigned by signed bytes: signed codes get 128 added.
inline constexpr int kSignedOffsetLog2 = 7;

// Floats.
inline F32 ZeroF() { return _mm512_setzero_ps(); }
inline F32 SplatF(float x) { return _mm512_set1_ps(x); }
inline F32 LoadF(const float* p) { return _mm512_loadu_ps(p); }
inline void StoreF(float* p, F32 x) { _mm512_storeu_ps(p, x); }
inline __mmask16 FirstLanes(int n) { return static_cast<__mmask16>((1u << n) - 1); }
inline F32 LoadFirst(const float* p, int n) { return _mm512_maskz_loadu_ps(FirstLanes(n), p); }
inline void StoreFirst(float* p, F32 x, int n) { _mm512_mask_storeu_ps(p, FirstLanes(n), x); }
inline F32 Add(F32 a, F32 b) { return _mm512_add_ps(a, b); }
inline F32 Sub(F32 a, F32 b) { return _mm512_sub_ps(a, b); }
inline F32 Mul(F32 a, F32 b) { return _mm512_mul_ps(a, b); }
inline F32 Div(F32 a, F32 b) { return _mm512_div_ps(a, b); }
inline F32 Max(F32 a, F32 b) { return _mm512_max_ps(a, b); }
inline F32 Min(F32 a, F32 b) { return _mm512_min_ps(a, b); }
inline F32 Abs(F32 a) { return _mm512_abs_ps(a); }
inline F32 RoundF(F32 a) { return _mm512_roundscale_ps(a, 8); }  // nearest, ties to even
// To low..high; `low` for a NaN.
inline F32 Clamp(F32 a, F32 low, F32 high) { return Min(Max(a, low), high); }
inline F32 NanToZero(F32 a) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, a, _CMP_ORD_Q), a); }
inline F32 ReciprocalOrZero(F32 a) {  // 0 for 0
  return _mm512_maskz_div_ps(_mm512_cmp_ps_mask(a, ZeroF(), _CMP_NEQ_UQ), SplatF(1), a);
}
inline F32 IfGreater(F32 a, F32 b, F32 x, F32 y) {  // a > b ? x : y
  return _mm512_mask_mov_ps(y, _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), x);
}
inline int FirstEqual(F32 a, float b) {  // lane; kLanes: none
  return __builtin_ctz(_mm512_cmp_ps_mask(a, SplatF(b), _CMP_EQ_OQ) | 1 << kLanes);
}
inline F32 Fma(F32 a, F32 b, F32 c) { return _mm512_fmadd_ps(a, b, c); }  // a * b + c
inline float SumOf(F32 x) { return _mm512_reduce_add_ps(x); }
inline float MaxOf(F32 x) { return _mm512_reduce_max_ps(x); }
// {a0, b0, a1, b1, ...} of the lower and of the upper half; and the reverse.
inline void Interleave(F32 a, F32 b, F32* low, F32* high) {
  const I32 i = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  *low = _mm512_permutex2var_ps(a, i, b);
  *high = _mm512_permutex2var_ps(a, _mm512_add_epi32(i, _mm512_set1_epi32(8)), b);
}
inline void Deinterleave(F32 low, F32 high, F32* a, F32* b) {
  const I32 i = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  *a = _mm512_permutex2var_ps(low, i, high);
  *b = _mm512_permutex2var_ps(low, _mm512_or_si512(i, _mm512_set1_epi32(1)), high);
}

// Integers.
inline I32 ZeroI() { return _mm512_setzero_si512(); }
inline I32 SplatI(int32_t x) { return _mm512_set1_epi32(x); }
inline I32 AddI(I32 a, I32 b) { return _mm512_add_epi32(a, b); }
inline I32 ShiftLeft(I32 x, int n) { return _mm512_slli_epi32(x, n); }
inline I32 ShiftRight(I32 x, int n) { return _mm512_srli_epi32(x, n); }
inline I32 ShiftRightSigned(I32 x, int n) { return _mm512_srai_epi32(x, n); }
inline I32 AndI(I32 a, I32 b) { return _mm512_and_si512(a, b); }
inline I32 OrI(I32 a, I32 b) { return _mm512_or_si512(a, b); }
inline F32 ToFloat(I32 x) { return _mm512_cvtepi32_ps(x); }
inline I32 RoundToInt(F32 x) { return _mm512_cvtps_epi32(x); }  // nearest, ties to even
inline F32 AsFloat(I32 x) { return _mm512_castsi512_ps(x); }
// The binary16 in the low or high half of each lane.
inline F32 LowHalfToFloat(I32 x) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(x)); }
inline F32 HighHalfToFloat(I32 x) { return LowHalfToFloat(_mm512_srli_epi32(x, 16)); }
// 16 consecutive values.
inline F32 LoadHalves(const void* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
}
// 16 binary16, to nearest; those that are finite and beyond its range become its largest.
inline void StoreFiniteHalves(void* p, F32 x) {
  const __mmask16 is_finite = _mm512_cmp_ps_mask(Abs(x), SplatF(__builtin_inff()), _CMP_LT_OQ);
  const F32 within = _mm512_mask_mov_ps(x, is_finite, Clamp(x, SplatF(-65504), SplatF(65504)));
  _mm256_storeu_si256(static_cast<__m256i*>(p), _mm512_cvtps_ph(within, 8));
}
inline F32 LoadBytesAsFloat(const void* p) {
  return ToFloat(_mm512_cvtepi8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p))));
}
// 16 integers of -128..127 as bytes.
inline void StoreAsBytes(int8_t* p, I32 x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtsepi32_epi8(x));
}
inline int32_t SumOfI(I32 x) { return _mm512_reduce_add_epi32(x); }

// Bytes.
inline U8 SplatU8(int x) { return _mm512_set1_epi8(static_cast<char>(x)); }
inline U8 And(U8 a, U8 b) { return _mm512_and_si512(a, b); }
inline U8 Or(U8 a, U8 b) { return _mm512_or_si512(a, b); }
// The low nibbles or, in general, bits [n, n + popcount(mask)) of each byte.
inline U8 Bits(U8 x, int n, int mask) {
  return And(n == 0 ? x : _mm512_srli_epi16(x, n), SplatU8(mask));
}
// Each byte shifted left; no bit may leave its byte.
inline U8 ShiftBytesLeft(U8 x, int n) { return _mm512_slli_epi16(x, n); }
// value where any bit of `bits` is set in x, else 0.
inline U8 WhereAny(U8 x, U8 bits, int value) {
  return _mm512_maskz_mov_epi8(_mm512_test_epi8_mask(x, bits), SplatU8(value));
}
// The same 16 bytes for every row.
inline U8 RowBytes16(const void* p) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}
// table[index] within each row; indices are 0..15.
inline U8 LookUp(U8 table, U8 index) { return _mm512_shuffle_epi8(table, index); }
// Signed codes in the form that DotSigned takes: value + 2^kSignedOffsetLog2.
inline U8 SignedCodes(U8 x) { return _mm512_xor_si512(x, SplatU8(0x80)); }
inline U8 AsU8(I32 x) { return x; }
inline U8 LoadU8(const void* p) { return _mm512_loadu_si512(p); }
inline void StoreU8(void* p, U8 x) { _mm512_storeu_si512(p, x); }
// Four bytes for every lane.
inline U8 SplatQuad(const void* p) {
  int32_t quad;
  __builtin_memcpy(&quad, p, sizeof(quad));
  return _mm512_set1_epi32(quad);
}
// acc + the four products in each lane. Dot: codes 0..63; DotSigned: those of SignedCodes.
inline I32 Dot(I32 acc, U8 codes, U8 x) { return _mm512_dpbusd_epi32(acc, codes, x); }
inline I32 DotSigned(I32 acc, U8 codes, U8 x) { return _mm512_dpbusd_epi32(acc, codes, x); }

// kLanes rows in memory, a constant distance apart. A U8 holds four of them: group g has rows
// g, g + 4, g + 8 and g + 12, so that Transpose and Reduce end in natural order.
struct Rows {
  const std::byte* p[4];  // rows 0, 4, 8, 12
  int64_t stride;

  Rows(const std::byte* first, int64_t stride)
      : p{first, first + 4 * stride, first + 8 * stride, first + 12 * stride}, stride(stride) {}
  void Advance(int64_t n_bytes) {
    for (auto& row : p) row += n_bytes;
  }
  const std::byte* At(int i, int g) const { return p[i] + g * stride; }
};

inline U8 LoadRows(const Rows& rows, int g, int64_t offset) {
  const auto load = [&](int i) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows.At(i, g) + offset));
  };
  U8 x = _mm512_castsi128_si512(load(0));
  x = _mm512_mask_broadcast_i32x4(x, 0x00F0, load(1));
  x = _mm512_mask_broadcast_i32x4(x, 0x0F00, load(2));
  return _mm512_mask_broadcast_i32x4(x, 0xF000, load(3));
}

inline int32_t LoadInt(const std::byte* p) {
  int32_t x;
  __builtin_memcpy(&x, p, sizeof(x));
  return x;
}

// Four bytes of each row, repeated four times.
inline U8 LoadRowQuads(const Rows& rows, int g, int64_t offset) {
  const auto quad = [&](int i) { return LoadInt(rows.At(i, g) + offset); };
  U8 x = _mm512_set1_epi32(quad(0));
  x = _mm512_mask_set1_epi32(x, 0x00F0, quad(1));
  x = _mm512_mask_set1_epi32(x, 0x0F00, quad(2));
  return _mm512_mask_set1_epi32(x, 0xF000, quad(3));
}

// Four bytes of each row, row r in lane r. (A gather is faster on Intel and twice as slow on AMD.)
inline I32 LoadLanes(const Rows& rows, int64_t offset) {
  const auto four = [&](int i) {
    return _mm_setr_epi32(LoadInt(rows.At(i, 0) + offset), LoadInt(rows.At(i, 1) + offset),
                          LoadInt(rows.At(i, 2) + offset), LoadInt(rows.At(i, 3) + offset));
  };
  const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(four(0)), four(1), 1);
  const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(four(2)), four(3), 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

// From the same 16 bytes of all rows (groups 0..3): bytes 4i..4i+3 of row r in lane r of out[i].
inline void Transpose(const U8 (&groups)[4], I32 (&out)[4]) {
  const I32 a = _mm512_unpacklo_epi32(groups[0], groups[1]);
  const I32 b = _mm512_unpackhi_epi32(groups[0], groups[1]);
  const I32 c = _mm512_unpacklo_epi32(groups[2], groups[3]);
  const I32 d = _mm512_unpackhi_epi32(groups[2], groups[3]);
  out[0] = _mm512_unpacklo_epi64(a, c);
  out[1] = _mm512_unpackhi_epi64(a, c);
  out[2] = _mm512_unpacklo_epi64(b, d);
  out[3] = _mm512_unpackhi_epi64(b, d);
}

// From four partial sums of each row: the sum of row r in lane r.
inline I32 Reduce(const I32 (&groups)[4]) {
  const auto pairs = [](I32 a, I32 b) {  // {a0 + a2, b0 + b2, a1 + a3, b1 + b3}
    return AddI(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
  };
  const I32 a = pairs(groups[0], groups[1]), b = pairs(groups[2], groups[3]);
  return AddI(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}

}  // namespace
}  // namespace autoglm

#include "kernels/vector/quad_tile.h"
