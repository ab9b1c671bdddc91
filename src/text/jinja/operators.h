// Python's operators on values: arithmetic, comparison and membership.
#pragma once

#include <cstdint>
#include <string_view>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace autoglm::jinja {

enum class BinaryOp : uint8_t { kAdd, kSub, kMul, kDiv, kFloorDiv, kMod, kPow };
enum class CompareOp : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe, kIn, kNotIn };

/// The operator as written: "+", "not in".
std::string_view Spelling(BinaryOp op);
std::string_view Spelling(CompareOp op);

// Each fails on operands of types that Python refuses, and on int64 overflow (kOutOfRange).

Value Binary(Runtime* rt, BinaryOp op, const Value& a, const Value& b);
Value Negate(Runtime* rt, const Value& value);
Value Plus(Runtime* rt, const Value& value);
bool Compare(Runtime* rt, CompareOp op, const Value& a, const Value& b);
bool Less(Runtime* rt, const Value& a, const Value& b);
/// `item in container`.
bool Contains(Runtime* rt, const Value& container, const Value& item);

}  // namespace autoglm::jinja
