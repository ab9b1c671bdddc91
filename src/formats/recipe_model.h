// What a quantization recipe wants to know of a model file.
#pragma once

#include "formats/model_file.h"
#include "quant/recipe.h"

namespace autoglm {

/// Read from the file's metadata and tensors; what is missing there keeps its default.
RecipeModel RecipeModelOf(const ModelFile& file);

}  // namespace autoglm
