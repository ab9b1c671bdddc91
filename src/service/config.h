// ServiceConfig: the service's configuration file, JSON. docs/service.md lists its fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "net/http_server.h"
#include "service/apps.h"
#include "service/hosted_model.h"
#include "service/limits.h"

namespace autoglm {

struct StateConfig {
  std::string folder;    ///< where conversations sleep; empty: nowhere
  std::string key_file;  ///< what they are encrypted with; empty: they are not
  int64_t max_bytes = int64_t{4} << 30;
  int64_t max_bytes_per_app = int64_t{1} << 30;
};

struct ServiceConfig {
  HttpServerOptions listen;
  std::string admin_token;
  std::vector<ModelSettings> models;
  std::string model_folder;
  int64_t memory_bytes = 0;  ///< of models, caches and tasks together; 0: by what is free
  std::vector<App> apps;
  LimitOptions limits;
  AdmissionOptions admission;
  std::vector<std::string> public_system_prompts;
  StateConfig state;
};

/// Reads `text`. kInvalidArgument, with the path of the field ("apps[1].class"), what was found and
/// what was expected; fields that nobody knows are refused, too.
Result<ServiceConfig> ParseServiceConfig(std::string_view text);
/// The same for a file.
Result<ServiceConfig> ReadServiceConfig(const std::string& path);

/// kInvalidArgument where `config` would let strangers in: an address other than the loopback
/// without apps that have keys.
Status CheckExposure(const HttpServerOptions& listen, const std::vector<App>& apps);

}  // namespace autoglm
