// AdamW: Adam with decoupled weight decay, and the learning rate's schedule.
// Source: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "training/decoder.h"

namespace autoglm {

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.98;
  double eps = 1e-9;
  double weight_decay = 0.05;  ///< of matrices
  double clip_norm = 1;        ///< the gradients' norm is scaled down to it; 0: never
};

class AdamW {
 public:
  /// Moments of zero. `parameters` are changed by Step and must outlive this.
  AdamW(std::vector<Parameter>* parameters, const AdamWOptions& options);

  /// The norm of all gradients (a parameter without one counts as zero), before clipping.
  double GradientNorm() const;

  /// One update by the parameters' gradients, which it then forgets. `norm`: GradientNorm().
  void Step(double learning_rate, double norm);

  int64_t n_steps() const { return n_steps_; }
  void set_n_steps(int64_t n_steps) { n_steps_ = n_steps; }
  /// The moments, as parameters.
  std::vector<at::Tensor>& m() { return m_; }
  std::vector<at::Tensor>& v() { return v_; }

 private:
  std::vector<Parameter>* parameters_;
  AdamWOptions options_;
  std::vector<at::Tensor> m_, v_;
  int64_t n_steps_ = 0;
};

/// A linear rise to `peak` over `n_warmup` steps, then half a cosine down to `floor` at `n_steps`.
/// Source: Loshchilov and Hutter 2017, "SGDR".
double LearningRate(int64_t step, int64_t n_warmup, int64_t n_steps, double peak, double floor);

}  // namespace autoglm
