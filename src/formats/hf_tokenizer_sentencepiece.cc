// tokenizer.model as SentencePiece writes it: a protocol buffer (sentencepiece_model.proto), of
// which we read the pieces, the trainer's choices and the normalizer's.
#include <cstring>

#include "formats/hf_tokenizer_draft.h"

namespace autoglm {

namespace {

using Type = TokenizerDraft::Type;

// One field of a protocol-buffer message at a time.
class Message {
 public:
  explicit Message(std::string_view bytes) : rest_(bytes) {}

  /// False at the end; kDataLoss where the bytes are no message.
  Result<bool> Next() {
    if (rest_.empty()) return false;
    AUTOGLM_ASSIGN_OR_RETURN(const uint64_t tag, Varint());
    field = static_cast<int>(tag >> 3);
    number = 0, bytes = {};
    switch (tag & 7) {
      case 0: {
        AUTOGLM_ASSIGN_OR_RETURN(number, Varint());
        break;
      }
      case 1:
        AUTOGLM_RETURN_IF_ERROR(Take(8));
        break;
      case 2: {
        AUTOGLM_ASSIGN_OR_RETURN(const uint64_t n, Varint());
        AUTOGLM_RETURN_IF_ERROR(Take(n));
        break;
      }
      case 5:
        AUTOGLM_RETURN_IF_ERROR(Take(4));
        break;
      default:
        return Truncated();
    }
    return true;
  }

  /// A 4-byte field as a float.
  float AsFloat() const {
    float value = 0;
    if (bytes.size() == 4) std::memcpy(&value, bytes.data(), 4);
    return value;
  }

  int field = 0;
  uint64_t number = 0;     ///< of a varint field
  std::string_view bytes;  ///< of any other

 private:
  static Status Truncated() {
    return Error(StatusCode::kDataLoss, "not a SentencePiece model, or a damaged one");
  }
  Status Take(uint64_t n) {
    if (n > rest_.size()) return Truncated();
    bytes = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return OkStatus();
  }
  Result<uint64_t> Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const uint8_t byte = static_cast<uint8_t>(rest_[0]);
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return Truncated();
  }

  std::string_view rest_;
};

Status ReadPiece(std::string_view bytes, TokenizerDraft* draft) {
  Message message(bytes);
  std::string text;
  float score = 0;
  uint64_t type = 1;
  while (true) {
    AUTOGLM_ASSIGN_OR_RETURN(const bool more, message.Next());
    if (!more) break;
    if (message.field == 1) text = message.bytes;
    if (message.field == 2) score = message.AsFloat();
    if (message.field == 3) type = message.number;
  }
  if (type < 1 || type > 6) {
    return Error(StatusCode::kDataLoss, "piece ", draft->tokens.size(), " has the unknown type ",
                 type);
  }
  const int64_t id = static_cast<int64_t>(draft->tokens.size());
  // The numbers of the types are those of GGUF. An unused one must keep its place.
  AUTOGLM_RETURN_IF_ERROR(draft->SetToken(id, text, score, static_cast<Type>(type)));
  if (type == 2) draft->roles["unk"] = text;
  return OkStatus();
}

struct Trainer {
  uint64_t model_type = 1;  // 1 unigram, 2 BPE, 3 word, 4 char
  int64_t bos = 1, eos = 2, pad = -1;
};

Result<Trainer> ReadTrainer(std::string_view bytes) {
  Trainer trainer;
  Message message(bytes);
  while (true) {
    AUTOGLM_ASSIGN_OR_RETURN(const bool more, message.Next());
    if (!more) return trainer;
    const int64_t number = static_cast<int32_t>(message.number);
    if (message.field == 3) trainer.model_type = message.number;
    if (message.field == 41) trainer.bos = number;
    if (message.field == 42) trainer.eos = number;
    if (message.field == 43) trainer.pad = number;
    if (message.field == 24 && number != 0) {
      return Error(StatusCode::kUnimplemented, "white space as a suffix is not supported");
    }
  }
}

Status ReadNormalizerSpec(std::string_view bytes, TokenizerDraft* draft) {
  Message message(bytes);
  while (true) {
    AUTOGLM_ASSIGN_OR_RETURN(const bool more, message.Next());
    if (!more) return OkStatus();
    if (message.field == 2) draft->charsmap = message.bytes;
    if (message.field == 3) draft->add_space_prefix = message.number != 0;
    if (message.field == 4) draft->remove_extra_whitespaces = message.number != 0;
    if (message.field == 5 && message.number == 0) {
      return Error(StatusCode::kUnimplemented, "a model that does not escape white space");
    }
  }
}

}  // namespace

Status ReadSentencePieceModel(std::string_view bytes, TokenizerDraft* draft) {
  draft->model = "llama";
  draft->has_scores = true;
  draft->add_space_prefix = true;
  draft->remove_extra_whitespaces = true;
  Trainer trainer;
  Message message(bytes);
  while (true) {
    AUTOGLM_ASSIGN_OR_RETURN(const bool more, message.Next());
    if (!more) break;
    if (message.field == 1) AUTOGLM_RETURN_IF_ERROR(ReadPiece(message.bytes, draft));
    if (message.field == 2) {
      AUTOGLM_ASSIGN_OR_RETURN(trainer, ReadTrainer(message.bytes));
    }
    if (message.field == 3) AUTOGLM_RETURN_IF_ERROR(ReadNormalizerSpec(message.bytes, draft));
  }
  if (draft->tokens.empty()) return Error(StatusCode::kDataLoss, "the model has no pieces");
  if (trainer.model_type != 2) {
    return Error(StatusCode::kUnimplemented, "SentencePiece model type ", trainer.model_type,
                 " is not supported; 2 (BPE) is");
  }
  const auto set_role = [draft](const char* role, int64_t id) {
    if (id >= 0 && id < static_cast<int64_t>(draft->tokens.size())) {
      draft->roles[role] = draft->tokens[id].text;
    }
  };
  set_role("bos", trainer.bos);
  set_role("eos", trainer.eos);
  set_role("pad", trainer.pad);
  if (*draft->remove_extra_whitespaces == false) draft->remove_extra_whitespaces.reset();
  return OkStatus();
}

}  // namespace autoglm
