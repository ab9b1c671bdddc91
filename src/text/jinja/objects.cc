#include "text/jinja/objects.h"

#include "text/jinja/builtins.h"
#include "text/jinja/print.h"

namespace autoglm::jinja {

namespace {

Value CyclerNext(Call& call) { return static_cast<Cycler&>(call.self().object()).Next(); }

Value CyclerReset(Call& call) {
  static_cast<Cycler&>(call.self().object()).Reset();
  return Value::None();
}

constexpr Builtin kCyclerNext = {"next", "self", CyclerNext};
constexpr Builtin kCyclerReset = {"reset", "self", CyclerReset};

}  // namespace

std::string Namespace::Repr(Runtime* rt) const {
  TextBuilder out(rt);
  out.Append("<Namespace {");
  for (size_t i = 0; i < attributes_.size() && !rt->failed(); ++i) {
    if (i > 0) out.Append(", ");
    AppendRepr(&out, rt, attributes_[i].first);
    out.Append(": ");
    AppendRepr(&out, rt, attributes_[i].second);
  }
  out.Append("}>");
  return out.Take();
}

std::optional<Value> Namespace::Attribute(Runtime* rt, std::string_view name) {
  rt->Work(1 + attributes_.size() / 16);
  for (const auto& [key, value] : attributes_) {
    if (key.is_string() && key.str() == name) return value;
  }
  return std::nullopt;
}

void Namespace::Set(Runtime* rt, const Value& name, Value value) {
  rt->Work(1 + attributes_.size() / 16);
  for (auto& [key, old] : attributes_) {
    if (key.is_string() && key.str() == name.str()) {
      old = std::move(value);
      return;
    }
  }
  if (rt->Grow(&charge, 2 * sizeof(Value))) attributes_.emplace_back(name, std::move(value));
}

std::optional<Value> Cycler::Attribute(Runtime* rt, std::string_view name) {
  if (name == "current") return items_[at_];
  const Builtin* method = name == "next" ? &kCyclerNext : name == "reset" ? &kCyclerReset : nullptr;
  if (method == nullptr) return std::nullopt;
  const Value self(shared_from_this());
  return Value(std::shared_ptr<Object>(rt->MakeObject<BuiltinFunction>({self}, method, self)));
}

Value Cycler::Next() {
  const Value item = items_[at_];
  at_ = (at_ + 1) % items_.size();
  return item;
}

Value Joiner::Invoke(Runtime* rt, Arguments arguments) {
  if (!arguments.positional.empty() || !arguments.named.empty()) {
    return rt->Wrong("a joiner takes no arguments");
  }
  if (used_) return separator_;
  used_ = true;
  return rt->String("");
}

}  // namespace autoglm::jinja
