#include "text/bpe_merges.h"

#include <algorithm>
#include <queue>

namespace autoglm {

namespace {

// Up to here a linear search for the lowest rank beats a heap.
constexpr size_t kShort = 48;

}  // namespace

BpeMerges::BpeMerges(size_t n) {
  size_t n_slots = 16;
  shift_ = 60;
  while (n_slots < n * 2) n_slots *= 2, --shift_;
  slots_.resize(n_slots);
  mask_ = n_slots - 1;
}

void BpeMerges::Add(int32_t left, int32_t right, uint32_t rank, int32_t merged) {
  const uint64_t key = Key(left, right);
  size_t i = Hash(key) >> shift_;
  for (; slots_[i].key != kEmpty; i = (i + 1) & mask_) {
    if (slots_[i].key == key) return;
  }
  slots_[i] = {key, {rank, merged}};
}

void BpeMerges::Apply(std::vector<int32_t>* symbols) const {
  if (symbols->size() < 2) return;
  symbols->size() <= kShort ? ApplyShort(symbols) : ApplyLong(symbols);
}

void BpeMerges::ApplyShort(std::vector<int32_t>* symbols) const {
  std::array<int32_t, kShort> id;
  std::array<Merge, kShort> merge;  // of a symbol with the one behind it
  size_t n = symbols->size();
  std::copy(symbols->begin(), symbols->end(), id.begin());
  for (size_t i = 0; i + 1 < n; ++i) merge[i] = Find(id[i], id[i + 1]);
  while (n > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < n; ++i) {
      if (merge[i].rank < merge[best].rank) best = i;
    }
    if (merge[best].rank == kNoRank) break;
    id[best] = merge[best].merged;
    std::copy(id.begin() + best + 2, id.begin() + n, id.begin() + best + 1);
    if (best + 2 < n) {
      std::copy(merge.begin() + best + 2, merge.begin() + n - 1, merge.begin() + best + 1);
    }
    --n;
    if (best > 0) merge[best - 1] = Find(id[best - 1], id[best]);
    if (best + 1 < n) merge[best] = Find(id[best], id[best + 1]);
  }
  symbols->assign(id.begin(), id.begin() + n);
}

// A linked list of symbols and a heap of the pairs that may merge; entries that a merge has made
// stale are recognised by their ids and dropped.
void BpeMerges::ApplyLong(std::vector<int32_t>* symbols) const {
  struct Symbol {
    int32_t id;  ///< -1: merged into the one before
    uint32_t previous, next;
  };
  struct Candidate {
    uint32_t rank;
    uint32_t at;  ///< index of the left symbol
    int32_t left, right, merged;
    bool operator<(const Candidate& other) const {  // the heap's top is the greatest
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };
  const uint32_t n = static_cast<uint32_t>(symbols->size());
  std::vector<Symbol> list(n);
  for (uint32_t i = 0; i < n; ++i) list[i] = {(*symbols)[i], i - 1, i + 1};
  std::vector<Candidate> initial;
  const auto candidate = [&](uint32_t at, Candidate* out) {
    const uint32_t next = list[at].next;
    if (next >= n) return false;
    const Merge merge = Find(list[at].id, list[next].id);
    *out = {merge.rank, at, list[at].id, list[next].id, merge.merged};
    return merge.rank != kNoRank;
  };
  Candidate c;
  for (uint32_t i = 0; i < n; ++i) {
    if (candidate(i, &c)) initial.push_back(c);
  }
  std::priority_queue<Candidate> heap(std::less<Candidate>(), std::move(initial));
  while (!heap.empty()) {
    const Candidate top = heap.top();
    heap.pop();
    Symbol& left = list[top.at];
    if (left.id != top.left || left.next >= n || list[left.next].id != top.right) continue;
    list[left.next].id = -1;
    left.id = top.merged;
    left.next = list[left.next].next;
    if (left.next < n) list[left.next].previous = top.at;
    if (candidate(top.at, &c)) heap.push(c);
    if (top.at > 0 && candidate(left.previous, &c)) heap.push(c);
  }
  symbols->clear();
  for (uint32_t i = 0; i < n; i = list[i].next) symbols->push_back(list[i].id);
}

}  // namespace autoglm
