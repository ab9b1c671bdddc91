// What grammars cost: time to compile, and for each token of a text the time to mask the logits and
// to accept the token; the first time a grammar meets the text (cold), and again (warm).
//
//   grammar_bench TOKENIZER...        GGUF files or Hugging Face folders
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/autoglm/tokenizer_source.h"
#include "engine/jump_ahead.h"
#include "sampling/grammar/builtin.h"
#include "sampling/grammar/json_schema.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

// Of this thread, so that other processes count for nothing.
double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Case {
  std::string name;
  std::string gbnf;
  std::string text;
  bool is_plain_json = false;
};

// As a model writes it: one space behind ',' and ':'.
std::string Written(const Json& json) {
  if (!json.is_structured()) return json.dump();
  std::string out;
  for (const auto& [key, value] : json.items()) {
    if (!out.empty()) out += ", ";
    if (json.is_object()) out += Json(key).dump() + ": ";
    out += Written(value);
  }
  return json.is_object() ? "{" + out + "}" : "[" + out + "]";
}

Case OfSchema(std::string name, const Json& schema, const Json& instance) {
  const auto gbnf = JsonSchemaToGbnf(schema);
  if (!gbnf.ok()) std::fprintf(stderr, "%s: %s\n", name.c_str(), gbnf.status().message().c_str());
  return {std::move(name), gbnf.ok() ? *gbnf : "", Written(instance)};
}

Json Object(const Json& properties) {
  Json required = Json::array();
  for (const auto& [key, value] : properties.items()) required.push_back(key);
  return {{"type", "object"},
          {"properties", properties},
          {"required", required},
          {"additionalProperties", false}};
}

Case HundredProperties(bool optional) {
  Json properties = Json::object(), instance = Json::object();
  for (int i = 0; i < 100; ++i) {
    const std::string key = StrCat("property_", i % 7, "_number_", i);
    switch (i % 6) {
      case 0:
        properties[key] = {{"type", "string"}};
        instance[key] = "Some text with ümlauts and 你好, " + key;
        break;
      case 1:
        properties[key] = {{"type", "integer"}, {"minimum", -i}, {"maximum", 1000 * i}};
        instance[key] = i;
        break;
      case 2:
        properties[key] = {{"enum", {"red", "green", "blue", i}}};
        instance[key] = "green";
        break;
      case 3:
        properties[key] = {{"type", "array"}, {"items", {{"type", "string"}}}, {"maxItems", 5}};
        instance[key] = {"one", "two words", "three"};
        break;
      case 4:
        properties[key] = Object({{"x", {{"type", "number"}}}, {"on", {{"type", "boolean"}}}});
        instance[key] = {{"x", 12.5}, {"on", true}};
        break;
      default:
        properties[key] = {{"type", "string"}, {"maxLength", 20 + i}};
        instance[key] = "no longer than this";
    }
  }
  Json schema = Object(properties);
  if (optional) schema["required"] = Json::array();
  return OfSchema(optional ? "100 optional properties" : "100 properties", schema, instance);
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  Json document = Json::array();
  for (int i = 0; i < 12; ++i) {
    document.push_back({{"id", 1000 + i},
                        {"name", "The quick brown fox jumps over " + std::to_string(i)},
                        {"text", "今天的天气很好, äöü, \"quoted\" and\nmore lines of it."},
                        {"nested", {{"a", {1, 2.5, -3e7}}, {"b", {{"c", nullptr}, {"d", true}}}}}});
  }
  cases.push_back({"json", *ResolveGrammar("json"), document.dump(1), true});
  cases.push_back({"autoglm", *ResolveGrammar("autoglm"),
                   "<think>先点击搜索框, then type.</think><answer>do(action=\"Swipe\", "
                   "start=[500,800], end=[500,200])</answer>"});
  cases.push_back(HundredProperties(false));
  cases.push_back(HundredProperties(true));
  std::string long_text;
  for (int i = 0; i < 40; ++i) long_text += "Words of some length, ";
  cases.push_back(OfSchema("string of 2000", {{"type", "string"}, {"maxLength", 2000}}, long_text));
  std::string full;
  for (int i = 0; i < 100; ++i) full += {static_cast<char>('a' + i * 7 % 26), ' '};
  cases.push_back(OfSchema("string of 200, full", {{"type", "string"}, {"maxLength", 200}}, full));
  Json words = Json::array();
  for (int i = 0; i < 1000; ++i) words.push_back(StrCat("option ", i * 7919 % 1000, " of many"));
  cases.push_back(OfSchema("enum of 1000", {{"enum", words}}, words[500]));
  cases.push_back(
      OfSchema("pattern",
               {{"type", "array"},
                {"items", {{"type", "string"}, {"pattern", "^[A-Z][a-z ]*-[0-9]{2,4}$"}}}},
               {"Abc def-123", "Zebra crossing the road-99"}));
  Json tree = {{"value", 1}, {"children", Json::array()}};
  for (int i = 0; i < 12; ++i) tree = {{"value", i}, {"children", {tree}}};
  cases.push_back(OfSchema(
      "tree",
      {{"$defs",
        {{"node",
          Object({{"value", {{"type", "integer"}}},
                  {"children", {{"type", "array"}, {"items", {{"$ref", "#/$defs/node"}}}}}})}}},
       {"$ref", "#/$defs/node"}},
      tree));
  return cases;
}

struct Times {
  double mean_us = 0, p99_us = 0, max_us = 0, accept_us = 0;
};

Times Run(const std::shared_ptr<const Grammar>& grammar, const std::vector<int32_t>& tokens) {
  GrammarMatcher matcher(grammar);
  std::vector<float> logits(grammar->vocabulary()->size());
  std::vector<double> us;
  double accept_s = 0;
  for (const int32_t token : tokens) {
    std::fill(logits.begin(), logits.end(), 1.0f);
    const double start = CpuSeconds();
    if (!matcher.MaskLogits(logits).ok()) std::abort();
    us.push_back((CpuSeconds() - start) * 1e6);
    if (logits[token] != 1.0f) std::abort();
    const double accept_start = CpuSeconds();
    if (!matcher.Accept(token).ok()) std::abort();
    accept_s += CpuSeconds() - accept_start;
  }
  std::sort(us.begin(), us.end());
  Times times;
  for (const double t : us) times.mean_us += t / static_cast<double>(us.size());
  times.p99_us = us[us.size() * 99 / 100];
  times.max_us = us.back();
  times.accept_us = accept_s * 1e6 / static_cast<double>(us.size());
  return times;
}

Status Bench(const std::string& path) {
  AUTOGLM_ASSIGN_OR_RETURN(const TokenizerSource source, OpenTokenizer(path));
  const Tokenizer& tokenizer = *source.tokenizer;
  const double start = CpuSeconds();
  const auto vocabulary = MakeGrammarVocabulary(tokenizer, tokenizer.vocab_size());
  std::printf("%s: %d tokens, vocabulary ready in %.1f ms, %zu nodes\n", path.c_str(),
              tokenizer.vocab_size(), (CpuSeconds() - start) * 1e3,
              vocabulary->plain_trie().n_nodes() + vocabulary->trie().n_nodes());
  std::printf("%-24s %7s %10s %28s %28s %9s %8s\n", "grammar", "tokens", "compile ms",
              "cold us mean / p99 / max", "warm us mean / p99 / max", "accept us", "cache KB");
  for (const Case& c : Cases()) {
    const double compile_start = CpuSeconds();
    AUTOGLM_ASSIGN_OR_RETURN(const auto grammar, Grammar::Compile({.gbnf = c.gbnf}, vocabulary));
    const double compile_ms = (CpuSeconds() - compile_start) * 1e3;
    const std::vector<int32_t> tokens = tokenizer.Encode(c.text, {.add_special = false});
    const Times cold = Run(grammar, tokens), warm = Run(grammar, tokens);
    std::printf("%-24s %7zu %10.2f %12.1f %7.0f %7.0f %12.1f %7.0f %7.0f %9.2f %8zu\n",
                c.name.c_str(), tokens.size(), compile_ms, cold.mean_us, cold.p99_us, cold.max_us,
                warm.mean_us, warm.p99_us, warm.max_us, warm.accept_us,
                grammar->cache_bytes() / 1024);
  }
  return OkStatus();
}

int Main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const Status status = Bench(argv[i]);
    if (!status.ok())
      return std::fprintf(stderr, "grammar_bench: %s\n", status.message().c_str()), 1;
  }
  return argc > 1 ? 0 : (std::fprintf(stderr, "usage: grammar_bench TOKENIZER...\n"), 2);
}

}  // namespace
}  // namespace autoglm

int main(int argc, char** argv) { return autoglm::Main(argc, argv); }
