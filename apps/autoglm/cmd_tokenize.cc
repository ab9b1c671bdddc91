// autoglm tokenize: text to ids.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/autoglm/command.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "apps/autoglm/tokenizer_source.h"
#include "base/str.h"

namespace autoglm {
namespace {

class TokenizeCommand : public Command {
 public:
  void Declare(CLI::App* app) override {
    AddModelOption(app, &model_);
    text_.Declare(app, /*with_prompt=*/false);
    app->add_flag("--no-special", no_special_, "do not add what the model wants around a prompt");
    app->add_flag("--parse-special", parse_special_, "recognize special tokens in the text");
    AddJsonOption(app, &json_);
  }

  Status Check() override {
    AUTOGLM_RETURN_IF_ERROR(FindModel(model_).status());
    return text_.Check();
  }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const std::string model, FindModel(model_));
    AUTOGLM_ASSIGN_OR_RETURN(const TokenizerSource source, OpenTokenizer(model));
    AUTOGLM_ASSIGN_OR_RETURN(const std::string text, text_.Read());
    const std::vector<int32_t> ids = source.tokenizer->Encode(
        text, {.add_special = !no_special_, .parse_special = parse_special_});
    if (json_) {
      PrintJson({{"tokens", ids}, {"n_tokens", ids.size()}});
      return OkStatus();
    }
    std::string line = "[";
    for (size_t i = 0; i < ids.size(); ++i) StrAppend(&line, i == 0 ? "" : ", ", ids[i]);
    Print(line + "]\n");
    return OkStatus();
  }

 private:
  std::string model_;
  TextOptions text_;
  bool no_special_ = false;
  bool parse_special_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> NewTokenizeCommand() { return std::make_unique<TokenizeCommand>(); }

}  // namespace autoglm
