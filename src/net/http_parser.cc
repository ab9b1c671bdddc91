// See http_parser.h. The header is read by Boost.Beast, the body by http_body.h.
#include "net/http_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <utility>

#include "base/str.h"
#include "net/http_body.h"

namespace autoglm {
namespace {

namespace http = boost::beast::http;

std::string ToString(boost::beast::string_view text) { return {text.data(), text.size()}; }

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string PercentDecode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = high >= 0 ? HexDigit(text[i + 2]) : -1;
    if (text[i] == '%' && low >= 0) {
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

struct HttpParser::Impl {
  explicit Impl(const HttpLimits& l) : limits(l), body(l.max_body_bytes, l.max_header_bytes) {
    parser.header_limit(static_cast<std::uint32_t>(limits.max_header_bytes));
    parser.body_limit(limits.max_body_bytes);
  }

  void Fail(int status, std::string why) {
    state = State::kFailed;
    error_status = status;
    error = std::move(why);
  }

  void Fail(const boost::system::error_code& code) {
    if (code == http::error::header_limit) {
      Fail(431, StrCat("the request's header is longer than ", limits.max_header_bytes, " bytes"));
    } else if (code == http::error::body_limit) {
      Fail(413, StrCat("the request's body is longer than ", limits.max_body_bytes, " bytes"));
    } else if (code == http::error::bad_version) {
      Fail(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    } else {
      Fail(400, StrCat("this is no HTTP request: ", code.message()));
    }
  }

  /// What Beast leaves to others, once the header is there.
  void CheckHeader() {
    const auto& header = parser.get();
    if (header.version() != 11 && header.version() != 10) {
      return Fail(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    }
    const size_t n_hosts = header.count(http::field::host);
    if (n_hosts > 1 || (n_hosts == 0 && header.version() == 11)) {
      return Fail(400, StrCat("a request has one Host header; this one has ", n_hosts));
    }
    if (header.count(http::field::transfer_encoding) > 0 &&
        (header.count(http::field::content_length) > 0 || !header.chunked())) {
      return Fail(400, "Transfer-Encoding must be 'chunked', without a Content-Length");
    }
    const auto expect = header[http::field::expect];
    if (!expect.empty() && !boost::beast::iequals(expect, "100-continue")) {
      return Fail(417, "the only expectation that is met is '100-continue'");
    }
  }

  void StartBody() {
    state = State::kBody;
    CheckHeader();
    if (state == State::kFailed) return;
    if (parser.get().chunked()) {
      body.StartChunks();
    } else {
      const auto length = parser.content_length();
      body.StartLength(length ? *length : 0);
    }
    FollowBody();
  }

  void FollowBody() {
    switch (body.state()) {
      case HttpBody::State::kReading:
        return;
      case HttpBody::State::kDone:
        state = State::kDone;
        return;
      case HttpBody::State::kTooLarge:
        return Fail(http::error::body_limit);
      case HttpBody::State::kMalformed:
        return Fail(400, "the body's chunks are malformed");
    }
  }

  HttpLimits limits;
  http::request_parser<http::empty_body> parser;
  HttpBody body;
  State state = State::kHeader;
  int error_status = 0;
  std::string error;
};

HttpParser::HttpParser(const HttpLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
HttpParser::~HttpParser() = default;

size_t HttpParser::Feed(std::string_view bytes) {
  Impl& impl = *impl_;
  size_t used = 0;
  if (impl.state == State::kHeader && !bytes.empty()) {
    boost::system::error_code code;
    used = impl.parser.put(boost::asio::buffer(bytes.data(), bytes.size()), code);
    if (code == http::error::need_more) {
      // Beast's own limit counts a header only once it is complete.
      if (bytes.size() - used > impl.limits.max_header_bytes) impl.Fail(http::error::header_limit);
      return used;
    }
    if (code) {
      impl.Fail(code);
    } else if (impl.parser.is_header_done()) {
      impl.StartBody();
    }
  }
  if (impl.state == State::kBody) {
    used += impl.body.Feed(bytes.substr(used));
    impl.FollowBody();
  }
  return used;
}

HttpParser::State HttpParser::state() const { return impl_->state; }
int HttpParser::error_status() const { return impl_->error_status; }
const std::string& HttpParser::error() const { return impl_->error; }

uint64_t HttpParser::content_length() const {
  const auto length = impl_->parser.content_length();
  return length ? *length : 0;
}

bool HttpParser::expects_continue() const {
  return impl_->parser.get().count(http::field::expect) > 0;
}

bool HttpParser::keep_alive() const { return impl_->parser.get().keep_alive(); }

bool HttpParser::understands_chunks() const { return impl_->parser.get().version() >= 11; }

size_t HttpParser::body_bytes() const { return impl_->body.text().size(); }

HttpRequest HttpParser::Take() {
  const auto& message = impl_->parser.get();
  HttpRequest request;
  request.method = ToString(message.method_string());
  const std::string target = ToString(message.target());
  const size_t question = target.find('?');
  request.path = PercentDecode(std::string_view(target).substr(0, question));
  if (question != std::string::npos) request.query = target.substr(question + 1);
  for (const auto& field : message) {
    request.headers.push_back({ToString(field.name_string()), ToString(field.value())});
  }
  request.body = std::move(impl_->body.text());
  return request;
}

}  // namespace autoglm
