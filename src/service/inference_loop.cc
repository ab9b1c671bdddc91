// See inference_loop.h.
#include "service/inference_loop.h"

#include <algorithm>

namespace autoglm {

InferenceLoop::InferenceLoop() : thread_([this] { Run(); }) {}

InferenceLoop::~InferenceLoop() { Stop(); }

void InferenceLoop::Submit(std::shared_ptr<ModelLane> lane, GenerationJob job) {
  {
    std::lock_guard lock(mutex_);
    inbox_.emplace_back(std::move(lane), std::move(job));
  }
  Notify();
}

void InferenceLoop::Post(std::function<void()> function) {
  {
    std::lock_guard lock(mutex_);
    calls_.push_back(std::move(function));
  }
  Notify();
}

void InferenceLoop::Notify() {
  {
    std::lock_guard lock(mutex_);
    if (notified_) return;
    notified_ = true;
  }
  wake_.notify_one();
}

void InferenceLoop::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  Notify();
  if (thread_.joinable()) thread_.join();
}

bool InferenceLoop::TakeInbox() {
  std::vector<std::pair<std::shared_ptr<ModelLane>, GenerationJob>> inbox;
  std::vector<std::function<void()>> calls;
  bool stop;
  {
    std::unique_lock lock(mutex_);
    if (!anything_runnable_) wake_.wait(lock, [this] { return notified_ || stopping_; });
    notified_ = false;
    inbox.swap(inbox_);
    calls.swap(calls_);
    stop = stopping_;
  }
  for (auto& [lane, job] : inbox) {
    lane->Add(std::move(job));
    if (std::find(lanes_.begin(), lanes_.end(), lane) == lanes_.end()) lanes_.push_back(lane);
  }
  for (const auto& call : calls) call();
  return !stop;
}

void InferenceLoop::Run() {
  while (TakeInbox()) {
    for (const auto& lane : lanes_) lane->Step();
    std::erase_if(lanes_, [](const auto& lane) { return !lane->busy(); });
    anything_runnable_ = std::any_of(lanes_.begin(), lanes_.end(),
                                     [](const auto& lane) { return lane->runnable(); });
  }
  for (const auto& lane : lanes_) {
    lane->FailAll(Error(StatusCode::kCancelled, "the service is stopping"));
  }
  lanes_.clear();
}

}  // namespace autoglm
