// See text_input.h.
#include "service/text_input.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/str.h"
#include "service/answer_format.h"
#include "service/generation_spec.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

bool IsTokens(const Json& json) {
  return json.is_array() && !json.empty() && json[0].is_number_integer();
}

void ReadTokens(Fields& fields, const Json& json, const char* name,
                std::vector<TextInput>* inputs) {
  TextInput input;
  for (const Json& id : json) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() > INT32_MAX) {
      return fields.Fail(name, "has token ids that are no whole numbers from 0 on");
    }
    input.tokens.push_back(id.get<int32_t>());
  }
  inputs->push_back(std::move(input));
}

}  // namespace

std::vector<TextInput> ReadTextInputs(Fields& fields, const char* name) {
  std::vector<TextInput> inputs;
  const Json* json = fields.Find(name);
  if (json == nullptr) {
    fields.FailMissing(name, "a string, token ids, or an array of such");
  } else if (json->is_string()) {
    inputs.push_back({.text = json->get<std::string>(), .is_text = true});
  } else if (IsTokens(*json)) {
    ReadTokens(fields, *json, name, &inputs);
  } else if (json->is_array() && !json->empty()) {
    if (json->size() > kMaxChoices) {
      fields.Fail(name,
                  StrCat("has ", json->size(), " texts; at most ", kMaxChoices, " are possible"));
    }
    for (const Json& one : *json) {
      if (!fields.ok()) break;
      if (one.is_string()) {
        inputs.push_back({.text = one.get<std::string>(), .is_text = true});
      } else if (IsTokens(one)) {
        ReadTokens(fields, one, name, &inputs);
      } else {
        fields.Fail(name, StrCat("holds ", KindOf(one), "; expected strings or token ids"));
      }
    }
  } else {
    fields.Fail(name, StrCat("is ", json->is_array() ? "an empty array" : KindOf(*json),
                             "; expected a string, token ids, or an array of such"));
  }
  return inputs;
}

ApiError TokenizeInput(const HostedModel& model, const TextInput& input, const char* field,
                       std::vector<int32_t>* tokens) {
  *tokens = input.is_text ? model.tokenizer().Encode(input.text, {}) : input.tokens;
  const int32_t vocab_size = model.parts->info.vocab_size;
  for (const int32_t id : *tokens) {
    if (id >= 0 && id < vocab_size) continue;
    return InvalidField(field, StrCat("'", field, "' has the token ", id,
                                      "; the vocabulary has ids 0 to ", vocab_size - 1));
  }
  return CheckPromptLength(model, *tokens, field);
}

}  // namespace autoglm
