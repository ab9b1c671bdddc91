#include "formats/hf_tokenizer.h"

#include <algorithm>
#include <utility>

#include "formats/hf_tokenizer_draft.h"
#include "platform/file.h"

namespace autoglm {

namespace {

constexpr size_t kMaxFileBytes = size_t{256} << 20;

class Folder {
 public:
  explicit Folder(const std::string& path) : path_(path) {}

  bool Has(const char* name) const { return FileExists(JoinPath(path_, name)); }
  Result<std::string> Read(const char* name) const {
    return ReadWholeFile(JoinPath(path_, name), kMaxFileBytes);
  }
  /// Empty where there is no such file.
  Result<std::string> ReadIfThere(const char* name) const {
    return Has(name) ? Read(name) : std::string();
  }
  /// Reads `name` and hands it to `reader`, whose errors then name the file.
  Status ReadWith(const char* name, Status (*reader)(std::string_view, TokenizerDraft*),
                  TokenizerDraft* draft) const {
    AUTOGLM_ASSIGN_OR_RETURN(const std::string text, Read(name));
    return reader(text, draft).WithContext(name);
  }

 private:
  std::string path_;
};

bool LooksLikeTiktoken(std::string_view text) {
  // "IQ== 0": base64, a space, a number. A SentencePiece model begins with the byte 0x0A.
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  const size_t space = line.find(' ');
  return space != std::string_view::npos && space > 0 && line.find('\0') == line.npos &&
         static_cast<uint8_t>(text[0]) > ' ';
}

Status ReadTokenizerModel(std::string_view bytes, TokenizerDraft* draft) {
  return LooksLikeTiktoken(bytes) ? ReadTiktokenRanks(bytes, draft)
                                  : ReadSentencePieceModel(bytes, draft);
}

Status ReadVocabulary(const Folder& folder, TokenizerDraft* draft) {
  if (folder.Has("tokenizer.json")) {
    return folder.ReadWith("tokenizer.json", &ReadTokenizerJson, draft);
  }
  if (folder.Has("tokenizer.model")) {
    return folder.ReadWith("tokenizer.model", &ReadTokenizerModel, draft);
  }
  if (folder.Has("vocab.json") && folder.Has("merges.txt")) {
    AUTOGLM_ASSIGN_OR_RETURN(const std::string vocab, folder.Read("vocab.json"));
    AUTOGLM_ASSIGN_OR_RETURN(const std::string merges, folder.Read("merges.txt"));
    return ReadVocabAndMerges(vocab, merges, draft);
  }
  if (folder.Has("vocab.txt")) return folder.ReadWith("vocab.txt", &ReadVocabTxt, draft);
  return Error(StatusCode::kNotFound,
               "the folder holds no tokenizer: none of tokenizer.json, tokenizer.model, vocab.json "
               "with merges.txt, vocab.txt");
}

}  // namespace

Status ReadTokenizerFolder(const std::string& path, Metadata* metadata) {
  const Folder folder(path);
  TokenizerDraft draft;
  AUTOGLM_RETURN_IF_ERROR(ReadVocabulary(folder, &draft));
  AUTOGLM_ASSIGN_OR_RETURN(const std::string config, folder.ReadIfThere("tokenizer_config.json"));
  AUTOGLM_ASSIGN_OR_RETURN(const std::string map, folder.ReadIfThere("special_tokens_map.json"));
  AUTOGLM_ASSIGN_OR_RETURN(const std::string added, folder.ReadIfThere("added_tokens.json"));
  AUTOGLM_RETURN_IF_ERROR(ReadTokenizerConfig(config, map, added, &draft));
  AUTOGLM_ASSIGN_OR_RETURN(std::string chat_template, folder.ReadIfThere("chat_template.jinja"));
  if (!chat_template.empty()) draft.chat_template = std::move(chat_template);
  return draft.Write(metadata);
}

}  // namespace autoglm
