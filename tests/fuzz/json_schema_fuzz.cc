// Any text as a JSON Schema: it is refused, or becomes a grammar that compiles (unless it is too
// large, or nothing can be valid).
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sampling/grammar/grammar.h"
#include "sampling/grammar/json_schema.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view schema(reinterpret_cast<const char*>(data), size);
  for (const autoglm::JsonForm form : {autoglm::JsonForm::kWritten, autoglm::JsonForm::kRead}) {
    const auto gbnf = autoglm::JsonSchemaToGbnf(schema, form);
    if (!gbnf.ok()) continue;
    const auto grammar = autoglm::Grammar::Compile({.gbnf = *gbnf}, nullptr);
    const std::string message = grammar.status().message();
    const bool is_permitted = grammar.ok() ||
                              grammar.status().code() == autoglm::StatusCode::kResourceExhausted ||
                              message.find("end") != std::string::npos ||
                              message.find("left recursion") != std::string::npos;
    if (is_permitted) continue;
    std::fprintf(stderr, "%s\n%s\n", message.c_str(), gbnf->c_str());
    std::abort();
  }
  return 0;
}
