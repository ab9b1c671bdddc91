// Methods of str. Results keep the markup of the string they are called on.
#include <algorithm>

#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/format.h"
#include "text/jinja/print.h"
#include "text/jinja/strings.h"

namespace autoglm::jinja {

namespace {

Value Keep(Call& call, std::string text) {
  return call.rt->String(std::move(text), call.self().is_markup());
}

Value Keep(Call& call, std::string_view text) { return Keep(call, std::string(text)); }

// A string argument, escaped if the string it will become part of is markup.
std::string Escaped(Call& call, size_t i) {
  const std::string& text = call.Text(i);
  const bool escapes = call.self().is_markup() && !call[i].is_markup();
  return escapes ? EscapeHtml(text) : text;
}

Value KeepAll(Call& call, const std::vector<std::string_view>& parts) {
  std::vector<Value> items;
  for (std::string_view part : parts) {
    if (call.rt->failed()) return Value();
    items.push_back(Keep(call, part));
  }
  return call.rt->List(std::move(items));
}

Value StripSide(Call& call, Side side) {
  std::optional<std::string_view> chars;
  if (call.Has(1) && !call[1].is_none()) chars = call.Text(1);
  return Keep(call, Strip(call.self().str(), chars, side));
}

Value SplitFrom(Call& call, bool from_right) {
  const int64_t max_splits = call.Int(2, -1);
  const std::string& text = call.self().str();
  if (!call.Has(1) || call[1].is_none()) {
    return KeepAll(call, SplitSpace(text, max_splits, from_right));
  }
  const std::string& separator = call.Text(1);
  if (call.rt->failed()) return Value();
  if (separator.empty()) return call.rt->Wrong("empty separator");
  return KeepAll(call, SplitAt(text, separator, max_splits, from_right));
}

// The part of self that the arguments `start` and `end` (parameters 2 and 3) leave, as Python
// clamps them; nothing when start lies behind the end of the text.
struct Window {
  std::string_view text;
  int64_t start = 0;  // in characters
  bool valid = true;
};

Window WindowOf(Call& call) {
  const Text& text = call.self().text();
  const int64_t size = static_cast<int64_t>(text.n_chars);
  const auto clamp = [size](int64_t i) {
    return i < 0 ? std::max<int64_t>(i < -size ? 0 : i + size, 0) : i;
  };
  const int64_t start = clamp(call.Int(2, 0)), end = std::min(clamp(call.Int(3, size)), size);
  if (start > end) return {"", start, false};
  return {CharSubstr(text, start, end - start), start, true};
}

Value FindFrom(Call& call, bool from_right, bool must_exist) {
  const std::string& part = call.Text(1);
  const Window window = WindowOf(call);
  if (call.rt->failed()) return Value();
  const size_t at = !window.valid ? std::string_view::npos
                    : from_right  ? window.text.rfind(part)
                                  : window.text.find(part);
  if (at == std::string_view::npos) {
    return must_exist ? call.rt->Wrong("substring not found") : Value::Int(-1);
  }
  return Value::Int(window.start + CountChars(window.text.substr(0, at)));
}

Value HasAffix(Call& call, bool at_end) {
  const Window window = WindowOf(call);
  const auto matches = [&](const Value& affix) {
    if (!affix.is_string()) {
      call.rt->Wrong("expected a string or a tuple of strings, found '", affix.type_name(), "'");
      return false;
    }
    if (!window.valid) return false;
    return at_end ? window.text.ends_with(affix.str()) : window.text.starts_with(affix.str());
  };
  if (call[1].is_undefined()) return call.rt->FailUndefined(call[1]);
  if (!call[1].is_tuple()) return Value::Bool(matches(call[1]));
  const std::vector<Value>& affixes = call[1].sequence().items;
  return Value::Bool(std::any_of(affixes.begin(), affixes.end(), matches));
}

Value Justify(Call& call, Alignment alignment) {
  const std::string fill = call.Has(2) ? Escaped(call, 2) : " ";
  if (CountChars(fill) != 1) return call.rt->Wrong("the fill must be exactly one character");
  const int64_t width = call.Int(1, 0);
  return Padded(call.rt, call.self().str(), call.self().is_markup(), width, fill, alignment);
}

Value PartitionFrom(Call& call, bool from_right) {
  const std::string& separator = call.Text(1);
  if (call.rt->failed()) return Value();
  if (separator.empty()) return call.rt->Wrong("empty separator");
  const std::string_view text = call.self().str();
  const size_t at = from_right ? text.rfind(separator) : text.find(separator);
  if (at == std::string_view::npos) {
    const Value empty = Keep(call, std::string_view());
    return from_right ? call.rt->Tuple({empty, empty, call.self()})
                      : call.rt->Tuple({call.self(), empty, empty});
  }
  return call.rt->Tuple({Keep(call, text.substr(0, at)), Keep(call, separator),
                         Keep(call, text.substr(at + separator.size()))});
}

template <typename Predicate>
Value All(Call& call, Predicate predicate) {
  return Value::Bool(AllChars(call.self().str(), predicate));
}

}  // namespace

Value MethodCapitalize(Call& call) { return Keep(call, Capitalize(call.self().str())); }
Value MethodLower(Call& call) { return Keep(call, Lower(call.self().str())); }
Value MethodUpper(Call& call) { return Keep(call, Upper(call.self().str())); }
Value MethodTitle(Call& call) { return Keep(call, TitleCase(call.self().str())); }
Value MethodSwapCase(Call& call) { return Keep(call, SwapCase(call.self().str())); }
Value MethodCaseFold(Call& call) { return Keep(call, Lower(Upper(call.self().str()))); }

Value MethodIsAlnum(Call& call) { return All(call, IsAlnum); }
Value MethodIsAlpha(Call& call) { return All(call, IsAlpha); }
Value MethodIsDecimal(Call& call) { return All(call, IsDecimal); }
Value MethodIsDigit(Call& call) { return All(call, IsDigit); }
Value MethodIsNumeric(Call& call) { return All(call, IsNumeric); }
Value MethodIsSpace(Call& call) { return All(call, IsSpace); }
Value MethodIsAscii(Call& call) { return Value::Bool(call.self().text().is_ascii()); }
Value MethodIsLower(Call& call) { return Value::Bool(IsLowerText(call.self().str())); }
Value MethodIsUpper(Call& call) { return Value::Bool(IsUpperText(call.self().str())); }

Value MethodIsTitle(Call& call) {
  const std::string& text = call.self().str();
  return Value::Bool(text == TitleCase(text) && Lower(text) != Upper(text));
}

Value MethodStrip(Call& call) { return StripSide(call, Side::kBoth); }
Value MethodLeftStrip(Call& call) { return StripSide(call, Side::kLeft); }
Value MethodRightStrip(Call& call) { return StripSide(call, Side::kRight); }
Value MethodSplit(Call& call) { return SplitFrom(call, false); }
Value MethodRightSplit(Call& call) { return SplitFrom(call, true); }
Value MethodPartition(Call& call) { return PartitionFrom(call, false); }
Value MethodRightPartition(Call& call) { return PartitionFrom(call, true); }

Value MethodSplitLines(Call& call) {
  return KeepAll(call, SplitLines(call.self().str(), call.Truthy(1, false)));
}

Value MethodFind(Call& call) { return FindFrom(call, false, false); }
Value MethodRightFind(Call& call) { return FindFrom(call, true, false); }
Value MethodIndex(Call& call) { return FindFrom(call, false, true); }
Value MethodRightIndex(Call& call) { return FindFrom(call, true, true); }
Value MethodStartsWith(Call& call) { return HasAffix(call, false); }
Value MethodEndsWith(Call& call) { return HasAffix(call, true); }

Value MethodCount(Call& call) {
  const std::string& part = call.Text(1);
  const Window window = WindowOf(call);
  if (call.rt->failed()) return Value();
  if (!window.valid) return Value::Int(0);
  if (part.empty()) return Value::Int(CountChars(window.text) + 1);
  int64_t count = 0;
  for (size_t at = 0; (at = window.text.find(part, at)) != std::string_view::npos;) {
    ++count;
    at += part.size();
  }
  return Value::Int(count);
}

Value MethodCenter(Call& call) { return Justify(call, Alignment::kCenter); }
Value MethodLeftJustify(Call& call) { return Justify(call, Alignment::kLeft); }
Value MethodRightJustify(Call& call) { return Justify(call, Alignment::kRight); }

Value MethodZeroFill(Call& call) {
  std::string_view text = call.self().str();
  const bool has_sign = text.starts_with('-') || text.starts_with('+');
  TextBuilder out(call.rt);
  out.Append(text.substr(0, has_sign ? 1 : 0));
  out.Repeat(
      "0", std::max<int64_t>(call.Int(1, 0), 0) - static_cast<int64_t>(call.self().text().n_chars));
  out.Append(text.substr(has_sign ? 1 : 0));
  return out.ToValue(call.self().is_markup());
}

Value MethodExpandTabs(Call& call) {
  const int64_t tab_size = call.Int(1, 8);
  TextBuilder out(call.rt);
  int64_t column = 0;
  for (char c : call.self().str()) {
    if (call.rt->failed()) return Value();
    if (c == '\t') {
      const int64_t n_spaces = tab_size > 0 ? tab_size - column % tab_size : 0;
      out.Repeat(" ", n_spaces);
      column += n_spaces;
      continue;
    }
    out.Append(c);
    column = c == '\n' || c == '\r' ? 0 : column + ((c & 0xC0) != 0x80);
  }
  return out.ToValue(call.self().is_markup());
}

Value MethodRemovePrefix(Call& call) {
  std::string_view text = call.self().str();
  const std::string& prefix = call.Text(1);
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  return Keep(call, text);
}

Value MethodRemoveSuffix(Call& call) {
  std::string_view text = call.self().str();
  const std::string& suffix = call.Text(1);
  if (text.ends_with(suffix)) text.remove_suffix(suffix.size());
  return Keep(call, text);
}

Value MethodReplace(Call& call) {
  const std::string& old_part = call.Text(1);
  const std::string new_part = Escaped(call, 2);
  if (call.rt->failed()) return Value();
  return Replaced(call.rt, call.self().str(), old_part, new_part, call.Int(3, -1),
                  call.self().is_markup());
}

Value MethodJoin(Call& call) {
  const bool markup = call.self().is_markup();
  TextBuilder out(call.rt);
  bool first = true;
  for (const Value& item : Items(call.rt, call[1])) {
    if (call.rt->failed()) return Value();
    // A markup separator takes and escapes anything; a plain one takes strings only.
    if (!markup && !item.is_string()) {
      return call.rt->Wrong("join() expects strings, found '", item.type_name(), "'");
    }
    if (!first) out.Append(call.self().str());
    first = false;
    const std::string text = Str(call.rt, item);
    out.Append(markup && !item.is_markup() ? EscapeHtml(text) : text);
  }
  return out.ToValue(markup);
}

Value MethodFormat(Call& call) {
  return BraceFormat(call.rt, call.self(), call.rest, call.named_rest);
}

Value MethodFormatMap(Call& call) {
  if (!call[1].is_dict()) return call.rt->Wrong("format_map() expects a mapping");
  std::vector<std::pair<std::string, Value>> named;
  for (const auto& [key, value] : call[1].dict().entries) {
    if (key.is_string()) named.emplace_back(key.str(), value);
  }
  return BraceFormat(call.rt, call.self(), {}, named);
}

}  // namespace autoglm::jinja
