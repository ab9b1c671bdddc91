// How values turn into text: Python's str(), repr() and json.dumps().
#pragma once

#include <string>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace autoglm::jinja {

/// repr(float): the shortest digits that read back as `d`; "1.0", "1e+16", "inf", "nan".
std::string FloatRepr(double d);

/// repr(str) of valid UTF-8.
std::string StringRepr(std::string_view utf8);

/// str(value): what {{ value }} prints. Undefined gives "".
void AppendStr(TextBuilder* out, Runtime* rt, const Value& value);
std::string Str(Runtime* rt, const Value& value);

void AppendRepr(TextBuilder* out, Runtime* rt, const Value& value);
std::string Repr(Runtime* rt, const Value& value);

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  bool multiline = false;  ///< Whether `indent` was given.
  std::string indent;      ///< One level.
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

/// json.dumps; fails for values that JSON has no form for.
void AppendJson(TextBuilder* out, Runtime* rt, const Value& value, const JsonStyle& style);

}  // namespace autoglm::jinja
