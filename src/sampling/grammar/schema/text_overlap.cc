#include "sampling/grammar/schema/text_overlap.h"

#include <array>
#include <cstdint>
#include <unordered_set>
#include <utility>
#include <vector>

#include "sampling/grammar/automaton.h"
#include "sampling/grammar/stack_store.h"

namespace autoglm {
namespace {

constexpr size_t kMaxPairs = 20'000;
constexpr int kMaxDepth = 64;
constexpr int64_t kMaxWork = 10'000'000;

// One byte of each of the smallest classes that both automata tell apart.
std::vector<uint8_t> CommonClasses(const Automaton& a, const Automaton& b) {
  std::vector<uint8_t> bytes = {0};
  for (int byte = 1; byte < 256; ++byte) {
    if (a.class_of_byte[byte] != a.class_of_byte[byte - 1] ||
        b.class_of_byte[byte] != b.class_of_byte[byte - 1]) {
      bytes.push_back(static_cast<uint8_t>(byte));
    }
  }
  return bytes;
}

}  // namespace

TextOverlap FindTextOverlap(const std::string& gbnf, const std::string& other_gbnf) {
  const auto a = BuildAutomaton({.gbnf = gbnf}, nullptr);
  const auto b = BuildAutomaton({.gbnf = other_gbnf}, nullptr);
  if (!a.ok() || !b.ok()) return TextOverlap::kUnknown;
  StackStore store(*a, kMaxDepth), other(*b, kMaxDepth);
  store.GrantWork(kMaxWork);
  other.GrantWork(kMaxWork);
  const std::vector<uint8_t> bytes = CommonClasses(*a, *b);
  // Pairs of configurations that one text leads to.
  std::vector<std::pair<StackStore::Id, StackStore::Id>> pairs = {{store.Start(), other.Start()}};
  std::unordered_set<uint64_t> seen;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto [x, y] = pairs[i];
    if (store.has_empty(x) && other.has_empty(y)) return TextOverlap::kSome;
    if (pairs.size() > kMaxPairs) return TextOverlap::kUnknown;
    for (const uint8_t byte : bytes) {
      const StackStore::Id next_x = store.Next(x, byte);
      if (next_x == StackStore::kNone) continue;
      const StackStore::Id next_y = other.Next(y, byte);
      if (next_y == StackStore::kNone) continue;
      if (seen.insert(uint64_t{next_x} << 32 | next_y).second) pairs.emplace_back(next_x, next_y);
    }
    if (store.work_is_used_up() || other.work_is_used_up()) return TextOverlap::kUnknown;
  }
  return TextOverlap::kNone;
}

bool MatchesGbnf(const std::string& gbnf, std::string_view text) {
  const auto automaton = BuildAutomaton({.gbnf = gbnf}, nullptr);
  if (!automaton.ok()) return false;
  StackStore store(*automaton, kMaxDepth);
  store.GrantWork(kMaxWork);
  StackStore::Id config = store.Start();
  for (const char c : text) config = store.Next(config, static_cast<uint8_t>(c));
  return store.has_empty(config);
}

}  // namespace autoglm
