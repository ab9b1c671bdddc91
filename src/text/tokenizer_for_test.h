// Small vocabularies for tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "base/str.h"
#include "base/utf8.h"
#include "formats/byte_alphabet.h"
#include "formats/metadata.h"

namespace autoglm {

/// SetStrings with owned strings.
inline void SetOwnedStrings(Metadata* metadata, std::string_view key,
                            const std::vector<std::string>& values) {
  std::vector<std::string_view> views;
  for (const std::string& value : values) views.push_back(metadata->Own(value));
  metadata->SetStrings(key, std::move(views));
}

/// Byte-level BPE: the 256 bytes (ids 0..255), then one token per merge ("h e"), then
/// "<|control|>" (control) and "<user>" (user-defined).
inline Metadata MakeByteBpe(const std::string& pre, const std::vector<std::string>& merges) {
  Metadata metadata;
  std::vector<std::string> tokens;
  for (int b = 0; b < 256; ++b) {
    tokens.push_back(ToByteAlphabet(std::string(1, static_cast<char>(b))));
  }
  for (std::string merged : merges) {
    merged.erase(merged.find(' ', 1), 1);
    tokens.push_back(merged);
  }
  std::vector<int64_t> types(tokens.size(), 1);
  tokens.insert(tokens.end(), {"<|control|>", "<user>"});
  types.insert(types.end(), {3, 4});
  metadata.SetString("tokenizer.ggml.model", "gpt2");
  metadata.SetString("tokenizer.ggml.pre", pre);
  SetOwnedStrings(&metadata, "tokenizer.ggml.tokens", tokens);
  SetOwnedStrings(&metadata, "tokenizer.ggml.merges", merges);
  metadata.SetI32s("tokenizer.ggml.token_type", types);
  return metadata;
}

/// SentencePiece style: <unk>, <s>, </s>, the byte tokens if asked for (from id 3), then `pieces`
/// with scores 0, -1, -2 ...
inline Metadata MakeSpm(const std::vector<std::string>& pieces, bool byte_tokens = true) {
  Metadata metadata;
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<int64_t> types = {2, 3, 3};
  std::vector<double> scores(3, 0);
  for (int b = 0; byte_tokens && b < 256; ++b) {
    constexpr char kHex[] = "0123456789ABCDEF";
    tokens.push_back(std::string("<0x") + kHex[b >> 4] + kHex[b & 15] + ">");
    types.push_back(6), scores.push_back(0);
  }
  for (size_t i = 0; i < pieces.size(); ++i) {
    tokens.push_back(pieces[i]);
    types.push_back(1), scores.push_back(-static_cast<double>(i));
  }
  metadata.SetString("tokenizer.ggml.model", "llama");
  SetOwnedStrings(&metadata, "tokenizer.ggml.tokens", tokens);
  metadata.SetI32s("tokenizer.ggml.token_type", types);
  metadata.SetF32s("tokenizer.ggml.scores", scores);
  metadata.SetU32("tokenizer.ggml.bos_token_id", 1);
  metadata.SetU32("tokenizer.ggml.eos_token_id", 2);
  metadata.SetU32("tokenizer.ggml.unknown_token_id", 0);
  return metadata;
}

}  // namespace autoglm
