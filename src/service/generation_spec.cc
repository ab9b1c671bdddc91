// See generation_spec.h.
#include "service/generation_spec.h"

#include <charconv>
#include <random>

#include "base/str.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kMaxTokens = 1 << 24;
constexpr int64_t kMaxDeadlineMs = 24 * 3600 * 1000;
constexpr int64_t kMaxMemoryBytes = int64_t{1} << 50;
constexpr const char* kClasses = "'; expected realtime, interactive or batch";

ApiError ReadNumberHeader(const HttpRequest& request, const char* name, int64_t most,
                          std::optional<int64_t>* value) {
  const std::string* text = request.FindHeader(name);
  if (text == nullptr) return {};
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size() || number < 1 || number > most) {
    return InvalidField(name, StrCat("the header '", name, "' is '", Quoted(*text),
                                     "'; expected a number from 1 to ", most));
  }
  *value = number;
  return {};
}

std::optional<float> Float(Fields& fields, const char* name, double least, double most) {
  const std::optional<double> value = fields.Number(name, least, most);
  if (!value) return std::nullopt;
  return static_cast<float>(*value);
}

void ReadStop(Fields& fields, GenerationSpec* spec) {
  const Json* stop = fields.Find("stop");
  if (stop == nullptr) return;
  if (stop->is_string()) {
    spec->stop.push_back(stop->get<std::string>());
  } else if (stop->is_array() && stop->size() <= kMaxStops) {
    for (const Json& text : *stop) {
      if (!text.is_string()) return fields.Fail("stop", "holds something that is no string");
      spec->stop.push_back(text.get<std::string>());
    }
  } else {
    return fields.Fail("stop", StrCat("must be a string, or an array of at most ", kMaxStops));
  }
  for (const std::string& text : spec->stop) {
    if (text.empty()) return fields.Fail("stop", "holds an empty string");
  }
}

void ReadLogitBias(Fields& fields, GenerationSpec* spec) {
  const Json* bias = fields.Object("logit_bias");
  if (bias == nullptr) return;
  for (const auto& [key, value] : bias->items()) {
    int32_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || id < 0) {
      return fields.Fail("logit_bias",
                         StrCat("has the key '", Quoted(key), "'; expected token ids"));
    }
    if (!value.is_number() || !(value.get<double>() >= -100 && value.get<double>() <= 100)) {
      return fields.Fail("logit_bias",
                         StrCat("of token ", id, " must be a number from -100 to 100"));
    }
    spec->logit_bias.emplace_back(id, value.get<float>());
  }
}

uint64_t RandomSeed() {
  std::random_device device;
  return static_cast<uint64_t>(device()) << 32 | device();
}

}  // namespace

void ReadGenerationFields(Fields& fields, GenerationSpec* spec) {
  spec->model = fields.String("model").value_or("");
  spec->temperature = Float(fields, "temperature", 0, 2);
  spec->top_p = Float(fields, "top_p", 0, 1);
  spec->min_p = Float(fields, "min_p", 0, 1);
  spec->typical_p = Float(fields, "typical_p", 1e-6, 1);
  if (const auto top_k = fields.Int("top_k", -1, INT32_MAX)) {
    spec->top_k = static_cast<int>(std::max<int64_t>(*top_k, 0));  // -1 is another way to say "all"
  }
  spec->repetition_penalty = Float(fields, "repetition_penalty", 0.01, 100);
  spec->presence_penalty = Float(fields, "presence_penalty", -2, 2);
  spec->frequency_penalty = Float(fields, "frequency_penalty", -2, 2);
  if (const auto seed = fields.Int("seed", INT64_MIN, INT64_MAX)) {
    spec->seed = static_cast<uint64_t>(*seed);
  }
  ReadLogitBias(fields, spec);
  ReadStop(fields, spec);
  spec->ignore_eos = fields.Bool("ignore_eos").value_or(false);
  spec->n = static_cast<int>(fields.Int("n", 1, kMaxChoices).value_or(1));
  spec->stream = fields.Bool("stream").value_or(false);
  if (const Json* options = fields.Object("stream_options")) {
    ApiError error;
    Fields inner(*options, fields.PathOf("stream_options"), &error);
    spec->include_usage = inner.Bool("include_usage").value_or(false);
    if (!error.ok()) return fields.Fail("stream_options.include_usage", "must be true or false");
    if (!spec->stream) fields.Fail("stream_options", "is for requests with 'stream': true only");
  }
  if (const auto name = fields.String("priority")) {
    spec->request_class = ParseRequestClass(*name);
    if (!spec->request_class) fields.Fail("priority", StrCat("is '", Quoted(*name), kClasses));
  }
  spec->deadline_ms = fields.Int("deadline_ms", 1, kMaxDeadlineMs);
  spec->user = fields.String("user").value_or("");
}

ApiError ReadPriorityHeaders(const HttpRequest& request, GenerationSpec* spec) {
  if (const std::string* name = request.FindHeader("X-Priority")) {
    spec->request_class = ParseRequestClass(*name);
    if (!spec->request_class) {
      return InvalidField("X-Priority",
                          StrCat("the header 'X-Priority' is '", Quoted(*name), kClasses));
    }
  }
  ApiError error = ReadNumberHeader(request, "X-Deadline-Ms", kMaxDeadlineMs, &spec->deadline_ms);
  std::optional<int64_t> bytes;
  if (error.ok()) error = ReadNumberHeader(request, "X-Memory-Bytes", kMaxMemoryBytes, &bytes);
  spec->memory_bytes = bytes.value_or(0);
  return error;
}

void ReadMaxTokens(Fields& fields, std::initializer_list<const char*> names, GenerationSpec* spec) {
  for (const char* name : names) {
    const auto value = fields.Int(name, 1, kMaxTokens);
    if (value && !spec->max_tokens) spec->max_tokens = static_cast<int>(*value);
  }
}

SequenceOptions MakeSequenceOptions(const GenerationSpec& spec, const GenerateOptions& defaults) {
  SequenceOptions options;
  options.sampling = {
      .temperature = spec.temperature.value_or(defaults.temperature),
      .top_k = spec.top_k.value_or(defaults.top_k),
      .top_p = spec.top_p.value_or(defaults.top_p),
      .min_p = spec.min_p.value_or(defaults.min_p),
      .typical_p = spec.typical_p.value_or(defaults.typical_p),
      .repetition_penalty = spec.repetition_penalty.value_or(defaults.repetition_penalty),
      .presence_penalty = spec.presence_penalty.value_or(defaults.presence_penalty),
      .frequency_penalty = spec.frequency_penalty.value_or(defaults.frequency_penalty),
      .penalty_last_n = defaults.penalty_last_n,
      .logit_bias = spec.logit_bias,
      .seed = spec.seed ? *spec.seed : RandomSeed()};
  options.max_new_tokens = spec.max_tokens.value_or(SequenceOptions::kNoLimit);
  options.stop = spec.stop;
  options.ignore_eos = spec.ignore_eos;
  options.n_logprobs = spec.n_logprobs;
  return options;
}

}  // namespace autoglm
