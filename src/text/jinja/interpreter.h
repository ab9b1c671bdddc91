// Executes a Program: statements write to the current output, expressions give values.
// Statements, macros and loops are in interpreter.cc, expressions in evaluate.cc.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"
#include "text/jinja/scope.h"

namespace autoglm::jinja {

/// One render. Not reusable, used by one thread; the program may be shared.
class Interpreter {
 public:
  Interpreter(const Program& program, Runtime* runtime) : program_(program), rt_(runtime) {}

  /// The rendered text; meaningless when the runtime has failed. `input` is an object.
  std::string Run(const nlohmann::ordered_json& input);

  // For macros and loops, which are values that come back here when called.
  Value CallMacro(const MacroDefinition& macro, const std::shared_ptr<Scope>& closure,
                  Arguments arguments);
  Value CallLoop(const Stmt& loop, const std::shared_ptr<Scope>& closure, Arguments arguments,
                 int depth);

 private:
  enum class Flow { kNext, kBreak, kContinue };

  // Makes `scope` the current one while it lives.
  class ScopeGuard {
   public:
    ScopeGuard(Interpreter* interpreter, std::shared_ptr<Scope> scope)
        : interpreter_(interpreter), saved_(std::exchange(interpreter->scope_, std::move(scope))) {}
    ~ScopeGuard() { interpreter_->scope_ = std::move(saved_); }
    ScopeGuard(const ScopeGuard&) = delete;
    ScopeGuard& operator=(const ScopeGuard&) = delete;

   private:
    Interpreter* interpreter_;
    std::shared_ptr<Scope> saved_;
  };

  // ---- Statements ----
  Flow ExecBody(const Body& body);
  Flow Exec(const Stmt& stmt);
  Flow ExecIf(const Stmt& stmt);
  Flow ExecFor(const Stmt& stmt, const Value& iterable, int depth);
  Flow ExecWith(const Stmt& stmt);
  Flow ExecInScope(const Body& body, std::shared_ptr<Scope> parent);
  // The body's output as a string.
  Value Capture(const Body& body, Flow* flow);
  // The items that pass the loop's own "if".
  std::vector<Value> FilterItems(const Stmt& stmt, std::vector<Value> items);
  void Assign(const Target& target, const Value& value);
  void AssignTuple(const Target& target, const Value& value);
  void BindParameters(const MacroDefinition& macro, Arguments* arguments);
  Value MakeMacro(const MacroDefinition& macro);
  void PinScope(const std::shared_ptr<Scope>& scope);

  // ---- Expressions ----
  Value Eval(const Expr& expr);
  Value EvalOperator(const Expr& expr);
  Value EvalName(const Expr& expr);
  Value EvalList(const Expr& expr);
  Value EvalDict(const Expr& expr);
  Value EvalSlice(const Expr& expr);
  Value EvalCall(const Expr& expr, const Value* caller);
  Value EvalBuiltin(const Expr& expr);
  Value EvalLogic(const Expr& expr);
  Value EvalConcat(const Expr& expr);
  Value EvalBinary(const Expr& expr);
  Value EvalCompare(const Expr& expr);
  Value EvalConditional(const Expr& expr);
  Arguments EvalArguments(const std::vector<Argument>& arguments);
  bool ok() const { return !rt_->failed(); }

  const Program& program_;
  Runtime* const rt_;
  std::shared_ptr<Scope> scope_;
  std::shared_ptr<Scope> template_scope_;
  TextBuilder* out_ = nullptr;
  Value filter_input_;  // what the innermost filter of a filter block applies to
};

}  // namespace autoglm::jinja
