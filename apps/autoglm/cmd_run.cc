// autoglm run: one prompt, one answer, shown as it is written.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/autoglm/command.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "apps/autoglm/session_source.h"

namespace autoglm {
namespace {

class RunCommand final : public Command {
 public:
  void Declare(CLI::App* app) override {
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
                    "hold the answer to a GBNF grammar: a file, or a built-in one: autoglm, json")
        ->type_name("FILE|NAME");
    app->add_flag("!--no-jump-ahead", jump_ahead_,
                  "compute the text that a grammar forces token by token");
    app->add_flag("-v,--verbose", verbose_, "tell on stderr what is done and how fast");
    AddJsonOption(app, &json_);
  }

  Status Check() override {
    AUTOGLM_RETURN_IF_ERROR(FindModel(options_.model).status());
    return text_.Check();
  }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const std::string prompt, text_.Read());
    AUTOGLM_ASSIGN_OR_RETURN(const std::unique_ptr<AutoGLMSession> session,
                             OpenSession(options_, verbose_));
    AUTOGLM_ASSIGN_OR_RETURN(const ModelInfo info, session->Info());
    AUTOGLM_ASSIGN_OR_RETURN(ChatOptions options, MakeChatOptions(*session, sampling_));
    if (max_tokens_ > 0) options.max_tokens = max_tokens_;
    options.stop = stop_;
    options.ignore_eos = ignore_eos_;
    if (drop_oldest_) options.context_policy = ContextPolicy::kDropOldest;
    options.n_keep = n_keep_;
    AUTOGLM_ASSIGN_OR_RETURN(options.grammar, ReadGrammar(grammar_));
    options.jump_ahead = jump_ahead_;

    const bool as_chat = !raw_ && info.has_chat_template;
    // Asked for plain continuation, people expect to read what they wrote as its beginning.
    if (!as_chat && !json_) Print(prompt);
    const TextCallback show = [&](std::string_view text) {
      if (!json_) {
        Print(text);
        FlushOutput();
      }
      return true;
    };
    if (!as_chat && !json_) FlushOutput();
    AUTOGLM_ASSIGN_OR_RETURN(const GenerateResult result,
                             as_chat ? session->Chat({{"user", prompt}}, options, show)
                                     : session->Generate(prompt, options, show));
    if (json_) {
      PrintJson(ResultToJson(result));
    } else {
      Print("\n");
      FlushOutput();
    }
    if (verbose_) std::fprintf(stderr, "autoglm: %s\n", Summary(result).c_str());
    if (!result.status.ok() && !json_) {
      std::fprintf(stderr, "autoglm: warning: %s\n", result.status.message().c_str());
    }
    return OkStatus();
  }

 private:
  ModelOptions options_;
  SamplingOptions sampling_;
  TextOptions text_;
  int max_tokens_ = 0;
  bool raw_ = false;
  std::vector<std::string> stop_;
  bool ignore_eos_ = false;
  bool drop_oldest_ = false;
  int n_keep_ = 0;
  std::string grammar_;
  bool jump_ahead_ = true;
  bool verbose_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> NewRunCommand() { return std::make_unique<RunCommand>(); }

}  // namespace autoglm
