// See response_store.h.
#include "service/response_store.h"

#include <algorithm>

namespace autoglm {

void ResponseStore::Put(const std::string& app, const std::string& id, StoredResponse stored) {
  using nlohmann::ordered_json;
  const auto size = [](const ordered_json& json) {
    return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace).size();
  };
  const size_t n_bytes = size(stored.messages) + size(stored.response);
  std::lock_guard lock(mutex_);
  const Key key = {app, id};
  if (const auto found = by_key_.find(key); found != by_key_.end()) Forget(found->second);
  entries_.push_back({key, std::move(stored), n_bytes});
  by_key_[key] = std::prev(entries_.end());
  n_bytes_ += n_bytes;
  if (++n_of_app_[app] > kMaxPerApp) {
    Forget(std::find_if(entries_.begin(), entries_.end(),
                        [&](const Entry& entry) { return entry.key.first == app; }));
  }
  while (n_bytes_ > kMaxBytes) Forget(entries_.begin());
}

std::optional<StoredResponse> ResponseStore::Find(const std::string& app,
                                                  const std::string& id) const {
  std::lock_guard lock(mutex_);
  const auto found = by_key_.find({app, id});
  if (found == by_key_.end()) return std::nullopt;
  return found->second->stored;
}

bool ResponseStore::Remove(const std::string& app, const std::string& id) {
  std::lock_guard lock(mutex_);
  const auto found = by_key_.find({app, id});
  if (found == by_key_.end()) return false;
  Forget(found->second);
  return true;
}

void ResponseStore::Forget(std::list<Entry>::iterator entry) {
  n_bytes_ -= entry->n_bytes;
  const auto n = n_of_app_.find(entry->key.first);
  if (--n->second == 0) n_of_app_.erase(n);
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace autoglm
