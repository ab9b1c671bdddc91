#include "client/http_response.h"

#include <algorithm>
#include <charconv>

namespace autoglm {
namespace {

constexpr size_t kMaxHeadBytes = size_t{64} << 10;
constexpr size_t kMaxChunkLineBytes = size_t{1} << 10;
constexpr size_t kMaxTrailerBytes = size_t{16} << 10;
constexpr uint64_t kMaxBodyBytes = uint64_t{1} << 50;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool SameName(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

template <typename T>
std::optional<T> Number(std::string_view text, int base) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Status NotHttp(std::string_view what, std::string_view found) {
  return Error(StatusCode::kDataLoss, "the server's answer is not HTTP: ", what, " '",
               Quoted(found), "'");
}

}  // namespace

std::optional<std::string_view> HttpResponseParser::Field(std::string_view name) const {
  for (const auto& [field, value] : fields_) {
    if (SameName(field, name)) return value;
  }
  return std::nullopt;
}

Status HttpResponseParser::Feed(std::string_view bytes, BodyCallback body) {
  while (failure_.ok() && !bytes.empty() && state_ != State::kDone) {
    failure_ = Step(&bytes, body);
  }
  return failure_;
}

Status HttpResponseParser::FeedEnd() {
  if (failure_.ok() && state_ == State::kUntilEnd) state_ = State::kDone;
  if (failure_.ok() && state_ != State::kDone) {
    failure_ = Error(StatusCode::kDataLoss, "the server closed the connection in the middle of ",
                     head_done() ? "its answer" : "the head of its answer");
  }
  return failure_;
}

Result<bool> HttpResponseParser::TakeLine(std::string_view* bytes, size_t max_bytes) {
  const size_t end = bytes->find('\n');
  line_.append(bytes->substr(0, end));
  bytes->remove_prefix(end == std::string_view::npos ? bytes->size() : end + 1);
  if (line_.size() > max_bytes) {
    return Error(StatusCode::kDataLoss, "the server's answer has a line of more than ", max_bytes,
                 " bytes where a short one belongs");
  }
  if (end == std::string_view::npos) return false;
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  return true;
}

Status HttpResponseParser::Step(std::string_view* bytes, BodyCallback body) {
  switch (state_) {
    case State::kHead: {
      // The head is kept whole until its empty line has come.
      line_.push_back(bytes->front());
      bytes->remove_prefix(1);
      if (line_.size() > kMaxHeadBytes) {
        return Error(StatusCode::kDataLoss, "the head of the server's answer exceeds ",
                     FormatBytes(kMaxHeadBytes));
      }
      if (!line_.ends_with("\n\r\n") && !line_.ends_with("\n\n")) return OkStatus();
      const std::string head = std::move(line_);
      line_.clear();
      return ParseHead(head);
    }
    case State::kLengthBody:
    case State::kChunkData:
    case State::kUntilEnd: {
      const size_t n = state_ == State::kUntilEnd
                           ? bytes->size()
                           : static_cast<size_t>(std::min<uint64_t>(bytes->size(), body_left_));
      body(bytes->substr(0, n));
      bytes->remove_prefix(n);
      if (state_ == State::kUntilEnd) return OkStatus();
      body_left_ -= n;
      if (body_left_ > 0) return OkStatus();
      state_ = state_ == State::kLengthBody ? State::kDone : State::kChunkEnd;
      return OkStatus();
    }
    case State::kChunkSize: {
      AUTOGLM_ASSIGN_OR_RETURN(const bool whole, TakeLine(bytes, kMaxChunkLineBytes));
      return whole ? ParseChunkSize() : OkStatus();
    }
    case State::kChunkEnd: {
      AUTOGLM_ASSIGN_OR_RETURN(const bool whole, TakeLine(bytes, kMaxChunkLineBytes));
      if (!whole) return OkStatus();
      if (!line_.empty()) return NotHttp("after a chunk", line_);
      state_ = State::kChunkSize;
      return OkStatus();
    }
    case State::kTrailer: {
      AUTOGLM_ASSIGN_OR_RETURN(const bool whole, TakeLine(bytes, kMaxTrailerBytes));
      if (!whole) return OkStatus();
      trailer_bytes_ += line_.size();
      if (trailer_bytes_ > kMaxTrailerBytes) return NotHttp("a trailer without end", line_);
      if (line_.empty()) state_ = State::kDone;
      line_.clear();
      return OkStatus();
    }
    case State::kDone:
      break;
  }
  return OkStatus();
}

Status HttpResponseParser::ParseHead(std::string_view head) {
  fields_.clear();
  bool first = true;
  while (!head.empty()) {
    const size_t end = head.find('\n');
    std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!first) {
      if (!line.empty()) AUTOGLM_RETURN_IF_ERROR(ParseField(line));
      continue;
    }
    first = false;
    // "HTTP/1.1 200 OK"
    if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ' ||
        (line.size() > 12 && line[12] != ' ')) {
      return NotHttp("it begins with", line);
    }
    status_code_ = Number<int>(line.substr(9, 3), 10).value_or(0);
    if (status_code_ < 100) return NotHttp("it begins with", line);
  }
  if (status_code_ / 100 == 1) return OkStatus();  // the final answer follows
  return ChooseBody();
}

Status HttpResponseParser::ParseField(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 || line.front() == ' ' ||
      line.front() == '\t' || line[colon - 1] == ' ') {
    return NotHttp("a field", line);
  }
  fields_.emplace_back(line.substr(0, colon), Trimmed(line.substr(colon + 1)));
  return OkStatus();
}

Status HttpResponseParser::ChooseBody() {
  const auto coding = Field("transfer-encoding");
  const auto length = Field("content-length");
  if (status_code_ == 204 || status_code_ == 304) {
    state_ = State::kDone;
  } else if (coding) {
    if (!SameName(*coding, "chunked")) return NotHttp("a transfer encoding", *coding);
    state_ = State::kChunkSize;
  } else if (length) {
    const std::optional<uint64_t> n_bytes = Number<uint64_t>(*length, 10);
    if (!n_bytes || *n_bytes > kMaxBodyBytes) return NotHttp("a content length", *length);
    body_left_ = *n_bytes;
    state_ = body_left_ == 0 ? State::kDone : State::kLengthBody;
  } else {
    state_ = State::kUntilEnd;
  }
  return OkStatus();
}

Status HttpResponseParser::ParseChunkSize() {
  const std::string_view size = Trimmed(std::string_view(line_).substr(0, line_.find(';')));
  const std::optional<uint64_t> n_bytes = Number<uint64_t>(size, 16);
  if (!n_bytes || *n_bytes > kMaxBodyBytes) return NotHttp("the size of a chunk", line_);
  line_.clear();
  body_left_ = *n_bytes;
  state_ = body_left_ == 0 ? State::kTrailer : State::kChunkData;
  return OkStatus();
}

}  // namespace autoglm
