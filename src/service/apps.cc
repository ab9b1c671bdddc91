// See apps.h.
#include "service/apps.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <utility>

namespace autoglm {

KeyDigest DigestOf(std::string_view key) {
  KeyDigest digest;
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
  return digest;
}

bool SameDigest(const KeyDigest& a, const KeyDigest& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool App::MayUse(std::string_view model) const {
  return models.empty() || std::find(models.begin(), models.end(), model) != models.end();
}

Apps::Apps(std::vector<App> apps) : open_(apps.empty()) {
  if (open_) apps.push_back({.name = "default"});
  for (App& app : apps) apps_.push_back(std::make_shared<const App>(std::move(app)));
}

std::shared_ptr<const App> Apps::Identify(const HttpRequest& request) const {
  if (open_) return apps_.front();
  std::shared_ptr<const App> found;
  const std::string_view token = BearerToken(request);
  if (!token.empty()) {
    const KeyDigest digest = DigestOf(token);
    for (const auto& app : apps_) {
      for (const KeyDigest& key : app->keys) {
        if (SameDigest(key, digest)) found = app;  // no early way out
      }
    }
    return found;
  }
  if (!request.peer.uid) return nullptr;
  for (const auto& app : apps_) {
    const auto& uids = app->uids;
    if (std::find(uids.begin(), uids.end(), *request.peer.uid) != uids.end()) return app;
  }
  return nullptr;
}

std::string_view BearerToken(const HttpRequest& request) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string* value = request.FindHeader("Authorization");
  if (value == nullptr || value->size() <= kScheme.size()) return {};
  for (size_t i = 0; i < kScheme.size(); ++i) {
    const char c = (*value)[i];
    if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != kScheme[i]) return {};
  }
  return std::string_view(*value).substr(kScheme.size());
}

}  // namespace autoglm
