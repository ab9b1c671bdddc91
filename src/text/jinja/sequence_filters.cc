// Filters that work on lists, mappings and generators.
#include <algorithm>

#include "base/str.h"
#include "base/utf8.h"
#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/strings.h"

namespace autoglm::jinja {

namespace {

// What comparisons look at: the attribute if one is given, in lower case unless case counts.
Value SortKey(Runtime* rt, const Value& item, const Value& path, bool case_sensitive,
              const Value& default_value = Value()) {
  const bool has_path = !path.is_undefined() && !path.is_none();
  const Value key = has_path ? GetPath(rt, item, path, default_value) : item;
  if (case_sensitive || !key.is_string()) return key;
  return rt->String(Lower(key.str()));
}

// For |sort, whose attribute may list several: "age,name".
Value MultiSortKey(Runtime* rt, const Value& item, const Value& paths, bool case_sensitive) {
  if (!paths.is_string()) return SortKey(rt, item, paths, case_sensitive);
  std::vector<Value> keys;
  for (std::string_view path : SplitAt(paths.str(), ",", -1, false)) {
    keys.push_back(SortKey(rt, item, rt->String(std::string(path)), case_sensitive));
  }
  return rt->Tuple(std::move(keys));
}

struct KeyedValue {
  Value key, value;
};

void SortByKey(Runtime* rt, std::vector<KeyedValue>* items, bool reverse) {
  if (rt->failed()) return;
  // Reversing before and after keeps equal items in order.
  if (reverse) std::reverse(items->begin(), items->end());
  std::stable_sort(items->begin(), items->end(), [rt](const KeyedValue& a, const KeyedValue& b) {
    return Less(rt, a.key, b.key);
  });
  if (reverse) std::reverse(items->begin(), items->end());
}

Value MinOrMax(Call& call, bool wants_max) {
  Runtime* const rt = call.rt;
  std::optional<KeyedValue> best;
  for (const Value& item : Items(rt, call.self())) {
    Value key = SortKey(rt, item, call[2], call.Truthy(1, false));
    if (rt->failed()) return Value();
    const bool better =
        !best || Compare(rt, wants_max ? CompareOp::kGt : CompareOp::kLt, key, best->key);
    if (better) best = KeyedValue{std::move(key), item};
  }
  return best ? best->value : rt->Undefined("no aggregated item, the sequence was empty");
}

// A generator of the items for which the test (named by the arguments, or truth) is `wanted`.
Value SelectItems(Call& call, bool by_attribute, bool wanted) {
  Runtime* const rt = call.rt;
  std::vector<Value> selected;
  if (!call.self().truthy()) return rt->Generator({});
  const size_t n_own = by_attribute ? 1 : 0;
  if (call.rest.size() < n_own) return rt->Wrong("the name of the attribute is missing");
  const Builtin* test = nullptr;
  if (call.rest.size() > n_own) {
    const Value& name = call.rest[n_own];
    test = name.is_string() ? FindTest(name.str()) : nullptr;
    if (test == nullptr) return rt->Wrong(NoSuchTest(Str(rt, name)));
  }
  for (const Value& item : Items(rt, call.self())) {
    const Value value = by_attribute ? GetPath(rt, item, call.rest[0], Value()) : item;
    if (rt->failed()) return Value();
    bool passes = value.truthy();
    if (test != nullptr) {
      Arguments arguments;
      arguments.positional.assign(call.rest.begin() + n_own + 1, call.rest.end());
      arguments.named = call.named_rest;
      passes = CallBuiltin(rt, *test, &value, std::move(arguments)).truthy();
    }
    if (passes == wanted) selected.push_back(item);
  }
  return rt->Generator(std::move(selected));
}

}  // namespace

Value FilterAttr(Call& call) {
  const std::string& name = call.Text(1);
  if (call.rt->failed()) return Value();
  if (call.self().is_undefined()) return call.rt->FailUndefined(call.self());
  if (call.self().is_dict() && FindMethod(call.self(), name) == nullptr) {
    // Unlike the dot, |attr never looks at items.
    return call.rt->Undefined(
        StrCat("'dict object' has no attribute ", StringRepr(Shortened(name))));
  }
  return GetAttribute(call.rt, call.self(), name);
}

Value FilterBatch(Call& call) {
  Runtime* const rt = call.rt;
  const int64_t size = call.Int(1, 0);
  std::vector<Value> batches, batch;
  for (Value& item : Items(rt, call.self())) {
    if (rt->failed()) return Value();
    if (static_cast<int64_t>(batch.size()) == size) {
      batches.push_back(rt->List(std::exchange(batch, {})));
    }
    batch.push_back(std::move(item));
  }
  if (!batch.empty()) {
    const bool fills = call.Has(2) && !call[2].is_none();
    while (fills && static_cast<int64_t>(batch.size()) < size && rt->Work()) {
      batch.push_back(call[2]);
    }
    batches.push_back(rt->List(std::move(batch)));
  }
  return rt->Generator(std::move(batches));
}

Value FilterSlice(Call& call) {
  Runtime* const rt = call.rt;
  const std::vector<Value> items = Items(rt, call.self());
  const int64_t slices = call.Int(1, 0);
  if (rt->failed()) return Value();
  if (slices == 0) return rt->Wrong("division by zero");
  if (slices < 0) return rt->Generator({});
  const int64_t size = static_cast<int64_t>(items.size());
  const int64_t each = size / slices, n_larger = size % slices;
  const bool fills = call.Has(2) && !call[2].is_none();
  std::vector<Value> out;
  auto next = items.begin();
  for (int64_t i = 0; i < slices && rt->Work(); ++i) {
    const auto end = next + each + (i < n_larger ? 1 : 0);
    std::vector<Value> slice(next, end);
    if (fills && i >= n_larger) slice.push_back(call[2]);
    out.push_back(rt->List(std::move(slice)));
    next = end;
  }
  return rt->Generator(std::move(out));
}

Value FilterDefault(Call& call) {
  const bool replaces =
      call.self().is_undefined() || (call.Truthy(2, false) && !call.self().truthy());
  if (!replaces) return call.self();
  return call.Has(1) ? call[1] : Value::Constant("");
}

Value FilterDictSort(Call& call) {
  Runtime* const rt = call.rt;
  if (call.self().is_undefined()) return rt->FailUndefined(call.self());
  if (!call.self().is_dict()) return rt->Wrong("dictsort() expects a mapping");
  const std::string by = call.Has(2) ? call.Text(2) : "key";
  if (by != "key" && by != "value") return rt->Wrong("dictsort() sorts by 'key' or 'value'");
  std::vector<KeyedValue> items;
  for (const auto& [key, value] : call.self().dict().entries) {
    items.push_back({SortKey(rt, by == "key" ? key : value, Value(), call.Truthy(1, false)),
                     rt->Tuple({key, value})});
  }
  SortByKey(rt, &items, call.Truthy(3, false));
  std::vector<Value> sorted;
  for (KeyedValue& item : items) sorted.push_back(std::move(item.value));
  return rt->List(std::move(sorted));
}

Value FilterFirst(Call& call) {
  const Value& value = call.self();
  if (value.is_iterator()) {
    Iterator& iterator = value.iterator();
    if (iterator.next < iterator.items.size()) return iterator.items[iterator.next++];
  } else if (value.is_string() && !value.str().empty()) {
    return call.rt->String(value.str().substr(0, DecodeUtf8(value.str()).n_bytes));
  } else {
    const std::vector<Value> items = Items(call.rt, value);
    if (!items.empty()) return items.front();
  }
  return call.rt->Undefined("no first item, the sequence was empty");
}

Value FilterLast(Call& call) {
  const Value& value = call.self();
  if (value.is_iterator()) return call.rt->Wrong("'generator' object is not reversible");
  if (value.is_string() && !value.str().empty()) return GetItem(call.rt, value, Value::Int(-1));
  const std::vector<Value> items = Items(call.rt, value);
  return items.empty() ? call.rt->Undefined("no last item, the sequence was empty") : items.back();
}

Value FilterGroupBy(Call& call) {
  Runtime* const rt = call.rt;
  const bool case_sensitive = call.Truthy(3, false);
  std::vector<KeyedValue> items;
  for (const Value& item : Items(rt, call.self())) {
    const Value absent = call.Has(2) && !call[2].is_none() ? call[2] : Value();
    items.push_back({SortKey(rt, item, call[1], case_sensitive, absent), item});
    if (rt->failed()) return Value();
  }
  SortByKey(rt, &items, false);
  std::vector<Value> groups;
  for (size_t i = 0; i < items.size() && !rt->failed();) {
    std::vector<Value> members;
    const size_t first = i;
    for (; i < items.size() && Equal(rt, items[i].key, items[first].key); ++i) {
      members.push_back(items[i].value);
    }
    if (i == first) ++i;  // a key that differs from itself (NaN) makes a group of its own
    if (members.empty()) members.push_back(items[first].value);
    // The key of a group is that of its first member, in its own case.
    const Value absent = call.Has(2) && !call[2].is_none() ? call[2] : Value();
    const Value key = SortKey(rt, items[first].value, call[1], true, absent);
    groups.push_back(rt->Make(SequenceType::kGroup, {key, rt->List(std::move(members))}));
  }
  return rt->List(std::move(groups));
}

Value FilterItems(Call& call) {
  if (call.self().is_undefined()) return call.rt->Generator({});
  if (!call.self().is_dict()) return call.rt->Wrong("can only get item pairs from a mapping");
  std::vector<Value> items;
  for (const auto& [key, value] : call.self().dict().entries) {
    items.push_back(call.rt->Tuple({key, value}));
  }
  return call.rt->Generator(std::move(items));
}

Value FilterJoin(Call& call) {
  Runtime* const rt = call.rt;
  const std::string separator = call.Has(1) ? Str(rt, call[1]) : "";
  const bool has_path = call.Has(2) && !call[2].is_none();
  TextBuilder out(rt);
  bool first = true;
  for (const Value& item : Items(rt, call.self())) {
    if (rt->failed()) return Value();
    if (!first) out.Append(separator);
    first = false;
    AppendStr(&out, rt, has_path ? GetPath(rt, item, call[2], Value()) : item);
  }
  return out.ToValue();
}

Value FilterLength(Call& call) { return Value::Int(Length(call.rt, call.self()).value_or(0)); }

Value FilterList(Call& call) { return call.rt->List(Items(call.rt, call.self())); }

Value FilterMap(Call& call) {
  Runtime* const rt = call.rt;
  if (!call.self().truthy()) return rt->Generator({});
  const auto named = [&](std::string_view name) -> const Value* {
    for (const auto& [key, value] : call.named_rest) {
      if (key == name) return &value;
    }
    return nullptr;
  };
  const Value* const path = call.rest.empty() ? named("attribute") : nullptr;
  const Builtin* filter = nullptr;
  if (path == nullptr) {
    if (call.rest.empty()) return rt->Wrong("map() expects a filter or attribute=");
    const Value& name = call.rest[0];
    filter = name.is_string() ? FindFilter(name.str()) : nullptr;
    if (filter == nullptr) return rt->Wrong(NoSuchFilter(Str(rt, name)));
  } else if (call.named_rest.size() > (named("default") != nullptr ? 2u : 1u)) {
    return rt->Wrong("map() takes only `default` beside `attribute`");
  }
  const Value* const given = named("default");
  const Value absent = path != nullptr && given && !given->is_none() ? *given : Value();
  std::vector<Value> mapped;
  for (const Value& item : Items(rt, call.self())) {
    if (rt->failed()) return Value();
    if (path != nullptr) {
      mapped.push_back(GetPath(rt, item, *path, absent));
      continue;
    }
    Arguments arguments;
    arguments.positional.assign(call.rest.begin() + 1, call.rest.end());
    arguments.named = call.named_rest;
    mapped.push_back(CallBuiltin(rt, *filter, &item, std::move(arguments)));
  }
  return rt->Generator(std::move(mapped));
}

Value FilterMax(Call& call) { return MinOrMax(call, true); }
Value FilterMin(Call& call) { return MinOrMax(call, false); }
Value FilterReject(Call& call) { return SelectItems(call, false, false); }
Value FilterRejectAttr(Call& call) { return SelectItems(call, true, false); }
Value FilterSelect(Call& call) { return SelectItems(call, false, true); }
Value FilterSelectAttr(Call& call) { return SelectItems(call, true, true); }

Value FilterReverse(Call& call) {
  const Value& value = call.self();
  if (value.is_string()) {
    return Slice(call.rt, value, Value::None(), Value::None(), Value::Int(-1));
  }
  std::vector<Value> items = Items(call.rt, value);
  std::reverse(items.begin(), items.end());
  return value.is_iterator() ? call.rt->List(std::move(items))
                             : call.rt->Generator(std::move(items));
}

Value FilterSort(Call& call) {
  Runtime* const rt = call.rt;
  std::vector<KeyedValue> items;
  for (const Value& item : Items(rt, call.self())) {
    if (rt->failed()) return Value();
    items.push_back({MultiSortKey(rt, item, call[3], call.Truthy(2, false)), item});
  }
  SortByKey(rt, &items, call.Truthy(1, false));
  std::vector<Value> sorted;
  for (KeyedValue& item : items) sorted.push_back(std::move(item.value));
  return rt->List(std::move(sorted));
}

Value FilterSum(Call& call) {
  Runtime* const rt = call.rt;
  Value total = call.Has(2) ? call[2] : Value::Int(0);
  if (total.is_string()) return rt->Wrong("sum() cannot sum strings; use join");
  const bool has_path = call.Has(1) && !call[1].is_none();
  for (const Value& item : Items(rt, call.self())) {
    if (rt->failed()) return Value();
    total =
        Binary(rt, BinaryOp::kAdd, total, has_path ? GetPath(rt, item, call[1], Value()) : item);
  }
  return total;
}

Value FilterUnique(Call& call) {
  Runtime* const rt = call.rt;
  std::unordered_multimap<size_t, Value> seen;
  std::vector<Value> unique;
  for (const Value& item : Items(rt, call.self())) {
    const Value key = SortKey(rt, item, call[2], call.Truthy(1, false));
    const size_t hash = Hash(rt, key);
    if (rt->failed()) return Value();
    const auto [first, last] = seen.equal_range(hash);
    if (std::any_of(first, last, [&](const auto& old) { return Equal(rt, old.second, key); })) {
      continue;
    }
    seen.emplace(hash, key);
    unique.push_back(item);
  }
  return rt->Generator(std::move(unique));
}

}  // namespace autoglm::jinja
