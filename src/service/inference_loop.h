// InferenceLoop: the one thread that computes. It takes jobs from network threads and steps the
// models that have some in turn.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "service/generation.h"
#include "service/model_lane.h"

namespace autoglm {

/// Runs from its construction to Stop.
class InferenceLoop {
 public:
  InferenceLoop();
  ~InferenceLoop();

  /// Puts `job` into `lane`, which is kept alive until it is done. Any thread.
  void Submit(std::shared_ptr<ModelLane> lane, GenerationJob job);

  /// Runs `function` on the thread, between steps. Any thread; dropped after Stop.
  void Post(std::function<void()> function);

  /// There may be something to do again. Any thread.
  void Notify();

  /// Ends the thread after the step under way; what is not done fails with kCancelled.
  void Stop();

 private:
  void Run();
  /// Waits until there is something to do; false: stop.
  bool TakeInbox();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::pair<std::shared_ptr<ModelLane>, GenerationJob>> inbox_;
  std::vector<std::function<void()>> calls_;
  bool notified_ = false;
  bool stopping_ = false;

  // The thread's own.
  std::vector<std::shared_ptr<ModelLane>> lanes_;  ///< that are busy
  bool anything_runnable_ = false;
  std::thread thread_;
};

}  // namespace autoglm
