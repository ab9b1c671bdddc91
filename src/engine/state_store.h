// StateStore: a folder of state files, FOLDER/APP/NAME.state: what the apps of a service have put
// to sleep. Every file is whole: what a killed process left half written is found and discarded.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "engine/state_file.h"

namespace autoglm {

struct StateStoreOptions {
  int64_t max_bytes = 0;          ///< of all files together; 0: no limit
  int64_t max_bytes_per_app = 0;  ///< 0: no limit
};

/// Any thread may call; saves wait for each other. Names of apps and of states are 1 to 64 bytes.
/// Every call names the app, and nothing of another app is seen, changed or told apart from what is
/// not there.
class StateStore {
 public:
  /// Makes the folder, readable by its owner only, where it is missing; looks through it; deletes
  /// what was not written to its end. Files that the key does not open are left alone and not
  /// listed. `cipher` (null: none) outlives the store. Errors as for files.
  static Result<std::unique_ptr<StateStore>> Open(const std::string& folder,
                                                  const StateCipher* cipher,
                                                  const StateStoreOptions& options,
                                                  const Logger& log = {});

  /// When it returns OK, the state survives whatever happens to the process. Replaces one of the
  /// same name. `info`: see WriteStateFile. kInvalidArgument (a name), kResourceExhausted (a
  /// limit, or the disk is full; the state before stays), kIoError.
  Result<StateInfo> Save(const StateInfo& info, const SequenceSnapshot& snapshot);

  /// The state `info.name` of `info.app`; it must be of the same model_fingerprint and layout.
  /// kNotFound, and errors as ReadStateFile.
  Result<SequenceState> Load(const StateInfo& info) const;

  /// By name.
  std::vector<StateInfo> List(std::string_view app) const;
  /// kNotFound.
  Result<StateInfo> Find(std::string_view app, std::string_view name) const;
  /// kNotFound, kIoError.
  Status Remove(std::string_view app, std::string_view name);

  /// Files that Open deleted, and that it could not read.
  int n_discarded() const { return n_discarded_; }
  int n_unreadable() const { return n_unreadable_; }

 private:
  using Key = std::pair<std::string, std::string>;

  StateStore(std::string folder, const StateCipher* cipher, const StateStoreOptions& options)
      : folder_(std::move(folder)), cipher_(cipher), options_(options) {}

  Status Scan(const Logger& log);
  void ScanFile(const std::string& path, const Logger& log);
  Status CheckRoom(const StateInfo& info, int64_t new_bytes) const;
  std::string FolderOf(std::string_view app) const;
  std::string PathOf(std::string_view app, std::string_view name) const;

  std::string folder_;
  const StateCipher* cipher_;
  StateStoreOptions options_;
  std::mutex save_mutex_;     ///< held while a file is written or deleted
  mutable std::mutex mutex_;  ///< guards states_
  std::map<Key, StateInfo> states_;
  int n_discarded_ = 0;
  int n_unreadable_ = 0;
};

}  // namespace autoglm
