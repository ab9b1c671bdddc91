// Tokenizer: text to ids and back. One class per algorithm behind this interface; the vocabulary
// comes as GGUF metadata (tokenizer.ggml.*), into which Hugging Face files are translated on entry.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "formats/metadata.h"

namespace autoglm {

/// Token types of GGUF (tokenizer.ggml.token_type).
enum class TokenType : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

struct EncodeOptions {
  bool add_special = true;     ///< add what the model wants around a prompt (BOS, [CLS] ...)
  bool parse_special = false;  ///< recognise control tokens written out in the text
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Reads "tokenizer.ggml.*". Views into `metadata` are kept: it must outlive the tokenizer.
  /// kNotFound: no tokenizer in the model; kUnimplemented: an algorithm or pre-tokenizer that we
  /// do not know; kDataLoss: damaged lists.
  static Result<std::unique_ptr<Tokenizer>> Create(const Metadata& metadata);

  /// Any bytes are valid input. Threads: const, callable from many.
  virtual std::vector<int32_t> Encode(std::string_view text, EncodeOptions options) const = 0;

  /// The bytes that `id` stands for within a text (a byte token gives its byte; a control token
  /// its name). Ids outside the vocabulary give "".
  virtual std::string_view TokenBytes(int32_t id) const = 0;

  /// The text of `ids`. Control tokens are left out unless `keep_special`. Undoes what Encode added
  /// at the start (a SentencePiece space). May end inside a character: see StreamDecoder.
  virtual std::string Decode(std::span<const int32_t> ids, bool keep_special) const = 0;

  virtual int32_t vocab_size() const = 0;
  virtual TokenType type(int32_t id) const = 0;
  /// The id of the token spelled exactly `piece` in the vocabulary, or -1.
  virtual int32_t Find(std::string_view piece) const = 0;

  /// -1 where the model has none.
  virtual int32_t bos_id() const = 0;
  virtual int32_t eos_id() const = 0;
  virtual bool adds_bos() const = 0;
  /// True for every token that ends an answer (EOS, end of turn, the extra ids of
  /// generation_config.json).
  virtual bool IsEndOfGeneration(int32_t id) const = 0;
};

}  // namespace autoglm
