#include "client/sse_parser.h"

namespace autoglm {
namespace {

constexpr size_t kMaxEventBytes = size_t{16} << 20;

}  // namespace

Status SseParser::Feed(std::string_view bytes, FunctionRef<bool(std::string_view data)> event) {
  for (const char c : bytes) {
    const bool second = c == '\n' && after_return_;
    after_return_ = c == '\r';
    if (second) continue;
    if (c != '\n' && c != '\r') {
      line_.push_back(c);
      if (line_.size() + data_.size() > kMaxEventBytes) {
        return Error(StatusCode::kDataLoss, "the server sent an event of more than ",
                     FormatBytes(kMaxEventBytes));
      }
    } else if (!EndLine(event)) {
      return Error(StatusCode::kCancelled, "ended by the caller");
    }
  }
  return OkStatus();
}

bool SseParser::EndLine(FunctionRef<bool(std::string_view data)> event) {
  if (line_.empty()) {
    const bool go_on = !has_data_ || event(data_);
    data_.clear();
    has_data_ = false;
    return go_on;
  }
  std::string_view line = line_;
  if (line == "data" || line.starts_with("data:")) {
    line.remove_prefix(line.size() == 4 ? 4 : 5);
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (has_data_) data_.push_back('\n');
    data_.append(line);
    has_data_ = true;
  }
  line_.clear();
  return true;
}

}  // namespace autoglm
