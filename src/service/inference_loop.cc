// See inference_loop.h.
#include "service/inference_loop.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace autoglm {
namespace {

/// How often it looks whether somebody who waits has waited for too long, while nothing happens.
constexpr auto kIdleCheck = std::chrono::milliseconds(20);

}  // namespace

InferenceLoop::InferenceLoop() : thread_([this] { Run(); }) {}

InferenceLoop::~InferenceLoop() { Stop(); }

void InferenceLoop::Activate(std::shared_ptr<ModelLane> lane) {
  {
    std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(lane));
  }
  Notify();
}

void InferenceLoop::Post(std::function<void()> function) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
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
  calls_.clear();  // what they hold belongs to models
}

bool InferenceLoop::TakeInbox(bool wait) {
  std::vector<std::shared_ptr<ModelLane>> inbox;
  std::vector<std::function<void()>> calls;
  bool stop;
  {
    std::unique_lock lock(mutex_);
    const auto has_news = [this] { return notified_ || stopping_; };
    if (wait && lanes_.empty()) wake_.wait(lock, has_news);
    if (wait && !lanes_.empty()) wake_.wait_for(lock, kIdleCheck, has_news);
    notified_ = false;
    inbox.swap(inbox_);
    calls.swap(calls_);
    stop = stopping_;
  }
  for (auto& lane : inbox) {
    if (std::find(lanes_.begin(), lanes_.end(), lane) == lanes_.end()) {
      lanes_.push_back(std::move(lane));
    }
  }
  for (const auto& call : calls) call();
  return !stop;
}

bool InferenceLoop::StepMostUrgent() {
  ModelLane* first = nullptr;
  Urgency least;
  for (const auto& lane : lanes_) {
    Urgency urgency;
    if (!lane->Prepare(&urgency, &last_seen_ns_)) continue;
    if (first == nullptr || urgency < least) {
      first = lane.get();
      least = urgency;
    }
  }
  if (first != nullptr) first->Step(last_seen_ns_);
  std::erase_if(lanes_, [](const auto& lane) { return !lane->busy(); });
  return first != nullptr;
}

void InferenceLoop::Run() {
  bool stepped = false;
  while (TakeInbox(/*wait=*/!stepped)) stepped = StepMostUrgent();
  for (const auto& lane : lanes_) {
    lane->FailAll(Error(StatusCode::kCancelled, "the service is stopping"));
  }
  lanes_.clear();
}

}  // namespace autoglm
