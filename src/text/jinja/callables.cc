#include "text/jinja/callables.h"

#include "base/str.h"
#include "text/jinja/builtins.h"
#include "text/jinja/print.h"

namespace autoglm::jinja {

namespace {

Value LoopCycle(Call& call) {
  return static_cast<Loop&>(call.self().object()).Cycle(call.rt, call.rest);
}

Value LoopChanged(Call& call) {
  return static_cast<Loop&>(call.self().object()).Changed(call.rt, std::move(call.rest));
}

constexpr Builtin kLoopCycle = {"cycle", "self *", LoopCycle};
constexpr Builtin kLoopChanged = {"changed", "self *", LoopChanged};

}  // namespace

std::string Macro::Repr(Runtime*) const {
  return definition_->name.empty() ? "<Macro anonymous>"
                                   : StrCat("<Macro ", StringRepr(definition_->name), ">");
}

Value Macro::Invoke(Runtime*, Arguments arguments) {
  return interpreter_->CallMacro(*definition_, closure_, std::move(arguments));
}

std::optional<Value> Macro::Attribute(Runtime* rt, std::string_view name) {
  if (name == "name") return rt->String(definition_->name);
  if (name == "caller") return Value::Bool(definition_->uses_caller);
  if (name == "catch_kwargs") return Value::Bool(definition_->uses_kwargs);
  if (name == "catch_varargs") return Value::Bool(definition_->uses_varargs);
  if (name != "arguments") return std::nullopt;
  std::vector<Value> names;
  for (const Parameter& parameter : definition_->parameters) {
    names.push_back(rt->String(parameter.name));
  }
  return rt->Tuple(std::move(names));
}

std::string Loop::Repr(Runtime*) const {
  return StrCat("<LoopContext ", index_ + 1, "/", items_.size(), ">");
}

Value Loop::Invoke(Runtime* rt, Arguments arguments) {
  if (!stmt_->recursive) {
    return rt->Wrong("loop() can only be called in a loop that is marked 'recursive'");
  }
  return interpreter_->CallLoop(*stmt_, closure_, std::move(arguments), depth_ + 1);
}

std::optional<Value> Loop::Attribute(Runtime* rt, std::string_view name) {
  const int64_t size = static_cast<int64_t>(items_.size()), index = static_cast<int64_t>(index_);
  if (name == "index") return Value::Int(index + 1);
  if (name == "index0") return Value::Int(index);
  if (name == "revindex") return Value::Int(size - index);
  if (name == "revindex0") return Value::Int(size - index - 1);
  if (name == "first") return Value::Bool(index == 0);
  if (name == "last") return Value::Bool(index + 1 == size);
  if (name == "length") return Value::Int(size);
  if (name == "depth") return Value::Int(depth_);
  if (name == "depth0") return Value::Int(depth_ - 1);
  if (name == "previtem") {
    return index > 0 ? items_[index - 1] : rt->Undefined("there is no previous item");
  }
  if (name == "nextitem") {
    return index + 1 < size ? items_[index + 1] : rt->Undefined("there is no next item");
  }
  const Builtin* method = name == "cycle"     ? &kLoopCycle
                          : name == "changed" ? &kLoopChanged
                                              : nullptr;
  if (method == nullptr) return std::nullopt;
  const Value self(shared_from_this());
  return Value(std::shared_ptr<Object>(rt->MakeObject<BuiltinFunction>({self}, method, self)));
}

Value Loop::Cycle(Runtime* rt, const std::vector<Value>& values) const {
  if (values.empty()) return rt->Wrong("loop.cycle() expects at least one value");
  return values[index_ % values.size()];
}

Value Loop::Changed(Runtime* rt, std::vector<Value> values) {
  const Value now = rt->Tuple(std::move(values));
  if (rt->failed()) return Value();
  if (last_changed_ && Equal(rt, *last_changed_, now)) return Value::Bool(false);
  // From now on the loop may hold itself.
  if (!last_changed_) rt->Pin(std::dynamic_pointer_cast<Breakable>(shared_from_this()));
  last_changed_ = now;
  return Value::Bool(true);
}

}  // namespace autoglm::jinja
