// autoglm grammar check: which texts match a grammar, and where those that do not go wrong.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/autoglm/command.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "base/str.h"
#include "sampling/grammar/builtin.h"
#include "sampling/grammar/grammar.h"
#include "sampling/grammar/json_schema.h"

namespace autoglm {
namespace {

struct Verdict {
  bool valid = false;
  size_t position = 0;  ///< of the first wrong byte; the text's length where it ends too soon
  std::string message;
};

class GrammarCommand final : public Command {
 public:
  void Declare(CLI::App* app) override {
    app->add_option("action", action_, "check")->required()->check(OneOf({"check"}));
    app->add_option("arguments", arguments_,
                    "GRAMMAR (a GBNF file, or a built-in grammar: autoglm, json, phone_actions) "
                    "and the texts to "
                    "check; with --json-schema only the texts (-: stdin)")
        ->type_name("[GRAMMAR] FILE");
    app->add_option("--json-schema", schema_, "check JSON texts against a JSON Schema")
        ->type_name("SCHEMA");
    app->add_flag("--print", print_, "print the grammar's rules instead of checking texts");
    AddJsonOption(app, &json_);
  }

  Status Check() override {
    const bool has_schema = !schema_.empty();
    if (!has_schema && !arguments_.empty()) {
      grammar_ = arguments_[0];
      arguments_.erase(arguments_.begin());
    }
    if ((has_schema || !grammar_.empty()) && arguments_.empty() == print_) return OkStatus();
    return Error(StatusCode::kInvalidArgument,
                 "expected GRAMMAR or --json-schema SCHEMA, and at least one FILE to check (or "
                 "--print)");
  }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const std::string gbnf, ReadGbnf());
    auto compiled = Grammar::Compile({.gbnf = gbnf}, nullptr);
    if (!compiled.ok()) return compiled.status().WithContext(Source());
    const std::shared_ptr<const Grammar> grammar = *compiled;
    if (print_) return Print(gbnf), OkStatus();
    nlohmann::ordered_json results = nlohmann::ordered_json::array();
    size_t n_wrong = 0;
    for (const std::string& file : arguments_) {
      AUTOGLM_ASSIGN_OR_RETURN(const std::string text, ReadInput(file));
      const Verdict verdict = CheckText(grammar, text);
      n_wrong += !verdict.valid;
      if (json_) {
        nlohmann::ordered_json result = {{"file", file}, {"valid", verdict.valid}};
        if (!verdict.valid) result["position"] = verdict.position;
        if (!verdict.valid) result["message"] = verdict.message;
        results.push_back(std::move(result));
      } else {
        Print(StrCat(file, verdict.valid ? ": valid" : ": not valid: ", verdict.message, "\n"));
      }
    }
    if (json_) PrintJson({{"files", std::move(results)}});
    if (n_wrong == 0) return OkStatus();
    return Error(StatusCode::kInvalidArgument, n_wrong, " of ", arguments_.size(),
                 arguments_.size() == 1 ? " text is not valid" : " texts are not valid");
  }

 private:
  const std::string& Source() const { return schema_.empty() ? grammar_ : schema_; }

  Result<std::string> ReadGbnf() const {
    Result<std::string> gbnf = std::string();
    if (schema_.empty()) {
      AUTOGLM_ASSIGN_OR_RETURN(const std::string text, ReadGrammar(grammar_));
      gbnf = ResolveGrammar(text);
    } else {
      AUTOGLM_ASSIGN_OR_RETURN(const std::string text, ReadInput(schema_));
      gbnf = JsonSchemaToGbnf(text, print_ ? JsonForm::kWritten : JsonForm::kRead);
    }
    return gbnf.ok() ? gbnf : gbnf.status().WithContext(Source());
  }

  static Verdict CheckText(const std::shared_ptr<const Grammar>& grammar, const std::string& text) {
    GrammarMatcher matcher(grammar);
    Verdict verdict;
    verdict.position = matcher.AcceptText(text);
    if (verdict.position < text.size()) {
      verdict.message = StrCat("byte ", verdict.position, Place(text, verdict.position), ": '",
                               Quoted(std::string_view(text).substr(verdict.position, 16)),
                               "' may not come here");
    } else if (!matcher.CanEnd()) {
      verdict.message = StrCat("byte ", verdict.position, Place(text, verdict.position),
                               ": the text ends too soon");
    } else {
      verdict.valid = true;
    }
    return verdict;
  }

  static std::string Place(const std::string& text, size_t position) {
    const std::string_view before = std::string_view(text).substr(0, position);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    return StrCat(" (line ", line, ", column ", position - (before.rfind('\n') + 1) + 1, ")");
  }

  std::string action_;
  std::vector<std::string> arguments_;
  std::string grammar_;
  std::string schema_;
  bool print_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> NewGrammarCommand() { return std::make_unique<GrammarCommand>(); }

}  // namespace autoglm
