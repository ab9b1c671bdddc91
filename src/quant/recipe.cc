// The list of recipes, the tensors that a mixture raises, and the way down where blocks do not fit.
#include "quant/recipe.h"

#include <charconv>
#include <string>
#include <vector>

#include "base/str.h"
#include "quant/blocks.h"

namespace autoglm {

namespace {

constexpr Recipe kRecipes[] = {
#define AUTOGLM_RECIPE(name, file_type, Type) {name, file_type, DType::k##Type},
#include "quant/recipes.inc"
#undef AUTOGLM_RECIPE
};

struct Alias {
  std::string_view name, recipe;
};
constexpr Alias kAliases[] = {{"q3_k", "q3_k_m"},
                              {"q4_k", "q4_k_m"},
                              {"q5_k", "q5_k_m"},
                              {"int8", "q8_0"},
                              {"int4", "q4_k_m"}};

// Which layers an upgrade concerns. kSpread: the first and last eighth and every third between; the
// ends of a model suffer most from errors, and the rest is for an even spread.
enum class Layers { kAll, kFirstTwo, kFirstFour, kFirstSixteenth, kFirstEighth, kSpread };

// Tensors that take part in mixtures, by a piece of their name.
constexpr std::string_view kAttnK = ".attn_k.";
constexpr std::string_view kAttnV = ".attn_v.";
constexpr std::string_view kAttnQkv = ".attn_qkv.";  // counts as attn_v, which it contains
constexpr std::string_view kAttnOutput = ".attn_output.";
constexpr std::string_view kFfnDown = ".ffn_down";  // and ffn_down_exps, ffn_down_shexp
constexpr std::string_view kExperts = "_exps.";

struct Upgrade {
  std::string_view recipe, tensor;
  Layers layers;
  DType dtype;
};

// The first that matches counts.
constexpr Upgrade kUpgrades[] = {
    {"q2_k", kAttnV, Layers::kAll, DType::kQ3_K},
    {"q2_k", kFfnDown, Layers::kAll, DType::kQ3_K},
    {"q2_k", kAttnOutput, Layers::kAll, DType::kQ3_K},
    {"q3_k_m", kAttnV, Layers::kFirstTwo, DType::kQ5_K},
    {"q3_k_m", kAttnV, Layers::kAll, DType::kQ4_K},
    {"q3_k_m", kFfnDown, Layers::kFirstSixteenth, DType::kQ5_K},
    {"q3_k_m", kFfnDown, Layers::kAll, DType::kQ4_K},
    {"q3_k_m", kAttnOutput, Layers::kAll, DType::kQ4_K},
    {"q3_k_l", kAttnV, Layers::kAll, DType::kQ5_K},
    {"q3_k_l", kFfnDown, Layers::kAll, DType::kQ5_K},
    {"q3_k_l", kAttnOutput, Layers::kAll, DType::kQ5_K},
    {"q4_k_s", kAttnV, Layers::kFirstFour, DType::kQ5_K},
    {"q4_k_s", kFfnDown, Layers::kFirstEighth, DType::kQ5_K},
    {"q4_k_m", kAttnV, Layers::kSpread, DType::kQ6_K},
    {"q4_k_m", kFfnDown, Layers::kSpread, DType::kQ6_K},
    {"q5_k_m", kAttnV, Layers::kSpread, DType::kQ6_K},
    {"q5_k_m", kFfnDown, Layers::kSpread, DType::kQ6_K},
};

bool Contains(std::string_view text, std::string_view piece) {
  return text.find(piece) != std::string_view::npos;
}

// Small, and sensitive or not multiplied as a matrix at all.
bool StaysFloat(std::string_view name, const Shape& shape) {
  if (shape.rank() < 2 || shape.rows() == 1 || !name.ends_with(".weight")) return true;
  constexpr std::string_view kKept[] = {"_norm.",         "ffn_gate_inp.", "ffn_gate_inp_shexp.",
                                        "position_embd.", "token_types.",  "rope_freqs."};
  for (std::string_view piece : kKept) {
    if (Contains(name, piece)) return true;
  }
  return false;
}

// 12 for "blk.12.attn_v.weight"; -1 outside the layers.
int LayerOf(std::string_view name) {
  constexpr std::string_view kPrefix = "blk.";
  const size_t at = name.find(kPrefix);
  int layer = -1;
  if (at != std::string_view::npos) {
    const char* begin = name.data() + at + kPrefix.size();
    std::from_chars(begin, name.data() + name.size(), layer);
  }
  return layer;
}

bool Concerns(Layers layers, int layer, int n_layers) {
  const int eighth = n_layers / 8;
  switch (layers) {
    case Layers::kAll:
      return true;
    case Layers::kFirstTwo:
      return layer < 2;
    case Layers::kFirstFour:
      return layer < 4;
    case Layers::kFirstSixteenth:
      return layer < n_layers / 16;
    case Layers::kFirstEighth:
      return layer < eighth;
    case Layers::kSpread:
      return layer < eighth || layer >= 7 * n_layers / 8 || (layer - eighth) % 3 == 2;
  }
  return false;
}

// The recipe's wish, before the shape has its say. Recipes of 16 and 32 bits do not come here.
DType WantedDType(const Recipe& recipe, const RecipeModel& model, std::string_view name) {
  const bool is_embedding = name == "token_embd.weight";
  const bool is_output = name == "output.weight" || (is_embedding && model.tie_word_embeddings);
  if (recipe.dtype == DType::kMXFP4) {
    const bool is_end = is_embedding || is_output;
    const bool low = model.num_experts > 0 ? Contains(name, kExperts) : !is_end;
    return low ? DType::kMXFP4 : DType::kQ8_0;
  }
  if (recipe.dtype == DType::kQ8_0) return DType::kQ8_0;
  if (is_output) return DType::kQ6_K;
  const bool has_values = Contains(name, kAttnV) || Contains(name, kAttnQkv);
  if (model.num_experts >= 8) {  // beside that many experts, attention weighs next to nothing
    if (has_values || Contains(name, kAttnK)) return DType::kQ8_0;
    const bool is_k_type = Info(recipe.dtype).block_elements == kSuperBlock;
    if (is_k_type && recipe.dtype != DType::kQ6_K && Contains(name, kAttnOutput)) {
      return DType::kQ5_K;
    }
  }
  if (recipe.name == "q2_k" && has_values && model.query_heads_per_kv_head >= 4) {
    return DType::kQ4_K;  // one value row serves many heads
  }
  const int layer = LayerOf(name);
  for (const Upgrade& upgrade : kUpgrades) {
    const bool is_meant = upgrade.tensor == kAttnV ? has_values : Contains(name, upgrade.tensor);
    if (is_meant && upgrade.recipe == recipe.name &&
        Concerns(upgrade.layers, layer, model.num_hidden_layers)) {
      return upgrade.dtype;
    }
  }
  return recipe.dtype;
}

DType WithBlocksOf32(DType dtype) {
  switch (dtype) {
    case DType::kQ2_K:
    case DType::kQ3_K:
      return DType::kQ4_0;
    case DType::kQ4_K:
      return DType::kQ5_0;
    case DType::kQ5_K:
      return DType::kQ5_1;
    case DType::kQ6_K:
      return DType::kQ8_0;
    default:
      return dtype;
  }
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace

Result<Recipe> ParseRecipe(std::string_view name) {
  std::string wanted = LowerCase(name);
  for (const Alias& alias : kAliases) {
    if (wanted == alias.name) wanted = alias.recipe;
  }
  for (const Recipe& recipe : kRecipes) {
    if (wanted == recipe.name) return recipe;
  }
  std::vector<std::string_view> known;
  for (const Recipe& recipe : kRecipes) known.push_back(recipe.name);
  for (const Alias& alias : kAliases) known.push_back(alias.name);
  std::string list;
  for (std::string_view entry : known) StrAppend(&list, list.empty() ? "" : ", ", entry);
  const std::string_view nearest = Nearest(wanted, known);
  return Error(StatusCode::kInvalidArgument, "unknown type '", Quoted(name), "'",
               nearest.empty() ? "" : StrCat("; did you mean '", nearest, "'?"),
               " Known types: ", list);
}

DType ChooseDType(const Recipe& recipe, const RecipeModel& model, std::string_view tensor_name,
                  const Shape& shape) {
  if (StaysFloat(tensor_name, shape)) return DType::kF32;
  if (IsFloat(recipe.dtype)) return recipe.dtype;
  DType dtype = WantedDType(recipe, model, tensor_name);
  if (shape.cols() % Info(dtype).block_elements != 0) dtype = WithBlocksOf32(dtype);
  if (shape.cols() % Info(dtype).block_elements != 0) dtype = DType::kF16;
  return dtype;
}

}  // namespace autoglm
