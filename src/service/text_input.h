// TextInput: a text or token ids, one or several, as completions and embeddings take them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "service/fields.h"
#include "service/hosted_model.h"

namespace autoglm {

struct TextInput {
  std::string text = {};
  std::vector<int32_t> tokens = {};
  bool is_text = false;
};

/// The field `name`: a string, token ids, or an array of such, at most kMaxChoices. What is wrong
/// goes to `fields`.
std::vector<TextInput> ReadTextInputs(Fields& fields, const char* name);

/// As token ids, which are checked; 400 about `field` where they do not fit the model.
ApiError TokenizeInput(const HostedModel& model, const TextInput& input, const char* field,
                       std::vector<int32_t>* tokens);

}  // namespace autoglm
