// Norm, rotation, gated activations and addition; contracts in KernelTable. Include an instruction
// set's vec.h before.
#pragma once

#include <cstdint>

#include "kernels/vector/unroll.h"

namespace autoglm {
namespace {

// exp(x) = 2^n exp(r), n the integer nearest to x / ln 2; exp(r) by its Taylor polynomial, whose
// remainder for |r| <= ln 2 / 2 is below 6e-9 with degree 7 and 5e-5 with degree 4. Clamped to
// [-87, 88], where 2^n is normal: a relative error of that and 2e-7 within, and beyond it what
// stands at the edge.
template <int kDegree = 7>
inline F32 Exp(F32 x) {
  x = Min(Max(x, SplatF(-87.0f)), SplatF(88.0f));
  const I32 n = RoundToInt(Mul(x, SplatF(1.44269504f)));
  const F32 whole = ToFloat(n);
  F32 r = Fma(whole, SplatF(-0.693359375f), x);
  r = Fma(whole, SplatF(2.12194440e-4f), r);
  constexpr float kTaylor[] = {1,         1,          0.5f,       1.0f / 6,
                               1.0f / 24, 1.0f / 120, 1.0f / 720, 1.0f / 5040};
  F32 p = SplatF(kTaylor[kDegree]);
  AUTOGLM_UNROLL for (int i = kDegree - 1; i >= 0; --i) p = Fma(p, r, SplatF(kTaylor[i]));
  return Mul(p, AsFloat(ShiftLeft(AddI(n, SplatI(127)), 23)));
}

// tanh(x) = 1 - 2 / (exp(2 x) + 1): an absolute error of about 2e-7.
inline F32 Tanh(F32 x) { return Sub(SplatF(1), Div(SplatF(2), Add(Exp(Add(x, x)), SplatF(1)))); }

// Calls f(load, store) for every kLanes elements, and for the rest with partial forms of them.
template <typename F>
inline void ForVectors(int64_t n, F f) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    f([i](const float* p) { return LoadF(p + i); }, [i](float* p, F32 x) { StoreF(p + i, x); });
  }
  if (const int rest = static_cast<int>(n - i); rest > 0) {
    f([i, rest](const float* p) { return LoadFirst(p + i, rest); },
      [i, rest](float* p, F32 x) { StoreFirst(p + i, x, rest); });
  }
}

inline void RmsNorm(const float* x, const float* weight, int64_t n, float eps, float* y) {
  F32 sums = ZeroF();
  ForVectors(n, [&](auto load, auto) {
    const F32 v = load(x);
    sums = Fma(v, v, sums);
  });
  const float mean = SumOf(sums) / static_cast<float>(n);
  const F32 inverse = SplatF(1.0f / __builtin_sqrtf(mean + eps));
  ForVectors(n, [&](auto load, auto store) { store(y, Mul(Mul(load(x), inverse), load(weight))); });
}

inline void RopeHalf(const float* cos, const float* sin, int64_t n_pairs, float* x) {
  float* const upper = x + n_pairs;
  ForVectors(n_pairs, [&](auto load, auto store) {
    const F32 a = load(x), b = load(upper), c = load(cos), s = load(sin);
    store(x, Sub(Mul(a, c), Mul(b, s)));
    store(upper, Add(Mul(b, c), Mul(a, s)));
  });
}

inline void RopeInterleaved(const float* cos, const float* sin, int64_t n_pairs, float* x) {
  int64_t i = 0;
  for (; i + kLanes <= n_pairs; i += kLanes) {
    F32 a, b;
    Deinterleave(LoadF(x + 2 * i), LoadF(x + 2 * i + kLanes), &a, &b);
    const F32 c = LoadF(cos + i), s = LoadF(sin + i);
    F32 low, high;
    Interleave(Sub(Mul(a, c), Mul(b, s)), Add(Mul(b, c), Mul(a, s)), &low, &high);
    StoreF(x + 2 * i, low);
    StoreF(x + 2 * i + kLanes, high);
  }
  for (; i < n_pairs; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1];
    x[2 * i] = a * cos[i] - b * sin[i];
    x[2 * i + 1] = b * cos[i] + a * sin[i];
  }
}

inline void SiluGate(const float* gate, const float* up, int64_t n, float* out) {
  ForVectors(n, [&](auto load, auto store) {
    const F32 x = load(gate);
    const F32 sigmoid = Div(SplatF(1), Add(SplatF(1), Exp(Sub(ZeroF(), x))));
    store(out, Mul(Mul(x, sigmoid), load(up)));
  });
}

inline void GeluTanhGate(const float* gate, const float* up, int64_t n, float* out) {
  ForVectors(n, [&](auto load, auto store) {
    const F32 x = load(gate);
    const F32 cubic = Fma(Mul(Mul(x, x), SplatF(0.044715f)), x, x);
    const F32 t = Tanh(Mul(cubic, SplatF(0.7978845608028654f)));
    store(out, Mul(Mul(Mul(x, SplatF(0.5f)), Add(SplatF(1), t)), load(up)));
  });
}

inline void AddTo(float* x, const float* y, int64_t n) {
  ForVectors(n, [&](auto load, auto store) { store(x, Add(load(x), load(y))); });
}

}  // namespace
}  // namespace autoglm
