// See http_parser.h. The protocol's grammar is Boost.Beast's.
#include "net/http_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <utility>

#include "base/str.h"

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
  explicit Impl(const HttpLimits& l) : limits(l) {
    parser.eager(true);
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

  HttpLimits limits;
  http::request_parser<http::string_body> parser;
  State state = State::kHeader;
  int error_status = 0;
  std::string error;
};

HttpParser::HttpParser(const HttpLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
HttpParser::~HttpParser() = default;

size_t HttpParser::Feed(std::string_view bytes) {
  Impl& impl = *impl_;
  size_t used = 0;
  while (used < bytes.size() && (impl.state == State::kHeader || impl.state == State::kBody)) {
    boost::system::error_code code;
    // The header alone first, so that it is checked before the body is taken.
    impl.parser.eager(impl.state == State::kBody);
    const size_t n =
        impl.parser.put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), code);
    used += n;
    if (code == http::error::need_more) {
      // Beast's own limit counts a header only once it is complete.
      if (impl.state == State::kHeader && bytes.size() - used > impl.limits.max_header_bytes) {
        impl.Fail(http::error::header_limit);
      }
      return used;
    }
    if (code) {
      impl.Fail(code);
      return used;
    }
    if (impl.state == State::kHeader && impl.parser.is_header_done()) {
      impl.state = State::kBody;
      impl.CheckHeader();
      if (impl.state == State::kFailed) return used;
    }
    if (impl.parser.is_done()) impl.state = State::kDone;
    if (n == 0 && impl.state != State::kDone) return used;
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

size_t HttpParser::body_bytes() const { return impl_->parser.get().body().size(); }

HttpRequest HttpParser::Take() {
  http::request<http::string_body> message = impl_->parser.release();
  HttpRequest request;
  request.method = ToString(message.method_string());
  const std::string target = ToString(message.target());
  const size_t question = target.find('?');
  request.path = PercentDecode(std::string_view(target).substr(0, question));
  if (question != std::string::npos) request.query = target.substr(question + 1);
  for (const auto& field : message) {
    request.headers.push_back({ToString(field.name_string()), ToString(field.value())});
  }
  request.body = std::move(message.body());
  return request;
}

}  // namespace autoglm
