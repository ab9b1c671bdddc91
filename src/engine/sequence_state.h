// What of a sequence outlives the program: its tokens, and the cache pages that are full. The rest
// of a page may hold what another sequence wrote there before, and no more than 31 tokens are
// computed again for leaving it out.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "backend/kv_layout.h"
#include "model/kv_cache.h"
#include "tensor/buffer.h"

namespace autoglm {

/// The state of a sequence at one moment. Shares its pages, so that it takes no time to make and
/// the sequence may go on at once. Made and destroyed on the engine's thread; in between any one
/// thread may read it.
class SequenceSnapshot {
 public:
  SequenceSnapshot(const KvPagePool& pool, std::span<const int32_t> tokens, KvSequence kv)
      : layout_(pool.layout()), tokens_(tokens.begin(), tokens.end()), kv_(std::move(kv)) {}

  const KvLayout& layout() const { return layout_; }
  std::span<const int32_t> tokens() const { return tokens_; }
  int n_computed() const { return kv_.n_tokens(); }  ///< a multiple of kPageTokens
  /// [n_computed / kPageTokens], each of layout().page_bytes().
  std::span<std::byte* const> pages() const { return kv_.page_data(); }

 private:
  KvLayout layout_;
  std::vector<int32_t> tokens_;
  KvSequence kv_;
};

/// A state that was read back. A plain value.
struct SequenceState {
  KvLayout layout;
  std::vector<int32_t> tokens;
  int n_computed = 0;  ///< a multiple of kPageTokens
  Buffer pages;        ///< [n_computed / kPageTokens][page_bytes]
};

}  // namespace autoglm
