// ModelHost: the models that the service may serve: loaded when first asked for, pushed out when
// others need their memory.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/function_ref.h"
#include "base/log.h"
#include "base/status.h"
#include "qos/byte_budget.h"
#include "qos/task_memory.h"
#include "service/hosted_model.h"

namespace autoglm {

struct ModelHostOptions {
  std::vector<ModelSettings> models;
  int64_t budget_bytes = INT64_MAX;  ///< of all loaded models, and of tasks that reserve
};

/// One model, as the list shows it.
struct ModelState {
  std::string name;
  std::string path = {};
  int64_t created_unix_s = 0;  ///< of the file
  bool loaded = false;
  bool loading = false;
  bool pinned = false;
  bool in_use = false;     ///< a request holds it
  int64_t bytes = 0;       ///< where loaded
  std::string error = {};  ///< of the last attempt to load it, where that failed
};

/// Any thread. A request holds a model by its shared_ptr; only a model that nobody holds and that
/// is not pinned is ever unloaded.
class ModelHost final : public TaskMemory {
 public:
  using ModelPtr = std::shared_ptr<HostedModel>;
  using Loader = std::function<Result<ModelPtr>(const ModelSettings& settings)>;
  using Callback = std::function<void(Result<ModelPtr> model)>;

  ModelHost(ModelHostOptions options, Loader loader, Logger log);
  /// Waits for the load under way; those who wait for others get kCancelled.
  ~ModelHost() override;

  /// The model `name`, or the first one for "". Calls back at once where it is loaded or unknown
  /// (kNotFound), else from the loading thread; requests for a model that is being loaded share
  /// the one load. kResourceExhausted: it does not fit beside models in use.
  void Acquire(std::string_view name, Callback callback);

  /// kNotFound; Unload: kFailedPrecondition for a model in use.
  Status SetPinned(std::string_view name, bool pinned);
  Status Unload(std::string_view name);

  std::vector<ModelState> List() const;
  /// Calls `function` with each model that is loaded, which it must not keep.
  void ForEachLoaded(FunctionRef<void(const HostedModel& model)> function) const;

  /// For requests that need memory of their own: models that nobody uses are unloaded for it, where
  /// that makes room enough.
  std::optional<ByteBudget::Reservation> TryReserve(int64_t bytes) override;
  int64_t free_bytes() const override;
  /// The most that a request to `model` could ever reserve: all but this model and pinned ones.
  int64_t MostTaskBytes(const HostedModel& model) const;

  const ByteBudget& budget() const { return budget_; }
  /// Models unloaded to make room, so far.
  int64_t n_evictions() const;

 private:
  struct Entry {
    ModelSettings settings;
    int64_t created_unix_s = 0;
    ModelPtr model = {};
    bool loading = false;
    bool pinned = false;
    uint64_t last_use = 0;
    Status error = {};
    std::vector<Callback> waiting = {};
  };

  Entry* Find(std::string_view name);
  void Run();
  void Load(Entry& entry);
  /// Reserves `bytes`, for which least recently used models are unloaded where it must be.
  Result<ByteBudget::Reservation> Reserve(int64_t bytes, const Entry& for_entry);
  /// Nobody uses it, and it may go. Under the lock.
  static bool IsIdle(const Entry& entry);
  /// The model that is to go next; null where all are in use or pinned.
  ModelPtr TakeLeastRecentlyUsed();

  const ModelHostOptions options_;
  const Loader loader_;
  const Logger log_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  ByteBudget budget_;
  std::deque<Entry> entries_;  ///< in the order given; never moved
  std::deque<Entry*> queue_;   ///< to be loaded
  uint64_t n_uses_ = 0;
  int64_t n_evictions_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

/// The models in `folder`: GGUF files (of a split model the first part) and folders with a
/// config.json, each named by its file name without ".gguf". kNotFound, kIoError.
Result<std::vector<ModelSettings>> FindModels(const std::string& folder);
/// The name that a model at `path` has where none is given.
std::string ModelNameOf(const std::string& path);

}  // namespace autoglm
