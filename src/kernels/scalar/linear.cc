// Weight rows of any type: a row is decoded once into scratch and used for every token.
#include "kernels/scalar/linear.h"

#include "kernels/scalar/dot.h"
#include "quant/quant_format.h"

namespace autoglm {

namespace {

int64_t FloatBytes(int64_t cols) { return cols * static_cast<int64_t>(sizeof(float)); }
int64_t OneRow(int64_t cols) { return cols; }
int64_t NoScratch(int64_t) { return 0; }

const float* Floats(const std::byte* bytes) { return reinterpret_cast<const float*>(bytes); }

void MultiplyRow(const LinearArgs& args, const float* w, float* y) {
  int64_t t = 0;
  for (; t + 2 <= args.n_tokens; t += 2) {
    Dot2(w, Floats(args.x + t * args.x_stride), Floats(args.x + (t + 1) * args.x_stride), args.cols,
         y + t * args.y_stride, y + (t + 1) * args.y_stride);
  }
  if (t < args.n_tokens) {
    y[t * args.y_stride] = Dot(w, Floats(args.x + t * args.x_stride), args.cols);
  }
}

void MultiplyDecoded(const LinearArgs& args) {
  const auto decode = Format(args.dtype).decode;
  const int64_t row_bytes = RowBytes(args.dtype, args.cols);
  for (int64_t r = 0; r < args.n_rows; ++r) {
    decode(args.weights + r * row_bytes, args.scratch, args.cols);
    MultiplyRow(args, args.scratch, args.y + r);
  }
}

void MultiplyF32(const LinearArgs& args) {
  for (int64_t r = 0; r < args.n_rows; ++r) {
    MultiplyRow(args, Floats(args.weights) + r * args.cols, args.y + r);
  }
}

}  // namespace

LinearKernel ScalarLinear(DType dtype) {
  if (dtype == DType::kF32) return {1, FloatBytes, nullptr, NoScratch, MultiplyF32};
  return {1, FloatBytes, nullptr, OneRow, MultiplyDecoded};
}

}  // namespace autoglm
