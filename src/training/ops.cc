#include "training/ops.h"

#include <algorithm>
#include <numeric>

namespace autoglm {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr int64_t kRowsPerTask = 256;

/// Calls f(begin, end) on parts of [0, n), on all threads. The parts do not depend on how threads
/// are scheduled.
template <typename F>
void InParts(int64_t n, int64_t least, const F& f) {
  at::parallel_for(0, n, least, f);
}

class RmsNormOp : public Function<RmsNormOp> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight,
                            double eps) {
    const int64_t n = x.size(0), cols = x.size(1);
    at::Tensor y = at::empty_like(x), rstd = at::empty({n}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "RmsNorm", [&] {
      const scalar_t* in = x.data_ptr<scalar_t>();
      InParts(n, kRowsPerTask, [&](int64_t begin, int64_t end) {
        autoglm::RmsNorm(in + begin * cols, weight.data_ptr<scalar_t>(), eps, end - begin, cols,
                         y.data_ptr<scalar_t>() + begin * cols, rstd.data_ptr<scalar_t>() + begin);
      });
    });
    ctx->save_for_backward({x, weight, rstd});
    return y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &rstd = saved[2];
    const at::Tensor dy = grads[0].contiguous();
    const int64_t n = x.size(0), cols = x.size(1);
    at::Tensor dx = at::empty_like(x);
    // A sum of its own for each part, added up in order: the same on every run.
    const int64_t n_parts = (n + kRowsPerTask - 1) / kRowsPerTask;
    at::Tensor dw = at::zeros({n_parts, cols}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "RmsNormBackward", [&] {
      InParts(n_parts, 1, [&](int64_t first, int64_t last) {
        for (int64_t part = first; part < last; ++part) {
          const int64_t begin = part * kRowsPerTask, rows = std::min(kRowsPerTask, n - begin);
          autoglm::RmsNormBackward(
              x.data_ptr<scalar_t>() + begin * cols, weight.data_ptr<scalar_t>(),
              rstd.data_ptr<scalar_t>() + begin, dy.data_ptr<scalar_t>() + begin * cols, rows, cols,
              dx.data_ptr<scalar_t>() + begin * cols, dw.data_ptr<scalar_t>() + part * cols);
        }
      });
    });
    return {dx, dw.sum(0), at::Tensor()};
  }
};

class SwiGluOp : public Function<SwiGluOp> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& gate_up) {
    const int64_t n = gate_up.size(0), inner = gate_up.size(1) / 2;
    at::Tensor out = at::empty({n, inner}, gate_up.options());
    AT_DISPATCH_FLOATING_TYPES(gate_up.scalar_type(), "SwiGlu", [&] {
      InParts(n, kRowsPerTask, [&](int64_t begin, int64_t end) {
        autoglm::SwiGlu(gate_up.data_ptr<scalar_t>() + begin * 2 * inner, end - begin, inner,
                        out.data_ptr<scalar_t>() + begin * inner);
      });
    });
    ctx->save_for_backward({gate_up});
    return out;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const at::Tensor gate_up = ctx->get_saved_variables()[0], d_out = grads[0].contiguous();
    const int64_t n = gate_up.size(0), inner = gate_up.size(1) / 2;
    at::Tensor d_gate_up = at::empty_like(gate_up);
    AT_DISPATCH_FLOATING_TYPES(gate_up.scalar_type(), "SwiGluBackward", [&] {
      InParts(n, kRowsPerTask, [&](int64_t begin, int64_t end) {
        autoglm::SwiGluBackward(gate_up.data_ptr<scalar_t>() + begin * 2 * inner,
                                d_out.data_ptr<scalar_t>() + begin * inner, end - begin, inner,
                                d_gate_up.data_ptr<scalar_t>() + begin * 2 * inner);
      });
    });
    return {d_gate_up};
  }
};

class CrossEntropyOp : public Function<CrossEntropyOp> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& logits,
                            const std::vector<int32_t>& targets) {
    const int64_t n = logits.size(0), cols = logits.size(1);
    at::Tensor d_logits = at::empty_like(logits);
    const int64_t n_parts = (n + kRowsPerTask - 1) / kRowsPerTask;
    std::vector<double> losses(static_cast<size_t>(n_parts));
    AT_DISPATCH_FLOATING_TYPES(logits.scalar_type(), "CrossEntropy", [&] {
      InParts(n_parts, 1, [&](int64_t first, int64_t last) {
        for (int64_t part = first; part < last; ++part) {
          const int64_t begin = part * kRowsPerTask, rows = std::min(kRowsPerTask, n - begin);
          autoglm::CrossEntropy(logits.data_ptr<scalar_t>() + begin * cols, targets.data() + begin,
                                rows, cols, 1.0 / static_cast<double>(n),
                                d_logits.data_ptr<scalar_t>() + begin * cols,
                                &losses[static_cast<size_t>(part)]);
        }
      });
    });
    ctx->save_for_backward({d_logits});
    const double loss = std::accumulate(losses.begin(), losses.end(), 0.0);
    return at::full({}, loss / static_cast<double>(n), logits.options());
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    // Made on the way forward; its memory is used, as nobody else sees it.
    at::Tensor d_logits = ctx->get_saved_variables()[0];
    const double factor = grads[0].item<double>();
    if (factor != 1) d_logits = d_logits * factor;
    return {d_logits, at::Tensor()};
  }
};

class AttentionOp : public Function<AttentionOp> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& qkv, const at::Tensor& cos,
                            const at::Tensor& sin, const HeadLayout& layout, int64_t n_positions) {
    const int64_t n = qkv.size(0), n_sequences = n / n_positions;
    const int64_t out_cols = static_cast<int64_t>(layout.num_attention_heads) * layout.head_dim;
    at::Tensor rotated = qkv.clone(), out = at::empty({n, out_cols}, qkv.options());
    at::Tensor lse =
        at::empty({n_sequences, layout.num_attention_heads * n_positions}, qkv.options());
    AT_DISPATCH_FLOATING_TYPES(qkv.scalar_type(), "Attention", [&] {
      scalar_t* rows = rotated.data_ptr<scalar_t>();
      InParts(n, kRowsPerTask, [&](int64_t begin, int64_t end) {
        Rotate(layout, cos.data_ptr<scalar_t>(), sin.data_ptr<scalar_t>(), 1, begin, end - begin,
               n_positions, rows);
      });
      InParts(n_sequences * layout.num_key_value_heads, 1, [&](int64_t begin, int64_t end) {
        std::vector<scalar_t> scratch(static_cast<size_t>(AttendScratch(layout, n_positions)));
        for (int64_t i = begin; i < end; ++i) {
          const int64_t sequence = i / layout.num_key_value_heads;
          const auto kv_head = static_cast<int>(i % layout.num_key_value_heads);
          Attend(layout, kv_head, rows + sequence * n_positions * layout.cols(), n_positions,
                 out.data_ptr<scalar_t>() + sequence * n_positions * out_cols,
                 lse.data_ptr<scalar_t>() + sequence * lse.size(1), scratch.data());
        }
      });
    });
    ctx->save_for_backward({rotated, lse, cos, sin});
    ctx->saved_data["layout"] = std::vector<int64_t>{
        layout.num_attention_heads, layout.num_key_value_heads, layout.head_dim,
        layout.rotary_dim,          layout.interleaved,         n_positions};
    return out;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &rotated = saved[0], &lse = saved[1], &cos = saved[2], &sin = saved[3];
    const std::vector<int64_t> sizes = ctx->saved_data["layout"].toIntVector();
    const HeadLayout layout = {static_cast<int>(sizes[0]), static_cast<int>(sizes[1]),
                               static_cast<int>(sizes[2]), static_cast<int>(sizes[3]),
                               sizes[4] != 0};
    const int64_t n = rotated.size(0), n_positions = sizes[5], n_sequences = n / n_positions;
    const at::Tensor d_out = grads[0].contiguous();
    at::Tensor d_qkv = at::empty_like(rotated);
    AT_DISPATCH_FLOATING_TYPES(rotated.scalar_type(), "AttentionBackward", [&] {
      InParts(n_sequences * layout.num_key_value_heads, 1, [&](int64_t begin, int64_t end) {
        std::vector<scalar_t> scratch(static_cast<size_t>(AttendScratch(layout, n_positions)));
        for (int64_t i = begin; i < end; ++i) {
          const int64_t sequence = i / layout.num_key_value_heads;
          const auto kv_head = static_cast<int>(i % layout.num_key_value_heads);
          const int64_t row = sequence * n_positions;
          AttendBackward(layout, kv_head, rotated.data_ptr<scalar_t>() + row * layout.cols(),
                         lse.data_ptr<scalar_t>() + sequence * lse.size(1),
                         d_out.data_ptr<scalar_t>() + row * d_out.size(1), n_positions,
                         d_qkv.data_ptr<scalar_t>() + row * layout.cols(), scratch.data());
        }
      });
      InParts(n, kRowsPerTask, [&](int64_t begin, int64_t end) {
        Rotate(layout, cos.data_ptr<scalar_t>(), sin.data_ptr<scalar_t>(), -1, begin, end - begin,
               n_positions, d_qkv.data_ptr<scalar_t>());
      });
    });
    return {d_qkv, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return RmsNormOp::apply(x.contiguous(), weight, eps);
}

at::Tensor SwiGlu(const at::Tensor& gate_up) { return SwiGluOp::apply(gate_up.contiguous()); }

at::Tensor CrossEntropy(const at::Tensor& logits, const std::vector<int32_t>& targets) {
  return CrossEntropyOp::apply(logits.contiguous(), targets);
}

at::Tensor Attention(const at::Tensor& qkv, const at::Tensor& cos, const at::Tensor& sin,
                     const HeadLayout& layout, int64_t n_positions) {
  return AttentionOp::apply(qkv.contiguous(), cos, sin, layout, n_positions);
}

}  // namespace autoglm
