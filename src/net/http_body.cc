// See http_body.h.
#include "net/http_body.h"

#include <algorithm>
#include <charconv>

namespace autoglm {

void HttpBody::StartLength(uint64_t n_bytes) {
  n_left_ = n_bytes;
  if (n_bytes > max_bytes_) {
    state_ = State::kTooLarge;
  } else if (n_bytes == 0) {
    state_ = State::kDone;
  }
}

void HttpBody::StartChunks() {
  chunked_ = true;
  part_ = Part::kChunkHeader;
}

size_t HttpBody::Feed(std::string_view bytes) {
  size_t used = 0;
  while (state_ == State::kReading && used < bytes.size()) {
    const std::string_view rest = bytes.substr(used);
    used += part_ == Part::kData ? FeedData(rest) : FeedLine(rest);
  }
  return used;
}

size_t HttpBody::FeedData(std::string_view bytes) {
  const size_t n = static_cast<size_t>(std::min<uint64_t>(n_left_, bytes.size()));
  text_.append(bytes.substr(0, n));
  n_left_ -= n;
  if (n_left_ > 0) return n;
  if (chunked_) {
    part_ = Part::kChunkEnd;
  } else {
    state_ = State::kDone;
  }
  return n;
}

size_t HttpBody::FeedLine(std::string_view bytes) {
  const size_t end = bytes.find('\n');
  const size_t n = end == std::string_view::npos ? bytes.size() : end + 1;
  if (line_.size() + n > max_line_bytes_) {
    state_ = State::kMalformed;
    return 0;
  }
  line_.append(bytes.substr(0, n));
  if (end == std::string_view::npos) return n;
  if (!line_.ends_with("\r\n")) {
    state_ = State::kMalformed;
    return n;
  }
  line_.resize(line_.size() - 2);
  TakeLine(line_);
  line_.clear();
  return n;
}

void HttpBody::TakeLine(std::string_view line) {
  if (part_ == Part::kChunkHeader) return TakeChunkHeader(line);
  if (part_ == Part::kChunkEnd) {
    part_ = Part::kChunkHeader;
    if (!line.empty()) state_ = State::kMalformed;
    return;
  }
  // Trailers are passed over; an empty line ends them.
  n_trailer_bytes_ += line.size();
  if (n_trailer_bytes_ > max_line_bytes_) state_ = State::kMalformed;
  if (line.empty()) state_ = State::kDone;
}

void HttpBody::TakeChunkHeader(std::string_view line) {
  uint64_t size = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  const std::string_view rest = line.substr(static_cast<size_t>(end - line.data()));
  // Extensions may follow, which nobody here knows.
  if (error != std::errc() || (!rest.empty() && rest[0] != ';' && rest[0] != ' ')) {
    state_ = State::kMalformed;
  } else if (size > max_bytes_ - text_.size()) {
    state_ = State::kTooLarge;
  } else if (size == 0) {
    part_ = Part::kTrailers;
  } else {
    n_left_ = size;
    part_ = Part::kData;
  }
}

}  // namespace autoglm
