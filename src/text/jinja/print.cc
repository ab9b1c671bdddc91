#include "text/jinja/print.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/str.h"
#include "base/utf8.h"
#include "text/jinja/operators.h"
#include "text/unicode.h"

namespace autoglm::jinja {

namespace {

bool IsPrintable(char32_t c) {
  if (c < 0x7F) return c >= 0x20;
  constexpr CategoryMask kHidden = MaskOf(GeneralCategory::kCc) | MaskOf(GeneralCategory::kCf) |
                                   MaskOf(GeneralCategory::kCs) | MaskOf(GeneralCategory::kCo) |
                                   MaskOf(GeneralCategory::kCn) | MaskOf(GeneralCategory::kZl) |
                                   MaskOf(GeneralCategory::kZp) | MaskOf(GeneralCategory::kZs);
  return !HasCategory(c, kHidden);
}

void AppendHex(std::string* out, uint32_t number, int n_digits) {
  for (int shift = 4 * (n_digits - 1); shift >= 0; shift -= 4) {
    out->push_back("0123456789abcdef"[number >> shift & 0xF]);
  }
}

void AppendUnicodeEscape(std::string* out, char32_t c) {
  if (c < 0x100) {
    out->append("\\x"), AppendHex(out, c, 2);
  } else if (c < 0x10000) {
    out->append("\\u"), AppendHex(out, c, 4);
  } else {
    out->append("\\U"), AppendHex(out, c, 8);
  }
}

void AppendItems(TextBuilder* out, Runtime* rt, const std::vector<Value>& items) {
  bool first = true;
  for (const Value& item : items) {
    if (rt->failed()) return;
    if (!first) out->Append(", ");
    first = false;
    AppendRepr(out, rt, item);
  }
}

void AppendSequence(TextBuilder* out, Runtime* rt, const Sequence& sequence) {
  if (sequence.type == SequenceType::kRange) {
    out->Append(StrCat("range(", sequence.range_start, ", ", sequence.range_stop));
    if (sequence.range_step != 1) out->Append(StrCat(", ", sequence.range_step));
    out->Append(")");
  } else if (sequence.is_tuple()) {
    out->Append("(");
    AppendItems(out, rt, sequence.items);
    out->Append(sequence.items.size() == 1 ? ",)" : ")");
  } else {
    if (sequence.is_view()) out->Append(StrCat(TypeName(sequence.type), "("));
    out->Append("[");
    AppendItems(out, rt, sequence.items);
    out->Append(sequence.is_view() ? "])" : "]");
  }
}

void AppendDict(TextBuilder* out, Runtime* rt, const Dict& dict) {
  out->Append("{");
  bool first = true;
  for (const auto& [key, value] : dict.entries) {
    if (rt->failed()) return;
    if (!first) out->Append(", ");
    first = false;
    AppendRepr(out, rt, key);
    out->Append(": ");
    AppendRepr(out, rt, value);
  }
  out->Append("}");
}

// ---- JSON ----

void AppendJsonString(TextBuilder* out, std::string_view text, bool ensure_ascii) {
  std::string quoted = "\"";
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = DecodeUtf8(text.substr(i));
    static constexpr std::string_view kPlain = "\"\\\b\f\n\r\t", kNames = "\"\\bfnrt";
    const size_t named =
        c.code_point < 0x80 ? kPlain.find(static_cast<char>(c.code_point)) : std::string_view::npos;
    if (named != std::string_view::npos) {
      quoted += {'\\', kNames[named]};
    } else if (c.code_point < 0x20 || (ensure_ascii && c.code_point > 0x7E)) {
      char32_t unit = c.code_point;
      if (unit >= 0x10000) {  // a surrogate pair
        quoted += "\\u";
        AppendHex(&quoted, 0xD800 + ((unit - 0x10000) >> 10), 4);
        unit = 0xDC00 + ((unit - 0x10000) & 0x3FF);
      }
      quoted += "\\u";
      AppendHex(&quoted, unit, 4);
    } else {
      quoted += text.substr(i, c.n_bytes);
    }
    i += c.n_bytes;
  }
  quoted += '"';
  out->Append(quoted);
}

std::string JsonFloat(double d) {
  if (std::isnan(d)) return "NaN";
  if (std::isinf(d)) return d > 0 ? "Infinity" : "-Infinity";
  return FloatRepr(d);
}

// The text of a dict key, which JSON wants to be a string.
std::string JsonKey(Runtime* rt, const Value& key) {
  if (key.is_string()) return key.str();
  if (key.is_bool()) return key.boolean() ? "true" : "false";
  if (key.is_none()) return "null";
  if (key.is_int()) return StrCat(key.integer());
  if (key.is_float()) return JsonFloat(key.number());
  rt->Wrong("keys must be str, int, float, bool or None, not ", key.type_name());
  return "";
}

class JsonWriter {
 public:
  JsonWriter(TextBuilder* out, Runtime* rt, const JsonStyle& style)
      : out_(out), rt_(rt), style_(style) {}

  void Write(const Value& value) {
    if (!rt_->Work()) return;
    switch (value.kind()) {
      case Kind::kNone:
        return out_->Append("null");
      case Kind::kBool:
        return out_->Append(value.boolean() ? "true" : "false");
      case Kind::kInt:
        return out_->Append(StrCat(value.integer()));
      case Kind::kFloat:
        return out_->Append(JsonFloat(value.number()));
      case Kind::kString:
        return AppendJsonString(out_, value.str(), style_.ensure_ascii);
      case Kind::kDict:
        return WriteDict(value.dict());
      case Kind::kSequence:
        if (value.is_list() || value.is_tuple()) return WriteList(value.sequence().items);
        [[fallthrough]];
      default:
        rt_->Wrong("Object of type ", value.type_name(), " is not JSON serializable");
    }
  }

 private:
  void WriteList(const std::vector<Value>& items) {
    if (items.empty()) return out_->Append("[]");
    out_->Append("[");
    ++level_;
    for (size_t i = 0; i < items.size() && !rt_->failed(); ++i) {
      BeginItem(i == 0);
      Write(items[i]);
    }
    End("]");
  }

  void WriteDict(const Dict& dict) {
    if (dict.entries.empty()) return out_->Append("{}");
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (style_.sort_keys) {
      std::stable_sort(entries.begin(), entries.end(),
                       [&](auto* a, auto* b) { return Less(rt_, a->first, b->first); });
    }
    out_->Append("{");
    ++level_;
    for (size_t i = 0; i < entries.size() && !rt_->failed(); ++i) {
      BeginItem(i == 0);
      AppendJsonString(out_, JsonKey(rt_, entries[i]->first), style_.ensure_ascii);
      out_->Append(style_.key_separator);
      Write(entries[i]->second);
    }
    End("}");
  }

  void BeginItem(bool first) {
    if (!first) out_->Append(style_.item_separator);
    if (style_.multiline) NewLine();
  }

  void End(std::string_view bracket) {
    --level_;
    if (style_.multiline) NewLine();
    out_->Append(bracket);
  }

  void NewLine() {
    out_->Append("\n");
    out_->Repeat(style_.indent, level_);
  }

  TextBuilder* out_;
  Runtime* rt_;
  const JsonStyle& style_;
  int level_ = 0;
};

}  // namespace

std::string FloatRepr(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d > 0 ? "inf" : "-inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), d, std::chars_format::scientific);
  const std::string_view scientific(buffer, end.ptr - buffer);
  const int exponent = std::atoi(std::string(scientific.substr(scientific.find('e') + 1)).c_str());
  if (exponent < -4 || exponent >= 16) return std::string(scientific);
  const auto fixed = std::to_chars(buffer, buffer + sizeof(buffer), d, std::chars_format::fixed);
  std::string text(buffer, fixed.ptr);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string StringRepr(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (size_t i = 0; i < text.size();) {
    const Utf8Char c = DecodeUtf8(text.substr(i));
    if (c.code_point == '\n') {
      out += "\\n";
    } else if (c.code_point == '\r') {
      out += "\\r";
    } else if (c.code_point == '\t') {
      out += "\\t";
    } else if (c.code_point == '\\' || c.code_point == static_cast<char32_t>(quote)) {
      out += {'\\', static_cast<char>(c.code_point)};
    } else if (IsPrintable(c.code_point)) {
      out += text.substr(i, c.n_bytes);
    } else {
      AppendUnicodeEscape(&out, c.code_point);
    }
    i += c.n_bytes;
  }
  return out + quote;
}

void AppendRepr(TextBuilder* out, Runtime* rt, const Value& value) {
  if (!rt->Work()) return;
  switch (value.kind()) {
    case Kind::kUndefined:
      return out->Append("Undefined");
    case Kind::kNone:
      return out->Append("None");
    case Kind::kBool:
      return out->Append(value.boolean() ? "True" : "False");
    case Kind::kInt:
      return out->Append(StrCat(value.integer()));
    case Kind::kFloat:
      return out->Append(FloatRepr(value.number()));
    case Kind::kString:
      return out->Append(value.text().markup ? "Markup(" + StringRepr(value.str()) + ")"
                                             : StringRepr(value.str()));
    case Kind::kSequence:
      return AppendSequence(out, rt, value.sequence());
    case Kind::kDict:
      return AppendDict(out, rt, value.dict());
    case Kind::kIterator:
      return out->Append("<generator object>");
    case Kind::kObject: {
      const Runtime::Level level(rt);  // a namespace may hold itself
      if (level.ok()) out->Append(value.object().Repr(rt));
      return;
    }
  }
}

std::string Repr(Runtime* rt, const Value& value) {
  TextBuilder out(rt);
  AppendRepr(&out, rt, value);
  return out.Take();
}

void AppendStr(TextBuilder* out, Runtime* rt, const Value& value) {
  if (value.is_string()) {
    out->Append(value.str());
  } else if (!value.is_undefined()) {
    AppendRepr(out, rt, value);
  }
}

std::string Str(Runtime* rt, const Value& value) {
  TextBuilder out(rt);
  AppendStr(&out, rt, value);
  return out.Take();
}

void AppendJson(TextBuilder* out, Runtime* rt, const Value& value, const JsonStyle& style) {
  JsonWriter(out, rt, style).Write(value);
}

}  // namespace autoglm::jinja
