#include "apps/autoglm/options.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "apps/autoglm/bundled_model.h"
#include "base/str.h"
#include "platform/cpu.h"
#include "platform/file.h"
#include "sampling/grammar/builtin.h"

namespace autoglm {
namespace {

constexpr size_t kMaxInputBytes = size_t{4} << 30;
constexpr uint64_t kMaxThreads = 1024;
constexpr uint64_t kMaxContext = 1 << 24;
constexpr uint64_t kMaxTopK = 1 << 24;

std::string JoinWords(const std::vector<std::string>& words, const char* separator) {
  std::string joined;
  for (const std::string& word : words) {
    if (!joined.empty()) joined += separator;
    joined += word;
  }
  return joined;
}

// The text must be a T as a whole: "2.5" is no integer, "nan" compares false and is in no range.
template <typename T>
CLI::Validator InRange(T least, T most, const char* kind) {
  return CLI::Validator(
      [least, most, kind](const std::string& value) -> std::string {
        T number{};
        const char* last = value.data() + value.size();
        const auto [end, error] = std::from_chars(value.data(), last, number);
        if (error == std::errc() && end == last && number >= least && number <= most) return "";
        return StrCat(Quoted(value), " is not ", kind, " from ", least, " to ", most);
      },
      StrCat(least, "..", most));
}

}  // namespace

CLI::Validator OneOf(std::vector<std::string> values) {
  const std::string list = JoinWords(values, "|");
  return CLI::Validator(
      [values = std::move(values)](const std::string& value) -> std::string {
        for (const std::string& known : values) {
          if (value == known) return "";
        }
        const std::string_view nearest = Nearest(value, values);
        if (!nearest.empty()) {
          return StrCat("unknown value ", Quoted(value), "; did you mean ", nearest, "?");
        }
        return StrCat("unknown value ", Quoted(value), "; expected ", JoinWords(values, ", "));
      },
      list);
}

CLI::Validator Between(double least, double most) { return InRange(least, most, "a number"); }

CLI::Validator WholeBetween(uint64_t least, uint64_t most) {
  return InRange(least, most, "a whole number");
}

void AddModelOption(CLI::App* app, std::string* model) {
  app->add_option("-m,--model", *model,
                  "a GGUF file or a Hugging Face folder (default: the bundled model)")
      ->type_name("MODEL");
}

void AddThreadsOption(CLI::App* app, int* n_threads) {
  app->add_option("--threads", *n_threads, "threads to compute with (default: all usable cores)")
      ->type_name("N")
      ->check(WholeBetween(1, kMaxThreads));
}

int NumThreads(int given) { return given > 0 ? given : NumUsableCores(); }

void AddJsonOption(CLI::App* app, bool* json) {
  app->add_flag("--json", *json, "print one JSON object");
}

Result<std::string> FindModel(const std::string& given) {
  if (!given.empty()) return given;
  if (std::string bundled = FindBundledModel(); !bundled.empty()) return bundled;
  return Error(
      StatusCode::kNotFound,
      "no model given, and models/phone-actions.gguf, which comes with this program, is not\n"
      "  there: pass a model with -m MODEL, or name one in AUTOGLM_MODEL\n"
      "  MODEL is a GGUF file, or a Hugging Face folder (config.json, *.safetensors,\n"
      "  tokenizer.json), of one of these families: Llama and Mistral, Qwen2, Qwen3,\n"
      "  ChatGLM and GLM-Edge, GLM-4, Phi-3, Gemma 2, Gemma 3, SmolLM3.\n"
      "  Download one where its makers publish it, put it anywhere on this disk, and try\n"
      "  autoglm run -m path/to/model.gguf \"Once upon a time\"");
}

void ModelOptions::Declare(CLI::App* app) {
  AddModelOption(app, &model);
  app->add_option("--ctx", n_ctx, "context size in tokens")
      ->type_name("N")
      ->check(WholeBetween(1, kMaxContext));
  AddThreadsOption(app, &n_threads);
  app->add_option("--quantize", quantize, "quantize the weights while loading")
      ->type_name("TYPE")
      ->check(OneOf({"int8", "int4", "f16"}));
  app->add_option(
         "--weights", weights,
         "mapped: weights stay in the file; copied: in large pages (auto: if there is room)")
      ->type_name("PLACE")
      ->check(OneOf({"auto", "mapped", "copied"}));
  app->add_option("--kv", kv_type, "element type of the key-value cache (default: f16)")
      ->type_name("TYPE")
      ->check(OneOf({"f16", "q8_0", "f32"}));
}

void SamplingOptions::Declare(CLI::App* app) {
  const auto number = [app](const char* name, auto* value, const char* what, double least,
                            double most) {
    app->add_option(name, *value, what)->check(Between(least, most))->type_name("X");
  };
  number("--temperature", &temperature, "0 always takes the likeliest token", 0, 100);
  app->add_option("--top-k", top_k, "keep the K likeliest tokens (0: all)")
      ->check(WholeBetween(0, kMaxTopK))
      ->type_name("K");
  number("--top-p", &top_p, "keep the likeliest tokens that sum to P", 0, 1);
  number("--min-p", &min_p, "drop tokens below P times the likeliest", 0, 1);
  number("--typical-p", &typical_p, "keep the most typical tokens that sum to P", 0, 1);
  number("--repetition-penalty", &repetition_penalty, "divide repeated tokens' logits", 0.01, 100);
  number("--presence-penalty", &presence_penalty, "subtract once from a token seen before", -2, 2);
  number("--frequency-penalty", &frequency_penalty, "subtract for each time a token was seen", -2,
         2);
  app->add_option("--seed", seed, "the same seed gives the same text")
      ->check(WholeBetween(0, UINT64_MAX))
      ->type_name("N");
}

void TextOptions::Declare(CLI::App* app, bool with_prompt) {
  words_option_ = app->add_option("text", words, "the text")->type_name("TEXT");
  if (with_prompt) {
    prompt_option_ = app->add_option("-p,--prompt", prompt, "the text")->type_name("TEXT");
  }
  file_option_ =
      app->add_option("-f,--file", file, "read the text from a file (-: stdin)")->type_name("FILE");
}

Status TextOptions::Check() const {
  int n_given = 0;
  for (const CLI::Option* option : {words_option_, prompt_option_, file_option_}) {
    n_given += option != nullptr && option->count() > 0;
  }
  if (n_given == 1) return OkStatus();
  const char* ways = prompt_option_ ? "TEXT, -p TEXT or -f FILE" : "TEXT or -f FILE";
  return Error(StatusCode::kInvalidArgument,
               n_given == 0 ? "no text given: " : "more than one text given: ", "pass one of ",
               ways);
}

Result<std::string> TextOptions::Read() const {
  if (file_option_->count() > 0) return ReadInput(file);
  if (words_option_->count() > 0) return JoinWords(words, " ");
  return prompt;
}

Result<std::vector<int32_t>> ParseTokenIds(const std::vector<std::string>& arguments) {
  constexpr std::string_view kSeparators = ", []";
  const std::string text = JoinWords(arguments, " ");
  std::vector<int32_t> ids;
  for (size_t i = 0; (i = text.find_first_not_of(kSeparators, i)) != std::string::npos;) {
    const size_t end = std::min(text.find_first_of(kSeparators, i), text.size());
    int32_t id = 0;
    const auto [last, error] = std::from_chars(text.data() + i, text.data() + end, id);
    if (error != std::errc() || last != text.data() + end || id < 0) {
      return Error(StatusCode::kInvalidArgument, "'", Quoted(text.substr(i, end - i)),
                   "' is not a token id; expected ids as 1,2,3");
    }
    ids.push_back(id);
    i = end;
  }
  return ids;
}

Result<std::string> ReadInput(const std::string& path) {
  if (path != "-") return ReadWholeFile(path, kMaxInputBytes);
  std::string text;
  char block[1 << 16];
  for (size_t n; (n = std::fread(block, 1, sizeof(block), stdin)) > 0;) {
    if (text.size() + n > kMaxInputBytes) {
      return Error(StatusCode::kResourceExhausted, "stdin has more than ",
                   FormatBytes(kMaxInputBytes));
    }
    text.append(block, n);
  }
  if (std::ferror(stdin)) return Error(StatusCode::kIoError, "cannot read stdin");
  return text;
}

Result<std::string> ReadGrammar(const std::string& name_or_file) {
  if (name_or_file.empty() || ResolveGrammar(name_or_file).ok()) return name_or_file;
  return ReadInput(name_or_file);
}

}  // namespace autoglm
