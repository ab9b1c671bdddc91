// autoglm perplexity: how well a model predicts a text.
#include "engine/perplexity.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/autoglm/command.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "apps/autoglm/progress.h"
#include "apps/autoglm/session_source.h"

namespace autoglm {
namespace {

constexpr int kDefaultChunk = 512;

class PerplexityCommand final : public Command {
 public:
  void Declare(CLI::App* app) override {
    options_.Declare(app);
    text_.Declare(app, /*with_prompt=*/false);
    app->add_option("--chunks", max_chunks_, "score the first N chunks of --ctx tokens only")
        ->type_name("N")
        ->check(WholeBetween(1, 1 << 24));
    AddJsonOption(app, &json_);
  }

  Status Check() override {
    AUTOGLM_RETURN_IF_ERROR(text_.Check());
    return FindModel(options_.model).status();
  }

  Status Run() override {
    const int n_ctx = options_.n_ctx > 0 ? options_.n_ctx : kDefaultChunk;
    AUTOGLM_ASSIGN_OR_RETURN(const std::string text, text_.Read());
    AUTOGLM_ASSIGN_OR_RETURN(const std::unique_ptr<LoadedModel> loaded,
                             OpenLoadedModel(options_, n_ctx));
    AUTOGLM_RETURN_IF_ERROR(loaded->tokenizer_status);
    const Tokenizer& tokenizer = *loaded->tokenizer;
    std::vector<int32_t> tokens = tokenizer.Encode(text, {});
    if (max_chunks_ > 0 && static_cast<int64_t>(tokens.size()) / n_ctx > max_chunks_) {
      tokens.resize(static_cast<size_t>(max_chunks_) * n_ctx);
    }
    const int32_t bos = tokenizer.adds_bos() ? tokenizer.bos_id() : -1;
    ProgressBar bar("scoring");
    AUTOGLM_ASSIGN_OR_RETURN(const PerplexityResult result,
                             Perplexity(*loaded->engine, tokens, n_ctx, bos,
                                        [&](const PerplexityResult& so_far, int n_chunks) {
                                          bar.Update(so_far.n_chunks, n_chunks);
                                          return OkStatus();
                                        }));
    bar.Clear();
    if (json_) {
      PrintJson({{"perplexity", result.perplexity},
                 {"standard_error", result.standard_error},
                 {"n_tokens", tokens.size()},
                 {"n_scored", result.n_scored},
                 {"n_chunks", result.n_chunks},
                 {"n_ctx", n_ctx}});
    } else {
      Print(StrCat("perplexity ", result.perplexity, " +/- ", result.standard_error, " (",
                   result.n_chunks, " chunks of ", n_ctx, " tokens)\n"));
    }
    return OkStatus();
  }

 private:
  ModelOptions options_;
  TextOptions text_;
  int max_chunks_ = 0;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> NewPerplexityCommand() { return std::make_unique<PerplexityCommand>(); }

}  // namespace autoglm
