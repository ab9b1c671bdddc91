// Apps: who may use the service. An app is an API key, or the user that a process runs as at the
// other end of the unix socket.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"
#include "qos/request_class.h"
#include "qos/token_bucket.h"

namespace autoglm {

using KeyDigest = std::array<unsigned char, 32>;  ///< SHA-256

KeyDigest DigestOf(std::string_view key);
/// In a time that does not depend on where they differ.
bool SameDigest(const KeyDigest& a, const KeyDigest& b);

struct App {
  std::string name;
  std::vector<KeyDigest> keys = {};                         ///< each lets in
  std::vector<uint32_t> uids = {};                          ///< over the unix socket
  std::vector<std::string> models = {};                     ///< that it may use; empty: all
  RequestClass request_class = RequestClass::kInteractive;  ///< where a request names none
  TokenBucketOptions rate = {};  ///< requests a second, and how many at once
  // Its privacy.
  bool log_prompts = false;  ///< prompts appear in the log
  bool share_prefix = true;  ///< prompts that begin alike are computed once, within the app

  bool MayUse(std::string_view model) const;
};

/// The apps of one configuration; never changes.
class Apps {
 public:
  /// Without apps, everybody who reaches the service is the app "default".
  explicit Apps(std::vector<App> apps);

  /// Whoever sent `request`: the app whose key it bears ("Authorization: Bearer KEY"), else, on the
  /// unix socket, the one of the peer's uid. Null: nobody known. Takes the same time for any wrong
  /// key.
  std::shared_ptr<const App> Identify(const HttpRequest& request) const;

  bool open() const { return open_; }
  const std::vector<std::shared_ptr<const App>>& all() const { return apps_; }

 private:
  bool open_;
  std::vector<std::shared_ptr<const App>> apps_;
};

/// The token of "Authorization: Bearer TOKEN"; empty where there is none.
std::string_view BearerToken(const HttpRequest& request);

}  // namespace autoglm
