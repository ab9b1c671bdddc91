// Values that lead back into the interpreter: macros, and the `loop` variable.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/interpreter.h"
#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace autoglm::jinja {

class Macro : public Object {
 public:
  Macro(Interpreter* interpreter, const MacroDefinition* definition, std::shared_ptr<Scope> closure)
      : interpreter_(interpreter), definition_(definition), closure_(std::move(closure)) {}
  std::string_view type_name() const override { return "Macro"; }
  std::string Repr(Runtime* rt) const override;
  bool callable() const override { return true; }
  Value Invoke(Runtime* rt, Arguments arguments) override;
  std::optional<Value> Attribute(Runtime* rt, std::string_view name) override;

 private:
  Interpreter* interpreter_;
  const MacroDefinition* definition_;
  std::shared_ptr<Scope> closure_;
};

/// `loop` inside a for. Callable where the for is recursive.
class Loop : public Object, public Breakable {
 public:
  Loop(Interpreter* interpreter, const Stmt* stmt, std::shared_ptr<Scope> closure,
       std::vector<Value> items, int depth)
      : interpreter_(interpreter),
        stmt_(stmt),
        closure_(std::move(closure)),
        items_(std::move(items)),
        depth_(depth) {}
  std::string_view type_name() const override { return "LoopContext"; }
  std::string Repr(Runtime* rt) const override;
  bool callable() const override { return stmt_->recursive; }
  Value Invoke(Runtime* rt, Arguments arguments) override;
  std::optional<Value> Attribute(Runtime* rt, std::string_view name) override;
  std::optional<int64_t> Length() const override { return static_cast<int64_t>(items_.size()); }
  void DropContents() override { last_changed_.reset(); }

  const std::vector<Value>& items() const { return items_; }
  void MoveTo(size_t index) { index_ = index; }
  /// loop.cycle(...) and loop.changed(...).
  Value Cycle(Runtime* rt, const std::vector<Value>& values) const;
  Value Changed(Runtime* rt, std::vector<Value> values);

 private:
  Interpreter* interpreter_;
  const Stmt* stmt_;
  std::shared_ptr<Scope> closure_;  // null unless recursive
  std::vector<Value> items_;
  int depth_;  // of recursion, from 1
  size_t index_ = 0;
  std::optional<Value> last_changed_;
};

}  // namespace autoglm::jinja
