// InferenceLoop: the one thread that computes. It steps the models that have something to do, the
// one with the most urgent work first.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "service/model_lane.h"

namespace autoglm {

/// Runs from its construction to Stop.
class InferenceLoop {
 public:
  InferenceLoop();
  ~InferenceLoop();

  /// `lane` has got something to do; it is kept alive until that is done. Any thread.
  void Activate(std::shared_ptr<ModelLane> lane);

  /// Runs `function` on the thread, between steps. Any thread; destroyed without being called after
  /// Stop.
  void Post(std::function<void()> function);

  /// There may be something to do again. Any thread.
  void Notify();

  /// Ends the thread after the step under way; what is not done fails with kCancelled.
  void Stop();

 private:
  void Run();
  /// Waits until there may be something to do; false: stop.
  bool TakeInbox(bool wait);
  /// Steps the lane with the most urgent work; false where none has any.
  bool StepMostUrgent();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::shared_ptr<ModelLane>> inbox_;
  std::vector<std::function<void()>> calls_;
  bool notified_ = false;
  bool stopping_ = false;

  std::vector<std::shared_ptr<ModelLane>> lanes_;  ///< the thread's own: that are busy
  LastSeen last_seen_ns_ = {kNeverSeen, kNeverSeen, kNeverSeen};
  std::thread thread_;
};

}  // namespace autoglm
