// Texts that a model writes under JSON Schemas, for check_schemas.mjs, which says how to build it.
//   schema_samples MODEL SCHEMAS.json N [TEMPERATURE]
// MODEL is a model, or random:TOKENIZER for random logits over a tokenizer's vocabulary.
// SCHEMAS.json is an object of schemas. Prints a line of JSON for each text: schema, text, whether
// it came to its end.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "apps/autoglm/tokenizer_source.h"
#include "engine/fake_model.h"
#include "platform/thread_pool.h"
#include "sampling/grammar/json_schema.h"
#include "session/loaded_model.h"

namespace autoglm {
namespace {

struct Writer {
  std::unique_ptr<LoadedModel> loaded;
  TokenizerSource source;
  ThreadPool threads{1};
  std::unique_ptr<Backend> backend = NewCpuBackend(threads);
  SteadyClock clock;
  std::unique_ptr<FakeModel> random;
  std::unique_ptr<Engine> random_engine;
  Engine* engine = nullptr;

  Status Open(const std::string& name) {
    constexpr std::string_view kRandom = "random:";
    if (!name.starts_with(kRandom)) {
      AUTOGLM_ASSIGN_OR_RETURN(loaded, LoadModelForSession(name, AutoGLMConfig(), Logger()));
      engine = loaded->engine.get();
      return OkStatus();
    }
    AUTOGLM_ASSIGN_OR_RETURN(source, OpenTokenizer(name.substr(kRandom.size())));
    FakeModelOptions options;
    options.vocab_size = source.tokenizer->vocab_size();
    options.next = [](std::span<const int32_t>) { return 0; };
    random = std::make_unique<FakeModel>(std::move(options));
    AUTOGLM_ASSIGN_OR_RETURN(random_engine,
                             Engine::Create(*random, *backend, source.tokenizer.get(), clock, {}));
    engine = random_engine.get();
    return OkStatus();
  }
};

Status WriteSamples(Writer& writer, const nlohmann::ordered_json& schemas, int n,
                    float temperature) {
  const Tokenizer& tokenizer = *writer.engine->tokenizer();
  SequenceOptions options;
  options.sampling.temperature = temperature;
  options.max_new_tokens = 400;
  // So that most texts come to an end.
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    if (tokenizer.TokenBytes(id).find_first_of("\"]}") != std::string_view::npos) {
      options.sampling.logit_bias.emplace_back(id, 5.0f);
    }
  }
  const std::vector<int32_t> prompt = tokenizer.Encode("JSON:", {});
  for (const auto& [name, schema] : schemas.items()) {
    auto gbnf = JsonSchemaToGbnf(schema);
    if (!gbnf.ok()) return gbnf.status().WithContext(name);
    AUTOGLM_ASSIGN_OR_RETURN(options.grammar, writer.engine->CompileGrammar({.gbnf = *gbnf}));
    for (int i = 0; i < n; ++i) {
      options.sampling.seed = static_cast<uint64_t>(i);
      const auto sequence = writer.engine->NewSequence(1000);
      AUTOGLM_RETURN_IF_ERROR(sequence->Start(prompt, options));
      Sequence* const sequences[] = {sequence.get()};
      std::string text;
      while (sequence->active()) {
        AUTOGLM_RETURN_IF_ERROR(writer.engine->Step(sequences, {}).status());
        text += sequence->output().text;
      }
      if (sequence->stop_reason() == StopReason::kError) return sequence->status();
      const bool finished = sequence->stop_reason() == StopReason::kEndOfGeneration;
      const nlohmann::ordered_json line = {
          {"schema", name}, {"text", text}, {"finished", finished}};
      std::printf("%s\n", line.dump().c_str());
    }
  }
  return OkStatus();
}

int Main(int argc, char** argv) {
  if (argc < 4) return std::fprintf(stderr, "usage: schema_samples MODEL SCHEMAS.json N [T]\n"), 2;
  std::ifstream file(argv[2]);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto schemas = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  Writer writer;
  Status status = writer.Open(argv[1]);
  if (status.ok()) {
    const float temperature = argc > 4 ? std::strtof(argv[4], nullptr) : 2.0f;
    status = WriteSamples(writer, schemas, std::atoi(argv[3]), temperature);
  }
  if (status.ok()) return 0;
  return std::fprintf(stderr, "schema_samples: %s\n", status.message().c_str()), 1;
}

}  // namespace
}  // namespace autoglm

int main(int argc, char** argv) { return autoglm::Main(argc, argv); }
