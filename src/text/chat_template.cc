#include "text/chat_template.h"

#include <nlohmann/json.hpp>

#include "text/jinja/interpreter.h"
#include "text/jinja/lexer.h"
#include "text/jinja/parser.h"

namespace autoglm {

struct ChatTemplate::Impl {
  jinja::Program program;
};

ChatTemplate::ChatTemplate(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::Parse(std::string_view source) {
  AUTOGLM_ASSIGN_OR_RETURN(jinja::Program program, jinja::ParseTemplate(source));
  return ChatTemplate(std::make_unique<Impl>(Impl{std::move(program)}));
}

Result<std::string> ChatTemplate::Render(const nlohmann::ordered_json& input,
                                         int64_t now_unix_s) const {
  if (!input.is_object()) {
    return Error(StatusCode::kInvalidArgument, "the input of a chat template must be an object");
  }
  jinja::Runtime runtime(jinja::Limits(), now_unix_s);
  std::string text;
  {
    jinja::Interpreter interpreter(impl_->program, &runtime);
    text = interpreter.Run(input);
    runtime.BreakCycles();
  }
  if (!runtime.failed()) return text;
  if (!runtime.error_has_position()) {
    return Status(runtime.error_code(), runtime.error_message());
  }
  return jinja::ErrorAt(impl_->program.source, runtime.error_offset(), runtime.error_code(),
                        runtime.error_message());
}

}  // namespace autoglm
