#include "text/tokenizer.h"

#include "text/vocab_tokenizer.h"

namespace autoglm {

Result<std::unique_ptr<Tokenizer>> Tokenizer::Create(const Metadata& metadata) {
  if (!metadata.Has("tokenizer.ggml.model")) {
    return Error(StatusCode::kNotFound, "the model has no tokenizer (tokenizer.ggml.model)");
  }
  AUTOGLM_ASSIGN_OR_RETURN(const std::string_view model,
                           metadata.GetString("tokenizer.ggml.model"));
  std::string known;
#define AUTOGLM_TOKENIZER(name, factory)       \
  if (model == name) return factory(metadata); \
  StrAppend(&known, known.empty() ? "" : ", ", name);
#include "text/tokenizers.inc"
#undef AUTOGLM_TOKENIZER
  return Error(StatusCode::kUnimplemented, "the tokenizer algorithm '", Quoted(model),
               "' (tokenizer.ggml.model) is not supported; supported are ", known);
}

}  // namespace autoglm
