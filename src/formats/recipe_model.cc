#include "formats/recipe_model.h"

#include <algorithm>

namespace autoglm {

RecipeModel RecipeModelOf(const ModelFile& file) {
  RecipeModel model;
  const auto architecture = file.metadata().GetString("general.architecture");
  if (!architecture.ok()) return model;
  const auto count = [&](std::string_view key, int64_t fallback) {
    const auto value = file.metadata().GetInt(StrCat(*architecture, ".", key));
    return static_cast<int>(std::clamp<int64_t>(value.ok() ? *value : fallback, 0, 1 << 20));
  };
  model.num_hidden_layers = count("block_count", 0);
  model.num_experts = count("expert_count", 0);
  const int heads = count("attention.head_count", 1);
  model.query_heads_per_kv_head =
      std::max(1, heads / std::max(1, count("attention.head_count_kv", heads)));
  model.tie_word_embeddings = file.Find("output.weight") == nullptr;
  return model;
}

}  // namespace autoglm
