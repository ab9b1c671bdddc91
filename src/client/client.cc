// See autoglm/client.h.
#include "autoglm/client.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>
#include <utility>

#include "base/utf8.h"
#include "client/http_exchange.h"
#include "client/requests.h"
#include "client/sse_parser.h"

namespace autoglm {
namespace {

using Clock = std::chrono::steady_clock;
using Ms = std::chrono::duration<double, std::milli>;

/// An answer that is no stream is kept whole; no server has a reason to send more.
constexpr size_t kMaxBodyBytes = size_t{64} << 20;
constexpr int kMaxTimeoutMs = 24 * 3600 * 1000;

bool IsPlain(std::string_view text) {  // as a field's value
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 32 || c == 127) return false;
  }
  return true;
}

Status CheckOptions(const ClientOptions& options) {
  const auto check = [](const char* name, double value, double least, double most) {
    if (value >= least && value <= most) return OkStatus();
    return Error(StatusCode::kInvalidArgument, "client: ", name, " is ", value,
                 "; it must be within ", least, " and ", most);
  };
  AUTOGLM_RETURN_IF_ERROR(
      check("connect_timeout_ms", options.connect_timeout_ms, 1, kMaxTimeoutMs));
  AUTOGLM_RETURN_IF_ERROR(
      check("response_timeout_ms", options.response_timeout_ms, 1, kMaxTimeoutMs));
  AUTOGLM_RETURN_IF_ERROR(check("idle_timeout_ms", options.idle_timeout_ms, 1, kMaxTimeoutMs));
  AUTOGLM_RETURN_IF_ERROR(check("deadline_ms", options.deadline_ms, 0, kMaxTimeoutMs));
  AUTOGLM_RETURN_IF_ERROR(check("max_retries", options.max_retries, 0, 100));
  AUTOGLM_RETURN_IF_ERROR(check("first_wait_ms", options.first_wait_ms, 0, kMaxTimeoutMs));
  AUTOGLM_RETURN_IF_ERROR(check("wait_factor", options.wait_factor, 1, 100));
  if (IsPlain(options.api_key) && IsPlain(options.request_class)) return OkStatus();
  return Error(StatusCode::kInvalidArgument, "client: a key or class with control characters");
}

std::string Fields(const ClientOptions& options) {
  std::string fields;
  if (!options.api_key.empty()) {
    StrAppend(&fields, "Authorization: Bearer ", options.api_key, "\r\n");
  }
  if (!options.request_class.empty()) {
    StrAppend(&fields, "X-Priority: ", options.request_class, "\r\n");
  }
  if (options.deadline_ms > 0) {
    StrAppend(&fields, "X-Deadline-Ms: ", options.deadline_ms, "\r\n");
  }
  return fields;
}

uint64_t RandomSeed() {
  std::random_device device;
  return static_cast<uint64_t>(device()) << 32 | device();
}

}  // namespace

struct Client::Impl {
  ClientOptions options;
  Endpoint endpoint;
  CancelCount cancel{0};

  HttpCall MakeCall(std::string_view method, std::string_view path, std::string body) const {
    HttpCall call;
    call.method = method;
    call.path = path;
    call.fields = Fields(options);
    call.body = std::move(body);
    call.connect_timeout_ms = options.connect_timeout_ms;
    call.response_timeout_ms = options.response_timeout_ms;
    call.idle_timeout_ms = options.idle_timeout_ms;
    return call;
  }

  /// Sleeps unless cancelled.
  bool Sleep(double ms, uint64_t cancel_seen) const {
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(Ms(ms));
    while (Clock::now() < end && cancel.load() == cancel_seen) {
      std::this_thread::sleep_for(
          std::min<Clock::duration>(end - Clock::now(), std::chrono::milliseconds(20)));
    }
    return cancel.load() == cancel_seen;
  }

  /// Attempts until one counts. `piece` gets what a 2xx answer's body brings; other bodies go to
  /// `*response`.
  Status Run(const HttpCall& call, FunctionRef<bool(std::string_view piece)> piece,
             ServerResponse* response) {
    RetryPolicy policy({options.max_retries, options.first_wait_ms, options.wait_factor,
                        options.retry_refused, options.max_retry_after_ms},
                       RandomSeed());
    const uint64_t cancel_seen = cancel.load();
    while (true) {
      *response = ServerResponse();
      AttemptOutcome outcome;
      const auto body = [&](int http_status, std::string_view bytes) {
        if (http_status / 100 == 2) return piece(bytes);
        if (response->body.size() < kMaxBodyBytes) response->body += bytes;
        return true;
      };
      const Status status = Exchange(endpoint, call, cancel, body, &outcome);
      response->http_status = outcome.http_status;
      response->retry_after_ms = outcome.retry_after_ms;
      response->n_retries = policy.n_retries();
      const std::optional<double> wait_ms = policy.NextWaitMs(outcome);
      if (!wait_ms) return status;
      if (!Sleep(*wait_ms, cancel_seen)) return Error(StatusCode::kCancelled, "cancelled");
    }
  }

  Result<GenerateResult> Stream(const char* path, std::string body, const TextCallback& callback) {
    GenerateResult result;
    SseParser parser;
    Status failure;
    bool done = false;
    const auto start = Clock::now();
    auto first = start, last = start;
    const auto on_event = [&](std::string_view data) {
      if (data == "[DONE]") {
        done = true;
        return true;
      }
      const Result<std::string> text = AddEvent(data, &result);
      if (!text.ok()) {
        failure = text.status();
        return false;
      }
      if (text->empty()) return true;
      last = Clock::now();
      if (first == start) first = last;
      if (!callback || callback(*text)) return true;
      result.stop_reason = StopReason::kCancelled;
      return false;
    };
    ServerResponse response;
    const Status status = Run(
        MakeCall("POST", path, std::move(body)),
        [&](std::string_view piece) {
          const Status fed = parser.Feed(piece, on_event);
          if (fed.code() == StatusCode::kDataLoss) failure = fed;
          return fed.ok();
        },
        &response);
    if (!failure.ok()) return failure;
    if (result.stop_reason != StopReason::kCancelled) {
      AUTOGLM_RETURN_IF_ERROR(status);
      if (response.http_status / 100 != 2) return ErrorOf(response);
      if (!done) {
        return Error(StatusCode::kDataLoss,
                     "the server ended the stream without telling that the "
                     "answer is whole");
      }
    }
    GenerateStats& stats = result.stats;
    stats.ttft_ms = Ms(first - start).count();
    stats.total_ms = Ms(Clock::now() - start).count();
    if (stats.n_tokens > 1 && last > first) {
      stats.decode_tok_s = (stats.n_tokens - 1) * 1e3 / Ms(last - first).count();
    }
    return result;
  }
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::Create(const ClientOptions& options) {
  AUTOGLM_RETURN_IF_ERROR(CheckOptions(options));
  auto impl = std::make_unique<Impl>();
  AUTOGLM_ASSIGN_OR_RETURN(impl->endpoint, Endpoint::Parse(options.server));
  impl->options = options;
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

Result<ServerResponse> Client::Call(std::string_view method, std::string_view path,
                                    std::string_view body) {
  const bool known = method == "GET" || method == "POST" || method == "DELETE";
  if (!known || !path.starts_with('/') || path.find(' ') != std::string_view::npos ||
      !IsPlain(path)) {
    return Error(StatusCode::kInvalidArgument, "cannot send '", Quoted(method), " ", Quoted(path),
                 "'");
  }
  ServerResponse response;
  std::string whole;
  const Status status = impl_->Run(
      impl_->MakeCall(method, path, std::string(body)),
      [&](std::string_view piece) {
        whole += piece;
        return whole.size() <= kMaxBodyBytes;
      },
      &response);
  if (whole.size() > kMaxBodyBytes) {
    return Error(StatusCode::kDataLoss, "the server's answer is larger than ",
                 FormatBytes(kMaxBodyBytes));
  }
  AUTOGLM_RETURN_IF_ERROR(status);
  response.body += whole;
  return response;
}

Result<std::vector<std::string>> Client::Models() {
  AUTOGLM_ASSIGN_OR_RETURN(const ServerResponse response, Call("GET", "/v1/models", ""));
  if (response.http_status / 100 != 2) return ErrorOf(response);
  const auto json = nlohmann::json::parse(response.body, nullptr, /*allow_exceptions=*/false);
  std::vector<std::string> ids;
  if (json.is_object() && json.contains("data") && json["data"].is_array()) {
    for (const auto& model : json["data"]) {
      if (!model.is_object() || !model.contains("id") || !model["id"].is_string()) continue;
      ids.push_back(model["id"].get<std::string>());
    }
    return ids;
  }
  return Error(StatusCode::kDataLoss, "the server's list of models is none: '",
               Quoted(response.body), "'");
}

Result<GenerateResult> Client::Chat(std::string_view model,
                                    const std::vector<ChatMessage>& messages,
                                    const ChatOptions& options, const TextCallback& callback) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::string chosen, FirstModelUnless(model));
  AUTOGLM_ASSIGN_OR_RETURN(const auto body, ChatBody(chosen, messages, options));
  return impl_->Stream("/v1/chat/completions", body.dump(), callback);
}

Result<GenerateResult> Client::Complete(std::string_view model, std::string_view prompt,
                                        const GenerateOptions& options,
                                        const TextCallback& callback) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::string chosen, FirstModelUnless(model));
  AUTOGLM_ASSIGN_OR_RETURN(auto body, CompletionBody(chosen, options));
  body["prompt"] = ReplaceInvalidUtf8(prompt);
  return impl_->Stream("/v1/completions", body.dump(), callback);
}

void Client::Cancel() { impl_->cancel.fetch_add(1); }

Result<std::string> Client::FirstModelUnless(std::string_view model) {
  if (!model.empty()) return std::string(model);
  AUTOGLM_ASSIGN_OR_RETURN(const std::vector<std::string> models, Models());
  if (models.empty()) return Error(StatusCode::kNotFound, "the server offers no model");
  return models.front();
}

}  // namespace autoglm
