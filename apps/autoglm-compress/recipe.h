// A recipe of `pipeline`: verbs with their arguments, in order.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace autoglm {

struct RecipeStep {
  std::string verb;  ///< "train", "evaluate"
  std::vector<std::string> arguments;
};

/// Reads {"variables": {"name": "text"}, "steps": [{"verb": "train", "arguments": ["--out",
/// ...]}]}.
/// "{name}" in an argument becomes the variable's text; `overrides` go before the recipe's own.
/// Numbers may stand for texts. kInvalidArgument names the step and what is wrong in it: a key that
/// is not known, a variable without a value.
Result<std::vector<RecipeStep>> ParseRecipeSteps(
    std::string_view text, const std::map<std::string, std::string>& overrides);

}  // namespace autoglm
