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

/// x is approximated by scale * q + offset.
struct AffineFit {
  float scale = 0, offset = 0;
};

/// The best candidate so far, and how much less its weighted squared error is than that of levels
/// 0.
struct BestFit {
  float gain = 0;
  AffineFit fit;
};

/// What an affine search is about: n values x with weights w, the sums of w and of w x, and a
/// limit.
struct AffineProblem {
  const float* x;
  const float* w;
  int n;
  Levels levels;
  float sum_w, sum_x;
  float max_offset;
};

/// Products and sums are never fused, and a lane's sum goes through the elements in order: so every
/// implementation rounds alike. Pointers need no alignment. All are pure, callable by any thread.
struct EncoderLoops {
  /// out[i] = x[i], or 0 for a NaN, limited to +-kMaxMagnitude. `n` is a multiple of 16. Returns
  /// the largest magnitude in `out`. out may be x.
  float (*load)(const float* x, int n, float* out);
  /// One round of Lloyd's method for each lane, for x ~ scale q: the levels that the scale
  /// 1 / inverse[lane] makes of x [n], rounding to nearest with ties to even as all of them do; the
  /// scale that has the least error weighted by w [n] for those; inverse[lane] becomes its
  /// reciprocal. `best` becomes the first lane of largest gain if that is above what it has.
  void (*scale_round)(const float* x, const float* w, int n, Levels levels, SearchLanes* inverse,
                      BestFit* best);
  /// The same for x ~ scale q + offset, offset <= max_offset. A lane whose scale would not be above
  /// 0 stays as it is.
  void (*affine_round)(const AffineProblem& problem, SearchLanes* inverse, SearchLanes* offset,
                       BestFit* best);
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
