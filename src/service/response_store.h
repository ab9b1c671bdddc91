// ResponseStore: answers of /v1/responses that are remembered, so that a later request can go on
// from one by its id. In memory only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

namespace autoglm {

struct StoredResponse {
  nlohmann::ordered_json messages;  ///< of the conversation, the answer included
  nlohmann::ordered_json response;  ///< as it was sent
};

/// Any thread. Every call names the app, and sees nothing of another one.
class ResponseStore {
 public:
  /// Forgets the oldest of an app beyond so many, and of all beyond so many bytes.
  static constexpr size_t kMaxPerApp = 256;
  static constexpr size_t kMaxBytes = 32 << 20;

  void Put(const std::string& app, const std::string& id, StoredResponse stored);
  std::optional<StoredResponse> Find(const std::string& app, const std::string& id) const;
  /// False where it is not there.
  bool Remove(const std::string& app, const std::string& id);

 private:
  using Key = std::pair<std::string, std::string>;
  struct Entry {
    Key key;
    StoredResponse stored;
    size_t n_bytes = 0;
  };

  void Forget(std::list<Entry>::iterator entry);

  mutable std::mutex mutex_;
  std::list<Entry> entries_;  ///< oldest first
  std::map<Key, std::list<Entry>::iterator> by_key_;
  std::map<std::string, size_t> n_of_app_;
  size_t n_bytes_ = 0;
};

}  // namespace autoglm
