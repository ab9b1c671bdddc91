// What a server sends: arbitrary bytes, cut anywhere, are an answer or an error, and the same one
// however they are cut.
#include <string>

#include "client/http_response.h"
#include "client/requests.h"
#include "client/sse_parser.h"

namespace {

struct Outcome {
  bool ok = false;
  int status = 0;
  std::string body;
  bool operator==(const Outcome&) const = default;
};

Outcome Parse(std::string_view bytes, size_t piece) {
  autoglm::HttpResponseParser parser;
  Outcome outcome;
  autoglm::Status status;
  for (size_t i = 0; i < bytes.size() && status.ok(); i += piece) {
    status =
        parser.Feed(bytes.substr(i, piece), [&](std::string_view body) { outcome.body += body; });
  }
  if (status.ok()) status = parser.FeedEnd();
  outcome.ok = status.ok();
  outcome.status = parser.status();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = Parse(bytes, bytes.size() + 1);
  if (!(whole == Parse(bytes, 1 + data[0] % 16))) __builtin_trap();
  autoglm::SseParser events;
  autoglm::GenerateResult result;
  (void)events.Feed(bytes, [&](std::string_view event) {
    (void)autoglm::AddEvent(event, &result);
    return true;
  });
  return 0;
}
