// autoglm compress evaluate: models side by side.
#include "compress/evaluate.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/autoglm/calibration_options.h"
#include "apps/autoglm/command.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "apps/autoglm/progress.h"

namespace autoglm {
namespace {

nlohmann::ordered_json ToJson(const ModelReport& report) {
  nlohmann::ordered_json json = {{"model", report.path},
                                 {"n_parameters", report.n_parameters},
                                 {"file_bytes", report.file_bytes}};
  if (report.text) {
    const PerplexityResult& perplexity = report.text->perplexity;
    json["perplexity"] = perplexity.perplexity;
    json["standard_error"] = perplexity.standard_error;
    json["n_scored"] = perplexity.n_scored;
    if (const Divergence& divergence = report.text->divergence; divergence.n_scored > 0) {
      json["kl_mean"] = divergence.mean;
      json["kl_p99"] = divergence.p99;
      json["top1_agreement"] = divergence.top1_agreement;
    }
  }
  if (report.n_tasks > 0) {
    json["n_tasks"] = report.n_tasks;
    json["n_exact"] = report.n_exact;
    json["exact_match"] = static_cast<double>(report.n_exact) / report.n_tasks;
  }
  json["latency_ms"] = report.latency_ms;
  json["latency_p95_ms"] = report.latency_p95_ms;
  json["peak_bytes"] = report.peak_bytes;
  return json;
}

class EvaluateCommand final : public Command {
 public:
  void Declare(CLI::App* app) override {
    app->add_option("models", models_, "GGUF files or Hugging Face folders")
        ->type_name("MODEL")
        ->required();
    text_.Declare(app, "-f,--file");
    app->add_option("--reference", options_.reference,
                    "the model whose predictions are the measure")
        ->type_name("MODEL");
    app->add_option("--tasks", tasks_, R"(lines {"prompt": TEXT, "answer": TEXT})")
        ->type_name("FILE");
    app->add_option("--grammar", grammar_, "what answers must match: a file, or a built-in one")
        ->type_name("GRAMMAR");
    app->add_option("-n,--max-tokens", options_.max_tokens, "tokens of an answer")
        ->type_name("N")
        ->capture_default_str()
        ->check(WholeBetween(1, 1 << 20));
    app->add_flag("--raw", options_.raw, "continue the prompts, without a chat template");
    AddThreadsOption(app, &n_threads_);
    AddJsonOption(app, &json_);
  }

  Status Check() override {
    if (text_.file.empty() && tasks_.empty()) {
      return Error(StatusCode::kInvalidArgument, "nothing to evaluate: pass -f FILE (a text), ",
                   "--tasks FILE, or both");
    }
    if (!options_.reference.empty() && text_.file.empty()) {
      return Error(StatusCode::kInvalidArgument, "--reference needs a text (-f FILE)");
    }
    return OkStatus();
  }

  Status Run() override {
    if (!text_.file.empty()) {
      AUTOGLM_ASSIGN_OR_RETURN(options_.text, text_.Read());
    }
    if (!tasks_.empty()) {
      AUTOGLM_ASSIGN_OR_RETURN(const std::string lines, ReadInput(tasks_));
      AUTOGLM_RETURN_IF_ERROR(CheckText(lines, tasks_));
      AUTOGLM_ASSIGN_OR_RETURN(options_.tasks, ParseTasks(lines, tasks_));
    }
    AUTOGLM_ASSIGN_OR_RETURN(options_.grammar, ReadGrammar(grammar_));
    options_.n_threads = NumThreads(n_threads_);
    ProgressBar bar("evaluating");
    options_.progress = [&](const char*, int64_t done, int64_t total) {
      bar.Update(done, total);
      return true;
    };
    std::vector<ModelReport> reports;
    for (const std::string& model : models_) {
      AUTOGLM_ASSIGN_OR_RETURN(ModelReport report, Evaluate(model, options_));
      reports.push_back(std::move(report));
    }
    bar.Clear();
    if (!json_) return Print(FormatReports(reports)), OkStatus();
    nlohmann::ordered_json json = {{"n_threads", options_.n_threads}};
    if (!options_.reference.empty()) json["reference"] = options_.reference;
    for (const ModelReport& report : reports) json["models"].push_back(ToJson(report));
    PrintJson(json);
    return OkStatus();
  }

 private:
  std::vector<std::string> models_;
  CalibrationOptions text_;
  std::string tasks_;
  std::string grammar_;
  int n_threads_ = 0;
  bool json_ = false;
  EvaluateOptions options_;
};

}  // namespace

std::unique_ptr<Command> NewEvaluateCommand() { return std::make_unique<EvaluateCommand>(); }

}  // namespace autoglm
