// autoglm detokenize: ids to text.
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

class DetokenizeCommand : public Command {
 public:
  void Declare(CLI::App* app) override {
    AddModelOption(app, &model_);
    app->add_option("ids", ids_, "token ids: 1,2,3 or [1, 2, 3]")->type_name("IDS")->required();
    app->add_flag("--keep-special", keep_special_, "show control tokens by their names");
    AddJsonOption(app, &json_);
  }

  Status Check() override {
    AUTOGLM_RETURN_IF_ERROR(FindModel(model_).status());
    return ParseTokenIds(ids_).status();
  }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const std::string model, FindModel(model_));
    AUTOGLM_ASSIGN_OR_RETURN(const TokenizerSource source, OpenTokenizer(model));
    AUTOGLM_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, ParseTokenIds(ids_));
    for (int32_t id : ids) {
      if (id >= source.tokenizer->vocab_size()) {
        return Error(StatusCode::kOutOfRange, "token id ", id, " is not in the vocabulary of ",
                     source.tokenizer->vocab_size());
      }
    }
    const std::string text = source.tokenizer->Decode(ids, keep_special_);
    if (json_) {
      PrintJson({{"text", text}});
    } else {
      Print(text);
    }
    return OkStatus();
  }

 private:
  std::string model_;
  std::vector<std::string> ids_;
  bool keep_special_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> NewDetokenizeCommand() { return std::make_unique<DetokenizeCommand>(); }

}  // namespace autoglm
