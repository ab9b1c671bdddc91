// Text that a grammar forces, over real vocabularies: the same text and tokens as where every token
// is chosen by the model from a mask, in fewer passes.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/fake_model.h"
#include "formats/hf_tokenizer.h"
#include "formats/model_file.h"
#include "platform/file.h"
#include "platform/thread_pool.h"
#include "sampling/grammar/builtin.h"
#include "sampling/grammar/grammar_constraint.h"
#include "sampling/grammar/json_schema.h"
#include "session/loaded_model.h"
#include "tests/test_data.h"

namespace autoglm {
namespace {

using Tokens = std::vector<int32_t>;

constexpr char kPrompt[] = "Answer:\n";
constexpr const char* kTokenizers[] = {
    "tokenizers/glm4", "tokenizers/qwen2.5", "tokenizers/minimind",
    "tokenizers/gguf/ggml-vocab-gpt-2.gguf", "tokenizers/gguf/ggml-vocab-llama-spm.gguf"};

constexpr const char* kActions[] = {
    R"(do(action="Tap", element=[499,182]))",
    R"(do(action="Long Press", element=[7,90]))",
    R"(do(action="Swipe", start=[499,802], end=[12,182]))",
    R"(do(action="Launch", app="Settings"))",
    R"(do(action="Type", text="Gruesse aus Koeln, 你好!"))",
    R"(do(action="Wait", duration="5 seconds"))",
    R"(do(action="Back"))",
    R"(finish(message="All is done."))",
    ("<think>The button is on the left.</think>\n"
     R"(<answer>do(action="Double Tap", element=[0,999])</answer>)"),
};

constexpr char kTenFields[] = R"({"type": "object", "properties": {
  "name": {"type": "string"}, "age": {"type": "integer"}, "email": {"type": "string"},
  "is_admin": {"type": "boolean"}, "balance": {"type": "number"},
  "color": {"enum": ["red", "green", "blue"]}, "street_address": {"type": "string"},
  "postal_code": {"type": "string", "pattern": "^[0-9]{5}$"}, "country": {"enum": ["DE", "CN"]},
  "registered_at": {"type": "string", "format": "date"}},
  "required": ["name", "age", "email", "is_admin", "balance", "color", "street_address",
               "postal_code", "country", "registered_at"]})";
constexpr const char* kObjects[] = {
    R"({"name": "Ada Lovelace", "age": 36, "email": "ada@example.org", "is_admin": true, )"
    R"("balance": 12.5, "color": "green", "street_address": "12 St James's Square", )"
    R"("postal_code": "50667", "country": "DE", "registered_at": "1843-07-10"})",
    R"({"name": "李雷", "age": 7, "email": "", "is_admin": false, "balance": -1, "color": "red", )"
    R"("street_address": "\"Zum Löwen\", 3", "postal_code": "00001", "country": "CN", )"
    R"("registered_at": "2024-02-29"})"};

std::unique_ptr<Tokenizer> Open(const std::string& path, Metadata* folder,
                                std::unique_ptr<ModelFile>* file) {
  if (IsDirectory(path)) {
    EXPECT_TRUE(ReadTokenizerFolder(path, folder).ok());
    return std::move(*Tokenizer::Create(*folder));
  }
  *file = std::move(*ModelFile::Open(path));
  return std::move(*Tokenizer::Create((*file)->metadata()));
}

std::string Bytes(const Tokenizer& tokenizer, std::span<const int32_t> tokens) {
  std::string bytes;
  for (const int32_t token : tokens) bytes += tokenizer.TokenBytes(token);
  return bytes;
}

/// Writes the answers of one engine, greedily.
struct Writer {
  Engine& engine;
  Tokens prompt;
  int n_passes = 0;

  std::shared_ptr<const Grammar> Compile(const std::string& gbnf) const {
    auto grammar = engine.CompileGrammar({.gbnf = gbnf});
    EXPECT_TRUE(grammar.ok()) << grammar.status().ToString();
    return *grammar;
  }

  /// The tokens of the answer, without the end.
  Tokens Write(const std::shared_ptr<const Grammar>& grammar, bool jump_ahead) {
    SequenceOptions options;
    options.sampling.temperature = 0;
    options.grammar = grammar;
    options.jump_ahead = jump_ahead;
    const auto sequence = engine.NewSequence(1000);
    EXPECT_TRUE(sequence->Start(prompt, options).ok());
    Sequence* const sequences[] = {sequence.get()};
    for (n_passes = 0; sequence->active(); ++n_passes) {
      if (!engine.Step(sequences, {}).ok()) break;
    }
    EXPECT_EQ(sequence->stop_reason(), StopReason::kEndOfGeneration)
        << sequence->status().ToString();
    const auto written = sequence->tokens().last(sequence->n_generated());
    Tokens tokens(written.begin(), written.end());
    if (!tokens.empty() && engine.tokenizer()->IsEndOfGeneration(tokens.back())) tokens.pop_back();
    return tokens;
  }

  /// The same where nothing is known of forced text: in each pass the best token that the mask
  /// leaves.
  Tokens WriteMasked(const std::shared_ptr<const Grammar>& grammar) const {
    SamplingParams params;
    params.temperature = 0;
    Sampler sampler = *Sampler::Create(params, engine.model().config().vocab_size);
    sampler.AddConstraint(std::make_unique<GrammarConstraint>(GrammarMatcher(grammar)));
    GrammarMatcher matcher(grammar);
    Tokens tokens = prompt;
    while (!matcher.IsComplete() && tokens.size() < 1000) {
      int32_t chosen = -1;
      const Status status = engine.ForEachLogits(
          tokens, static_cast<int>(tokens.size()) - 1, [&](int, const Tensor& logits) -> Status {
            const auto n = static_cast<size_t>(engine.model().config().vocab_size);
            AUTOGLM_ASSIGN_OR_RETURN(chosen, sampler.Sample({logits.f32_row(0), n}));
            return OkStatus();
          });
      EXPECT_TRUE(status.ok()) << status.ToString();
      if (!status.ok() || engine.tokenizer()->IsEndOfGeneration(chosen)) break;
      sampler.Accept(chosen);
      EXPECT_TRUE(matcher.Accept(chosen).ok());
      tokens.push_back(chosen);
    }
    return {tokens.begin() + static_cast<std::ptrdiff_t>(prompt.size()), tokens.end()};
  }
};

/// A model that wants to write one text as its tokenizer divides it.
struct Determined {
  Determined(const Tokenizer& tokenizer, std::string_view wish)
      : prompt(tokenizer.Encode(kPrompt, {})) {
    const Tokens all = tokenizer.Encode(std::string(kPrompt) + std::string(wish), {});
    EXPECT_TRUE(std::equal(prompt.begin(), prompt.end(), all.begin()));
    wanted.assign(all.begin() + static_cast<std::ptrdiff_t>(prompt.size()), all.end());
    EXPECT_EQ(Bytes(tokenizer, wanted), wish);
    FakeModelOptions options;
    options.vocab_size = tokenizer.vocab_size();
    options.next = [this, &tokenizer](std::span<const int32_t> history) {
      return Next(tokenizer, history.subspan(std::min(history.size(), prompt.size())));
    };
    model = std::make_unique<FakeModel>(options);
  }

  int32_t Next(const Tokenizer& tokenizer, std::span<const int32_t> written) const {
    const size_t n_bytes = Bytes(tokenizer, written).size();
    size_t at = 0;
    for (const int32_t token : wanted) {
      if (at == n_bytes) return token;
      at += tokenizer.TokenBytes(token).size();
    }
    return tokenizer.eos_id();
  }

  Tokens prompt, wanted;
  std::unique_ptr<FakeModel> model;
};

/// Tokens and passes of all `texts`, written three times.
struct Count {
  int n_tokens = 0, n_passes = 0;
};

Count ExpectSameTokens(const Tokenizer& tokenizer, const std::string& gbnf,
                       std::span<const char* const> texts) {
  ThreadPool threads(1);
  const auto backend = NewCpuBackend(threads);
  const FakeClock clock;
  std::shared_ptr<const Grammar> grammar;
  Count count;
  for (const char* text : texts) {
    SCOPED_TRACE(text);
    const Determined wish(tokenizer, text);
    const auto engine = std::move(*Engine::Create(*wish.model, *backend, &tokenizer, clock, {}));
    Writer writer{*engine, wish.prompt};
    if (grammar == nullptr) grammar = writer.Compile(gbnf);
    EXPECT_EQ(writer.Write(grammar, /*jump_ahead=*/false), wish.wanted);
    EXPECT_EQ(writer.Write(grammar, /*jump_ahead=*/true), wish.wanted);
    count.n_passes += writer.n_passes;
    count.n_tokens += static_cast<int>(wish.wanted.size()) + 1;  // and the end
    EXPECT_EQ(writer.WriteMasked(grammar), wish.wanted);
  }
  return count;
}

class RealTokenizer : public testing::TestWithParam<const char*> {};

TEST_P(RealTokenizer, ForcedTextHasTheTokensThatTheModelWouldHaveChosen) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, GetParam());
  Metadata folder;
  std::unique_ptr<ModelFile> file;
  const std::unique_ptr<Tokenizer> tokenizer = Open(path, &folder, &file);
  const Count actions = ExpectSameTokens(*tokenizer, *ResolveGrammar("autoglm"), kActions);
  const Count objects =
      ExpectSameTokens(*tokenizer, *JsonSchemaToGbnf(kTenFields, JsonForm::kWritten), kObjects);
  for (const auto& [name, count] : {std::pair("actions", actions), std::pair("objects", objects)}) {
    const int saved = 100 * (count.n_tokens - count.n_passes) / count.n_tokens;
    std::printf("%s: %d tokens in %d passes, %d %% saved\n", name, count.n_tokens, count.n_passes,
                saved);
    EXPECT_GE(saved, 40) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(JumpAhead, RealTokenizer, testing::ValuesIn(kTokenizers),
                         [](const auto& info) { return std::to_string(info.index); });

TEST(JumpAhead, ATrainedModelWritesTheSameWithAndWithoutIt) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  const auto loaded = LoadModelForSession(path, AutoGLMConfig(), Logger());
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  Engine& engine = *(*loaded)->engine;
  Writer writer{engine, engine.tokenizer()->Encode("Once upon", {})};
  constexpr char kStory[] =
      "root ::= \" a time, there was a little \" (\"girl\" | \"boy\" | \"dog\") \" named \" "
      "[A-Z] [a-z]{2,8} \". \" (\"She\" | \"He\") \" loved to play \" [a-z ]{4,20} \".\"";
  const auto grammar = writer.Compile(kStory);
  const Tokens masked = writer.WriteMasked(grammar);
  EXPECT_GT(masked.size(), 20u);
  EXPECT_EQ(writer.Write(grammar, /*jump_ahead=*/false), masked);
  const int n_passes = writer.n_passes;
  EXPECT_EQ(writer.Write(grammar, /*jump_ahead=*/true), masked);
  EXPECT_LT(writer.n_passes, n_passes * 6 / 10);
}

}  // namespace
}  // namespace autoglm
