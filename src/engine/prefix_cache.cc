// See prefix_cache.h.
#include "engine/prefix_cache.h"

#include <algorithm>

namespace autoglm {
namespace {

constexpr size_t kPage = KvLayout::kPageTokens;

uint64_t Mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 29);
}

}  // namespace

PrefixCache::PrefixCache(KvPagePool& pool) : pool_(pool), n_references_(pool.n_pages(), 0) {
  pool_.set_reclaimer([this](int n_pages) { Reclaim(n_pages); });
}

PrefixCache::~PrefixCache() {
  pool_.set_reclaimer(nullptr);
  while (oldest_ != kNone) Remove(oldest_);
}

uint64_t PrefixCache::Hash(uint64_t domain, int parent, std::span<const int32_t> tokens) {
  uint64_t hash = Mix(domain, static_cast<uint64_t>(parent + 1));
  for (int32_t token : tokens) hash = Mix(hash, static_cast<uint32_t>(token));
  return hash;
}

int PrefixCache::FindChild(uint64_t domain, int parent, std::span<const int32_t> tokens) const {
  const auto [begin, end] = by_hash_.equal_range(Hash(domain, parent, tokens));
  for (auto it = begin; it != end; ++it) {
    const Node& node = nodes_[it->second];
    if (node.domain == domain && node.parent == parent &&
        std::equal(tokens.begin(), tokens.end(), node.tokens.begin())) {
      return it->second;
    }
  }
  return kNone;
}

void PrefixCache::FindPath(uint64_t domain, std::span<const int32_t> tokens) {
  path_.clear();
  int parent = kNone;
  for (size_t begin = 0; begin + kPage <= tokens.size(); begin += kPage) {
    parent = FindChild(domain, parent, tokens.subspan(begin, kPage));
    if (parent == kNone) return;
    path_.push_back(parent);
  }
}

std::span<const int> PrefixCache::Find(uint64_t domain, std::span<const int32_t> tokens) {
  found_.clear();
  if (domain == kNoDomain) return found_;
  for (const uint64_t searched : {domain, kPublicDomain}) {
    FindPath(searched, tokens);
    if (path_.size() <= found_.size()) continue;
    Use(path_);
    found_.clear();
    for (int node : path_) found_.push_back(nodes_[node].page);
  }
  ++stats_.n_lookups;
  stats_.n_lookup_tokens += static_cast<int64_t>(tokens.size());
  stats_.n_hit_tokens += static_cast<int64_t>(found_.size() * kPage);
  return found_;
}

void PrefixCache::Insert(uint64_t domain, std::span<const int32_t> tokens,
                         std::span<const int> pages) {
  if (domain == kNoDomain) return;
  FindPath(domain, tokens);
  const size_t n_full = std::min(tokens.size() / kPage, pages.size());
  for (size_t i = path_.size(); i < n_full; ++i) {
    const std::span<const int32_t> of_page = tokens.subspan(i * kPage, kPage);
    const int parent = path_.empty() ? kNone : path_.back();
    int index = static_cast<int>(nodes_.size());
    if (free_nodes_.empty()) {
      nodes_.emplace_back();
    } else {
      index = free_nodes_.back();
      free_nodes_.pop_back();
    }
    Node& node = nodes_[index];
    node = {.domain = domain,
            .hash = Hash(domain, parent, of_page),
            .page = pages[i],
            .parent = parent};
    std::copy(of_page.begin(), of_page.end(), node.tokens.begin());
    if (parent != kNone) ++nodes_[parent].n_children;
    by_hash_.emplace(node.hash, index);
    pool_.AddRef(node.page);
    ++n_references_[node.page];
    ++stats_.n_pages;
    Link(index);
    path_.push_back(index);
  }
  Use(path_);
}

void PrefixCache::Use(std::span<const int> path) {
  for (size_t i = path.size(); i-- > 0;) {
    Unlink(path[i]);
    Link(path[i]);
  }
}

void PrefixCache::Link(int index) {
  Node& node = nodes_[index];
  node.older = newest_;
  node.newer = kNone;
  (newest_ == kNone ? oldest_ : nodes_[newest_].newer) = index;
  newest_ = index;
}

void PrefixCache::Unlink(int index) {
  const Node& node = nodes_[index];
  (node.older == kNone ? oldest_ : nodes_[node.older].newer) = node.newer;
  (node.newer == kNone ? newest_ : nodes_[node.newer].older) = node.older;
}

bool PrefixCache::InUse(int index) const {
  const int page = nodes_[index].page;
  return pool_.ref_count(page) > n_references_[page];
}

void PrefixCache::Remove(int index) {
  Node& node = nodes_[index];
  Unlink(index);
  if (node.parent != kNone) --nodes_[node.parent].n_children;
  const auto [begin, end] = by_hash_.equal_range(node.hash);
  by_hash_.erase(
      std::find_if(begin, end, [index](const auto& row) { return row.second == index; }));
  --n_references_[node.page];
  pool_.Release(node.page);
  --stats_.n_pages;
  free_nodes_.push_back(index);
}

template <typename Predicate>
void PrefixCache::RemoveWhere(Predicate predicate) {
  // From the oldest on: children come before their parents.
  for (int index = oldest_; index != kNone;) {
    const int newer = nodes_[index].newer;
    if (nodes_[index].n_children == 0 && predicate(index)) Remove(index);
    index = newer;
  }
}

void PrefixCache::Reclaim(int n_pages) {
  if (pool_.n_free_pages() >= n_pages) return;
  RemoveWhere([&](int index) {
    if (pool_.n_free_pages() >= n_pages || InUse(index)) return false;
    ++stats_.n_evicted_pages;
    return true;
  });
}

void PrefixCache::Forget(uint64_t domain) {
  RemoveWhere([&](int index) { return nodes_[index].domain == domain; });
}

}  // namespace autoglm
