// Any template source, rendered with a fixed conversation.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <nlohmann/json.hpp>

#include "text/chat_template.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"

namespace {

constexpr const char* kInput = R"({
  "messages": [{"role": "system", "content": "Be brief."},
               {"role": "user", "content": "Größe 你好 <b>", "tool_calls": null},
               {"role": "assistant", "content": [{"type": "text", "text": "ok"}],
                "tool_calls": [{"id": 1, "function": {"name": "f", "arguments": {"x": 1.5}}}]}],
  "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
  "add_generation_prompt": true, "bos_token": "<s>", "eos_token": "</s>", "n": 3})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto input = nlohmann::ordered_json::parse(kInput);
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto program = autoglm::jinja::ParseTemplate(source);
  if (!program.ok()) return 0;
  // Tighter than in production, so that the fuzzer tries more templates than it waits for.
  autoglm::jinja::Limits limits;
  limits.max_steps = 100'000;
  limits.max_text_bytes = 4u << 20;
  limits.max_live_bytes = 32u << 20;
  autoglm::jinja::Runtime runtime(limits, 1768480496);
  autoglm::jinja::Interpreter interpreter(*program, &runtime);
  interpreter.Run(input);
  runtime.BreakCycles();
  return 0;
}
