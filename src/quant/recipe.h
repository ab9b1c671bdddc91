// Recipes: from the name of a file type ("q4_k_m") to the element type of each tensor. The mixtures
// are those in common use for GGUF files, so that a name means the same size and quality
// everywhere.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "tensor/dtype.h"
#include "tensor/tensor.h"

namespace autoglm {

struct Recipe {
  std::string_view name;  ///< "q4_k_m"; static storage
  uint32_t file_type;     ///< GGUF's general.file_type
  DType dtype;            ///< of most matrices
};

/// What the choice depends on besides the tensor itself.
struct RecipeModel {
  int num_hidden_layers = 0;
  int num_experts = 0;               ///< 0 for a dense model
  int query_heads_per_kv_head = 1;   ///< num_attention_heads / num_key_value_heads
  bool tie_word_embeddings = false;  ///< no output.weight: token_embd.weight serves as it
};

/// Finds a recipe by its name, in lower or upper case. Aliases: q3_k, q4_k, q5_k are the _m ones;
/// int8 is q8_0; int4 is q4_k_m: at the same 4.5 bits its error is a seventh below that of q4_0
/// on Gaussian weights and a quarter on heavy-tailed ones.
/// kInvalidArgument for another name, with the nearest and all known ones.
Result<Recipe> ParseRecipe(std::string_view name);

/// The element type for one tensor, named as in GGUF, of a model of `num_hidden_layers`. Always one
/// that can be encoded and whose block divides shape.cols(): where the recipe's own does not, the
/// nearest type with blocks of 32 stands in, and F16 where even 32 does not divide. Vectors, norms,
/// routers and positions are F32.
DType ChooseDType(const Recipe& recipe, const RecipeModel& model, std::string_view tensor_name,
                  const Shape& shape);

}  // namespace autoglm
