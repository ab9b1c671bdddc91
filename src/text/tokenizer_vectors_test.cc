// The external vectors: ids that other implementations give for the same vocabularies.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/utf8.h"
#include "formats/hf_tokenizer.h"
#include "formats/model_file.h"
#include "tests/test_data.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"

namespace autoglm {
namespace {

using Ids = std::vector<int32_t>;

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

nlohmann::json ReadJson(const std::string& path) {
  return nlohmann::json::parse(ReadAll(path), nullptr, false);
}

std::string Stream(const Tokenizer& tokenizer, const Ids& ids, bool keep_special) {
  StreamDecoder decoder(tokenizer, /*at_start=*/true, keep_special);
  std::string out;
  for (const int32_t id : ids) {
    const std::string part = decoder.Push(id);
    EXPECT_TRUE(IsValidUtf8(part));
    out += part;
  }
  return out + decoder.Flush();
}

// The texts of X.inp and the ids of X.out.
void CheckInpOut(const Tokenizer& tokenizer, const std::string& base, bool decodes) {
  constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
  const std::string inp = ReadAll(base + ".inp"), out = ReadAll(base + ".out");
  std::istringstream lines(out);
  size_t n = 0;
  for (size_t at = 0; at <= inp.size(); ++n) {
    const size_t end = std::min(inp.find(kSeparator, at), inp.size());
    const std::string text = inp.substr(at, end - at);
    at = end + kSeparator.size();
    std::string line;
    std::getline(lines, line);
    std::istringstream numbers(line);
    const Ids expected{std::istream_iterator<int32_t>(numbers), {}};
    EXPECT_EQ(tokenizer.Encode(text, {.add_special = false}), expected) << "text '" << text << "'";
    if (decodes) {
      EXPECT_EQ(tokenizer.Decode(expected, false), text);
      EXPECT_EQ(Stream(tokenizer, expected, false), text);
    }
  }
  EXPECT_GE(n, 40u);
}

// Entries {text, ids, decoded?} of a list.
void CheckList(const Tokenizer& tokenizer, const nlohmann::json& list, bool parse_special,
               bool decodes) {
  ASSERT_TRUE(list.is_array());
  ASSERT_FALSE(list.empty());
  for (const auto& vector : list) {
    const std::string text = vector["text"];
    const Ids ids = vector["ids"];
    EXPECT_EQ(tokenizer.Encode(text, {.add_special = false, .parse_special = parse_special}), ids)
        << "text '" << text << "'";
    if (!decodes) continue;
    const std::string expected = vector.value("decoded", text);
    EXPECT_EQ(tokenizer.Decode(ids, true), expected);
    EXPECT_EQ(Stream(tokenizer, ids, true), expected);
  }
}

std::unique_ptr<Tokenizer> MustCreate(const Metadata& metadata) {
  Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::Create(metadata);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  return tokenizer.ok() ? std::move(tokenizer).value() : nullptr;
}

void CheckGguf(const std::string& folder, const std::string& name, bool decodes) {
  const std::string path = folder + "/ggml-vocab-" + name + ".gguf";
  const Result<std::unique_ptr<ModelFile>> file = ModelFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  const auto tokenizer = MustCreate(file.value()->metadata());
  ASSERT_TRUE(tokenizer);
  CheckInpOut(*tokenizer, path, decodes);
  const nlohmann::json extra = ReadJson(folder + "/" + name + ".extra.json");
  CheckList(*tokenizer, extra["vectors"], false, decodes);
}

void CheckFolder(const std::string& folder, const std::vector<std::string>& lists) {
  Metadata metadata;
  const Status status = ReadTokenizerFolder(folder, &metadata);
  ASSERT_TRUE(status.ok()) << status.ToString();
  const auto tokenizer = MustCreate(metadata);
  ASSERT_TRUE(tokenizer);
  const nlohmann::json vectors = ReadJson(folder + "/vectors.json");
  for (const std::string& list : lists) {
    CheckList(*tokenizer, vectors[list], list == "special", true);
  }
  const Ids prefix = vectors["prefix"];
  EXPECT_EQ(tokenizer->Encode("", {}), prefix);
}

TEST(TokenizerVectorsTest, SentencePieceFromGguf) {
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "tokenizers/gguf");
  CheckGguf(folder, "llama-spm", true);
}

TEST(TokenizerVectorsTest, Gpt2FromGguf) {
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "tokenizers/gguf");
  CheckGguf(folder, "gpt-2", true);
}

TEST(TokenizerVectorsTest, WordPieceFromGguf) {
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "tokenizers/gguf");
  CheckGguf(folder, "bert-bge", false);  // lower case and spaces do not come back
}

TEST(TokenizerVectorsTest, Glm4FromTiktokenRanks) {
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "tokenizers/glm4");
  CheckFolder(folder, {"plain", "special"});
}

TEST(TokenizerVectorsTest, Qwen2FromVocabAndMerges) {
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "tokenizers/qwen2.5");
  CheckFolder(folder, {"plain", "special", "nfc"});
  Metadata metadata;
  ASSERT_TRUE(ReadTokenizerFolder(folder, &metadata).ok());
  const auto tokenizer = MustCreate(metadata);
  ASSERT_TRUE(tokenizer);
  CheckInpOut(*tokenizer, folder + "/ggml-vocab-qwen2.gguf", true);
}

TEST(TokenizerVectorsTest, MinimindFromTokenizerJson) {
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "tokenizers/minimind");
  CheckFolder(folder, {"plain", "special"});
}

}  // namespace
}  // namespace autoglm
