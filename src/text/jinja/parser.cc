#include "text/jinja/parser.h"

#include <algorithm>

#include "text/jinja/builtins.h"
#include "text/jinja/strings.h"

namespace autoglm::jinja {

namespace {

constexpr size_t kMaxSourceBytes = 1u << 20;
constexpr int kMaxNesting = 200;

bool IsConstantName(std::string_view name) {
  static constexpr std::string_view kNames[] = {"true", "false", "none", "True", "False", "None"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

}  // namespace

Result<Program> ParseTemplate(std::string_view source) {
  if (source.size() > kMaxSourceBytes) {
    return Error(StatusCode::kResourceExhausted, "the chat template has ",
                 FormatBytes(source.size()), "; at most ", FormatBytes(kMaxSourceBytes),
                 " are supported");
  }
  return Parser(NormalizeSource(source)).Run();
}

Result<Program> Parser::Run() {
  AUTOGLM_ASSIGN_OR_RETURN(tokens_, Tokenize(program_.source));
  for (const char* name : {"loop", "caller", "kwargs", "varargs"}) Intern(name);
  program_.body = ParseBody({});
  if (!unknown_.empty()) {
    const Unknown& first = unknown_[0];
    FailAt(first.offset, StatusCode::kInvalidArgument,
           first.is_filter ? NoSuchFilter(first.name) : NoSuchTest(first.name));
  }
  if (!ok()) return error_;
  return std::move(program_);
}

// ---- Tokens ----

const Token& Parser::Peek(size_t ahead) const {
  return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
}

const Token& Parser::Next() {
  const Token& token = Peek();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool Parser::AtOperator(std::string_view op, size_t ahead) const {
  return Peek(ahead).kind == TokenKind::kOperator && Peek(ahead).text == op;
}

bool Parser::AtName(std::string_view name, size_t ahead) const {
  return Peek(ahead).kind == TokenKind::kName && Peek(ahead).text == name;
}

bool Parser::TakeOperator(std::string_view op) {
  if (!AtOperator(op)) return false;
  Next();
  return true;
}

bool Parser::TakeName(std::string_view name) {
  if (!AtName(name)) return false;
  Next();
  return true;
}

void Parser::ExpectOperator(std::string_view op) {
  if (!TakeOperator(op)) Fail("expected '", op, "', found ", Describe(Peek()));
}

void Parser::ExpectName(std::string_view name) {
  if (!TakeName(name)) Fail("expected '", name, "', found ", Describe(Peek()));
}

void Parser::Expect(TokenKind kind, std::string_view what) {
  if (!At(kind)) return Fail("expected ", what, ", found ", Describe(Peek()));
  Next();
}

std::string Parser::TakeIdentifier(std::string_view what) {
  if (!At(TokenKind::kName)) {
    Fail("expected ", what, ", found ", Describe(Peek()));
    return "";
  }
  return Next().text;
}

void Parser::FailAt(uint32_t offset, StatusCode code, std::string_view message) {
  if (!ok()) return;
  error_ = ErrorAt(program_.source, offset, code, message);
  at_ = tokens_.size() - 1;
}

Parser::Nesting::Nesting(Parser* parser) : parser_(parser) {
  if (++parser_->nesting_ > kMaxNesting) {
    parser_->FailAt(parser_->Peek().offset, StatusCode::kResourceExhausted,
                    StrCat("the template nests deeper than ", kMaxNesting));
  }
}

NameId Parser::Intern(const std::string& name) {
  const auto [it, is_new] = name_ids_.emplace(name, static_cast<NameId>(program_.names.size()));
  if (is_new) program_.names.push_back(name);
  return it->second;
}

// ---- Statements ----

Body Parser::ParseBody(std::initializer_list<std::string_view> ends) {
  Body body;
  while (ok() && !At(TokenKind::kEnd)) {
    auto stmt = std::make_unique<Stmt>();
    stmt->offset = Peek().offset;
    if (At(TokenKind::kData)) {
      stmt->text = Next().text;
    } else if (At(TokenKind::kVariableBegin)) {
      Next();
      stmt->kind = StmtKind::kPrint;
      stmt->expr = ParseTuple(true);
      Expect(TokenKind::kVariableEnd, "'}}'");
    } else {
      Next();
      const auto at_end = [&](std::string_view end) { return AtName(end); };
      if (std::any_of(ends.begin(), ends.end(), at_end)) return body;
      stmt = ParseStatement();
      Expect(TokenKind::kBlockEnd, "'%}'");
    }
    body.push_back(std::move(stmt));
  }
  if (ok() && ends.size() > 0) {
    Fail("the template ends inside a block: expected '{% ", *(ends.end() - 1), " %}'");
  }
  return body;
}

Body Parser::ParseBlock(std::string_view end) {
  TakeOperator(":");  // tolerated after any opening tag
  Expect(TokenKind::kBlockEnd, "'%}'");
  Body body = ParseBody({end});
  ExpectName(end);
  return body;
}

Parser::StmtPtr Parser::ParseStatement() {
  const Nesting nesting(this);
  struct Row {
    std::string_view tag;
    StmtKind kind;
    void (Parser::*parse)(Stmt*);
  };
  static constexpr Row kRows[] = {
      {"for", StmtKind::kFor, &Parser::ParseFor},
      {"if", StmtKind::kIf, &Parser::ParseIf},
      {"set", StmtKind::kSet, &Parser::ParseSet},
      {"macro", StmtKind::kMacro, &Parser::ParseMacro},
      {"call", StmtKind::kCallBlock, &Parser::ParseCallBlock},
      {"filter", StmtKind::kFilterBlock, &Parser::ParseFilterBlock},
      {"with", StmtKind::kWith, &Parser::ParseWith},
      {"print", StmtKind::kScope, &Parser::ParsePrint},
      {"do", StmtKind::kDo, &Parser::ParseDo},
      {"block", StmtKind::kBlock, &Parser::ParseNamedBlock},
      {"generation", StmtKind::kScope, &Parser::ParseGeneration},
      {"autoescape", StmtKind::kScope, &Parser::ParseAutoescape},
      {"break", StmtKind::kBreak, &Parser::ParseLoopControl},
      {"continue", StmtKind::kContinue, &Parser::ParseLoopControl},
      {"extends", StmtKind::kData, &Parser::RefuseOtherTemplates},
      {"include", StmtKind::kData, &Parser::RefuseOtherTemplates},
      {"import", StmtKind::kData, &Parser::RefuseOtherTemplates},
      {"from", StmtKind::kData, &Parser::RefuseOtherTemplates},
  };
  auto stmt = std::make_unique<Stmt>();
  stmt->offset = Peek().offset;
  for (const Row& row : kRows) {
    if (!AtName(row.tag)) continue;
    stmt->kind = row.kind;
    if (row.parse != &Parser::RefuseOtherTemplates && row.parse != &Parser::ParseLoopControl) {
      Next();
    }
    (this->*row.parse)(stmt.get());
    return stmt;
  }
  Fail("unknown tag ", Describe(Peek()));
  return stmt;
}

void Parser::ParseFor(Stmt* stmt) {
  stmt->target = ParseTarget(/*allows_attributes=*/false);
  ExpectName("in");
  stmt->expr = ParseTuple(/*allows_conditional=*/false, "recursive");
  if (TakeName("if")) stmt->filter = ParseExpression();
  stmt->recursive = TakeName("recursive");
  TakeOperator(":");
  Expect(TokenKind::kBlockEnd, "'%}'");
  ++loop_nesting_;
  stmt->body = ParseBody({"else", "endfor"});
  --loop_nesting_;
  if (TakeName("else")) {
    stmt->else_body = ParseBlock("endfor");
  } else {
    ExpectName("endfor");
  }
}

void Parser::ParseIf(Stmt* stmt) {
  const size_t n_unknown = unknown_.size();
  while (ok()) {
    Branch branch;
    branch.condition = ParseTuple(/*allows_conditional=*/false);
    TakeOperator(":");
    Expect(TokenKind::kBlockEnd, "'%}'");
    branch.body = ParseBody({"elif", "else", "endif"});
    stmt->branches.push_back(std::move(branch));
    if (TakeName("elif")) continue;
    if (TakeName("else")) {
      stmt->else_body = ParseBlock("endif");
    } else {
      ExpectName("endif");
    }
    break;
  }
  unknown_.resize(n_unknown);
}

void Parser::ParseSet(Stmt* stmt) {
  stmt->target = ParseTarget(/*allows_attributes=*/true);
  if (TakeOperator("=")) {
    stmt->expr = ParseTuple(true);
    return;
  }
  stmt->kind = StmtKind::kSetBlock;
  if (AtOperator("|")) stmt->expr = ParseFilters(nullptr, false);
  stmt->body = ParseBlock("endset");
}

void Parser::ParseMacro(Stmt* stmt) {
  stmt->target.offset = Peek().offset;
  stmt->macro.name = TakeIdentifier("the name of the macro");
  stmt->target.name_id = Intern(stmt->macro.name);
  ParseParameters(&stmt->macro);
  ParseMacroBody(&stmt->macro, "endmacro");
}

void Parser::ParseCallBlock(Stmt* stmt) {
  if (AtOperator("(")) ParseParameters(&stmt->macro);
  const uint32_t offset = Peek().offset;
  stmt->expr = ParseExpression();
  if (ok() && stmt->expr->kind != ExprKind::kCall) {
    FailAt(offset, StatusCode::kInvalidArgument, "expected a call of a macro");
  }
  ParseMacroBody(&stmt->macro, "endcall");
}

void Parser::ParseParameters(MacroDefinition* macro) {
  ExpectOperator("(");
  while (ok() && !AtOperator(")")) {
    if (!macro->parameters.empty()) ExpectOperator(",");
    Parameter parameter;
    if (ok() && IsConstantName(Peek().text)) Fail("cannot assign to ", Describe(Peek()));
    parameter.name = TakeIdentifier("the name of a parameter");
    parameter.name_id = Intern(parameter.name);
    if (TakeOperator("=")) {
      parameter.default_value = ParseExpression();
    } else if (!macro->parameters.empty() && macro->parameters.back().default_value) {
      Fail("parameter '", Shortened(parameter.name), "' without a default follows one with");
    }
    if (parameter.name == "caller" && !parameter.default_value) {
      Fail("the parameter 'caller' needs a default");
    }
    macro->parameters.push_back(std::move(parameter));
  }
  ExpectOperator(")");
}

void Parser::ParseMacroBody(MacroDefinition* macro, std::string_view end) {
  open_macros_.push_back(macro);
  const int loop_nesting = std::exchange(loop_nesting_, 0);
  macro->body = ParseBlock(end);
  loop_nesting_ = loop_nesting;
  open_macros_.pop_back();
}

void Parser::ParseFilterBlock(Stmt* stmt) {
  stmt->expr = ParseFilters(nullptr, /*starts_with_name=*/true);
  stmt->body = ParseBlock("endfilter");
}

void Parser::ParseWith(Stmt* stmt) {
  while (ok() && !At(TokenKind::kBlockEnd) && !AtOperator(":")) {
    if (!stmt->bindings.empty()) ExpectOperator(",");
    Binding binding;
    binding.target = ParseTarget(/*allows_attributes=*/false);
    ExpectOperator("=");
    binding.value = ParseExpression();
    stmt->bindings.push_back(std::move(binding));
  }
  stmt->body = ParseBlock("endwith");
}

// {% print a, b %} is a scope of print statements.
void Parser::ParsePrint(Stmt* stmt) {
  while (ok() && !At(TokenKind::kBlockEnd)) {
    if (!stmt->body.empty()) ExpectOperator(",");
    auto print = std::make_unique<Stmt>();
    print->kind = StmtKind::kPrint;
    print->offset = Peek().offset;
    print->expr = ParseExpression();
    stmt->body.push_back(std::move(print));
  }
}

void Parser::ParseDo(Stmt* stmt) { stmt->expr = ParseTuple(true); }

void Parser::ParseNamedBlock(Stmt* stmt) {
  const std::string name = TakeIdentifier("the name of the block");
  if (TakeName("scoped")) stmt->kind = StmtKind::kScope;
  if (AtName("required")) Fail("required blocks need template inheritance, which is refused");
  const int loop_nesting = std::exchange(loop_nesting_, 0);
  stmt->body = ParseBlock("endblock");
  loop_nesting_ = loop_nesting;
  TakeName(name);
}

// Marks what the assistant wrote; only training masks use it.
void Parser::ParseGeneration(Stmt* stmt) { stmt->body = ParseBlock("endgeneration"); }

void Parser::ParseAutoescape(Stmt* stmt) {
  const uint32_t offset = Peek().offset;
  const ExprPtr mode = ParseExpression();
  if (ok() && !(mode->kind == ExprKind::kConstant && !mode->constant.truthy())) {
    FailAt(offset, StatusCode::kUnimplemented, "autoescape can only be false");
  }
  stmt->body = ParseBlock("endautoescape");
}

void Parser::ParseLoopControl(Stmt*) {
  if (loop_nesting_ == 0) return Fail("'", Peek().text, "' outside a loop");
  Next();
}

void Parser::RefuseOtherTemplates(Stmt*) {
  FailAt(Peek().offset, StatusCode::kUnimplemented,
         StrCat("'", Peek().text, "' is not supported: a chat template stands alone"));
}

// ---- Targets ----

bool Parser::AtTargetEnd() const {
  return At(TokenKind::kBlockEnd) || AtOperator(")") || AtOperator("=") || AtName("in");
}

Target Parser::ParseTarget(bool allows_attributes) {
  Target tuple;
  tuple.kind = Target::Kind::kTuple;
  tuple.offset = Peek().offset;
  bool has_comma = false;
  while (ok() && !(has_comma && AtTargetEnd())) {
    tuple.items.push_back(ParseSingleTarget(allows_attributes));
    if (!TakeOperator(",")) break;
    has_comma = true;
  }
  if (!has_comma && tuple.items.size() == 1) {
    Target single = std::move(tuple.items[0]);
    return single;
  }
  return tuple;
}

Target Parser::ParseSingleTarget(bool allows_attributes) {
  const Nesting nesting(this);
  Target target;
  target.offset = Peek().offset;
  if (TakeOperator("(")) {
    target = ParseTarget(allows_attributes);
    ExpectOperator(")");
    return target;
  }
  if (ok() && (!At(TokenKind::kName) || IsConstantName(Peek().text))) {
    Fail("cannot assign to ", Describe(Peek()));
    return target;
  }
  target.name_id = Intern(TakeIdentifier("a name"));
  if (allows_attributes && TakeOperator(".")) {
    target.kind = Target::Kind::kAttribute;
    target.attribute = TakeIdentifier("the name of an attribute");
  }
  return target;
}

}  // namespace autoglm::jinja
