// See model_host.h.
#include "service/model_host.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "platform/file.h"

namespace autoglm {
namespace {

namespace fs = std::filesystem;

/// What a model will take at least, before anything of it is read.
int64_t FileBytes(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    const auto size = fs::file_size(path, error);
    return error ? 0 : static_cast<int64_t>(size);
  }
  int64_t sum = 0;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    if (entry.path().extension() == ".safetensors") sum += FileBytes(entry.path().string());
  }
  return sum;
}

/// Seconds since 1970; nothing where there is no such file.
std::optional<int64_t> ModificationTime(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return status.st_mtime;
}

}  // namespace

std::string ModelNameOf(const std::string& path) {
  const fs::path file =
      fs::path(path).has_filename() ? fs::path(path) : fs::path(path).parent_path();
  return file.extension() == ".gguf" ? file.stem().string() : file.filename().string();
}

Result<std::vector<ModelSettings>> FindModels(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const bool is_part = name.find("-of-") != std::string::npos;
    const bool is_first_part = name.find("-00001-of-") != std::string::npos;
    const bool is_gguf = entry.path().extension() == ".gguf" && (!is_part || is_first_part);
    if (is_gguf || FileExists(JoinPath(entry.path().string(), "config.json"))) {
      paths.push_back(entry.path().string());
    }
  }
  if (error) return ErrnoError(error.value(), "cannot list", folder);
  if (paths.empty()) {
    return Error(StatusCode::kNotFound, "'", folder,
                 "' holds no model; expected *.gguf files or folders with a config.json");
  }
  std::sort(paths.begin(), paths.end());
  std::vector<ModelSettings> models;
  for (const std::string& path : paths) models.push_back({.name = ModelNameOf(path), .path = path});
  return models;
}

ModelHost::ModelHost(ModelHostOptions options, Loader loader, Logger log)
    : options_(std::move(options)),
      loader_(std::move(loader)),
      log_(std::move(log)),
      budget_(options_.budget_bytes) {
  for (const ModelSettings& settings : options_.models) {
    entries_.push_back({.settings = settings,
                        .created_unix_s = ModificationTime(settings.path).value_or(0),
                        .pinned = settings.pinned});
  }
  for (Entry& entry : entries_) {
    if (!entry.pinned) continue;
    entry.loading = true;
    queue_.push_back(&entry);
  }
  thread_ = std::thread([this] { Run(); });
}

ModelHost::~ModelHost() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  for (Entry& entry : entries_) {
    for (const Callback& callback : entry.waiting) {
      callback(Error(StatusCode::kCancelled, "the service is stopping"));
    }
  }
}

ModelHost::Entry* ModelHost::Find(std::string_view name) {
  if (name.empty() && !entries_.empty()) return &entries_.front();
  for (Entry& entry : entries_) {
    if (entry.settings.name == name) return &entry;
  }
  return nullptr;
}

void ModelHost::Acquire(std::string_view name, Callback callback) {
  ModelPtr model, broken;
  {
    std::lock_guard lock(mutex_);
    Entry* entry = Find(name);
    if (entry != nullptr) {
      entry->last_use = ++n_uses_;
      // Its answers have failed; another attempt may find the file whole again.
      if (entry->model != nullptr && entry->model->lane->broken()) broken.swap(entry->model);
      model = entry->model;
      if (model == nullptr && !stopping_) {
        entry->waiting.push_back(std::move(callback));
        if (!entry->loading) queue_.push_back(entry);
        entry->loading = true;
        wake_.notify_one();
        return;
      }
    }
  }
  if (model != nullptr) return callback(std::move(model));
  callback(Error(StatusCode::kNotFound, "there is no model '", Quoted(name), "' here"));
}

void ModelHost::Run() {
  while (true) {
    Entry* entry;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      entry = queue_.front();
      queue_.pop_front();
    }
    Load(*entry);
  }
}

void ModelHost::Load(Entry& entry) {
  const int64_t file_bytes = FileBytes(entry.settings.path);
  Result<ByteBudget::Reservation> first = Reserve(file_bytes, entry);
  Result<ModelPtr> model = first.ok() ? loader_(entry.settings) : Result<ModelPtr>(first.status());
  if (model.ok()) {
    // Now it is known to the byte.
    const int64_t bytes = (*model)->bytes;
    if (bytes < file_bytes) first->ShrinkTo(bytes);
    Result<ByteBudget::Reservation> rest = Reserve(std::max<int64_t>(bytes - file_bytes, 0), entry);
    if (rest.ok()) {
      (*model)->reservations.push_back(std::move(*first));
      (*model)->reservations.push_back(std::move(*rest));
    } else {
      model = rest.status();
    }
  }
  std::vector<Callback> waiting;
  {
    std::lock_guard lock(mutex_);
    entry.error = model.status();
    entry.loading = false;
    if (model.ok()) entry.model = *model;
    waiting.swap(entry.waiting);
  }
  if (model.ok()) {
    log_.Info("model '", entry.settings.name, "' loaded: ", (*model)->bytes, " bytes");
  } else {
    log_.Warning("model '", entry.settings.name, "' not loaded: ", model.status().message());
  }
  for (const Callback& callback : waiting) callback(model);
}

Result<ByteBudget::Reservation> ModelHost::Reserve(int64_t bytes, const Entry& for_entry) {
  while (true) {
    if (auto reservation = budget_.TryReserve(bytes)) return std::move(*reservation);
    const ModelPtr dropped = TakeLeastRecentlyUsed();  // and its memory is back where this ends
    if (dropped == nullptr) {
      return Error(StatusCode::kResourceExhausted, "model '", for_entry.settings.name, "' needs ",
                   bytes, " bytes; of the budget of ", budget_.capacity_bytes(), ", ",
                   budget_.reserved_bytes(), " are held by what is in use or pinned");
    }
    log_.Info("model '", dropped->name, "' unloaded to make room");
  }
}

std::optional<ByteBudget::Reservation> ModelHost::TryReserve(int64_t bytes) {
  while (true) {
    if (auto reservation = budget_.TryReserve(bytes)) return reservation;
    if (bytes > free_bytes()) return std::nullopt;
    const ModelPtr dropped = TakeLeastRecentlyUsed();
    if (dropped == nullptr) return std::nullopt;
    log_.Info("model '", dropped->name, "' unloaded for a request that needs ", bytes, " bytes");
  }
}

int64_t ModelHost::free_bytes() const {
  std::lock_guard lock(mutex_);
  int64_t bytes = budget_.free_bytes();
  for (const Entry& entry : entries_) {
    if (IsIdle(entry)) bytes += entry.model->bytes;
  }
  return bytes;
}

int64_t ModelHost::MostTaskBytes(const HostedModel& model) const {
  std::lock_guard lock(mutex_);
  int64_t bytes = budget_.capacity_bytes() - model.bytes;
  for (const Entry& entry : entries_) {
    if (entry.pinned && entry.model != nullptr && entry.model.get() != &model) {
      bytes -= entry.model->bytes;
    }
  }
  return bytes;
}

bool ModelHost::IsIdle(const Entry& entry) {
  // Only under the lock does anybody get a model from here, so a count of one stays one.
  return entry.model != nullptr && entry.model.use_count() == 1 && !entry.pinned;
}

ModelHost::ModelPtr ModelHost::TakeLeastRecentlyUsed() {
  std::lock_guard lock(mutex_);
  Entry* oldest = nullptr;
  for (Entry& entry : entries_) {
    if (IsIdle(entry) && (oldest == nullptr || entry.last_use < oldest->last_use)) oldest = &entry;
  }
  if (oldest == nullptr) return nullptr;
  ++n_evictions_;
  return std::exchange(oldest->model, nullptr);
}

Status ModelHost::SetPinned(std::string_view name, bool pinned) {
  std::lock_guard lock(mutex_);
  Entry* entry = Find(name);
  if (entry == nullptr) return Error(StatusCode::kNotFound, "no model '", Quoted(name), "'");
  entry->pinned = pinned;
  return OkStatus();
}

Status ModelHost::Unload(std::string_view name) {
  ModelPtr dropped;
  std::lock_guard lock(mutex_);
  Entry* entry = Find(name);
  if (entry == nullptr) return Error(StatusCode::kNotFound, "no model '", Quoted(name), "'");
  if (entry->loading || (entry->model != nullptr && entry->model.use_count() > 1)) {
    return Error(StatusCode::kFailedPrecondition, "model '", entry->settings.name,
                 "' is in use; try again when its answers have ended");
  }
  dropped.swap(entry->model);
  return OkStatus();
}

std::vector<ModelState> ModelHost::List() const {
  std::lock_guard lock(mutex_);
  std::vector<ModelState> states;
  for (const Entry& entry : entries_) {
    states.push_back({.name = entry.settings.name,
                      .path = entry.settings.path,
                      .created_unix_s = entry.created_unix_s,
                      .loaded = entry.model != nullptr,
                      .loading = entry.loading,
                      .pinned = entry.pinned,
                      .in_use = entry.model.use_count() > 1,
                      .bytes = entry.model ? entry.model->bytes : 0,
                      .error = entry.error.message()});
  }
  return states;
}

void ModelHost::ForEachLoaded(FunctionRef<void(const HostedModel& model)> function) const {
  std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) {
    if (entry.model != nullptr) function(*entry.model);
  }
}

int64_t ModelHost::n_evictions() const {
  std::lock_guard lock(mutex_);
  return n_evictions_;
}

}  // namespace autoglm
