// Puts the kernels of this folder into a table. Include an instruction set's vec.h before.
#pragma once

#include "kernels/kernels.h"
#include "kernels/vector/attention.h"
#include "kernels/vector/elementwise.h"
#include "kernels/vector/encoder_loops.h"
#include "kernels/vector/float_linear.h"
#include "kernels/vector/int8_linear.h"

namespace autoglm {
namespace {

inline void OverlayInt8(KernelTable* table) {
  const auto set = [&](DType dtype, const LinearKernel& kernel) {
    table->linear[static_cast<int>(dtype)] = kernel;
  };
  set(DType::kQ4_0, Int8Linear<DecodeQ4_0>());
  set(DType::kQ4_1, Int8Linear<DecodeQ4_1>());
  set(DType::kQ5_0, Int8Linear<DecodeQ5_0>());
  set(DType::kQ5_1, Int8Linear<DecodeQ5_1>());
  set(DType::kQ8_0, Int8Linear<DecodeQ8_0>());
  set(DType::kQ2_K, Int8Linear<DecodeQ2_K>());
  set(DType::kQ3_K, Int8Linear<DecodeQ3_K>());
  set(DType::kQ4_K, Int8Linear<DecodeQ4_K>());
  set(DType::kQ5_K, Int8Linear<DecodeQ5_K>());
  set(DType::kQ6_K, Int8Linear<DecodeQ6_K>());
  set(DType::kIQ4_NL, Int8Linear<DecodeIQ4_NL>());
  set(DType::kIQ4_XS, Int8Linear<DecodeIQ4_XS>());
  set(DType::kMXFP4, Int8Linear<DecodeMXFP4>());
}

inline void OverlayFloat(KernelTable* table) {
  table->linear[static_cast<int>(DType::kF32)] = FloatLinear<UnpackF32>();
  table->linear[static_cast<int>(DType::kF16)] = FloatLinear<UnpackF16>();
  table->linear[static_cast<int>(DType::kBF16)] = FloatLinear<UnpackBF16>();
  table->attention = Attention;
  table->bf16_attention = false;
  table->rms_norm = RmsNorm;
  table->rope_half = RopeHalf;
  table->rope_interleaved = RopeInterleaved;
  table->silu_gate = SiluGate;
  table->gelu_tanh_gate = GeluTanhGate;
  table->add = AddTo;
  table->encoder_loops = kEncoderLoops;
}

}  // namespace
}  // namespace autoglm
