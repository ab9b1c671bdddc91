// See daemon.h.
#include "service/daemon.h"

#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <utility>

#include "base/str.h"
#include "net/http_server.h"
#include "platform/bus_error.h"
#include "platform/file.h"
#include "service/aes_gcm_cipher.h"
#include "service/config.h"
#include "service/inference_loop.h"
#include "service/metrics.h"
#include "service/model_host.h"
#include "service/public_prompts.h"
#include "service/request_log.h"
#include "service/service.h"
#include "service/sessions.h"

namespace autoglm {
namespace {

/// How long answers may go on after SIGTERM.
constexpr int64_t kDrainMs = 10'000;

ModelSettings WithDefaults(const ModelSettings& defaults, std::string name, std::string path) {
  ModelSettings settings = defaults;
  settings.name = std::move(name);
  settings.path = std::move(path);
  return settings;
}

Status AddModels(const ServeOptions& options, const std::string& folder,
                 std::vector<ModelSettings>* models) {
  for (const std::string& path : options.models) {
    models->push_back(WithDefaults(options.model_defaults, ModelNameOf(path), path));
  }
  if (!folder.empty()) {
    AUTOGLM_ASSIGN_OR_RETURN(const std::vector<ModelSettings> found, FindModels(folder));
    for (const ModelSettings& model : found) {
      models->push_back(WithDefaults(options.model_defaults, model.name, model.path));
    }
  }
  for (size_t i = 0; i < models->size(); ++i) {
    const ModelSettings& model = (*models)[i];
    if (!FileExists(model.path) && !IsDirectory(model.path)) {
      return Error(StatusCode::kNotFound, "there is no model '", model.path, "'");
    }
    for (size_t j = 0; j < i; ++j) {
      if ((*models)[j].name != model.name) continue;
      return Error(StatusCode::kInvalidArgument, "two models are called '", model.name,
                   "': ", (*models)[j].path, " and ", model.path, "; give one another name");
    }
  }
  if (models->empty()) {
    return Error(StatusCode::kInvalidArgument,
                 "no model to serve: pass -m MODEL or --models FOLDER, or name models in the "
                 "configuration file");
  }
  return OkStatus();
}

/// The configuration file, if any, under the command line.
Result<ServiceConfig> LoadConfig(const ServeOptions& options) {
  ServiceConfig config;
  if (!options.config_file.empty()) {
    AUTOGLM_ASSIGN_OR_RETURN(config, ReadServiceConfig(options.config_file));
  }
  if (options.host) config.listen.host = *options.host;
  if (options.port) config.listen.port = *options.port;
  if (options.unix_path) config.listen.unix_path = *options.unix_path;
  AUTOGLM_RETURN_IF_ERROR(CheckExposure(config.listen, config.apps));
  return config;
}

/// As many connections as the system lets this process have.
void RaiseFileLimit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// Lines on stderr, whole even where threads write at once.
class StderrLines {
 public:
  void Write(std::string_view line) {
    std::lock_guard lock(mutex_);
    std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
  }

 private:
  std::mutex mutex_;
};

sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

/// Everything that serves, in the order in which the later parts use the earlier ones.
class Daemon {
 public:
  Daemon(ServeOptions options, ServiceConfig config, std::vector<ModelSettings> models)
      : options_(std::move(options)),
        config_(std::move(config)),
        log_([this](LogLevel level, std::string_view message) {
          lines_.Write(StrCat("autoglm: ", LogLevelName(level), ": ", message));
        }),
        request_log_([this](std::string_view line) { lines_.Write(line); }),
        limits_(config_.limits, clock_.NowNs()),
        host_(
            {.models = std::move(models), .budget_bytes = Budget(config_)},
            [this](const ModelSettings& settings) { return Load(settings); }, log_),
        service_({.apps = config_.apps, .admin_token = config_.admin_token}, host_, inference_,
                 limits_, clock_, {&metrics_, &request_log_}) {}

  Status Run(const sigset_t& signals) {
    AUTOGLM_RETURN_IF_ERROR(OpenSessions());
    service_.metrics_text = [this] {
      const HttpServer* server = server_;
      return metrics_.Text(host_, limits_, server != nullptr ? server->n_connections() : 0);
    };
    AUTOGLM_ASSIGN_OR_RETURN(const std::unique_ptr<HttpServer> server,
                             HttpServer::Start(config_.listen, service_));
    server_ = server.get();
    Announce(*server);
    for (int number = 0; number != SIGTERM && number != SIGINT;) {
      sigwait(&signals, &number);
      if (number == SIGHUP) Reload();
    }
    log_.Info("stopping: answers under way have ", kDrainMs / 1000, " s to end");
    server->Stop(kDrainMs);
    inference_.Stop();
    return OkStatus();
  }

 private:
  static int64_t Budget(const ServiceConfig& config) {
    if (config.memory_bytes > 0) return config.memory_bytes;
    return SystemBudgetBytes().value_or(INT64_MAX);
  }

  Status OpenSessions() {
    const StateConfig& state = config_.state;
    if (state.folder.empty()) return OkStatus();
    if (!state.key_file.empty()) {
      AUTOGLM_ASSIGN_OR_RETURN(cipher_, AesGcmCipherFromFile(state.key_file));
    }
    AUTOGLM_ASSIGN_OR_RETURN(
        store_,
        StateStore::Open(
            state.folder, cipher_.get(),
            {.max_bytes = state.max_bytes, .max_bytes_per_app = state.max_bytes_per_app}, log_));
    log_.Info("sessions: ", state.folder, cipher_ ? "" : " (not encrypted)", ", ",
              store_->n_discarded(), " torn files discarded, ", store_->n_unreadable(),
              " that this key does not open");
    sessions_ = std::make_unique<Sessions>(*store_, inference_);
    service_.set_sessions(sessions_.get());
    return OkStatus();
  }

  Result<ModelHost::ModelPtr> Load(const ModelSettings& settings) {
    const LanePolicy policy = {
        .admission = config_.admission,
        .on_admitted = [this](RequestClass request_class, int64_t queue_delay_ns) {
          limits_.ObserveDelay(request_class, queue_delay_ns, clock_.NowNs());
        }};
    AUTOGLM_ASSIGN_OR_RETURN(const ModelHost::ModelPtr model,
                             LoadHostedModel(settings, policy, log_));
    SharePublicPrompts(model, config_.public_system_prompts, inference_, log_);
    return model;
  }

  void Announce(const HttpServer& server) {
    const HttpServerOptions& listen = config_.listen;
    const char* scheme = listen.tls_certificate_file.empty() ? "http" : "https";
    if (!listen.host.empty()) {
      log_.Info("listening on ", scheme, "://", listen.host, ":", server.port());
    }
    if (!listen.unix_path.empty()) log_.Info("listening on unix:", listen.unix_path);
    log_.Info("memory budget: ", host_.budget().capacity_bytes(), " bytes");
  }

  void Reload() {
    const Result<ServiceConfig> config = LoadConfig(options_);
    if (!config.ok()) {
      log_.Log(LogLevel::kError, "the configuration stays as it was: ", config.status().message());
      return;
    }
    service_.Reconfigure({.apps = config->apps, .admin_token = config->admin_token});
    log_.Info("apps and the admin token are read again: ", config->apps.size(),
              " apps; everything else changes with a restart");
  }

  const ServeOptions options_;
  const ServiceConfig config_;
  StderrLines lines_;
  const Logger log_;
  RequestLog request_log_;
  Metrics metrics_;
  const SteadyClock clock_;
  Limits limits_;
  InferenceLoop inference_;
  ModelHost host_;
  std::unique_ptr<StateCipher> cipher_;  ///< null: state files are not encrypted
  std::unique_ptr<StateStore> store_;    ///< null: no sessions
  std::unique_ptr<Sessions> sessions_;   ///< null: no sessions
  Service service_;
  std::atomic<const HttpServer*> server_ = nullptr;  ///< while it runs
};

}  // namespace

Status Serve(const ServeOptions& options) {
  // Blocked before any thread is started, so that this one alone gets them.
  const sigset_t signals = BlockSignals();
  RaiseFileLimit();
  SurviveShrunkFiles();
  AUTOGLM_ASSIGN_OR_RETURN(ServiceConfig config, LoadConfig(options));
  std::vector<ModelSettings> models = config.models;
  AUTOGLM_RETURN_IF_ERROR(AddModels(
      options, options.model_folder.empty() ? config.model_folder : options.model_folder, &models));
  return Daemon(options, std::move(config), std::move(models)).Run(signals);
}

}  // namespace autoglm
