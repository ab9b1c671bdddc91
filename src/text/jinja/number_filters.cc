// Filters that work on numbers.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/str.h"
#include "text/jinja/builtins.h"
#include "text/jinja/format.h"
#include "text/jinja/operators.h"
#include "text/jinja/parse_number.h"

namespace autoglm::jinja {

namespace {

// int(float): nothing where the result does not fit.
std::optional<int64_t> Truncated(double d) {
  if (!(d >= -0x1p63 && d < 0x1p63)) return std::nullopt;
  return static_cast<int64_t>(d);
}

// round(i, -n_digits) for integers: half to even.
Value RoundInteger(Runtime* rt, int64_t i, int64_t n_zeros) {
  if (n_zeros <= 0) return Value::Int(i);
  if (n_zeros > 18) return Value::Int(0);
  int64_t unit = 1;
  for (int64_t k = 0; k < n_zeros; ++k) unit *= 10;
  const int64_t rest = ((i % unit) + unit) % unit;
  int64_t quotient = (i - rest) / unit;
  if (i < std::numeric_limits<int64_t>::min() + rest) return Value::Int(i / unit * unit);
  if (rest > unit - rest || (rest == unit - rest && quotient % 2 != 0)) ++quotient;
  return Binary(rt, BinaryOp::kMul, Value::Int(quotient), Value::Int(unit));
}

// round(d, n_digits): correctly rounded in decimal, half to even on the exact binary value.
double RoundFloat(double d, int64_t n_digits) {
  if (!std::isfinite(d) || n_digits > 330) return d;
  if (n_digits < -330) return std::copysign(0.0, d);
  if (n_digits >= 0) return *ParseFloat(FixedFloat(d, static_cast<int>(n_digits)));
  const double unit = std::pow(10.0, static_cast<double>(-n_digits));
  return std::nearbyint(d / unit) * unit;
}

}  // namespace

Value FilterAbs(Call& call) {
  const Value& value = call.self();
  if (value.is_float()) return Value::Float(std::fabs(value.number()));
  if (value.is_integral())
    return value.integer() < 0 ? Negate(call.rt, value) : Plus(call.rt, value);
  if (value.is_undefined()) return call.rt->FailUndefined(value);
  return call.rt->Wrong("bad operand type for abs(): '", value.type_name(), "'");
}

Value FilterInt(Call& call) {
  const Value& value = call.self();
  const Value absent = call.Has(1) ? call[1] : Value::Int(0);
  if (value.is_integral()) return Value::Int(value.integer());
  std::optional<double> number;
  if (value.is_string()) {
    const int64_t base = call.Int(2, 10);
    if (base < 0 || base == 1 || base > 36) return absent;
    if (const auto i = ParseInt(value.str(), static_cast<int>(base))) return Value::Int(*i);
    number = ParseFloat(value.str());
  } else if (value.is_float()) {
    number = value.number();
  } else if (value.is_undefined()) {
    return call.rt->FailUndefined(value);
  }
  if (!number || !std::isfinite(*number)) return absent;
  const std::optional<int64_t> truncated = Truncated(*number);
  if (truncated) return Value::Int(*truncated);
  return call.rt->Fail(StatusCode::kOutOfRange, "integer result does not fit in 64 bits");
}

Value FilterFloat(Call& call) {
  const Value& value = call.self();
  if (value.is_number()) return Value::Float(value.number());
  if (value.is_undefined()) return call.rt->FailUndefined(value);
  const auto number = value.is_string() ? ParseFloat(value.str()) : std::nullopt;
  if (number) return Value::Float(*number);
  return call.Has(1) ? call[1] : Value::Float(0);
}

Value FilterRound(Call& call) {
  const Value& value = call.self();
  const int64_t precision = call.Int(1, 0);
  const std::string method = call.Has(2) ? call.Text(2) : "common";
  if (method != "common" && method != "ceil" && method != "floor") {
    return call.rt->Wrong("round() expects the method common, ceil or floor");
  }
  if (value.is_undefined()) return call.rt->FailUndefined(value);
  if (!value.is_number()) {
    return call.rt->Wrong("round() expects a number, found '", value.type_name(), "'");
  }
  if (method == "common") {
    if (value.is_float()) return Value::Float(RoundFloat(value.number(), precision));
    const int64_t n_zeros = precision < -100 ? 100 : -precision;
    return RoundInteger(call.rt, value.integer(), precision >= 0 ? 0 : n_zeros);
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = value.number() * scale;
  return Value::Float((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

Value FilterFileSizeFormat(Call& call) {
  Runtime* const rt = call.rt;
  const auto parsed = call.self().is_string() ? ParseFloat(call.self().str()) : std::nullopt;
  if (!parsed && !call.self().is_number()) return rt->Wrong("filesizeformat() expects a number");
  const double bytes = parsed ? *parsed : call.self().number();
  const bool binary = call.Truthy(1, false);
  const double base = binary ? 1024 : 1000;
  if (bytes == 1) return rt->String("1 Byte");
  if (bytes < base) return rt->String(FixedFloat(std::trunc(bytes), 0) + " Bytes");
  double unit = base;
  std::string_view prefixes = binary ? "KMGTPEZY" : "kMGTPEZY";
  while (prefixes.size() > 1 && bytes >= unit * base) {
    unit *= base;
    prefixes.remove_prefix(1);
  }
  return rt->String(
      StrCat(FixedFloat(bytes / unit, 1), " ", prefixes.substr(0, 1), binary ? "iB" : "B"));
}

}  // namespace autoglm::jinja
