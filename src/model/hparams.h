// Reading hyperparameters out of a model's metadata, with checks that make later arithmetic safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backend/op_stream.h"
#include "formats/model_file.h"
#include "model/language_model.h"

namespace autoglm {

/// Typed access to "<architecture>.<key>". The first failure is latched, so that a list of reads
/// needs one check at its end; failed reads give the fallback, or 0.
class Hparams {
 public:
  /// `file` must outlive this. `n_ctx`: the context that the model will be run with; 0: what it was
  /// trained for.
  Hparams(const ModelFile& file, std::string_view architecture, int n_ctx = 0);

  int Int(std::string_view key);
  int Int(std::string_view key, int fallback);
  float Float(std::string_view key);
  float Float(std::string_view key, float fallback);
  std::string String(std::string_view key, std::string_view fallback);
  bool Has(std::string_view key) const;

  /// What ModelConfig holds, each number checked against its neighbours.
  ModelConfig Common();

  /// The rotary embedding: base, rotary_dim, the scaling that the metadata names (none, linear,
  /// yarn) and the factors that tensors hold (llama3, longrope). `default_rotary_dim` where the
  /// metadata does not say; `local_base`, where above 0, stands for rope.freq_base without any
  /// scaling (gemma3's local layers).
  RopeSpec Rope(RopeStyle style, int default_rotary_dim, float local_base = 0);

  /// By what scores are multiplied: attention.scale, or where that is absent or 0
  /// 1 / sqrt(default_query_scalar).
  float AttentionScale(int default_query_scalar);

  /// A yes or no for each layer: the list under `key`, or where there is none every layer but each
  /// `period`-th (0: all).
  std::vector<bool> LayerPattern(std::string_view key, int num_hidden_layers, int period);

  /// The attention.sliding_window of each layer that attention.sliding_window_pattern (a list as
  /// above, or a period) gives one, 0 for the others.
  std::vector<int> SlidingWindows(int num_hidden_layers, int default_period);

  void Fail(const Status& status);
  const Status& status() const { return status_; }
  const ModelFile& file() const { return file_; }
  std::string Key(std::string_view key) const;

 private:
  // An array of integers or bools; null where there is none.
  const std::vector<int64_t>* List(std::string_view key) const;
  // The numbers by which a tensor divides the frequencies; all 1 where there is none.
  std::vector<float> FrequencyFactors(const char* tensor_name, int n_pairs);
  // The tensor that holds them in this file, for the context of this run.
  const char* FactorsTensor(float original_context);
  // M-RoPE turns different parts of a head by different positions.
  void RefuseSections();
  void ApplyYarn(RopeSpec* rope, float base, float factor, float original_context);

  const ModelFile& file_;
  std::string architecture_;
  int n_ctx_;
  Status status_;
};

}  // namespace autoglm
