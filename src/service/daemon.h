// The daemon: the service with its sockets, models and signals, from start to shutdown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "service/hosted_model.h"

namespace autoglm {

/// The command line; what is given here counts before the configuration file.
struct ServeOptions {
  std::string config_file;
  std::vector<std::string> models;  ///< paths
  std::string model_folder;
  std::optional<std::string> host;
  std::optional<uint16_t> port;
  std::optional<std::string> unix_path;
  ModelSettings model_defaults;  ///< for every model, but for name and path
};

/// Serves until SIGTERM or SIGINT; a line on stderr tells where. On SIGHUP the configuration file
/// is read again. kInvalidArgument (configuration), kNotFound (no model there), errors of
/// HttpServer::Start.
Status Serve(const ServeOptions& options);

}  // namespace autoglm
