// Any bytes as HTTP requests, whole and cut into pieces, which must read alike; then every body as
// the JSON of each route.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/http_parser.h"

using namespace autoglm;  // NOLINT

namespace {

/// Reads one request from the start of `text`, at most `piece` bytes at a time.
void Read(HttpParser* parser, std::string_view text, size_t piece) {
  std::string held;
  for (size_t i = 0; i < text.size(); i += piece) {
    held += text.substr(i, piece);
    held.erase(0, parser->Feed(held));
    const HttpParser::State state = parser->state();
    if (state == HttpParser::State::kDone || state == HttpParser::State::kFailed) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = 1 + data[0] % 16;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const HttpLimits limits = {.max_header_bytes = 512, .max_body_bytes = 1024};
  HttpParser whole(limits), cut(limits);
  Read(&whole, text, text.size() + 1);
  Read(&cut, text, piece);
  if (whole.state() == HttpParser::State::kFailed && whole.error().empty()) __builtin_trap();
  if (whole.state() != HttpParser::State::kDone || cut.state() != HttpParser::State::kDone) {
    return 0;  // limits may be met at different bytes
  }
  const HttpRequest a = whole.Take(), b = cut.Take();
  if (a.method != b.method || a.path != b.path || a.body != b.body) __builtin_trap();
  if (a.body.size() > limits.max_body_bytes) __builtin_trap();
  return 0;
}
