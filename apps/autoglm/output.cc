#include "apps/autoglm/output.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

namespace autoglm {

void Print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void PrintJson(const nlohmann::ordered_json& value) {
  using Json = nlohmann::ordered_json;
  Print(value.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace));
  Print("\n");
}

void FlushOutput() { std::fflush(stdout); }

Logger StderrLogger(bool verbose) {
  return Logger(
      [](LogLevel level, std::string_view message) {
        std::fprintf(stderr, "autoglm: %s: %.*s\n", LogLevelName(level),
                     static_cast<int>(message.size()), message.data());
      },
      verbose ? LogLevel::kDebug : LogLevel::kWarning);
}

}  // namespace autoglm
