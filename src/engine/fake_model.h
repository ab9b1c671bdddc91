// FakeModel and ByteTokenizer: a model without weights and its vocabulary, for tests of everything
// above models. The model keeps what it was fed in the cache pages and answers from there only, so
// a page that is wrong, stale or shared by mistake changes its answer or is reported.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/language_model.h"
#include "text/tokenizer.h"

namespace autoglm {

struct FakeModelOptions {
  int vocab_size = 300;
  int max_position_embeddings = 4096;
  int max_batch_tokens = 64;
  int max_output_rows = 64;
  /// The token to prefer after `history` (all tokens up to and with the current one, as read back
  /// from the pages). Null: one drawn from a hash of the whole history.
  std::function<int32_t(std::span<const int32_t> history)> next = nullptr;
};

/// Logits are a deterministic function of the history: pseudo-random in [0, 1), with 10 added for
/// the preferred token. Forward fails with kInternal where a batch contradicts itself or a page
/// does not hold what was stored at its position. Each cached position is 8 bytes (token,
/// position) at the beginning of head 0's key and again of its value.
class FakeModel : public LanguageModel {
 public:
  explicit FakeModel(FakeModelOptions options = {});

  const ModelConfig& config() const override { return config_; }
  /// One layer, one head of 32, in any cache type.
  Result<KvLayout> kv_layout(DType dtype) const override;
  int max_batch_tokens() const override { return options_.max_batch_tokens; }
  int max_output_rows() const override { return options_.max_output_rows; }
  Status Forward(const Batch& batch, const Tensor& logits) override;
  void set_observer(LayerObserver observer) override { observer_ = std::move(observer); }
  int64_t weight_bytes() const override { return 0; }
  int64_t workspace_bytes() const override { return 0; }

  /// The logits that any correct engine must get after `history`: [vocab_size].
  std::vector<float> ExpectedLogits(std::span<const int32_t> history) const;
  /// What greedy decoding must write after `prompt`.
  std::vector<int32_t> ExpectedGreedy(std::vector<int32_t> prompt, int n_tokens) const;

  /// The next Forward returns `status` and does nothing.
  void FailNext(Status status) { fail_next_ = std::move(status); }
  /// Rows of each Forward so far; at most the first 4096 are kept.
  std::span<const int> batch_sizes() const { return batch_sizes_; }

 private:
  Status CheckBatch(const Batch& batch, const Tensor& logits) const;
  Status ForwardSpan(const Batch& batch, const KvSpan& span, const Tensor& logits, size_t* output);
  Status ReadHistory(const KvLayout& layout, const KvSpan& span, int n_tokens);
  void WriteLogits(std::span<const int32_t> history, float* logits) const;

  FakeModelOptions options_;
  ModelConfig config_;
  LayerObserver observer_;
  Status fail_next_;
  std::vector<int32_t> history_;  ///< scratch, reserved once
  std::vector<int> batch_sizes_;
};

/// Token i is the byte i for i < 256; 256 begins a text and 257 ends it; 258 is a control token
/// spelled "<mark>".
class ByteTokenizer : public Tokenizer {
 public:
  static constexpr int32_t kBos = 256;
  static constexpr int32_t kEos = 257;
  static constexpr int32_t kMark = 258;

  ByteTokenizer();

  std::vector<int32_t> Encode(std::string_view text, EncodeOptions options) const override;
  std::string_view TokenBytes(int32_t id) const override;
  std::string Decode(std::span<const int32_t> ids, bool keep_special) const override;
  int32_t vocab_size() const override { return 259; }
  TokenType type(int32_t id) const override;
  int32_t Find(std::string_view piece) const override;
  int32_t bos_id() const override { return kBos; }
  int32_t eos_id() const override { return kEos; }
  bool adds_bos() const override { return true; }
  bool IsEndOfGeneration(int32_t id) const override { return id == kEos; }

 private:
  std::vector<std::string> pieces_;
};

}  // namespace autoglm
