#include "model/blocks/ffn.h"

namespace autoglm {

FfnWeights BindFfn(WeightBinder& binder, const ModelConfig& c, int layer) {
  const std::string b = StrCat("blk.", layer, ".");
  const int64_t n = c.intermediate_size;
  FfnWeights w;
  if (binder.Has(b + "ffn_gate.weight")) {
    w.ffn_gate = binder.Matrix(b + "ffn_gate.weight", n, c.hidden_size);
    w.ffn_up = binder.Matrix(b + "ffn_up.weight", n, c.hidden_size);
    w.ffn_gate_bias = binder.OptionalVector(b + "ffn_gate.bias", n);
    w.ffn_up_bias = binder.OptionalVector(b + "ffn_up.bias", n);
  } else {
    w.ffn_gate = binder.MatrixRows(b + "ffn_up.weight", 2 * n, c.hidden_size, 0, n);
    w.ffn_up = binder.MatrixRows(b + "ffn_up.weight", 2 * n, c.hidden_size, n, n);
  }
  w.ffn_down = binder.Matrix(b + "ffn_down.weight", c.hidden_size, n);
  w.ffn_down_bias = binder.OptionalVector(b + "ffn_down.bias", c.hidden_size);
  return w;
}

void FeedForward(const FfnWeights& w, Activation act, const Activations& a, OpStream& s) {
  const MatMulTerm gate_up[] = {{&w.ffn_gate, &w.ffn_gate_bias, a.gate},
                                {&w.ffn_up, &w.ffn_up_bias, a.up}};
  s.MatMul(a.h, gate_up);
  s.GatedActivation(act, a.gate, a.up, a.gate);
  const MatMulTerm down[] = {{&w.ffn_down, &w.ffn_down_bias, a.h}};
  s.MatMul(a.gate, down);
}

}  // namespace autoglm
