// See fields.h.
#include "service/fields.h"

#include <algorithm>
#include <utility>

#include "base/str.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

/// How deep brackets nest, counted without recursion.
int Depth(std::string_view text) {
  int depth = 0, deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return deepest;
}

}  // namespace

ApiError ParseJsonObject(std::string_view text, Json* json) {
  if (Depth(text) > kMaxJsonDepth) {
    return InvalidField({}, StrCat("the JSON is nested more than ", kMaxJsonDepth, " deep"));
  }
  try {
    *json = Json::parse(text);
  } catch (const Json::exception& error) {
    return InvalidField({}, StrCat("this is no JSON: ", Quoted(error.what(), 200)));
  }
  if (!json->is_object()) {
    return InvalidField({}, StrCat("this is ", KindOf(*json), "; expected a JSON object"));
  }
  return {};
}

std::string_view KindOf(const Json& json) {
  switch (json.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return "an array";
    case Json::value_t::string:
      return "a string";
    case Json::value_t::boolean:
      return "a boolean";
    case Json::value_t::number_float:
      return "a fraction";
    default:
      return "a number";
  }
}

Fields::Fields(const Json& object, std::string path, ApiError* error)
    : object_(object), path_(std::move(path)), error_(error) {}

const Json* Fields::Find(std::string_view name) const {
  if (!ok() || !object_.is_object()) return nullptr;
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

std::string Fields::PathOf(std::string_view name) const {
  return path_.empty() ? std::string(name) : StrCat(path_, '.', name);
}

void Fields::Fail(std::string_view name, std::string_view what) {
  if (!ok()) return;
  const std::string path = PathOf(name);
  *error_ = InvalidField(path, StrCat("'", path, "' ", what));
}

void Fields::Fail(const ApiError& error) {
  if (ok()) *error_ = error;
}

void Fields::FailMissing(std::string_view name, std::string_view expected) {
  Fail(name, StrCat("is missing; expected ", expected));
}

const Json* Fields::FindOf(std::string_view name, bool (Json::*is)() const noexcept,
                           std::string_view expected) {
  const Json* value = Find(name);
  if (value == nullptr || (value->*is)()) return value;
  Fail(name, StrCat("is ", KindOf(*value), "; expected ", expected));
  return nullptr;
}

std::optional<int64_t> Fields::Int(std::string_view name, int64_t least, int64_t most) {
  const Json* value = FindOf(name, &Json::is_number_integer, "a whole number");
  if (value == nullptr) return std::nullopt;
  const bool too_large =
      value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  const int64_t number = too_large ? INT64_MAX : value->get<int64_t>();
  if (!too_large && number >= least && number <= most) return number;
  Fail(name, StrCat("is ", value->dump(), "; expected a number from ", least, " to ", most));
  return std::nullopt;
}

std::optional<double> Fields::Number(std::string_view name, double least, double most) {
  const Json* value = FindOf(name, &Json::is_number, "a number");
  if (value == nullptr) return std::nullopt;
  const double number = value->get<double>();
  if (number >= least && number <= most) return number;
  Fail(name, StrCat("is ", value->dump(), "; expected a number from ", least, " to ", most));
  return std::nullopt;
}

std::optional<bool> Fields::Bool(std::string_view name) {
  const Json* value = FindOf(name, &Json::is_boolean, "true or false");
  if (value == nullptr) return std::nullopt;
  return value->get<bool>();
}

std::optional<std::string> Fields::String(std::string_view name) {
  const Json* value = FindOf(name, &Json::is_string, "a string");
  if (value == nullptr) return std::nullopt;
  return value->get<std::string>();
}

const Json* Fields::Array(std::string_view name) {
  return FindOf(name, &Json::is_array, "an array");
}

const Json* Fields::Object(std::string_view name) {
  return FindOf(name, &Json::is_object, "an object");
}

}  // namespace autoglm
