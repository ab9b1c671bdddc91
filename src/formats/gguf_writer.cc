#include "formats/gguf_writer.h"

#include <bit>
#include <string_view>
#include <unordered_set>

#include "formats/gguf_format.h"
#include "platform/file.h"

namespace autoglm {

namespace {

template <typename T>
void AppendRaw(std::string* out, T value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(T));
}

void AppendText(std::string* out, std::string_view text) {
  AppendRaw<uint64_t>(out, text.size());
  out->append(text);
}

void AppendInteger(std::string* out, MetaType type, int64_t value) {
  switch (type) {
    case MetaType::kU8:
    case MetaType::kI8:
    case MetaType::kBool:
      return AppendRaw(out, static_cast<uint8_t>(value));
    case MetaType::kU16:
    case MetaType::kI16:
      return AppendRaw(out, static_cast<uint16_t>(value));
    case MetaType::kU32:
    case MetaType::kI32:
      return AppendRaw(out, static_cast<uint32_t>(value));
    default:
      return AppendRaw(out, value);
  }
}

void AppendFloat(std::string* out, MetaType type, double value) {
  if (type == MetaType::kF32) {
    AppendRaw(out, static_cast<float>(value));
  } else {
    AppendRaw(out, value);
  }
}

template <typename T, typename AppendOne>
void AppendArray(std::string* out, MetaType element, const std::vector<T>& values,
                 AppendOne append_one) {
  AppendRaw(out, static_cast<uint32_t>(element));
  AppendRaw<uint64_t>(out, values.size());
  for (const T& value : values) append_one(value);
}

/// The alternative that `value.v` must hold for its type.
size_t ExpectedIndex(const MetaValue& value) {
  const bool array = value.type == MetaType::kArray;
  const MetaType scalar = array ? value.element : value.type;
  const size_t kind = scalar == MetaType::kString ? 2 : IsFloat(scalar) ? 1 : 0;
  return array ? 3 + kind : kind;
}

Status AppendPair(std::string* out, const std::string& key, const MetaValue& value) {
  if (value.v.index() != ExpectedIndex(value) ||
      (value.type == MetaType::kArray && value.element == MetaType::kArray)) {
    return Error(StatusCode::kInvalidArgument, "metadata key '", Quoted(key),
                 "' does not hold what its type ", TypeName(value), " says");
  }
  AppendText(out, key);
  AppendRaw(out, static_cast<uint32_t>(value.type));
  const MetaType element = value.element;
  if (const auto* v = std::get_if<int64_t>(&value.v)) {
    AppendInteger(out, value.type, *v);
  } else if (const auto* v = std::get_if<double>(&value.v)) {
    AppendFloat(out, value.type, *v);
  } else if (const auto* v = std::get_if<std::string_view>(&value.v)) {
    AppendText(out, *v);
  } else if (const auto* v = std::get_if<std::vector<int64_t>>(&value.v)) {
    AppendArray(out, element, *v, [&](int64_t x) { AppendInteger(out, element, x); });
  } else if (const auto* v = std::get_if<std::vector<double>>(&value.v)) {
    AppendArray(out, element, *v, [&](double x) { AppendFloat(out, element, x); });
  } else if (const auto* v = std::get_if<std::vector<std::string_view>>(&value.v)) {
    AppendArray(out, element, *v, [&](std::string_view x) { AppendText(out, x); });
  }
  return OkStatus();
}

bool IsSplitKey(std::string_view key) { return key.starts_with("split."); }

Status CheckEntry(const TensorEntry& entry, std::unordered_set<std::string_view>* names) {
  const auto refuse = [&](const auto&... parts) {
    return Error(StatusCode::kInvalidArgument, "tensor '", Quoted(entry.name), "': ", parts...);
  };
  if (entry.name.empty()) return refuse("a tensor needs a name");
  if (!names->insert(entry.name).second) return refuse("given twice");
  if (entry.shape.rank() == 0) return refuse("a tensor needs a dimension");
  for (int i = 0; i < entry.shape.rank(); ++i) {
    if (entry.shape[i] <= 0) return refuse("shape ", entry.shape.ToString(), " is empty");
  }
  const int block = Info(entry.dtype).block_elements;
  if (entry.shape.cols() % block != 0) {
    return refuse("rows of ", entry.shape.cols(), " elements are no multiple of the ", block,
                  " that a block of ", Name(entry.dtype), " holds");
  }
  return OkStatus();
}

/// Everything before the data.
Result<std::string> BuildHead(const Metadata& metadata, std::span<const TensorEntry> tensors,
                              uint64_t alignment) {
  std::string head(gguf::kMagic);
  AppendRaw(&head, gguf::kWrittenVersion);
  AppendRaw<uint64_t>(&head, tensors.size());
  uint64_t n_pairs = 0;
  for (const auto& [key, value] : metadata.entries()) n_pairs += !IsSplitKey(key);
  AppendRaw(&head, n_pairs);
  for (const auto& [key, value] : metadata.entries()) {
    if (IsSplitKey(key)) continue;
    AUTOGLM_RETURN_IF_ERROR(AppendPair(&head, key, value));
  }
  std::unordered_set<std::string_view> names;
  uint64_t offset = 0;
  for (const TensorEntry& entry : tensors) {
    AUTOGLM_RETURN_IF_ERROR(CheckEntry(entry, &names));
    AppendText(&head, entry.name);
    AppendRaw(&head, static_cast<uint32_t>(entry.shape.rank()));
    for (int i = entry.shape.rank(); i-- > 0;) AppendRaw<uint64_t>(&head, entry.shape[i]);
    AppendRaw(&head, Info(entry.dtype).ggml_id);
    AppendRaw(&head, offset);
    offset = gguf::AlignUp(offset + static_cast<uint64_t>(entry.n_bytes()), alignment);
  }
  return head;
}

Status WriteTensor(const TensorEntry& entry, const TensorSource& source, FileWriter* writer) {
  const auto expected = static_cast<uint64_t>(entry.n_bytes());
  uint64_t written = 0;
  AUTOGLM_RETURN_IF_ERROR(source(entry, [&](std::span<const std::byte> bytes) {
    written += bytes.size();
    if (written > expected) {
      return Error(StatusCode::kInvalidArgument, "tensor '", Quoted(entry.name),
                   "': more data given than its ", expected, " bytes");
    }
    return writer->Write(bytes);
  }));
  if (written != expected) {
    return Error(StatusCode::kInvalidArgument, "tensor '", Quoted(entry.name), "': ", written,
                 " bytes given, expected ", expected);
  }
  return OkStatus();
}

Result<uint64_t> AlignmentOf(const Metadata& metadata) {
  AUTOGLM_ASSIGN_OR_RETURN(
      const int64_t alignment_value,
      metadata.GetInt(gguf::kAlignmentKey, static_cast<int64_t>(gguf::kDefaultAlignment)));
  const auto alignment = static_cast<uint64_t>(alignment_value);
  if (alignment_value < 8 || !std::has_single_bit(alignment)) {
    return Error(StatusCode::kInvalidArgument, gguf::kAlignmentKey, " is ", alignment_value,
                 "; it must be a power of two of at least 8");
  }
  return alignment;
}

}  // namespace

Status WriteGgufFile(const std::string& path, const Metadata& metadata,
                     std::span<const TensorEntry> tensors, const TensorSource& source) {
  AUTOGLM_ASSIGN_OR_RETURN(const uint64_t alignment, AlignmentOf(metadata));
  AUTOGLM_ASSIGN_OR_RETURN(const std::string head, BuildHead(metadata, tensors, alignment));
  AUTOGLM_ASSIGN_OR_RETURN(FileWriter writer, FileWriter::Create(path));
  AUTOGLM_RETURN_IF_ERROR(writer.Write(head));
  for (const TensorEntry& entry : tensors) {
    const uint64_t start = gguf::AlignUp(writer.position(), alignment);
    AUTOGLM_RETURN_IF_ERROR(writer.Pad(start - writer.position()));
    AUTOGLM_RETURN_IF_ERROR(WriteTensor(entry, source, &writer));
  }
  // Readers expect the last tensor to be padded too.
  AUTOGLM_RETURN_IF_ERROR(
      writer.Pad(gguf::AlignUp(writer.position(), alignment) - writer.position()));
  return writer.Commit();
}

Result<int64_t> GgufFileBytes(const Metadata& metadata, std::span<const TensorEntry> tensors) {
  AUTOGLM_ASSIGN_OR_RETURN(const uint64_t alignment, AlignmentOf(metadata));
  AUTOGLM_ASSIGN_OR_RETURN(const std::string head, BuildHead(metadata, tensors, alignment));
  uint64_t n_bytes = gguf::AlignUp(head.size(), alignment);
  for (const TensorEntry& entry : tensors) {
    n_bytes = gguf::AlignUp(n_bytes + static_cast<uint64_t>(entry.n_bytes()), alignment);
  }
  return static_cast<int64_t>(n_bytes);
}

}  // namespace autoglm
