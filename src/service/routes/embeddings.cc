// POST /v1/embeddings. The embedding of a text is what the model computes for its last token,
// behind the last norm, scaled to length 1: the "last token pooling" of decoder-only embedding
// models (Wang et al. 2023, "Improving Text Embeddings with Large Language Models"). Source of the
// form: OpenAI's API reference, "Create embeddings".
#include <bit>
#include <cmath>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/str.h"
#include "service/answer_format.h"
#include "service/fields.h"
#include "service/generation_answer.h"
#include "service/generation_spec.h"
#include "service/route.h"
#include "service/text_input.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

/// Bytes of little-endian floats in base 64 (RFC 4648), as clients ask for by default.
std::string Base64(const std::vector<float>& values) {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<unsigned char> bytes(values.size() * sizeof(float));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t n = std::min<size_t>(bytes.size() - i, 3);
    uint32_t bits = 0;
    for (size_t j = 0; j < 3; ++j) bits = bits << 8 | (j < n ? bytes[i + j] : 0u);
    for (size_t j = 0; j < 4; ++j) {
      out.push_back(j <= n ? kLetters[bits >> (18 - 6 * j) & 63] : '=');
    }
  }
  return out;
}

class EmbeddingFormat final : public AnswerFormat {
 public:
  EmbeddingFormat(std::vector<TextInput> inputs, bool base64, int dimensions)
      : inputs_(std::move(inputs)), base64_(base64), dimensions_(dimensions) {}

  std::string_view id_prefix() const override { return "embd-"; }
  bool wants_embedding() const override { return true; }

  ApiError MakePrompts(const HostedModel& model, std::vector<std::vector<int32_t>>* prompts,
                       SequenceOptions* options) override {
    const int hidden_size = model.parts->info.hidden_size;
    if (dimensions_ > hidden_size) {
      return InvalidField("dimensions", StrCat("'dimensions' is ", dimensions_,
                                               "; this model's embeddings have ", hidden_size));
    }
    options->max_new_tokens = 1;
    for (const TextInput& input : inputs_) {
      const ApiError error = TokenizeInput(model, input, "input", &prompts->emplace_back());
      if (!error.ok()) return error;
    }
    return {};
  }

  void Begin(const AnswerHead& head) override {
    head_ = head;
    embeddings_.resize(static_cast<size_t>(head.n_choices));
  }

  void Accept(const TokenEvent& event, std::string*) override {
    if (event.embedding.empty()) return;
    std::vector<float> values = event.embedding;
    if (dimensions_ > 0) values.resize(static_cast<size_t>(dimensions_));
    double sum = 0;
    for (const float value : values) sum += static_cast<double>(value) * value;
    const double scale = sum > 0 ? 1 / std::sqrt(sum) : 0;
    for (float& value : values) value = static_cast<float>(value * scale);
    embeddings_[static_cast<size_t>(event.choice)] = std::move(values);
  }

  void End(const TokenUsage&, std::string*) override {}

  Json Whole(const TokenUsage& usage) override {
    Json data = Json::array();
    for (size_t i = 0; i < embeddings_.size(); ++i) {
      data.push_back(
          {{"object", "embedding"},
           {"index", i},
           {"embedding", base64_ ? Json(Base64(embeddings_[i])) : Json(embeddings_[i])}});
    }
    return {{"object", "list"},
            {"data", std::move(data)},
            {"model", head_.model},
            {"usage", {{"prompt_tokens", usage.n_prompt}, {"total_tokens", usage.n_prompt}}}};
  }

 private:
  const std::vector<TextInput> inputs_;
  const bool base64_;
  const int dimensions_;  ///< 0: all
  AnswerHead head_;
  std::vector<std::vector<float>> embeddings_;
};

}  // namespace

std::unique_ptr<Answer> HandleEmbeddings(RouteCall call) {
  Json body;
  ApiError error = ParseJsonObject(call.request.body, &body);
  if (!error.ok()) return Respond(ToResponse(error));
  Fields fields(body, "", &error);
  GenerationSpec spec;
  spec.model = fields.String("model").value_or("");
  const std::string encoding = fields.String("encoding_format").value_or("float");
  if (encoding != "float" && encoding != "base64") {
    fields.Fail("encoding_format", StrCat("is '", Quoted(encoding), "'; expected float or base64"));
  }
  const int dimensions = static_cast<int>(fields.Int("dimensions", 1, 1 << 20).value_or(0));
  std::vector<TextInput> inputs = ReadTextInputs(fields, "input");
  if (!error.ok()) return Respond(ToResponse(error));
  return Generate(
      std::move(call), std::move(spec),
      std::make_unique<EmbeddingFormat>(std::move(inputs), encoding == "base64", dimensions));
}

}  // namespace autoglm
