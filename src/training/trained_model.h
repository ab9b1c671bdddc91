// TrainedModel: a decoder with its tokenizer, read from any model file and written as a Hugging
// Face folder with a GGUF file in it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "formats/model_file.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"
#include "training/decoder.h"

namespace autoglm {

/// A tokenizer with the metadata that its views point into.
struct TokenizerPart {
  std::unique_ptr<Metadata> metadata;  ///< tokenizer.* and autoglm.tokenizer.* only
  std::unique_ptr<Tokenizer> tokenizer;
  std::optional<ChatTemplate> chat_template;

  /// The errors of Tokenizer::Create and ChatTemplate::Parse.
  static Result<TokenizerPart> Create(std::unique_ptr<Metadata> metadata);
  /// Out of a GGUF file, a model folder or a folder with tokenizer files only.
  static Result<TokenizerPart> Open(const std::string& path);
};

struct TrainedModel {
  TokenizerPart text;
  std::unique_ptr<TrainableDecoder> decoder;

  /// Reads weights of any type as float32. Errors: those of ModelFile::Open and ReadDecoderConfig,
  /// kDataLoss (a tensor is missing or of another shape).
  static Result<TrainedModel> Open(const std::string& path);
};

/// What Save adds to a file's own metadata, as GGUF keys with text values.
using ExtraMetadata = std::vector<std::pair<std::string, std::string>>;

/// Writes the decoder's weights, as float32, with the tokenizer: `path` is one GGUF file. It
/// appears when complete or not at all. Errors: those of WriteGgufFile.
Status SaveGguf(const TrainableDecoder& decoder, const TokenizerPart& text, const std::string& path,
                const ExtraMetadata& extra = {});

/// Writes `folder`: config.json, model.safetensors and the tokenizer's files, which transformers
/// reads. kUnimplemented for a tokenizer that such a folder cannot hold (see WriteTokenizerFolder).
Status SaveFolder(const TrainableDecoder& decoder, const TokenizerPart& text,
                  const std::string& folder);

/// Both: the folder's files, where it can hold the tokenizer, and `folder`/model.gguf.
Status SaveModel(const TrainableDecoder& decoder, const TokenizerPart& text,
                 const std::string& folder, const ExtraMetadata& extra = {});

}  // namespace autoglm
