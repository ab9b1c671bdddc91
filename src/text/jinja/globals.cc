// The global functions.
#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/objects.h"
#include "text/jinja/print.h"
#include "text/jinja/strftime.h"

namespace autoglm::jinja {

namespace {

// What dict(...) and namespace(...) take: a mapping or pairs, then named values.
std::vector<std::pair<Value, Value>> EntriesFrom(Call& call) {
  Runtime* const rt = call.rt;
  std::vector<std::pair<Value, Value>> entries;
  if (call.Has(0) && call[0].is_dict()) {
    entries = call[0].dict().entries;
  } else if (call.Has(0)) {
    for (const Value& item : Items(rt, call[0])) {
      const std::vector<Value> pair = Items(rt, item);
      if (rt->failed()) return entries;
      if (pair.size() != 2) {
        rt->Wrong("expected a sequence of pairs");
        return entries;
      }
      entries.emplace_back(pair[0], pair[1]);
    }
  }
  for (auto& [name, value] : call.named_rest) entries.emplace_back(rt->String(name), value);
  return entries;
}

}  // namespace

Value GlobalCycler(Call& call) {
  if (call.rest.empty()) return call.rt->Wrong("cycler() expects at least one item");
  return Value(std::shared_ptr<Object>(call.rt->MakeObject<Cycler>(call.rest, call.rest)));
}

Value GlobalDict(Call& call) { return call.rt->MakeDict(EntriesFrom(call)); }

Value GlobalJoiner(Call& call) {
  const Value separator = call.Has(0) ? call[0] : Value::Constant(", ");
  return Value(std::shared_ptr<Object>(call.rt->MakeObject<Joiner>({separator}, separator)));
}

Value GlobalNamespace(Call& call) {
  Runtime* const rt = call.rt;
  const Value contents = rt->MakeDict(EntriesFrom(call));
  auto made = rt->MakeObject<Namespace>({});
  rt->Pin(made);
  if (rt->failed()) return Value();
  for (const auto& [key, value] : contents.dict().entries) {
    if (key.is_string()) made->Set(rt, key, value);
  }
  return Value(std::shared_ptr<Object>(std::move(made)));
}

Value GlobalRaiseException(Call& call) { return call.rt->Raise(Str(call.rt, call[0])); }

Value GlobalRange(Call& call) {
  for (size_t i = 0; i < 3; ++i) {
    if (call.Has(i) && call[i].is_none()) return call.rt->Wrong("range() expects integers");
  }
  const int64_t first = call.Int(0, 0), second = call.Int(1, 0), step = call.Int(2, 1);
  if (call.rt->failed()) return Value();
  if (step == 0) return call.rt->Wrong("range() step must not be zero");
  return call.Has(1) ? call.rt->Range(first, second, step) : call.rt->Range(0, first, step);
}

Value GlobalStrftimeNow(Call& call) {
  return call.rt->String(Strftime(call.Text(0), call.rt->now_unix_s()));
}

}  // namespace autoglm::jinja
