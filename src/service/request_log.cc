// See request_log.h.
#include "service/request_log.h"

#include <chrono>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>

#include "service/api_error.h"

namespace autoglm {
namespace {

/// UTC, as RFC 3339 has it.
std::string Now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm utc = {};
  gmtime_r(&seconds, &utc);
  char text[32];
  const size_t n = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text + n, sizeof(text) - n, ".%03dZ", static_cast<int>(ms % 1000));
  return text;
}

double Rounded(double ms) { return std::round(ms * 100) / 100; }

}  // namespace

void RequestLog::OnRequestEnd(const RequestRecord& record) {
  nlohmann::ordered_json line = {{"time", Now()},          {"event", "request"},
                                 {"app", record.app},      {"route", record.route},
                                 {"model", record.model},  {"class", Name(record.request_class)},
                                 {"status", record.status}};
  if (!record.error_code.empty()) line["error"] = record.error_code;
  line["n_prompt"] = record.n_prompt;
  line["n_cached"] = record.n_cached;
  line["n_generated"] = record.n_generated;
  line["queue_ms"] = Rounded(record.queue_ms);
  line["first_token_ms"] = Rounded(record.first_token_ms);
  line["total_ms"] = Rounded(record.total_ms);
  if (!record.prompt.empty()) line["prompt"] = record.prompt;
  sink_(Dump(line));
}

}  // namespace autoglm
