// Objects that templates make and keep: namespaces, cyclers and joiners.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace autoglm::jinja {

/// namespace(...): the one kind of value that {% set ns.name = ... %} can change.
class Namespace : public Object, public Breakable {
 public:
  std::string_view type_name() const override { return "jinja2.utils.Namespace"; }
  std::string Repr(Runtime* rt) const override;
  std::optional<Value> Attribute(Runtime* rt, std::string_view name) override;
  void DropContents() override { attributes_.clear(); }
  void Set(Runtime* rt, const Value& name, Value value);

 private:
  std::vector<std::pair<Value, Value>> attributes_;
};

/// cycler('a', 'b'): next(), current, reset().
class Cycler : public Object {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
  std::string_view type_name() const override { return "jinja2.utils.Cycler"; }
  std::string Repr(Runtime*) const override { return "<Cycler>"; }
  std::optional<Value> Attribute(Runtime* rt, std::string_view name) override;
  Value Next();
  void Reset() { at_ = 0; }

 private:
  std::vector<Value> items_;
  size_t at_ = 0;
};

/// joiner(', '): "" when first called, then the separator.
class Joiner : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  std::string_view type_name() const override { return "jinja2.utils.Joiner"; }
  std::string Repr(Runtime*) const override { return "<Joiner>"; }
  bool callable() const override { return true; }
  Value Invoke(Runtime* rt, Arguments arguments) override;

 private:
  Value separator_;
  bool used_ = false;
};

}  // namespace autoglm::jinja
