// A backtracking matcher with an explicit stack and a bound on its work.
#include "base/utf8.h"
#include "text/regex.h"
#include "text/regex_parser.h"

namespace autoglm {

namespace {

// A program of 20 instructions looks at each character some ten times; 200 leaves room.
constexpr uint64_t kStepsPerByte = 200;
constexpr uint64_t kStepsAtLeast = 100000;

struct Char {
  char32_t c;
  size_t n_bytes;
};

// The character at `pos`; an ill-formed byte is U+FFFD on its own.
inline Char CharAt(std::string_view text, size_t pos) {
  const uint8_t first = static_cast<uint8_t>(text[pos]);
  if (first < 0x80) return {first, 1};
  const Utf8Char c = DecodeUtf8(text.substr(pos, 4));
  if (!c.valid) return {kReplacementChar, 1};
  return {c.code_point, static_cast<size_t>(c.n_bytes)};
}

// Where the character that ends at `pos` begins; the inverse of CharAt, as a well-formed sequence
// never overlaps another.
size_t Previous(std::string_view text, size_t pos) {
  if (static_cast<uint8_t>(text[pos - 1]) < 0x80) return pos - 1;
  for (size_t n = 2; n <= 4 && n <= pos; ++n) {
    if (CharAt(text.substr(0, pos), pos - n).n_bytes == n) return pos - n;
  }
  return pos - 1;
}

}  // namespace

void RegexMatcher::Reset(std::string_view text) {
  text_ = text;
  steps_left_ = kStepsAtLeast + kStepsPerByte * text.size();
}

size_t RegexMatcher::MatchAt(size_t pos) {
  const uint8_t first = static_cast<uint8_t>(text_[pos]);
  const uint32_t end = regex_->first_entry_[first + 1];
  for (uint32_t i = regex_->first_entry_[first]; i < end; ++i) {
    stack_.clear();
    const size_t match = Run(regex_->entries_[i], pos);
    if (match != kNoMatch) return match;
  }
  return kNoMatch;
}

// Up to `max` characters of `set` from `pos` on; `n` says how many.
size_t RegexMatcher::Consume(const CharClass& set, size_t pos, uint32_t max, uint32_t* n) const {
  uint32_t count = 0;
  while (pos < text_.size() && count < max) {
    const Char c = CharAt(text_, pos);
    if (!set.Contains(c.c)) break;
    pos += c.n_bytes;
    ++count;
  }
  *n = count;
  return pos;
}

// False: no match here. Else `pos` is behind the characters taken, and a frame lets the run give
// some back (greedy) or take more (lazy).
bool RegexMatcher::RunRepeat(const Regex::Instruction& in, uint32_t next_pc, size_t* pos) {
  const CharClass& set = regex_->classes_[in.x];
  uint32_t n = 0;
  size_t low = Consume(set, *pos, in.min, &n);
  if (n < in.min) return false;
  uint64_t steps = n;
  *pos = low;
  if (in.mode == Regex::Mode::kLazy) {
    const size_t left = in.max - in.min;
    if (left > 0) stack_.push_back({next_pc - 1, true, low, left});
  } else {
    *pos = Consume(set, low, in.max - in.min, &n);
    steps += n;
    if (in.mode == Regex::Mode::kGreedy && *pos > low) {
      stack_.push_back({next_pc, false, *pos, low});
    }
  }
  steps_left_ -= steps < steps_left_ ? steps : steps_left_;
  return true;
}

// The newest choice left above `base` on the stack.
bool RegexMatcher::Backtrack(size_t base, uint32_t* pc, size_t* pos) {
  while (stack_.size() > base) {
    Frame& frame = stack_.back();
    if (frame.lazy) {
      const Regex::Instruction& in = regex_->program_[frame.pc];
      uint32_t n = 0;
      const size_t next = Consume(regex_->classes_[in.x], frame.pos, 1, &n);
      if (n == 0) {
        stack_.pop_back();
        continue;
      }
      *pc = frame.pc + 1;
      *pos = frame.pos = next;
      if (--frame.low == 0) stack_.pop_back();
      return true;
    }
    *pc = frame.pc;
    if (frame.pos > frame.low) {
      *pos = frame.pos = Previous(text_, frame.pos);
      if (frame.pos == frame.low) stack_.pop_back();
    } else {
      *pos = frame.pos;
      stack_.pop_back();
    }
    return true;
  }
  return false;
}

bool RegexMatcher::IsWordBoundary(size_t pos) const {
  static const CharClass* const kWord = new CharClass(WordSet());
  const bool before = pos > 0 && kWord->Contains(CharAt(text_, Previous(text_, pos)).c);
  const bool after = pos < text_.size() && kWord->Contains(CharAt(text_, pos).c);
  return before != after;
}

size_t RegexMatcher::Run(uint32_t pc, size_t pos) {
  using Op = Regex::Op;
  const size_t base = stack_.size();
  const Regex::Instruction* const program = regex_->program_.data();
  while (true) {
    if (steps_left_ == 0) return stack_.resize(base), kNoMatch;
    --steps_left_;
    const Regex::Instruction& in = program[pc];
    bool good = true;
    switch (in.op) {
      case Op::kByte:
        good = pos < text_.size() && static_cast<uint8_t>(text_[pos]) == in.x;
        ++pos, ++pc;
        break;
      case Op::kClass: {
        good = false;
        if (pos < text_.size()) {
          const Char c = CharAt(text_, pos);
          good = regex_->classes_[in.x].Contains(c.c);
          pos += c.n_bytes;
        }
        ++pc;
        break;
      }
      case Op::kRun:
        good = RunRepeat(in, ++pc, &pos);
        break;
      case Op::kSplit:
        stack_.push_back({in.y, false, pos, pos});
        pc = in.x;
        break;
      case Op::kJump:
        pc = in.x;
        break;
      case Op::kLook:
        good = (Run(pc + 1, pos) != kNoMatch) != in.negative;
        pc = in.x;
        break;
      case Op::kAtomic:
        pos = Run(pc + 1, pos);
        good = pos != kNoMatch;
        pc = in.x;
        break;
      case Op::kBegin:
        good = pos == 0;
        ++pc;
        break;
      case Op::kEnd:
        good = pos == text_.size() || (pos + 1 == text_.size() && text_[pos] == '\n');
        ++pc;
        break;
      case Op::kAbsoluteEnd:
        good = pos == text_.size();
        ++pc;
        break;
      case Op::kWordBoundary:
        good = IsWordBoundary(pos) != in.negative;
        ++pc;
        break;
      case Op::kAccept:
        stack_.resize(base);
        return pos;
    }
    if (!good && !Backtrack(base, &pc, &pos)) return kNoMatch;
  }
}

}  // namespace autoglm
