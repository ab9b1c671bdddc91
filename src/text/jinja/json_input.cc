#include "text/jinja/json_input.h"

#include <limits>

#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace autoglm::jinja {

namespace {

Value FromString(Runtime* rt, const std::string& text) {
  return rt->String(IsValidUtf8(text) ? text : ReplaceInvalidUtf8(text));
}

Value FromJsonAt(Runtime* rt, const nlohmann::ordered_json& json, int depth) {
  using Type = nlohmann::ordered_json::value_t;
  if (depth > rt->limits().max_nesting) {
    return rt->Fail(StatusCode::kResourceExhausted, "the input nests deeper than ",
                    rt->limits().max_nesting);
  }
  switch (json.type()) {
    case Type::null:
      return Value::None();
    case Type::boolean:
      return Value::Bool(json.get<bool>());
    case Type::number_integer:
      return Value::Int(json.get<int64_t>());
    case Type::number_unsigned:
      if (json.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        return rt->Fail(StatusCode::kOutOfRange, "the input holds an integer beyond 64 bits");
      }
      return Value::Int(json.get<int64_t>());
    case Type::number_float:
      return Value::Float(json.get<double>());
    case Type::string:
      return FromString(rt, json.get_ref<const std::string&>());
    case Type::array: {
      std::vector<Value> items;
      for (const auto& item : json) {
        if (!rt->Work()) return Value();
        items.push_back(FromJsonAt(rt, item, depth + 1));
      }
      return rt->failed() ? Value() : rt->List(std::move(items));
    }
    case Type::object: {
      std::vector<std::pair<Value, Value>> entries;
      for (const auto& item : json.items()) {
        if (!rt->Work()) return Value();
        entries.emplace_back(FromString(rt, item.key()), FromJsonAt(rt, item.value(), depth + 1));
      }
      return rt->failed() ? Value() : rt->MakeDict(std::move(entries));
    }
    default:
      return rt->Wrong("the input holds a value that is no JSON");
  }
}

}  // namespace

Value FromJson(Runtime* rt, const nlohmann::ordered_json& json) { return FromJsonAt(rt, json, 1); }

}  // namespace autoglm::jinja
