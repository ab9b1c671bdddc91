// The tests: `value is name`.
#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/strings.h"

namespace autoglm::jinja {

namespace {

Value Comparison(Call& call, CompareOp op) {
  return Value::Bool(Compare(call.rt, op, call.self(), call[1]));
}

// value % divisor == rest
Value HasRest(Call& call, const Value& divisor, int64_t rest) {
  const Value actual = Binary(call.rt, BinaryOp::kMod, call.self(), divisor);
  return Value::Bool(Equal(call.rt, actual, Value::Int(rest)));
}

}  // namespace

Value TestEqual(Call& call) { return Comparison(call, CompareOp::kEq); }
Value TestNotEqual(Call& call) { return Comparison(call, CompareOp::kNe); }
Value TestLess(Call& call) { return Comparison(call, CompareOp::kLt); }
Value TestLessEqual(Call& call) { return Comparison(call, CompareOp::kLe); }
Value TestGreater(Call& call) { return Comparison(call, CompareOp::kGt); }
Value TestGreaterEqual(Call& call) { return Comparison(call, CompareOp::kGe); }
Value TestIn(Call& call) { return Comparison(call, CompareOp::kIn); }

Value TestBoolean(Call& call) { return Value::Bool(call.self().is_bool()); }
Value TestDefined(Call& call) { return Value::Bool(!call.self().is_undefined()); }
Value TestUndefined(Call& call) { return Value::Bool(call.self().is_undefined()); }
Value TestNone(Call& call) { return Value::Bool(call.self().is_none()); }
Value TestString(Call& call) { return Value::Bool(call.self().is_string()); }
Value TestMapping(Call& call) { return Value::Bool(call.self().is_dict()); }
Value TestNumber(Call& call) { return Value::Bool(call.self().is_number()); }
Value TestInteger(Call& call) { return Value::Bool(call.self().is_int()); }
Value TestFloat(Call& call) { return Value::Bool(call.self().is_float()); }
Value TestEscaped(Call& call) { return Value::Bool(call.self().is_markup()); }
Value TestIterable(Call& call) { return Value::Bool(IsIterable(call.self())); }
Value TestOdd(Call& call) { return HasRest(call, Value::Int(2), 1); }
Value TestEven(Call& call) { return HasRest(call, Value::Int(2), 0); }
Value TestDivisibleBy(Call& call) { return HasRest(call, call[1], 0); }

Value TestTrue(Call& call) { return Value::Bool(call.self().is_bool() && call.self().boolean()); }
Value TestFalse(Call& call) { return Value::Bool(call.self().is_bool() && !call.self().boolean()); }

// Undefined counts as callable and as a sequence: it has the methods, and they fail.
Value TestCallable(Call& call) {
  const Value& value = call.self();
  return Value::Bool(value.is_undefined() || (value.is_object() && value.object().callable()));
}

Value TestSequence(Call& call) {
  const Value& value = call.self();
  return Value::Bool(value.is_string() || value.is_dict() || value.is_undefined() ||
                     (value.is_sequence() && !value.sequence().is_view()));
}

Value TestSameAs(Call& call) {
  const Value &a = call.self(), &b = call[1];
  if (a.kind() != b.kind()) return Value::Bool(false);
  if (a.identity() != nullptr) return Value::Bool(a.identity() == b.identity());
  return Value::Bool(Equal(call.rt, a, b));
}

Value TestLower(Call& call) { return Value::Bool(IsLowerText(Str(call.rt, call.self()))); }
Value TestUpper(Call& call) { return Value::Bool(IsUpperText(Str(call.rt, call.self()))); }

Value TestFilter(Call& call) {
  return Value::Bool(call.self().is_string() && FindFilter(call.self().str()) != nullptr);
}

Value TestTest(Call& call) {
  return Value::Bool(call.self().is_string() && FindTest(call.self().str()) != nullptr);
}

}  // namespace autoglm::jinja
