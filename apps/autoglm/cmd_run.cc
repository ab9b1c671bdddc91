// autoglm run: one prompt, one answer, shown as it is written.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/autoglm/command.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "apps/autoglm/session_source.h"
#include "autoglm/client.h"

namespace autoglm {
namespace {

class RunCommand final : public Command {
 public:
  void Declare(CLI::App* app) override {
    options_.weights = "mapped";  // one answer is over before a copy has paid
    options_.Declare(app);
    sampling_.Declare(app);
    text_.Declare(app, /*with_prompt=*/true);
    app->add_option("-n,--max-tokens", max_tokens_, "tokens to write at most (default: no limit)")
        ->type_name("N")
        ->check(WholeBetween(1, 1 << 24));
    app->add_flag("--raw", raw_,
                  "continue the text as it is (default: ask it in the model's chat form, where it "
                  "has one)");
    app->add_option("--stop", stop_, "end the answer before this text (may be repeated)")
        ->type_name("TEXT")
        ->take_all();
    app->add_flag("--ignore-eos", ignore_eos_, "go on after the token that ends an answer");
    app->add_flag("--drop-oldest", drop_oldest_,
                  "forget the oldest tokens where the context is full, instead of ending");
    app->add_option("--keep", n_keep_, "with --drop-oldest: first tokens that are never forgotten")
        ->type_name("N")
        ->check(WholeBetween(0, 1 << 24));
    app->add_option("--grammar", grammar_,
                    "hold the answer to a GBNF grammar: a file, or a built-in one: autoglm, "
                    "json, phone_actions")
        ->type_name("FILE|NAME");
    app->add_option("--json-schema", json_schema_,
                    "hold the answer to a JSON Schema: a JSON value that is valid against it")
        ->type_name("FILE")
        ->excludes("--grammar");
    app->add_flag("!--no-jump-ahead", jump_ahead_,
                  "compute the text that a grammar forces token by token");
    app->add_option("--tools", tools_, "tools that the model may call, a JSON array as with OpenAI")
        ->type_name("FILE.json");
    app->add_option("--tool-choice", tool_choice_,
                    "auto (the default), none, required, or the name of the tool to call")
        ->type_name("CHOICE");
    DeclareServer(app);
    app->add_flag("-v,--verbose", verbose_, "tell on stderr what is done and how fast");
    AddJsonOption(app, &json_);
  }

  Status Check() override {
    if (server_.server.empty()) {
      AUTOGLM_RETURN_IF_ERROR(FindModel(options_.model).status());
      if (!server_.request_class.empty() || server_.deadline_ms > 0) {
        return Error(StatusCode::kInvalidArgument, "--class and --deadline are for --server");
      }
    } else if (drop_oldest_ || !grammar_.empty()) {
      return Error(StatusCode::kInvalidArgument, drop_oldest_ ? "--drop-oldest" : "--grammar",
                   " is not for --server");
    }
    return text_.Check();
  }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const std::string prompt, text_.Read());
    return server_.server.empty() ? RunHere(prompt) : RunThere(prompt);
  }

 private:
  void DeclareServer(CLI::App* app) {
    app->add_option("--server", server_.server,
                    "ask this inference service (http://HOST:PORT or unix:PATH) and load no model; "
                    "-m is then one of its models' names. A key is taken from AUTOGLM_API_KEY")
        ->type_name("URL");
    app->add_option("--class", server_.request_class, "with --server: the class of the request")
        ->type_name("CLASS")
        ->check(OneOf({"realtime", "interactive", "batch"}));
    app->add_option("--deadline", server_.deadline_ms,
                    "with --server and realtime: milliseconds after which the answer is useless")
        ->type_name("MS")
        ->check(WholeBetween(1, kMaxDeadlineMs));
  }

  Status RunHere(const std::string& prompt) {
    AUTOGLM_ASSIGN_OR_RETURN(const std::unique_ptr<AutoGLMSession> session,
                             OpenSession(options_, verbose_));
    AUTOGLM_ASSIGN_OR_RETURN(const ModelInfo info, session->Info());
    AUTOGLM_ASSIGN_OR_RETURN(ChatOptions options, MakeChatOptions(*session, sampling_));
    SetOptions(&options);
    if (drop_oldest_) options.context_policy = ContextPolicy::kDropOldest;
    options.n_keep = n_keep_;
    AUTOGLM_ASSIGN_OR_RETURN(options.grammar, ReadGrammar(grammar_));
    if (!json_schema_.empty()) {
      AUTOGLM_ASSIGN_OR_RETURN(options.json_schema, ReadInput(json_schema_));
    }
    options.jump_ahead = jump_ahead_;
    if (!tools_.empty()) {
      AUTOGLM_ASSIGN_OR_RETURN(options.tools_json, ReadInput(tools_));
    }
    options.tool_choice = tool_choice_;

    const bool as_chat = !raw_ && info.has_chat_template;
    answers_with_action_ = as_chat && !info.task.empty();
    if (!as_chat) Show(prompt);
    const TextCallback show = [this](std::string_view text) { return Show(text); };
    const DeltaCallback show_part = [this](const ChatDelta& delta) {
      if (delta.kind == ChatDelta::Kind::kContent) return Show(delta.text);
      // Reasoning is no part of the answer.
      const bool is_told = delta.kind == ChatDelta::Kind::kReasoning && !json_;
      if (is_told) std::fputs(delta.text.c_str(), stderr);
      return true;
    };
    AUTOGLM_ASSIGN_OR_RETURN(const GenerateResult result,
                             as_chat ? session->Chat({{"user", prompt}}, options, show_part)
                                     : session->Generate(prompt, options, show));
    ShowResult(result);
    return OkStatus();
  }

  Status RunThere(const std::string& prompt) {
    if (const char* key = std::getenv("AUTOGLM_API_KEY"); key != nullptr) server_.api_key = key;
    AUTOGLM_ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, Client::Create(server_));
    ChatOptions options;
    LayOver(sampling_, &options);
    SetOptions(&options);
    if (raw_) Show(prompt);
    const TextCallback show = [this](std::string_view text) { return Show(text); };
    AUTOGLM_ASSIGN_OR_RETURN(const GenerateResult result,
                             raw_
                                 ? client->Complete(options_.model, prompt, options, show)
                                 : client->Chat(options_.model, {{"user", prompt}}, options, show));
    ShowResult(result);
    return OkStatus();
  }

  void SetOptions(GenerateOptions* options) const {
    if (max_tokens_ > 0) options->max_tokens = max_tokens_;
    options->stop = stop_;
    options->ignore_eos = ignore_eos_;
  }

  /// What is written, and before it the prompt that is continued: people expect to read what they
  /// wrote as its beginning.
  bool Show(std::string_view text) const {
    if (json_) return true;
    Print(text);
    FlushOutput();
    return true;
  }

  void ShowResult(const GenerateResult& result) const {
    if (json_) {
      nlohmann::ordered_json json = ResultToJson(result);
      if (answers_with_action_) json["action"] = ActionToJson(result.text);
      PrintJson(json);
    } else {
      Print("\n");
      for (const ToolCall& call : result.tool_calls) PrintJson(CallToJson(call));
      FlushOutput();
    }
    if (verbose_) std::fprintf(stderr, "autoglm: %s\n", Summary(result).c_str());
    if (!result.status.ok() && !json_) {
      std::fprintf(stderr, "autoglm: warning: %s\n", result.status.message().c_str());
    }
  }

  static constexpr int kMaxDeadlineMs = 24 * 3600 * 1000;

  ModelOptions options_;
  ClientOptions server_{.server = ""};
  SamplingOptions sampling_;
  TextOptions text_;
  int max_tokens_ = 0;
  bool raw_ = false;
  std::vector<std::string> stop_;
  bool ignore_eos_ = false;
  bool drop_oldest_ = false;
  int n_keep_ = 0;
  std::string grammar_;
  std::string json_schema_;
  bool jump_ahead_ = true;
  std::string tools_;
  std::string tool_choice_ = "auto";
  bool verbose_ = false;
  bool json_ = false;
  bool answers_with_action_ = false;  ///< the model was made for that
};

}  // namespace

std::unique_ptr<Command> NewRunCommand() { return std::make_unique<RunCommand>(); }

}  // namespace autoglm
