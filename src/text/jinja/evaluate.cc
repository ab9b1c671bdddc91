// The expression half of Interpreter. Operands are evaluated first; the position for errors is set
// just before an operation is applied, because evaluating operands moves it.
#include "base/str.h"
#include "text/jinja/access.h"
#include "text/jinja/builtins.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/print.h"
#include "text/jinja/strings.h"

namespace autoglm::jinja {

Value Interpreter::Eval(const Expr& expr) {
  if (expr.kind == ExprKind::kConstant) return expr.constant;
  if (expr.kind == ExprKind::kName) return EvalName(expr);
  const Runtime::Level level(rt_);
  if (!level.ok()) return Value();
  Value value = EvalOperator(expr);
  return ok() ? value : Value();
}

Value Interpreter::EvalOperator(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kList:
    case ExprKind::kTuple:
      return EvalList(expr);
    case ExprKind::kDict:
      return EvalDict(expr);
    case ExprKind::kSlice:
      return EvalSlice(expr);
    case ExprKind::kCall:
      return EvalCall(expr, nullptr);
    case ExprKind::kFilter:
    case ExprKind::kTest:
      return EvalBuiltin(expr);
    case ExprKind::kAnd:
    case ExprKind::kOr:
      return EvalLogic(expr);
    case ExprKind::kConcat:
      return EvalConcat(expr);
    case ExprKind::kBinary:
      return EvalBinary(expr);
    case ExprKind::kCompare:
      return EvalCompare(expr);
    case ExprKind::kConditional:
      return EvalConditional(expr);
    default:
      break;
  }
  // One operand, or a container and its key.
  const Value value = Eval(*expr.operands[0]);
  const Value key = expr.kind == ExprKind::kItem && ok() ? Eval(*expr.operands[1]) : Value();
  if (!ok()) return Value();
  rt_->At(expr.offset);
  switch (expr.kind) {
    case ExprKind::kAttribute:
      return GetAttribute(rt_, value, expr.name);
    case ExprKind::kItem:
      return GetItem(rt_, value, key);
    case ExprKind::kNot:
      return Value::Bool(!value.truthy());
    case ExprKind::kNegate:
      return Negate(rt_, value);
    default:
      return Plus(rt_, value);
  }
}

Value Interpreter::EvalName(const Expr& expr) {
  rt_->Work();
  if (const Value* value = scope_->Find(rt_, expr.name_id)) return *value;
  if (const Builtin* global = FindGlobal(expr.name)) {
    return Value(std::shared_ptr<Object>(rt_->MakeObject<BuiltinFunction>({}, global)));
  }
  return rt_->Undefined(StrCat("'", Shortened(expr.name), "' is undefined"));
}

Value Interpreter::EvalList(const Expr& expr) {
  std::vector<Value> items;
  items.reserve(expr.operands.size());
  for (const ExprPtr& operand : expr.operands) {
    items.push_back(Eval(*operand));
    if (!ok()) return Value();
  }
  rt_->At(expr.offset);
  return expr.kind == ExprKind::kList ? rt_->List(std::move(items)) : rt_->Tuple(std::move(items));
}

Value Interpreter::EvalDict(const Expr& expr) {
  std::vector<std::pair<Value, Value>> entries;
  for (size_t i = 0; i + 1 < expr.operands.size(); i += 2) {
    Value key = Eval(*expr.operands[i]);
    Value value = ok() ? Eval(*expr.operands[i + 1]) : Value();
    if (!ok()) return Value();
    entries.emplace_back(std::move(key), std::move(value));
  }
  rt_->At(expr.offset);
  return rt_->MakeDict(std::move(entries));
}

Value Interpreter::EvalSlice(const Expr& expr) {
  const Value value = Eval(*expr.operands[0]);
  Value bounds[3];
  for (size_t i = 0; i < 3; ++i) {
    const ExprPtr& bound = expr.operands[i + 1];
    bounds[i] = bound && ok() ? Eval(*bound) : Value::None();
  }
  if (!ok()) return Value();
  rt_->At(expr.offset);
  return Slice(rt_, value, bounds[0], bounds[1], bounds[2]);
}

Value Interpreter::EvalCall(const Expr& expr, const Value* caller) {
  const Expr& callee = *expr.operands[0];
  // A method call needs no bound method in between.
  const bool is_attribute = callee.kind == ExprKind::kAttribute;
  const Value self = is_attribute ? Eval(*callee.operands[0]) : Value();
  if (!ok()) return Value();
  const Builtin* method =
      is_attribute && !self.is_undefined() ? FindMethod(self, callee.name) : nullptr;
  rt_->At(callee.offset);
  const Value function = method != nullptr ? Value()
                         : is_attribute    ? GetAttribute(rt_, self, callee.name)
                                           : Eval(callee);
  if (!ok()) return Value();
  Arguments arguments = EvalArguments(expr.arguments);
  if (!ok()) return Value();
  if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
  rt_->At(expr.offset);
  if (method != nullptr) return CallBuiltin(rt_, *method, &self, std::move(arguments));
  if (function.is_undefined()) return rt_->FailUndefined(function);
  if (function.is_object()) return function.object().Invoke(rt_, std::move(arguments));
  return rt_->Wrong("'", function.type_name(), "' object is not callable");
}

Value Interpreter::EvalBuiltin(const Expr& expr) {
  const ExprPtr& operand = expr.operands[0];
  const Value value = operand ? Eval(*operand) : filter_input_;
  if (!ok()) return Value();
  Arguments arguments = EvalArguments(expr.arguments);
  if (!ok()) return Value();
  rt_->At(expr.offset);
  if (expr.builtin == nullptr) {
    return rt_->Wrong(expr.kind == ExprKind::kFilter ? NoSuchFilter(expr.name)
                                                     : NoSuchTest(expr.name));
  }
  return CallBuiltin(rt_, *expr.builtin, &value, std::move(arguments));
}

Value Interpreter::EvalLogic(const Expr& expr) {
  const bool stops_at = expr.kind == ExprKind::kOr;
  Value value;
  for (const ExprPtr& operand : expr.operands) {
    value = Eval(*operand);
    if (!ok() || value.truthy() == stops_at) break;
  }
  return value;
}

Value Interpreter::EvalConcat(const Expr& expr) {
  TextBuilder text(rt_);
  for (const ExprPtr& operand : expr.operands) {
    const Value value = Eval(*operand);
    if (!ok()) return Value();
    rt_->At(expr.offset);
    AppendStr(&text, rt_, value);
  }
  return text.ToValue();
}

Value Interpreter::EvalBinary(const Expr& expr) {
  Value value = Eval(*expr.operands[0]);
  for (size_t i = 0; i < expr.binary_ops.size() && ok(); ++i) {
    const Value right = Eval(*expr.operands[i + 1]);
    if (!ok()) return Value();
    rt_->At(expr.offset);
    value = Binary(rt_, expr.binary_ops[i], value, right);
  }
  return value;
}

Value Interpreter::EvalCompare(const Expr& expr) {
  Value left = Eval(*expr.operands[0]);
  for (size_t i = 0; i < expr.compare_ops.size() && ok(); ++i) {
    Value right = Eval(*expr.operands[i + 1]);
    if (!ok()) return Value();
    rt_->At(expr.offset);
    if (!Compare(rt_, expr.compare_ops[i], left, right)) return Value::Bool(false);
    left = std::move(right);
  }
  return Value::Bool(true);
}

Value Interpreter::EvalConditional(const Expr& expr) {
  const bool taken = Eval(*expr.operands[0]).truthy();
  if (!ok()) return Value();
  const ExprPtr& chosen = expr.operands[taken ? 1 : 2];
  if (chosen) return Eval(*chosen);
  return rt_->Undefined("the inline if-expression was false and has no else part");
}

Arguments Interpreter::EvalArguments(const std::vector<Argument>& arguments) {
  Arguments out;
  for (const Argument& argument : arguments) {
    Value value = Eval(*argument.value);
    if (!ok()) return out;
    rt_->At(argument.value->offset);
    switch (argument.kind) {
      case Argument::Kind::kPositional:
        out.positional.push_back(std::move(value));
        break;
      case Argument::Kind::kNamed:
        out.named.emplace_back(argument.name, std::move(value));
        break;
      case Argument::Kind::kSpreadList:
        for (Value& item : Items(rt_, value)) out.positional.push_back(std::move(item));
        break;
      case Argument::Kind::kSpreadDict:
        if (!value.is_dict()) {
          rt_->Wrong("argument after ** must be a mapping, not ", value.type_name());
          return out;
        }
        for (const auto& [key, item] : value.dict().entries) {
          if (!key.is_string()) rt_->Wrong("keywords must be strings");
          if (ok()) out.named.emplace_back(key.str(), item);
        }
        break;
    }
  }
  return out;
}

}  // namespace autoglm::jinja
