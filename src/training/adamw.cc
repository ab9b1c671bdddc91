#include "training/adamw.h"

#include <cmath>
#include <numbers>

namespace autoglm {

namespace {

template <typename T>
void Update(int64_t n, T step, T decay, T beta1, T beta2, T eps, T correction2, T scale,
            const T* __restrict g, T* __restrict m, T* __restrict v, T* __restrict x) {
  for (int64_t i = 0; i < n; ++i) {
    const T gradient = g[i] * scale;
    m[i] = beta1 * m[i] + (1 - beta1) * gradient;
    v[i] = beta2 * v[i] + (1 - beta2) * gradient * gradient;
    x[i] -= decay * x[i] + step * m[i] / (std::sqrt(v[i] * correction2) + eps);
  }
}

}  // namespace

AdamW::AdamW(std::vector<Parameter>* parameters, const AdamWOptions& options)
    : parameters_(parameters), options_(options) {
  for (const Parameter& parameter : *parameters_) {
    m_.push_back(at::zeros_like(parameter.value.detach()));
    v_.push_back(at::zeros_like(parameter.value.detach()));
  }
}

double AdamW::GradientNorm() const {
  double sum = 0;
  for (const Parameter& parameter : *parameters_) {
    const at::Tensor gradient = parameter.value.grad();
    if (!gradient.defined()) continue;
    // Squares of floats do not overflow in double, so that only what is infinite looks so.
    const at::Tensor norm = gradient.norm(2, at::kDouble);
    sum += std::pow(norm.item<double>(), 2);
  }
  return std::sqrt(sum);
}

void AdamW::Step(double learning_rate, double norm) {
  const at::NoGradGuard no_grad;
  ++n_steps_;
  const AdamWOptions& o = options_;
  const double correction1 = 1 / (1 - std::pow(o.beta1, static_cast<double>(n_steps_)));
  const double correction2 = 1 / (1 - std::pow(o.beta2, static_cast<double>(n_steps_)));
  const double scale = o.clip_norm > 0 && norm > o.clip_norm ? o.clip_norm / norm : 1;
  for (size_t i = 0; i < parameters_->size(); ++i) {
    Parameter& parameter = (*parameters_)[i];
    at::Tensor gradient = parameter.value.grad();
    if (!gradient.defined()) continue;
    gradient = gradient.contiguous();
    const double decay = parameter.is_matrix ? learning_rate * o.weight_decay : 0;
    AT_DISPATCH_FLOATING_TYPES(gradient.scalar_type(), "AdamW", [&] {
      const auto t = [](double value) { return static_cast<scalar_t>(value); };
      Update<scalar_t>(gradient.numel(), t(learning_rate * correction1), t(decay), t(o.beta1),
                       t(o.beta2), t(o.eps), t(correction2), t(scale),
                       gradient.data_ptr<scalar_t>(), m_[i].data_ptr<scalar_t>(),
                       v_[i].data_ptr<scalar_t>(), parameter.value.data_ptr<scalar_t>());
    });
    parameter.value.mutable_grad() = at::Tensor();
  }
}

double LearningRate(int64_t step, int64_t n_warmup, int64_t n_steps, double peak, double floor) {
  if (step < n_warmup) return peak * static_cast<double>(step + 1) / static_cast<double>(n_warmup);
  const double done = static_cast<double>(step - n_warmup) /
                      static_cast<double>(std::max<int64_t>(1, n_steps - n_warmup));
  const double cosine = 0.5 * (1 + std::cos(std::numbers::pi * std::min(1.0, done)));
  return floor + (peak - floor) * cosine;
}

}  // namespace autoglm
