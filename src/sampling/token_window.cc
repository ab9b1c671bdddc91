#include "sampling/token_window.h"

#include <algorithm>

namespace autoglm {

namespace {
constexpr int32_t kReserve = 4096;  // a context of usual length adds without allocating
}  // namespace

TokenWindow::TokenWindow(int32_t vocab_size, int32_t last_n)
    : last_n_(last_n), slot_of_(static_cast<size_t>(vocab_size), -1) {
  entries_.reserve(static_cast<size_t>(std::min(vocab_size, kReserve)));
  if (last_n_ > 0) window_.reserve(static_cast<size_t>(std::min(last_n_, kReserve)));
}

void TokenWindow::Add(int32_t id) {
  if (last_n_ > 0) {
    if (window_.size() < static_cast<size_t>(last_n_)) {
      window_.push_back(id);
    } else {
      Remove(window_[oldest_]);
      window_[oldest_] = id;
      oldest_ = (oldest_ + 1) % window_.size();
    }
  }
  if (slot_of_[id] < 0) {
    slot_of_[id] = static_cast<int32_t>(entries_.size());
    entries_.push_back({id, 0});
  }
  ++entries_[slot_of_[id]].count;
}

void TokenWindow::Remove(int32_t id) {
  const int32_t slot = slot_of_[id];
  if (--entries_[slot].count > 0) return;
  entries_[slot] = entries_.back();
  slot_of_[entries_[slot].id] = slot;
  entries_.pop_back();
  slot_of_[id] = -1;
}

void TokenWindow::Clear() {
  for (const Entry& entry : entries_) slot_of_[entry.id] = -1;
  entries_.clear();
  window_.clear();
  oldest_ = 0;
}

}  // namespace autoglm
