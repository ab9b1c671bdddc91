// Methods of lists, tuples, dicts and numbers.
#include <algorithm>
#include <cmath>

#include "text/jinja/access.h"
#include "text/jinja/builtins.h"

namespace autoglm::jinja {

Value MethodCopy(Call& call) { return call.self(); }  // contents never change

Value MethodItemCount(Call& call) {
  const std::vector<Value>& items = call.self().sequence().items;
  return Value::Int(std::count_if(items.begin(), items.end(), [&](const Value& item) {
    return Equal(call.rt, item, call[1]);
  }));
}

Value MethodItemIndex(Call& call) {
  const std::vector<Value>& items = call.self().sequence().items;
  const int64_t size = static_cast<int64_t>(items.size());
  const auto clamp = [size](int64_t i) {
    return i < 0 ? std::max<int64_t>(i < -size ? 0 : i + size, 0) : std::min(i, size);
  };
  const int64_t stop = clamp(call.Int(3, size));
  for (int64_t i = clamp(call.Int(2, 0)); i < stop && !call.rt->failed(); ++i) {
    if (Equal(call.rt, items[i], call[1])) return Value::Int(i);
  }
  return call.rt->Wrong("index() did not find the value");
}

Value MethodGet(Call& call) {
  Hash(call.rt, call[1]);  // fails where the key cannot be one
  if (call.rt->failed()) return Value();
  if (const Value* value = Find(call.rt, call.self().dict(), call[1])) return *value;
  return call.Has(2) ? call[2] : Value::None();
}

Value MethodItems(Call& call) {
  std::vector<Value> items;
  for (const auto& [key, value] : call.self().dict().entries) {
    items.push_back(call.rt->Tuple({key, value}));
  }
  return call.rt->Make(SequenceType::kItems, std::move(items));
}

Value MethodKeys(Call& call) {
  return call.rt->Make(SequenceType::kKeys, Items(call.rt, call.self()));
}

Value MethodValues(Call& call) {
  std::vector<Value> values;
  for (const auto& [key, value] : call.self().dict().entries) values.push_back(value);
  return call.rt->Make(SequenceType::kValues, std::move(values));
}

Value MethodBitLength(Call& call) {
  const int64_t i = call.self().integer();
  uint64_t magnitude = i < 0 ? 0 - static_cast<uint64_t>(i) : static_cast<uint64_t>(i);
  int64_t n_bits = 0;
  for (; magnitude != 0; magnitude >>= 1) ++n_bits;
  return Value::Int(n_bits);
}

Value MethodIsInteger(Call& call) {
  const double d = call.self().number();
  return Value::Bool(std::isfinite(d) && d == std::trunc(d));
}

}  // namespace autoglm::jinja
