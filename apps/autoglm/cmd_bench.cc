// autoglm bench: how fast a model reads and writes on this machine, and how near that is to what
// the machine can do.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "apps/autoglm/command.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "apps/autoglm/progress.h"
#include "apps/autoglm/session_source.h"
#include "base/rng.h"
#include "kernels/peaks.h"
#include "model/predict.h"

namespace autoglm {
namespace {

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double Rounded(double value) { return std::round(value * 100) / 100; }

class BenchCommand final : public Command {
 public:
  void Declare(CLI::App* app) override {
    options_.Declare(app);
    const auto count = [app](const char* name, int* value, const char* what, int least) {
      app->add_option(name, *value, what)
          ->type_name("N")
          ->capture_default_str()
          ->check(WholeBetween(least, 1 << 20));
    };
    count("--pp", &n_prompt_, "tokens of the prompt that is read", 0);
    count("--tg", &n_generate_, "tokens that are written", 0);
    count("--depth", &n_depth_, "tokens in the context before", 0);
    count("--reps", &n_reps_, "repetitions; the median counts", 1);
    AddJsonOption(app, &json_);
  }

  Status Check() override {
    if (n_prompt_ == 0 && n_generate_ == 0) {
      return Error(StatusCode::kInvalidArgument, "--pp and --tg are both 0: nothing to measure");
    }
    return FindModel(options_.model).status();
  }

  Status Run() override {
    // One more for the token that is chosen after the prompt, one for that before the first.
    const int needed = n_depth_ + std::max(n_prompt_, n_generate_) + 2;
    options_.n_ctx = std::max(options_.n_ctx, needed);
    AUTOGLM_ASSIGN_OR_RETURN(session_, OpenSession(options_, false));
    AUTOGLM_ASSIGN_OR_RETURN(const ModelInfo info, session_->Info());
    vocab_size_ = info.vocab_size;
    AUTOGLM_RETURN_IF_ERROR(Measure());

    ThreadPool threads(info.n_threads);
    AUTOGLM_ASSIGN_OR_RETURN(const double peak_bytes, MeasureReadBandwidth(threads));
    const MachineRates rates = {peak_bytes, MeasureInt8Peak(threads), MeasureFp32Peak(threads)};
    AUTOGLM_ASSIGN_OR_RETURN(const ModelCost cost, Cost(info));
    const int mean_depth = n_depth_ + n_generate_ / 2;
    const double pp = Median(pp_tok_s_), tg = Median(tg_tok_s_);
    const double pp_best = PredictPrefill(cost, rates, n_prompt_, n_depth_);
    const double tg_best = n_generate_ > 0 ? PredictDecode(cost, rates, mean_depth) : 0;
    const double kv_bytes_per_token = static_cast<double>(info.kv_bytes) / info.n_ctx;
    const double read_per_token = static_cast<double>(info.decode_weight_bytes) +
                                  kv_bytes_per_token * (n_depth_ + n_generate_ / 2.0);
    Report({{"model", info.path},
            {"architecture", info.architecture},
            {"n_parameters", info.n_parameters},
            {"weight_bytes", info.weight_bytes},
            {"n_threads", info.n_threads},
            {"pp", n_prompt_},
            {"tg", n_generate_},
            {"depth", n_depth_},
            {"reps", n_reps_},
            {"pp_tok_s", Rounded(pp)},
            {"tg_tok_s", Rounded(tg)},
            {"pp_predicted_tok_s", Rounded(pp_best)},
            {"tg_predicted_tok_s", Rounded(tg_best)},
            {"pp_share", pp_best > 0 ? Rounded(pp / pp_best) : 0},
            {"tg_share", tg_best > 0 ? Rounded(tg / tg_best) : 0},
            {"load_ms", Rounded(load_ms_)},
            {"peak_rss_bytes", peak_rss_bytes_},
            {"decode_gb_s", Rounded(tg * read_per_token / 1e9)},
            {"peak_gb_s", Rounded(peak_bytes / 1e9)},
            {"peak_int8_gop_s", Rounded(rates.int8_ops_per_s / 1e9)},
            {"peak_fp32_gflop_s", Rounded(rates.fp32_flops_per_s / 1e9)}});
    return OkStatus();
  }

 private:
  std::vector<int32_t> RandomTokens(int n) {
    std::vector<int32_t> tokens(n);
    for (int32_t& token : tokens) token = static_cast<int32_t>(rng_.NextBelow(vocab_size_));
    return tokens;
  }

  // Reads what comes after `prefix`, which is in the cache from the call before, and writes.
  Result<GenerateStats> Once(std::vector<int32_t> prefix, int n_prompt, int n_generate) {
    const std::vector<int32_t> rest = RandomTokens(n_prompt);
    prefix.insert(prefix.end(), rest.begin(), rest.end());
    GenerateOptions options;
    options.temperature = 0;
    options.ignore_eos = true;
    options.max_tokens = n_generate;
    AUTOGLM_ASSIGN_OR_RETURN(const GenerateResult result,
                             session_->GenerateFromTokens(prefix, options));
    load_ms_ = result.stats.load_ms;
    peak_rss_bytes_ = result.stats.peak_rss_bytes;
    return result.stats;
  }

  // Of the model as it was loaded.
  Result<ModelCost> Cost(const ModelInfo& info) const {
    AUTOGLM_ASSIGN_OR_RETURN(const auto file, ModelFile::Open(info.path));
    AUTOGLM_ASSIGN_OR_RETURN(ModelCost cost,
                             CostOf(*file, DTypeFromName(options_.kv_type).value_or(DType::kF16)));
    cost.decode_weight_bytes = info.decode_weight_bytes;
    if (options_.quantize.starts_with("int")) {
      cost.int8_weights += std::exchange(cost.float_weights, 0);
      cost.head_is_quantized = true;
    }
    return cost;
  }

  Status Measure() {
    ProgressBar bar("measuring");
    const std::vector<int32_t> prefix = RandomTokens(n_depth_);
    if (n_depth_ > 0) AUTOGLM_RETURN_IF_ERROR(Once(prefix, 0, 1).status());
    // The first pass touches weights and memory for the first time and does not count.
    for (int rep = -1; rep < n_reps_; ++rep) {
      bar.Update(rep + 1, n_reps_ + 1);
      if (n_prompt_ > 0) {
        AUTOGLM_ASSIGN_OR_RETURN(const GenerateStats stats, Once(prefix, n_prompt_, 1));
        if (rep >= 0) pp_tok_s_.push_back(stats.prefill_tok_s);
      }
      if (n_generate_ > 0) {
        AUTOGLM_ASSIGN_OR_RETURN(const GenerateStats stats, Once(prefix, 1, n_generate_ + 1));
        if (rep >= 0) tg_tok_s_.push_back(stats.decode_tok_s);
      }
    }
    return OkStatus();
  }

  void Report(const nlohmann::ordered_json& json) const {
    if (json_) return PrintJson(json);
    for (const auto& [key, value] : json.items()) {
      const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
      Print(StrCat(key, std::string(key.size() < 19 ? 20 - key.size() : 1, ' '), text, "\n"));
    }
  }

  ModelOptions options_;
  int n_prompt_ = 512;
  int n_generate_ = 64;
  int n_depth_ = 0;
  int n_reps_ = 5;
  bool json_ = false;

  std::unique_ptr<AutoGLMSession> session_;
  int vocab_size_ = 0;
  Rng rng_{1};
  std::vector<double> pp_tok_s_, tg_tok_s_;
  double load_ms_ = 0;
  int64_t peak_rss_bytes_ = 0;
};

}  // namespace

std::unique_ptr<Command> NewBenchCommand() { return std::make_unique<BenchCommand>(); }

}  // namespace autoglm
