// Any text as a JSON Schema: it is refused, or becomes a grammar that compiles (unless it is too
// large, or nothing can be valid); and what it permits between tags ends none.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "sampling/grammar/grammar.h"
#include "sampling/grammar/json_schema.h"

namespace {

using autoglm::GrammarMatcher;
using autoglm::JsonForm;

constexpr JsonForm kForms[] = {JsonForm::kWritten, JsonForm::kRead, JsonForm::kInTags};

// Null where there is a good reason.
std::shared_ptr<const autoglm::Grammar> Compile(const std::string& gbnf) {
  const auto grammar = autoglm::Grammar::Compile({.gbnf = gbnf}, nullptr);
  if (grammar.ok()) return *grammar;
  const std::string message = grammar.status().message();
  const bool is_permitted = grammar.status().code() == autoglm::StatusCode::kResourceExhausted ||
                            message.find("end") != std::string::npos ||
                            message.find("left recursion") != std::string::npos;
  if (is_permitted) return nullptr;
  std::fprintf(stderr, "%s\n%s\n", message.c_str(), gbnf.c_str());
  std::abort();
}

// Along one text that the grammar permits, `mark` may nowhere come.
void RequireNever(const std::shared_ptr<const autoglm::Grammar>& grammar, std::string_view mark) {
  constexpr int kSteps = 64;
  if (grammar == nullptr) return;
  GrammarMatcher matcher(grammar);
  uint32_t random = 1;
  for (int step = 0; step < kSteps; ++step) {
    if (GrammarMatcher(matcher).AcceptText(mark) == mark.size()) std::abort();
    random = random * 1664525 + 1013904223;
    bool goes_on = false;
    for (uint32_t i = 0; i < 256 && !goes_on; ++i) {
      const char byte = static_cast<char>((random >> 24) + i);
      GrammarMatcher next = matcher;
      goes_on = next.AcceptText({&byte, 1}) == 1;
      if (goes_on) matcher = next;
    }
    if (!goes_on) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  bool is_schema = false;
  for (const JsonForm form : kForms) {
    const auto gbnf = autoglm::JsonSchemaToGbnf(text, form);
    if (!gbnf.ok()) continue;
    const auto grammar = Compile(*gbnf);
    is_schema |= form == JsonForm::kWritten;
    if (form == JsonForm::kInTags) RequireNever(grammar, "</");
  }
  const auto schema = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!is_schema || !schema.is_object() ||
      !(schema.contains("pattern") || schema.contains("format"))) {
    return 0;
  }
  constexpr std::string_view kEnd = "</a>";
  const auto gbnf = autoglm::BareStringToGbnf(schema, "root", kEnd);
  if (gbnf.ok()) RequireNever(Compile(*gbnf), kEnd);
  return 0;
}
