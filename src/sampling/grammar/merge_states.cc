#include "sampling/grammar/merge_states.h"

#include <unordered_map>
#include <utility>
#include <vector>

namespace autoglm {
namespace {

using Kind = Automaton::Kind;
using State = Automaton::State;
using Edge = Automaton::Edge;

class Merger {
 public:
  explicit Merger(Automaton* automaton) : automaton_(*automaton) {}

  // States are made from the end of a text to its beginning, so those that a state leads to mostly
  // stand before it. One that leads forward (a loop, the start of a rule) stays as it is.
  void Merge() {
    const auto n = static_cast<uint32_t>(automaton_.states.size());
    merged_.reserve(n);
    for (uint32_t i = 0; i < n; ++i) {
      const bool leads_back = Redirect(i);
      merged_.push_back(i);
      if (leads_back) merged_[i] = FindEqual(i);
    }
    for (uint32_t& similar : automaton_.similar) similar = merged_[similar];
  }

 private:
  /// False where a state behind `i` is among those that it leads to.
  bool Redirect(uint32_t i) {
    State& state = automaton_.states[i];
    bool leads_back = true;
    const auto redirect = [&](uint32_t* target) {
      if (*target < i) {
        *target = merged_[*target];
      } else {
        leads_back = false;
      }
    };
    for (uint32_t k = 0; k < state.n; ++k) {
      redirect(state.kind == Kind::kBytes ? &automaton_.edges[state.first + k].next
                                          : &automaton_.targets[state.first + k]);
    }
    if (state.kind == Kind::kCall) redirect(&state.first), redirect(&state.next);
    return leads_back;
  }

  uint32_t FindEqual(uint32_t i) {
    const uint64_t hash = Hash(automaton_.states[i]);
    const auto [begin, end] = by_hash_.equal_range(hash);
    for (auto it = begin; it != end; ++it) {
      if (AreEqual(automaton_.states[i], automaton_.states[it->second])) return it->second;
    }
    by_hash_.emplace(hash, i);
    return i;
  }

  uint64_t Hash(const State& state) const {
    uint64_t hash = static_cast<uint64_t>(state.kind) << 32 | state.n;
    const auto mix = [&hash](uint64_t value) {
      hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
      hash ^= hash >> 29;
    };
    if (state.kind == Kind::kCall) mix(uint64_t{state.first} << 32 | state.next);
    for (uint32_t k = 0; k < state.n; ++k) {
      if (state.kind == Kind::kBytes) {
        const Edge& edge = automaton_.edges[state.first + k];
        mix(uint64_t{edge.next} << 16 | uint64_t{edge.low} << 8 | edge.high);
      } else {
        mix(automaton_.targets[state.first + k]);
      }
    }
    return hash;
  }

  bool AreEqual(const State& a, const State& b) const {
    if (a.kind != b.kind || a.n != b.n) return false;
    if (a.kind == Kind::kCall) return a.first == b.first && a.next == b.next;
    for (uint32_t k = 0; k < a.n; ++k) {
      if (a.kind == Kind::kBytes) {
        const Edge& x = automaton_.edges[a.first + k];
        const Edge& y = automaton_.edges[b.first + k];
        if (x.low != y.low || x.high != y.high || x.next != y.next) return false;
      } else if (automaton_.targets[a.first + k] != automaton_.targets[b.first + k]) {
        return false;
      }
    }
    return true;
  }

  Automaton& automaton_;
  std::vector<uint32_t> merged_;  ///< [states so far] the one that is used
  std::unordered_multimap<uint64_t, uint32_t> by_hash_;
};

}  // namespace

void MergeEqualStates(Automaton* automaton) { Merger(automaton).Merge(); }

}  // namespace autoglm
