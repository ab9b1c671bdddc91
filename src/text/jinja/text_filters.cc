// Filters that work on text.
#include <algorithm>

#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/format.h"
#include "text/jinja/print.h"
#include "text/jinja/strings.h"

namespace autoglm::jinja {

namespace {

// What most text filters start from: the value as text, markup where it was.
struct SoftText {
  explicit SoftText(Call& call)
      : text(call.self().is_string() ? call.self().str() : Str(call.rt, call.self())),
        markup(call.self().is_markup()) {}
  std::string text;
  bool markup;
};

// |title: every run of characters between separators starts with upper case.
bool SeparatesWords(char32_t c) {
  return IsSpace(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
}

void AppendPercent(std::string* out, char c) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  *out += '%';
  *out += kHex[static_cast<uint8_t>(c) >> 4];
  *out += kHex[static_cast<uint8_t>(c) & 15];
}

// Percent encoding as werkzeug and Jinja do it; in a query, '/' is encoded and ' ' becomes '+'.
std::string UrlQuote(std::string_view text, bool in_query) {
  std::string out;
  for (char c : text) {
    const bool is_letter =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (is_letter || c == '_' || c == '.' || c == '-' || c == '~' || (c == '/' && !in_query)) {
      out += c;
    } else if (c == ' ' && in_query) {
      out += '+';
    } else {
      AppendPercent(&out, c);
    }
  }
  return out;
}

// The entity or numeric character reference at the start of `text`, decoded: as far as
// html.unescape goes for what |escape can produce.
std::string UnescapeHtml(std::string_view text) {
  static constexpr std::pair<std::string_view, std::string_view> kEntities[] = {
      {"&amp;", "&"}, {"&lt;", "<"},   {"&gt;", ">"},
      {"&#39;", "'"}, {"&#34;", "\""}, {"&quot;", "\""}};
  std::string out;
  while (!text.empty()) {
    const auto* entity = std::find_if(std::begin(kEntities), std::end(kEntities),
                                      [&](const auto& e) { return text.starts_with(e.first); });
    const bool found = entity != std::end(kEntities);
    out += found ? entity->second : text.substr(0, 1);
    text.remove_prefix(found ? entity->first.size() : 1);
  }
  return out;
}

}  // namespace

Value FilterCapitalize(Call& call) {
  const SoftText s(call);
  return call.rt->String(Capitalize(s.text), s.markup);
}

Value FilterLower(Call& call) {
  const SoftText s(call);
  return call.rt->String(Lower(s.text), s.markup);
}

Value FilterUpper(Call& call) {
  const SoftText s(call);
  return call.rt->String(Upper(s.text), s.markup);
}

Value FilterTitle(Call& call) {
  const SoftText s(call);
  std::string out;
  std::string_view rest = s.text;
  while (!rest.empty()) {
    size_t end = 0;
    const bool separators = SeparatesWords(DecodeUtf8(rest).code_point);
    const size_t head = DecodeUtf8(rest).n_bytes;
    while (end < rest.size()) {
      const Utf8Char c = DecodeUtf8(rest.substr(end));
      if (SeparatesWords(c.code_point) != separators) break;
      end += c.n_bytes;
    }
    out += Upper(rest.substr(0, head)) + Lower(rest.substr(head, end - head));
    rest.remove_prefix(end);
  }
  return call.rt->String(std::move(out), s.markup);
}

Value FilterCenter(Call& call) {
  const SoftText s(call);
  return Padded(call.rt, s.text, s.markup, call.Int(1, 80), " ", Alignment::kCenter);
}

Value FilterTrim(Call& call) {
  const SoftText s(call);
  std::optional<std::string_view> chars;
  if (call.Has(1) && !call[1].is_none()) chars = call.Text(1);
  return call.rt->String(std::string(Strip(s.text, chars, Side::kBoth)), s.markup);
}

Value FilterString(Call& call) {
  return call.self().is_string() ? call.self() : call.rt->String(Str(call.rt, call.self()));
}

Value FilterReplace(Call& call) {
  const std::string text = Str(call.rt, call.self());
  return Replaced(call.rt, text, Str(call.rt, call[1]), Str(call.rt, call[2]), call.Int(3, -1));
}

Value FilterEscape(Call& call) {
  const SoftText s(call);
  return call.rt->String(s.markup ? s.text : EscapeHtml(s.text), true);
}

Value FilterForceEscape(Call& call) {
  return call.rt->String(EscapeHtml(Str(call.rt, call.self())), true);
}

Value FilterSafe(Call& call) { return call.rt->String(Str(call.rt, call.self()), true); }

Value FilterFormat(Call& call) {
  const SoftText s(call);
  if (!call.rest.empty() && !call.named_rest.empty()) {
    return call.rt->Wrong("format() takes positional or named arguments, not both");
  }
  if (call.named_rest.empty()) {
    return PrintfFormat(call.rt, call.self(), call.rt->Tuple(std::move(call.rest)));
  }
  std::vector<std::pair<Value, Value>> entries;
  for (auto& [name, value] : call.named_rest) entries.emplace_back(call.rt->String(name), value);
  return PrintfFormat(call.rt, call.self(), call.rt->MakeDict(std::move(entries)));
}

Value FilterIndent(Call& call) {
  const std::string& text = call.Text(0);
  TextBuilder indent(call.rt);
  if (call.Has(1) && call[1].is_string()) {
    indent.Append(call[1].str());
  } else {
    indent.Repeat(" ", call.Int(1, 4));
  }
  const std::string indention = indent.Take();
  const bool first = call.Truthy(2, false), blank = call.Truthy(3, false);
  // The newline that ends the text makes splitting keep a last empty line.
  const std::string ended = text + "\n";
  TextBuilder out(call.rt);
  bool is_first = true;
  for (std::string_view line : SplitLines(ended, false)) {
    if (call.rt->failed()) return Value();
    if (!is_first) out.Append("\n");
    if (is_first ? first : (blank || !line.empty())) out.Append(indention);
    out.Append(line);
    is_first = false;
  }
  return out.ToValue(call.self().is_markup());
}

Value FilterTruncate(Call& call) {
  const std::optional<int64_t> n_items = Length(call.rt, call.self());
  const Value ellipsis = call.Has(3) ? call[3] : Value::Constant("...");
  if (!ellipsis.is_string()) return call.rt->Wrong("truncate() expects `end` to be a string");
  const int64_t length = call.Int(1, 255), leeway = call.Int(4, 5);
  const int64_t end_length = static_cast<int64_t>(ellipsis.text().n_chars);
  if (length < end_length || leeway < 0) {
    return call.rt->Wrong("truncate() expects a length of at least ", end_length,
                          " and a leeway of at least 0");
  }
  if (!n_items || call.rt->failed()) return Value();
  if (*n_items <= length || *n_items - length <= leeway) return call.self();
  call.Text(0);
  if (call.rt->failed()) return Value();
  const Text& text = call.self().text();
  std::string_view kept = CharSubstr(text, 0, length - end_length);
  if (!call.Truthy(2, false)) kept = kept.substr(0, std::min(kept.rfind(' '), kept.size()));
  return call.rt->String(std::string(kept) + ellipsis.str());
}

Value FilterWordCount(Call& call) {
  const SoftText s(call);
  int64_t count = 0;
  bool in_word = false;
  for (std::string_view rest = s.text; !rest.empty();) {
    const Utf8Char c = DecodeUtf8(rest);
    const bool is_word = c.code_point == '_' || IsAlnum(c.code_point);
    count += is_word && !in_word;
    in_word = is_word;
    rest.remove_prefix(c.n_bytes);
  }
  return Value::Int(count);
}

Value FilterStripTags(Call& call) {
  std::string text = Str(call.rt, call.self());
  std::string bare;
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t open = rest.find('<');
    bare += rest.substr(0, open);
    if (open == std::string_view::npos) break;
    rest.remove_prefix(open);
    const bool comment = rest.starts_with("<!--");
    const size_t close = rest.find(comment ? "-->" : ">");
    if (close == std::string_view::npos) {
      bare += rest;
      break;
    }
    rest.remove_prefix(close + (comment ? 3 : 1));
  }
  std::string out;
  for (std::string_view word : SplitSpace(bare, -1, false)) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return call.rt->String(UnescapeHtml(out));
}

Value FilterUrlEncode(Call& call) {
  Runtime* const rt = call.rt;
  const Value& value = call.self();
  if (value.is_string() || !IsIterable(value)) {
    return rt->String(UrlQuote(Str(rt, value), false));
  }
  std::vector<std::pair<Value, Value>> pairs;
  if (value.is_dict()) {
    pairs = value.dict().entries;
  } else {
    for (const Value& item : Items(rt, value)) {
      const std::vector<Value> pair = Items(rt, item);
      if (pair.size() != 2) return rt->Wrong("urlencode() expects pairs");
      pairs.emplace_back(pair[0], pair[1]);
    }
  }
  TextBuilder out(rt);
  for (const auto& [key, item] : pairs) {
    if (rt->failed()) return Value();
    if (out.size() > 0) out.Append("&");
    out.Append(UrlQuote(Str(rt, key), true));
    out.Append("=");
    out.Append(UrlQuote(Str(rt, item), true));
  }
  return out.ToValue();
}

Value FilterXmlAttr(Call& call) {
  Runtime* const rt = call.rt;
  if (!call.self().is_dict()) return rt->Wrong("xmlattr() expects a mapping");
  TextBuilder out(rt);
  for (const auto& [key, value] : call.self().dict().entries) {
    if (value.is_none() || value.is_undefined()) continue;
    if (!key.is_string()) return rt->Wrong("xmlattr() expects names that are strings");
    if (key.str().find_first_of(" \t\n\r\f\v/>=") != std::string::npos) {
      return rt->Wrong("invalid character in attribute name ", StringRepr(Shortened(key.str())));
    }
    const std::string text = Str(rt, value);
    if (out.size() > 0 || call.Truthy(1, true)) out.Append(" ");
    out.Append(key.is_markup() ? key.str() : EscapeHtml(key.str()));
    out.Append("=\"");
    out.Append(value.is_markup() ? text : EscapeHtml(text));
    out.Append("\"");
  }
  return out.ToValue();
}

Value FilterToJson(Call& call) {
  JsonStyle style;
  style.ensure_ascii = call.Truthy(1, false);
  style.sort_keys = call.Truthy(4, false);
  if (call.Has(2) && !call[2].is_none()) {
    style.multiline = true;
    style.item_separator = ",";
    TextBuilder indent(call.rt);
    if (call[2].is_string()) {
      indent.Append(call[2].str());
    } else {
      indent.Repeat(" ", call.Int(2, 0));
    }
    style.indent = indent.Take();
  }
  if (call.Has(3) && !call[3].is_none()) {
    const std::vector<Value> separators = Items(call.rt, call[3]);
    if (separators.size() != 2 || !separators[0].is_string() || !separators[1].is_string()) {
      return call.rt->Wrong("tojson() expects `separators` to be two strings");
    }
    style.item_separator = separators[0].str();
    style.key_separator = separators[1].str();
  }
  TextBuilder out(call.rt);
  AppendJson(&out, call.rt, call.self(), style);
  return out.ToValue();
}

}  // namespace autoglm::jinja
