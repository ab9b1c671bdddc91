// Sessions: conversations put to sleep on flash, and resumed. What is kept is what the model has
// computed for their text; the text itself stays with the app, which sends it again with its next
// request and finds it computed.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/status.h"
#include "engine/state_store.h"
#include "service/hosted_model.h"
#include "service/inference_loop.h"

namespace autoglm {

/// Any thread. Files are written and read on a thread of its own.
class Sessions {
 public:
  using Callback = std::function<void(Result<StateInfo> info)>;

  /// `store` and `inference` outlive it.
  Sessions(StateStore& store, InferenceLoop& inference);
  /// Finishes what is being written.
  ~Sessions();

  /// Computes `tokens` (or finds them computed in `prefix_domain`) and saves that as `name` of
  /// `app`. Calls back once it is on the disk, on some thread. Errors as Offer and
  /// StateStore::Save.
  void Save(std::shared_ptr<HostedModel> model, const std::string& app, const std::string& name,
            uint64_t prefix_domain, std::vector<int32_t> tokens, Callback callback);

  /// Reads the state, so that prompts of `prefix_domain` that begin like it find it. Errors as
  /// StateStore::Load and Sequence::Restore.
  void Resume(std::shared_ptr<HostedModel> model, const std::string& app, const std::string& name,
              uint64_t prefix_domain, Callback callback);

  StateStore& store() { return store_; }

 private:
  void Run();
  void PostFileWork(std::function<void()> function);
  void Restore(const std::shared_ptr<HostedModel>& model, const SequenceState& state,
               uint64_t prefix_domain, const StateInfo& info, const Callback& callback);

  StateStore& store_;
  InferenceLoop& inference_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> work_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace autoglm
