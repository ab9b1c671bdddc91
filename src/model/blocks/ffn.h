// The gated feed-forward block: down(act(gate(h)) * up(h)). Source: Shazeer 2020, "GLU Variants".
#pragma once

#include "backend/op_stream.h"
#include "model/language_model.h"
#include "model/weight_binder.h"
#include "model/workspace.h"

namespace autoglm {

/// Of one layer. Names as in GGUF.
struct FfnWeights {
  Weight ffn_gate;                                   ///< [intermediate_size, hidden_size]
  Weight ffn_up;                                     ///< as ffn_gate
  Weight ffn_down;                                   ///< [hidden_size, intermediate_size]
  Weight ffn_gate_bias, ffn_up_bias, ffn_down_bias;  ///< mostly empty
};

/// Binds "blk.<layer>.ffn_{gate,up,down}.weight", or, where there is no gate, takes it from the
/// first half of a fused ffn_up.
FfnWeights BindFfn(WeightBinder& binder, const ModelConfig& config, int layer);

/// a.h [n, hidden_size] (normalized) -> a.h. Uses a.gate and a.up.
void FeedForward(const FfnWeights& w, Activation act, const Activations& a, OpStream& s);

}  // namespace autoglm
