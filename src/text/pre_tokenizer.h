// PreTokenizer: splits a text into the pieces within which byte-level BPE merges.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "text/regex.h"

namespace autoglm {

/// A list of expressions, each of which splits the pieces that the one before left: every match is
/// a piece, and so is what lies between two. Immutable.
class PreTokenizer {
 public:
  PreTokenizer() = default;
  /// The errors of Regex::Compile.
  static Result<PreTokenizer> Create(std::span<const std::string_view> regexes);

 private:
  friend class PieceSplitter;
  std::vector<Regex> regexes_;
};

/// Applies a PreTokenizer to one text after another; for one thread.
class PieceSplitter {
 public:
  explicit PieceSplitter(const PreTokenizer& pre) {
    for (const Regex& regex : pre.regexes_) matchers_.emplace_back(regex);
  }

  /// Calls emit(piece) in order; the pieces together are `text`, and none is empty.
  template <typename Emit>
  void Split(std::string_view text, const Emit& emit) {
    SplitFrom(0, text, emit);
  }

 private:
  template <typename Emit>
  void SplitFrom(size_t level, std::string_view text, const Emit& emit) {
    if (text.empty()) return;
    if (level == matchers_.size()) return emit(text);
    RegexMatcher& matcher = matchers_[level];
    matcher.Reset(text);
    size_t gap = 0;  // where the unmatched stretch before `at` begins
    for (size_t at = 0; at < text.size();) {
      const size_t end = matcher.MatchAt(at);
      if (end == RegexMatcher::kNoMatch || end == at) {
        ++at;
        while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
        continue;
      }
      SplitFrom(level + 1, text.substr(gap, at - gap), emit);
      SplitFrom(level + 1, text.substr(at, end - at), emit);
      gap = at = end;
    }
    SplitFrom(level + 1, text.substr(gap), emit);
  }

  std::vector<RegexMatcher> matchers_;
};

}  // namespace autoglm
