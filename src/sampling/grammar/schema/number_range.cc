#include "sampling/grammar/schema/number_range.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <vector>

namespace autoglm {
namespace {

constexpr size_t kMaxDigits = 15;  // a double holds that many

// Alternatives of an expression; none: nothing matches. An empty alternative is the empty text.
using Alternatives = std::vector<std::string>;

std::string Join(const Alternatives& alternatives) {
  std::string out;
  for (const std::string& alternative : alternatives) {
    StrAppend(&out, out.empty() ? "" : " | ", alternative.empty() ? "\"\"" : alternative);
  }
  return out;
}

std::string Digit(char low, char high) {
  return low == high ? StrCat("[", low, "]") : StrCat("[", low, "-", high, "]");
}

std::string Digits(size_t least, size_t most) {
  if (most == 0) return "";
  return StrCat("[0-9]{", least, ",", most, "}");
}

// One digit, and what may follow it; nothing where nothing may.
void AddAfter(const std::string& digit, const Alternatives& rest, Alternatives* out) {
  if (rest.empty()) return;
  if (rest.size() == 1 && rest[0].empty()) {
    out->push_back(digit);
  } else {
    out->push_back(StrCat(digit, " (", Join(rest), ")"));
  }
}

// Which whole or fraction digits lie between two digit strings. With `is_fraction`, strings of
// different lengths are compared as if zeros followed; at most `room` digits may come. A bound that
// is null is none.
class DigitRange {
 public:
  DigitRange(bool is_fraction, bool least_inclusive, bool most_inclusive)
      : is_fraction_(is_fraction),
        least_inclusive_(least_inclusive),
        most_inclusive_(most_inclusive) {}

  Alternatives Between(const std::string_view* least, const std::string_view* most,
                       size_t room) const {
    if (is_fraction_ && least != nullptr && least->empty() && least_inclusive_) least = nullptr;
    if (least == nullptr && most == nullptr) return {Digits(is_fraction_ ? 0 : room, room)};
    const bool no_more = (least == nullptr || least->empty()) && (most == nullptr || most->empty());
    Alternatives out;
    if (no_more && (room == 0 || !is_fraction_)) {
      const bool fits = (!least || least_inclusive_) && (!most || most_inclusive_);
      return fits ? Alternatives{""} : Alternatives{};
    }
    if (is_fraction_ && MayEnd(least, most)) out.push_back("");
    if (room == 0) return out;
    AddDigits(least, most, room, &out);
    return out;
  }

 private:
  // The rest is all zeros: equal to a bound of which nothing is left, below one of which something
  // is (its last digit is no zero).
  bool MayEnd(const std::string_view* least, const std::string_view* most) const {
    if (least != nullptr && (!least->empty() || !least_inclusive_)) return false;
    return most == nullptr || !most->empty() || most_inclusive_;
  }

  void AddDigits(const std::string_view* least, const std::string_view* most, size_t room,
                 Alternatives* out) const {
    const char low = least == nullptr || least->empty() ? '0' : (*least)[0];
    const char high = most == nullptr ? '9' : most->empty() ? '0' : (*most)[0];
    const std::string_view least_rest = least == nullptr || least->empty() ? "" : least->substr(1);
    const std::string_view most_rest = most == nullptr || most->empty() ? "" : most->substr(1);
    const std::string_view* next_least = least == nullptr ? nullptr : &least_rest;
    const std::string_view* next_most = most == nullptr ? nullptr : &most_rest;
    if (low > high) return;
    if (low == high && least != nullptr && most != nullptr) {
      AddAfter(Digit(low, low), Between(next_least, next_most, room - 1), out);
      return;
    }
    // The first digit, those between, the last one; neighbours with the same rest are one.
    struct Part {
      char low, high;
      Alternatives rest;
    };
    std::vector<Part> parts;
    const auto add = [&](char from, char to, Alternatives rest) {
      if (from > to) return;
      if (!parts.empty() && parts.back().rest == rest) {
        parts.back().high = to;
      } else {
        parts.push_back({from, to, std::move(rest)});
      }
    };
    if (least != nullptr) add(low, low, Between(next_least, nullptr, room - 1));
    add(static_cast<char>(low + (least != nullptr)), static_cast<char>(high - (most != nullptr)),
        Between(nullptr, nullptr, room - 1));
    if (most != nullptr) add(high, high, Between(nullptr, next_most, room - 1));
    for (const Part& part : parts) AddAfter(Digit(part.low, part.high), part.rest, out);
  }

  bool is_fraction_;
  bool least_inclusive_;
  bool most_inclusive_;
};

// a + 1, of digits.
std::string Increment(std::string digits) {
  for (size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != '9') return ++digits[i], digits;
    digits[i] = '0';
  }
  return "1" + digits;
}

// a - 1; a is not zero.
std::string Decrement(std::string digits) {
  for (size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != '0') {
      --digits[i];
      break;
    }
    digits[i] = '9';
  }
  const size_t first = digits.find_first_not_of('0');
  return first == std::string::npos ? "0" : digits.substr(first);
}

bool Less(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

// Whole numbers without sign from `least` to `most`, by their number of digits.
Alternatives WholeBetween(const std::string& least, const std::string& most) {
  Alternatives out;
  if (Less(most, least)) return out;
  const DigitRange range(false, true, true);
  for (size_t n = least.size(); n <= most.size(); ++n) {
    std::string low = n == least.size() ? least : "1" + std::string(n - 1, '0');
    std::string high = n == most.size() ? most : std::string(n, '9');
    if (low == "0" && high != "0") {
      out.push_back("[0]");
      low = "1";
    }
    const std::string_view low_view = low, high_view = high;
    for (std::string& alternative : range.Between(&low_view, &high_view, n)) {
      out.push_back(std::move(alternative));
    }
  }
  return out;
}

// Fractions (with their point; or none) of one whole number between two.
void AddFraction(const std::string& whole, const std::string* least, bool least_inclusive,
                 const std::string* most, bool most_inclusive, size_t room, Alternatives* out) {
  const DigitRange range(true, least_inclusive, most_inclusive);
  const std::string_view least_view = least ? *least : std::string_view();
  const std::string_view most_view = most ? *most : std::string_view();
  Alternatives fractions =
      range.Between(least ? &least_view : nullptr, most ? &most_view : nullptr, room);
  const bool may_be_whole = (!least || (least->empty() && least_inclusive)) &&
                            (!most || !most->empty() || most_inclusive);
  // A point needs a digit behind it.
  Alternatives digits;
  for (std::string& fraction : fractions) {
    if (fraction.empty()) continue;
    if (fraction.starts_with("[0-9]{0,")) fraction.replace(0, 8, "[0-9]{1,");
    digits.push_back(std::move(fraction));
  }
  if (!digits.empty()) {
    const std::string point = StrCat("\".\" (", Join(digits), ")");
    out->push_back(StrCat("\"", whole, "\" ", may_be_whole ? StrCat("(", point, ")?") : point));
  } else if (may_be_whole) {
    out->push_back(StrCat("\"", whole, "\""));
  }
}

// Numbers without sign. `most` may be missing.
Alternatives NumbersBetween(const DecimalBound& least, const DecimalBound* most,
                            size_t max_digits) {
  Alternatives out;
  const size_t n_digits = std::max<size_t>(9, least.whole.size() + 1);
  const std::string largest = most ? most->whole : std::string(n_digits, '9');
  const size_t room = std::max<size_t>(
      1, max_digits - std::min(std::max(largest.size(), least.whole.size()), max_digits - 1));
  const size_t first_room = std::max(room, least.fraction.size() + 1);
  const size_t last_room = most ? std::max(room, most->fraction.size()) : room;
  if (most && most->whole == least.whole) {
    AddFraction(least.whole, &least.fraction, least.is_inclusive, &most->fraction,
                most->is_inclusive, std::max(first_room, last_room), &out);
    return out;
  }
  if (most && Less(most->whole, least.whole)) return out;
  AddFraction(least.whole, &least.fraction, least.is_inclusive, nullptr, true, first_room, &out);
  const Alternatives between =
      WholeBetween(Increment(least.whole), most ? Decrement(most->whole) : largest);
  if (!between.empty()) {
    out.push_back(StrCat("(", Join(between), ") (\".\" [0-9]{1,", room, "})?"));
  }
  if (most) {
    AddFraction(most->whole, nullptr, true, &most->fraction, most->is_inclusive, last_room, &out);
  }
  return out;
}

// The least whole number that is not below the bound.
std::string WholeFrom(const DecimalBound& bound) {
  const bool is_whole = bound.fraction.empty();
  return is_whole && bound.is_inclusive ? bound.whole : Increment(bound.whole);
}

// The greatest whole number that is not above the bound; nothing: there is none.
std::optional<std::string> WholeUpTo(const DecimalBound& bound) {
  if (!bound.fraction.empty() || bound.is_inclusive) return bound.whole;
  if (bound.whole == "0") return std::nullopt;
  return Decrement(bound.whole);
}

const DecimalBound kZero = {
    .is_negative = false, .whole = "0", .fraction = "", .is_inclusive = true};
const DecimalBound kAboveZero = {
    .is_negative = false, .whole = "0", .fraction = "", .is_inclusive = false};

// Splits the range at zero: between(least, most) of what has no sign, then of what has one.
template <typename Between>
std::string RangeGbnf(const std::optional<DecimalBound>& least,
                      const std::optional<DecimalBound>& most, Between between) {
  Alternatives out;
  // What no double tells apart is not bounded.
  const auto bound = [](const std::optional<DecimalBound>& far, const DecimalBound& near) {
    const bool is_far = far && far->whole.size() > kMaxDigits && near.whole.size() <= kMaxDigits;
    return far && !is_far ? &*far : nullptr;
  };
  if (!most || !most->is_negative) {
    const DecimalBound from = !least || least->is_negative ? kZero : *least;
    out = between(from, bound(most, from));
  }
  if (!least || least->is_negative) {
    const DecimalBound from = most && most->is_negative ? *most : kAboveZero;
    const Alternatives negative = between(from, bound(least, from));
    if (!negative.empty()) out.push_back(StrCat("\"-\" (", Join(negative), ")"));
  }
  return Join(out);
}

}  // namespace

DecimalBound ToDecimal(double value, bool is_inclusive) {
  DecimalBound bound;
  bound.is_inclusive = is_inclusive;
  bound.is_negative = value < 0;
  char buffer[400];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), std::abs(value), std::chars_format::fixed).ptr;
  const std::string text(buffer, end);
  const size_t point = text.find('.');
  bound.whole = text.substr(0, point);
  if (point != std::string::npos) {
    bound.fraction = text.substr(point + 1);
    bound.fraction.erase(bound.fraction.find_last_not_of('0') + 1);
  }
  return bound;
}

std::string IntegerRangeGbnf(const std::optional<DecimalBound>& least,
                             const std::optional<DecimalBound>& most) {
  return RangeGbnf(least, most, [](const DecimalBound& from, const DecimalBound* to) {
    const std::string first = WholeFrom(from);
    const size_t n_digits = std::max(kMaxDigits, first.size());
    const std::optional<std::string> last = to ? WholeUpTo(*to) : std::string(n_digits, '9');
    if (!last) return Alternatives{};
    return WholeBetween(first, *last);
  });
}

std::string NumberRangeGbnf(const std::optional<DecimalBound>& least,
                            const std::optional<DecimalBound>& most, size_t n_digits) {
  return RangeGbnf(least, most, [n_digits](const DecimalBound& from, const DecimalBound* to) {
    return NumbersBetween(from, to, n_digits);
  });
}

}  // namespace autoglm
