#include "model/hparams.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <variant>

namespace autoglm {

namespace {

// Bounds that no real model comes near, so that products of them cannot overflow.
constexpr int kMaxCount = 1 << 24;

template <typename T>
Status OutOfRange(const std::string& key, T value, double low, double high) {
  return Error(StatusCode::kInvalidArgument, key, " is ", value, ", expected ", low, " to ", high);
}

}  // namespace

Hparams::Hparams(const ModelFile& file, std::string_view architecture, int n_ctx)
    : file_(file), architecture_(architecture), n_ctx_(n_ctx) {}

std::string Hparams::Key(std::string_view key) const { return StrCat(architecture_, ".", key); }

bool Hparams::Has(std::string_view key) const { return file_.metadata().Has(Key(key)); }

void Hparams::Fail(const Status& status) {
  if (status_.ok()) status_ = status;
}

int Hparams::Int(std::string_view key) {
  const Result<int64_t> value = file_.metadata().GetInt(Key(key));
  if (!value.ok()) {
    Fail(value.status());
    return 0;
  }
  if (*value < 0 || *value > kMaxCount) Fail(OutOfRange(Key(key), *value, 0, kMaxCount));
  return static_cast<int>(std::clamp<int64_t>(*value, 0, kMaxCount));
}

int Hparams::Int(std::string_view key, int fallback) { return Has(key) ? Int(key) : fallback; }

float Hparams::Float(std::string_view key) {
  const Result<double> value = file_.metadata().GetFloat(Key(key));
  if (!value.ok()) {
    Fail(value.status());
    return 0;
  }
  if (!std::isfinite(*value)) Fail(OutOfRange(Key(key), *value, -1e30, 1e30));
  return static_cast<float>(*value);
}

float Hparams::Float(std::string_view key, float fallback) {
  return Has(key) ? Float(key) : fallback;
}

std::string Hparams::String(std::string_view key, std::string_view fallback) {
  const Result<std::string_view> value = file_.metadata().GetString(Key(key), fallback);
  if (!value.ok()) Fail(value.status());
  return std::string(value.ok() ? *value : fallback);
}

ModelConfig Hparams::Common() {
  ModelConfig c;
  c.architecture = architecture_;
  if (const auto name = file_.metadata().GetString("general.name", ""); name.ok()) c.name = *name;
  c.hidden_size = Int("embedding_length");
  c.num_hidden_layers = Int("block_count");
  c.num_attention_heads = Int("attention.head_count");
  c.num_key_value_heads = Int("attention.head_count_kv", c.num_attention_heads);
  c.intermediate_size = Int("feed_forward_length");
  c.max_position_embeddings = Int("context_length");
  c.rms_norm_eps = Float("attention.layer_norm_rms_epsilon");
  const auto positive = [&](std::string_view key, int value) {
    if (value <= 0) Fail(OutOfRange(Key(key), value, 1, kMaxCount));
  };
  positive("embedding_length", c.hidden_size);
  positive("block_count", c.num_hidden_layers);
  positive("attention.head_count", c.num_attention_heads);
  positive("attention.head_count_kv", c.num_key_value_heads);
  positive("feed_forward_length", c.intermediate_size);
  positive("context_length", c.max_position_embeddings);
  if (!status_.ok()) return c;

  if (c.num_attention_heads % c.num_key_value_heads != 0) {
    Fail(Error(StatusCode::kInvalidArgument, Key("attention.head_count"), " is ",
               c.num_attention_heads, ", which is no multiple of the ", c.num_key_value_heads,
               " key-value heads"));
  }
  c.head_dim = Int("attention.key_length", c.hidden_size / c.num_attention_heads);
  if (c.head_dim <= 0 || c.head_dim % 2 != 0 || c.head_dim > 4096) {
    Fail(Error(StatusCode::kInvalidArgument, "the size of an attention head is ", c.head_dim,
               ", expected an even number up to 4096"));
  }
  if (Int("attention.value_length", c.head_dim) != c.head_dim) {
    Fail(Error(StatusCode::kUnimplemented, Key("attention.value_length"),
               " differs from the key length; this is not supported"));
  }
  if (!(c.rms_norm_eps >= 0 && c.rms_norm_eps < 1)) {
    Fail(OutOfRange(Key("attention.layer_norm_rms_epsilon"), c.rms_norm_eps, 0, 1));
  }
  const TensorEntry* embedding = file_.Find("token_embd.weight");
  if (embedding == nullptr) {
    Fail(Error(StatusCode::kNotFound, "tensor 'token_embd.weight' is missing"));
  } else if (embedding->shape.rows() > kMaxCount) {
    Fail(OutOfRange("the vocabulary size", embedding->shape.rows(), 1, kMaxCount));
  } else {
    c.vocab_size = static_cast<int>(embedding->shape.rows());
  }
  return c;
}

std::vector<float> Hparams::FrequencyFactors(const char* tensor_name, int n_pairs) {
  std::vector<float> factors(n_pairs, 1.0f);
  const TensorEntry* entry = file_.Find(tensor_name);
  if (entry == nullptr) return factors;
  if (entry->dtype != DType::kF32 || !(entry->shape == Shape{n_pairs})) {
    Fail(Error(StatusCode::kInvalidArgument, "tensor '", tensor_name, "' is ", Name(entry->dtype),
               " ", entry->shape.ToString(), ", expected f32 [", n_pairs, "]"));
    return factors;
  }
  Fail(file_.ReadRows(*entry, 0, 1, reinterpret_cast<std::byte*>(factors.data())));
  for (float& f : factors) {
    if (!std::isfinite(f) || f == 0) {
      Fail(Error(StatusCode::kDataLoss, "tensor '", tensor_name, "' holds ", f,
                 ", expected finite numbers other than 0"));
      f = 1;
    }
  }
  return factors;
}

RopeSpec Hparams::Rope(RopeStyle style, int default_rotary_dim, float local_base) {
  RopeSpec rope;
  rope.style = style;
  const int dim = Int("rope.dimension_count", default_rotary_dim);
  const float base = local_base > 0 ? local_base : Float("rope.freq_base", 10000.0f);
  if (dim <= 0 || dim % 2 != 0 || dim > default_rotary_dim) {
    Fail(Error(StatusCode::kInvalidArgument, Key("rope.dimension_count"), " is ", dim,
               ", expected an even number from 2 to ", default_rotary_dim));
    return rope;
  }
  if (!(base > 0)) Fail(OutOfRange(Key("rope.freq_base"), base, 1, 1e30));
  RefuseSections();
  const int n_pairs = dim / 2;
  for (int i = 0; i < n_pairs; ++i) {
    rope.inv_freq.push_back(static_cast<float>(1.0 / std::pow(double{base}, 2.0 * i / dim)));
  }
  if (local_base > 0) return rope;

  const std::string type = String("rope.scaling.type", "none");
  // Files from before rope.scaling.* say only the linear factor.
  float factor = Float("rope.scaling.factor", Float("rope.scale_linear", 1.0f));
  if (factor == 0) factor = 1;  // some writers say 0 for "not scaled"
  const float context =
      Float("rope.scaling.original_context_length", static_cast<float>(Int("context_length")));
  if (!(factor > 0) || !(context > 0)) {
    Fail(OutOfRange(Key("rope.scaling.factor"), factor, 1e-6, 1e6));
    return rope;
  }
  const std::vector<float> factors = FrequencyFactors(FactorsTensor(context), n_pairs);
  for (int i = 0; i < n_pairs; ++i) rope.inv_freq[i] /= factors[i];
  rope.attention_factor = Float("rope.scaling.attn_factor", 1.0f);
  if (type == "yarn") {
    ApplyYarn(&rope, base, factor, context);
  } else if (type == "none" || type == "linear") {
    for (float& f : rope.inv_freq) f /= factor;
  } else if (type != "longrope") {
    Fail(Error(StatusCode::kUnimplemented, Key("rope.scaling.type"), " is '", Quoted(type),
               "'; known are none, linear, yarn and longrope"));
  }
  return rope;
}

// LongRoPE has one list for contexts up to the original one and one beyond. It is chosen by the
// context of the run and not by how far it has got, because one cache cannot mix both. Some files
// say nothing but the tensors.
const char* Hparams::FactorsTensor(float original_context) {
  if (file_.Find("rope_factors_long.weight") == nullptr) return "rope_freqs.weight";
  const float context = static_cast<float>(n_ctx_ > 0 ? n_ctx_ : Int("context_length"));
  return context > original_context ? "rope_factors_long.weight" : "rope_factors_short.weight";
}

float Hparams::AttentionScale(int default_query_scalar) {
  const float scale = Float("attention.scale", 0.0f);
  if (scale < 0) Fail(OutOfRange(Key("attention.scale"), scale, 0, 1e6));
  return scale > 0 ? scale : 1 / std::sqrt(static_cast<float>(default_query_scalar));
}

const std::vector<int64_t>* Hparams::List(std::string_view key) const {
  const MetaValue* value = file_.metadata().Find(Key(key));
  return value == nullptr ? nullptr : std::get_if<std::vector<int64_t>>(&value->v);
}

std::vector<bool> Hparams::LayerPattern(std::string_view key, int num_hidden_layers, int period) {
  std::vector<bool> pattern(num_hidden_layers);
  const std::vector<int64_t>* list = List(key);
  if (list != nullptr && list->size() != pattern.size()) {
    Fail(Error(StatusCode::kInvalidArgument, Key(key), " has ", list->size(),
               " entries, expected one for each of the ", num_hidden_layers, " layers"));
    return pattern;
  }
  for (int i = 0; i < num_hidden_layers; ++i) {
    pattern[i] = list != nullptr ? (*list)[i] != 0 : period == 0 || (i + 1) % period != 0;
  }
  return pattern;
}

std::vector<int> Hparams::SlidingWindows(int num_hidden_layers, int default_period) {
  constexpr std::string_view kPattern = "attention.sliding_window_pattern";
  const int window = Int("attention.sliding_window", 0);
  std::vector<int> windows(num_hidden_layers, 0);
  if (window == 0) return windows;
  const int period = List(kPattern) != nullptr ? 0 : Int(kPattern, default_period);
  const std::vector<bool> slides = LayerPattern(kPattern, num_hidden_layers, period);
  for (int i = 0; i < num_hidden_layers; ++i) windows[i] = slides[i] ? window : 0;
  return windows;
}

void Hparams::RefuseSections() {
  if (!Has("rope.dimension_sections")) return;
  const auto sections = file_.metadata().GetInts(Key("rope.dimension_sections"));
  if (!sections.ok()) return Fail(sections.status());
  // Some writers give all zeros for "none".
  if (std::all_of(sections->begin(), sections->end(), [](int64_t n) { return n == 0; })) return;
  Fail(Error(StatusCode::kUnimplemented, Key("rope.dimension_sections"),
             ": the multimodal rotary embedding (M-RoPE) of vision models is not supported yet; "
             "use the text-only form of this model"));
}

// Source: Peng et al. 2023, "YaRN", section 3.2: dimensions that turn often within the original
// context keep their frequency, those that turn less than once are interpolated, with a ramp
// between; the attention temperature follows section 3.4.
void Hparams::ApplyYarn(RopeSpec* rope, float base, float factor, float original_context) {
  const int dim = rope->rotary_dim();
  const auto dim_of_rotations = [&](double rotations) {
    return dim * std::log(original_context / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(double{base}));
  };
  const double beta_fast = Float("rope.scaling.yarn_beta_fast", 32.0f);
  const double beta_slow = Float("rope.scaling.yarn_beta_slow", 1.0f);
  const double low = std::max(std::floor(dim_of_rotations(beta_fast)), 0.0);
  const double high = std::min(std::ceil(dim_of_rotations(beta_slow)), dim - 1.0);
  for (size_t i = 0; i < rope->inv_freq.size(); ++i) {
    const double ramp =
        std::clamp((static_cast<double>(i) - low) / std::max(0.001, high - low), 0.0, 1.0);
    rope->inv_freq[i] *= static_cast<float>((1 - ramp) + ramp / factor);
  }
  const float temperature = 1 + 0.1f * std::log(std::max(factor, 1.0f));
  rope->attention_factor *= temperature;
}

}  // namespace autoglm
