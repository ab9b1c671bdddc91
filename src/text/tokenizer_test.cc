// Tokenizers on small vocabularies made here; the external vectors are in
// tokenizer_vectors_test.cc.
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>

#include "formats/hf_tokenizer_keys.h"
#include "text/stream_decoder.h"
#include "text/tokenizer_for_test.h"

namespace autoglm {
namespace {

using Ids = std::vector<int32_t>;

std::unique_ptr<Tokenizer> MustCreate(const Metadata& metadata) {
  Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::Create(metadata);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  return tokenizer.ok() ? std::move(tokenizer).value() : nullptr;
}

constexpr EncodeOptions kPlain{.add_special = false, .parse_special = false};
constexpr EncodeOptions kSpecial{.add_special = false, .parse_special = true};

const std::vector<std::string> kMerges = {"h e", "l l", "he ll", "Ġ w", "hell o", "ä ½", "ä½ ł"};

TEST(ByteBpeTest, MergesInTheOrderOfTheList) {
  const Metadata metadata = MakeByteBpe("gpt-2", kMerges);
  const auto t = MustCreate(metadata);
  EXPECT_EQ(t->Encode("hello w", kPlain), (Ids{260, 259}));
  EXPECT_EQ(t->Encode("hel", kPlain), (Ids{256, 'l'}));
  EXPECT_EQ(t->Encode("你", kPlain), (Ids{262}));
  EXPECT_EQ(t->Encode("", kPlain), Ids{});
  EXPECT_EQ(t->TokenBytes(259), " w");
  EXPECT_EQ(t->TokenBytes(262), "你");
  EXPECT_EQ(t->TokenBytes(-1), "");
  EXPECT_EQ(t->TokenBytes(100000), "");
  EXPECT_EQ(t->Find("Ġw"), 259);
  EXPECT_EQ(t->Find("zzz"), -1);
}

TEST(ByteBpeTest, WholePiecesAreTakenOnlyWhereThePreTokenizerSaysSo) {
  // "abc" is in the vocabulary, but no merge leads to it: "b c" goes first, then nothing fits.
  const std::vector<std::string> merges = {"b c", "a b", "ab c"};
  const Metadata gpt2 = MakeByteBpe("gpt-2", merges), glm4 = MakeByteBpe("glm4", merges);
  EXPECT_EQ(MustCreate(gpt2)->Encode("abc", kPlain), (Ids{'a', 256}));
  EXPECT_EQ(MustCreate(glm4)->Encode("abc", kPlain), (Ids{258}));
  EXPECT_EQ(MustCreate(glm4)->Encode("abcx", kPlain), (Ids{'a', 256, 'x'}));
}

TEST(ByteBpeTest, SpecialTokensAreParsedOnlyWhereAsked) {
  const Metadata metadata = MakeByteBpe("gpt-2", kMerges);
  const auto t = MustCreate(metadata);
  const int32_t control = 263, user = 264;
  EXPECT_EQ(t->Encode("a<|control|><user>b", kSpecial), (Ids{'a', control, user, 'b'}));
  const Ids plain = t->Encode("<|control|><user>", kPlain);
  EXPECT_EQ(plain.size(), std::string("<|control|>").size() + 1);
  EXPECT_EQ(plain.back(), user);
  EXPECT_EQ(t->Decode(Ids{'a', control, user}, false), "a<user>");
  EXPECT_EQ(t->Decode(Ids{'a', control, user}, true), "a<|control|><user>");
  EXPECT_EQ(t->type(control), TokenType::kControl);
}

TEST(ByteBpeTest, AddsWhatTheFileAsksFor) {
  Metadata metadata = MakeByteBpe("llama-bpe", kMerges);
  metadata.SetU32("tokenizer.ggml.bos_token_id", 263);
  metadata.SetU32("tokenizer.ggml.eos_token_id", 264);
  EXPECT_EQ(MustCreate(metadata)->Encode("a", {}), (Ids{263, 'a'}));  // as Llama 3 does
  EXPECT_TRUE(MustCreate(metadata)->adds_bos());
  metadata.SetBool("tokenizer.ggml.add_bos_token", false);
  metadata.SetBool("tokenizer.ggml.add_eos_token", true);
  EXPECT_EQ(MustCreate(metadata)->Encode("a", {}), (Ids{'a', 264}));
  metadata.SetI32s(kPrefixIdsKey, {1, 2});
  EXPECT_EQ(MustCreate(metadata)->Encode("a", {}), (Ids{1, 2, 'a', 264}));
}

TEST(ByteBpeTest, EndsOfGenerationComeFromKeysAndNames) {
  Metadata metadata = MakeByteBpe("gpt-2", kMerges);
  metadata.SetU32("tokenizer.ggml.eos_token_id", 263);
  metadata.SetU32("tokenizer.ggml.eot_token_id", 264);
  const auto t = MustCreate(metadata);
  EXPECT_TRUE(t->IsEndOfGeneration(263));
  EXPECT_TRUE(t->IsEndOfGeneration(264));
  EXPECT_FALSE(t->IsEndOfGeneration(5));
  EXPECT_FALSE(t->IsEndOfGeneration(-1));
  metadata.SetI32s(kEogIdsKey, {5});
  EXPECT_TRUE(MustCreate(metadata)->IsEndOfGeneration(5));
}

TEST(ByteBpeTest, FlagsOfAddedTokensAreFollowed) {
  Metadata metadata = MakeByteBpe("gpt-2", kMerges);
  metadata.SetI32s(kAddedFlagsKey, {263, kAddedLstrip | kAddedRstrip, 264, kAddedSingleWord});
  const auto t = MustCreate(metadata);
  EXPECT_EQ(t->Encode("a \t<|control|>\u3000 b", kSpecial), (Ids{'a', 263, 'b'}));
  EXPECT_EQ(t->Encode("a<user> <user>.", kPlain).back(), '.');
  const Ids ids = t->Encode("x<user>", kPlain);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 264), 0);
  EXPECT_EQ(t->Encode(" <user>", kPlain).back(), 264);
}

TEST(ByteBpeTest, NfcIsAppliedWhereTheModelWasTrainedWithIt) {
  const Metadata qwen2 = MakeByteBpe("qwen2", kMerges), gpt2 = MakeByteBpe("gpt-2", kMerges);
  EXPECT_EQ(MustCreate(qwen2)->Encode("e\u0301", kPlain), (Ids{0xC3, 0xA9}));
  EXPECT_EQ(MustCreate(gpt2)->Encode("e\u0301", kPlain), (Ids{'e', 0xCC, 0x81}));
}

TEST(ByteBpeTest, OwnExpressionsWinOverTheName) {
  Metadata metadata = MakeByteBpe("gpt-2", {"a a"});
  SetOwnedStrings(&metadata, kPreRegexKey, {"a"});
  EXPECT_EQ(MustCreate(metadata)->Encode("aa", kPlain), (Ids{'a', 'a'}));
}

TEST(SpmTest, MergesByScoreAndFallsBackToBytes) {
  const Metadata metadata = MakeSpm({"▁", "a", "b", "▁a", "ab", "▁ab"});
  const auto t = MustCreate(metadata);
  const int32_t first = 259;  // "▁"
  EXPECT_EQ(t->Encode("ab", kPlain), (Ids{first + 5}));
  EXPECT_EQ(t->Encode("ab", {}), (Ids{1, first + 5}));
  EXPECT_EQ(t->Encode("é", kPlain), (Ids{first, 3 + 0xC3, 3 + 0xA9}));
  EXPECT_EQ(t->Encode("b\xFF", kPlain), (Ids{first, first + 2, 3 + 0xFF}));
  EXPECT_EQ(t->Decode(t->Encode("  é ab", kPlain), false), "  é ab");
  EXPECT_EQ(t->Decode(t->Encode("  é ab", {}), false), "  é ab");
  EXPECT_EQ(t->TokenBytes(first + 3), " a");
  EXPECT_EQ(t->TokenBytes(3 + 0xC3), "\xC3");
}

TEST(SpmTest, EqualScoresMergeFromTheLeft) {
  Metadata metadata = MakeSpm({"a", "aa"});
  metadata.SetBool("tokenizer.ggml.add_space_prefix", false);
  EXPECT_EQ(MustCreate(metadata)->Encode("aaa", kPlain), (Ids{260, 259}));
}

TEST(SpmTest, WithoutByteTokensAStretchIsOneUnknown) {
  const Metadata metadata = MakeSpm({"▁", "a"}, /*byte_tokens=*/false);
  EXPECT_EQ(MustCreate(metadata)->Encode("中文a", kPlain), (Ids{3, 0, 4}));
}

TEST(SpmTest, CharactersThatOnlyLongerTokensHoldStillMerge) {
  Metadata metadata = MakeSpm({"a", "ab"});  // no "b"
  metadata.SetBool("tokenizer.ggml.add_space_prefix", false);
  EXPECT_EQ(MustCreate(metadata)->Encode("abb", kPlain), (Ids{260, 3 + 'b'}));
}

TEST(SpmTest, TheSpaceInFrontFollowsItsKeys) {
  Metadata metadata = MakeSpm({"▁", "a", "▁a"});
  const std::string text = "a</s>a";
  EXPECT_EQ(MustCreate(metadata)->Encode(text, kSpecial), (Ids{261, 2, 261}));
  metadata.SetBool(kSpaceFirstOnlyKey, true);
  EXPECT_EQ(MustCreate(metadata)->Encode(text, kSpecial), (Ids{261, 2, 260}));
  metadata.SetBool(kSpaceUnlessSpaceKey, true);
  EXPECT_EQ(MustCreate(metadata)->Encode(" a", kPlain), (Ids{261}));
  metadata.SetBool("tokenizer.ggml.add_space_prefix", false);
  EXPECT_EQ(MustCreate(metadata)->Encode("a", kPlain), (Ids{260}));
}

TEST(SpmTest, ExtraSpacesGoWhereTheModelWasTrainedSo) {
  Metadata metadata = MakeSpm({"▁", "a", "▁a"});
  metadata.SetBool("tokenizer.ggml.remove_extra_whitespaces", true);
  EXPECT_EQ(MustCreate(metadata)->Encode("  a   a ", kPlain), (Ids{261, 261}));
}

TEST(WordPieceTest, SplitsWordsGreedily) {
  Metadata metadata;
  metadata.SetString("tokenizer.ggml.model", "bert");
  SetOwnedStrings(&metadata, "tokenizer.ggml.tokens",
                  {"[UNK]", "[CLS]", "[SEP]", "▁un", "aff", "able", "▁a", "▁,", "▁中", "▁"});
  metadata.SetI32s("tokenizer.ggml.token_type", {3, 3, 3, 1, 1, 1, 1, 1, 1, 1});
  const auto t = MustCreate(metadata);
  EXPECT_EQ(t->Encode("UNÁFFABLE, a中", {}), (Ids{1, 3, 4, 5, 7, 6, 8, 2}));
  EXPECT_EQ(t->Encode("unx a", kPlain), (Ids{0, 6}));
  EXPECT_EQ(t->Encode("able", kPlain), (Ids{0}));  // goes on in a word, never begins one
  EXPECT_EQ(t->Encode(std::string(101, 'a'), kPlain), (Ids{0}));
  EXPECT_EQ(t->Decode(Ids{3, 4, 5, 6}, false), "unaffable a");
}

TEST(TokenizerTest, DamagedListsAreRefusedWithReasons) {
  const struct {
    const char* what;
    StatusCode code;
    std::function<void(Metadata*)> damage;
  } kCases[] = {
      {"tokenizer.ggml.model", StatusCode::kNotFound,
       [](Metadata* m) { m->Erase("tokenizer.ggml.model"); }},
      {"not supported", StatusCode::kUnimplemented,
       [](Metadata* m) { m->SetString("tokenizer.ggml.model", "t5"); }},
      {"nearest known is 'qwen2'", StatusCode::kUnimplemented,
       [](Metadata* m) { m->SetString("tokenizer.ggml.pre", "qwen22"); }},
      {"tokenizer.ggml.tokens", StatusCode::kNotFound,
       [](Metadata* m) { m->Erase("tokenizer.ggml.tokens"); }},
      {"0 entries", StatusCode::kDataLoss,
       [](Metadata* m) { m->SetStrings("tokenizer.ggml.tokens", {}); }},
      {"token_type has 3", StatusCode::kDataLoss,
       [](Metadata* m) {
         m->SetI32s("tokenizer.ggml.token_type", {1, 1, 1});
       }},
      {"is 9", StatusCode::kDataLoss,
       [](Metadata* m) { m->SetI32s("tokenizer.ggml.token_type", std::vector<int64_t>(259, 9)); }},
      {"merges is missing", StatusCode::kDataLoss,
       [](Metadata* m) { m->Erase("tokenizer.ggml.merges"); }},
      {"expected two tokens", StatusCode::kDataLoss,
       [](Metadata* m) { SetOwnedStrings(m, "tokenizer.ggml.merges", {"he"}); }},
      {"bos_token_id is 999", StatusCode::kDataLoss,
       [](Metadata* m) { m->SetU32("tokenizer.ggml.bos_token_id", 999); }},
      {"contains -5", StatusCode::kDataLoss, [](Metadata* m) { m->SetI32s(kEogIdsKey, {-5}); }},
      {"regular expression", StatusCode::kInvalidArgument,
       [](Metadata* m) { SetOwnedStrings(m, kPreRegexKey, {"("}); }},
      {"normalization", StatusCode::kUnimplemented,
       [](Metadata* m) { SetOwnedStrings(m, kNormalizerKey, {"rot13"}); }},
      {"arguments", StatusCode::kDataLoss,
       [](Metadata* m) {
         SetOwnedStrings(m, kNormalizerKey, {"replace", "a"});
       }},
  };
  for (const auto& [what, code, damage] : kCases) {
    Metadata metadata = MakeByteBpe("gpt-2", {"h e"});
    damage(&metadata);
    const Status status = Tokenizer::Create(metadata).status();
    EXPECT_EQ(status.code(), code) << what << ": " << status.ToString();
    EXPECT_NE(status.message().find(what), std::string::npos) << status.ToString();
  }
}

TEST(TokenizerTest, DamagedSentencePieceListsAreRefused) {
  Metadata missing = MakeSpm({"a"});
  missing.Erase("tokenizer.ggml.scores");
  EXPECT_EQ(Tokenizer::Create(missing).status().code(), StatusCode::kDataLoss);
  Metadata shorter = MakeSpm({"a"});
  shorter.SetF32s("tokenizer.ggml.scores", {0, 1});
  EXPECT_EQ(Tokenizer::Create(shorter).status().code(), StatusCode::kDataLoss);
  Metadata byte = MakeSpm({"a"}, false);
  byte.SetI32s("tokenizer.ggml.token_type", {2, 3, 3, 6});
  EXPECT_NE(Tokenizer::Create(byte).status().message().find("<0xHH>"), std::string::npos);
  Metadata map = MakeSpm({"a"});
  map.SetI32s("tokenizer.ggml.precompiled_charsmap", {255, 255, 255, 255, 0});
  EXPECT_EQ(Tokenizer::Create(map).status().code(), StatusCode::kDataLoss);
}

TEST(StreamDecoderTest, HoldsASplitCharacterBack) {
  const Metadata metadata = MakeByteBpe("gpt-2", {});
  const auto t = MustCreate(metadata);
  StreamDecoder decoder(*t, /*at_start=*/true);
  EXPECT_EQ(decoder.Push(0xE4), "");
  EXPECT_EQ(decoder.Push(0xBD), "");
  EXPECT_EQ(decoder.Push(0xA0), "你");
  EXPECT_EQ(decoder.Push(0xE4), "");
  EXPECT_EQ(decoder.Push('a'), "\uFFFDa");
  EXPECT_EQ(decoder.Push(256), "");  // the control token is left out
  EXPECT_EQ(decoder.Push(0xF0), "");
  EXPECT_EQ(decoder.Flush(), "\uFFFD");
  EXPECT_EQ(decoder.Flush(), "");
}

TEST(StreamDecoderTest, RemovesTheSpaceInFrontOnlyAtTheStart) {
  const Metadata metadata = MakeSpm({"▁", "a", "▁a"});
  const auto t = MustCreate(metadata);
  StreamDecoder start(*t, true), later(*t, false);
  EXPECT_EQ(start.Push(1), "");  // <s>
  EXPECT_EQ(start.Push(261), "a");
  EXPECT_EQ(start.Push(261), " a");
  EXPECT_EQ(later.Push(261), " a");
}

TEST(TokenizerTest, OneWordOfAMegabyteTakesNoQuadraticTime) {
  const Metadata bpe = MakeByteBpe("gpt-2", {"a a", "aa aa", "aaaa a", "a b"});
  const Metadata spm = MakeSpm({"▁", "a", "aa", "aaaa", "b", "ab"});
  for (const Metadata* metadata : {&bpe, &spm}) {
    const auto t = MustCreate(*metadata);
    for (const std::string& text : {std::string(1 << 20, 'a'), std::string(1 << 20, ' '),
                                    std::string(1 << 20, '\n'), std::string(1 << 20, '<')}) {
      const auto start = std::chrono::steady_clock::now();
      const Ids ids = t->Encode(text, kSpecial);
      // About 0.1 s; quadratic time would be hours.
      EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
      EXPECT_EQ(t->Decode(ids, true), text);
    }
  }
}

TEST(TokenizerTest, ThreadsMayShareOne) {
  const Metadata metadata = MakeByteBpe("gpt-2", kMerges);
  const auto t = MustCreate(metadata);
  const Ids expected = t->Encode("hello world 你好", kPlain);
  std::vector<std::thread> threads;
  std::vector<int> good(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 200; ++k) good[i] += t->Encode("hello world 你好", kPlain) == expected;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, std::vector<int>(4, 200));
}

}  // namespace
}  // namespace autoglm
