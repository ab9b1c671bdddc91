// See fake_model.h.
#include "engine/fake_model.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/rng.h"

namespace autoglm {
namespace {

/// What one position leaves in the cache.
struct Cell {
  int32_t token;
  int32_t position;
};

std::byte* CellAt(const KvLayout& layout, std::span<std::byte* const> pages, int position,
                  bool value) {
  const int64_t head = value ? layout.value_offset(0, 0) : layout.key_offset(0, 0);
  return pages[position / KvLayout::kPageTokens] + head +
         position % KvLayout::kPageTokens * RowBytes(layout.dtype, layout.head_dim);
}

uint64_t Hash(std::span<const int32_t> history) {
  uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a
  for (int32_t token : history) hash = (hash ^ static_cast<uint32_t>(token)) * 0x100000001B3u;
  return hash;
}

}  // namespace

FakeModel::FakeModel(FakeModelOptions options) : options_(std::move(options)) {
  config_.architecture = "fake";
  config_.name = "Fake";
  config_.vocab_size = options_.vocab_size;
  config_.hidden_size = 32;
  config_.num_hidden_layers = 1;
  config_.num_attention_heads = 1;
  config_.num_key_value_heads = 1;
  config_.head_dim = 32;
  config_.max_position_embeddings = options_.max_position_embeddings;
  history_.reserve(options_.max_position_embeddings);
  batch_sizes_.reserve(4096);
}

Result<KvLayout> FakeModel::kv_layout(DType dtype) const {
  return KvLayout{dtype, 1, 1, config_.head_dim};
}

Status FakeModel::CheckBatch(const Batch& batch, const Tensor& logits) const {
  const size_t n_tokens = batch.tokens.size();
  if (n_tokens == 0 || n_tokens > static_cast<size_t>(options_.max_batch_tokens) ||
      batch.positions.size() != n_tokens) {
    return Error(StatusCode::kInternal, "fake model: a batch of ", n_tokens, " tokens and ",
                 batch.positions.size(), " positions");
  }
  if (batch.output_rows.size() > static_cast<size_t>(options_.max_output_rows) ||
      (!batch.output_rows.empty() &&
       !(logits.shape ==
         Shape{static_cast<int64_t>(batch.output_rows.size()), options_.vocab_size}))) {
    return Error(StatusCode::kInternal, "fake model: logits of shape ", logits.shape.ToString(),
                 " for ", batch.output_rows.size(), " output rows");
  }
  int32_t last = -1;
  for (int32_t row : batch.output_rows) {
    if (row <= last || row >= static_cast<int32_t>(n_tokens)) {
      return Error(StatusCode::kInternal, "fake model: output row ", row);
    }
    last = row;
  }
  int32_t next_row = 0;
  for (const KvSpan& span : batch.kv.spans) {
    if (span.first_row != next_row || span.n_rows <= 0 || span.first_position < 0) {
      return Error(StatusCode::kInternal, "fake model: a span at row ", span.first_row);
    }
    next_row += span.n_rows;
    const int64_t end = span.first_position + span.n_rows;
    if (end > options_.max_position_embeddings ||
        end > static_cast<int64_t>(span.pages.size()) * KvLayout::kPageTokens) {
      return Error(StatusCode::kInternal, "fake model: position ", end - 1, " in ",
                   span.pages.size(), " pages");
    }
  }
  if (next_row != static_cast<int32_t>(n_tokens)) {
    return Error(StatusCode::kInternal, "fake model: spans cover ", next_row, " of ", n_tokens);
  }
  return OkStatus();
}

Status FakeModel::ReadHistory(const KvLayout& layout, const KvSpan& span, int n_tokens) {
  history_.clear();
  for (int p = 0; p < n_tokens; ++p) {
    Cell key, value;
    std::memcpy(&key, CellAt(layout, span.pages, p, false), sizeof(key));
    std::memcpy(&value, CellAt(layout, span.pages, p, true), sizeof(value));
    if (key.position != p || value.position != p || key.token != value.token) {
      return Error(StatusCode::kInternal, "fake model: the page of position ", p,
                   " holds position ", key.position);
    }
    history_.push_back(key.token);
  }
  return OkStatus();
}

Status FakeModel::ForwardSpan(const Batch& batch, const KvSpan& span, const Tensor& logits,
                              size_t* output) {
  // As in a real forward pass every row is stored before any row attends.
  for (int i = 0; i < span.n_rows; ++i) {
    const int row = span.first_row + i;
    const Cell cell = {batch.tokens[row], span.first_position + i};
    if (batch.positions[row] != cell.position) {
      return Error(StatusCode::kInternal, "fake model: row ", row, " has position ",
                   batch.positions[row], ", its span says ", cell.position);
    }
    if (cell.token < 0 || cell.token >= options_.vocab_size) {
      return Error(StatusCode::kInternal, "fake model: token ", cell.token);
    }
    for (bool value : {false, true}) {
      std::memcpy(CellAt(batch.kv.layout, span.pages, cell.position, value), &cell, sizeof(cell));
    }
  }
  for (; *output < batch.output_rows.size(); ++*output) {
    const int in_span = batch.output_rows[*output] - span.first_row;
    if (in_span >= span.n_rows) break;
    AUTOGLM_RETURN_IF_ERROR(ReadHistory(batch.kv.layout, span, span.first_position + in_span + 1));
    WriteLogits(history_, logits.f32_row(static_cast<int64_t>(*output)));
  }
  // Rows without output read the cache too.
  return ReadHistory(batch.kv.layout, span, span.first_position + span.n_rows);
}

Status FakeModel::Forward(const Batch& batch, const Tensor& logits) {
  if (!fail_next_.ok()) return std::exchange(fail_next_, OkStatus());
  AUTOGLM_RETURN_IF_ERROR(CheckBatch(batch, logits));
  if (batch_sizes_.size() < batch_sizes_.capacity()) {
    batch_sizes_.push_back(static_cast<int>(batch.tokens.size()));
  }
  size_t output = 0;
  for (const KvSpan& span : batch.kv.spans) {
    AUTOGLM_RETURN_IF_ERROR(ForwardSpan(batch, span, logits, &output));
  }
  return OkStatus();
}

void FakeModel::WriteLogits(std::span<const int32_t> history, float* logits) const {
  const uint64_t hash = Hash(history);
  Rng rng(hash);
  for (int i = 0; i < options_.vocab_size; ++i) logits[i] = static_cast<float>(rng.NextDouble());
  const int32_t preferred =
      options_.next ? options_.next(history) : static_cast<int32_t>(hash % options_.vocab_size);
  if (preferred >= 0 && preferred < options_.vocab_size) logits[preferred] += 10;
}

std::vector<float> FakeModel::ExpectedLogits(std::span<const int32_t> history) const {
  std::vector<float> logits(options_.vocab_size);
  WriteLogits(history, logits.data());
  return logits;
}

std::vector<int32_t> FakeModel::ExpectedGreedy(std::vector<int32_t> prompt, int n_tokens) const {
  const size_t n_prompt = prompt.size();
  for (int i = 0; i < n_tokens; ++i) {
    const std::vector<float> logits = ExpectedLogits(prompt);
    prompt.push_back(
        static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
  }
  return {prompt.begin() + n_prompt, prompt.end()};
}

ByteTokenizer::ByteTokenizer() {
  for (int i = 0; i < 256; ++i) pieces_.emplace_back(1, static_cast<char>(i));
  pieces_.insert(pieces_.end(), {"<bos>", "<eos>", "<mark>"});
}

std::vector<int32_t> ByteTokenizer::Encode(std::string_view text, EncodeOptions options) const {
  std::vector<int32_t> ids;
  if (options.add_special) ids.push_back(kBos);
  while (!text.empty()) {
    int32_t special = -1;
    for (int32_t id = kBos; options.parse_special && id <= kMark; ++id) {
      if (text.starts_with(pieces_[id])) special = id;
    }
    const int32_t id = special >= 0 ? special : static_cast<unsigned char>(text[0]);
    ids.push_back(id);
    text.remove_prefix(pieces_[id].size());
  }
  return ids;
}

std::string_view ByteTokenizer::TokenBytes(int32_t id) const {
  return id >= 0 && id < vocab_size() ? std::string_view(pieces_[id]) : std::string_view();
}

std::string ByteTokenizer::Decode(std::span<const int32_t> ids, bool keep_special) const {
  std::string text;
  for (int32_t id : ids) {
    if (keep_special || type(id) != TokenType::kControl) text += TokenBytes(id);
  }
  return text;
}

TokenType ByteTokenizer::type(int32_t id) const {
  if (id < 0 || id >= vocab_size()) return TokenType::kUnused;
  return id < 256 ? TokenType::kNormal : TokenType::kControl;
}

int32_t ByteTokenizer::Find(std::string_view piece) const {
  const auto it = std::find(pieces_.begin(), pieces_.end(), piece);
  return it == pieces_.end() ? -1 : static_cast<int32_t>(it - pieces_.begin());
}

}  // namespace autoglm
