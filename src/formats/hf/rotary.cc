// The rotary embedding's part of config.json, in both of its forms, as GGUF keys and tensors.
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "formats/hf/model.h"

namespace autoglm {

namespace {

void DescribeLinear(HfConfig* parameters, HfModel* model) {
  const double factor = parameters->Number("factor");
  if (!(factor > 0)) {
    parameters->Refuse(StatusCode::kInvalidArgument, "factor is ", factor, ", expected above 0");
  }
  model->metadata.SetString(model->Key("rope.scaling.type"), "linear");
  model->SetFloat("rope.scaling.factor", factor);
}

/// YaRN's temperature 0.1 * scale * ln(factor) + 1.
double YarnTemperature(double factor, double scale) {
  return factor <= 1 ? 1 : 0.1 * scale * std::log(factor) + 1;
}

// GGUF readers multiply the temperature by attn_factor, Hugging Face replaces it: so what is
// written is the quotient.
void DescribeYarn(int64_t max_positions, HfConfig* parameters, HfModel* model) {
  const double factor = parameters->Number("factor");
  const int64_t original = parameters->Size("original_max_position_embeddings", max_positions);
  if (!(factor > 0)) {
    parameters->Refuse(StatusCode::kInvalidArgument, "factor is ", factor, ", expected above 0");
    return;
  }
  if (!parameters->Flag("truncate", true)) {
    parameters->RefuseAsUnknown("YaRN without truncation is not supported");
  }
  model->metadata.SetString(model->Key("rope.scaling.type"), "yarn");
  model->SetFloat("rope.scaling.factor", factor);
  model->SetInt("rope.scaling.original_context_length", original);
  double temperature = YarnTemperature(factor, 1);
  const double mscale = parameters->Number("mscale", 0);
  const double mscale_all_dim = parameters->Number("mscale_all_dim", 0);
  if (mscale != 0 && mscale_all_dim != 0) {
    temperature = YarnTemperature(factor, mscale) / YarnTemperature(factor, mscale_all_dim);
  }
  temperature = parameters->Number("attention_factor", temperature);
  const double attn_factor = temperature / YarnTemperature(factor, 1);
  if (attn_factor != 1) model->SetFloat("rope.scaling.attn_factor", attn_factor);
  if (parameters->Has("beta_fast")) {
    model->SetFloat("rope.scaling.yarn_beta_fast", parameters->Number("beta_fast"));
  }
  if (parameters->Has("beta_slow")) {
    model->SetFloat("rope.scaling.yarn_beta_slow", parameters->Number("beta_slow"));
  }
}

/// Llama 3.1: long waves are slowed by `factor`, short ones kept, those between blended. The
/// tensor holds what the frequencies are divided by.
/// Source: Meta's llama-models, apply_scaling.
void DescribeLlama3(int64_t rotary_dim, double theta, HfConfig* parameters, HfModel* model) {
  const double factor = parameters->Number("factor", 8);
  const double low = parameters->Number("low_freq_factor", 1);
  const double high = parameters->Number("high_freq_factor", 4);
  const double original = parameters->Number("original_max_position_embeddings", 8192);
  if (!(factor > 0) || !(low > 0) || !(high > low) || !(original > 0)) {
    parameters->Refuse(StatusCode::kInvalidArgument,
                       "factors of llama3 scaling must be above 0, the high one above the low one");
    return;
  }
  std::vector<float> factors;
  for (int64_t i = 0; i < rotary_dim / 2; ++i) {
    const double frequency = std::pow(theta, -2.0 * static_cast<double>(i) / rotary_dim);
    const double wavelength = 2 * std::numbers::pi / frequency;
    if (wavelength < original / high) {
      factors.push_back(1);
    } else if (wavelength > original / low) {
      factors.push_back(static_cast<float>(factor));
    } else {
      const double smooth = (original / wavelength - low) / (high - low);
      factors.push_back(static_cast<float>(1 / ((1 - smooth) / factor + smooth)));
    }
  }
  model->Values("rope_freqs.weight", std::move(factors));
}

std::vector<float> Factors(const char* key, int64_t n, HfConfig* parameters) {
  const std::vector<double> values = parameters->Numbers(key);
  if (static_cast<int64_t>(values.size()) != n) {
    parameters->Refuse(StatusCode::kInvalidArgument, key, " has ", values.size(),
                       " numbers, expected ", n, ", half the rotary dimensions");
  }
  return {values.begin(), values.end()};
}

/// Phi-3: one list of factors for contexts up to the original length and one beyond.
/// Source: Ding et al. 2024, "LongRoPE".
void DescribeLongRope(int64_t rotary_dim, int64_t max_positions, int64_t default_original,
                      HfConfig* parameters, HfModel* model) {
  const int64_t original = parameters->Size("original_max_position_embeddings", default_original);
  if (original < 2) {
    parameters->Refuse(StatusCode::kInvalidArgument, "the original length is ", original,
                       ", expected above 1");
    return;
  }
  const double scale = parameters->Number(
      "factor", static_cast<double>(max_positions) / static_cast<double>(original));
  const double temperature =
      scale > 1 ? std::sqrt(1 + std::log(scale) / std::log(static_cast<double>(original))) : 1;
  model->metadata.SetString(model->Key("rope.scaling.type"), "longrope");
  model->SetInt("rope.scaling.original_context_length", original);
  model->SetFloat("rope.scaling.attn_factor", parameters->Number("attention_factor", temperature));
  model->Values("rope_factors_long.weight", Factors("long_factor", rotary_dim / 2, parameters));
  model->Values("rope_factors_short.weight", Factors("short_factor", rotary_dim / 2, parameters));
}

void DescribeSections(HfConfig* parameters, HfModel* model) {
  std::vector<int64_t> sections = parameters->Integers("mrope_section");
  if (sections.empty()) return;
  sections.resize(4);
  model->metadata.SetI32s(model->Key("rope.dimension_sections"), std::move(sections));
}

}  // namespace

HfConfig RotaryParameters(HfConfig* config, std::string_view layer_type) {
  if (!config->Has("rope_parameters")) return config->Child("rope_scaling");
  HfConfig parameters = config->Child("rope_parameters");
  return parameters.Has(layer_type) ? parameters.Child(layer_type) : parameters;
}

double RotaryTheta(HfConfig* config, HfConfig* parameters, std::string_view top_key,
                   double fallback) {
  const double theta = parameters->Has("rope_theta") ? parameters->Number("rope_theta")
                                                     : config->Number(top_key, fallback);
  if (!(theta > 0)) {
    config->Refuse(StatusCode::kInvalidArgument, "the rotary base is ", theta,
                   ", expected above 0");
    return fallback;
  }
  return theta;
}

void DescribeRotary(const HfSizes& sizes, const HfRotary& rotary, HfConfig* config,
                    HfModel* model) {
  HfConfig parameters = RotaryParameters(config, "full_attention");
  const double theta = RotaryTheta(config, &parameters, "rope_theta", rotary.default_theta);
  const double partial =
      parameters.Number("partial_rotary_factor",
                        config->Number("partial_rotary_factor", rotary.default_partial_factor));
  const bool possible = partial > 0 && partial <= 1;
  const auto dim =
      possible ? static_cast<int64_t>(static_cast<double>(sizes.head_dim) * partial) : 0;
  if (dim < 2 || dim % 2 != 0) {
    config->Refuse(StatusCode::kInvalidArgument, "partial_rotary_factor ", partial, " of head_dim ",
                   sizes.head_dim, " gives ", dim,
                   " rotary dimensions; an even number from 2 to head_dim is needed");
    return;
  }
  model->SetFloat("rope.freq_base", theta);
  model->SetInt("rope.dimension_count", dim);
  DescribeSections(&parameters, model);

  const int64_t max_positions = config->Size("max_position_embeddings");
  const std::string type = parameters.Text("rope_type", parameters.Text("type", "default"));
  if (type == "default" || type == "mrope") return;
  if (type == "linear") {
    DescribeLinear(&parameters, model);
  } else if (type == "yarn") {
    DescribeYarn(max_positions, &parameters, model);
  } else if (type == "llama3") {
    DescribeLlama3(dim, theta, &parameters, model);
  } else if (type == "longrope" || type == "su") {
    DescribeLongRope(dim, max_positions,
                     config->Size("original_max_position_embeddings", max_positions), &parameters,
                     model);
  } else {
    parameters.RefuseAsUnknown("the rotary scaling '", Quoted(type),
                               "' is not supported; known are linear, yarn, llama3 and longrope");
  }
}

}  // namespace autoglm
