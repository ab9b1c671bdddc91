// See daemon.h.
#include "service/daemon.h"

#include <signal.h>
#include <sys/resource.h>

#include <cstdio>
#include <memory>
#include <utility>

#include "base/str.h"
#include "net/http_server.h"
#include "platform/file.h"
#include "service/inference_loop.h"
#include "service/model_host.h"
#include "service/service.h"

namespace autoglm {
namespace {

constexpr int64_t kDrainMs = 10'000;

Result<std::vector<ModelSettings>> CollectModels(const ServeOptions& options) {
  std::vector<ModelSettings> models;
  for (const std::string& path : options.models) {
    if (!FileExists(path) && !IsDirectory(path)) {
      return Error(StatusCode::kNotFound, "there is no model '", path, "'");
    }
    models.push_back({.name = ModelNameOf(path), .path = path});
  }
  if (!options.model_folder.empty()) {
    AUTOGLM_ASSIGN_OR_RETURN(std::vector<ModelSettings> found, FindModels(options.model_folder));
    for (ModelSettings& model : found) models.push_back(std::move(model));
  }
  for (ModelSettings& model : models) {
    ModelSettings full = options.model_defaults;
    full.name = model.name;
    full.path = model.path;
    model = std::move(full);
  }
  return models;
}

/// As many connections as the system lets this process have.
void RaiseFileLimit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Logger StderrLog() {
  return Logger([](LogLevel level, std::string_view message) {
    std::fprintf(stderr, "autoglm: %s: %.*s\n", LogLevelName(level),
                 static_cast<int>(message.size()), message.data());
  });
}

}  // namespace

Status Serve(const ServeOptions& options) {
  // Blocked before any thread is started, so that this one alone gets them.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  RaiseFileLimit();

  AUTOGLM_ASSIGN_OR_RETURN(std::vector<ModelSettings> models, CollectModels(options));
  const Logger log = StderrLog();
  const SteadyClock clock;
  ModelHost host(
      {.models = std::move(models)},
      [&log](const ModelSettings& settings) { return LoadHostedModel(settings, log); }, log);
  InferenceLoop inference;
  Service service({}, host, inference, clock, {});
  HttpServerOptions server_options;
  if (options.host) server_options.host = *options.host;
  if (options.port) server_options.port = *options.port;
  if (options.unix_path) server_options.unix_path = *options.unix_path;
  AUTOGLM_ASSIGN_OR_RETURN(const std::unique_ptr<HttpServer> server,
                           HttpServer::Start(server_options, service));
  log.Info("listening on ", server_options.host, ":", server->port());
  for (int signal = 0; signal != SIGTERM && signal != SIGINT;) sigwait(&signals, &signal);
  log.Info("stopping");
  server->Stop(kDrainMs);
  inference.Stop();
  return OkStatus();
}

}  // namespace autoglm
