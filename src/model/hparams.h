// Reading hyperparameters out of a model's metadata, with checks that make later arithmetic safe.
#pragma once

#include <string>
#include <string_view>

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

  /// The rotary embedding: base, rotary_dim and the scaling that the metadata names (none, linear,
  /// yarn, longrope) or that the tensor rope_freqs.weight holds (llama3). `default_rotary_dim`
  /// where the metadata does not say; `base` overrides rope.freq_base where above 0, without
  /// scaling (gemma3's local layers).
  RopeSpec Rope(RopeStyle style, int default_rotary_dim, float local_base = 0);

  void Fail(const Status& status);
  const Status& status() const { return status_; }
  const ModelFile& file() const { return file_; }
  std::string Key(std::string_view key) const;

 private:
  // The factors by which a tensor such as rope_freqs.weight divides the frequencies; all 1 where
  // there is none.
  std::vector<float> FrequencyFactors(const char* tensor_name, int n_pairs);
  // M-RoPE turns different parts of a head by different positions.
  void RefuseSections();
  void ApplyYarn(RopeSpec* rope, float base, float factor, float original_context);

  const ModelFile& file_;
  std::string architecture_;
  int n_ctx_;
  Status status_;
};

}  // namespace autoglm
