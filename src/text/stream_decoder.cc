#include "text/stream_decoder.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace autoglm {

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool at_start, bool keep_special,
                             std::vector<int32_t> shown_special)
    : tokenizer_(tokenizer),
      at_start_(at_start),
      keep_special_(keep_special),
      shown_special_(std::move(shown_special)) {}

std::string StreamDecoder::Push(int32_t id) {
  const TokenType type = tokenizer_.type(id);
  const bool is_control = type == TokenType::kControl || type == TokenType::kUnknown;
  const bool is_shown =
      !is_control || keep_special_ ||
      std::find(shown_special_.begin(), shown_special_.end(), id) != shown_special_.end();
  if (!is_shown) return {};
  if (at_start_) {
    held_ +=
        tokenizer_.Decode({&id, 1}, is_control || keep_special_);  // knows which space to remove
    at_start_ = false;
  } else {
    held_ += tokenizer_.TokenBytes(id);
  }
  const size_t n_whole = CompleteUtf8Prefix(held_);
  std::string out = ReplaceInvalidUtf8(std::string_view(held_).substr(0, n_whole));
  held_.erase(0, n_whole);
  return out;
}

std::string StreamDecoder::Flush() { return ReplaceInvalidUtf8(std::exchange(held_, {})); }

}  // namespace autoglm
