// The vector operations of kernels/vector/ in NEON of ARMv8.0: 4 lanes of 32 bits, or one row of 16
// bytes. What multiplies bytes is apart: dot.h here, and in the folders that overlay this one.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace autoglm {
namespace {

using F32 = float32x4_t;
using I32 = int32x4_t;
using U8 = uint8x16_t;  // one row

inline constexpr int kLanes = 4;
inline constexpr int kPanelBytes = 24 * 1024;  // of an unpacked tile: most of a 32 KB L1
inline constexpr int kSignedOffsetLog2 = -1;   // signed codes stay as they are

// Floats.
inline F32 ZeroF() { return vdupq_n_f32(0); }
inline F32 SplatF(float x) { return vdupq_n_f32(x); }
inline F32 LoadF(const float* p) { return vld1q_f32(p); }
inline void StoreF(float* p, F32 x) { vst1q_f32(p, x); }
inline F32 LoadFirst(const float* p, int n) {
  float lanes[kLanes] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return LoadF(lanes);
}
inline void StoreFirst(float* p, F32 x, int n) {
  float lanes[kLanes];
  StoreF(lanes, x);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}
inline F32 Add(F32 a, F32 b) { return vaddq_f32(a, b); }
inline F32 Sub(F32 a, F32 b) { return vsubq_f32(a, b); }
inline F32 Mul(F32 a, F32 b) { return vmulq_f32(a, b); }
inline F32 Div(F32 a, F32 b) { return vdivq_f32(a, b); }
inline F32 Max(F32 a, F32 b) { return vmaxq_f32(a, b); }
inline F32 Min(F32 a, F32 b) { return vminq_f32(a, b); }
inline F32 Abs(F32 a) { return vabsq_f32(a); }
inline F32 RoundF(F32 a) { return vrndnq_f32(a); }  // nearest, ties to even
// To low..high; `low` for a NaN.
inline F32 Clamp(F32 a, F32 low, F32 high) { return vminnmq_f32(vmaxnmq_f32(a, low), high); }
inline F32 Where(uint32x4_t mask, F32 a) {  // else 0
  return vreinterpretq_f32_u32(vandq_u32(mask, vreinterpretq_u32_f32(a)));
}
inline F32 NanToZero(F32 a) { return Where(vceqq_f32(a, a), a); }
inline F32 ReciprocalOrZero(F32 a) {  // 0 for 0
  return Where(vmvnq_u32(vceqzq_f32(a)), Div(SplatF(1), a));
}
inline F32 IfGreater(F32 a, F32 b, F32 x, F32 y) {  // a > b ? x : y
  return vbslq_f32(vcgtq_f32(a, b), x, y);
}
inline int FirstEqual(F32 a, float b) {  // lane; kLanes: none
  const uint16x4_t equal = vmovn_u32(vceqq_f32(a, SplatF(b)));
  const uint64_t bits = vget_lane_u64(vreinterpret_u64_u16(equal), 0);
  return bits == 0 ? kLanes : __builtin_ctzll(bits) / 16;
}
inline F32 Fma(F32 a, F32 b, F32 c) { return vfmaq_f32(c, a, b); }  // a * b + c
inline float SumOf(F32 x) { return vaddvq_f32(x); }
inline float MaxOf(F32 x) { return vmaxvq_f32(x); }
// {a0, b0, a1, b1, ...} of the lower and of the upper half; and the reverse.
inline void Interleave(F32 a, F32 b, F32* low, F32* high) {
  *low = vzip1q_f32(a, b);
  *high = vzip2q_f32(a, b);
}
inline void Deinterleave(F32 low, F32 high, F32* a, F32* b) {
  *a = vuzp1q_f32(low, high);
  *b = vuzp2q_f32(low, high);
}

// Integers. Shifts by a constant become one instruction.
inline uint32x4_t Unsigned(I32 x) { return vreinterpretq_u32_s32(x); }
inline I32 Signed(uint32x4_t x) { return vreinterpretq_s32_u32(x); }
inline I32 ZeroI() { return vdupq_n_s32(0); }
inline I32 SplatI(int32_t x) { return vdupq_n_s32(x); }
inline I32 AddI(I32 a, I32 b) { return vaddq_s32(a, b); }
inline I32 ShiftLeft(I32 x, int n) { return Signed(Unsigned(x) << n); }
inline I32 ShiftRight(I32 x, int n) { return Signed(Unsigned(x) >> n); }
inline I32 ShiftRightSigned(I32 x, int n) { return x >> n; }
inline I32 AndI(I32 a, I32 b) { return vandq_s32(a, b); }
inline I32 OrI(I32 a, I32 b) { return vorrq_s32(a, b); }
inline F32 ToFloat(I32 x) { return vcvtq_f32_s32(x); }
inline I32 RoundToInt(F32 x) { return vcvtnq_s32_f32(x); }  // nearest, ties to even
inline F32 AsFloat(I32 x) { return vreinterpretq_f32_s32(x); }
// The binary16 in the low or high half of each lane.
inline F32 LowHalfToFloat(I32 x) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vmovn_u32(Unsigned(x))));
}
inline F32 HighHalfToFloat(I32 x) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vshrn_n_u32(Unsigned(x), 16)));
}
// 4 consecutive values.
inline F32 LoadHalves(const void* p) {
  uint16x4_t halves;
  __builtin_memcpy(&halves, p, sizeof(halves));
  return vcvt_f32_f16(vreinterpret_f16_u16(halves));
}
// 4 binary16, to nearest; those that are finite and beyond its range become its largest.
inline void StoreFiniteHalves(void* p, F32 x) {
  const uint32x4_t is_finite = vcltq_f32(Abs(x), SplatF(__builtin_inff()));
  const F32 within = vbslq_f32(is_finite, Clamp(x, SplatF(-65504), SplatF(65504)), x);
  const float16x4_t halves = vcvt_f16_f32(within);
  __builtin_memcpy(p, &halves, sizeof(halves));
}
inline F32 LoadBytesAsFloat(const void* p) {
  uint32_t bytes;
  __builtin_memcpy(&bytes, p, sizeof(bytes));
  const int8x8_t x = vreinterpret_s8_u32(vdup_n_u32(bytes));
  return ToFloat(vmovl_s16(vget_low_s16(vmovl_s8(x))));
}
// 4 integers of -128..127 as bytes.
inline void StoreAsBytes(int8_t* p, I32 x) {
  const int16x4_t words = vqmovn_s32(x);
  const int8x8_t bytes = vqmovn_s16(vcombine_s16(words, words));
  const uint32_t four = vget_lane_u32(vreinterpret_u32_s8(bytes), 0);
  __builtin_memcpy(p, &four, sizeof(four));
}
inline int32_t SumOfI(I32 x) { return vaddvq_s32(x); }

// Bytes.
inline U8 SplatU8(int x) { return vdupq_n_u8(static_cast<uint8_t>(x)); }
inline U8 And(U8 a, U8 b) { return vandq_u8(a, b); }
inline U8 Or(U8 a, U8 b) { return vorrq_u8(a, b); }
// The low nibbles or, in general, bits [n, n + popcount(mask)) of each byte.
inline U8 Bits(U8 x, int n, int mask) {
  const U8 shifted = n == 0 ? x : x >> n;
  return mask == 255 >> n ? shifted : And(shifted, SplatU8(mask));
}
// Each byte shifted left; no bit may leave its byte.
inline U8 ShiftBytesLeft(U8 x, int n) { return x << n; }
// value where any bit of `bits` is set in x, else 0.
inline U8 WhereAny(U8 x, U8 bits, int value) { return And(vtstq_u8(x, bits), SplatU8(value)); }
// The same 16 bytes for every row.
inline U8 RowBytes16(const void* p) { return vld1q_u8(static_cast<const uint8_t*>(p)); }
// table[index] within each row; indices are 0..15.
inline U8 LookUp(U8 table, U8 index) { return vqtbl1q_u8(table, index); }
// Signed codes in the form that DotSigned takes: as they are.
inline U8 SignedCodes(U8 x) { return x; }
inline U8 AsU8(I32 x) { return vreinterpretq_u8_s32(x); }
inline int8x16_t AsS8(U8 x) { return vreinterpretq_s8_u8(x); }
inline U8 LoadU8(const void* p) { return vld1q_u8(static_cast<const uint8_t*>(p)); }
inline void StoreU8(void* p, U8 x) { vst1q_u8(static_cast<uint8_t*>(p), x); }
// Four bytes for every lane.
inline U8 SplatQuad(const void* p) {
  uint32_t quad;
  __builtin_memcpy(&quad, p, sizeof(quad));
  return vreinterpretq_u8_u32(vdupq_n_u32(quad));
}

// kLanes rows in memory, a constant distance apart. A U8 holds one of them: group g has row g.
struct Rows {
  const std::byte* p;
  int64_t stride;

  Rows(const std::byte* first, int64_t stride) : p(first), stride(stride) {}
  void Advance(int64_t n_bytes) { p += n_bytes; }
  const std::byte* At(int g) const { return p + g * stride; }
};

inline U8 LoadRows(const Rows& rows, int g, int64_t offset) { return LoadU8(rows.At(g) + offset); }

// Four bytes of each row, repeated four times.
inline U8 LoadRowQuads(const Rows& rows, int g, int64_t offset) {
  return SplatQuad(rows.At(g) + offset);
}

// Four bytes of each row, row r in lane r.
inline I32 LoadLanes(const Rows& rows, int64_t offset) {
  int32_t lanes[kLanes];
  for (int r = 0; r < kLanes; ++r) {
    __builtin_memcpy(&lanes[r], rows.At(r) + offset, sizeof(lanes[r]));
  }
  return vld1q_s32(lanes);
}

// From the same 16 bytes of all rows (groups 0..3): bytes 4i..4i+3 of row r in lane r of out[i].
inline void Transpose(const U8 (&groups)[4], I32 (&out)[4]) {
  const auto row = [&](int g) { return vreinterpretq_s32_u8(groups[g]); };
  const auto pairs = [](I32 x) { return vreinterpretq_s64_s32(x); };
  const I32 a = vtrn1q_s32(row(0), row(1)), b = vtrn2q_s32(row(0), row(1));
  const I32 c = vtrn1q_s32(row(2), row(3)), d = vtrn2q_s32(row(2), row(3));
  out[0] = vreinterpretq_s32_s64(vtrn1q_s64(pairs(a), pairs(c)));
  out[1] = vreinterpretq_s32_s64(vtrn1q_s64(pairs(b), pairs(d)));
  out[2] = vreinterpretq_s32_s64(vtrn2q_s64(pairs(a), pairs(c)));
  out[3] = vreinterpretq_s32_s64(vtrn2q_s64(pairs(b), pairs(d)));
}

// From four partial sums of each row: the sum of row r in lane r.
inline I32 Reduce(const I32 (&groups)[4]) {
  return vpaddq_s32(vpaddq_s32(groups[0], groups[1]), vpaddq_s32(groups[2], groups[3]));
}

}  // namespace
}  // namespace autoglm
