// The integer matrix product of every block type: one GEMV and one GEMM over the decoders of
// block_decoders.h. Include an instruction set's vec.h before.
//
// Lanes are rows of the weights. The integer sum of each block is exact, and its value is added to
// the row's sum in the order of blocks, so GEMV and GEMM give the same bits, and so does every way
// to group tokens. GEMV reads the stored blocks; GEMM unpacks a tile of rows once, interleaved, and
// multiplies it with all tokens (as packing does in Goto and van de Geijn 2008).
#pragma once

#include "kernels/kernels.h"
#include "kernels/vector/block_decoders.h"
#include "kernels/vector/int8_activations.h"
#include "kernels/vector/unroll.h"

namespace autoglm {
namespace {

inline int64_t Smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// What the sum of one scale's elements starts from: -offset * (sum of the activations).
template <typename Q>
inline I32 OffsetSum(const Int8Block& x, int scale) {
  if constexpr (Q::kOffsetLog2 < 0) return ZeroI();
  constexpr int kShift = Q::kOffsetLog2 < 0 ? 0 : Q::kOffsetLog2;
  return SplatI((Q::kScales == 1 ? x.neg_sum : x.neg_sum_half[scale]) * (1 << kShift));
}

// The same added afterwards: integers far below 2^24, so not a bit differs.
template <typename Q>
inline F32 WithOffset(F32 dot, const Int8Block& x) {
  if constexpr (Q::kOffsetLog2 < 0) return dot;
  constexpr float kOffset = Q::kOffsetLog2 < 0 ? 0 : 1 << (Q::kOffsetLog2 < 0 ? 0 : Q::kOffsetLog2);
  return Fma(SplatF(kOffset), SplatF(x.neg_sum_float), dot);
}

// A block's minima times its activations' sums, and the products of its scales: in this order.
inline F32 AddScaled(int scale, F32 sum, F32 dot, F32 factor) {
  return scale == 0 ? Mul(dot, factor) : Fma(dot, factor, sum);
}
template <typename Q>
inline F32 AddMins(F32 sum, const F32* mins, const Int8Block& x) {
  if constexpr (!Q::kHasMin) return sum;
  if constexpr (Q::kScales == 1) {
    return Fma(mins[0], SplatF(x.neg_sum_float), sum);
  }
  sum = Fma(mins[0], SplatF(static_cast<float>(x.neg_sum_half[0])), sum);
  return Fma(mins[1], SplatF(static_cast<float>(x.neg_sum_half[1])), sum);
}

// The blocks at `at` of kLanes rows, the last of which may not exist: then all are copied into
// `stage`, the missing ones as copies of the last that does.
template <typename Block>
struct RowReader {
  const std::byte* first;
  int64_t row_bytes;
  int n_rows;
  std::byte stage[kLanes * sizeof(Block)];

  Rows At(int64_t at) {
    if (n_rows >= kLanes) return Rows(first + at * sizeof(Block), row_bytes);
    for (int r = 0; r < kLanes; ++r) {
      __builtin_memcpy(stage + r * sizeof(Block),
                       first + Smaller(r, n_rows - 1) * row_bytes + at * sizeof(Block),
                       sizeof(Block));
    }
    return Rows(stage, sizeof(Block));
  }
};

inline void Fetch(const std::byte* at, int64_t n_bytes) {
  for (int64_t i = 0; i < n_bytes; i += 64) __builtin_prefetch(at + i, 0, 2);
}

template <typename Q>
inline int64_t RowBytesOf(const LinearArgs& args) {
  return args.cols / Q::Block::kElements * static_cast<int64_t>(sizeof(typename Q::Block));
}

inline void StoreRows(float* y, F32 sum, int n_rows) {
  if (n_rows >= kLanes) {
    StoreF(y, sum);
  } else {
    StoreFirst(y, sum, n_rows);
  }
}

// kLanes rows or fewer, kT tokens, straight from the stored blocks.
// `next`, if any: what comes after them, fetched meanwhile in the order of memory, as sixteen
// streams at once hide it from the processor.
template <typename Q, int kT>
void GemvPanel(const LinearArgs& args, int64_t row, int64_t token, const std::byte* next) {
  using Block = typename Q::Block;
  constexpr int kUnitBlocks = Q::kUnit / 32;
  constexpr int64_t kFetch = kLanes * sizeof(Block) / (Block::kElements / 32);  // every 32 elements
  const int64_t n_blocks = args.cols / Block::kElements;
  RowReader<Block> reader;
  reader.row_bytes = RowBytesOf<Q>(args);
  reader.first = args.weights + row * reader.row_bytes;
  reader.n_rows = static_cast<int>(Smaller(kLanes, args.n_rows - row));
  const Int8Block* x[kT];
  F32 sums[kT];
  for (int t = 0; t < kT; ++t) {
    x[t] = reinterpret_cast<const Int8Block*>(args.x + (token + t) * args.x_stride);
    sums[t] = ZeroF();
  }
  for (int64_t b = 0; b < n_blocks; ++b) {
    const Rows rows = reader.At(b);
    const typename Q::Header header = Q::Open(rows);
    AUTOGLM_UNROLL for (int u = 0; u < Block::kElements / Q::kUnit; ++u) {
      U8 codes[4][Q::kUnit / 16];
      Q::Unit(rows, u, codes);
      AUTOGLM_UNROLL for (int j = 0; j < kUnitBlocks; ++j) {
        if (next != nullptr) {
          Fetch(next, kFetch);
          next += kFetch;
        }
        F32 scales[Q::kScales], mins[Q::kScales];
        Q::Scales(header, u * kUnitBlocks + j, scales, mins);
        AUTOGLM_UNROLL for (int t = 0; t < kT; ++t) {
          const Int8Block& block = *x[t]++;
          const U8 x0 = RowBytes16(block.q), x1 = RowBytes16(block.q + 16);
          F32 sum = ZeroF();
          AUTOGLM_UNROLL for (int k = 0; k < Q::kScales; ++k) {
            F32 dot;
            if constexpr (Q::kScales == 1) {
              dot = WithOffset<Q>(ToFloat(DotRows<Q>(codes, 2 * j, {x0, x1})), block);
            } else {
              const I32 product = DotRows<Q>(codes, 2 * j + k, {k == 0 ? x0 : x1});
              dot = ToFloat(AddI(product, OffsetSum<Q>(block, k)));
            }
            sum = AddScaled(k, sum, dot, scales[k]);
          }
          sum = AddMins<Q>(sum, mins, block);
          sums[t] = Fma(sum, SplatF(block.d), sums[t]);
        }
      }
    }
  }
  for (int t = 0; t < kT; ++t) {
    StoreRows(args.y + (token + t) * args.y_stride + row, sums[t], reader.n_rows);
  }
}

// Memory is fetched this far ahead of its use, rounded up to panels: long enough to arrive.
inline constexpr int64_t kFetchAhead = 16 * 1024;

// What to fetch while panel_rows rows from `row` on are multiplied: as many, behind them; null
// where that is unknown.
inline const std::byte* FetchFrom(const LinearArgs& args, int64_t row, int64_t panel_rows,
                                  int64_t row_bytes) {
  const int64_t panel_bytes = panel_rows * row_bytes;
  const int64_t ahead = row + (kFetchAhead + panel_bytes - 1) / panel_bytes * panel_rows;
  if (ahead < args.n_rows) return args.weights + ahead * row_bytes;
  return args.next == nullptr ? nullptr : args.next + (ahead - args.n_rows) * row_bytes;
}

template <typename Q>
void Gemv(const LinearArgs& args) {
  for (int64_t row = 0; row < args.n_rows; row += kLanes) {
    const std::byte* next = FetchFrom(args, row, kLanes, RowBytesOf<Q>(args));
    int64_t t = 0;
    for (; t + 2 <= args.n_tokens; t += 2, next = nullptr) GemvPanel<Q, 2>(args, row, t, next);
    if (t < args.n_tokens) GemvPanel<Q, 1>(args, row, t, next);
  }
}

// Where a panel keeps 32 elements of kLanes rows: 8 vectors of codes in the order of PackGroups(),
// the scales, the minima.
template <typename Q>
struct PanelBlock {
  static constexpr int kVector = kLanes * 4;  // bytes
  static constexpr int kScalesAt = 8 * kVector;
  static constexpr int kMinsAt = kScalesAt + Q::kScales * kVector;
  static constexpr int kBytes = kMinsAt + (Q::kHasMin ? Q::kScales * kVector : 0);
};

// Unpacks blocks [block, block + n) of kLanes rows or fewer. `next`, if any: the first of the same
// blocks of as many rows, which are fetched meanwhile.
template <typename Q>
void PackPanel(const LinearArgs& args, int64_t row, int64_t block, int64_t n, const std::byte* next,
               std::byte* out) {
  using Block = typename Q::Block;
  using Panel = PanelBlock<Q>;
  constexpr int kUnitBlocks = Q::kUnit / 32;
  RowReader<Block> reader;
  reader.row_bytes = RowBytesOf<Q>(args);
  reader.first = args.weights + row * reader.row_bytes;
  reader.n_rows = static_cast<int>(Smaller(kLanes, args.n_rows - row));
  for (int64_t b = block; b < block + n; ++b) {
    if (next != nullptr) {
      for (int r = 0; r < kLanes; ++r) Fetch(next + r * reader.row_bytes, sizeof(Block));
      next += sizeof(Block);
    }
    const Rows rows = reader.At(b);
    const typename Q::Header header = Q::Open(rows);
    AUTOGLM_UNROLL for (int u = 0; u < Block::kElements / Q::kUnit; ++u) {
      U8 codes[4][Q::kUnit / 16];
      Q::Unit(rows, u, codes);
      AUTOGLM_UNROLL for (int j = 0; j < kUnitBlocks; ++j, out += Panel::kBytes) {
        AUTOGLM_UNROLL for (int half = 0; half < 2; ++half) {
          const int i = 2 * j + half;
          const U8 groups[4] = {codes[0][i], codes[1][i], codes[2][i], codes[3][i]};
          PackGroups(groups, out + 4 * half * Panel::kVector);
        }
        F32 scales[Q::kScales], mins[Q::kScales];
        Q::Scales(header, u * kUnitBlocks + j, scales, mins);
        for (int k = 0; k < Q::kScales; ++k) {
          StoreF(reinterpret_cast<float*>(out + Panel::kScalesAt) + k * kLanes, scales[k]);
          if (Q::kHasMin) {
            StoreF(reinterpret_cast<float*>(out + Panel::kMinsAt) + k * kLanes, mins[k]);
          }
        }
      }
    }
  }
}

// A register tile: kR panels by kT tokens over n blocks of 32. Sums start from y, or from zero.
template <typename Q, int kR, int kT>
struct GemmTile {
  using Panel = PanelBlock<Q>;
  const std::byte* panels;
  int64_t panel_stride;
  int64_t n_blocks;
  const std::byte* x;
  int64_t x_stride;
  float* y;
  int64_t y_stride;
  int n_rows;  // of the last panel
  bool first;

  const Int8Block& X(int t, int64_t b) const {
    return reinterpret_cast<const Int8Block*>(x + t * x_stride)[b];
  }
  const std::byte* Block(int r, int64_t b) const {
    return panels + r * panel_stride + b * Panel::kBytes;
  }
  static F32 Lanes(const std::byte* p, int i) {
    return LoadF(reinterpret_cast<const float*>(p) + i * kLanes);
  }

  // Adds block b to the sums.
  void Step(int64_t b, F32 (&sums)[kT][kR]) const {
    F32 values[kT][kR];
    AUTOGLM_UNROLL for (int k = 0; k < Q::kScales; ++k) {
      I32 dots[kT][kR];
      AUTOGLM_UNROLL for (int t = 0; t < kT; ++t) {
        AUTOGLM_UNROLL for (int r = 0; r < kR; ++r) dots[t][r] = OffsetSum<Q>(X(t, b), k);
      }
      constexpr int kVectors = 2 / Q::kScales;
      const std::byte* codes[kR];
      const int8_t* q[kT];
      AUTOGLM_UNROLL for (int r = 0; r < kR; ++r) {
        codes[r] = Block(r, b) + 4 * k * kVectors * Panel::kVector;
      }
      AUTOGLM_UNROLL for (int t = 0; t < kT; ++t) q[t] = X(t, b).q + 16 * k * kVectors;
      DotTile<Q, kVectors>(codes, q, dots);
      AUTOGLM_UNROLL for (int r = 0; r < kR; ++r) {
        const F32 scale = Lanes(Block(r, b) + Panel::kScalesAt, k);
        AUTOGLM_UNROLL for (int t = 0; t < kT; ++t) {
          values[t][r] = AddScaled(k, values[t][r], ToFloat(dots[t][r]), scale);
        }
      }
    }
    AUTOGLM_UNROLL for (int r = 0; r < kR; ++r) {
      F32 mins[Q::kScales];
      for (int k = 0; k < Q::kScales && Q::kHasMin; ++k) {
        mins[k] = Lanes(Block(r, b) + Panel::kMinsAt, k);
      }
      AUTOGLM_UNROLL for (int t = 0; t < kT; ++t) {
        const F32 value = AddMins<Q>(values[t][r], mins, X(t, b));
        sums[t][r] = Fma(value, SplatF(X(t, b).d), sums[t][r]);
      }
    }
  }

  void Run() const {
    F32 sums[kT][kR];
    for (int t = 0; t < kT; ++t) {
      for (int r = 0; r < kR; ++r) {
        float* at = y + t * y_stride + r * kLanes;
        sums[t][r] = first ? ZeroF() : (r + 1 < kR ? LoadF(at) : LoadFirst(at, n_rows));
      }
    }
    for (int64_t b = 0; b < n_blocks; ++b) Step(b, sums);
    for (int t = 0; t < kT; ++t) {
      for (int r = 0; r < kR; ++r) {
        StoreRows(y + t * y_stride + r * kLanes, sums[t][r], r + 1 < kR ? kLanes : n_rows);
      }
    }
  }
};

template <typename Q>
inline constexpr int kTokensOf = Q::kScales == 1 ? kGemmTokens : kGemmTokensSub16;

// All tokens of one tile of kR panels: kT at a time, then the rest.
template <typename Q, int kR, int kT>
void MultiplyPanels(GemmTile<Q, kR, kTokensOf<Q>> tile, int64_t n_tokens) {
  const auto run = [&]() {
    GemmTile<Q, kR, kT>{tile.panels, tile.panel_stride, tile.n_blocks, tile.x,    tile.x_stride,
                        tile.y,      tile.y_stride,     tile.n_rows,   tile.first}
        .Run();
  };
  for (; n_tokens >= kT; n_tokens -= kT) {
    run();
    tile.x += kT * tile.x_stride;
    tile.y += kT * tile.y_stride;
  }
  if constexpr (kT > 1) {
    if (n_tokens > 0) MultiplyPanels<Q, kR, kT - 1>(tile, n_tokens);
  }
}

// Blocks of the format that a panel holds: as many as fit, the same number each time.
template <typename Q>
inline int64_t BlocksPerPanel(int64_t cols) {
  constexpr int kElements = Q::Block::kElements;
  constexpr int64_t kMost = kPanelBytes / (kGemmPanels * PanelBlock<Q>::kBytes * (kElements / 32));
  const int64_t n_blocks = cols / kElements;
  const int64_t n_parts = (n_blocks + kMost - 1) / kMost;
  return (n_blocks + n_parts - 1) / n_parts;
}

template <typename Q>
inline int64_t PanelStride(int64_t cols) {
  return BlocksPerPanel<Q>(cols) * (Q::Block::kElements / 32) * PanelBlock<Q>::kBytes;
}

// Block `block` of row `row`, or of what follows this matrix's rows; null where that is unknown.
template <typename Q>
inline const std::byte* BlockAt(const LinearArgs& args, int64_t row, int64_t block) {
  const bool inside = row < args.n_rows;
  if (!inside && args.next == nullptr) return nullptr;
  const std::byte* first = inside ? args.weights : args.next;
  return first + (inside ? row : row - args.n_rows) * RowBytesOf<Q>(args) +
         block * static_cast<int64_t>(sizeof(typename Q::Block));
}

template <typename Q, int kR>
void GemmRows(const LinearArgs& args, int64_t row, int n_rows_of_last) {
  constexpr int kParts = Q::Block::kElements / 32;
  std::byte* panels = reinterpret_cast<std::byte*>(args.scratch);
  const int64_t stride = PanelStride<Q>(args.cols);
  const int64_t n_blocks = args.cols / Q::Block::kElements, step = BlocksPerPanel<Q>(args.cols);
  for (int64_t b = 0; b < n_blocks; b += step) {
    const int64_t n = Smaller(step, n_blocks - b);
    for (int r = 0; r < kR; ++r) {
      // Behind the last panel of the tile comes the first of the next one, or these rows' next
      // part.
      const bool part_ends = r + 1 == kR && n < n_blocks - b;
      const int64_t next_row = part_ends ? row : row + (r + 1) * kLanes;
      const int64_t next_block = part_ends ? b + n : r + 1 == kR ? 0 : b;
      PackPanel<Q>(args, row + r * kLanes, b, n, BlockAt<Q>(args, next_row, next_block),
                   panels + r * stride);
    }
    MultiplyPanels<Q, kR, kTokensOf<Q>>(
        {panels, stride, n * kParts, args.x + b * kParts * static_cast<int64_t>(sizeof(Int8Block)),
         args.x_stride, args.y + row, args.y_stride, n_rows_of_last, b == 0},
        args.n_tokens);
  }
}

template <typename Q>
void Gemm(const LinearArgs& args) {
  int64_t row = 0;
  for (; row + (kGemmPanels - 1) * kLanes < args.n_rows; row += kGemmPanels * kLanes) {
    const int64_t last = Smaller(kLanes, args.n_rows - row - (kGemmPanels - 1) * kLanes);
    GemmRows<Q, kGemmPanels>(args, row, static_cast<int>(last));
  }
  if constexpr (kGemmPanels > 1) {
    for (; row < args.n_rows; row += kLanes) {
      GemmRows<Q, 1>(args, row, static_cast<int>(Smaller(kLanes, args.n_rows - row)));
    }
  }
}

// Up to here reading the stored blocks again for every two tokens costs less than unpacking them.
inline constexpr int kMaxGemvTokens = 4;

template <typename Q>
LinearKernel Int8Linear() {
  return {.row_multiple = kGemmPanels * kLanes,
          .prepared_bytes = Int8Bytes,
          .prepare = PrepareInt8,
          .scratch_floats = [](int64_t cols) -> int64_t {
            return kGemmPanels * PanelStride<Q>(cols) / static_cast<int64_t>(sizeof(float));
          },
          .multiply =
              [](const LinearArgs& args) {
                args.n_tokens <= kMaxGemvTokens ? Gemv<Q>(args) : Gemm<Q>(args);
              }};
}

}  // namespace
}  // namespace autoglm
