// One row per pre-tokenizer name. The expressions are those of the models' tokenizer.json files.
#include "formats/hf_tokenizer_pre.h"

#include <algorithm>

namespace autoglm {

namespace {

// clang-format off
constexpr std::string_view kGpt2[] = {
    R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))re"
    R"re(|\s+)re"};

constexpr std::string_view kDefault[] = {
    R"re([\p{P}\$\+<=>\^~\|]+)re",
    R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))re"
    R"re(|\s+)re",
    R"re(\p{N}+)re",
    R"re([0-9][0-9][0-9])re"};

constexpr std::string_view kFalcon[] = {
    R"re([\p{P}\$\+<=>\^~\|`]+)re",
    R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))re"
    R"re(|\s+)re",
    R"re([0-9][0-9][0-9])re"};

constexpr std::string_view kStarcoder[] = {
    R"re(\p{N})re",
    R"re('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))re"
    R"re(|\s+)re"};

constexpr std::string_view kLlama3[] = {
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\)re"
    R"re(s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re"};

constexpr std::string_view kQwen2[] = {
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L)re"
    R"re(}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re"};

constexpr std::string_view kQwen35[] = {
    R"re((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[)re"
    R"re(^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re"};

constexpr std::string_view kTekken[] = {
    R"re([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\)re"
    R"re(p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm})re"
    R"re(\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s)re"
    R"re(+)re"};

constexpr std::string_view kGpt4o[] = {
    R"re([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\)re"
    R"re(p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{)re"
    R"re(Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d))re"
    R"re(?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)re"};

constexpr std::string_view kDeepseekLlm[] = {
    R"re([\r\n])re",
    R"re(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-)re"
    R"re(ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷ)re"
    R"re(ᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼ)re"
    R"re(ιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ)re"
    R"re(-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ)re"
    R"re(-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-)re"
    R"re(Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃)re"
    R"re(]+)re",
    R"re(\s?[!-/:-~！-／：-～‘-‟　-。]+)re",
    R"re(\s+$)re",
    R"re([一-龥ࠀ-一가-퟿]+)re",
    R"re(\p{N}+)re"};

constexpr std::string_view kDeepseekCoder[] = {
    R"re([\r\n])re",
    R"re(\s?\p{L}+)re",
    R"re(\s?\p{P}+)re",
    R"re([一-龥ࠀ-一가-퟿]+)re",
    R"re(\p{N})re"};

constexpr std::string_view kDeepseekV3[] = {
    R"re(\p{N}{1,3})re",
    R"re([一-龥぀-ゟ゠-ヿ]+)re",
    R"re([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}])re"
    R"re(?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)re"};

constexpr std::string_view kPoro[] = {
    R"re( ?[^(\s|.,!?…。，、।۔،)]+)re"};

constexpr std::string_view kViking[] = {
    R"re( ?[^(\s|.,!?…。，、।۔،)]+)re",
    R"re(\p{N})re"};

// Among rows with equal expressions the first is the one that a translated tokenizer is given.
constexpr PreTokenizerRow kRows[] = {
    {.name = "llama-bpe", .regexes = kLlama3, .ignore_merges = true, .adds_bos = true},
    {.name = "llama3", .regexes = kLlama3, .ignore_merges = true, .adds_bos = true},
    {.name = "llama-v3", .regexes = kLlama3, .ignore_merges = true, .adds_bos = true},
    {.name = "falcon3", .regexes = kLlama3, .ignore_merges = true, .adds_bos = true},
    {.name = "falcon-h1", .regexes = kLlama3, .ignore_merges = true, .adds_bos = true},
    {.name = "pixtral", .regexes = kLlama3, .ignore_merges = true, .adds_bos = true},
    {.name = "midm-2.0", .regexes = kLlama3, .ignore_merges = true, .adds_bos = true},
    {.name = "lfm2", .regexes = kLlama3, .ignore_merges = true, .adds_bos = true},
    {.name = "glm4", .regexes = kLlama3, .ignore_merges = true},
    {.name = "chatglm-bpe", .regexes = kLlama3, .ignore_merges = true},
    {.name = "glm5", .regexes = kLlama3, .ignore_merges = true},
    {.name = "smaug-bpe", .regexes = kLlama3},
    {.name = "dbrx", .regexes = kLlama3},
    {.name = "qwen2", .regexes = kQwen2, .nfc = true},
    {.name = "deepseek-r1-qwen", .regexes = kQwen2, .nfc = true},
    {.name = "megrez", .regexes = kQwen2, .nfc = true},
    {.name = "stablelm2", .regexes = kQwen2},
    {.name = "qwen35", .regexes = kQwen35, .nfc = true},
    {.name = "tekken", .regexes = kTekken, .ignore_merges = true, .adds_bos = true},
    {.name = "gpt-4o", .regexes = kGpt4o},
    {.name = "llama4", .regexes = kGpt4o},
    {.name = "gpt-2", .regexes = kGpt2},
    {.name = "mpt", .regexes = kGpt2, .nfc = true},
    {.name = "olmo", .regexes = kGpt2, .nfc = true},
    {.name = "phi-2", .regexes = kGpt2},
    {.name = "jais", .regexes = kGpt2},
    {.name = "jina-es", .regexes = kGpt2},
    {.name = "jina-de", .regexes = kGpt2},
    {.name = "jina-v2-es", .regexes = kGpt2},
    {.name = "jina-v2-de", .regexes = kGpt2},
    {.name = "gigachat", .regexes = kGpt2},
    {.name = "starcoder", .regexes = kStarcoder},
    {.name = "refact", .regexes = kStarcoder},
    {.name = "smollm", .regexes = kStarcoder},
    {.name = "command-r", .regexes = kStarcoder},
    {.name = "codeshell", .regexes = kStarcoder},
    {.name = "exaone", .regexes = kStarcoder},
    {.name = "minerva-7b", .regexes = kStarcoder},
    {.name = "deepseek-llm", .regexes = kDeepseekLlm},
    {.name = "deepseek-coder", .regexes = kDeepseekCoder},
    {.name = "deepseek-v3", .regexes = kDeepseekV3},
    {.name = "falcon", .regexes = kFalcon},
    {.name = "default", .regexes = kDefault},
    {.name = "poro-chat", .regexes = kPoro},
    {.name = "bloom", .regexes = kPoro},
    {.name = "gpt3-finnish", .regexes = kPoro},
    {.name = "viking", .regexes = kViking},
};
// clang-format on

void ReplaceAll(std::string* text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text->find(from, at)) != std::string::npos; at += to.size()) {
    text->replace(at, from.size(), to);
  }
}

// One spelling for what is written in several ways.
std::string Canonical(std::string_view regex) {
  std::string out(regex);
  ReplaceAll(&out, "\r", R"(\r)");
  ReplaceAll(&out, "\n", R"(\n)");
  ReplaceAll(&out, "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])",
             "(?i:'s|'t|'re|'ve|'m|'ll|'d)");
  ReplaceAll(&out, R"(\p{N}{1}|)", R"(\p{N}|)");
  return out;
}

bool SameRegexes(std::span<const std::string> a, std::span<const std::string_view> b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const std::string& x, std::string_view y) { return Canonical(x) == Canonical(y); });
}

}  // namespace

std::span<const PreTokenizerRow> PreTokenizers() { return kRows; }

const PreTokenizerRow* FindPreTokenizer(std::string_view name) {
  for (const PreTokenizerRow& row : kRows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

const PreTokenizerRow* RecognisePreTokenizer(std::span<const std::string> regexes,
                                             bool ignore_merges) {
  const PreTokenizerRow* best = nullptr;
  for (const PreTokenizerRow& row : kRows) {
    if (!SameRegexes(regexes, row.regexes)) continue;
    if (row.ignore_merges == ignore_merges) return &row;
    if (!best) best = &row;
  }
  return best;
}

}  // namespace autoglm
