// The expression half of Parser: from the loosest binding (if ... else) to literals.
#include <algorithm>
#include <iterator>

#include "text/jinja/builtins.h"
#include "text/jinja/parser.h"
#include "text/jinja/strings.h"

namespace autoglm::jinja {

namespace {

constexpr int kMaxExpressionDepth = 200;
constexpr size_t kMaxArguments = 250;

struct Comparison {
  std::string_view spelling;
  CompareOp op;
};
constexpr Comparison kComparisons[] = {{"==", CompareOp::kEq}, {"!=", CompareOp::kNe},
                                       {"<", CompareOp::kLt},  {"<=", CompareOp::kLe},
                                       {">", CompareOp::kGt},  {">=", CompareOp::kGe}};

}  // namespace

ExprPtr Parser::MakeExpr(ExprKind kind, uint32_t offset) const {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->offset = offset;
  return expr;
}

void Parser::NoteDepth(Expr* expr, const Expr* child) {
  if (child == nullptr) return;
  expr->depth = std::max(expr->depth, child->depth + 1);
  if (expr->depth > kMaxExpressionDepth) {
    FailAt(expr->offset, StatusCode::kResourceExhausted,
           StrCat("this expression nests deeper than ", kMaxExpressionDepth));
  }
}

void Parser::AddOperand(Expr* expr, ExprPtr operand) {
  NoteDepth(expr, operand.get());
  expr->operands.push_back(std::move(operand));
}

ExprPtr Parser::ParseExpression() {
  const Nesting nesting(this);
  const size_t n_unknown = unknown_.size();
  ExprPtr value = ParseOr();
  while (ok() && AtName("if")) {
    auto conditional = MakeExpr(ExprKind::kConditional, Next().offset);
    AddOperand(conditional.get(), ParseOr());
    AddOperand(conditional.get(), std::move(value));
    AddOperand(conditional.get(), TakeName("else") ? ParseExpression() : nullptr);
    value = std::move(conditional);
    unknown_.resize(n_unknown);
  }
  return value;
}

ExprPtr Parser::ParseTuple(bool allows_conditional, std::string_view ends_at) {
  auto tuple = MakeExpr(ExprKind::kTuple, Peek().offset);
  const auto at_end = [&] {
    return At(TokenKind::kVariableEnd) || At(TokenKind::kBlockEnd) || AtOperator(")") ||
           (!ends_at.empty() && AtName(ends_at));
  };
  bool has_comma = false;
  while (ok() && !(has_comma && at_end())) {
    AddOperand(tuple.get(), allows_conditional ? ParseExpression() : ParseOr());
    if (!TakeOperator(",")) break;
    has_comma = true;
  }
  return has_comma || !ok() ? std::move(tuple) : std::move(tuple->operands[0]);
}

ExprPtr Parser::ParseParenthesized() {
  const Nesting nesting(this);
  const uint32_t offset = Next().offset;
  ExprPtr value = AtOperator(")") ? MakeExpr(ExprKind::kTuple, offset) : ParseTuple(true);
  ExpectOperator(")");
  return value;
}

ExprPtr Parser::ParseOr() {
  ExprPtr first = ParseAnd();
  if (!AtName("or")) return first;
  auto any = MakeExpr(ExprKind::kOr, Peek().offset);
  AddOperand(any.get(), std::move(first));
  while (ok() && TakeName("or")) AddOperand(any.get(), ParseAnd());
  return any;
}

ExprPtr Parser::ParseAnd() {
  ExprPtr first = ParseNot();
  if (!AtName("and")) return first;
  auto all = MakeExpr(ExprKind::kAnd, Peek().offset);
  AddOperand(all.get(), std::move(first));
  while (ok() && TakeName("and")) AddOperand(all.get(), ParseNot());
  return all;
}

ExprPtr Parser::ParseNot() {
  if (!AtName("not")) return ParseCompare();
  const Nesting nesting(this);
  auto negation = MakeExpr(ExprKind::kNot, Next().offset);
  AddOperand(negation.get(), ParseNot());
  return negation;
}

ExprPtr Parser::ParseCompare() {
  ExprPtr first = ParseSum();
  auto compare = MakeExpr(ExprKind::kCompare, Peek().offset);
  while (ok()) {
    const auto* symbol = std::find_if(std::begin(kComparisons), std::end(kComparisons),
                                      [&](const Comparison& c) { return AtOperator(c.spelling); });
    if (symbol != std::end(kComparisons)) {
      Next();
      compare->compare_ops.push_back(symbol->op);
    } else if (TakeName("in")) {
      compare->compare_ops.push_back(CompareOp::kIn);
    } else if (AtName("not") && AtName("in", 1)) {
      Next(), Next();
      compare->compare_ops.push_back(CompareOp::kNotIn);
    } else {
      break;
    }
    if (first) AddOperand(compare.get(), std::move(first));
    AddOperand(compare.get(), ParseSum());
  }
  return first ? std::move(first) : std::move(compare);
}

ExprPtr Parser::ParseChain(ExprPtr (Parser::*operand)(), Operators operators) {
  ExprPtr first = (this->*operand)();
  auto chain = MakeExpr(ExprKind::kBinary, Peek().offset);
  while (ok()) {
    const auto* op = std::find_if(operators.begin(), operators.end(),
                                  [&](const auto& row) { return AtOperator(row.first); });
    if (op == operators.end()) break;
    Next();
    chain->binary_ops.push_back(op->second);
    if (first) AddOperand(chain.get(), std::move(first));
    AddOperand(chain.get(), (this->*operand)());
  }
  return first ? std::move(first) : std::move(chain);
}

ExprPtr Parser::ParseSum() {
  return ParseChain(&Parser::ParseConcat, {{"+", BinaryOp::kAdd}, {"-", BinaryOp::kSub}});
}

ExprPtr Parser::ParseConcat() {
  ExprPtr first = ParseProduct();
  if (!AtOperator("~")) return first;
  auto concat = MakeExpr(ExprKind::kConcat, Peek().offset);
  AddOperand(concat.get(), std::move(first));
  while (ok() && TakeOperator("~")) AddOperand(concat.get(), ParseProduct());
  return concat;
}

ExprPtr Parser::ParseProduct() {
  return ParseChain(&Parser::ParsePower, {{"*", BinaryOp::kMul},
                                          {"/", BinaryOp::kDiv},
                                          {"//", BinaryOp::kFloorDiv},
                                          {"%", BinaryOp::kMod}});
}

ExprPtr Parser::ParsePower() {
  ExprPtr first = ParseUnary(true);
  auto chain = MakeExpr(ExprKind::kBinary, Peek().offset);
  while (ok() && TakeOperator("**")) {
    chain->binary_ops.push_back(BinaryOp::kPow);
    if (first) AddOperand(chain.get(), std::move(first));
    AddOperand(chain.get(), ParseUnary(true));
  }
  return first ? std::move(first) : std::move(chain);
}

ExprPtr Parser::ParseUnary(bool allows_filters) {
  const Nesting nesting(this);
  ExprPtr value;
  if (AtOperator("-") || AtOperator("+")) {
    const ExprKind kind = AtOperator("-") ? ExprKind::kNegate : ExprKind::kPlus;
    value = MakeExpr(kind, Next().offset);
    AddOperand(value.get(), ParseUnary(false));
  } else {
    value = ParsePrimary();
  }
  value = ParsePostfix(std::move(value));
  return allows_filters ? ParseFiltersAndTests(std::move(value)) : std::move(value);
}

ExprPtr Parser::ParsePrimary() {
  const Token& token = Peek();
  auto constant = MakeExpr(ExprKind::kConstant, token.offset);
  switch (token.kind) {
    case TokenKind::kName: {
      const std::string name = Next().text;
      if (name == "true" || name == "True") {
        constant->constant = Value::Bool(true);
      } else if (name == "false" || name == "False") {
        constant->constant = Value::Bool(false);
      } else if (name == "none" || name == "None") {
        constant->constant = Value::None();
      } else {
        constant->kind = ExprKind::kName;
        constant->name_id = Intern(name);
        constant->name = name;
        for (MacroDefinition* macro : open_macros_) {
          macro->uses_caller |= constant->name_id == kNameCaller;
          macro->uses_kwargs |= constant->name_id == kNameKwargs;
          macro->uses_varargs |= constant->name_id == kNameVarargs;
        }
      }
      return constant;
    }
    case TokenKind::kString: {
      std::string text;
      while (At(TokenKind::kString)) text += Next().text;
      constant->constant = Value::Constant(std::move(text));
      return constant;
    }
    case TokenKind::kInteger:
      constant->constant = Value::Int(Next().integer);
      return constant;
    case TokenKind::kFloat:
      constant->constant = Value::Float(Next().number);
      return constant;
    default:
      break;
  }
  if (AtOperator("(")) return ParseParenthesized();
  if (AtOperator("[")) return ParseList();
  if (AtOperator("{")) return ParseDict();
  Fail("expected an expression, found ", Describe(Peek()));
  return constant;
}

ExprPtr Parser::ParseList() {
  const Nesting nesting(this);
  auto list = MakeExpr(ExprKind::kList, Next().offset);
  while (ok() && !AtOperator("]")) {
    AddOperand(list.get(), ParseExpression());
    if (!TakeOperator(",")) break;
  }
  ExpectOperator("]");
  return list;
}

ExprPtr Parser::ParseDict() {
  const Nesting nesting(this);
  auto dict = MakeExpr(ExprKind::kDict, Next().offset);
  while (ok() && !AtOperator("}")) {
    AddOperand(dict.get(), ParseExpression());
    ExpectOperator(":");
    AddOperand(dict.get(), ParseExpression());
    if (!TakeOperator(",")) break;
  }
  ExpectOperator("}");
  return dict;
}

ExprPtr Parser::ParsePostfix(ExprPtr value) {
  while (ok()) {
    if (AtOperator(".") || AtOperator("[")) {
      value = ParseSubscript(std::move(value));
    } else if (AtOperator("(")) {
      value = ParseCall(std::move(value));
    } else {
      break;
    }
  }
  return value;
}

ExprPtr Parser::ParseSubscript(ExprPtr value) {
  const Nesting nesting(this);
  const Token& open = Next();
  auto item = MakeExpr(ExprKind::kItem, open.offset);
  AddOperand(item.get(), std::move(value));
  if (open.text == ".") {
    if (At(TokenKind::kInteger)) {
      AddOperand(item.get(), ParsePrimary());
    } else {
      item->kind = ExprKind::kAttribute;
      item->name = TakeIdentifier("the name of an attribute");
    }
    return item;
  }
  if (!AtOperator(":")) AddOperand(item.get(), ParseExpression());
  if (AtOperator(":")) {
    item->kind = ExprKind::kSlice;
    item->operands.resize(2);  // object, start (null if omitted)
    while (ok() && item->operands.size() < 4 && TakeOperator(":")) {
      const bool omitted = AtOperator(":") || AtOperator("]");
      AddOperand(item.get(), omitted ? nullptr : ParseExpression());
    }
    item->operands.resize(4);
  } else if (AtOperator(",")) {
    auto tuple = MakeExpr(ExprKind::kTuple, open.offset);
    AddOperand(tuple.get(), std::move(item->operands[1]));
    while (ok() && TakeOperator(",") && !AtOperator("]")) {
      AddOperand(tuple.get(), ParseExpression());
    }
    item->operands.resize(1);
    AddOperand(item.get(), std::move(tuple));
  }
  ExpectOperator("]");
  return item;
}

ExprPtr Parser::ParseFiltersAndTests(ExprPtr value) {
  while (ok()) {
    if (AtOperator("|")) {
      value = ParseFilters(std::move(value), false);
    } else if (AtName("is")) {
      value = ParseTest(std::move(value));
    } else if (AtOperator("(")) {
      value = ParseCall(std::move(value));
    } else {
      break;
    }
  }
  return value;
}

ExprPtr Parser::ParseFilters(ExprPtr value, bool starts_with_name) {
  while (ok() && (starts_with_name || TakeOperator("|"))) {
    starts_with_name = false;
    auto filter = MakeExpr(ExprKind::kFilter, Peek().offset);
    filter->name = TakeIdentifier("the name of a filter");
    while (TakeOperator(".")) filter->name += "." + TakeIdentifier("the name of a filter");
    filter->builtin = FindFilter(filter->name);
    if (filter->builtin == nullptr) unknown_.push_back({filter->offset, filter->name, true});
    AddOperand(filter.get(), std::move(value));
    if (AtOperator("(")) filter->arguments = ParseArguments();
    for (const Argument& argument : filter->arguments) {
      NoteDepth(filter.get(), argument.value.get());
    }
    value = std::move(filter);
  }
  return value;
}

ExprPtr Parser::ParseTest(ExprPtr value) {
  const Nesting nesting(this);
  const uint32_t offset = Next().offset;
  const bool negated = TakeName("not");
  auto test = MakeExpr(ExprKind::kTest, Peek().offset);
  test->name = TakeIdentifier("the name of a test");
  while (TakeOperator(".")) test->name += "." + TakeIdentifier("the name of a test");
  test->builtin = FindTest(test->name);
  if (test->builtin == nullptr) unknown_.push_back({test->offset, test->name, false});
  AddOperand(test.get(), std::move(value));
  const bool has_operand =
      At(TokenKind::kString) || At(TokenKind::kInteger) || At(TokenKind::kFloat) ||
      AtOperator("[") || AtOperator("{") ||
      (At(TokenKind::kName) && !AtName("else") && !AtName("or") && !AtName("and"));
  if (AtOperator("(")) {
    test->arguments = ParseArguments();
  } else if (has_operand) {
    if (AtName("is")) Fail("tests cannot be chained with 'is'");
    Argument argument;
    argument.value = ParsePostfix(ParsePrimary());
    test->arguments.push_back(std::move(argument));
  }
  for (const Argument& argument : test->arguments) NoteDepth(test.get(), argument.value.get());
  if (!negated) return test;
  auto negation = MakeExpr(ExprKind::kNot, offset);
  AddOperand(negation.get(), std::move(test));
  return negation;
}

ExprPtr Parser::ParseCall(ExprPtr callee) {
  auto call = MakeExpr(ExprKind::kCall, Peek().offset);
  AddOperand(call.get(), std::move(callee));
  call->arguments = ParseArguments();
  for (const Argument& argument : call->arguments) NoteDepth(call.get(), argument.value.get());
  return call;
}

std::vector<Argument> Parser::ParseArguments() {
  const Nesting nesting(this);
  std::vector<Argument> arguments;
  ExpectOperator("(");
  while (ok() && !AtOperator(")")) {
    if (!arguments.empty()) {
      ExpectOperator(",");
      if (AtOperator(")")) break;  // a trailing comma
    }
    Argument argument;
    if (TakeOperator("*")) {
      argument.kind = Argument::Kind::kSpreadList;
    } else if (TakeOperator("**")) {
      argument.kind = Argument::Kind::kSpreadDict;
    } else if (At(TokenKind::kName) && AtOperator("=", 1)) {
      argument.kind = Argument::Kind::kNamed;
      argument.name = Next().text;
      Next();
    }
    CheckArgumentOrder(arguments, argument);
    argument.value = ParseExpression();
    arguments.push_back(std::move(argument));
  }
  ExpectOperator(")");
  return arguments;
}

void Parser::CheckArgumentOrder(const std::vector<Argument>& arguments, const Argument& next) {
  using Kind = Argument::Kind;
  if (arguments.size() >= kMaxArguments) Fail("more than ", kMaxArguments, " arguments");
  bool named = false, list = false, dict = false;
  for (const Argument& argument : arguments) {
    named |= argument.kind == Kind::kNamed;
    list |= argument.kind == Kind::kSpreadList;
    dict |= argument.kind == Kind::kSpreadDict;
  }
  const bool fits = next.kind == Kind::kPositional   ? !named && !list && !dict
                    : next.kind == Kind::kSpreadList ? !list && !dict
                                                     : !dict;
  if (!fits) Fail("arguments are out of order: positional, named, *list, **dict is expected");
  for (const Argument& argument : arguments) {
    if (next.kind == Kind::kNamed && argument.kind == Kind::kNamed && argument.name == next.name) {
      Fail("argument '", Shortened(next.name), "' is given twice");
    }
  }
}

}  // namespace autoglm::jinja
