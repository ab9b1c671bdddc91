// PrefixCache: computed pages of texts read before, so that a prompt which begins like one of them
// is not computed again from its beginning. Works in whole pages, found by their tokens and
// everything before them. Source: automatic prefix caching of Kwon et al., "Efficient Memory
// Management for Large Language Model Serving with PagedAttention", 2023.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "model/kv_cache.h"

namespace autoglm {

/// Texts belong to domains, and a domain sees its own and kPublicDomain's only: how fast an answer
/// comes tells nobody what another domain has asked.
///
/// The cache holds references to pages of the pool and gives them back when the pool has no free
/// page left, least recently used first, never one that a sequence works on. One thread at a time,
/// together with the pool.
class PrefixCache {
 public:
  static constexpr uint64_t kNoDomain = 0;      ///< not cached
  static constexpr uint64_t kPublicDomain = 1;  ///< read by every domain

  struct Stats {
    int64_t n_lookups = 0;
    int64_t n_lookup_tokens = 0;  ///< of the prompts looked up
    int64_t n_hit_tokens = 0;     ///< of them, found
    int64_t n_evicted_pages = 0;
    int n_pages = 0;  ///< held now; a page in two domains counts twice
  };

  /// Registers itself with the pool, which must outlive it.
  explicit PrefixCache(KvPagePool& pool);
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;
  ~PrefixCache();

  /// The pages of the longest prefix of `tokens` known to `domain`: page i holds tokens
  /// [i, i + 1) * kPageTokens. Without references of their own: valid until the pool is used again.
  std::span<const int> Find(uint64_t domain, std::span<const int32_t> tokens);

  /// Remembers the pages of `tokens` (what does not fill a page is left out); `pages` are those of
  /// the sequence that computed them. Pages known already stay as they are.
  void Insert(uint64_t domain, std::span<const int32_t> tokens, std::span<const int> pages);

  /// Forgets until the pool has `n_pages` free, or nothing is left that it could forget.
  void Reclaim(int n_pages);
  /// Forgets everything of one domain.
  void Forget(uint64_t domain);

  const Stats& stats() const { return stats_; }

 private:
  static constexpr int kNone = -1;
  using PageTokens = std::array<int32_t, KvLayout::kPageTokens>;

  struct Node {
    uint64_t domain = 0;
    uint64_t hash = 0;
    PageTokens tokens = {};
    int page = kNone;
    int parent = kNone;
    int n_children = 0;
    // Neighbours in order of use. A node is used after its children, so it is always more recent.
    int older = kNone;
    int newer = kNone;
  };

  static uint64_t Hash(uint64_t domain, int parent, std::span<const int32_t> tokens);
  int FindChild(uint64_t domain, int parent, std::span<const int32_t> tokens) const;
  /// The nodes of the longest known prefix, into path_.
  void FindPath(uint64_t domain, std::span<const int32_t> tokens);
  void Use(std::span<const int> path);
  void Link(int node);
  void Unlink(int node);
  bool InUse(int node) const;
  void Remove(int node);
  template <typename Predicate>
  void RemoveWhere(Predicate predicate);

  KvPagePool& pool_;
  std::vector<Node> nodes_;
  std::vector<int> free_nodes_;
  std::unordered_multimap<uint64_t, int> by_hash_;
  std::vector<int> n_references_;  ///< [n_pages of the pool] nodes that hold each page
  int oldest_ = kNone;
  int newest_ = kNone;
  std::vector<int> path_;
  std::vector<int> found_;
  Stats stats_;
};

}  // namespace autoglm
