// autoglm logits: what a model says after each of the given tokens, as a NumPy file.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "apps/autoglm/command.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "apps/autoglm/progress.h"
#include "apps/autoglm/session_source.h"
#include "platform/file.h"

namespace autoglm {
namespace {

// The NPY format, version 1.0 (numpy.lib.format): magic, header length, a Python dict padded so
// that data begins on a multiple of 64 bytes.
std::string NpyHeader(int64_t rows, int64_t cols) {
  std::string dict =
      StrCat("{'descr': '<f4', 'fortran_order': False, 'shape': (", rows, ", ", cols, "), }");
  constexpr size_t kFixed = 10;
  dict.append(63 - (kFixed + dict.size()) % 64, ' ');
  dict += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dict.size() & 0xFF);
  header += static_cast<char>(dict.size() >> 8);
  return header + dict;
}

class LogitsCommand final : public Command {
 public:
  void Declare(CLI::App* app) override {
    options_.Declare(app);
    app->add_option("--tokens", tokens_, "token ids, as 1,2,3")->required()->type_name("IDS");
    app->add_option("--out", out_, "float32 [n_tokens, vocab_size], NumPy's .npy")
        ->required()
        ->type_name("FILE");
    AddJsonOption(app, &json_);
  }

  Status Check() override {
    AUTOGLM_ASSIGN_OR_RETURN(ids_, ParseTokenIds({tokens_}));
    if (ids_.empty()) return Error(StatusCode::kInvalidArgument, "--tokens holds no token id");
    return FindModel(options_.model).status();
  }

  Status Run() override {
    const int n = static_cast<int>(ids_.size());
    AUTOGLM_ASSIGN_OR_RETURN(const std::unique_ptr<LoadedModel> loaded,
                             OpenLoadedModel(options_, std::max({n, options_.n_ctx, 2})));
    const int vocab_size = loaded->model->config().vocab_size;
    AUTOGLM_ASSIGN_OR_RETURN(FileWriter file, FileWriter::Create(out_));
    AUTOGLM_RETURN_IF_ERROR(file.Write(NpyHeader(n, vocab_size)));
    {
      ProgressBar bar("computing");
      AUTOGLM_RETURN_IF_ERROR(
          loaded->engine->ForEachLogits(ids_, 0, [&](int position, const Tensor& logits) {
            bar.Update(position, n);
            return file.Write(
                std::span<const std::byte>(logits.data, static_cast<size_t>(logits.n_bytes())));
          }));
    }
    AUTOGLM_RETURN_IF_ERROR(file.Commit());
    if (json_) PrintJson({{"file", out_}, {"n_tokens", n}, {"vocab_size", vocab_size}});
    return OkStatus();
  }

 private:
  ModelOptions options_;
  std::string tokens_;
  std::string out_;
  bool json_ = false;
  std::vector<int32_t> ids_;
};

}  // namespace

std::unique_ptr<Command> NewLogitsCommand() { return std::make_unique<LogitsCommand>(); }

}  // namespace autoglm
