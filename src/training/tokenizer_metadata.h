// A learned vocabulary as metadata (tokenizer.ggml.*), and a tokenizer of that metadata as the
// files of a Hugging Face folder.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "formats/metadata.h"
#include "training/bpe_trainer.h"

namespace autoglm {

/// What stands behind the learned tokens: control tokens, the chat template, how text is split.
struct SpecialTokens {
  std::string pre = "llama-bpe";  ///< as tokenizer.ggml.pre; the trainer was made with it
  std::vector<std::string> names;
  std::string eos;  ///< one of `names`; it also pads
  std::string chat_template;
};

/// The roles of a conversation as GLM writes them, each one token: <|user|>TEXT<|assistant|>.
SpecialTokens DefaultSpecialTokens();

/// tokenizer.ggml.* and tokenizer.chat_template.
void WriteTokenizerMetadata(const BpeVocabulary& vocabulary, const SpecialTokens& special,
                            Metadata* metadata);

/// tokenizer.json, tokenizer_config.json, generation_config.json and, where there is a template,
/// chat_template.jinja in `folder`. kUnimplemented for any tokenizer but byte-level BPE; the errors
/// of WriteFileAtomic.
Status WriteTokenizerFolder(const Metadata& metadata, const std::string& folder);

}  // namespace autoglm
