#include "formats/huggingface.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <map>

#include "formats/safetensors_bytes_for_test.h"
#include "platform/file.h"
#include "tests/test_data.h"

namespace autoglm {
namespace {

namespace fs = std::filesystem;

std::vector<float> ReadAll(const ModelFile& file, const TensorEntry& entry) {
  EXPECT_EQ(entry.dtype, DType::kF32) << entry.name;
  std::vector<float> out(static_cast<size_t>(entry.shape.n_elements()));
  const Status status =
      file.ReadRows(entry, 0, entry.shape.rows(), reinterpret_cast<std::byte*>(out.data()));
  EXPECT_TRUE(status.ok()) << status.ToString();
  return out;
}

TEST(HuggingFaceFolder, TheFolderAndTheGgufOfOneModelAreTheSame) {
  AUTOGLM_TEST_DATA_OR_SKIP(gguf_path, "models/stories260K.gguf");
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "models/stories260K-hf");
  auto gguf = ModelFile::Open(gguf_path);
  auto hf = ModelFile::Open(folder);
  ASSERT_TRUE(gguf.ok() && hf.ok()) << hf.status().ToString();
  size_t n_same = 0;
  for (const TensorEntry& entry : (*gguf)->tensors()) {
    if (entry.name == "output.weight") continue;  // tied in the folder
    const TensorEntry* found = (*hf)->Find(entry.name);
    ASSERT_NE(found, nullptr) << entry.name;
    EXPECT_EQ(found->shape, entry.shape) << entry.name;
    EXPECT_EQ(ReadAll(**hf, *found), ReadAll(**gguf, entry)) << entry.name;
    ++n_same;
  }
  EXPECT_EQ(n_same, (*hf)->tensors().size());
  for (const auto& [key, value] : (*gguf)->metadata().entries()) {
    if (!key.starts_with("llama.")) continue;
    const MetaValue* found = (*hf)->metadata().Find(key);
    ASSERT_NE(found, nullptr) << key;
    if (value.type == MetaType::kF32) {
      EXPECT_FLOAT_EQ(std::get<double>(found->v), std::get<double>(value.v)) << key;
    } else {
      EXPECT_EQ(found->v, value.v) << key;
    }
  }
}

TEST(HuggingFaceFolder, ViewIsInPlaceOnlyWhereNothingChanges) {
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "models/stories260K-hf");
  auto hf = ModelFile::Open(folder);
  ASSERT_TRUE(hf.ok());
  EXPECT_TRUE((*hf)->View(*(*hf)->Find("blk.0.attn_q.weight")).empty());
  const TensorEntry& v = *(*hf)->Find("blk.0.attn_v.weight");
  const Tensor view = (*hf)->View(v);
  ASSERT_FALSE(view.empty());
  EXPECT_EQ(std::memcmp(view.data, ReadAll(**hf, v).data(), static_cast<size_t>(v.n_bytes())), 0);
}

TEST(HuggingFaceFolder, TheTokenizerComesWithTheFolder) {
  AUTOGLM_TEST_DATA_OR_SKIP(gguf_path, "models/stories260K.gguf");
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "models/stories260K-hf");
  auto gguf = ModelFile::Open(gguf_path);
  auto hf = ModelFile::Open(folder);
  ASSERT_TRUE(gguf.ok() && hf.ok());
  const auto tokens = (*hf)->metadata().GetStrings("tokenizer.ggml.tokens");
  ASSERT_TRUE(tokens.ok()) << tokens.status().ToString();
  ASSERT_EQ(tokens->size(), 512u);
  EXPECT_EQ((*tokens)[500], (*(*gguf)->metadata().GetStrings("tokenizer.ggml.tokens"))[500]);
}

TEST(HuggingFaceFolder, TokenizerFilesAloneAreAModelWithoutTensors) {
  for (const char* name : {"tokenizers/minimind", "tokenizers/glm4", "tokenizers/qwen2.5"}) {
    AUTOGLM_TEST_DATA_OR_SKIP(folder, name);
    auto file = ModelFile::Open(folder);
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    EXPECT_TRUE((*file)->tensors().empty());
    EXPECT_TRUE((*file)->metadata().Has("tokenizer.ggml.tokens")) << name;
  }
}

TEST(HuggingFaceFolder, EveryGoldenModelOpensAndAllOfItCanBeRead) {
  int n_models = 0;
  const fs::path golden = fs::path(AUTOGLM_SOURCE_DIR) / "tests" / "golden";
  for (const auto& folder : fs::directory_iterator(golden)) {
    if (!folder.is_directory()) continue;
    ++n_models;
    auto mapped = ModelFile::Open(folder.path().string());
    ASSERT_TRUE(mapped.ok()) << mapped.status().ToString();
    auto read = HuggingFaceFolder::Open(folder.path().string(), MapMode::kRead);
    ASSERT_TRUE(read.ok());
    for (const TensorEntry& entry : (*mapped)->tensors()) {
      std::vector<std::byte> a(static_cast<size_t>(entry.n_bytes())), b(a.size());
      ASSERT_TRUE((*mapped)->ReadRows(entry, 0, entry.shape.rows(), a.data()).ok());
      // Row by row from the other: the same, whatever the pieces.
      const auto row_bytes = static_cast<size_t>(RowBytes(entry.dtype, entry.shape.cols()));
      for (int64_t i = 0; i < entry.shape.rows(); ++i) {
        ASSERT_TRUE((*read)->ReadRows(entry, i, 1, b.data() + row_bytes * i).ok());
      }
      EXPECT_EQ(a, b) << entry.name;
      const Tensor view = (*mapped)->View(entry);
      if (!view.empty()) {
        EXPECT_EQ(std::memcmp(view.data, a.data(), a.size()), 0) << entry.name;
      }
      (*mapped)->DropPages(entry);
    }
  }
  EXPECT_GE(n_models, 20);
}

/// A Llama of one layer: hidden 4, 2 heads of 2, 1 kv head, ffn 6, vocabulary 3.
class TinyLlama : public testing::Test {
 protected:
  void SetUp() override {
    config_ = {{"architectures", "[\"LlamaForCausalLM\"]"},
               {"vocab_size", "3"},
               {"hidden_size", "4"},
               {"intermediate_size", "6"},
               {"num_hidden_layers", "1"},
               {"num_attention_heads", "2"},
               {"num_key_value_heads", "1"},
               {"max_position_embeddings", "64"},
               {"rms_norm_eps", "1e-5"},
               {"tie_word_embeddings", "true"}};
    tensors_ = {{"model.embed_tokens.weight", {3, 4}},
                {"model.norm.weight", {4}},
                {"model.layers.0.input_layernorm.weight", {4}},
                {"model.layers.0.self_attn.q_proj.weight", {4, 4}},
                {"model.layers.0.self_attn.k_proj.weight", {2, 4}},
                {"model.layers.0.self_attn.v_proj.weight", {2, 4}},
                {"model.layers.0.self_attn.o_proj.weight", {4, 4}},
                {"model.layers.0.post_attention_layernorm.weight", {4}},
                {"model.layers.0.mlp.gate_proj.weight", {6, 4}},
                {"model.layers.0.mlp.up_proj.weight", {6, 4}},
                {"model.layers.0.mlp.down_proj.weight", {4, 6}}};
  }
  Result<std::unique_ptr<ModelFile>> Open() {
    std::string config;
    for (const auto& [key, value] : config_) {
      StrAppend(&config, config.empty() ? "{" : ",", "\"", key, "\":", value);
    }
    folder_.Put("config.json", config + "}");
    F32Tensors tensors;
    for (const auto& [name, shape] : tensors_) tensors.Add(name, shape);
    folder_.Put("model.safetensors", tensors.Build());
    return ModelFile::Open(folder_.path());
  }
  void ExpectRefused(StatusCode code, std::string_view part) {
    const Status status = Open().status();
    EXPECT_EQ(status.code(), code) << status.ToString();
    EXPECT_NE(status.message().find(part), std::string::npos) << status.ToString();
    EXPECT_NE(status.message().find(folder_.path()), std::string::npos) << status.ToString();
  }

  TempFolder folder_{"tiny_llama"};
  std::map<std::string, std::string> config_;
  std::map<std::string, std::vector<int64_t>> tensors_;
};

TEST_F(TinyLlama, OpensWithoutATokenizer) {
  auto file = Open();
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ(*(*file)->metadata().GetString("general.architecture"), "llama");
  EXPECT_EQ((*file)->Find("output.weight"), nullptr);
  EXPECT_EQ((*file)->tensors().size(), 11u);
}

TEST_F(TinyLlama, RowsOfAHeadAreInterleaved) {
  config_["num_attention_heads"] = "1";
  config_["num_key_value_heads"] = "1";
  tensors_["model.layers.0.self_attn.k_proj.weight"] = {4, 4};
  tensors_["model.layers.0.self_attn.v_proj.weight"] = {4, 4};
  auto file = Open();
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  const std::vector<float> q = ReadAll(**file, *(*file)->Find("blk.0.attn_q.weight"));
  const std::vector<float> v = ReadAll(**file, *(*file)->Find("blk.0.attn_v.weight"));
  // The first element of each row says which one it was.
  EXPECT_EQ(std::vector<float>({q[0], q[4], q[8], q[12]}), std::vector<float>({0, 8, 4, 12}));
  EXPECT_EQ(std::vector<float>({v[0], v[4], v[8], v[12]}), std::vector<float>({0, 4, 8, 12}));
}

TEST_F(TinyLlama, MissingExtraAndMisshapenTensorsAreNamed) {
  tensors_["model.layers.0.mlp.up_proj.weight"] = {6, 5};
  ExpectRefused(StatusCode::kInvalidArgument,
                "'model.layers.0.mlp.up_proj.weight' has the shape [6, 5]; config.json asks for "
                "[6, 4]");
  tensors_.erase("model.layers.0.mlp.up_proj.weight");
  ExpectRefused(StatusCode::kNotFound, "'model.layers.0.mlp.up_proj.weight' is missing");
  tensors_["model.layers.0.mlp.up_proj.weight"] = {6, 4};
  tensors_["model.layers.0.self_attn.q_norm.weight"] = {2};
  ExpectRefused(StatusCode::kUnimplemented, "'model.layers.0.self_attn.q_norm.weight' [2] is no");
  tensors_.erase("model.layers.0.self_attn.q_norm.weight");
  tensors_["model.layers.0.self_attn.rotary_emb.inv_freq"] = {1};
  tensors_["lm_head.weight"] = {3, 4};
  EXPECT_TRUE(Open().ok()) << "a stored buffer and a repeated embedding do no harm";
}

TEST_F(TinyLlama, WhatIsNotSupportedIsSaid) {
  const auto refuse = [&](const char* key, const char* value, StatusCode code,
                          std::string_view part) {
    const auto saved = config_;
    config_[key] = value;
    ExpectRefused(code, part);
    config_ = saved;
  };
  const StatusCode unknown = StatusCode::kUnimplemented, wrong = StatusCode::kInvalidArgument;
  refuse("architectures", "[\"MambaForCausalLM\"]", unknown, "'MambaForCausalLM' is not supported");
  refuse("architectures", "[]", wrong, "names no architecture");
  refuse("architectures", "[3]", wrong, "'architectures'");
  refuse("quantization_config", R"({"quant_method":"gptq"})", unknown, "quantized with 'gptq'");
  refuse("hidden_act", "\"relu\"", unknown, "'relu'");
  refuse("mlp_bias", "true", unknown, "mlp_bias");
  refuse("rope_scaling", R"({"type":"dynamic","factor":2})", unknown, "'dynamic'");
  refuse("rope_parameters", R"({"rope_type":"yarn"})", StatusCode::kNotFound, "'factor'");
  refuse("rope_scaling", R"({"type":"yarn","factor":2,"original_max_position_embeddings":1e300})",
         wrong, "original_max_position_embeddings");
  refuse("rope_scaling", "[1]", wrong, "'rope_scaling'");
  refuse("hidden_size", "\"4\"", wrong, "'hidden_size'");
  refuse("hidden_size", "-4", wrong, "'hidden_size'");
  refuse("hidden_size", "4.5", wrong, "'hidden_size'");
  refuse("hidden_size", "1e99", wrong, "'hidden_size'");
  refuse("num_hidden_layers", "5000", wrong, "num_hidden_layers");
  refuse("num_attention_heads", "3", wrong, "no multiple");
  refuse("rms_norm_eps", "null", StatusCode::kNotFound, "'rms_norm_eps'");
  refuse("partial_rotary_factor", "0.1", wrong, "partial_rotary_factor");
  refuse("partial_rotary_factor", "1e300", wrong, "partial_rotary_factor");
}

TEST_F(TinyLlama, BothFormsOfRotaryScalingMeanTheSame) {
  config_["rope_theta"] = "500000.0";
  config_["rope_scaling"] =
      R"({"type":"yarn","factor":4,"original_max_position_embeddings":16,"attention_factor":2})";
  auto old_form = Open();
  ASSERT_TRUE(old_form.ok()) << old_form.status().ToString();
  config_.erase("rope_theta");
  config_.erase("rope_scaling");
  config_["rope_parameters"] = R"({"rope_theta":500000.0,"rope_type":"yarn","factor":4,
      "original_max_position_embeddings":16,"attention_factor":2})";
  auto new_form = Open();
  ASSERT_TRUE(new_form.ok()) << new_form.status().ToString();
  const Metadata& m = (*new_form)->metadata();
  for (const auto& [key, value] : (*old_form)->metadata().entries()) {
    EXPECT_EQ(m.Find(key)->v, value.v) << key;
  }
  EXPECT_EQ(*m.GetString("llama.rope.scaling.type"), "yarn");
  EXPECT_EQ(*m.GetInt("llama.rope.scaling.original_context_length"), 16);
  // Readers multiply this by 1 + 0.1 ln 4.
  EXPECT_NEAR(*m.GetFloat("llama.rope.scaling.attn_factor"), 2 / 1.1386294361119891, 1e-6);
}

TEST_F(TinyLlama, MultimodalSectionsAreKept) {
  config_["rope_scaling"] = R"({"type":"default","mrope_section":[1,0,0]})";
  auto file = Open();
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ((*file)->metadata().GetInts("llama.rope.dimension_sections")->size(), 4u);
}

TEST_F(TinyLlama, GenerationSettingsAreCarriedOver) {
  config_["eos_token_id"] = "2";
  folder_.Put("generation_config.json",
              R"({"eos_token_id":[1,2],"temperature":0.7,"top_k":20,"top_p":0.8,
                  "do_sample":true,"repetition_penalty":1.05})");
  auto file = Open();
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  const Metadata& m = (*file)->metadata();
  EXPECT_EQ((*m.GetInts("tokenizer.ggml.eog_token_ids"))[1], 2);
  EXPECT_FLOAT_EQ(static_cast<float>(*m.GetFloat("autoglm.generation.temperature")), 0.7f);
  EXPECT_EQ(*m.GetInt("autoglm.generation.top_k"), 20);
  EXPECT_TRUE(*m.GetBool("autoglm.generation.do_sample"));
  folder_.Put("generation_config.json", R"({"temperature":"warm"})");
  ExpectRefused(StatusCode::kInvalidArgument, "'temperature' is \"warm\", expected a number");
  folder_.Put("generation_config.json", R"({"eos_token_id":[-1]})");
  ExpectRefused(StatusCode::kInvalidArgument, "eos_token_id is -1");
}

TEST_F(TinyLlama, TokensArePaddedToTheEmbedding) {
  config_["vocab_size"] = "600";
  tensors_["model.embed_tokens.weight"] = {600, 4};
  AUTOGLM_TEST_DATA_OR_SKIP(source, "models/stories260K-hf");
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) {
    folder_.Put(name, *ReadWholeFile(source + "/" + name, 1 << 20));
  }
  auto file = Open();
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  const Metadata& m = (*file)->metadata();
  ASSERT_EQ(m.GetStrings("tokenizer.ggml.tokens")->size(), 600u);
  EXPECT_EQ((*m.GetStrings("tokenizer.ggml.tokens"))[599], "[PAD599]");
  EXPECT_EQ((*m.GetInts("tokenizer.ggml.token_type"))[599], 5);
  if (m.Has("tokenizer.ggml.scores")) {
    EXPECT_EQ(m.GetFloats("tokenizer.ggml.scores")->size(), 600u);
  }
}

TEST_F(TinyLlama, AFolderThatIsNoModelIsExplained) {
  const Status status = ModelFile::Open(folder_.path()).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("neither config.json nor tokenizer"), std::string::npos);
  folder_.Put("config.json", "<html>");
  EXPECT_EQ(ModelFile::Open(folder_.path()).status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace autoglm
