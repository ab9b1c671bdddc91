// Parses template source into a Program: a recursive descent over the grammar of Jinja 3.1.
// Statements are in parser.cc, expressions in expression_parser.cc.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/status.h"
#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

namespace autoglm::jinja {

/// kInvalidArgument with line and column where the source is wrong, kUnimplemented for import,
/// include and extends, kResourceExhausted beyond the bounds on size and nesting.
Result<Program> ParseTemplate(std::string_view source);

/// An error is latched: the parser then sees only the end of the template and runs out.
class Parser {
 public:
  explicit Parser(std::string source) { program_.source = std::move(source); }
  Result<Program> Run();

 private:
  // ---- Tokens ----
  const Token& Peek(size_t ahead = 0) const;
  const Token& Next();
  bool At(TokenKind kind) const { return Peek().kind == kind; }
  bool AtOperator(std::string_view op, size_t ahead = 0) const;
  bool AtName(std::string_view name, size_t ahead = 0) const;
  bool TakeOperator(std::string_view op);
  bool TakeName(std::string_view name);
  void ExpectOperator(std::string_view op);
  void ExpectName(std::string_view name);
  void Expect(TokenKind kind, std::string_view what);
  std::string TakeIdentifier(std::string_view what);
  template <typename... Parts>
  void Fail(const Parts&... parts) {
    FailAt(Peek().offset, StatusCode::kInvalidArgument, StrCat(parts...));
  }
  void FailAt(uint32_t offset, StatusCode code, std::string_view message);
  bool ok() const { return error_.ok(); }

  // Counts nested rules, which bounds the stack.
  class Nesting {
   public:
    explicit Nesting(Parser* parser);
    ~Nesting() { --parser_->nesting_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    Parser* parser_;
  };

  NameId Intern(const std::string& name);

  // ---- Statements ----
  using StmtPtr = std::unique_ptr<Stmt>;
  // Up to a tag that begins with one of `ends`, which is left as the current token.
  Body ParseBody(std::initializer_list<std::string_view> ends);
  // The rest of an opening tag, the body, and the whole closing tag.
  Body ParseBlock(std::string_view end);
  StmtPtr ParseStatement();
  void ParseFor(Stmt* stmt);
  void ParseIf(Stmt* stmt);
  void ParseSet(Stmt* stmt);
  void ParseMacro(Stmt* stmt);
  void ParseCallBlock(Stmt* stmt);
  void ParseFilterBlock(Stmt* stmt);
  void ParseWith(Stmt* stmt);
  void ParsePrint(Stmt* stmt);
  void ParseDo(Stmt* stmt);
  void ParseNamedBlock(Stmt* stmt);
  void ParseGeneration(Stmt* stmt);
  void ParseAutoescape(Stmt* stmt);
  void ParseLoopControl(Stmt* stmt);
  void RefuseOtherTemplates(Stmt* stmt);
  void ParseParameters(MacroDefinition* macro);
  // The body of a macro or call block: notes which special names it mentions.
  void ParseMacroBody(MacroDefinition* macro, std::string_view end);
  Target ParseTarget(bool allows_attributes);
  Target ParseSingleTarget(bool allows_attributes);
  bool AtTargetEnd() const;

  // ---- Expressions ----
  ExprPtr ParseExpression();
  // Expressions separated by commas make a tuple; `ends_at` is a name that may follow.
  ExprPtr ParseTuple(bool allows_conditional, std::string_view ends_at = "");
  ExprPtr ParseParenthesized();
  ExprPtr ParseOr();
  ExprPtr ParseAnd();
  ExprPtr ParseNot();
  ExprPtr ParseCompare();
  ExprPtr ParseSum();
  ExprPtr ParseConcat();
  ExprPtr ParseProduct();
  ExprPtr ParsePower();
  ExprPtr ParseUnary(bool allows_filters);
  ExprPtr ParsePrimary();
  ExprPtr ParseList();
  ExprPtr ParseDict();
  ExprPtr ParsePostfix(ExprPtr value);
  ExprPtr ParseSubscript(ExprPtr value);
  ExprPtr ParseFiltersAndTests(ExprPtr value);
  ExprPtr ParseFilters(ExprPtr value, bool starts_with_name);
  ExprPtr ParseTest(ExprPtr value);
  ExprPtr ParseCall(ExprPtr callee);
  std::vector<Argument> ParseArguments();
  void CheckArgumentOrder(const std::vector<Argument>& arguments, const Argument& next);
  using Operators = std::initializer_list<std::pair<std::string_view, BinaryOp>>;
  // operand (op operand)*, joined left to right.
  ExprPtr ParseChain(ExprPtr (Parser::*operand)(), Operators operators);
  ExprPtr MakeExpr(ExprKind kind, uint32_t offset) const;
  // Appends an operand and keeps `depth` right.
  void AddOperand(Expr* expr, ExprPtr operand);
  void NoteDepth(Expr* expr, const Expr* child);

  Program program_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  Status error_;
  int nesting_ = 0;
  int loop_nesting_ = 0;  // loops that break and continue can reach
  // Filters and tests that do not exist: an error, unless they turn out to stand in an if or a
  // conditional expression, where they only fail when reached (as in Jinja).
  struct Unknown {
    uint32_t offset;
    std::string name;
    bool is_filter;
  };
  std::vector<Unknown> unknown_;
  std::vector<MacroDefinition*> open_macros_;
  std::unordered_map<std::string, NameId> name_ids_;
};

}  // namespace autoglm::jinja
