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
                    "GRAMMAR (a GBNF file, or a built-in grammar: autoglm, json) and the texts to "
                    "check; with --json-schema only the texts (-: stdin)")
        ->type_name("[GRAMMAR] FILE");
    AddJsonOption(app, &json_);
  }

  Status Check() override {
    if (arguments_.size() >= 2) return OkStatus();
    return Error(StatusCode::kInvalidArgument, "expected GRAMMAR and at least one FILE to check");
  }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const std::shared_ptr<const Grammar> grammar, Compile());
    nlohmann::ordered_json results = nlohmann::ordered_json::array();
    size_t n_wrong = 0;
    for (const std::string& file : files_) {
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
    return Error(StatusCode::kInvalidArgument, n_wrong, " of ", files_.size(),
                 files_.size() == 1 ? " text is not valid" : " texts are not valid");
  }

 private:
  Result<std::shared_ptr<const Grammar>> Compile() {
    files_.assign(arguments_.begin() + 1, arguments_.end());
    AUTOGLM_ASSIGN_OR_RETURN(const std::string source, ReadGrammar(arguments_[0]));
    auto gbnf = ResolveGrammar(source);
    if (!gbnf.ok()) return gbnf.status().WithContext(arguments_[0]);
    auto grammar = Grammar::Compile({.gbnf = *gbnf}, nullptr);
    if (!grammar.ok()) return grammar.status().WithContext(arguments_[0]);
    return grammar;
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
  std::vector<std::string> files_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> NewGrammarCommand() { return std::make_unique<GrammarCommand>(); }

}  // namespace autoglm
