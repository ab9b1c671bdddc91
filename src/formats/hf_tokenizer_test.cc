#include "formats/hf_tokenizer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "formats/byte_alphabet.h"
#include "formats/hf_tokenizer_draft.h"
#include "formats/hf_tokenizer_keys.h"

namespace autoglm {
namespace {

/// A folder of its own for one test, with the files given to Put.
class TokenizerFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) /
              StrCat("tokenizer_", getpid(), "_", info->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Put(const char* name, std::string_view content) {
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  Status Read() { return ReadTokenizerFolder(folder_.string(), &metadata_); }
  void MustRead() {
    const Status status = Read();
    ASSERT_TRUE(status.ok()) << status.ToString();
  }
  std::vector<std::string> StringsOf(std::string_view key) const {
    const auto views = metadata_.GetStrings(key);
    if (!views.ok()) return {};
    return {views.value().begin(), views.value().end()};
  }
  std::vector<int64_t> IntsOf(std::string_view key) const {
    const auto ints = metadata_.GetInts(key);
    if (!ints.ok()) return {};
    return {ints.value().begin(), ints.value().end()};
  }
  std::string StringOf(std::string_view key) const {
    return std::string(metadata_.GetString(key, "(none)").value());
  }
  int64_t IntOf(std::string_view key) const { return metadata_.GetInt(key, -1).value(); }

  std::filesystem::path folder_;
  Metadata metadata_;
};

using Strings = std::vector<std::string>;
using Ints = std::vector<int64_t>;

TEST_F(TokenizerFolderTest, WithoutFilesIsNotFound) {
  EXPECT_EQ(Read().code(), StatusCode::kNotFound);
  Put("tokenizer_config.json", "{}");
  EXPECT_EQ(Read().code(), StatusCode::kNotFound);
}

TEST_F(TokenizerFolderTest, VocabAndMerges) {
  Put("vocab.json", R"({"a": 0, "b": 1, "ab": 2, "Ġ": 4})");
  Put("merges.txt", "#version: 0.2\na b\r\n\n");
  Put("added_tokens.json", R"({"<x>": 5, "<s>": 6})");
  Put("special_tokens_map.json", R"({"bos_token": {"content": "<s>"}, "eos_token": "<s>"})");
  Put("tokenizer_config.json",
      R"({"tokenizer_class": "Qwen2TokenizerFast", "add_bos_token": true, "chat_template": [
          {"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]})");
  MustRead();
  EXPECT_EQ(StringsOf("tokenizer.ggml.tokens"),
            (Strings{"a", "b", "ab", "[PAD3]", "Ġ", "<x>", "<s>"}));
  EXPECT_EQ(IntsOf("tokenizer.ggml.token_type"), (Ints{1, 1, 1, 5, 1, 4, 3}));
  EXPECT_EQ(StringsOf("tokenizer.ggml.merges"), (Strings{"a b"}));
  EXPECT_EQ(StringOf("tokenizer.ggml.pre"), "qwen2");
  EXPECT_EQ(StringOf("tokenizer.chat_template"), "D");
  EXPECT_EQ(IntOf("tokenizer.ggml.bos_token_id"), 6);
  EXPECT_TRUE(metadata_.GetBool("tokenizer.ggml.add_bos_token").value());
}

TEST_F(TokenizerFolderTest, TheTemplateFileWins) {
  Put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nun\n##able\n");
  Put("tokenizer_config.json", R"({"chat_template": "old", "do_lower_case": false})");
  Put("chat_template.jinja", "new");
  MustRead();
  EXPECT_EQ(StringOf("tokenizer.chat_template"), "new");
  EXPECT_EQ(StringOf("tokenizer.ggml.model"), "bert");
  EXPECT_EQ(StringsOf("tokenizer.ggml.tokens"),
            (Strings{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁un", "able"}));
  EXPECT_FALSE(metadata_.GetBool(kLowercaseKey).value());
  EXPECT_EQ(IntsOf(kPrefixIdsKey), (Ints{2}));
  EXPECT_EQ(IntsOf(kSuffixIdsKey), (Ints{3}));
}

TEST_F(TokenizerFolderTest, TiktokenRanksGiveMerges) {
  // a b c ab bc abc: "abc" ends as a + bc, as bc ranks before ab; "cab" is no end of merging.
  Put("tokenizer.model", "YQ== 0\nYg== 1\nYw== 2\nYmM= 3\nYWI= 4\nYWJj 5\nYWJjYQ== 6\n/w== 7\n");
  Put("tokenizer_config.json",
      R"({"added_tokens_decoder": {"8": {"content": "[gMASK]", "special": true},
          "9": {"content": "<sop>", "special": true, "rstrip": true},
          "10": {"content": "<think>", "special": false}}, "eos_token": "[gMASK]"})");
  MustRead();
  EXPECT_EQ(StringsOf("tokenizer.ggml.merges"), (Strings{"b c", "a b", "a bc", "abc a"}));
  EXPECT_EQ(StringsOf("tokenizer.ggml.tokens")[7], ToByteAlphabet("\xFF"));
  EXPECT_EQ(StringOf("tokenizer.ggml.pre"), "glm4");
  EXPECT_EQ(IntsOf(kPrefixIdsKey), (Ints{8, 9}));
  EXPECT_EQ(IntsOf(kAddedFlagsKey), (Ints{9, kAddedRstrip}));
  EXPECT_EQ(IntsOf("tokenizer.ggml.token_type"), (Ints{1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 4}));
}

TEST_F(TokenizerFolderTest, TiktokenPartsMayRankBehindTheWhole) {
  // "abc" (rank 3) comes from "ab" (rank 8) and "c".
  Put("tokenizer.model", "YQ== 0\nYg== 1\nYw== 2\nYWJj 3\nYWI= 8\n");
  MustRead();
  EXPECT_EQ(StringsOf("tokenizer.ggml.merges"), (Strings{"ab c", "a b"}));
}

TEST_F(TokenizerFolderTest, DamagedFilesAreRefusedWithReasons) {
  const struct {
    const char* name;
    const char* content;
    StatusCode code;
    const char* what;
  } kCases[] = {
      {"tokenizer.model", "YQ== 0\n*** 1\n", StatusCode::kDataLoss, "line 2"},
      {"tokenizer.model", "YQ== 0\nYg== 0\n", StatusCode::kDataLoss, "same id"},
      {"tokenizer.model", "YQ== 99999999999\n", StatusCode::kDataLoss, "ids below"},
      {"tokenizer.model", "\x0A\x7F", StatusCode::kDataLoss, "SentencePiece"},
      {"tokenizer.model", "", StatusCode::kDataLoss, "no pieces"},
      {"tokenizer.json", "{", StatusCode::kDataLoss, "JSON"},
      {"tokenizer.json", "{}", StatusCode::kDataLoss, "model"},
      {"tokenizer.json", R"({"model": {"type": "Unigram"}})", StatusCode::kUnimplemented,
       "Unigram"},
      {"tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": "x"}, "merges": []}})",
       StatusCode::kDataLoss, "not an integer"},
      {"tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 1000000}, "merges": []}})",
       StatusCode::kDataLoss, "ids below"},
      {"tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]},
                             "decoder": {"type": "ByteLevel"}})",
       StatusCode::kDataLoss, "merges[0]"},
      {"tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
                             "decoder": {"type": "ByteLevel"}, "normalizer": {"type": "Nmt"}})",
       StatusCode::kUnimplemented, "Nmt"},
      {"tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
                             "decoder": {"type": "ByteLevel"},
                             "added_tokens": [{"id": 0, "content": "b"}]})",
       StatusCode::kDataLoss, "belongs to 'a'"},
  };
  for (const auto& [name, content, code, what] : kCases) {
    TearDown();
    std::filesystem::create_directories(folder_);
    Put(name, content);
    const Status status = Read();
    EXPECT_EQ(status.code(), code) << content << ": " << status.ToString();
    EXPECT_NE(status.message().find(what), std::string::npos) << status.ToString();
    EXPECT_NE(status.message().find(name), std::string::npos) << status.ToString();
  }
}

// A pipeline around a vocabulary of three tokens.
std::string Pipeline(std::string_view stages) {
  return StrCat(R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2},
                    "merges": [["a", "b"]]}, "decoder": {"type": "ByteLevel"},)",
                stages, "}");
}

TEST_F(TokenizerFolderTest, KnownPipelinesGetTheirName) {
  Put("tokenizer.json", Pipeline(R"("pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Digits", "individual_digits": true},
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}]})"));
  MustRead();
  EXPECT_EQ(StringOf("tokenizer.ggml.pre"), "starcoder");
  EXPECT_FALSE(metadata_.Has(kPreRegexKey));
  EXPECT_FALSE(metadata_.Has(kNormalizerKey));
}

TEST_F(TokenizerFolderTest, UnknownPipelinesKeepTheirExpressions) {
  Put("tokenizer.json", Pipeline(R"("normalizer": {"type": "Sequence", "normalizers": [
      {"type": "NFKC"}, {"type": "Replace", "pattern": {"String": "x"}, "content": "y"}]},
      "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"String": "a+"}, "behavior": "Isolated"},
      {"type": "Split", "pattern": {"Regex": "\\d"}, "behavior": "Contiguous"},
      {"type": "ByteLevel", "add_prefix_space": true, "use_regex": false}]},
      "post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel"},
      {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "b"}},
      {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "a"}}],
      "special_tokens": {"b": {"ids": [1, 2]}, "a": {"ids": [0]}}}]})"));
  MustRead();
  EXPECT_EQ(StringsOf(kPreRegexKey), (Strings{R"(a\+)", R"((?:\d)+)"}));
  EXPECT_EQ(StringsOf(kNormalizerKey), (Strings{"nfkc", "replace", "x", "y"}));
  EXPECT_EQ(IntsOf(kPrefixIdsKey), (Ints{1, 2}));
  EXPECT_EQ(IntsOf(kSuffixIdsKey), (Ints{0}));
  EXPECT_TRUE(metadata_.GetBool("tokenizer.ggml.add_space_prefix").value());
}

TEST_F(TokenizerFolderTest, SentencePieceLikeJsonGetsScores) {
  Put("tokenizer.json", R"({"model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>",
      "vocab": {"<unk>": 0, "<0x41>": 1, "▁": 2, "a": 3, "▁a": 4}, "merges": ["▁ a"]},
      "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
      {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
      "added_tokens": [{"id": 0, "content": "<unk>", "special": true}]})");
  MustRead();
  EXPECT_EQ(StringOf("tokenizer.ggml.model"), "llama");
  EXPECT_EQ(IntsOf("tokenizer.ggml.token_type"), (Ints{3, 6, 1, 1, 1}));
  EXPECT_EQ(metadata_.GetFloats("tokenizer.ggml.scores").value()[4], 0);
  EXPECT_LT(metadata_.GetFloats("tokenizer.ggml.scores").value()[3], -1000);
  EXPECT_TRUE(metadata_.GetBool("tokenizer.ggml.add_space_prefix").value());
  EXPECT_EQ(IntOf("tokenizer.ggml.unknown_token_id"), 0);
}

TEST_F(TokenizerFolderTest, SentencePieceModel) {
  // pieces (text, score, type), trainer (BPE, bos 1, eos 2), normalizer (no space in front)
  const auto field = [](int number, std::string_view bytes) {
    return StrCat(static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size()), bytes);
  };
  const auto piece = [&](std::string_view text, char type) {
    const std::string_view score("\x15\x00\x00\x80\xBF", 5);  // -1.0f
    return field(1, StrCat(field(1, text), score, '\x18', type));
  };
  const std::string model =
      StrCat(piece("<unk>", 2), piece("<s>", 3), piece("</s>", 3), piece("a", 1), piece("x", 4));
  Put("tokenizer.model",
      StrCat(model, field(2, "\x18\x02"), field(3, std::string_view("\x18\x00\x20\x00", 4))));
  MustRead();
  EXPECT_EQ(StringsOf("tokenizer.ggml.tokens"), (Strings{"<unk>", "<s>", "</s>", "a", "x"}));
  EXPECT_EQ(IntsOf("tokenizer.ggml.token_type"), (Ints{2, 3, 3, 1, 4}));
  EXPECT_EQ(metadata_.GetFloats("tokenizer.ggml.scores").value()[3], -1);
  EXPECT_EQ(IntOf("tokenizer.ggml.eos_token_id"), 2);
  EXPECT_FALSE(metadata_.GetBool("tokenizer.ggml.add_space_prefix").value());
  Put("tokenizer.model", StrCat(model, field(2, "\x18\x01")));
  EXPECT_EQ(Read().code(), StatusCode::kUnimplemented);  // unigram
}

TEST(ByteAlphabetTest, EveryByteComesBack) {
  std::string all;
  for (int b = 0; b < 256; ++b) all.push_back(static_cast<char>(b));
  std::string back = "x";
  EXPECT_TRUE(FromByteAlphabet(ToByteAlphabet(all), &back));
  EXPECT_EQ(back, "x" + all);
  EXPECT_FALSE(FromByteAlphabet("a中", &back));
  EXPECT_EQ(back, "x" + all);
  EXPECT_EQ(ToByteAlphabet(" \n"), "ĠĊ");
}

}  // namespace
}  // namespace autoglm
