// SmolLM3ForCausalLM: Llama without rotary embedding in some layers.
#include <algorithm>
#include <utility>

#include "formats/hf/model.h"

namespace autoglm {

void DescribeLlama(HfConfig* config, HfModel* model);

namespace {

constexpr int64_t kDefaultInterval = 4;

/// Which layers rotate: a 1 in no_rope_layers (sic), else all but each interval-th.
std::vector<int64_t> RotatingLayers(HfConfig* config) {
  std::vector<int64_t> rotates = config->Integers("no_rope_layers");
  if (!rotates.empty()) return rotates;
  const int64_t interval = config->Size("no_rope_layer_interval", kDefaultInterval);
  const int64_t n_layers = std::min<int64_t>(config->Size("num_hidden_layers"), 4096);
  for (int64_t i = 0; i < n_layers; ++i) rotates.push_back((i + 1) % interval != 0);
  return rotates;
}

}  // namespace

void DescribeSmolLM3(HfConfig* config, HfModel* model) {
  ExpectUnset(config, "use_sliding_window");
  DescribeLlama(config, model);
  model->metadata.Erase(model->Key("attention.sliding_window"));  // unused: the flag is not set

  std::vector<int64_t> rotates = RotatingLayers(config);
  if (static_cast<int64_t>(rotates.size()) != config->Size("num_hidden_layers")) {
    config->Refuse(StatusCode::kInvalidArgument, "no_rope_layers has ", rotates.size(),
                   " entries, one per layer is needed");
  }
  bool usual = true;
  for (size_t i = 0; i < rotates.size(); ++i) {
    rotates[i] = rotates[i] != 0;
    usual &= rotates[i] == ((i + 1) % kDefaultInterval != 0);
  }
  if (usual) return;  // what readers assume without a key
  model->metadata.Set(model->Key("attention.rope_pattern"),
                      {MetaType::kArray, MetaType::kBool, std::move(rotates)});
}

}  // namespace autoglm
