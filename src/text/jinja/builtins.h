// The functions that templates find ready: filters, tests, globals and methods. Each is one row of
// filters.inc, tests.inc, globals.inc or methods.inc and one function.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace autoglm::jinja {

/// The arguments of one call, bound to the parameters of the row. Parameter 0 of a filter, test or
/// method is the value it is applied to.
class Call {
 public:
  static constexpr size_t kMaxParameters = 8;

  explicit Call(Runtime* runtime) : rt(runtime) {}

  bool Has(size_t i) const { return given_[i]; }
  /// Undefined when it was not given.
  const Value& operator[](size_t i) const { return slots_[i]; }
  const Value& self() const { return slots_[0]; }
  /// `absent` when it was not given or is None; fails for what is no integer.
  int64_t Int(size_t i, int64_t absent);
  /// Fails for what is no string.
  const std::string& Text(size_t i);
  bool Truthy(size_t i, bool absent) const { return Has(i) ? slots_[i].truthy() : absent; }
  void Bind(size_t i, Value value) { slots_[i] = std::move(value), given_[i] = true; }

  Runtime* const rt;
  std::vector<Value> rest;                                ///< For "*".
  std::vector<std::pair<std::string, Value>> named_rest;  ///< For "**".

 private:
  std::array<Value, kMaxParameters> slots_;
  std::array<bool, kMaxParameters> given_{};
};

struct Builtin {
  std::string_view name;
  /// Names separated by spaces: "width first? *" takes a width, perhaps `first`, and any number of
  /// further positional arguments; "**" stands for any further named ones.
  std::string_view parameters;
  Value (*function)(Call& call);
};

const Builtin* FindFilter(std::string_view name);
const Builtin* FindTest(std::string_view name);
const Builtin* FindGlobal(std::string_view name);
/// The method of the value's type, or null.
const Builtin* FindMethod(const Value& value, std::string_view name);
/// Methods that would change a list or dict, which the sandbox forbids.
bool IsMutator(const Value& value, std::string_view name);

/// "no filter named 'x'", with the nearest name that exists.
std::string NoSuchFilter(std::string_view name);
std::string NoSuchTest(std::string_view name);

/// Binds and calls. `self`, if any, becomes parameter 0.
Value CallBuiltin(Runtime* rt, const Builtin& builtin, const Value* self, Arguments arguments);

/// A global function, or a method bound to its value.
class BuiltinFunction : public Object {
 public:
  explicit BuiltinFunction(const Builtin* builtin) : builtin_(builtin), bound_(false) {}
  BuiltinFunction(const Builtin* builtin, Value self)
      : builtin_(builtin), self_(std::move(self)), bound_(true) {}
  std::string_view type_name() const override { return "builtin_function_or_method"; }
  std::string Repr(Runtime*) const override {
    return "<built-in method " + std::string(builtin_->name) + ">";
  }
  bool callable() const override { return true; }
  Value Invoke(Runtime* rt, Arguments arguments) override {
    return CallBuiltin(rt, *builtin_, bound_ ? &self_ : nullptr, std::move(arguments));
  }

 private:
  const Builtin* builtin_;
  Value self_;
  bool bound_;
};

// The functions of the rows.
#define AUTOGLM_JINJA_BUILTIN(name, parameters, function) Value function(Call& call);
#define AUTOGLM_JINJA_METHOD(type, name, parameters, function) Value function(Call& call);
#include "text/jinja/filters.inc"
#include "text/jinja/globals.inc"
#include "text/jinja/methods.inc"
#include "text/jinja/tests.inc"
#undef AUTOGLM_JINJA_BUILTIN
#undef AUTOGLM_JINJA_METHOD

}  // namespace autoglm::jinja
