// Tokenizer files of a Hugging Face folder, translated into GGUF's tokenizer.ggml.* keys: any of
// tokenizer.json, tokenizer.model (SentencePiece, tiktoken), vocab.json + merges.txt, vocab.txt.
#pragma once

#include <string>

#include "base/status.h"
#include "formats/metadata.h"

namespace autoglm {

/// Reads the tokenizer of `folder` into `metadata`, which afterwards owns every string. Sets
/// tokenizer.ggml.* and tokenizer.chat_template; what GGUF has no key for goes under
/// autoglm.tokenizer.* (see hf_tokenizer_keys.h). Reads tokenizer_config.json,
/// special_tokens_map.json, added_tokens.json and chat_template.jinja too; generation_config.json
/// and config.json are left to the caller, who may set tokenizer.ggml.eos_token_id and
/// tokenizer.ggml.eog_token_ids afterwards. Token lists are as long as the highest id asks for; a
/// model with more embedding rows than that pads them itself.
/// Errors: kNotFound (no tokenizer files), kDataLoss (damaged), kUnimplemented (an algorithm that
/// we do not know), kIoError; each message names the file.
Status ReadTokenizerFolder(const std::string& folder, Metadata* metadata);

}  // namespace autoglm
