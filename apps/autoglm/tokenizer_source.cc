#include "apps/autoglm/tokenizer_source.h"

#include "formats/hf_tokenizer.h"
#include "platform/file.h"

namespace autoglm {

Result<TokenizerSource> OpenTokenizer(const std::string& path) {
  TokenizerSource source;
  const Metadata* metadata = nullptr;
  if (IsDirectory(path)) {
    source.metadata = std::make_unique<Metadata>();
    AUTOGLM_RETURN_IF_ERROR(ReadTokenizerFolder(path, source.metadata.get()));
    metadata = source.metadata.get();
  } else {
    AUTOGLM_ASSIGN_OR_RETURN(source.file, ModelFile::Open(path));
    metadata = &source.file->metadata();
  }
  auto tokenizer = Tokenizer::Create(*metadata);
  if (!tokenizer.ok()) return tokenizer.status().WithContext(path);
  source.tokenizer = std::move(tokenizer).value();
  return source;
}

}  // namespace autoglm
