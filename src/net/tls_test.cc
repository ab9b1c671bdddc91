// TLS: certificates are made here; the client is OpenSSL's own.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "base/str.h"
#include "net/http_server.h"
#include "net/raw_client_for_test.h"

namespace autoglm {
namespace {

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;

/// A key and a certificate for "localhost" that it has signed itself, as PEM files.
class SelfSigned {
 public:
  SelfSigned() {
    std::string folder = (std::filesystem::temp_directory_path() / "tls_test_XXXXXX").string();
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME* name = X509_get_subject_name(certificate.get());
    const auto* host = reinterpret_cast<const unsigned char*>("localhost");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, host, -1, -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    EXPECT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
    Write(certificate_file(), [&](FILE* file) { return PEM_write_X509(file, certificate.get()); });
    Write(key_file(), [&](FILE* file) {
      return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  ~SelfSigned() { std::filesystem::remove_all(folder_); }

  std::string certificate_file() const { return folder_ / "certificate.pem"; }
  std::string key_file() const { return folder_ / "key.pem"; }

 private:
  template <typename F>
  static void Write(const std::string& path, F&& write) {
    FILE* file = fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    EXPECT_EQ(write(file), 1);
    fclose(file);
  }

  std::filesystem::path folder_;
};

class Echo final : public HttpHandler {
 public:
  std::unique_ptr<Answer> Handle(HttpRequest request, Waker) override {
    return Respond({.body = StrCat(request.path, " ", request.body)});
  }
  HttpResponse Refuse(int status, std::string_view why) override {
    return {.status = status, .headers = {}, .body = std::string(why)};
  }
};

/// A server that speaks TLS with `pem`.
struct Fixture {
  explicit Fixture(const SelfSigned& pem) {
    auto started = HttpServer::Start({.port = 0,
                                      .tls_certificate_file = pem.certificate_file(),
                                      .tls_key_file = pem.key_file(),
                                      .header_timeout_ms = 500},
                                     handler);
    EXPECT_TRUE(started.ok()) << started.status().ToString();
    server = std::move(*started);
  }
  Echo handler;
  std::unique_ptr<HttpServer> server;
};

/// A client that trusts the certificate in `trusted_file` alone and speaks no later TLS than
/// `max_version`.
class TlsClient {
 public:
  TlsClient(uint16_t port, const std::string& trusted_file, int max_version = TLS1_3_VERSION)
      : raw_(port), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_security_level(context_.get(), 0);  // lets it offer old versions at all
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_.get(), max_version);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_load_verify_locations(context_.get(), trusted_file.c_str(), nullptr);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set1_host(ssl_.get(), "localhost");
    SSL_set_fd(ssl_.get(), raw_.fd());
    connected_ = SSL_connect(ssl_.get()) == 1;
  }
  bool connected() const { return connected_; }
  void Send(std::string_view bytes) {
    SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
  }
  /// Up to and with `end`, or to the end of the stream.
  std::string ReadUntil(std::string_view end) {
    std::string text;
    char byte = 0;
    while (!text.ends_with(end) && SSL_read(ssl_.get(), &byte, 1) == 1) text.push_back(byte);
    return text;
  }

 private:
  RawClient raw_;
  std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, Free<SSL_free>> ssl_;
  bool connected_ = false;
};

std::string Post(std::string_view body) {
  return StrCat("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: ", body.size(), "\r\n\r\n",
                body);
}

TEST(TlsTest, RequestsAreAnsweredOneAfterAnotherOnOneConnection) {
  const SelfSigned pem;
  const Fixture f(pem);
  TlsClient client(f.server->port(), pem.certificate_file());
  ASSERT_TRUE(client.connected());
  for (const size_t size : {size_t{3}, size_t{100'000}}) {  // several records
    const std::string body = std::string(size, 'b') + "end";
    client.Send(Post(body));
    EXPECT_TRUE(client.ReadUntil("\r\n\r\n").starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_EQ(client.ReadUntil("end"), "/echo " + body);
  }
}

TEST(TlsTest, AClientThatTrustsAnotherCertificateDoesNotConnect) {
  const SelfSigned pem, other;
  const Fixture f(pem);
  EXPECT_FALSE(TlsClient(f.server->port(), other.certificate_file()).connected());
  EXPECT_TRUE(TlsClient(f.server->port(), pem.certificate_file()).connected());
}

TEST(TlsTest, VersionsBefore12AreRefused) {
  const SelfSigned pem;
  const Fixture f(pem);
  const auto connects = [&](int version) {
    return TlsClient(f.server->port(), pem.certificate_file(), version).connected();
  };
  EXPECT_FALSE(connects(TLS1_1_VERSION));
  EXPECT_TRUE(connects(TLS1_2_VERSION));
}

TEST(TlsTest, PlainHttpIsToldWhatIsSpokenHere) {
  const SelfSigned pem;
  const Fixture f(pem);
  RawClient client(f.server->port());
  client.Send(Post(std::string(200'000, 'x')));
  const std::string response = client.ReadUntil("https://");
  EXPECT_TRUE(response.starts_with("HTTP/1.1 400 ")) << response;
  EXPECT_TRUE(response.ends_with("This port speaks HTTPS only; ask with https://")) << response;
  const size_t at = response.find("\r\n\r\n") + 4;
  EXPECT_NE(response.find(StrCat("Content-Length: ", response.size() - at, "\r\n")),
            std::string::npos);
  EXPECT_EQ(client.ReadAll(), "") << "and nothing more";
}

TEST(TlsTest, WhoDoesNotShakeHandsIsGivenUp) {
  const SelfSigned pem;
  const Fixture f(pem);
  RawClient silent(f.server->port());
  RawClient garbage(f.server->port());
  garbage.Send("\x16\x03\x01 and then nothing that makes sense");
  EXPECT_EQ(silent.ReadAll(), "");
  garbage.ReadAll();  // an alert, perhaps
  for (int i = 0; i < 200 && f.server->n_connections() > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(f.server->n_connections(), 0);
}

TEST(TlsTest, AKeyThatIsNotTheCertificatesIsAnErrorThatNamesTheFile) {
  const SelfSigned pem, other;
  Echo handler;
  const auto server = HttpServer::Start(
      {.port = 0, .tls_certificate_file = pem.certificate_file(), .tls_key_file = other.key_file()},
      handler);
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.status().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(server.status().message().find(other.key_file()), std::string::npos)
      << server.status().ToString();
}

}  // namespace
}  // namespace autoglm
