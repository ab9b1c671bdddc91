#include "text/jinja/operators.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "text/jinja/access.h"
#include "text/jinja/format.h"
#include "text/jinja/strings.h"

namespace autoglm::jinja {

namespace {

constexpr int64_t kMinInt = std::numeric_limits<int64_t>::min();

Value Overflow(Runtime* rt) {
  return rt->Fail(StatusCode::kOutOfRange, "integer result does not fit in 64 bits");
}

Value DivisionByZero(Runtime* rt) { return rt->Wrong("division by zero"); }

Value Unsupported(Runtime* rt, BinaryOp op, const Value& a, const Value& b) {
  if (a.is_undefined()) return rt->FailUndefined(a);
  if (b.is_undefined()) return rt->FailUndefined(b);
  return rt->Wrong("unsupported operand types for ", Spelling(op), ": '", a.type_name(), "' and '",
                   b.type_name(), "'");
}

// ---- Integers ----

Value IntFloorDiv(Runtime* rt, int64_t a, int64_t b) {
  if (b == 0) return DivisionByZero(rt);
  if (a == kMinInt && b == -1) return Overflow(rt);
  const int64_t quotient = a / b;
  return Value::Int(quotient - (a % b != 0 && (a < 0) != (b < 0)));
}

Value IntMod(Runtime* rt, int64_t a, int64_t b) {
  if (b == 0) return DivisionByZero(rt);
  if (b == -1) return Value::Int(0);  // the machine instruction traps on kMinInt % -1
  const int64_t rest = a % b;
  return Value::Int(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
}

Value FloatPow(Runtime* rt, double a, double b);

Value IntPow(Runtime* rt, int64_t base, int64_t exponent) {
  if (exponent < 0) return FloatPow(rt, static_cast<double>(base), static_cast<double>(exponent));
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) && __builtin_mul_overflow(result, base, &result)) return Overflow(rt);
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return Overflow(rt);
  }
  return Value::Int(result);
}

Value IntBinary(Runtime* rt, BinaryOp op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case BinaryOp::kAdd:
      return __builtin_add_overflow(a, b, &result) ? Overflow(rt) : Value::Int(result);
    case BinaryOp::kSub:
      return __builtin_sub_overflow(a, b, &result) ? Overflow(rt) : Value::Int(result);
    case BinaryOp::kMul:
      return __builtin_mul_overflow(a, b, &result) ? Overflow(rt) : Value::Int(result);
    case BinaryOp::kDiv:
      return b == 0 ? DivisionByZero(rt)
                    : Value::Float(static_cast<double>(a) / static_cast<double>(b));
    case BinaryOp::kFloorDiv:
      return IntFloorDiv(rt, a, b);
    case BinaryOp::kMod:
      return IntMod(rt, a, b);
    case BinaryOp::kPow:
      return IntPow(rt, a, b);
  }
  return Value();
}

// ---- Floats ----

double FloatMod(double a, double b) {
  const double rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(0.0, b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

double FloatFloorDiv(double a, double b) {
  const double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0 && (rest < 0) != (b < 0)) quotient -= 1;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floor = std::floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;  // rounding of the division above
}

Value FloatPow(Runtime* rt, double a, double b) {
  if (a == 0 && b < 0) return rt->Wrong("zero to a negative power");
  const double result = std::pow(a, b);
  if (std::isnan(result) && !std::isnan(a) && !std::isnan(b)) {
    return rt->Wrong("a negative number to a fractional power is not a real number");
  }
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) return Overflow(rt);
  return Value::Float(result);
}

Value FloatBinary(Runtime* rt, BinaryOp op, double a, double b) {
  const bool divides = op == BinaryOp::kDiv || op == BinaryOp::kFloorDiv || op == BinaryOp::kMod;
  if (divides && b == 0) return DivisionByZero(rt);
  switch (op) {
    case BinaryOp::kAdd:
      return Value::Float(a + b);
    case BinaryOp::kSub:
      return Value::Float(a - b);
    case BinaryOp::kMul:
      return Value::Float(a * b);
    case BinaryOp::kDiv:
      return Value::Float(a / b);
    case BinaryOp::kFloorDiv:
      return Value::Float(FloatFloorDiv(a, b));
    case BinaryOp::kMod:
      return Value::Float(FloatMod(a, b));
    case BinaryOp::kPow:
      return FloatPow(rt, a, b);
  }
  return Value();
}

// ---- Strings and lists ----

Value AddStrings(Runtime* rt, const Value& a, const Value& b) {
  const bool markup = a.is_markup() || b.is_markup();
  TextBuilder out(rt);
  out.Append(markup && !a.is_markup() ? EscapeHtml(a.str()) : a.str());
  out.Append(markup && !b.is_markup() ? EscapeHtml(b.str()) : b.str());
  return out.ToValue(markup);
}

Value AddSequences(Runtime* rt, const Sequence& a, const Sequence& b) {
  if (!rt->Work(a.items.size() + b.items.size())) return Value();
  std::vector<Value> items = a.items;
  items.insert(items.end(), b.items.begin(), b.items.end());
  return rt->Make(a.is_tuple() ? SequenceType::kTuple : SequenceType::kList, std::move(items));
}

Value RepeatValue(Runtime* rt, const Value& value, int64_t n) {
  if (value.is_string()) {
    TextBuilder out(rt);
    out.Repeat(value.str(), n);
    return out.ToValue(value.is_markup());
  }
  const Sequence& sequence = value.sequence();
  const size_t count = static_cast<size_t>(std::max<int64_t>(n, 0));
  const size_t size = sequence.items.size();
  if (size != 0 && !rt->Work(count > SIZE_MAX / size ? SIZE_MAX : count * size)) return Value();
  std::vector<Value> items;
  for (size_t i = 0; size != 0 && i < count; ++i) {
    items.insert(items.end(), sequence.items.begin(), sequence.items.end());
  }
  return rt->Make(sequence.is_tuple() ? SequenceType::kTuple : SequenceType::kList,
                  std::move(items));
}

bool IsRepeatable(const Value& value) {
  return value.is_string() || value.is_list() || value.is_tuple();
}

// ---- Ordering ----

enum class Order { kLess, kEqual, kGreater, kUnordered };

template <typename T>
Order OrderOf(T a, T b) {
  return a < b    ? Order::kLess
         : a == b ? Order::kEqual
         : a > b  ? Order::kGreater
                  : Order::kUnordered;
}

Order Reversed(Order order) {
  if (order == Order::kLess) return Order::kGreater;
  return order == Order::kGreater ? Order::kLess : order;
}

// Exact, also where the integer has no double of its own.
Order OrderOfIntAndFloat(int64_t i, double d) {
  if (std::isnan(d)) return Order::kUnordered;
  if (d >= 0x1p63) return Order::kLess;
  if (d < -0x1p63) return Order::kGreater;
  const double whole = std::trunc(d);
  const Order order = OrderOf(i, static_cast<int64_t>(whole));
  return order == Order::kEqual ? OrderOf(whole, d) : order;
}

Order OrderOfNumbers(const Value& a, const Value& b) {
  if (a.is_float() && b.is_float()) return OrderOf(a.number(), b.number());
  if (a.is_float()) return Reversed(OrderOfIntAndFloat(b.integer(), a.number()));
  if (b.is_float()) return OrderOfIntAndFloat(a.integer(), b.number());
  return OrderOf(a.integer(), b.integer());
}

Order OrderOfValues(Runtime* rt, CompareOp op, const Value& a, const Value& b);

Order OrderOfItems(Runtime* rt, CompareOp op, const Sequence& a, const Sequence& b) {
  const size_t n = std::min(a.items.size(), b.items.size());
  for (size_t i = 0; i < n; ++i) {
    if (Equal(rt, a.items[i], b.items[i])) continue;
    return OrderOfValues(rt, op, a.items[i], b.items[i]);
  }
  return OrderOf(a.items.size(), b.items.size());
}

Order OrderOfValues(Runtime* rt, CompareOp op, const Value& a, const Value& b) {
  if (!rt->Work()) return Order::kUnordered;
  if (a.is_number() && b.is_number()) return OrderOfNumbers(a, b);
  if (a.is_string() && b.is_string()) {
    rt->WorkOnBytes(std::min(a.str().size(), b.str().size()));
    return OrderOf(a.str().compare(b.str()), 0);  // UTF-8 bytes order as code points do
  }
  if ((a.is_list() && b.is_list()) || (a.is_tuple() && b.is_tuple())) {
    return OrderOfItems(rt, op, a.sequence(), b.sequence());
  }
  if (a.is_undefined() || b.is_undefined()) {
    rt->FailUndefined(a.is_undefined() ? a : b);
  } else {
    rt->Wrong("'", Spelling(op), "' not supported between instances of '", a.type_name(), "' and '",
              b.type_name(), "'");
  }
  return Order::kUnordered;
}

}  // namespace

std::string_view Spelling(BinaryOp op) {
  static constexpr std::string_view kSpellings[] = {"+", "-", "*", "/", "//", "%", "**"};
  return kSpellings[static_cast<int>(op)];
}

std::string_view Spelling(CompareOp op) {
  static constexpr std::string_view kSpellings[] = {
      "==", "!=", "<", "<=", ">", ">=", "in", "not in"};
  return kSpellings[static_cast<int>(op)];
}

Value Binary(Runtime* rt, BinaryOp op, const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return IntBinary(rt, op, a.integer(), b.integer());
  if (a.is_number() && b.is_number()) return FloatBinary(rt, op, a.number(), b.number());
  if (a.is_undefined()) return rt->FailUndefined(a);
  if (op == BinaryOp::kAdd) {
    if (a.is_string() && b.is_string()) return AddStrings(rt, a, b);
    if ((a.is_list() && b.is_list()) || (a.is_tuple() && b.is_tuple())) {
      return AddSequences(rt, a.sequence(), b.sequence());
    }
  }
  if (op == BinaryOp::kMul) {
    if (IsRepeatable(a) && b.is_integral()) return RepeatValue(rt, a, b.integer());
    if (a.is_integral() && IsRepeatable(b)) return RepeatValue(rt, b, a.integer());
  }
  if (op == BinaryOp::kMod && a.is_string()) return PrintfFormat(rt, a, b);
  return Unsupported(rt, op, a, b);
}

Value Negate(Runtime* rt, const Value& value) {
  if (value.is_float()) return Value::Float(-value.number());
  if (value.is_undefined()) return rt->FailUndefined(value);
  if (!value.is_integral()) {
    return rt->Wrong("bad operand type for unary -: '", value.type_name(), "'");
  }
  return value.integer() == kMinInt ? Overflow(rt) : Value::Int(-value.integer());
}

Value Plus(Runtime* rt, const Value& value) {
  if (value.is_float()) return value;
  if (value.is_undefined()) return rt->FailUndefined(value);
  if (value.is_integral()) return Value::Int(value.integer());
  return rt->Wrong("bad operand type for unary +: '", value.type_name(), "'");
}

bool Less(Runtime* rt, const Value& a, const Value& b) {
  return OrderOfValues(rt, CompareOp::kLt, a, b) == Order::kLess && !rt->failed();
}

bool Contains(Runtime* rt, const Value& container, const Value& item) {
  if (container.is_string()) {
    if (!item.is_string()) {
      rt->Wrong("'in <string>' requires string as left operand, not ", item.type_name());
      return false;
    }
    rt->WorkOnBytes(container.str().size());
    return container.str().find(item.str()) != std::string::npos;
  }
  if (container.is_dict()) {
    Hash(rt, item);  // fails where the key cannot be one
    return !rt->failed() && Find(rt, container.dict(), item) != nullptr;
  }
  const std::vector<Value> taken =
      container.is_sequence() ? std::vector<Value>() : Items(rt, container);
  const std::vector<Value>& items = container.is_sequence() ? container.sequence().items : taken;
  return std::any_of(items.begin(), items.end(),
                     [&](const Value& x) { return Equal(rt, x, item); });
}

bool Compare(Runtime* rt, CompareOp op, const Value& a, const Value& b) {
  switch (op) {
    case CompareOp::kEq:
      return Equal(rt, a, b);
    case CompareOp::kNe:
      return !Equal(rt, a, b);
    case CompareOp::kIn:
      return Contains(rt, b, a);
    case CompareOp::kNotIn:
      return !Contains(rt, b, a);
    default:
      break;
  }
  const Order order = OrderOfValues(rt, op, a, b);
  switch (op) {
    case CompareOp::kLt:
      return order == Order::kLess;
    case CompareOp::kLe:
      return order == Order::kLess || order == Order::kEqual;
    case CompareOp::kGt:
      return order == Order::kGreater;
    default:
      return order == Order::kGreater || order == Order::kEqual;
  }
}

}  // namespace autoglm::jinja
