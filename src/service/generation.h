// Generation: one request for text while it is being answered: what the inference thread writes and
// a network thread reads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autoglm/generation.h"
#include "base/status.h"
#include "engine/sequence.h"
#include "net/http.h"
#include "qos/request_class.h"
#include "qos/task_memory.h"
#include "sampling/sampler.h"
#include "service/event_ring.h"

namespace autoglm {

/// Times of one answer, in nanoseconds of the service's clock; 0 where it did not come to that.
struct AnswerTimes {
  int64_t submit_ns = 0;
  int64_t start_ns = 0;  ///< left the queue
  int64_t first_token_ns = 0;
  int64_t end_ns = 0;
};

/// What one step added to one answer, or its end.
struct TokenEvent {
  int choice = 0;
  int64_t time_ns = 0;
  SampledToken token;                          ///< id -1: none
  std::string text;                            ///< what became showable
  StopReason stop_reason = StopReason::kNone;  ///< not kNone: the last event of this choice

  // Of the last event:
  std::vector<float> embedding = {};  ///< [hidden_size], where the job asked for it
  Status status;                      ///< why, with kError
  int http_status = 0;         ///< with kError: what to tell the client; 0: by the status's code
  int64_t retry_after_ms = 0;  ///< with kError for want of room: when to ask again
  int n_prompt = 0;
  int n_cached = 0;
  int n_generated = 0;
  AnswerTimes times;
};

/// Shared by both sides. The inference thread stops stepping its sequences while the ring is full,
/// so a client that does not read costs no more than the ring.
class Generation {
 public:
  /// `waker` is called when events have come; `on_room` when a full ring has room again or the
  /// generation was cancelled. Both from any thread.
  Generation(int n_choices, Waker waker, std::function<void()> on_room)
      : n_choices_(n_choices),
        ring_(std::max<size_t>(kRingEvents, 4 * static_cast<size_t>(n_choices))),
        waker_(std::move(waker)),
        on_room_(std::move(on_room)) {}

  int n_choices() const { return n_choices_; }

  // The reading side.
  TokenEvent* Front() { return ring_.Front(); }
  void Pop() {
    ring_.Pop();
    if (starved_.exchange(false)) on_room_();
  }
  /// Nobody reads any more.
  void Cancel() {
    cancelled_ = true;
    on_room_();
  }

  // The writing side.
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  /// True where every choice may write an event, and its last one after that: last events never
  /// ask for room. Where not, on_room will be called.
  bool HasRoom() {
    const size_t n_needed = 2 * static_cast<size_t>(n_choices_);
    if (ring_.free() >= n_needed) return true;
    starved_.exchange(true);          // ordered before the second look
    return ring_.free() >= n_needed;  // the reader may have been faster
  }
  TokenEvent& Back() { return ring_.Back(); }
  void Push() { ring_.Push(); }
  void Wake() { waker_(); }

 private:
  static constexpr size_t kRingEvents = 64;

  const int n_choices_;
  EventRing<TokenEvent> ring_;
  Waker waker_;
  std::function<void()> on_room_;
  std::atomic<bool> cancelled_ = false;
  std::atomic<bool> starved_ = false;
};

/// What a network thread asks for: `n` answers to one prompt. Nothing here is text that would have
/// to be parsed.
struct GenerationJob {
  std::shared_ptr<Generation> generation;
  int first_choice = 0;  ///< its answers are first_choice ... first_choice + n - 1
  int n = 1;
  std::vector<int32_t> prompt = {};
  SequenceOptions options = {};  ///< answer i draws with seed + i
  RequestClass request_class = RequestClass::kInteractive;
  int64_t deadline_ns = kNoDeadline;  ///< realtime: when the answer must be done
  int64_t submit_ns = 0;
  int64_t task_bytes = 0;             ///< held while it runs, for a task of the app's own
  TaskMemory* task_memory = nullptr;  ///< where they come from
  /// The last event carries the hidden state of the prompt's last token, behind the last norm.
  bool wants_embedding = false;
  /// Called on the inference thread when the (only) answer ends, with its sequence, or with null
  /// and why there is none.
  std::function<void(const Sequence* sequence, const Status& status)> on_end = nullptr;
};

}  // namespace autoglm
