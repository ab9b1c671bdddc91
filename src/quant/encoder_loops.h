// The loops over elements that all encoders are made of, as a table. The scalar ones are the truth;
// a kernel table brings faster ones that give the same bits, and with them every encoder is faster.
#pragma once

#include <cstddef>
#include <cstdint>

namespace autoglm {

/// The whole numbers that can be stored: lowest <= q <= highest.
struct Levels {
  int lowest, highest;
};

/// Candidates for a scale are tried this many at a time, one in each lane.
inline constexpr int kSearchLanes = 16;
using SearchLanes = float[kSearchLanes];

/// What least squares needs to know of each lane: sums of w q, w q q and w q x.
struct LaneSums {
  SearchLanes q, qq, qx;
};

/// Products and sums are never fused, and a lane's sum goes through the elements in order: so every
/// implementation rounds alike. Pointers need no alignment. All are pure, callable by any thread.
struct EncoderLoops {
  /// out[i] = x[i], or 0 for a NaN, limited to +-kMaxMagnitude. `n` is a multiple of 16. Returns
  /// the largest magnitude in `out`. out may be x.
  float (*load)(const float* x, int n, float* out);
  /// The levels q that the scale 1 / inverse[lane] and the offset make of x [n], and their sums
  /// weighted by w [n]. Rounds to nearest, ties to even, as all of them do.
  void (*sum_lanes)(const float* x, const float* w, int n, Levels levels,
                    const SearchLanes& inverse, const SearchLanes& offset, LaneSums* sums);
  /// The weighted squared error of each lane's scale and offset over x [n].
  void (*lane_errors)(const float* x, const float* w, int n, Levels levels,
                      const SearchLanes& scale, const SearchLanes& offset, SearchLanes* errors);
  /// q[i] = the level nearest to (x[i] - offset) / scale; where scale is 0, the one nearest to 0.
  /// `n` is a multiple of 16.
  void (*assign_levels)(const float* x, int n, float scale, float offset, Levels levels, int8_t* q);
  /// Writes n binary16, to nearest. Finite values beyond its range become its largest; infinities
  /// stay, and a NaN stays some NaN (the one exception to the same bits). `n` is any number.
  void (*to_halves)(const float* x, int64_t n, std::byte* out);
};

extern const EncoderLoops kScalarEncoderLoops;

/// Above what any block format reaches (2^16 * 127 * 32 < 2^28), and small enough that no sum of
/// squares overflows.
inline constexpr float kMaxMagnitude = 0x1.0p+28f;

}  // namespace autoglm
