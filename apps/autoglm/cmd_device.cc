// autoglm device: what there is to compute with; with --measure how fast it is, and with a model
// how fast that model can be on it at best.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/autoglm/command.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "base/str.h"
#include "kernels/kernels.h"
#include "kernels/peaks.h"
#include "model/predict.h"
#include "platform/affinity.h"
#include "platform/cpu.h"
#include "platform/memory.h"
#include "platform/topology.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kPromptTokens = 512;  // of the prefill that is predicted
constexpr int64_t kDepths[] = {0, 4096};

double Rounded(double value) { return std::round(value * 100) / 100; }

std::string Fixed(double value, int decimals) {
  char text[48];
  std::snprintf(text, sizeof(text), "%.*f", decimals, value);
  return text;
}

// "0-3,5": as the kernel writes a list of cpus, and as taskset reads it.
std::string CpuListText(const std::vector<int>& cpus) {
  std::string text;
  for (size_t i = 0; i < cpus.size();) {
    size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += StrCat(cpus[i]);
    if (last > i) text += StrCat("-", cpus[last]);
    i = last + 1;
  }
  return text;
}

Json OrNull(std::optional<int64_t> value) { return value ? Json(*value) : Json(nullptr); }

class DeviceCommand final : public Command {
 public:
  void Declare(CLI::App* app) override {
    app->add_flag("--measure", measure_, "measure bandwidth and arithmetic (under 3 s)");
    AddModelOption(app, &model_);
    app->add_option("--threads", n_threads_, "the most threads to measure with")
        ->type_name("N")
        ->check(WholeBetween(1, 1024));
    AddJsonOption(app, &json_);
  }

  Status Run() override {
    topology_ = ReadTopology({}, AllowedCpus());
    plan_ = PlanThreads(topology_, n_threads_);
    if (!model_.empty()) {
      AUTOGLM_ASSIGN_OR_RETURN(const auto file, ModelFile::Open(model_));
      AUTOGLM_ASSIGN_OR_RETURN(cost_, CostOf(*file));
    }
    // A prediction stands on what is measured here and now.
    if (measure_ || !model_.empty()) {
      AUTOGLM_ASSIGN_OR_RETURN(peaks_, MeasurePeaks(plan_.n_threads, plan_.cpus));
    }
    if (json_) {
      PrintAsJson();
    } else {
      PrintAsText();
    }
    return OkStatus();
  }

 private:
  void PrintAsJson() const {
    Json json = {{"cpu", CpuName()},
                 {"n_cpus", topology_.cpus.size()},
                 {"n_allowed_cpus", topology_.n_allowed()},
                 {"n_offline_cpus", topology_.n_offline},
                 {"clusters", ClustersJson()},
                 {"features", CpuFeatures()},
                 {"kernels", BestKernels().isa},
                 {"n_threads", plan_.n_threads},
                 {"pinned_cpus", plan_.cpus},
                 {"quota_cores", topology_.quota_cores},
                 {"memory_total_bytes", OrNull(TotalMemoryBytes())},
                 {"memory_available_bytes", OrNull(AvailableMemoryBytes())},
                 {"page_bytes", sysconf(_SC_PAGESIZE)}};
    if (!peaks_.empty()) json["peaks"] = PeaksJson();
    if (!model_.empty()) json["predicted"] = PredictedJson();
    PrintJson(json);
  }

  Json ClustersJson() const {
    Json list = Json::array();
    for (const CpuCluster& cluster : topology_.Clusters()) {
      list.push_back({{"cpus", cluster.cpus},
                      {"n_cores", cluster.n_cores},
                      {"capacity", cluster.capacity},
                      {"max_khz", cluster.max_khz}});
    }
    return list;
  }

  Json PeaksJson() const {
    Json list = Json::array();
    for (const MachinePeaks& peaks : peaks_) {
      list.push_back({{"n_threads", peaks.n_threads},
                      {"read_gb_s", Rounded(peaks.read_bytes_per_s / 1e9)},
                      {"int8_gop_s", Rounded(peaks.int8_ops_per_s / 1e9)},
                      {"fp32_gflop_s", Rounded(peaks.fp32_flops_per_s / 1e9)}});
    }
    return list;
  }

  // The fastest that any thread count reads: more threads do not read slower, they disturb.
  MachineRates Rates() const {
    MachineRates rates = {0, peaks_.back().int8_ops_per_s, peaks_.back().fp32_flops_per_s};
    for (const MachinePeaks& peaks : peaks_) {
      rates.read_bytes_per_s = std::max(rates.read_bytes_per_s, peaks.read_bytes_per_s);
    }
    return rates;
  }

  Json PredictedJson() const {
    Json list = Json::array();
    for (const int64_t depth : kDepths) {
      list.push_back({{"depth", depth},
                      {"pp", kPromptTokens},
                      {"pp_tok_s", Rounded(PredictPrefill(cost_, Rates(), kPromptTokens, depth))},
                      {"tg_tok_s", Rounded(PredictDecode(cost_, Rates(), depth))}});
    }
    return list;
  }

  void PrintAsText() const {
    const std::string name = CpuName();
    if (!name.empty()) Print(StrCat("processor   ", Quoted(name), "\n"));
    PrintCores();
    std::string features;
    for (const std::string& feature : CpuFeatures()) features += " " + feature;
    Print(StrCat("features   ", features, "\n"));
    Print(StrCat("kernels     ", BestKernels().isa, "\n"));
    Print(StrCat("threads     ", plan_.n_threads,
                 plan_.cpus.empty() ? "" : StrCat(", workers on cpus ", CpuListText(plan_.cpus)),
                 "\n"));
    if (topology_.quota_cores > 0) {
      Print(StrCat("cpu quota   ", Fixed(topology_.quota_cores, 2), " cores\n"));
    }
    const auto bytes = [](std::optional<int64_t> n) {
      return n ? FormatBytes(static_cast<uint64_t>(*n)) : std::string("unknown");
    };
    Print(StrCat("memory      ", bytes(AvailableMemoryBytes()), " available of ",
                 bytes(TotalMemoryBytes()), ", pages of ",
                 FormatBytes(static_cast<uint64_t>(sysconf(_SC_PAGESIZE))), "\n"));
    PrintPeaks();
    PrintPredicted();
  }

  void PrintCores() const {
    for (const CpuCluster& cluster : topology_.Clusters()) {
      Print(StrCat("cores       ", cluster.n_cores, " (cpus ", CpuListText(cluster.cpus),
                   "), capacity ", cluster.capacity,
                   cluster.max_khz > 0
                       ? StrCat(", ", Fixed(static_cast<double>(cluster.max_khz) / 1e6, 2), " GHz")
                       : "",
                   "\n"));
    }
    const int n_cpus = static_cast<int>(topology_.cpus.size());
    if (topology_.n_allowed() < n_cpus) {
      Print(StrCat("allowed     ", topology_.n_allowed(), " of ", n_cpus, " cpus\n"));
    }
    if (topology_.n_offline > 0) Print(StrCat("offline     ", topology_.n_offline, " cpus\n"));
  }

  void PrintPeaks() const {
    if (peaks_.empty()) return;
    Print(StrCat("threads   read GB/s   int8 GOP/s (", Int8PeakIsa(), ")   fp32 GFLOP/s (",
                 Fp32PeakIsa(), ")\n"));
    for (const MachinePeaks& peaks : peaks_) {
      char row[96];
      std::snprintf(row, sizeof(row), "%7d %11.1f %12.0f %25.0f\n", peaks.n_threads,
                    peaks.read_bytes_per_s / 1e9, peaks.int8_ops_per_s / 1e9,
                    peaks.fp32_flops_per_s / 1e9);
      Print(row);
    }
  }

  void PrintPredicted() const {
    if (model_.empty()) return;
    for (const int64_t depth : kDepths) {
      Print(StrCat("at best, with ", depth, " tokens in the context: ",
                   Fixed(PredictPrefill(cost_, Rates(), kPromptTokens, depth), 0),
                   " tokens/s read (", kPromptTokens, " of them), ",
                   Fixed(PredictDecode(cost_, Rates(), depth), 1), " tokens/s written\n"));
    }
  }

  std::string model_;
  bool measure_ = false;
  bool json_ = false;
  int n_threads_ = 0;

  Topology topology_;
  ThreadPlan plan_;
  std::vector<MachinePeaks> peaks_;
  ModelCost cost_;
};

}  // namespace

std::unique_ptr<Command> NewDeviceCommand() { return std::make_unique<DeviceCommand>(); }

}  // namespace autoglm
