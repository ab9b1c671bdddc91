// Variables in force at one place of a template: names bound here, then those of the scopes around.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"

namespace autoglm::jinja {

class Scope : public Breakable {
 public:
  explicit Scope(std::shared_ptr<Scope> parent) : parent_(std::move(parent)) {}

  /// The value of the innermost binding, or null.
  const Value* Find(Runtime* rt, NameId name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->parent_.get()) {
      rt->Work(scope->variables_.size() / 16);
      for (const auto& [id, value] : scope->variables_) {
        if (id == name) return &value;
      }
    }
    return nullptr;
  }

  /// Binds in this scope.
  void Set(Runtime* rt, NameId name, Value value) {
    rt->Work(variables_.size() / 16);
    for (auto& [id, old] : variables_) {
      if (id == name) {
        old = std::move(value);
        return;
      }
    }
    variables_.emplace_back(name, std::move(value));
  }

  const std::shared_ptr<Scope>& parent() const { return parent_; }
  void DropContents() override { variables_.clear(); }
  /// True when called first: a scope is pinned once.
  bool MarkPinned() { return !std::exchange(is_pinned_, true); }

 private:
  std::shared_ptr<Scope> parent_;
  std::vector<std::pair<NameId, Value>> variables_;
  bool is_pinned_ = false;
};

}  // namespace autoglm::jinja
