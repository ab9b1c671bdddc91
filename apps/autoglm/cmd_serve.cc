// autoglm serve: one process that answers for many apps, over HTTP.
#include <string>
#include <vector>

#include "apps/autoglm/command.h"
#include "apps/autoglm/options.h"
#ifdef AUTOGLM_HAVE_SERVICE
#include "service/daemon.h"
#endif

namespace autoglm {
namespace {

#ifdef AUTOGLM_HAVE_SERVICE

class ServeCommand final : public Command {
 public:
  void Declare(CLI::App* app) override {
    app->add_option("-m,--model", models_, "a model to serve (may be repeated)")
        ->type_name("MODEL")
        ->take_all();
    app->add_option("--models", folder_, "serve every model in this folder")->type_name("FOLDER");
    app->add_option("--config", config_file_, "apps, models and limits (JSON); see docs/service.md")
        ->type_name("FILE");
    app->add_option("--host", host_, "address to listen on (default 127.0.0.1; \"\": none)")
        ->type_name("ADDRESS");
    app->add_option("--port", port_, "TCP port (default 8080; 0: any that is free)")
        ->type_name("N")
        ->check(WholeBetween(0, 65535));
    app->add_option("--unix", unix_path_, "unix socket to listen on")->type_name("PATH");
    app->add_option("--threads", n_threads_, "threads that compute (default: all cores)")
        ->type_name("N")
        ->check(WholeBetween(1, 1024));
    app->add_option("--ctx", n_ctx_, "tokens of one conversation")
        ->type_name("N")
        ->check(WholeBetween(2, 1 << 24));
    app->add_option("--parallel", max_sequences_, "answers written at a time (default 16)")
        ->type_name("N")
        ->check(WholeBetween(1, 64));
    app->add_option("--kv-tokens", kv_tokens_, "tokens that a model's cache holds")
        ->type_name("N")
        ->check(WholeBetween(32, 1 << 24));
    app->add_option("--chat-template", chat_template_, "a Jinja file instead of the model's own")
        ->type_name("FILE");
    app->add_option("--quantize", quantize_, "convert weights while loading: int8, int4, f16 ...")
        ->type_name("TYPE");
  }

  Status Check() override {
    if (!models_.empty() || !folder_.empty() || !config_file_.empty()) return OkStatus();
    AUTOGLM_ASSIGN_OR_RETURN(models_.emplace_back(), FindModel(""));
    return OkStatus();
  }

  Status Run() override {
    ServeOptions options;
    options.config_file = config_file_;
    options.models = models_;
    options.model_folder = folder_;
    options.host = host_;
    options.port = port_;
    options.unix_path = unix_path_;
    options.model_defaults.n_threads = n_threads_;
    options.model_defaults.n_ctx = n_ctx_;
    options.model_defaults.max_sequences = max_sequences_;
    options.model_defaults.kv_tokens = kv_tokens_;
    options.model_defaults.chat_template_file = chat_template_;
    options.model_defaults.quantize = quantize_;
    return Serve(options);
  }

 private:
  std::vector<std::string> models_;
  std::string folder_;
  std::string config_file_;
  std::optional<std::string> host_;
  std::optional<uint16_t> port_;
  std::optional<std::string> unix_path_;
  int n_threads_ = 0;
  int n_ctx_ = 0;
  int max_sequences_ = 16;
  int kv_tokens_ = 0;
  std::string chat_template_;
  std::string quantize_;
};

#else

class ServeCommand final : public Command {
 public:
  void Declare(CLI::App* app) override { app->allow_extras(); }
  Status Run() override {
    return Error(StatusCode::kUnimplemented,
                 "this program was built without the service (AUTOGLM_BUILD_SERVICE)");
  }
};

#endif

}  // namespace

std::unique_ptr<Command> NewServeCommand() { return std::make_unique<ServeCommand>(); }

}  // namespace autoglm
