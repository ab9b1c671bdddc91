// Taking values apart: iteration, length, subscripts, attributes and slices, with the rules of
// Jinja's immutable sandbox.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace autoglm::jinja {

/// The items that a for loop sees: characters, elements, keys; takes all that an iterator has
/// left. Fails for what is not iterable; undefined is empty.
std::vector<Value> Items(Runtime* rt, const Value& iterable);
bool IsIterable(const Value& value);
/// len(); nothing (and an error) for what has none.
std::optional<int64_t> Length(Runtime* rt, const Value& value);

/// container[key]: items first, then attributes; undefined where there is neither.
Value GetItem(Runtime* rt, const Value& container, const Value& key);
/// value.name: attributes and methods first, then items.
Value GetAttribute(Runtime* rt, const Value& value, std::string_view name);
/// value[start:stop:step]; None stands for an omitted bound.
Value Slice(Runtime* rt, const Value& value, const Value& start, const Value& stop,
            const Value& step);

/// GetItem along "a.b.0", as the attribute arguments of filters spell a path; `default_value`
/// replaces what is undefined at any step, unless it is itself undefined.
Value GetPath(Runtime* rt, const Value& value, const Value& path, const Value& default_value);

}  // namespace autoglm::jinja
