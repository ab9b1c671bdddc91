// Quantizing while loading is one streaming pass: what it may hold at most, on a file of some size.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/sanitized_for_test.h"
#include "formats/gguf_writer.h"
#include "model/memory_model_for_test.h"
#include "platform/memory.h"
#include "tests/model_runner.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace autoglm {
namespace {

constexpr int kHidden = 512, kIntermediate = 2048, kLayers = 4, kVocabulary = 4096;

/// Writes a llama of about 70 MB in F32, whose weights are a repeated row.
Status WriteModel(const std::string& path) {
  Metadata keys;
  keys.SetString("general.architecture", "llama");
  keys.SetU32("llama.block_count", kLayers);
  keys.SetU32("llama.context_length", 512);
  keys.SetU32("llama.embedding_length", kHidden);
  keys.SetU32("llama.feed_forward_length", kIntermediate);
  keys.SetU32("llama.attention.head_count", 8);
  keys.SetF32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  std::vector<TensorEntry> entries;
  const auto add = [&](std::string name, const Shape& shape) {
    entries.push_back({std::move(name), DType::kF32, shape});
  };
  add("token_embd.weight", Shape{kVocabulary, kHidden});
  add("output_norm.weight", Shape{kHidden});
  for (int i = 0; i < kLayers; ++i) {
    const std::string b = StrCat("blk.", i, ".");
    add(b + "attn_norm.weight", Shape{kHidden});
    for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output"}) {
      add(StrCat(b, name, ".weight"), Shape{kHidden, kHidden});
    }
    add(b + "ffn_norm.weight", Shape{kHidden});
    add(b + "ffn_gate.weight", Shape{kIntermediate, kHidden});
    add(b + "ffn_up.weight", Shape{kIntermediate, kHidden});
    add(b + "ffn_down.weight", Shape{kHidden, kIntermediate});
  }
  return WriteGgufFile(path, keys, entries, [](const TensorEntry& entry, const ByteSink& sink) {
    std::vector<float> row(static_cast<size_t>(entry.shape.cols()));
    for (size_t i = 0; i < row.size(); ++i) row[i] = 0.01f * static_cast<float>(i % 7);
    for (int64_t r = 0; r < entry.shape.rows(); ++r) {
      AUTOGLM_RETURN_IF_ERROR(sink(std::as_bytes(std::span(row))));
    }
    return OkStatus();
  });
}

/// Gives free memory back and makes the peak the present; false where the system cannot.
bool ResetPeakRss() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  std::ofstream out("/proc/self/clear_refs");
  out << "5" << std::flush;
  return out.good();
}

TEST(LoadMemoryTest, PeakStaysUnderTheQuantizedSizeAndTheLargestTensor) {
  if (kSanitized || !ResetPeakRss()) GTEST_SKIP() << "peak memory is not known here";
  const auto path = std::filesystem::temp_directory_path() /
                    StrCat("autoglm_load_memory_test_", getpid(), ".gguf");
  ASSERT_TRUE(WriteModel(path.string()).ok());
  {
    const auto file = ModelFile::Open(path.string());
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    int64_t stored = 0, largest = 0;
    for (const TensorEntry& entry : (*file)->tensors()) {
      stored += entry.n_bytes();
      largest = std::max(largest, entry.n_bytes());
    }
    LoadOptions options;
    options.quantize = "int8";
    options.max_batch_tokens = options.max_output_rows = 1;
    ASSERT_TRUE(ResetPeakRss());
    const int64_t before = CurrentRssBytes();
    const ModelRunner runner(**file, options);
    const int64_t taken = PeakRssBytes() - before;
    ASSERT_TRUE(runner.status().ok()) << runner.status().ToString();
    const int64_t quantized = runner.model().weight_bytes();
    EXPECT_GT(stored, 64 << 20);
    EXPECT_LT(quantized, stored * 0.27);
    EXPECT_GT(taken, quantized);  // else the measurement is wrong
    EXPECT_LT(taken, quantized * 1.15 + largest)
        << "quantized " << quantized << ", largest tensor " << largest;
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace autoglm
