#include "text/jinja/interpreter.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/str.h"
#include "text/jinja/access.h"
#include "text/jinja/callables.h"
#include "text/jinja/json_input.h"
#include "text/jinja/objects.h"
#include "text/jinja/print.h"
#include "text/jinja/strings.h"

namespace autoglm::jinja {

std::string Interpreter::Run(const nlohmann::ordered_json& input) {
  const auto input_scope = std::make_shared<Scope>(nullptr);
  // Only what the template names; tools and documents can be large.
  for (size_t i = 0; i < program_.names.size() && ok(); ++i) {
    const auto it = input.find(program_.names[i]);
    if (it != input.end()) {
      input_scope->Set(rt_, static_cast<NameId>(i), FromJson(rt_, *it));
    }
  }
  template_scope_ = std::make_shared<Scope>(input_scope);
  TextBuilder out(rt_);
  out_ = &out;
  if (ok()) {
    const ScopeGuard guard(this, template_scope_);
    ExecBody(program_.body);
  }
  filter_input_ = Value();
  return out.Take();
}

// ---- Statements ----

Interpreter::Flow Interpreter::ExecBody(const Body& body) {
  for (const auto& stmt : body) {
    if (stmt->kind == StmtKind::kData) {
      rt_->At(stmt->offset);
      out_->Append(stmt->text);
      if (!rt_->Work()) return Flow::kNext;
      continue;
    }
    const Flow flow = Exec(*stmt);
    if (flow != Flow::kNext || !ok()) return flow;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::Exec(const Stmt& stmt) {
  rt_->At(stmt.offset);
  const Runtime::Level level(rt_);
  if (!level.ok()) return Flow::kNext;
  Flow flow = Flow::kNext;
  switch (stmt.kind) {
    case StmtKind::kData:
      break;
    case StmtKind::kPrint: {
      const Value value = Eval(*stmt.expr);
      if (ok()) AppendStr(out_, rt_, value);
      break;
    }
    case StmtKind::kDo:
      Eval(*stmt.expr);
      break;
    case StmtKind::kIf:
      return ExecIf(stmt);
    case StmtKind::kFor: {
      const Value iterable = Eval(*stmt.expr);
      return ok() ? ExecFor(stmt, iterable, 1) : Flow::kNext;
    }
    case StmtKind::kSet: {
      const Value value = Eval(*stmt.expr);
      if (ok()) Assign(stmt.target, value);
      break;
    }
    case StmtKind::kSetBlock:
    case StmtKind::kFilterBlock: {
      Value text = Capture(stmt.body, &flow);
      if (flow != Flow::kNext || !ok()) return flow;
      if (stmt.expr) {
        const Value saved = std::exchange(filter_input_, std::move(text));
        text = Eval(*stmt.expr);
        filter_input_ = saved;
      }
      if (!ok()) return flow;
      if (stmt.kind == StmtKind::kSetBlock) {
        Assign(stmt.target, text);
      } else {
        AppendStr(out_, rt_, text);
      }
      break;
    }
    case StmtKind::kWith:
      return ExecWith(stmt);
    case StmtKind::kScope:
      return ExecInScope(stmt.body, scope_);
    case StmtKind::kBlock:
      return ExecInScope(stmt.body, template_scope_);
    case StmtKind::kMacro:
      Assign(stmt.target, MakeMacro(stmt.macro));
      break;
    case StmtKind::kCallBlock: {
      const Value caller = MakeMacro(stmt.macro);
      const Value text = EvalCall(*stmt.expr, &caller);
      if (ok()) AppendStr(out_, rt_, text);
      break;
    }
    case StmtKind::kBreak:
      return Flow::kBreak;
    case StmtKind::kContinue:
      return Flow::kContinue;
  }
  return flow;
}

Interpreter::Flow Interpreter::ExecIf(const Stmt& stmt) {
  for (const Branch& branch : stmt.branches) {
    const bool taken = Eval(*branch.condition).truthy();
    if (!ok()) return Flow::kNext;
    if (taken) return ExecBody(branch.body);
  }
  return ExecBody(stmt.else_body);
}

Interpreter::Flow Interpreter::ExecInScope(const Body& body, std::shared_ptr<Scope> parent) {
  const ScopeGuard guard(this, std::make_shared<Scope>(std::move(parent)));
  return ExecBody(body);
}

Interpreter::Flow Interpreter::ExecWith(const Stmt& stmt) {
  // The values see the scope around, not each other.
  std::vector<Value> values;
  for (const Binding& binding : stmt.bindings) values.push_back(Eval(*binding.value));
  const ScopeGuard guard(this, std::make_shared<Scope>(scope_));
  for (size_t i = 0; i < values.size() && ok(); ++i) Assign(stmt.bindings[i].target, values[i]);
  return ok() ? ExecBody(stmt.body) : Flow::kNext;
}

Value Interpreter::Capture(const Body& body, Flow* flow) {
  TextBuilder text(rt_);
  TextBuilder* const saved = std::exchange(out_, &text);
  *flow = ExecInScope(body, scope_);
  out_ = saved;
  return text.ToValue();
}

// ---- Loops ----

Interpreter::Flow Interpreter::ExecFor(const Stmt& stmt, const Value& iterable, int depth) {
  rt_->At(stmt.expr->offset);
  std::vector<Value> items = Items(rt_, iterable);
  if (stmt.filter && ok()) items = FilterItems(stmt, std::move(items));
  if (!ok()) return Flow::kNext;
  if (stmt.recursive) PinScope(scope_);
  const auto loop = rt_->MakeObject<Loop>(
      items, this, &stmt, stmt.recursive ? scope_ : std::shared_ptr<Scope>(), items, depth);
  const Value loop_value{std::shared_ptr<Object>(loop)};
  std::shared_ptr<Scope> around = scope_;
  std::shared_ptr<Scope> scope;
  bool completed = false;
  for (size_t i = 0; i < items.size() && ok(); ++i) {
    // A scope that nobody kept serves again.
    if (scope.use_count() == 1) {
      scope->DropContents();
    } else {
      scope = std::make_shared<Scope>(around);
    }
    const ScopeGuard guard(this, scope);
    loop->MoveTo(i);
    scope->Set(rt_, kNameLoop, loop_value);
    Assign(stmt.target, items[i]);
    const Flow flow = ok() ? ExecBody(stmt.body) : Flow::kNext;
    completed |= flow == Flow::kNext;
    if (flow == Flow::kBreak) break;
  }
  // Jinja's rule: the else part runs unless some iteration reached the end of the body.
  return completed || !ok() ? Flow::kNext : ExecInScope(stmt.else_body, around);
}

std::vector<Value> Interpreter::FilterItems(const Stmt& stmt, std::vector<Value> items) {
  std::vector<Value> kept;
  for (Value& item : items) {
    const ScopeGuard guard(this, std::make_shared<Scope>(scope_));
    Assign(stmt.target, item);
    const bool passes = ok() && Eval(*stmt.filter).truthy();
    if (!ok()) break;
    if (passes) kept.push_back(std::move(item));
  }
  return kept;
}

Value Interpreter::CallLoop(const Stmt& loop, const std::shared_ptr<Scope>& closure,
                            Arguments arguments, int depth) {
  const Runtime::Level level(rt_);
  if (!level.ok()) return Value();
  if (arguments.positional.size() != 1 || !arguments.named.empty()) {
    return rt_->Wrong("loop() expects one argument");
  }
  TextBuilder text(rt_);
  TextBuilder* const saved = std::exchange(out_, &text);
  const ScopeGuard guard(this, closure);
  ExecFor(loop, arguments.positional[0], depth);
  out_ = saved;
  return text.ToValue();
}

// ---- Assignment ----

void Interpreter::Assign(const Target& target, const Value& value) {
  rt_->At(target.offset);
  switch (target.kind) {
    case Target::Kind::kName:
      return scope_->Set(rt_, target.name_id, value);
    case Target::Kind::kTuple:
      return AssignTuple(target, value);
    case Target::Kind::kAttribute:
      break;
  }
  const Value* owner = scope_->Find(rt_, target.name_id);
  auto* ns = owner && owner->is_object() ? dynamic_cast<Namespace*>(&owner->object()) : nullptr;
  if (ns == nullptr) {
    rt_->Wrong("cannot assign attribute '", Shortened(target.attribute),
               "': only namespace objects can be changed");
    return;
  }
  const Value name = rt_->String(target.attribute);
  if (ok()) ns->Set(rt_, name, value);
}

void Interpreter::AssignTuple(const Target& target, const Value& value) {
  const std::vector<Value> items = Items(rt_, value);
  if (!ok()) return;
  if (items.size() != target.items.size()) {
    rt_->Wrong("cannot unpack ", items.size(), " values into ", target.items.size(), " names");
    return;
  }
  for (size_t i = 0; i < items.size() && ok(); ++i) Assign(target.items[i], items[i]);
}

// ---- Macros ----

void Interpreter::PinScope(const std::shared_ptr<Scope>& scope) {
  if (scope->MarkPinned()) rt_->Pin(scope);
}

Value Interpreter::MakeMacro(const MacroDefinition& macro) {
  PinScope(scope_);  // the macro may end up in the scope that it holds
  return Value(std::shared_ptr<Object>(rt_->MakeObject<Macro>({}, this, &macro, scope_)));
}

Value Interpreter::CallMacro(const MacroDefinition& macro, const std::shared_ptr<Scope>& closure,
                             Arguments arguments) {
  const Runtime::Level level(rt_);
  if (!level.ok()) return Value();
  const uint32_t call_offset = rt_->offset();
  const ScopeGuard guard(this, std::make_shared<Scope>(closure));
  TextBuilder text(rt_);
  TextBuilder* const saved = std::exchange(out_, &text);
  BindParameters(macro, &arguments);
  if (ok()) ExecBody(macro.body);
  out_ = saved;
  if (ok()) rt_->At(call_offset);
  return text.ToValue();
}

void Interpreter::BindParameters(const MacroDefinition& macro, Arguments* arguments) {
  auto& positional = arguments->positional;
  auto& named = arguments->named;
  const auto take_named = [&](std::string_view name) -> std::optional<Value> {
    const auto it = std::find_if(named.begin(), named.end(),
                                 [&](const auto& argument) { return argument.first == name; });
    if (it == named.end()) return std::nullopt;
    Value value = std::move(it->second);
    named.erase(it);
    return value;
  };
  bool has_caller = false;
  for (size_t i = 0; i < macro.parameters.size() && ok(); ++i) {
    const Parameter& parameter = macro.parameters[i];
    has_caller |= parameter.name_id == kNameCaller;
    std::optional<Value> value;
    if (i < positional.size()) {
      value = positional[i];
    } else if (!(value = take_named(parameter.name))) {
      value = parameter.default_value
                  ? Eval(*parameter.default_value)
                  : rt_->Undefined(StrCat("parameter '", parameter.name, "' was not provided"));
    }
    scope_->Set(rt_, parameter.name_id, *value);
  }
  if (macro.uses_caller && !has_caller) {
    const std::optional<Value> caller = take_named("caller");
    scope_->Set(rt_, kNameCaller, caller ? *caller : rt_->Undefined("no caller defined"));
  }
  if (macro.uses_kwargs) {
    std::vector<std::pair<Value, Value>> entries;
    for (auto& [name, value] : named) entries.emplace_back(rt_->String(name), value);
    scope_->Set(rt_, kNameKwargs, rt_->MakeDict(std::move(entries)));
  } else if (!named.empty()) {
    rt_->Wrong("macro '", macro.name, "' takes no keyword argument '", Shortened(named[0].first),
               "'");
  }
  const size_t n_taken = std::min(positional.size(), macro.parameters.size());
  if (macro.uses_varargs) {
    scope_->Set(rt_, kNameVarargs,
                rt_->Tuple({positional.begin() + static_cast<int64_t>(n_taken), positional.end()}));
  } else if (positional.size() > n_taken) {
    rt_->Wrong("macro '", macro.name, "' takes not more than ", macro.parameters.size(),
               " arguments");
  }
}

}  // namespace autoglm::jinja
