// The block layouts of GGUF, shared by the scalar codecs here and by the kernels. All integers are
// little endian; `d`, `m`, `dmin` are IEEE binary16. Alignment 1: blocks lie anywhere in a file.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace autoglm {

inline constexpr int kSuperBlock = 256;  ///< elements of every K block

#pragma pack(push, 1)

/// x[i] = d (q[i] - 8); q[i] is the low nibble of qs[i] for i < 16, else the high one of qs[i-16].
struct BlockQ4_0 {
  static constexpr int kElements = 32;
  uint16_t d;
  uint8_t qs[16];
};

/// x[i] = d q[i] + m; nibbles as in BlockQ4_0.
struct BlockQ4_1 {
  static constexpr int kElements = 32;
  uint16_t d, m;
  uint8_t qs[16];
};

/// x[i] = d (q[i] - 16); bit i of the 32-bit word qh is the fifth bit of q[i].
struct BlockQ5_0 {
  static constexpr int kElements = 32;
  uint16_t d;
  uint32_t qh;
  uint8_t qs[16];
};

/// x[i] = d q[i] + m; bits as in BlockQ5_0.
struct BlockQ5_1 {
  static constexpr int kElements = 32;
  uint16_t d, m;
  uint32_t qh;
  uint8_t qs[16];
};

/// x[i] = d qs[i].
struct BlockQ8_0 {
  static constexpr int kElements = 32;
  uint16_t d;
  int8_t qs[32];
};

/// 16 sub-blocks of 16: x = d scale q - dmin min; scales[s] holds scale | min << 4. Each half of
/// 128 elements has 32 bytes of qs: element 32 k + i of it is bits 2k, 2k+1 of byte i.
struct BlockQ2_K {
  static constexpr int kElements = kSuperBlock;
  uint8_t scales[16];
  uint8_t qs[64];
  uint16_t d, dmin;
};

/// 16 sub-blocks of 16: x = d (scale - 32) (q - 4). Low two bits of q in qs as in BlockQ2_K; the
/// third bit of element 32 k + i of the whole block is bit k of hmask[i]. Scales of 6 bits: see
/// UnpackScalesQ3_K.
struct BlockQ3_K {
  static constexpr int kElements = kSuperBlock;
  uint8_t hmask[32];
  uint8_t qs[64];
  uint8_t scales[12];
  uint16_t d;
};

/// 8 sub-blocks of 32: x = d scale q - dmin min. Each 64 elements have 32 bytes of qs, the first
/// 32 in the low nibbles, the next in the high ones. Scales of 6 bits: see UnpackScaleMins.
struct BlockQ4_K {
  static constexpr int kElements = kSuperBlock;
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t qs[128];
};

/// As BlockQ4_K; the fifth bit of element 32 k + i is bit k of qh[i].
struct BlockQ5_K {
  static constexpr int kElements = kSuperBlock;
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t qh[32];
  uint8_t qs[128];
};

/// 16 sub-blocks of 16: x = d scale (q - 32). Each half of 128 elements has 64 bytes of ql and 32
/// of qh: element 32 k + i has its low nibble in byte 32 (k % 2) + i of ql (low nibble for k < 2,
/// else high) and its upper two bits in bits 2k, 2k+1 of byte i of qh.
struct BlockQ6_K {
  static constexpr int kElements = kSuperBlock;
  uint8_t ql[128];
  uint8_t qh[64];
  int8_t scales[16];
  uint16_t d;
};

/// x[i] = d kIq4Values[q[i]]; nibbles as in BlockQ4_0.
struct BlockIQ4_NL {
  static constexpr int kElements = 32;
  uint16_t d;
  uint8_t qs[16];
};

/// 8 sub-blocks of 32, each with 16 bytes of qs as in BlockIQ4_NL: x = d (scale - 32)
/// kIq4Values[q]. scale of sub-block s: nibble s of scales_l, and above it bits 2s, 2s+1 of
/// scales_h.
struct BlockIQ4_XS {
  static constexpr int kElements = kSuperBlock;
  uint16_t d;
  uint16_t scales_h;
  uint8_t scales_l[4];
  uint8_t qs[128];
};

/// x[i] = 2^(e - 128) kMxfp4Values[q[i]] (the values are doubled, hence 128 and not 127); nibbles
/// as in BlockQ4_0. Source: OCP Microscaling Formats (MX) v1.0; e = 255 is 2^127 here, not a NaN.
struct BlockMXFP4 {
  static constexpr int kElements = 32;
  uint8_t e;
  uint8_t qs[16];
};

#pragma pack(pop)

#define AUTOGLM_CHECK_BLOCK(Name, elements, bytes) \
  static_assert(sizeof(Block##Name) == (bytes) && Block##Name::kElements == (elements))
AUTOGLM_CHECK_BLOCK(Q4_0, 32, 18);
AUTOGLM_CHECK_BLOCK(Q4_1, 32, 20);
AUTOGLM_CHECK_BLOCK(Q5_0, 32, 22);
AUTOGLM_CHECK_BLOCK(Q5_1, 32, 24);
AUTOGLM_CHECK_BLOCK(Q8_0, 32, 34);
AUTOGLM_CHECK_BLOCK(Q2_K, 256, 84);
AUTOGLM_CHECK_BLOCK(Q3_K, 256, 110);
AUTOGLM_CHECK_BLOCK(Q4_K, 256, 144);
AUTOGLM_CHECK_BLOCK(Q5_K, 256, 176);
AUTOGLM_CHECK_BLOCK(Q6_K, 256, 210);
AUTOGLM_CHECK_BLOCK(IQ4_NL, 32, 18);
AUTOGLM_CHECK_BLOCK(IQ4_XS, 256, 136);
AUTOGLM_CHECK_BLOCK(MXFP4, 32, 17);
#undef AUTOGLM_CHECK_BLOCK

/// The sixteen levels of the IQ4 types.
inline constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};

/// The sixteen E2M1 numbers, doubled so that they are whole.
inline constexpr int8_t kMxfp4Values[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                            0, -1, -2, -3, -4, -6, -8, -12};

/// The 6-bit scales and mins of Q4_K and Q5_K. Bytes 0..3 hold scales 0..3 and bytes 4..7 mins 0..3
/// in their low six bits; bytes 8..11 the low nibbles of scales 4..7 and (high) of mins 4..7, whose
/// upper two bits are the spare ones of bytes 0..3 and 4..7.
inline void UnpackScaleMins(const uint8_t (&packed)[12], uint8_t (&scales)[8], uint8_t (&mins)[8]) {
  for (int i = 0; i < 4; ++i) {
    scales[i] = packed[i] & 63;
    mins[i] = packed[i + 4] & 63;
    scales[i + 4] = static_cast<uint8_t>((packed[i + 8] & 15) | (packed[i] >> 6 << 4));
    mins[i + 4] = static_cast<uint8_t>((packed[i + 8] >> 4) | (packed[i + 4] >> 6 << 4));
  }
}

/// The reverse, for eight scales and eight mins of 0..63.
inline void PackScaleMins(const int8_t* scales, const int8_t* mins, uint8_t (&packed)[12]) {
  for (int i = 0; i < 4; ++i) {
    packed[i] = static_cast<uint8_t>(scales[i] | (scales[i + 4] >> 4 << 6));
    packed[i + 4] = static_cast<uint8_t>(mins[i] | (mins[i + 4] >> 4 << 6));
    packed[i + 8] = static_cast<uint8_t>((scales[i + 4] & 15) | (mins[i + 4] & 15) << 4);
  }
}

/// The scales of Q3_K, -32..31. Bytes 0..7 hold the low nibbles of scales 0..7 and (high) 8..15;
/// bytes 8..11 the upper two bits: scale i in bits 2 (i / 4), 2 (i / 4) + 1 of byte 8 + i % 4.
inline void UnpackScalesQ3_K(const uint8_t (&packed)[12], int8_t (&scales)[16]) {
  for (int i = 0; i < 16; ++i) {
    const int low = i < 8 ? packed[i] & 15 : packed[i - 8] >> 4;
    const int high = packed[8 + i % 4] >> (2 * (i / 4)) & 3;
    scales[i] = static_cast<int8_t>((low | high << 4) - 32);
  }
}

/// The reverse; values are in -32..31.
inline void PackScalesQ3_K(const int8_t (&scales)[16], uint8_t (&packed)[12]) {
  for (uint8_t& byte : packed) byte = 0;
  for (int i = 0; i < 16; ++i) {
    const int biased = scales[i] + 32;
    packed[i % 8] |= static_cast<uint8_t>(i < 8 ? biased & 15 : (biased & 15) << 4);
    packed[8 + i % 4] |= static_cast<uint8_t>(biased >> 4 << (2 * (i / 4)));
  }
}

}  // namespace autoglm
