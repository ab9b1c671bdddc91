// How the blocks of each weight type become bytes for the dot instruction and scales for its sums,
// kLanes rows at a time. Include an instruction set's vec.h before.
//
// A weight is scale * (code - 2^kOffsetLog2) - min. A decoder `Q` has
//   Block         the layout, of kElements elements
//   kUnit         elements that Unit() unpacks at a time
//   kScales       of 32 elements: 1, or 2 for one each 16
//   kHasMin       whether Scales() gives minima
//   kSigned       whether codes are those of SignedCodes()
//   kOffsetLog2   -1: no offset
//   Header        what Scales() reads of a block
//   Unit(rows, u, codes)   codes[g][i]: bytes [16 i, 16 i + 16) of unit u for the rows of group g
//   Scales(header, s, scales, mins)    of the 32 elements with number s
#pragma once

#include "quant/blocks.h"

namespace autoglm {
namespace {

inline U8 Nibbles(U8 x, int high) { return Bits(x, 4 * high, 15); }
inline I32 ByteOf(I32 x, int i) { return AndI(ShiftRight(x, 8 * i), SplatI(255)); }
inline F32 Negated(F32 x) { return Sub(ZeroF(), x); }

// 16 bytes of nibbles: elements 0..15 low, 16..31 high.
inline void UnpackNibbles(const Rows& rows, int64_t offset, U8 (&codes)[4][2]) {
  for (int g = 0; g < 4; ++g) {
    const U8 packed = LoadRows(rows, g, offset);
    codes[g][0] = Nibbles(packed, 0);
    codes[g][1] = Nibbles(packed, 1);
  }
}

// The types with one binary16 scale each 32 elements, at the front of the block.
template <typename BlockType>
struct SmallBlock {
  using Block = BlockType;
  static constexpr int kUnit = 32, kScales = 1;
  static constexpr bool kHasMin = false, kSigned = false;
  struct Header {
    F32 d;
  };
  static Header Open(const Rows& rows) { return {LowHalfToFloat(LoadLanes(rows, 0))}; }
  static void Scales(const Header& header, int, F32* scales, F32*) { scales[0] = header.d; }
};

// The same with a minimum behind the scale.
template <typename BlockType>
struct SmallBlockWithMin {
  using Block = BlockType;
  static constexpr int kUnit = 32, kScales = 1, kOffsetLog2 = -1;
  static constexpr bool kHasMin = true, kSigned = false;
  struct Header {
    F32 d, m;
  };
  static Header Open(const Rows& rows) {
    const I32 pair = LoadLanes(rows, 0);
    return {LowHalfToFloat(pair), Negated(HighHalfToFloat(pair))};
  }
  static void Scales(const Header& header, int, F32* scales, F32* mins) {
    scales[0] = header.d;
    mins[0] = header.m;
  }
};

struct DecodeQ4_0 : SmallBlock<BlockQ4_0> {
  static constexpr int kOffsetLog2 = 3;
  static void Unit(const Rows& rows, int, U8 (&codes)[4][2]) { UnpackNibbles(rows, 2, codes); }
};

struct DecodeQ4_1 : SmallBlockWithMin<BlockQ4_1> {
  static void Unit(const Rows& rows, int, U8 (&codes)[4][2]) { UnpackNibbles(rows, 4, codes); }
};

// The fifth bits of 32 elements, in order in four bytes at `offset`.
inline void AddFifthBits(const Rows& rows, int64_t offset, U8 (&codes)[4][2]) {
  alignas(16) static constexpr uint8_t kByte[2][16] = {
      {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1},
      {2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3}};
  alignas(16) static constexpr uint8_t kBit[16] = {1, 2, 4, 8, 16, 32, 64, 128,
                                                   1, 2, 4, 8, 16, 32, 64, 128};
  const U8 bit = RowBytes16(kBit);
  for (int g = 0; g < 4; ++g) {
    const U8 quads = LoadRowQuads(rows, g, offset);
    for (int i = 0; i < 2; ++i) {
      codes[g][i] = Or(codes[g][i], WhereAny(LookUp(quads, RowBytes16(kByte[i])), bit, 16));
    }
  }
}

struct DecodeQ5_0 : SmallBlock<BlockQ5_0> {
  static constexpr int kOffsetLog2 = 4;
  static void Unit(const Rows& rows, int, U8 (&codes)[4][2]) {
    UnpackNibbles(rows, 6, codes);
    AddFifthBits(rows, 2, codes);
  }
};

struct DecodeQ5_1 : SmallBlockWithMin<BlockQ5_1> {
  static void Unit(const Rows& rows, int, U8 (&codes)[4][2]) {
    UnpackNibbles(rows, 8, codes);
    AddFifthBits(rows, 4, codes);
  }
};

struct DecodeQ8_0 : SmallBlock<BlockQ8_0> {
  static constexpr bool kSigned = true;
  static constexpr int kOffsetLog2 = kSignedOffsetLog2;
  static void Unit(const Rows& rows, int, U8 (&codes)[4][2]) {
    for (int g = 0; g < 4; ++g) {
      codes[g][0] = SignedCodes(LoadRows(rows, g, 2));
      codes[g][1] = SignedCodes(LoadRows(rows, g, 18));
    }
  }
};

// Indices into a table of sixteen signed levels.
inline void UnpackIq4(const Rows& rows, int64_t offset, U8 (&codes)[4][2]) {
  const U8 table = SignedCodes(RowBytes16(kIq4Values));
  UnpackNibbles(rows, offset, codes);
  for (auto& group : codes) {
    for (U8& code : group) code = LookUp(table, code);
  }
}

struct DecodeIQ4_NL : SmallBlock<BlockIQ4_NL> {
  static constexpr bool kSigned = true;
  static constexpr int kOffsetLog2 = kSignedOffsetLog2;
  static void Unit(const Rows& rows, int, U8 (&codes)[4][2]) { UnpackIq4(rows, 2, codes); }
};

struct DecodeMXFP4 : SmallBlock<BlockMXFP4> {
  static constexpr int kOffsetLog2 = 4;
  // 2^(e - 128) as a product of two powers that are always normal.
  static Header Open(const Rows& rows) {
    const I32 e = ByteOf(LoadLanes(rows, 0), 0), half = ShiftRight(e, 1);
    const I32 a = ShiftLeft(AddI(half, SplatI(64)), 23);
    const I32 b = ShiftLeft(AddI(AddI(half, AndI(e, SplatI(1))), SplatI(62)), 23);
    return {Mul(AsFloat(a), AsFloat(b))};
  }
  static void Unit(const Rows& rows, int, U8 (&codes)[4][2]) {
    alignas(16) static constexpr uint8_t kCodes[16] = {16, 17, 18, 19, 20, 22, 24, 28,
                                                       16, 15, 14, 13, 12, 10, 8,  4};
    UnpackNibbles(rows, 1, codes);
    for (auto& group : codes) {
      for (U8& code : group) code = LookUp(RowBytes16(kCodes), code);
    }
  }
};

// The scales and minima of Q4_K and Q5_K; see UnpackScaleMins.
struct SixBitScales {
  F32 d, dmin;
  I32 low_scales, low_mins, rest;  // bytes 0..3, 4..7, 8..11

  static SixBitScales Open(const Rows& rows) {
    U8 groups[4];
    I32 v[4];
    for (int g = 0; g < 4; ++g) groups[g] = LoadRows(rows, g, 0);
    Transpose(groups, v);
    return {LowHalfToFloat(v[0]), HighHalfToFloat(v[0]), v[1], v[2], v[3]};
  }

  void Get(int s, F32* scale, F32* min) const {
    I32 q, m;
    if (s < 4) {
      q = AndI(ShiftRight(low_scales, 8 * s), SplatI(63));
      m = AndI(ShiftRight(low_mins, 8 * s), SplatI(63));
    } else {
      const int at = 8 * (s - 4);
      const I32 both = ShiftRight(rest, at);
      q = OrI(AndI(both, SplatI(15)), AndI(ShiftRight(low_scales, at + 2), SplatI(48)));
      m = OrI(AndI(ShiftRight(both, 4), SplatI(15)),
              AndI(ShiftRight(low_mins, at + 2), SplatI(48)));
    }
    *scale = Mul(d, ToFloat(q));
    *min = Mul(dmin, ToFloat(m));
  }
};

template <typename BlockType>
struct SixBitSuperBlock {
  using Block = BlockType;
  static constexpr int kUnit = 64, kScales = 1, kOffsetLog2 = -1;
  static constexpr bool kHasMin = true, kSigned = false;
  using Header = SixBitScales;
  static Header Open(const Rows& rows) { return SixBitScales::Open(rows); }
  static void Scales(const Header& header, int s, F32* scales, F32* mins) {
    header.Get(s, scales, mins);
  }
};

// 32 bytes of nibbles: elements 0..31 low, 32..63 high.
inline void UnpackNibbles64(const Rows& rows, int64_t offset, U8 (&codes)[4][4]) {
  for (int g = 0; g < 4; ++g) {
    for (int i = 0; i < 2; ++i) {
      const U8 packed = LoadRows(rows, g, offset + 16 * i);
      codes[g][i] = Nibbles(packed, 0);
      codes[g][i + 2] = Nibbles(packed, 1);
    }
  }
}

struct DecodeQ4_K : SixBitSuperBlock<BlockQ4_K> {
  static void Unit(const Rows& rows, int u, U8 (&codes)[4][4]) {
    UnpackNibbles64(rows, 16 + 32 * u, codes);
  }
};

struct DecodeQ5_K : SixBitSuperBlock<BlockQ5_K> {
  static void Unit(const Rows& rows, int u, U8 (&codes)[4][4]) {
    UnpackNibbles64(rows, 48 + 32 * u, codes);
    for (int g = 0; g < 4; ++g) {
      for (int i = 0; i < 2; ++i) {
        const U8 fifth = LoadRows(rows, g, 16 + 16 * i);
        for (int k = 0; k < 2; ++k) {
          U8& code = codes[g][i + 2 * k];
          code = Or(code, WhereAny(fifth, SplatU8(1 << (2 * u + k)), 16));
        }
      }
    }
  }
};

// 16 bytes of the header for each row: bytes 4i..4i+3 in lanes of out[i].
inline void LoadHeaderBytes(const Rows& rows, int64_t offset, I32 (&out)[4]) {
  U8 groups[4];
  for (int g = 0; g < 4; ++g) groups[g] = LoadRows(rows, g, offset);
  Transpose(groups, out);
}

struct DecodeQ6_K {
  using Block = BlockQ6_K;
  static constexpr int kUnit = 128, kScales = 2, kOffsetLog2 = 5;
  static constexpr bool kHasMin = false, kSigned = false;
  struct Header {
    F32 d;
    I32 scales[4];
  };
  static Header Open(const Rows& rows) {
    Header header;
    header.d = HighHalfToFloat(LoadLanes(rows, 206));  // the two bytes before d too
    LoadHeaderBytes(rows, 192, header.scales);
    return header;
  }
  static void Scales(const Header& header, int s, F32* scales, F32*) {
    for (int k = 0; k < 2; ++k) {
      const int i = 2 * s + k;
      const I32 q = ShiftRightSigned(ShiftLeft(header.scales[i / 4], 24 - 8 * (i % 4)), 24);
      scales[k] = Mul(header.d, ToFloat(q));
    }
  }
  static void Unit(const Rows& rows, int u, U8 (&codes)[4][8]) {
    for (int g = 0; g < 4; ++g) {
      for (int i = 0; i < 2; ++i) {
        const U8 upper = LoadRows(rows, g, 128 + 32 * u + 16 * i);
        for (int k = 0; k < 2; ++k) {
          const U8 nibbles = LoadRows(rows, g, 64 * u + 32 * k + 16 * i);
          codes[g][2 * k + i] = Or(Nibbles(nibbles, 0), ShiftBytesLeft(Bits(upper, 2 * k, 3), 4));
          codes[g][2 * k + i + 4] =
              Or(Nibbles(nibbles, 1), ShiftBytesLeft(Bits(upper, 2 * k + 4, 3), 4));
        }
      }
    }
  }
};

// 32 bytes of two-bit values: elements 32 k + i are bits 2k, 2k + 1 of byte i.
inline void UnpackPairs(const Rows& rows, int64_t offset, U8 (&codes)[4][8]) {
  for (int g = 0; g < 4; ++g) {
    for (int i = 0; i < 2; ++i) {
      const U8 packed = LoadRows(rows, g, offset + 16 * i);
      for (int k = 0; k < 4; ++k) codes[g][2 * k + i] = Bits(packed, 2 * k, 3);
    }
  }
}

struct DecodeQ2_K {
  using Block = BlockQ2_K;
  static constexpr int kUnit = 128, kScales = 2, kOffsetLog2 = -1;
  static constexpr bool kHasMin = true, kSigned = false;
  struct Header {
    F32 d, dmin;
    I32 scales[4];
  };
  static Header Open(const Rows& rows) {
    const I32 pair = LoadLanes(rows, 80);
    Header header;
    header.d = LowHalfToFloat(pair);
    header.dmin = HighHalfToFloat(pair);
    LoadHeaderBytes(rows, 0, header.scales);
    return header;
  }
  static void Scales(const Header& header, int s, F32* scales, F32* mins) {
    for (int k = 0; k < 2; ++k) {
      const int i = 2 * s + k;
      const I32 both = ByteOf(header.scales[i / 4], i % 4);
      scales[k] = Mul(header.d, ToFloat(AndI(both, SplatI(15))));
      mins[k] = Mul(header.dmin, ToFloat(ShiftRight(both, 4)));
    }
  }
  static void Unit(const Rows& rows, int u, U8 (&codes)[4][8]) {
    UnpackPairs(rows, 16 + 32 * u, codes);
  }
};

struct DecodeQ3_K {
  using Block = BlockQ3_K;
  static constexpr int kUnit = 128, kScales = 2, kOffsetLog2 = 2;
  static constexpr bool kHasMin = false, kSigned = false;
  struct Header {
    F32 d;
    I32 packed[3];  // see UnpackScalesQ3_K
  };
  static Header Open(const Rows& rows) {
    return {HighHalfToFloat(LoadLanes(rows, 106)),
            {LoadLanes(rows, 96), LoadLanes(rows, 100), LoadLanes(rows, 104)}};
  }
  static void Scales(const Header& header, int s, F32* scales, F32*) {
    for (int k = 0; k < 2; ++k) {
      const int i = 2 * s + k, byte = i % 8;
      const I32 low =
          AndI(ShiftRight(header.packed[byte / 4], 8 * (byte % 4) + i / 8 * 4), SplatI(15));
      const I32 high = AndI(ShiftRight(header.packed[2], 8 * (i % 4) + 2 * (i / 4)), SplatI(3));
      const I32 q = AddI(OrI(low, ShiftLeft(high, 4)), SplatI(-32));
      scales[k] = Mul(header.d, ToFloat(q));
    }
  }
  static void Unit(const Rows& rows, int u, U8 (&codes)[4][8]) {
    UnpackPairs(rows, 32 + 32 * u, codes);
    for (int g = 0; g < 4; ++g) {
      for (int i = 0; i < 2; ++i) {
        const U8 third = LoadRows(rows, g, 16 * i);
        for (int k = 0; k < 4; ++k) {
          U8& code = codes[g][2 * k + i];
          code = Or(code, WhereAny(third, SplatU8(1 << (4 * u + k)), 4));
        }
      }
    }
  }
};

struct DecodeIQ4_XS {
  using Block = BlockIQ4_XS;
  static constexpr int kUnit = 32, kScales = 1, kOffsetLog2 = kSignedOffsetLog2;
  static constexpr bool kHasMin = false, kSigned = true;
  struct Header {
    F32 d;
    I32 high, low;
  };
  static Header Open(const Rows& rows) {
    const I32 pair = LoadLanes(rows, 0);
    return {LowHalfToFloat(pair), ShiftRight(pair, 16), LoadLanes(rows, 4)};
  }
  static void Scales(const Header& header, int s, F32* scales, F32*) {
    const I32 low = AndI(ShiftRight(header.low, 4 * s), SplatI(15));
    const I32 high = AndI(ShiftRight(header.high, 2 * s), SplatI(3));
    const I32 q = AddI(OrI(low, ShiftLeft(high, 4)), SplatI(-32));
    scales[0] = Mul(header.d, ToFloat(q));
  }
  static void Unit(const Rows& rows, int u, U8 (&codes)[4][2]) {
    UnpackIq4(rows, 8 + 16 * u, codes);
  }
};

}  // namespace
}  // namespace autoglm
