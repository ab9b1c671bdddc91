// autoglm render: a chat template applied to messages.
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "apps/autoglm/command.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "base/str.h"
#include "text/chat_template.h"

namespace autoglm {
namespace {

class RenderCommand : public Command {
 public:
  void Declare(CLI::App* app) override {
    app->add_option("--template", template_, "a Jinja chat template (-: stdin)")
        ->type_name("FILE")
        ->required();
    app->add_option("--input", input_,
                    "an object with messages, tools, add_generation_prompt and any other variable")
        ->type_name("FILE.json")
        ->required();
    app->add_option("--now", now_unix_s_,
                    "what strftime_now sees, in seconds since 1970 (default: the time)")
        ->type_name("N");
  }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const std::string source, ReadInput(template_));
    AUTOGLM_ASSIGN_OR_RETURN(const std::string text, ReadInput(input_));
    const auto input = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!input.is_object()) {
      return Error(StatusCode::kInvalidArgument, input_, " is not a JSON object");
    }
    auto chat_template = ChatTemplate::Parse(source);
    if (!chat_template.ok()) return chat_template.status().WithContext(template_);
    AUTOGLM_ASSIGN_OR_RETURN(const std::string rendered,
                             chat_template->Render(input, now_unix_s_.value_or(UnixTime())));
    Print(rendered);
    return OkStatus();
  }

 private:
  static int64_t UnixTime() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
  }

  std::string template_;
  std::string input_;
  std::optional<int64_t> now_unix_s_;
};

}  // namespace

std::unique_ptr<Command> NewRenderCommand() { return std::make_unique<RenderCommand>(); }

}  // namespace autoglm
