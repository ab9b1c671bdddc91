// Decoder: what all decoder-only transformers share as a LanguageModel. An architecture derives
// from it and writes Compute, its forward pass.
#pragma once

#include <memory>
#include <utility>

#include "backend/backend.h"
#include "model/hparams.h"
#include "model/language_model.h"
#include "model/load.h"
#include "model/weight_binder.h"
#include "model/workspace.h"

namespace autoglm {

/// What an architecture gets to build itself from (one row of arch/architectures.inc).
struct ArchitectureInputs {
  Hparams& hparams;
  WeightBinder& weights;
  Backend& backend;
};

class Decoder : public LanguageModel {
 public:
  const ModelConfig& config() const final { return config_; }
  Result<KvLayout> kv_layout(DType dtype) const final;
  int max_batch_tokens() const final { return workspace_->max_tokens(); }
  int max_output_rows() const final { return workspace_->max_output_rows(); }
  Status Forward(const Batch& batch, const Tensor& logits) final;
  void set_observer(LayerObserver observer) final { observer_ = std::move(observer); }
  int64_t weight_bytes() const final { return weight_bytes_; }
  int64_t workspace_bytes() const final { return workspace_->n_bytes(); }
  int64_t decode_weight_bytes() const final { return decode_weight_bytes_; }

  /// The loader's last step: takes the workspace.
  Status Prepare(int max_batch_tokens, int max_output_rows, int64_t weight_bytes,
                 int64_t decode_weight_bytes);

 protected:
  Decoder(ModelConfig config, Backend& backend) : config_(std::move(config)), backend_(backend) {}

  /// Embedding to logits. Failures are latched in the stream.
  virtual void Compute(const Batch& batch, const Activations& a, OpStream& s,
                       const Tensor& logits) = 0;
  virtual int rotary_dim() const = 0;

  void Observe(int layer, const Tensor& hidden) {
    if (observer_) observer_(layer, hidden);
  }

  ModelConfig config_;

 private:
  Status Check(const Batch& batch, const Tensor& logits) const;

  Backend& backend_;
  std::unique_ptr<Workspace> workspace_;
  LayerObserver observer_;
  int64_t weight_bytes_ = 0;
  int64_t decode_weight_bytes_ = 0;
};

}  // namespace autoglm
