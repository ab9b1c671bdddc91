// The KV cache: ref-counted pages of keys and values. Sharing a prefix, forking, truncating and
// dropping are page operations; nothing here knows what the numbers mean.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "backend/kv_layout.h"
#include "base/status.h"

namespace autoglm {

/// A fixed number of pages with reference counts. One thread at a time.
class KvPagePool {
 public:
  /// kResourceExhausted when the memory cannot be had.
  static Result<std::unique_ptr<KvPagePool>> Create(Backend& backend, const KvLayout& layout,
                                                    int n_pages);

  const KvLayout& layout() const { return layout_; }
  int n_pages() const { return static_cast<int>(ref_counts_.size()); }
  int n_free_pages() const { return static_cast<int>(free_.size()); }

  /// A page with one reference, or -1 if none is free. Contents are undefined.
  int Acquire();
  void AddRef(int page) { ++ref_counts_[page]; }
  void Release(int page);
  int ref_count(int page) const { return ref_counts_[page]; }

  /// Called before a request for pages fails, with how many must be free: whoever holds pages that
  /// can be done without releases them.
  void set_reclaimer(std::function<void(int n_pages)> reclaimer) {
    reclaimer_ = std::move(reclaimer);
  }
  /// True where `n_pages` are free, if need be after asking the reclaimer.
  bool MakeFree(int n_pages);

  std::byte* data(int page) const { return buffer_.data() + page * layout_.page_bytes(); }

 private:
  KvPagePool(const KvLayout& layout, int n_pages, Buffer buffer);

  KvLayout layout_;
  Buffer buffer_;
  std::vector<int> ref_counts_;
  std::vector<int> free_;
  std::function<void(int n_pages)> reclaimer_;
};

/// The pages of one sequence. Movable; releases its pages when destroyed. The pool outlives it.
class KvSequence {
 public:
  /// `max_tokens`: no more will ever be reserved (memory for the page list is taken here, so that
  /// a decode step allocates nothing).
  KvSequence(KvPagePool& pool, int max_tokens);
  KvSequence(KvSequence&& other) noexcept;
  KvSequence& operator=(KvSequence&& other) noexcept;
  ~KvSequence();

  /// Positions [0, n_tokens) are computed (or are being computed by the current step).
  int n_tokens() const { return n_tokens_; }
  int max_tokens() const { return max_tokens_; }

  /// Makes positions [n_tokens, n_tokens + n) writable and counts them: takes pages, and copies a
  /// shared last page first. kResourceExhausted (nothing changed) when pages run out or max_tokens
  /// would be exceeded.
  Status Extend(int n);

  /// Forgets positions from `n_tokens` on.
  void Truncate(int n_tokens);

  /// A second sequence with the same first `n_tokens` positions; pages are shared until written.
  KvSequence Fork(int n_tokens) const;

  /// Begins with the tokens of `pages`, all of them full, in place of what it has. At most
  /// max_tokens of them.
  void Adopt(std::span<const int> pages);

  std::span<const int> pages() const { return pages_; }
  std::span<std::byte* const> page_data() const { return page_data_; }

 private:
  KvPagePool* pool_;
  int max_tokens_;
  int n_tokens_ = 0;
  std::vector<int> pages_;
  std::vector<std::byte*> page_data_;  ///< of pages_, as backends want it
};

}  // namespace autoglm
