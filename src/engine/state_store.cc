#include "engine/state_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace autoglm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".state";
constexpr size_t kMaxNameBytes = 64;

/// As a file's name: letters, digits, '-' and '_' stay, other bytes become %XX.
std::string FileName(std::string_view name) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_';
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

Status CheckName(const char* what, std::string_view name) {
  if (!name.empty() && name.size() <= kMaxNameBytes) return OkStatus();
  return Error(StatusCode::kInvalidArgument, what, " has ", name.size(), " bytes; 1 to ",
               kMaxNameBytes, " are permitted");
}

/// Makes `folder` (its parent exists) for its owner only, and lasting.
Status MakeFolder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0) {
    return errno == EEXIST ? OkStatus() : ErrnoError(errno, "cannot create", folder);
  }
  const ScopedFd parent(
      ::open(fs::path(folder).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() >= 0) ::fsync(parent.get());
  return OkStatus();
}

Status NotFound(std::string_view name) {
  return Error(StatusCode::kNotFound, "there is no saved state '", Quoted(name), "'");
}

}  // namespace

std::string StateStore::FolderOf(std::string_view app) const {
  return JoinPath(folder_, FileName(app));
}

std::string StateStore::PathOf(std::string_view app, std::string_view name) const {
  return JoinPath(FolderOf(app), FileName(name)).append(kEnding);
}

Result<std::unique_ptr<StateStore>> StateStore::Open(const std::string& folder,
                                                     const StateCipher* cipher,
                                                     const StateStoreOptions& options,
                                                     const Logger& log) {
  std::unique_ptr<StateStore> store(new StateStore(folder, cipher, options));
  AUTOGLM_RETURN_IF_ERROR(MakeFolder(folder));
  AUTOGLM_RETURN_IF_ERROR(store->Scan(log));
  return store;
}

Status StateStore::Scan(const Logger& log) {
  std::error_code error;
  fs::recursive_directory_iterator files(folder_, error);
  std::vector<std::string> paths;
  for (; !error && files != fs::recursive_directory_iterator(); files.increment(error)) {
    if (files.depth() == 1 && files->is_regular_file(error)) paths.push_back(files->path());
  }
  if (error) return ErrnoError(error.value(), "cannot read", folder_);
  for (const std::string& path : paths) ScanFile(path, log);
  return OkStatus();
}

void StateStore::ScanFile(const std::string& path, const Logger& log) {
  const auto discard = [&](std::string_view why) {
    log.Warning("the saved state '", path, "' is discarded: ", why);
    n_discarded_ += ::unlink(path.c_str()) == 0;
  };
  const std::string file_name = fs::path(path).filename();
  if (!file_name.ends_with(kEnding)) {
    // FileWriter's temporary files have the final name in front.
    if (file_name.find(StrCat(kEnding, ".tmp-")) != std::string::npos) {
      discard("it was not written to its end");
    }
    return;
  }
  const Result<FileReader> reader = FileReader::Open(path);
  const Result<StateInfo> info =
      reader.ok() ? ReadStateInfo(*reader, cipher_) : Result<StateInfo>(reader.status());
  if (!info.ok() && info.status().code() == StatusCode::kDataLoss) {
    discard(info.status().message());
  } else if (!info.ok() || PathOf(info->app, info->name) != path) {
    log.Warning("the saved state '", path, "' is passed over: ",
                info.ok() ? "it was moved here from elsewhere" : info.status().message());
    ++n_unreadable_;
  } else {
    states_[{info->app, info->name}] = *info;
  }
}

Status StateStore::CheckRoom(const StateInfo& info, int64_t new_bytes) const {
  int64_t all_bytes = new_bytes;
  int64_t app_bytes = new_bytes;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, state] : states_) {
    if (key == Key(info.app, info.name)) continue;  // will be replaced
    all_bytes += state.file_bytes;
    if (key.first == info.app) app_bytes += state.file_bytes;
  }
  const bool app_full = options_.max_bytes_per_app > 0 && app_bytes > options_.max_bytes_per_app;
  const bool all_full = options_.max_bytes > 0 && all_bytes > options_.max_bytes;
  if (!app_full && !all_full) return OkStatus();
  return Error(StatusCode::kResourceExhausted, "a saved state of ", new_bytes,
               " bytes is more than what is left of the ",
               app_full ? options_.max_bytes_per_app : options_.max_bytes,
               " bytes permitted: delete others first");
}

Result<StateInfo> StateStore::Save(const StateInfo& info, const SequenceSnapshot& snapshot) {
  AUTOGLM_RETURN_IF_ERROR(CheckName("the app's name", info.app));
  AUTOGLM_RETURN_IF_ERROR(CheckName("the saved state's name", info.name));
  const std::lock_guard save_lock(save_mutex_);
  AUTOGLM_RETURN_IF_ERROR(CheckRoom(
      info, static_cast<int64_t>(snapshot.tokens().size_bytes()) +
                static_cast<int64_t>(snapshot.pages().size()) * snapshot.layout().page_bytes()));
  AUTOGLM_RETURN_IF_ERROR(MakeFolder(FolderOf(info.app)));
  const std::string path = PathOf(info.app, info.name);
  AUTOGLM_RETURN_IF_ERROR(WriteStateFile(path, info, snapshot, cipher_));
  AUTOGLM_ASSIGN_OR_RETURN(const FileReader reader, FileReader::Open(path));
  AUTOGLM_ASSIGN_OR_RETURN(StateInfo saved, ReadStateInfo(reader, cipher_));
  const std::lock_guard lock(mutex_);
  states_[{info.app, info.name}] = saved;
  return saved;
}

Result<SequenceState> StateStore::Load(const StateInfo& info) const {
  AUTOGLM_RETURN_IF_ERROR(Find(info.app, info.name).status());
  AUTOGLM_ASSIGN_OR_RETURN(const FileReader reader, FileReader::Open(PathOf(info.app, info.name)));
  return ReadStateFile(reader, cipher_, info);
}

std::vector<StateInfo> StateStore::List(std::string_view app) const {
  const std::lock_guard lock(mutex_);
  std::vector<StateInfo> list;
  for (auto it = states_.lower_bound({std::string(app), ""});
       it != states_.end() && it->first.first == app; ++it) {
    list.push_back(it->second);
  }
  return list;
}

Result<StateInfo> StateStore::Find(std::string_view app, std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto it = states_.find({std::string(app), std::string(name)});
  if (it == states_.end()) return NotFound(name);
  return it->second;
}

Status StateStore::Remove(std::string_view app, std::string_view name) {
  const std::lock_guard save_lock(save_mutex_);
  AUTOGLM_RETURN_IF_ERROR(Find(app, name).status());
  const std::string path = PathOf(app, name);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoError(errno, "cannot delete", path);
  }
  const ScopedFd folder(::open(FolderOf(app).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) ::fsync(folder.get());
  const std::lock_guard lock(mutex_);
  states_.erase({std::string(app), std::string(name)});
  return OkStatus();
}

}  // namespace autoglm
