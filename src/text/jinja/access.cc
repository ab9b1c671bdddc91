#include "text/jinja/access.h"

#include <algorithm>
#include <charconv>

#include "base/str.h"
#include "base/utf8.h"
#include "text/jinja/builtins.h"
#include "text/jinja/print.h"
#include "text/jinja/strings.h"

namespace autoglm::jinja {

namespace {

// How error messages name the owner of a missing attribute.
std::string Describe(const Value& value) {
  if (value.is_none()) return "None";
  return StrCat(value.type_name(), " object");
}

Value NoAttribute(Runtime* rt, const Value& value, std::string_view name) {
  return rt->Undefined(
      StrCat("'", Describe(value), "' has no attribute ", StringRepr(Shortened(name))));
}

Value NoElement(Runtime* rt, const Value& value, const Value& key) {
  return rt->Undefined(StrCat(Describe(value), " has no element ", Shortened(Repr(rt, key))));
}

// The attribute proper: a method, or a member of an object.
std::optional<Value> OwnAttribute(Runtime* rt, const Value& value, std::string_view name) {
  if (value.is_object()) {
    if (std::optional<Value> attribute = value.object().Attribute(rt, name)) return attribute;
  }
  if (value.is_sequence(SequenceType::kGroup)) {
    if (name == "grouper") return value.sequence().items[0];
    if (name == "list") return value.sequence().items[1];
  }
  if (const Builtin* method = FindMethod(value, name)) {
    return Value(std::shared_ptr<Object>(rt->MakeObject<BuiltinFunction>({value}, method, value)));
  }
  const bool is_private = name.size() > 4 && name.starts_with("__") && name.ends_with("__");
  if (is_private || IsMutator(value, name)) {
    return rt->Undefined(StrCat("access to attribute ", StringRepr(Shortened(name)), " of '",
                                value.type_name(), "' object is unsafe: values cannot be changed"));
  }
  return std::nullopt;
}

// Python's slice.indices(): the first index, and how many there are.
struct SliceRange {
  int64_t start, stop, count;
};

SliceRange Clamp(int64_t size, const Value& start, const Value& stop, int64_t step) {
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  const auto bound = [&](const Value& v, int64_t omitted) {
    if (v.is_none()) return omitted;
    const int64_t i = v.integer();
    return i < 0 ? std::max(i < -size ? low : i + size, low) : std::min(i, high);
  };
  const int64_t from = bound(start, step > 0 ? low : high);
  const int64_t to = bound(stop, step > 0 ? high : low);
  const int64_t distance = step > 0 ? to - from : from - to;
  if (distance <= 0) return {from, to, 0};
  const uint64_t stride = step > 0 ? uint64_t(step) : 0 - uint64_t(step);
  return {from, to, static_cast<int64_t>((uint64_t(distance) - 1) / stride + 1)};
}

Value SliceText(Runtime* rt, const Text& text, const SliceRange& range, int64_t step) {
  if (!rt->WorkOnBytes(text.bytes.size())) return Value();
  if (step == 1) {
    const std::string_view part = CharSubstr(text, range.start, range.count);
    return rt->String(std::string(part), text.markup);
  }
  const std::vector<size_t> starts = CharStarts(text.bytes);
  std::string out;
  for (int64_t i = 0; i < range.count; ++i) {
    const size_t at = starts[range.start + i * step];
    out.append(text.bytes, at, starts[range.start + i * step + 1] - at);
  }
  return rt->String(std::move(out), text.markup);
}

Value SliceItems(Runtime* rt, const Sequence& sequence, const SliceRange& range, int64_t step) {
  std::vector<Value> items;
  for (int64_t i = 0; i < range.count; ++i) items.push_back(sequence.items[range.start + i * step]);
  if (sequence.type != SequenceType::kRange) {
    return rt->Make(sequence.is_tuple() ? SequenceType::kTuple : sequence.type, std::move(items));
  }
  // Unsigned: what wraps around here is a bound that no number reaches.
  const auto at = [&](int64_t i) {
    return static_cast<int64_t>(uint64_t(sequence.range_start) +
                                uint64_t(i) * uint64_t(sequence.range_step));
  };
  const uint64_t stride = uint64_t(sequence.range_step) * uint64_t(range.count > 1 ? step : 1);
  return rt->Range(at(range.start), at(range.stop), static_cast<int64_t>(stride));
}

Value GetFromSequence(Runtime* rt, const Value& container, const Value& key) {
  const std::vector<Value>& items = container.sequence().items;
  const int64_t size = static_cast<int64_t>(items.size());
  const int64_t i = key.integer() < 0 ? key.integer() + size : key.integer();
  return i >= 0 && i < size ? items[i] : NoElement(rt, container, key);
}

Value GetFromText(Runtime* rt, const Value& container, const Value& key) {
  const Text& text = container.text();
  const int64_t size = static_cast<int64_t>(text.n_chars);
  const int64_t i = key.integer() < 0 ? key.integer() + size : key.integer();
  if (i < 0 || i >= size) return NoElement(rt, container, key);
  if (!text.is_ascii()) rt->WorkOnBytes(text.bytes.size());
  return rt->String(std::string(CharSubstr(text, i, 1)), text.markup);
}

}  // namespace

bool IsIterable(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kString:
    case Kind::kSequence:
    case Kind::kDict:
    case Kind::kIterator:
      return true;
    case Kind::kObject:
      return value.object().Length().has_value();
    default:
      return false;
  }
}

std::vector<Value> Items(Runtime* rt, const Value& iterable) {
  std::vector<Value> items;
  switch (iterable.kind()) {
    case Kind::kUndefined:
      return items;
    case Kind::kString:
      for (std::string_view rest = iterable.str(); !rest.empty() && !rt->failed();) {
        const int n = DecodeUtf8(rest).n_bytes;
        items.push_back(rt->String(std::string(rest.substr(0, n))));  // plain, even of markup
        rest.remove_prefix(n);
      }
      return items;
    case Kind::kSequence:
      if (rt->Work(iterable.sequence().items.size())) items = iterable.sequence().items;
      return items;
    case Kind::kDict:
      if (!rt->Work(iterable.dict().entries.size())) return items;
      for (const auto& [key, value] : iterable.dict().entries) items.push_back(key);
      return items;
    case Kind::kIterator: {
      Iterator& iterator = iterable.iterator();
      if (!rt->Work(iterator.items.size() - iterator.next)) return items;
      items.assign(iterator.items.begin() + iterator.next, iterator.items.end());
      iterator.next = iterator.items.size();
      return items;
    }
    default:
      rt->Wrong("'", iterable.type_name(), "' object is not iterable");
      return items;
  }
}

std::optional<int64_t> Length(Runtime* rt, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return 0;
    case Kind::kString:
      return static_cast<int64_t>(value.text().n_chars);
    case Kind::kSequence:
      return static_cast<int64_t>(value.sequence().items.size());
    case Kind::kDict:
      return static_cast<int64_t>(value.dict().entries.size());
    case Kind::kObject:
      if (const auto length = value.object().Length()) return length;
      [[fallthrough]];
    default:
      rt->Wrong("object of type '", value.type_name(), "' has no len()");
      return std::nullopt;
  }
}

Value GetItem(Runtime* rt, const Value& container, const Value& key) {
  if (container.is_undefined()) return rt->FailUndefined(container);
  if (container.is_dict()) {
    const bool found = Hashable(key);
    if (const Value* value = found ? Find(rt, container.dict(), key) : nullptr) return *value;
  } else if (container.is_sequence() && !container.sequence().is_view() && key.is_integral()) {
    return GetFromSequence(rt, container, key);
  } else if (container.is_string() && key.is_integral()) {
    return GetFromText(rt, container, key);
  }
  if (!key.is_string()) return NoElement(rt, container, key);
  if (std::optional<Value> attribute = OwnAttribute(rt, container, key.str())) return *attribute;
  return NoAttribute(rt, container, key.str());
}

Value GetAttribute(Runtime* rt, const Value& value, std::string_view name) {
  if (value.is_undefined()) return rt->FailUndefined(value);
  if (std::optional<Value> attribute = OwnAttribute(rt, value, name)) return *attribute;
  if (value.is_dict()) {
    rt->Work(1 + value.dict().entries.size() / 64);
    if (const Value* found = Find(value.dict(), name)) return *found;
  }
  return NoAttribute(rt, value, name);
}

Value Slice(Runtime* rt, const Value& value, const Value& start, const Value& stop,
            const Value& step) {
  if (value.is_undefined()) return rt->FailUndefined(value);
  const bool sliceable = value.is_string() || (value.is_sequence() && !value.sequence().is_view());
  const auto is_bound = [](const Value& v) { return v.is_none() || v.is_integral(); };
  if (!sliceable || !is_bound(start) || !is_bound(stop) || !is_bound(step)) {
    return rt->Wrong("cannot slice '", value.type_name(), "', or a bound is no integer");
  }
  const int64_t stride = step.is_none() ? 1 : step.integer();
  if (stride == 0) return rt->Wrong("slice step cannot be zero");
  const int64_t size = *Length(rt, value);
  const SliceRange range = Clamp(size, start, stop, stride);
  if (value.is_string()) return SliceText(rt, value.text(), range, stride);
  return SliceItems(rt, value.sequence(), range, stride);
}

Value GetPath(Runtime* rt, const Value& value, const Value& path, const Value& default_value) {
  const auto step = [&](const Value& from, const Value& key) {
    const Value next = GetItem(rt, from, key);
    return next.is_undefined() && !default_value.is_undefined() ? default_value : next;
  };
  if (!path.is_string()) return step(value, path);
  Value current = value;
  std::string_view rest = path.str();
  while (!rt->failed()) {
    const size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view part = rest.substr(0, dot);
    int64_t index = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool is_index =
        !part.empty() && part[0] != '-' && error == std::errc() && end == part.data() + part.size();
    current = step(current, is_index ? Value::Int(index) : rt->String(std::string(part)));
    if (dot == rest.size()) break;
    rest.remove_prefix(dot + 1);
  }
  return current;
}

}  // namespace autoglm::jinja
