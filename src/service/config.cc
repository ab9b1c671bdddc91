// See config.h.
#include "service/config.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/str.h"
#include "platform/file.h"
#include "service/fields.h"
#include "service/model_host.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxConfigBytes = 4 << 20;
constexpr size_t kLeastKeyBytes = 16;
constexpr int64_t kMaxBytes = int64_t{1} << 50;
constexpr int64_t kNsPerMs = 1'000'000;

/// One object of the file, with the fields that it may have.
class Section : public Fields {
 public:
  Section(const Json& object, std::string path, std::initializer_list<const char*> known,
          ApiError* error)
      : Fields(object, path, error) {
    if (!object.is_object()) {
      *error =
          InvalidField(path, StrCat("'", path, "' is ", KindOf(object), "; expected an object"));
      return;
    }
    for (const auto& [name, value] : object.items()) {
      if (std::find(known.begin(), known.end(), std::string_view(name)) != known.end()) continue;
      const std::string_view nearest = Nearest(name, known);
      Fail(name,
           StrCat("is no field", nearest.empty() ? "" : StrCat("; did you mean '", nearest, "'?")));
    }
  }

  std::vector<std::string> Strings(const char* name) {
    std::vector<std::string> out;
    const Json* array = Array(name);
    for (size_t i = 0; array != nullptr && i < array->size(); ++i) {
      if (!(*array)[i].is_string()) {
        Fail(StrCat(name, "[", i, "]"), "is no string");
        return {};
      }
      out.push_back((*array)[i].get<std::string>());
    }
    return out;
  }
};

void ReadListen(const Json& json, HttpServerOptions* listen, ApiError* error) {
  Section section(json, "listen",
                  {"host", "port", "unix", "unix_mode", "tls", "max_connections", "max_body_bytes"},
                  error);
  if (const auto host = section.String("host")) listen->host = *host;
  if (const auto port = section.Int("port", 0, 65535)) listen->port = static_cast<uint16_t>(*port);
  if (const auto path = section.String("unix")) listen->unix_path = *path;
  if (const auto mode = section.String("unix_mode")) {
    const auto [end, code] =
        std::from_chars(mode->data(), mode->data() + mode->size(), listen->unix_mode, 8);
    if (code != std::errc() || end != mode->data() + mode->size() || listen->unix_mode > 0777) {
      section.Fail("unix_mode", StrCat("is '", Quoted(*mode), "'; expected octal as \"0660\""));
    }
  }
  if (const auto n = section.Int("max_connections", 1, 1 << 20)) {
    listen->max_connections = static_cast<int>(*n);
  }
  if (const auto n = section.Int("max_body_bytes", 1024, 1 << 30)) {
    listen->limits.max_body_bytes = static_cast<size_t>(*n);
  }
  if (const Json* tls = section.Object("tls")) {
    Section inner(*tls, "listen.tls", {"certificate", "key"}, error);
    listen->tls_certificate_file = inner.String("certificate").value_or("");
    listen->tls_key_file = inner.String("key").value_or("");
    if (listen->tls_certificate_file.empty()) inner.FailMissing("certificate", "a PEM file");
    if (listen->tls_key_file.empty()) inner.FailMissing("key", "a PEM file");
  }
}

ModelSettings ReadModel(const Json& json, const std::string& path, ApiError* error) {
  ModelSettings model;
  Section section(json, path,
                  {"name", "path", "chat_template", "threads", "ctx", "parallel", "kv_tokens",
                   "chunk_tokens", "quantize", "kv", "pin"},
                  error);
  model.path = section.String("path").value_or("");
  if (model.path.empty()) section.FailMissing("path", "a GGUF file or a Hugging Face folder");
  model.name = section.String("name").value_or(ModelNameOf(model.path));
  model.chat_template_file = section.String("chat_template").value_or("");
  const auto number = [&](const char* name, int64_t least, int64_t most, int* value) {
    if (const auto n = section.Int(name, least, most)) *value = static_cast<int>(*n);
  };
  number("threads", 0, 1024, &model.n_threads);
  number("ctx", 2, 1 << 24, &model.n_ctx);
  number("parallel", 1, 64, &model.max_sequences);
  number("kv_tokens", 32, 1 << 24, &model.kv_tokens);
  number("chunk_tokens", 8, 4096, &model.chunk_tokens);
  model.quantize = section.String("quantize").value_or("");
  const std::string kv = section.String("kv").value_or("f16");
  if (kv != "f16" && kv != "f32" && kv != "q8_0") {
    section.Fail("kv", StrCat("is '", Quoted(kv), "'; expected f16, f32 or q8_0"));
  }
  model.kv_type = kv == "q8_0" ? KvType::kQ8_0 : kv == "f32" ? KvType::kF32 : KvType::kF16;
  model.pinned = section.Bool("pin").value_or(false);
  return model;
}

void ReadKeys(Section& section, App* app) {
  std::vector<std::string> keys = section.Strings("keys");
  if (const auto key = section.String("key")) keys.push_back(*key);
  for (const std::string& key : keys) {
    if (key.size() < kLeastKeyBytes) {
      section.Fail("key", StrCat("has ", key.size(), " bytes; a key has at least ", kLeastKeyBytes,
                                 ", at random"));
    }
    app->keys.push_back(DigestOf(key));
  }
  const Json* uids = section.Array("uids");
  for (size_t i = 0; uids != nullptr && i < uids->size(); ++i) {
    const Json& uid = (*uids)[i];
    if (!uid.is_number_unsigned() || uid.get<uint64_t>() > UINT32_MAX) {
      section.Fail(StrCat("uids[", i, "]"), "is no user id");
      return;
    }
    app->uids.push_back(uid.get<uint32_t>());
  }
  if (app->keys.empty() && app->uids.empty()) {
    section.FailMissing("key", "an app has a 'key', 'keys' or 'uids'");
  }
}

App ReadApp(const Json& json, const std::string& path, ApiError* error) {
  App app;
  Section section(json, path,
                  {"name", "key", "keys", "uids", "models", "class", "rate_per_s", "burst",
                   "log_prompts", "share_prefix"},
                  error);
  app.name = section.String("name").value_or("");
  if (app.name.empty()) section.FailMissing("name", "a string");
  ReadKeys(section, &app);
  app.models = section.Strings("models");
  if (const auto name = section.String("class")) {
    const auto parsed = ParseRequestClass(*name);
    if (!parsed) {
      section.Fail("class",
                   StrCat("is '", Quoted(*name), "'; expected realtime, interactive or batch"));
    }
    app.request_class = parsed.value_or(RequestClass::kInteractive);
  }
  app.rate.rate_per_s = section.Number("rate_per_s", 1e-3, 1e6).value_or(app.rate.rate_per_s);
  app.rate.burst = section.Number("burst", 1, 1e6).value_or(app.rate.burst);
  app.log_prompts = section.Bool("log_prompts").value_or(false);
  app.share_prefix = section.Bool("share_prefix").value_or(true);
  return app;
}

void ReadApps(const Json& json, std::vector<App>* apps, ApiError* error) {
  std::set<std::string> names;
  for (size_t i = 0; i < json.size() && error->ok(); ++i) {
    const std::string path = StrCat("apps[", i, "]");
    apps->push_back(ReadApp(json[i], path, error));
    if (error->ok() && !names.insert(apps->back().name).second) {
      *error = InvalidField(path, StrCat("'", path, ".name' is '", Quoted(apps->back().name),
                                         "', as that of another app"));
    }
  }
}

void ReadPerClass(Section& parent, const char* name, PerClass<int64_t>* values, ApiError* error) {
  const Json* json = parent.Object(name);
  if (json == nullptr) return;
  Section section(*json, parent.PathOf(name), {"realtime", "interactive", "batch"}, error);
  for (int i = 0; i < kNumRequestClasses; ++i) {
    const auto ms = section.Int(Name(static_cast<RequestClass>(i)), 1, int64_t{1} << 40);
    if (ms) (*values)[static_cast<size_t>(i)] = *ms * kNsPerMs;
  }
}

void ReadLimits(const Json& json, ServiceConfig* config, ApiError* error) {
  Section section(json, "limits",
                  {"requests_per_minute", "target_delay_ms", "max_wait_ms", "max_waiting"}, error);
  AdaptiveLimiterOptions& adaptive = config->limits.adaptive;
  adaptive.baseline = section.Number("requests_per_minute", 1, 1e9).value_or(adaptive.baseline);
  ReadPerClass(section, "target_delay_ms", &config->limits.target_delay_ns, error);
  ReadPerClass(section, "max_wait_ms", &config->admission.max_wait_ns, error);
  if (const auto n = section.Int("max_waiting", 1, 1 << 20)) {
    config->admission.max_waiting = static_cast<int>(*n);
  }
}

void ReadState(const Json& json, StateConfig* state, ApiError* error) {
  Section section(json, "state", {"folder", "key_file", "max_bytes", "max_bytes_per_app"}, error);
  state->folder = section.String("folder").value_or("");
  if (state->folder.empty()) section.FailMissing("folder", "a path");
  state->key_file = section.String("key_file").value_or("");
  state->max_bytes = section.Int("max_bytes", 1, kMaxBytes).value_or(state->max_bytes);
  state->max_bytes_per_app =
      section.Int("max_bytes_per_app", 1, kMaxBytes).value_or(state->max_bytes_per_app);
}

void ReadAll(const Json& json, ServiceConfig* config, ApiError* error) {
  Section section(json, "",
                  {"listen", "admin_token", "models", "model_folder", "memory_bytes", "apps",
                   "limits", "public_system_prompts", "state"},
                  error);
  if (const Json* listen = section.Object("listen")) ReadListen(*listen, &config->listen, error);
  config->admin_token = section.String("admin_token").value_or("");
  if (!config->admin_token.empty() && config->admin_token.size() < kLeastKeyBytes) {
    section.Fail("admin_token", StrCat("has less than ", kLeastKeyBytes, " bytes"));
  }
  const Json* models = section.Array("models");
  for (size_t i = 0; models != nullptr && i < models->size() && error->ok(); ++i) {
    config->models.push_back(ReadModel((*models)[i], StrCat("models[", i, "]"), error));
  }
  config->model_folder = section.String("model_folder").value_or("");
  config->memory_bytes = section.Int("memory_bytes", 1, kMaxBytes).value_or(0);
  if (const Json* apps = section.Array("apps")) ReadApps(*apps, &config->apps, error);
  if (const Json* limits = section.Object("limits")) ReadLimits(*limits, config, error);
  config->public_system_prompts = section.Strings("public_system_prompts");
  if (const Json* state = section.Object("state")) ReadState(*state, &config->state, error);
}

}  // namespace

Result<ServiceConfig> ParseServiceConfig(std::string_view text) {
  Json json;
  ApiError error = ParseJsonObject(text, &json);
  ServiceConfig config;
  if (error.ok()) ReadAll(json, &config, &error);
  if (!error.ok()) return Error(StatusCode::kInvalidArgument, error.message);
  return config;
}

Result<ServiceConfig> ReadServiceConfig(const std::string& path) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kMaxConfigBytes));
  Result<ServiceConfig> config = ParseServiceConfig(text);
  if (!config.ok()) return config.status().WithContext(path);
  return config;
}

Status CheckExposure(const HttpServerOptions& listen, const std::vector<App>& apps) {
  if (listen.host.empty() || IsLoopback(listen.host)) return OkStatus();
  const bool has_keys =
      std::any_of(apps.begin(), apps.end(), [](const App& app) { return !app.keys.empty(); });
  if (has_keys) return OkStatus();
  return Error(StatusCode::kInvalidArgument, "listening on ", listen.host,
               " lets other machines in: that needs apps with keys (\"apps\" in the configuration "
               "file)");
}

}  // namespace autoglm
