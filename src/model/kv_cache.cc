#include "model/kv_cache.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace autoglm {

namespace {

int PagesFor(int n_tokens) {
  return (n_tokens + KvLayout::kPageTokens - 1) / KvLayout::kPageTokens;
}

}  // namespace

Result<std::unique_ptr<KvPagePool>> KvPagePool::Create(Backend& backend, const KvLayout& layout,
                                                       int n_pages) {
  AUTOGLM_ASSIGN_OR_RETURN(
      Buffer buffer,
      backend.NewBuffer(static_cast<size_t>(n_pages) * layout.page_bytes(), "the KV cache"));
  return std::unique_ptr<KvPagePool>(new KvPagePool(layout, n_pages, std::move(buffer)));
}

KvPagePool::KvPagePool(const KvLayout& layout, int n_pages, Buffer buffer)
    : layout_(layout), buffer_(std::move(buffer)), ref_counts_(n_pages, 0) {
  // Handed out from the end: low pages first, so that memory is touched from the start.
  free_.reserve(n_pages);
  for (int page = n_pages - 1; page >= 0; --page) free_.push_back(page);
}

int KvPagePool::Acquire() {
  if (free_.empty()) return -1;
  const int page = free_.back();
  free_.pop_back();
  ref_counts_[page] = 1;
  return page;
}

void KvPagePool::Release(int page) {
  if (--ref_counts_[page] == 0) free_.push_back(page);
}

bool KvPagePool::MakeFree(int n_pages) {
  if (n_pages > n_free_pages() && reclaimer_) reclaimer_(n_pages);
  return n_pages <= n_free_pages();
}

KvSequence::KvSequence(KvPagePool& pool, int max_tokens) : pool_(&pool), max_tokens_(max_tokens) {
  pages_.reserve(PagesFor(max_tokens));
  page_data_.reserve(PagesFor(max_tokens));
}

KvSequence::KvSequence(KvSequence&& other) noexcept
    : pool_(other.pool_),
      max_tokens_(other.max_tokens_),
      n_tokens_(std::exchange(other.n_tokens_, 0)),
      pages_(std::move(other.pages_)),
      page_data_(std::move(other.page_data_)) {
  other.pages_.clear();
  other.page_data_.clear();
}

KvSequence& KvSequence::operator=(KvSequence&& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(max_tokens_, other.max_tokens_);
  std::swap(n_tokens_, other.n_tokens_);
  std::swap(pages_, other.pages_);
  std::swap(page_data_, other.page_data_);
  return *this;
}

KvSequence::~KvSequence() { Truncate(0); }

Status KvSequence::Extend(int n) {
  if (n > max_tokens_ - n_tokens_) {
    return Error(StatusCode::kResourceExhausted, "the context is full: ", n_tokens_, " + ", n,
                 " tokens exceed its ", max_tokens_);
  }
  const bool copy_last =
      n > 0 && n_tokens_ % KvLayout::kPageTokens != 0 && pool_->ref_count(pages_.back()) > 1;
  const int n_new = PagesFor(n_tokens_ + n) - static_cast<int>(pages_.size());
  if (!pool_->MakeFree(n_new + copy_last)) {
    return Error(StatusCode::kResourceExhausted, "the KV cache is full: ", n_new + copy_last,
                 " more pages of ", KvLayout::kPageTokens, " tokens are needed and ",
                 pool_->n_free_pages(), " of ", pool_->n_pages(), " are free");
  }
  if (copy_last) {
    const int shared = pages_.back();
    const int own = pool_->Acquire();
    std::memcpy(pool_->data(own), pool_->data(shared),
                static_cast<size_t>(pool_->layout().page_bytes()));
    pool_->Release(shared);
    pages_.back() = own;
    page_data_.back() = pool_->data(own);
  }
  for (int i = 0; i < n_new; ++i) {
    pages_.push_back(pool_->Acquire());
    page_data_.push_back(pool_->data(pages_.back()));
  }
  n_tokens_ += n;
  return OkStatus();
}

void KvSequence::Truncate(int n_tokens) {
  n_tokens_ = std::min(n_tokens_, n_tokens);
  while (static_cast<int>(pages_.size()) > PagesFor(n_tokens_)) {
    pool_->Release(pages_.back());
    pages_.pop_back();
    page_data_.pop_back();
  }
}

void KvSequence::Adopt(std::span<const int> pages) {
  for (int page : pages) pool_->AddRef(page);  // first: they may be its own
  Truncate(0);
  for (int page : pages) {
    pages_.push_back(page);
    page_data_.push_back(pool_->data(page));
  }
  n_tokens_ = static_cast<int>(pages.size()) * KvLayout::kPageTokens;
}

KvSequence KvSequence::Fork(int n_tokens) const {
  KvSequence fork(*pool_, max_tokens_);
  fork.n_tokens_ = std::min(n_tokens, n_tokens_);
  for (int i = 0; i < PagesFor(fork.n_tokens_); ++i) {
    pool_->AddRef(pages_[i]);
    fork.pages_.push_back(pages_[i]);
    fork.page_data_.push_back(page_data_[i]);
  }
  return fork;
}

}  // namespace autoglm
