// POST /tokenize and /detokenize: {"model", "content", "add_special", "parse_special"} ->
// {"tokens"}; {"model", "tokens", "keep_special"} -> {"content"}. The names are those that other
// servers of local models use.
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "service/fields.h"
#include "service/model_answer.h"
#include "service/route.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::unique_ptr<Answer> HandleTokenize(RouteCall call) {
  Json body;
  ApiError error = ParseJsonObject(call.request.body, &body);
  if (!error.ok()) return Respond(ToResponse(error));
  Fields fields(body, "", &error);
  const std::string model = fields.String("model").value_or("");
  const std::optional<std::string> content = fields.String("content");
  if (!content) fields.FailMissing("content", "a string");
  const EncodeOptions options = {.add_special = fields.Bool("add_special").value_or(false),
                                 .parse_special = fields.Bool("parse_special").value_or(true)};
  if (!error.ok()) return Respond(ToResponse(error));
  return WithModel(std::move(call), model, [text = *content, options](HostedModel& hosted) {
    return JsonResponse({{"tokens", hosted.tokenizer().Encode(text, options)}});
  });
}

std::unique_ptr<Answer> HandleDetokenize(RouteCall call) {
  Json body;
  ApiError error = ParseJsonObject(call.request.body, &body);
  if (!error.ok()) return Respond(ToResponse(error));
  Fields fields(body, "", &error);
  const std::string model = fields.String("model").value_or("");
  const bool keep_special = fields.Bool("keep_special").value_or(true);
  const Json* ids = fields.Array("tokens");
  if (ids == nullptr) fields.FailMissing("tokens", "an array of token ids");
  std::vector<int32_t> tokens;
  for (size_t i = 0; error.ok() && i < ids->size(); ++i) {
    const Json& id = (*ids)[i];
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() > INT32_MAX) {
      fields.Fail("tokens", "holds something that is no token id");
    } else {
      tokens.push_back(id.get<int32_t>());
    }
  }
  if (!error.ok()) return Respond(ToResponse(error));
  return WithModel(std::move(call), model,
                   [tokens = std::move(tokens), keep_special](HostedModel& hosted) {
                     const std::string text = hosted.tokenizer().Decode(tokens, keep_special);
                     return JsonResponse({{"content", ReplaceInvalidUtf8(text)}});
                   });
}

}  // namespace autoglm
