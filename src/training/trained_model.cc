#include "training/trained_model.h"

#include <cstring>
#include <filesystem>
#include <set>

#include "formats/gguf_writer.h"
#include "formats/hf_tokenizer.h"
#include "formats/safetensors_writer.h"
#include "platform/file.h"
#include "quant/quant_format.h"
#include "training/tokenizer_metadata.h"

namespace autoglm {

namespace {

bool IsOfTokenizer(std::string_view key) {
  return key.starts_with("tokenizer.") || key.starts_with("autoglm.tokenizer.");
}

/// A copy whose strings are its own.
MetaValue CopyValue(const MetaValue& value, Metadata* to) {
  MetaValue copy = value;
  if (auto* text = std::get_if<std::string_view>(&copy.v)) *text = to->Own(*text);
  if (auto* texts = std::get_if<std::vector<std::string_view>>(&copy.v)) {
    for (std::string_view& text : *texts) text = to->Own(text);
  }
  return copy;
}

void CopyTokenizer(const Metadata& from, Metadata* to) {
  for (const auto& [key, value] : from.entries()) {
    if (IsOfTokenizer(key)) to->Set(key, CopyValue(value, to));
  }
}

std::string ShapeText(const at::Tensor& value) {
  Shape shape;
  for (const int64_t n : value.sizes()) shape.Append(n);
  return shape.ToString();
}

/// The rows of `entry` as float32 into `out`, which is contiguous by rows.
Status ReadFloats(const ModelFile& file, const TensorEntry& entry, int64_t first, int64_t n,
                  float* out) {
  const int64_t cols = entry.shape.cols();
  std::vector<std::byte> stored(static_cast<size_t>(n * RowBytes(entry.dtype, cols)));
  AUTOGLM_RETURN_IF_ERROR(file.ReadRows(entry, first, n, stored.data()));
  Format(entry.dtype).decode(stored.data(), out, n * cols);
  return OkStatus();
}

/// Copies rows [first, first + n) of the file's tensor to `target` (a vector's elements count as
/// rows).
Status ReadInto(const ModelFile& file, const std::string& name, int64_t first, at::Tensor target) {
  const TensorEntry* entry = file.Find(name);
  if (entry == nullptr) return Error(StatusCode::kDataLoss, "tensor '", name, "' is missing");
  const bool is_matrix = target.dim() == 2;
  const int64_t n_file_rows = is_matrix ? entry->shape.rows() : entry->shape.cols();
  const bool fits = entry->shape.rank() == target.dim() && first + target.size(0) <= n_file_rows &&
                    (!is_matrix || entry->shape.cols() == target.size(1));
  if (!fits) {
    return Error(StatusCode::kDataLoss, "tensor '", name, "' is ", entry->shape.ToString(),
                 ", expected ", ShapeText(target));
  }
  at::Tensor whole = is_matrix ? target : at::empty({n_file_rows}, at::kFloat);
  at::Tensor rows = is_matrix ? at::empty(target.sizes(), at::kFloat) : whole;
  AUTOGLM_RETURN_IF_ERROR(ReadFloats(file, *entry, is_matrix ? first : 0,
                                     is_matrix ? target.size(0) : 1, rows.data_ptr<float>()));
  target.copy_(is_matrix ? rows : whole.narrow(0, first, target.size(0)));
  return OkStatus();
}

/// Where a file keeps what FileLayout names: mostly under that name, but it may have fused Q, K and
/// V.
Status ReadTensor(const ModelFile& file, const TrainableDecoder& decoder, const std::string& name) {
  const at::Tensor target = decoder.FileValue(name);
  if (file.Find(name) != nullptr) return ReadInto(file, name, 0, target);
  const DecoderConfig& c = decoder.config();
  const std::pair<const char*, int64_t> parts[] = {
      {".attn_q.", 0}, {".attn_k.", c.q_rows()}, {".attn_v.", c.q_rows() + c.kv_rows()}};
  for (const auto& [part, first] : parts) {
    const size_t at = name.find(part);
    if (at == name.npos) continue;
    std::string fused = name;
    fused.replace(at, std::strlen(part), ".attn_qkv.");
    return ReadInto(file, fused, first, target);
  }
  return Error(StatusCode::kDataLoss, "tensor '", name, "' is missing");
}

/// Interleaved rows of heads as two halves, which is what Llama's folders hold.
at::Tensor Halves(const at::Tensor& rows, int64_t n_heads) {
  const int64_t n = rows.size(0), head_dim = n / n_heads, cols = rows.dim() == 2 ? rows.size(1) : 1;
  return rows.reshape({n_heads, head_dim / 2, 2, cols}).transpose(1, 2).reshape(rows.sizes());
}

std::span<const std::byte> BytesOf(const at::Tensor& value) {
  return std::as_bytes(std::span(value.data_ptr<float>(), static_cast<size_t>(value.numel())));
}

}  // namespace

Result<TokenizerPart> TokenizerPart::Create(std::unique_ptr<Metadata> metadata) {
  TokenizerPart part;
  part.metadata = std::move(metadata);
  AUTOGLM_ASSIGN_OR_RETURN(part.tokenizer, Tokenizer::Create(*part.metadata));
  AUTOGLM_ASSIGN_OR_RETURN(const std::string_view source,
                           part.metadata->GetString("tokenizer.chat_template", ""));
  if (!source.empty()) {
    AUTOGLM_ASSIGN_OR_RETURN(ChatTemplate chat_template, ChatTemplate::Parse(source));
    part.chat_template.emplace(std::move(chat_template));
  }
  return part;
}

Result<TokenizerPart> TokenizerPart::Open(const std::string& path) {
  auto metadata = std::make_unique<Metadata>();
  if (IsDirectory(path)) {
    AUTOGLM_RETURN_IF_ERROR(ReadTokenizerFolder(path, metadata.get()).WithContext(path));
  } else {
    AUTOGLM_ASSIGN_OR_RETURN(const auto file, ModelFile::Open(path));
    CopyTokenizer(file->metadata(), metadata.get());
  }
  Result<TokenizerPart> part = Create(std::move(metadata));
  if (!part.ok()) return part.status().WithContext(path);
  return part;
}

Result<TrainedModel> TrainedModel::Open(const std::string& path) {
  AUTOGLM_ASSIGN_OR_RETURN(const auto file, ModelFile::Open(path));
  const auto config = ReadDecoderConfig(
      file->metadata(), [&](std::string_view name) { return file->Find(name) != nullptr; });
  if (!config.ok()) return config.status().WithContext(path);
  TrainedModel model;
  auto metadata = std::make_unique<Metadata>();
  CopyTokenizer(file->metadata(), metadata.get());
  AUTOGLM_ASSIGN_OR_RETURN(model.text, TokenizerPart::Create(std::move(metadata)));
  model.decoder = std::make_unique<TrainableDecoder>(*config, 0);
  AUTOGLM_ASSIGN_OR_RETURN(const FileLayout layout, DescribeFile(*config));
  const at::NoGradGuard no_grad;
  for (const FileTensor& tensor : layout.tensors) {
    if (tensor.is_shared) continue;
    const Status status = ReadTensor(*file, *model.decoder, tensor.name);
    if (!status.ok()) return status.WithContext(path);
  }
  return model;
}

Status SaveGguf(const TrainableDecoder& decoder, const TokenizerPart& text, const std::string& path,
                const ExtraMetadata& extra) {
  AUTOGLM_ASSIGN_OR_RETURN(FileLayout layout, DescribeFile(decoder.config()));
  CopyTokenizer(*text.metadata, &layout.metadata);
  layout.metadata.SetU32("general.file_type", 0);
  for (const auto& [key, value] : extra) layout.metadata.SetString(key, value);
  std::vector<TensorEntry> entries;
  for (const FileTensor& tensor : layout.tensors) {
    if (tensor.is_shared) continue;
    entries.push_back({tensor.name, DType::kF32, tensor.shape});
  }
  return WriteGgufFile(path, layout.metadata, entries,
                       [&](const TensorEntry& entry, const ByteSink& sink) {
                         return sink(BytesOf(decoder.FileValue(entry.name).contiguous()));
                       });
}

Status SaveFolder(const TrainableDecoder& decoder, const TokenizerPart& text,
                  const std::string& folder) {
  AUTOGLM_ASSIGN_OR_RETURN(const FileLayout layout, DescribeFile(decoder.config()));
  AUTOGLM_RETURN_IF_ERROR(WriteTokenizerFolder(*text.metadata, folder));
  std::vector<at::Tensor> values;
  std::vector<SafetensorsData> tensors;
  for (const FileTensor& tensor : layout.tensors) {
    const at::Tensor whole = decoder.FileValue(tensor.name);
    int64_t first = 0;
    for (const FileTensor::Part& part : tensor.parts) {
      at::Tensor rows = whole.narrow(0, first, part.n_rows);
      if (part.rotary_heads > 0) rows = Halves(rows, part.rotary_heads);
      values.push_back(rows.contiguous());
      Shape shape;
      for (const int64_t n : rows.sizes()) shape.Append(n);
      tensors.push_back({part.name, "F32", shape, BytesOf(values.back())});
      first += part.n_rows;
    }
  }
  AUTOGLM_RETURN_IF_ERROR(
      WriteSafetensors(JoinPath(folder, "model.safetensors"), tensors, {{"format", "pt"}}));
  return WriteFileAtomic(JoinPath(folder, "config.json"),
                         HuggingFaceConfigText(decoder.config(), text.tokenizer->eos_id()));
}

Status SaveModel(const TrainableDecoder& decoder, const TokenizerPart& text,
                 const std::string& folder, const ExtraMetadata& extra) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return ErrnoError(error.value(), "cannot create folder", folder);
  const Status as_folder = SaveFolder(decoder, text, folder);
  if (!as_folder.ok() && as_folder.code() != StatusCode::kUnimplemented) return as_folder;
  return SaveGguf(decoder, text, JoinPath(folder, "model.gguf"), extra);
}

}  // namespace autoglm
