// The tokenizer of a model, or of what holds a tokenizer only.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "formats/model_file.h"
#include "text/tokenizer.h"

namespace autoglm {

/// A tokenizer with what its views point into.
struct TokenizerSource {
  std::unique_ptr<ModelFile> file;     ///< null for a folder
  std::unique_ptr<Metadata> metadata;  ///< null for a file
  std::unique_ptr<Tokenizer> tokenizer;
};

/// `path`: a GGUF file (one with a vocabulary and no tensors will do), or a folder with tokenizer
/// files; its weights, if any, are not looked at.
Result<TokenizerSource> OpenTokenizer(const std::string& path);

}  // namespace autoglm
