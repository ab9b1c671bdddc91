#include "text/jinja/value.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "text/jinja/runtime.h"

namespace autoglm::jinja {

namespace {

// Dicts up to this size are searched from the front; larger ones carry an index.
constexpr size_t kSmallDict = 8;

bool EqualItems(Runtime* rt, const std::vector<Value>& a, const std::vector<Value>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!Equal(rt, a[i], b[i])) return false;
  }
  return true;
}

bool EqualAsSets(Runtime* rt, const std::vector<Value>& a, const std::vector<Value>& b) {
  if (a.size() != b.size()) return false;
  for (const Value& x : a) {
    if (std::none_of(b.begin(), b.end(), [&](const Value& y) { return Equal(rt, x, y); })) {
      return false;
    }
  }
  return true;
}

bool EqualSequences(Runtime* rt, const Sequence& a, const Sequence& b) {
  if (&a == &b) return true;
  if (a.is_tuple() && b.is_tuple()) return EqualItems(rt, a.items, b.items);
  if (a.type != b.type || a.type == SequenceType::kValues) return false;
  return a.is_view() ? EqualAsSets(rt, a.items, b.items) : EqualItems(rt, a.items, b.items);
}

bool EqualDicts(Runtime* rt, const Dict& a, const Dict& b) {
  if (&a == &b) return true;
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, value] : a.entries) {
    const Value* other = Find(rt, b, key);
    if (other == nullptr || !Equal(rt, value, *other)) return false;
  }
  return true;
}

bool EqualNumbers(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return a.integer() == b.integer();
  if (a.is_float() && b.is_float()) return a.number() == b.number();
  const double d = a.is_float() ? a.number() : b.number();
  const int64_t i = a.is_float() ? b.integer() : a.integer();
  // A double in the range of int64 converts exactly when it is whole.
  return d >= -0x1p63 && d < 0x1p63 && d == std::trunc(d) && static_cast<int64_t>(d) == i;
}

size_t HashNumber(const Value& value) {
  const double d = value.number();
  if (value.is_float() && !(d >= -0x1p63 && d < 0x1p63 && d == std::trunc(d))) {
    return std::hash<double>()(d);
  }
  return std::hash<int64_t>()(value.is_float() ? static_cast<int64_t>(d) : value.integer());
}

}  // namespace

std::string_view TypeName(SequenceType type) {
  static constexpr std::string_view kNames[] = {"list",       "tuple", "dict_keys",  "dict_values",
                                                "dict_items", "range", "_GroupTuple"};
  return kNames[static_cast<int>(type)];
}

Value Value::Constant(std::string utf8) {
  auto text = std::make_shared<Text>();
  text->bytes = std::move(utf8);
  for (char c : text->bytes) text->n_chars += (c & 0xC0) != 0x80;
  return Value(std::shared_ptr<const Text>(std::move(text)));
}

bool Value::truthy() const {
  switch (kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
      return boolean();
    case Kind::kInt:
      return integer() != 0;
    case Kind::kFloat:
      return number() != 0;
    case Kind::kString:
      return !str().empty();
    case Kind::kSequence:
      return !sequence().items.empty();
    case Kind::kDict:
      return !dict().entries.empty();
    case Kind::kIterator:
      return true;
    case Kind::kObject:
      return object().Length().value_or(1) != 0;
  }
  return false;
}

std::string_view Value::type_name() const {
  switch (kind()) {
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return text().markup ? "Markup" : "str";
    case Kind::kSequence:
      return TypeName(sequence().type);
    case Kind::kDict:
      return "dict";
    case Kind::kIterator:
      return "generator";
    case Kind::kObject:
      return object().type_name();
  }
  return "";
}

int Value::depth() const {
  switch (kind()) {
    case Kind::kSequence:
      return sequence().depth;
    case Kind::kDict:
      return dict().depth;
    case Kind::kIterator:
      return iterator().depth;
    case Kind::kObject:
      return object().depth;
    default:
      return 0;
  }
}

const void* Value::identity() const {
  switch (kind()) {
    case Kind::kSequence:
      return &sequence();
    case Kind::kDict:
      return &dict();
    case Kind::kIterator:
      return &iterator();
    case Kind::kObject:
      return &object();
    default:
      return nullptr;
  }
}

Value Object::Invoke(Runtime* rt, Arguments) {
  return rt->Wrong("'", type_name(), "' object is not callable");
}

std::optional<Value> Object::Attribute(Runtime*, std::string_view) { return std::nullopt; }

bool Equal(Runtime* rt, const Value& a, const Value& b) {
  if (!rt->Work()) return false;
  if (a.is_number() && b.is_number()) return EqualNumbers(a, b);
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kString:
      return a.str().size() == b.str().size() && rt->WorkOnBytes(a.str().size()) &&
             a.str() == b.str();
    case Kind::kSequence:
      return EqualSequences(rt, a.sequence(), b.sequence());
    case Kind::kDict:
      return EqualDicts(rt, a.dict(), b.dict());
    case Kind::kIterator:
    case Kind::kObject:
      return a.identity() == b.identity();
    default:
      return true;  // None, undefined
  }
}

bool Hashable(const Value& value) {
  if (value.is_dict() || value.is_list()) return false;
  if (!value.is_tuple()) return true;
  const std::vector<Value>& items = value.sequence().items;
  return std::all_of(items.begin(), items.end(), Hashable);
}

size_t Hash(Runtime* rt, const Value& value) {
  if (!rt->Work()) return 0;
  if (value.is_number()) return HashNumber(value);
  if (value.is_string()) {
    rt->WorkOnBytes(value.str().size());
    return std::hash<std::string>()(value.str());
  }
  if (value.is_tuple()) {
    size_t hash = 17;
    for (const Value& item : value.sequence().items) hash = hash * 1000003 ^ Hash(rt, item);
    return hash;
  }
  if (!Hashable(value)) {
    rt->Wrong("unhashable type: '", value.type_name(), "'");
    return 0;
  }
  // Ranges and views compare by contents, and are rare: one bucket for each type.
  if (value.is_sequence()) return static_cast<size_t>(value.sequence().type) + 101;
  return std::hash<const void*>()(value.identity());
}

const Value* Find(Runtime* rt, const Dict& dict, const Value& key) {
  if (dict.index.empty()) {
    for (const auto& [k, v] : dict.entries) {
      if (Equal(rt, k, key)) return &v;
    }
    return nullptr;
  }
  const auto [first, last] = dict.index.equal_range(Hash(rt, key));
  for (auto it = first; it != last; ++it) {
    const auto& [k, v] = dict.entries[it->second];
    if (Equal(rt, k, key)) return &v;
  }
  return nullptr;
}

const Value* Find(const Dict& dict, std::string_view key) {
  if (dict.index.empty()) {
    for (const auto& [k, v] : dict.entries) {
      if (k.is_string() && k.str() == key) return &v;
    }
    return nullptr;
  }
  const auto [first, last] = dict.index.equal_range(std::hash<std::string_view>()(key));
  for (auto it = first; it != last; ++it) {
    const auto& [k, v] = dict.entries[it->second];
    if (k.is_string() && k.str() == key) return &v;
  }
  return nullptr;
}

// Defined here, beside the lookup that relies on it.
Value Runtime::MakeDict(std::vector<std::pair<Value, Value>> entries) {
  auto dict = std::make_shared<Dict>();
  const bool indexed = entries.size() > kSmallDict;
  if (!Grow(&dict->charge, sizeof(Dict) + entries.size() * (indexed ? 128 : 64))) return Value();
  for (auto& [key, value] : entries) {
    const size_t hash = Hash(this, key);
    if (!Work()) return Value();
    dict->depth = std::max({dict->depth, key.depth() + 1, value.depth() + 1});
    if (Value* old = const_cast<Value*>(Find(this, *dict, key))) {
      *old = std::move(value);
      continue;
    }
    if (indexed) dict->index.emplace(hash, static_cast<uint32_t>(dict->entries.size()));
    dict->entries.emplace_back(std::move(key), std::move(value));
  }
  if (!FitsNesting(dict->depth)) return Value();
  return Value(std::shared_ptr<const Dict>(std::move(dict)));
}

}  // namespace autoglm::jinja
