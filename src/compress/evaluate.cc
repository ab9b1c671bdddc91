#include "compress/evaluate.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "base/str.h"
#include "compress/table.h"
#include "platform/memory.h"
#include "session/loaded_model.h"

namespace autoglm {

namespace {

class Evaluator {
 public:
  Evaluator(const std::string& path, const EvaluateOptions& options)
      : path_(path), options_(options) {}

  Result<ModelReport> Run() {
    report_.path = path_;
    report_.file_bytes = ModelFileBytes(path_);
    AUTOGLM_RETURN_IF_ERROR(MeasureUse());
    if (options_.text) AUTOGLM_RETURN_IF_ERROR(MeasureText());
    return report_;
  }

 private:
  Status Report(const char* what, int64_t done, int64_t total) const {
    if (!options_.progress || options_.progress(what, done, total)) return OkStatus();
    return Error(StatusCode::kCancelled, "evaluating was cancelled");
  }

  // Memory, latency and answers: first, while no other model is in memory.
  Status MeasureUse() {
    ResetPeakRss();
    AutoGLMConfig config;
    config.set_n_threads(options_.n_threads);
    const auto session = AutoGLMSession::Create(config);
    AUTOGLM_RETURN_IF_ERROR(session->LoadModel(path_));
    AUTOGLM_ASSIGN_OR_RETURN(const ModelInfo info, session->Info());
    report_.n_parameters = info.n_parameters;
    AUTOGLM_RETURN_IF_ERROR(options_.tasks.empty() ? TimeText(*session) : Answer(*session, info));
    report_.peak_bytes = PeakRssBytes();
    return OkStatus();
  }

  // kLatencyPrompt tokens, each time others, so that none is known from before.
  Status TimeText(AutoGLMSession& session) {
    constexpr int kRepetitions = 3;
    AUTOGLM_ASSIGN_OR_RETURN(std::vector<int32_t> tokens, session.Tokenize(options_.text->text));
    GenerateOptions options;
    options.temperature = 0;
    options.ignore_eos = true;
    options.max_tokens = kLatencyAnswer;
    std::vector<double> times_ms;
    const int n = std::min(kLatencyPrompt, static_cast<int>(tokens.size()));
    for (int i = 0; i < kRepetitions; ++i) {
      AUTOGLM_RETURN_IF_ERROR(Report("timing", i, kRepetitions));
      const int n_rest = static_cast<int>(tokens.size()) - n;
      const auto first = tokens.begin() + std::min(i * n, n_rest);
      const std::vector<int32_t> prompt(first, first + n);
      AUTOGLM_ASSIGN_OR_RETURN(const GenerateResult result,
                               session.GenerateFromTokens(prompt, options));
      times_ms.push_back(result.stats.total_ms);
    }
    std::sort(times_ms.begin(), times_ms.end());
    report_.latency_ms = times_ms[kRepetitions / 2];
    report_.latency_p95_ms = times_ms.back();
    return OkStatus();
  }

  Status Answer(AutoGLMSession& session, const ModelInfo& info) {
    const bool chat = info.has_chat_template && !options_.raw;
    ChatOptions options;
    options.temperature = 0;
    options.max_tokens = options_.max_tokens;
    options.grammar = options_.grammar;
    std::vector<double> times_ms;
    for (const Task& task : options_.tasks) {
      AUTOGLM_RETURN_IF_ERROR(
          Report("answering", report_.n_tasks, static_cast<int64_t>(options_.tasks.size())));
      const Result<GenerateResult> answer =
          chat ? session.Chat({{"user", task.prompt}}, options)
               : session.Generate(task.prompt, static_cast<const GenerateOptions&>(options));
      if (!answer.ok()) {
        return answer.status().WithContext(StrCat(path_, ": task ", report_.n_tasks + 1));
      }
      ++report_.n_tasks;
      report_.n_exact += IsExactMatch(answer->text, task.answer);
      times_ms.push_back(answer->stats.total_ms);
    }
    std::sort(times_ms.begin(), times_ms.end());
    report_.latency_ms = std::accumulate(times_ms.begin(), times_ms.end(), 0.0) /
                         static_cast<double>(times_ms.size());
    report_.latency_p95_ms = times_ms[(times_ms.size() - 1) * 95 / 100];
    return OkStatus();
  }

  Result<std::unique_ptr<LoadedModel>> Load(const std::string& path) const {
    AutoGLMConfig config;
    config.set_n_threads(options_.n_threads).set_n_ctx(options_.text->n_ctx);
    AUTOGLM_ASSIGN_OR_RETURN(auto loaded, LoadModelForSession(path, config, Logger()));
    AUTOGLM_RETURN_IF_ERROR(loaded->tokenizer_status.WithContext(path));
    return loaded;
  }

  Status MeasureText() {
    const int n_ctx = options_.text->n_ctx;
    AUTOGLM_ASSIGN_OR_RETURN(const auto model, Load(path_));
    const Tokenizer& tokenizer = *model->tokenizer;
    std::unique_ptr<LoadedModel> reference;
    if (!options_.reference.empty()) {
      AUTOGLM_ASSIGN_OR_RETURN(reference, Load(options_.reference));
      AUTOGLM_RETURN_IF_ERROR(CheckSameTokenizer(*reference->tokenizer, tokenizer)
                                  .WithContext(StrCat(options_.reference, " and ", path_)));
      if (reference->info.vocab_size != model->info.vocab_size) {
        return Error(StatusCode::kInvalidArgument, options_.reference, " and ", path_,
                     " have logits for ", reference->info.vocab_size, " and ",
                     model->info.vocab_size, " tokens");
      }
    }
    std::vector<int32_t> tokens = tokenizer.Encode(options_.text->text, {});
    if (options_.text->max_chunks > 0) {
      tokens.resize(std::min(tokens.size(), static_cast<size_t>(n_ctx) *
                                                static_cast<size_t>(options_.text->max_chunks)));
    }
    AUTOGLM_ASSIGN_OR_RETURN(
        report_.text,
        ScoreText(*model->engine, reference ? reference->engine.get() : nullptr, tokens, n_ctx,
                  tokenizer.adds_bos() ? tokenizer.bos_id() : -1,
                  [&](int done, int n_chunks) { return Report("scoring", done, n_chunks); }));
    return OkStatus();
  }

  const std::string& path_;
  const EvaluateOptions& options_;
  ModelReport report_;
};

std::string Mega(double value, int decimals) { return FormatNumber(value / 1e6, decimals); }

}  // namespace

int64_t ModelFileBytes(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto size_of = [&](const fs::path& file) {
    const auto size = fs::file_size(file, error);
    return error ? int64_t{0} : static_cast<int64_t>(size);
  };
  if (!fs::is_directory(path, error)) return size_of(path);
  int64_t total = 0;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    if (entry.path().extension() == ".safetensors") total += size_of(entry.path());
  }
  return total;
}

Result<ModelReport> Evaluate(const std::string& path, const EvaluateOptions& options) {
  if (!options.text && options.tasks.empty()) {
    return Error(StatusCode::kInvalidArgument, "nothing to evaluate: neither a text nor tasks");
  }
  if (!options.reference.empty() && !options.text) {
    return Error(StatusCode::kInvalidArgument, "a reference needs a text to compare models over");
  }
  if (options.text) {
    AUTOGLM_RETURN_IF_ERROR(CheckText(options.text->text, options.text->source));
  }
  return Evaluator(path, options).Run();
}

std::string FormatReports(const std::vector<ModelReport>& reports) {
  const auto any = [&](auto has) { return std::any_of(reports.begin(), reports.end(), has); };
  const bool text = any([](const ModelReport& r) { return r.text.has_value(); });
  const bool divergence =
      any([](const ModelReport& r) { return r.text && r.text->divergence.n_scored > 0; });
  const bool tasks = any([](const ModelReport& r) { return r.n_tasks > 0; });
  std::vector<std::string> header = {"model", "M params", "MB"};
  if (text) header.insert(header.end(), {"perplexity", "+/-"});
  if (divergence) header.insert(header.end(), {"KL mean", "KL p99", "top-1 %"});
  if (tasks) header.push_back("exact %");
  header.insert(header.end(), {"ms", "ms p95", "peak MB"});
  std::vector<std::vector<std::string>> rows;
  for (const ModelReport& r : reports) {
    std::vector<std::string> row = {r.path, Mega(static_cast<double>(r.n_parameters), 3),
                                    Mega(static_cast<double>(r.file_bytes), 3)};
    if (text) {
      row.push_back(FormatNumber(r.text->perplexity.perplexity, 4));
      row.push_back(FormatNumber(r.text->perplexity.standard_error, 4));
    }
    if (divergence) {
      row.push_back(FormatNumber(r.text->divergence.mean, 5));
      row.push_back(FormatNumber(r.text->divergence.p99, 4));
      row.push_back(FormatNumber(100 * r.text->divergence.top1_agreement, 2));
    }
    if (tasks) row.push_back(FormatNumber(100.0 * r.n_exact / std::max(1, r.n_tasks), 2));
    row.push_back(FormatNumber(r.latency_ms, 1));
    row.push_back(FormatNumber(r.latency_p95_ms, 1));
    row.push_back(Mega(static_cast<double>(r.peak_bytes), 1));
    rows.push_back(std::move(row));
  }
  return FormatTable(header, rows);
}

}  // namespace autoglm
