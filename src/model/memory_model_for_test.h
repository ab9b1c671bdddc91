// MemoryModelFile: a ModelFile made up in memory, which tests bend to their purpose; and a small
// random llama to begin with.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "formats/model_file.h"

namespace autoglm {

class MemoryModelFile final : public ModelFile {
 public:
  MemoryModelFile() { path_ = "in memory"; }

  Metadata& keys() { return metadata_; }

  /// An F32 tensor; `values` row after row.
  void Set(const std::string& name, const Shape& shape, std::vector<float> values) {
    Erase(name);
    entries_.push_back({name, DType::kF32, shape});
    data_.push_back(std::move(values));
    EXPECT_TRUE(SetTensors(entries_).ok());
  }
  /// Normally distributed with a deviation of 1 / sqrt(cols), which keeps activations in size.
  void SetRandom(const std::string& name, const Shape& shape) {
    std::vector<float> values(static_cast<size_t>(shape.n_elements()));
    const float deviation = 1 / std::sqrt(static_cast<float>(shape.cols()));
    for (float& v : values) v = deviation * static_cast<float>(rng_.NextGaussian());
    Set(name, shape, std::move(values));
  }
  void Erase(const std::string& name) {
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].name != name) continue;
      entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
      data_.erase(data_.begin() + static_cast<std::ptrdiff_t>(i));
      EXPECT_TRUE(SetTensors(entries_).ok());
      return;
    }
  }

  Tensor View(const TensorEntry& entry) const override {
    return {entry.dtype, entry.shape, Data(entry)};
  }
  Status ReadRows(const TensorEntry& entry, int64_t first, int64_t n,
                  std::byte* out) const override {
    AUTOGLM_RETURN_IF_ERROR(CheckRows(entry, first, n));
    const int64_t row_bytes = RowBytes(entry.dtype, entry.shape.cols());
    std::memcpy(out, Data(entry) + first * row_bytes, static_cast<size_t>(n * row_bytes));
    return OkStatus();
  }
  void DropPages(const TensorEntry&, int64_t, int64_t) const override {}

 private:
  std::byte* Data(const TensorEntry& entry) const {
    const auto& values = data_[static_cast<size_t>(IndexOf(entry))];
    return reinterpret_cast<std::byte*>(const_cast<float*>(values.data()));
  }
  std::vector<TensorEntry> entries_;
  std::vector<std::vector<float>> data_;
  Rng rng_{7};
};

/// A llama of random weights with 2 layers, hidden_size 256, heads of 64 (4, of which 2 for keys
/// and values) and a vocabulary of 320; trained for 1024 positions.
inline std::unique_ptr<MemoryModelFile> RandomLlama() {
  auto owner = std::make_unique<MemoryModelFile>();
  MemoryModelFile& file = *owner;
  Metadata& keys = file.keys();
  keys.SetString("general.architecture", "llama");
  keys.SetU32("llama.block_count", 2);
  keys.SetU32("llama.context_length", 1024);
  keys.SetU32("llama.embedding_length", 256);
  keys.SetU32("llama.feed_forward_length", 512);
  keys.SetU32("llama.attention.head_count", 4);
  keys.SetU32("llama.attention.head_count_kv", 2);
  keys.SetF32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  const std::vector<float> ones(256, 1.0f);
  file.SetRandom("token_embd.weight", Shape{320, 256});
  file.SetRandom("output.weight", Shape{320, 256});
  file.Set("output_norm.weight", Shape{256}, ones);
  for (const std::string b : {"blk.0.", "blk.1."}) {
    file.Set(b + "attn_norm.weight", Shape{256}, ones);
    file.SetRandom(b + "attn_q.weight", Shape{256, 256});
    file.SetRandom(b + "attn_k.weight", Shape{128, 256});
    file.SetRandom(b + "attn_v.weight", Shape{128, 256});
    file.SetRandom(b + "attn_output.weight", Shape{256, 256});
    file.Set(b + "ffn_norm.weight", Shape{256}, ones);
    file.SetRandom(b + "ffn_gate.weight", Shape{512, 256});
    file.SetRandom(b + "ffn_up.weight", Shape{512, 256});
    file.SetRandom(b + "ffn_down.weight", Shape{256, 512});
  }
  return owner;
}

}  // namespace autoglm
