// The parsed form of a template. Immutable after parsing, so that many renders may share it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "text/jinja/operators.h"
#include "text/jinja/value.h"

namespace autoglm::jinja {

struct Builtin;

/// Index into Program::names.
using NameId = int32_t;

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

enum class ExprKind : uint8_t {
  kConstant,
  kName,
  kList,         // operands: items
  kTuple,        // operands: items
  kDict,         // operands: key, value, key, value ...
  kAttribute,    // operands: object
  kItem,         // operands: container, key
  kSlice,        // operands: object, start, stop, step (the last three may be null)
  kCall,         // operands: callee
  kFilter,       // operands: value, null inside a filter block
  kTest,         // operands: value
  kAnd,          // operands: two or more
  kOr,           // operands: two or more
  kNot,          // operands: value
  kNegate,       // operands: value
  kPlus,         // operands: value
  kConcat,       // operands: two or more
  kBinary,       // operands: a, b, c ... joined left to right by binary_ops
  kCompare,      // operands: a, b, c ... compared pairwise by compare_ops
  kConditional,  // operands: condition, then, else (may be null)
};

struct Argument {
  enum class Kind : uint8_t { kPositional, kNamed, kSpreadList, kSpreadDict };
  Kind kind = Kind::kPositional;
  std::string name;
  ExprPtr value;
};

struct Expr {
  ExprKind kind = ExprKind::kConstant;
  uint32_t offset = 0;  ///< Where errors of this expression point.
  int depth = 1;        ///< Levels of expressions below and including this one.
  NameId name_id = 0;   ///< kName.
  std::string name;     ///< kName, kAttribute, kFilter, kTest.
  Value constant;
  std::vector<ExprPtr> operands;
  std::vector<BinaryOp> binary_ops;
  std::vector<CompareOp> compare_ops;
  std::vector<Argument> arguments;   ///< kCall, kFilter, kTest.
  const Builtin* builtin = nullptr;  ///< kFilter, kTest; null if there is none of that name.
};

/// What a set, a for or a with assigns to.
struct Target {
  enum class Kind : uint8_t { kName, kAttribute, kTuple };
  Kind kind = Kind::kName;
  uint32_t offset = 0;
  NameId name_id = 0;     ///< kName, and the namespace of kAttribute.
  std::string attribute;  ///< kAttribute.
  std::vector<Target> items;
};

struct Stmt;
using Body = std::vector<std::unique_ptr<Stmt>>;

struct Parameter {
  NameId name_id = 0;
  std::string name;
  ExprPtr default_value;  ///< Null: required.
};

/// The callable part of a macro or of a call block.
struct MacroDefinition {
  std::string name;
  std::vector<Parameter> parameters;
  Body body;
  /// Whether the body mentions caller, kwargs or varargs, which makes the macro accept them.
  bool uses_caller = false, uses_kwargs = false, uses_varargs = false;
};

enum class StmtKind : uint8_t {
  kData,         // text
  kPrint,        // expr
  kDo,           // expr, evaluated for nothing
  kIf,           // branches, else_body
  kFor,          // target, expr (what to iterate), filter, body, else_body, recursive
  kSet,          // target, expr
  kSetBlock,     // target, expr (a chain of filters, may be null), body
  kWith,         // bindings, body
  kScope,        // body in a scope of its own
  kBlock,        // body in a scope under the template's own
  kFilterBlock,  // expr (a chain of filters), body
  kMacro,        // target (the name), macro
  kCallBlock,    // expr (a call), macro (its body)
  kBreak,
  kContinue
};

struct Branch {
  ExprPtr condition;
  Body body;
};

struct Binding {
  Target target;
  ExprPtr value;
};

struct Stmt {
  StmtKind kind = StmtKind::kData;
  uint32_t offset = 0;
  std::string text;
  Target target;
  ExprPtr expr, filter;
  std::vector<Branch> branches;
  std::vector<Binding> bindings;
  Body body, else_body;
  bool recursive = false;
  MacroDefinition macro;
};

/// Names that the interpreter itself binds; their ids come first in every program.
enum KnownName : NameId { kNameLoop, kNameCaller, kNameKwargs, kNameVarargs, kKnownNames };

struct Program {
  std::string source;  ///< Normalized; offsets point into it.
  std::vector<std::string> names;
  Body body;
};

}  // namespace autoglm::jinja
