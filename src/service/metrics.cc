// See metrics.h.
#include "service/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <sstream>

#include "base/str.h"
#include "platform/memory.h"

namespace autoglm {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using Labels = std::map<std::string, std::string>;

constexpr double kSecondsPerMs = 1e-3;
constexpr double kSecondsPerNs = 1e-9;

/// Doubling, from a millisecond to two minutes.
const Histogram::BucketBoundaries kLatencyBuckets = {0.001, 0.002, 0.004, 0.008, 0.016, 0.032,
                                                     0.064, 0.128, 0.256, 0.512, 1.024, 2.048,
                                                     4.096, 8.192, 16.38, 32.77, 65.54, 131.1};
const Histogram::BucketBoundaries kGapBuckets = {0.001, 0.002, 0.004, 0.008, 0.012,
                                                 0.016, 0.024, 0.032, 0.048, 0.064,
                                                 0.096, 0.128, 0.256, 0.512, 1.024};

Labels LabelsOf(const RequestRecord& record) {
  return {{"app", record.app},
          {"class", std::string(Name(record.request_class))},
          {"model", record.model}};
}

}  // namespace

struct Metrics::Impl {
  Family<Counter>& NewCounter(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Family<Gauge>& NewGauge(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  Family<Histogram>& NewHistogram(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }
  void SetModel(const HostedModel& model);

  prometheus::Registry registry;
  Family<Counter>& requests =
      NewCounter("autoglm_requests_total", "Requests that have ended, by HTTP status");
  Family<Counter>& refusals = NewCounter("autoglm_refusals_total", "Requests refused, by reason");
  Family<Counter>& prompt_tokens =
      NewCounter("autoglm_prompt_tokens_total", "Tokens of prompts, by where they came from");
  Family<Counter>& generated_tokens =
      NewCounter("autoglm_generated_tokens_total", "Tokens of answers");
  Family<Histogram>& queue_seconds = NewHistogram(
      "autoglm_queue_seconds", "From a request's arrival to the beginning of its work");
  Family<Histogram>& first_token_seconds =
      NewHistogram("autoglm_first_token_seconds", "From a request's arrival to its first token");
  Family<Histogram>& request_seconds =
      NewHistogram("autoglm_request_seconds", "From a request's arrival to its end");
  Family<Histogram>& token_gap_seconds =
      NewHistogram("autoglm_token_gap_seconds", "Between two tokens of an answer");
  Family<Gauge>& waiting = NewGauge("autoglm_requests_waiting", "Requests in the queue");
  Family<Gauge>& running = NewGauge("autoglm_sequences_running", "Answers being written");
  Family<Gauge>& kv_pages = NewGauge("autoglm_kv_pages", "Pages of the KV cache, by use");
  Family<Gauge>& kv_evicted =
      NewGauge("autoglm_kv_pages_evicted", "Pages that the prefix cache has given up so far");
  Family<Gauge>& prefix_tokens =
      NewGauge("autoglm_prefix_cache_tokens", "Tokens of prompts looked up so far, and found");
  Family<Gauge>& steps = NewGauge("autoglm_steps", "Forward passes so far");
  Family<Gauge>& step_rows = NewGauge("autoglm_step_rows", "Tokens computed so far");
  Family<Gauge>& step_seconds = NewGauge("autoglm_step_seconds", "Time spent in steps so far");
  Family<Gauge>& model_bytes = NewGauge("autoglm_model_bytes", "Bytes that a loaded model holds");
  Family<Gauge>& memory = NewGauge("autoglm_memory_bytes", "The budget, and what is reserved");
  Family<Gauge>& evictions =
      NewGauge("autoglm_model_evictions", "Models unloaded to make room so far");
  Family<Gauge>& limiter = NewGauge("autoglm_limiter", "The adaptive limiter's state");
  Family<Gauge>& connections = NewGauge("autoglm_connections", "Open connections");
  Family<Gauge>& rss = NewGauge("autoglm_resident_bytes", "Memory that the process holds");
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::OnRequestEnd(const RequestRecord& record) {
  Impl& impl = *impl_;
  Labels labels = LabelsOf(record);
  if (record.total_ms > 0) {
    impl.request_seconds.Add(labels, kLatencyBuckets).Observe(record.total_ms * kSecondsPerMs);
  }
  if (record.first_token_ms > 0) {
    impl.queue_seconds.Add(labels, kLatencyBuckets).Observe(record.queue_ms * kSecondsPerMs);
    impl.first_token_seconds.Add(labels, kLatencyBuckets)
        .Observe(record.first_token_ms * kSecondsPerMs);
    impl.generated_tokens.Add(labels).Increment(record.n_generated);
    Labels source = labels;
    source["source"] = "cached";
    impl.prompt_tokens.Add(source).Increment(record.n_cached);
    source["source"] = "computed";
    impl.prompt_tokens.Add(source).Increment(record.n_prompt - record.n_cached);
  }
  labels["route"] = record.route;
  labels["status"] = StrCat(record.status);
  impl.requests.Add(labels).Increment();
  if (record.status >= 400 && !record.error_code.empty()) {
    impl.refusals.Add({{"app", record.app}, {"reason", record.error_code}}).Increment();
  }
}

void Metrics::OnTokenGap(const RequestRecord& record, double gap_ms) {
  impl_->token_gap_seconds.Add(LabelsOf(record), kGapBuckets).Observe(gap_ms * kSecondsPerMs);
}

void Metrics::Impl::SetModel(const HostedModel& model) {
  const LaneStats& stats = model.lane->stats();
  const auto labels = [&](const char* name = nullptr, std::string_view value = {}) {
    Labels out = {{"model", model.name}};
    if (name != nullptr) out[name] = value;
    return out;
  };
  const auto set = [](Family<Gauge>& family, const Labels& which, double value) {
    family.Add(which).Set(value);
  };
  const auto number = [](const std::atomic<int64_t>& value) {
    return static_cast<double>(value.load(std::memory_order_relaxed));
  };
  for (int i = 0; i < kNumRequestClasses; ++i) {
    set(waiting, labels("class", Name(static_cast<RequestClass>(i))),
        number(stats.n_waiting[static_cast<size_t>(i)]));
  }
  set(running, labels(), number(stats.n_running));
  set(kv_pages, labels("use", "all"), number(stats.n_kv_pages));
  set(kv_pages, labels("use", "reserved"), number(stats.n_reserved_kv_pages));
  set(kv_pages, labels("use", "prefix_cache"), number(stats.n_cached_kv_pages));
  set(kv_evicted, labels(), number(stats.n_evicted_kv_pages));
  set(prefix_tokens, labels("kind", "looked_up"), number(stats.n_lookup_tokens));
  set(prefix_tokens, labels("kind", "found"), number(stats.n_hit_tokens));
  set(steps, labels(), number(stats.n_steps));
  set(step_rows, labels(), number(stats.n_rows));
  set(step_seconds, labels(), number(stats.step_ns) * kSecondsPerNs);
}

std::string Metrics::Text(const ModelHost& models, const Limits& limits, int n_connections) {
  Impl& impl = *impl_;
  models.ForEachLoaded([&](const HostedModel& model) { impl.SetModel(model); });
  for (const ModelState& state : models.List()) {
    impl.model_bytes.Add({{"model", state.name}}).Set(static_cast<double>(state.bytes));
  }
  impl.memory.Add({{"kind", "budget"}}).Set(static_cast<double>(models.budget().capacity_bytes()));
  impl.memory.Add({{"kind", "reserved"}})
      .Set(static_cast<double>(models.budget().reserved_bytes()));
  impl.evictions.Add({}).Set(static_cast<double>(models.n_evictions()));
  const Limits::State state = limits.state();
  impl.limiter.Add({{"value", "threshold"}}).Set(state.threshold);
  impl.limiter.Add({{"value", "adjustment"}}).Set(state.adjustment);
  impl.limiter.Add({{"value", "in_window"}}).Set(static_cast<double>(state.n_in_window));
  impl.connections.Add({}).Set(n_connections);
  impl.rss.Add({}).Set(static_cast<double>(CurrentRssBytes()));
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, impl.registry.Collect());
  return text.str();
}

}  // namespace autoglm
