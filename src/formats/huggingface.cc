#include "formats/huggingface.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

#include "formats/hf/architectures.h"
#include "formats/hf/generation.h"
#include "formats/hf_tokenizer.h"
#include "platform/file.h"
#include "quant/quant_format.h"

namespace autoglm {

namespace {

using Stored = SafetensorsFolder::Stored;

constexpr size_t kMaxConfigBytes = 16 << 20;

/// Buffers that old checkpoints store and that are computed anew.
constexpr std::string_view kIgnoredSuffixes[] = {".rotary_emb.inv_freq", ".rotary_pos_emb.inv_freq",
                                                 ".masked_bias", ".position_ids"};

/// Where row `i` of the tensor lies in its part: see HfPart::rotary_heads.
int64_t StoredRow(int64_t i, int64_t n_rows, int64_t rotary_heads) {
  if (rotary_heads == 0) return i;
  const int64_t head_dim = n_rows / rotary_heads;
  const int64_t head = i / head_dim, within = i % head_dim;
  return head * head_dim + (within % 2) * (head_dim / 2) + within / 2;
}

/// Converts `n` elements between float types; `add` only where `to` is F32.
void ConvertElements(DType from, const std::byte* in, DType to, float add, int64_t n,
                     std::byte* out) {
  if (from == to && add == 0) {
    std::memcpy(out, in, static_cast<size_t>(RowBytes(to, n)));
    return;
  }
  constexpr int64_t kChunk = 1024;
  std::array<float, kChunk> values;
  for (int64_t i = 0; i < n; i += kChunk) {
    const int64_t m = std::min(kChunk, n - i);
    Format(from).decode(in + RowBytes(from, i), values.data(), m);
    for (int64_t j = 0; j < m; ++j) values[static_cast<size_t>(j)] += add;
    Format(to).encode(values.data(), nullptr, out + RowBytes(to, i), m);
  }
}

/// A vector's elements are its rows here, so that both are joined and permuted in one way.
int64_t RowsOf(const Shape& shape) { return shape.rank() == 1 ? shape[0] : shape.rows(); }
int64_t ColsOf(const Shape& shape) { return shape.rank() == 1 ? 1 : shape.cols(); }

bool IsIgnored(const HfModel& model, std::string_view name) {
  for (const std::string& prefix : model.ignored_prefixes) {
    if (name.starts_with(prefix)) return true;
  }
  return std::any_of(std::begin(kIgnoredSuffixes), std::end(kIgnoredSuffixes),
                     [&](std::string_view suffix) { return name.ends_with(suffix); });
}

Status RefuseQuantized(HfConfig* config) {
  if (!config->Has("quantization_config")) return OkStatus();
  HfConfig quantization = config->Child("quantization_config");
  return Error(StatusCode::kUnimplemented, "the checkpoint is quantized with '",
               Quoted(quantization.Text("quant_method", "an unnamed method")),
               "', which is not supported; use the original weights (F32, F16 or BF16) or a GGUF "
               "file");
}

Result<const HfArchitecture*> ChooseArchitecture(HfConfig* config) {
  const std::vector<std::string> names = config->Texts("architectures");
  AUTOGLM_RETURN_IF_ERROR(config->status());
  if (names.empty()) {
    return Error(StatusCode::kInvalidArgument,
                 "config.json names no architecture ('architectures' is missing)");
  }
  std::vector<std::string_view> known;
  for (const HfArchitecture& architecture : HfArchitectures()) {
    if (architecture.name == names[0]) return &architecture;
    known.push_back(architecture.name);
  }
  std::string list;
  for (std::string_view name : known) StrAppend(&list, list.empty() ? "" : ", ", name);
  return Error(StatusCode::kUnimplemented, "the architecture '", Quoted(names[0]),
               "' is not supported; known are ", list);
}

}  // namespace

Result<std::unique_ptr<ModelFile>> HuggingFaceFolder::Open(const std::string& folder,
                                                           MapMode mode) {
  std::unique_ptr<HuggingFaceFolder> model(new HuggingFaceFolder());
  model->path_ = folder;
  if (Status status = model->Read(folder, mode); !status.ok()) {
    return status.WithContext(Quoted(folder, 4096));
  }
  return std::unique_ptr<ModelFile>(std::move(model));
}

Status HuggingFaceFolder::Read(const std::string& folder, MapMode mode) {
  const std::string config_path = JoinPath(folder, "config.json");
  if (!FileExists(config_path)) {
    const Status tokenizer = ReadTokenizerFolder(folder, &metadata_);
    if (tokenizer.code() == StatusCode::kNotFound) {
      return Error(StatusCode::kInvalidArgument,
                   "not a model folder: it has neither config.json nor tokenizer files");
    }
    return tokenizer;
  }
  AUTOGLM_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(config_path, kMaxConfigBytes));
  AUTOGLM_ASSIGN_OR_RETURN(HfConfig config, HfConfig::Parse(text, "config.json"));
  AUTOGLM_RETURN_IF_ERROR(RefuseQuantized(&config));
  AUTOGLM_ASSIGN_OR_RETURN(const HfArchitecture* architecture, ChooseArchitecture(&config));
  HfModel model(architecture->gguf_name);
  architecture->describe(&config, &model);
  AUTOGLM_RETURN_IF_ERROR(config.status());

  AUTOGLM_ASSIGN_OR_RETURN(files_, SafetensorsFolder::Open(folder, mode));
  AUTOGLM_RETURN_IF_ERROR(Bind(model, architecture->name));
  metadata_ = std::move(model.metadata);
  DescribeFile(folder);
  const Status tokenizer = ReadTokenizerFolder(folder, &metadata_);
  if (!tokenizer.ok() && tokenizer.code() != StatusCode::kNotFound) return tokenizer;
  AUTOGLM_RETURN_IF_ERROR(DescribeGeneration(folder, &config, &metadata_));
  return PadVocabulary();
}

const Stored* HuggingFaceFolder::FindStored(const HfModel& model, const std::string& name) const {
  if (const Stored* stored = files_.Find(name)) return stored;
  for (const auto& [prefix, alternative] : model.alternative_prefixes) {
    if (!name.starts_with(prefix)) continue;
    if (const Stored* stored = files_.Find(alternative + name.substr(prefix.size()))) return stored;
  }
  return nullptr;
}

Status HuggingFaceFolder::BindTensor(const HfModel& model, const HfTensor& tensor,
                                     TensorEntry* entry, Binding* binding,
                                     std::vector<const Stored*>* used) const {
  entry->name = tensor.name;
  entry->dtype = DType::kF32;
  binding->add = tensor.add;
  binding->values = tensor.values;
  if (tensor.parts.empty()) {
    entry->shape = Shape{static_cast<int64_t>(tensor.values.size())};
    return OkStatus();
  }
  int64_t n_rows = 0;
  bool same_type = true;
  for (const HfPart& part : tensor.parts) {
    const Stored* stored = FindStored(model, part.name);
    if (stored == nullptr) {
      return Error(StatusCode::kNotFound, "tensor '", part.name, "' is missing");
    }
    const SafetensorsEntry& found = stored->entry;
    if (!(found.shape == part.shape)) {
      return Error(StatusCode::kInvalidArgument, "tensor '", part.name, "' has the shape ",
                   found.shape.ToString(), "; config.json asks for ", part.shape.ToString());
    }
    if (!found.dtype) {
      return Error(StatusCode::kUnimplemented, "tensor '", part.name, "' is of type ",
                   found.dtype_name, "; F32, F16 and BF16 are supported");
    }
    if (part.rotary_heads > 0 && RowsOf(part.shape) / part.rotary_heads % 2 != 0) {
      return Error(StatusCode::kInvalidArgument, "tensor '", part.name,
                   "': the head's size is odd, so that it has no rotary halves");
    }
    same_type &= found.dtype == FindStored(model, tensor.parts[0].name)->entry.dtype;
    binding->sources.push_back({stored, n_rows, RowsOf(part.shape), part.rotary_heads});
    n_rows += RowsOf(part.shape);
    used->push_back(stored);
  }
  const Shape& first = tensor.parts[0].shape;
  const bool is_vector = first.rank() == 1;
  if (!is_vector && !tensor.is_norm && same_type) {
    entry->dtype = *binding->sources[0].stored->entry.dtype;
  }
  entry->shape = is_vector ? Shape{n_rows} : Shape{n_rows, first.cols()};
  return OkStatus();
}

Status HuggingFaceFolder::Bind(const HfModel& model, std::string_view hf_name) {
  std::vector<TensorEntry> entries(model.tensors.size());
  bindings_.resize(model.tensors.size());
  std::vector<const Stored*> used;
  for (size_t i = 0; i < model.tensors.size(); ++i) {
    AUTOGLM_RETURN_IF_ERROR(BindTensor(model, model.tensors[i], &entries[i], &bindings_[i], &used));
  }
  AUTOGLM_RETURN_IF_ERROR(RefuseOthers(model, hf_name, used));
  return SetTensors(std::move(entries));
}

Status HuggingFaceFolder::RefuseOthers(const HfModel& model, std::string_view hf_name,
                                       const std::vector<const Stored*>& used) const {
  const std::set<const Stored*> known(used.begin(), used.end());
  for (const auto& [name, stored] : files_.tensors()) {
    if (known.contains(&stored) || IsIgnored(model, name)) continue;
    return Error(StatusCode::kUnimplemented, "tensor '", Quoted(name), "' ",
                 stored.entry.shape.ToString(), " is no part of ", hf_name,
                 " as config.json describes it; to ignore it would change what the model computes");
  }
  return OkStatus();
}

/// general.name, and general.file_type from what most of the weights are.
void HuggingFaceFolder::DescribeFile(const std::string& folder) {
  std::error_code error;
  const std::filesystem::path full = std::filesystem::canonical(folder, error);
  const std::string name = error ? folder : full.filename().string();
  metadata_.SetString("general.name", name.empty() ? "model" : name);
  int64_t n_elements[kNumDTypes] = {};
  for (const TensorEntry& entry : tensors()) {
    n_elements[static_cast<int>(entry.dtype)] +=
        entry.shape.rank() > 1 ? entry.shape.n_elements() : 0;
  }
  const auto most = static_cast<DType>(
      std::max_element(std::begin(n_elements), std::end(n_elements)) - std::begin(n_elements));
  metadata_.SetU32("general.file_type", most == DType::kF16 ? 1 : most == DType::kBF16 ? 32 : 0);
}

/// Readers want as many tokens as the embedding has rows; the rows beyond the tokenizer's last one
/// are padding that no text gives.
Status HuggingFaceFolder::PadVocabulary() {
  constexpr int64_t kUnusedToken = 5;
  const TensorEntry* embedding = Find("token_embd.weight");
  const std::string_view tokens_key = "tokenizer.ggml.tokens";
  if (embedding == nullptr || !metadata_.Has(tokens_key)) return OkStatus();
  const auto n_rows = static_cast<size_t>(embedding->shape.rows());
  AUTOGLM_ASSIGN_OR_RETURN(const auto tokens, metadata_.GetStrings(tokens_key));
  if (tokens.size() >= n_rows) return OkStatus();
  std::vector<std::string_view> padded(tokens.begin(), tokens.end());
  for (size_t i = tokens.size(); i < n_rows; ++i) {
    padded.push_back(metadata_.Own(StrCat("[PAD", i, "]")));
  }
  if (const MetaValue* types = metadata_.Find("tokenizer.ggml.token_type")) {
    AUTOGLM_ASSIGN_OR_RETURN(const auto old, metadata_.GetInts("tokenizer.ggml.token_type"));
    MetaValue value{MetaType::kArray, types->element, std::vector<int64_t>(old.begin(), old.end())};
    std::get<std::vector<int64_t>>(value.v).resize(n_rows, kUnusedToken);
    metadata_.Set("tokenizer.ggml.token_type", std::move(value));
  }
  if (metadata_.Has("tokenizer.ggml.scores")) {
    AUTOGLM_ASSIGN_OR_RETURN(const auto old, metadata_.GetFloats("tokenizer.ggml.scores"));
    std::vector<double> scores(old.begin(), old.end());
    scores.resize(n_rows, -10000);
    metadata_.SetF32s("tokenizer.ggml.scores", std::move(scores));
  }
  metadata_.SetStrings(tokens_key, std::move(padded));
  return OkStatus();
}

Tensor HuggingFaceFolder::View(const TensorEntry& entry) const {
  const int64_t i = IndexOf(entry);
  if (i < 0) return {};
  Tensor tensor{entry.dtype, entry.shape, nullptr};
  const Binding& binding = bindings_[static_cast<size_t>(i)];
  if (binding.sources.size() != 1 || binding.add != 0) return tensor;
  const Source& source = binding.sources[0];
  const std::byte* data = source.stored->bytes.data();
  // Files may put a tensor anywhere; elements are used in place only where they are aligned.
  const auto element_bytes = static_cast<uintptr_t>(Info(entry.dtype).block_bytes);
  if (source.rotary_heads == 0 && source.stored->entry.dtype == entry.dtype &&
      reinterpret_cast<uintptr_t>(data) % element_bytes == 0) {
    tensor.data = const_cast<std::byte*>(data);
  }
  return tensor;
}

Status HuggingFaceFolder::ReadRows(const TensorEntry& entry, int64_t first, int64_t n,
                                   std::byte* out) const {
  AUTOGLM_RETURN_IF_ERROR(CheckRows(entry, first, n));
  const Binding& binding = bindings_[static_cast<size_t>(IndexOf(entry))];
  if (binding.sources.empty()) {
    if (n > 0) std::memcpy(out, binding.values.data(), binding.values.size() * sizeof(float));
    return OkStatus();
  }
  const bool is_vector = entry.shape.rank() == 1;
  const int64_t begin = is_vector ? 0 : first;
  const int64_t end = is_vector ? n * entry.shape[0] : first + n;
  const int64_t cols = ColsOf(entry.shape);
  for (const Source& source : binding.sources) {
    const DType from = *source.stored->entry.dtype;
    const int64_t stop = std::min(end, source.first + source.n);
    for (int64_t row = std::max(begin, source.first); row < stop;) {
      // Rows that lie one after the other in the file are taken in one go.
      const int64_t run = source.rotary_heads > 0 ? 1 : stop - row;
      const int64_t at = StoredRow(row - source.first, source.n, source.rotary_heads);
      ConvertElements(from, source.stored->bytes.data() + RowBytes(from, at * cols), entry.dtype,
                      binding.add, run * cols, out + RowBytes(entry.dtype, (row - begin) * cols));
      row += run;
    }
  }
  return OkStatus();
}

void HuggingFaceFolder::DropPages(const TensorEntry& entry, int64_t first, int64_t n) const {
  const int64_t i = IndexOf(entry);
  if (i < 0 || first + n < entry.shape.rows()) return;
  for (const Source& source : bindings_[static_cast<size_t>(i)].sources) {
    files_.DropPages(*source.stored);
  }
}

}  // namespace autoglm
