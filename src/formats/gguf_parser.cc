#include "formats/gguf_parser.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <utility>

#include "formats/byte_reader.h"
#include "formats/gguf_format.h"

namespace autoglm {

namespace {

constexpr uint64_t kMaxKeyBytes = 65535;  // as the specification has it
constexpr uint64_t kMaxAlignment = uint64_t{1} << 30;
constexpr uint64_t kMinPairBytes = 8 + 4 + 1;                // length, type, one byte
constexpr uint64_t kMinTensorInfoBytes = 8 + 4 + 8 + 4 + 8;  // length, rank, one dim, type, offset

/// Refuses a count that the rest of the file cannot hold, before anything is allocated for it.
Status CheckCount(uint64_t count, uint64_t min_bytes_each, const ByteReader& in,
                  std::string_view what) {
  if (count > in.left() / min_bytes_each) {
    return Error(StatusCode::kDataLoss, "the file claims ", count, " ", what, ", but only ",
                 in.left(), " bytes are left at byte ", in.position());
  }
  return OkStatus();
}

Status ReadString(ByteReader* in, std::string_view* out, std::string_view what) {
  uint64_t n = 0;
  AUTOGLM_RETURN_IF_ERROR(in->Read(&n, what));
  return in->ReadView(n, out, what);
}

/// One number of file type T, widened to the type that MetaValue holds.
template <typename T, typename Held>
Status ReadNumber(ByteReader* in, Held* out, std::string_view key) {
  T value{};
  AUTOGLM_RETURN_IF_ERROR(in->Read(&value, key));
  if constexpr (std::is_same_v<T, uint64_t>) {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return Error(StatusCode::kOutOfRange, "metadata key '", Quoted(key), "': ", value,
                   " is above the supported range of 63 bits");
    }
  }
  *out = static_cast<Held>(value);
  return OkStatus();
}

Status ReadBool(ByteReader* in, int64_t* out, std::string_view key) {
  uint8_t value = 0;
  AUTOGLM_RETURN_IF_ERROR(in->Read(&value, key));
  if (value > 1) {
    return Error(StatusCode::kDataLoss, "metadata key '", Quoted(key),
                 "': a bool must be 0 or 1, found ", value);
  }
  *out = value;
  return OkStatus();
}

Status ReadInteger(ByteReader* in, MetaType type, int64_t* out, std::string_view key) {
  switch (type) {
    case MetaType::kU8:
      return ReadNumber<uint8_t>(in, out, key);
    case MetaType::kI8:
      return ReadNumber<int8_t>(in, out, key);
    case MetaType::kU16:
      return ReadNumber<uint16_t>(in, out, key);
    case MetaType::kI16:
      return ReadNumber<int16_t>(in, out, key);
    case MetaType::kU32:
      return ReadNumber<uint32_t>(in, out, key);
    case MetaType::kI32:
      return ReadNumber<int32_t>(in, out, key);
    case MetaType::kU64:
      return ReadNumber<uint64_t>(in, out, key);
    case MetaType::kI64:
      return ReadNumber<int64_t>(in, out, key);
    default:
      return ReadBool(in, out, key);
  }
}

Status ReadFloat(ByteReader* in, MetaType type, double* out, std::string_view key) {
  return type == MetaType::kF32 ? ReadNumber<float>(in, out, key)
                                : ReadNumber<double>(in, out, key);
}

/// Bytes of one element; of its length alone for a string. 0 for what cannot be an element.
uint64_t MinBytes(MetaType type) {
  switch (type) {
    case MetaType::kU8:
    case MetaType::kI8:
    case MetaType::kBool:
      return 1;
    case MetaType::kU16:
    case MetaType::kI16:
      return 2;
    case MetaType::kU32:
    case MetaType::kI32:
    case MetaType::kF32:
      return 4;
    case MetaType::kU64:
    case MetaType::kI64:
    case MetaType::kF64:
    case MetaType::kString:
      return 8;
    case MetaType::kArray:
      return 0;
  }
  return 0;
}

Status ReadType(ByteReader* in, MetaType* type, std::string_view key) {
  uint32_t number = 0;
  AUTOGLM_RETURN_IF_ERROR(in->Read(&number, key));
  if (number > static_cast<uint32_t>(MetaType::kF64)) {
    return Error(StatusCode::kDataLoss, "metadata key '", Quoted(key), "' has unknown type ",
                 number);
  }
  *type = static_cast<MetaType>(number);
  return OkStatus();
}

template <typename T, typename ReadOne>
Status ReadElements(uint64_t count, MetaValue* value, ReadOne read_one) {
  std::vector<T> elements(count);
  for (T& element : elements) AUTOGLM_RETURN_IF_ERROR(read_one(&element));
  value->v = std::move(elements);
  return OkStatus();
}

Status ReadArray(ByteReader* in, MetaValue* value, std::string_view key) {
  AUTOGLM_RETURN_IF_ERROR(ReadType(in, &value->element, key));
  uint64_t count = 0;
  AUTOGLM_RETURN_IF_ERROR(in->Read(&count, key));
  const MetaType type = value->element;
  if (type == MetaType::kArray) {
    return Error(StatusCode::kUnimplemented, "metadata key '", Quoted(key),
                 "' is an array of arrays, which is not supported");
  }
  AUTOGLM_RETURN_IF_ERROR(CheckCount(count, MinBytes(type), *in,
                                     StrCat("elements in metadata key '", Quoted(key), "'")));
  if (type == MetaType::kString) {
    return ReadElements<std::string_view>(
        count, value, [&](std::string_view* text) { return ReadString(in, text, key); });
  }
  if (IsFloat(type)) {
    return ReadElements<double>(count, value,
                                [&](double* x) { return ReadFloat(in, type, x, key); });
  }
  return ReadElements<int64_t>(count, value,
                               [&](int64_t* x) { return ReadInteger(in, type, x, key); });
}

Status ReadValue(ByteReader* in, MetaValue* value, std::string_view key) {
  AUTOGLM_RETURN_IF_ERROR(ReadType(in, &value->type, key));
  if (value->type == MetaType::kArray) return ReadArray(in, value, key);
  if (value->type == MetaType::kString) {
    std::string_view text;
    AUTOGLM_RETURN_IF_ERROR(ReadString(in, &text, key));
    value->v = text;
  } else if (IsFloat(value->type)) {
    double x = 0;
    AUTOGLM_RETURN_IF_ERROR(ReadFloat(in, value->type, &x, key));
    value->v = x;
  } else {
    int64_t x = 0;
    AUTOGLM_RETURN_IF_ERROR(ReadInteger(in, value->type, &x, key));
    value->v = x;
  }
  return OkStatus();
}

Status ReadMetadata(ByteReader* in, uint64_t count, Metadata* metadata) {
  for (uint64_t i = 0; i < count; ++i) {
    std::string_view key;
    AUTOGLM_RETURN_IF_ERROR(ReadString(in, &key, "a metadata key"));
    if (key.empty() || key.size() > kMaxKeyBytes) {
      return Error(StatusCode::kDataLoss, "metadata key ", i, " has a length of ", key.size(),
                   " bytes; 1 to ", kMaxKeyBytes, " are allowed");
    }
    if (metadata->Has(key)) {
      return Error(StatusCode::kDataLoss, "metadata key '", Quoted(key), "' occurs twice");
    }
    MetaValue value;
    AUTOGLM_RETURN_IF_ERROR(ReadValue(in, &value, key));
    metadata->Set(key, std::move(value));
  }
  return OkStatus();
}

/// GGUF stores the innermost dimension first; Shape has it last.
Status ReadShape(ByteReader* in, std::string_view name, Shape* shape) {
  uint32_t rank = 0;
  AUTOGLM_RETURN_IF_ERROR(in->Read(&rank, "a tensor's rank"));
  if (rank < 1 || rank > Shape::kMaxRank) {
    return Error(StatusCode::kDataLoss, "tensor '", Quoted(name), "' has ", rank,
                 " dimensions; 1 to ", Shape::kMaxRank, " are supported");
  }
  uint64_t dims[Shape::kMaxRank] = {};
  uint64_t n_elements = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    AUTOGLM_RETURN_IF_ERROR(in->Read(&dims[i], "a tensor's dimension"));
    constexpr uint64_t kMaxElements = uint64_t{1} << 56;  // times any block's bytes fits 63 bits
    if (dims[i] == 0 || dims[i] > kMaxElements / n_elements) {
      return Error(StatusCode::kDataLoss, "tensor '", Quoted(name), "': dimension ", i, " of ",
                   dims[i], dims[i] == 0 ? " is not allowed" : " is absurdly large");
    }
    n_elements *= dims[i];
  }
  for (uint32_t i = rank; i-- > 0;) shape->Append(static_cast<int64_t>(dims[i]));
  return OkStatus();
}

Status ReadTensorInfo(ByteReader* in, uint64_t alignment, TensorEntry* entry, uint64_t* offset) {
  std::string_view name;
  AUTOGLM_RETURN_IF_ERROR(ReadString(in, &name, "a tensor's name"));
  if (name.empty() || name.size() > kMaxKeyBytes) {
    return Error(StatusCode::kDataLoss, "a tensor's name has ", name.size(), " bytes; 1 to ",
                 kMaxKeyBytes, " are allowed");
  }
  entry->name = name;
  AUTOGLM_RETURN_IF_ERROR(ReadShape(in, name, &entry->shape));
  uint32_t type_id = 0;
  AUTOGLM_RETURN_IF_ERROR(in->Read(&type_id, "a tensor's type"));
  const std::optional<DType> dtype = DTypeFromGgmlId(type_id);
  if (!dtype) {
    return Error(StatusCode::kUnimplemented, "tensor '", Quoted(name), "' is of ggml type ",
                 type_id, ", which this build does not know");
  }
  entry->dtype = *dtype;
  const int block = Info(*dtype).block_elements;
  if (entry->shape.cols() % block != 0) {
    return Error(StatusCode::kDataLoss, "tensor '", Quoted(name), "': rows of ",
                 entry->shape.cols(), " elements are no multiple of the ", block,
                 " that a block of ", Name(*dtype), " holds");
  }
  AUTOGLM_RETURN_IF_ERROR(in->Read(offset, "a tensor's offset"));
  if (*offset % alignment != 0) {
    return Error(StatusCode::kDataLoss, "tensor '", Quoted(name), "': offset ", *offset,
                 " is no multiple of the alignment ", alignment);
  }
  return OkStatus();
}

/// Turns offsets within the data section into offsets within the file, and refuses tensors that
/// leave the file or share bytes.
Status PlaceTensors(uint64_t data_offset, uint64_t file_size, GgufContents* out) {
  const uint64_t room = data_offset < file_size ? file_size - data_offset : 0;
  const size_t n = out->tensors.size();
  for (size_t i = 0; i < n; ++i) {
    const TensorEntry& entry = out->tensors[i];
    const auto n_bytes = static_cast<uint64_t>(entry.n_bytes());
    if (n_bytes > room || out->offsets[i] > room - n_bytes) {
      return Error(StatusCode::kDataLoss, "tensor '", Quoted(entry.name), "' of ",
                   FormatBytes(n_bytes), " at offset ", out->offsets[i],
                   " ends beyond the file's data of ", FormatBytes(room),
                   "; the file is truncated or damaged");
    }
    out->offsets[i] += data_offset;
  }
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return out->offsets[a] < out->offsets[b]; });
  for (size_t i = 1; i < n; ++i) {
    const TensorEntry& before = out->tensors[order[i - 1]];
    const uint64_t end = out->offsets[order[i - 1]] + static_cast<uint64_t>(before.n_bytes());
    if (end > out->offsets[order[i]]) {
      return Error(StatusCode::kDataLoss, "tensors '", Quoted(before.name), "' and '",
                   Quoted(out->tensors[order[i]].name), "' overlap at byte ",
                   out->offsets[order[i]]);
    }
  }
  return OkStatus();
}

Status CheckVersion(uint32_t version) {
  if (version == 2 || version == 3) return OkStatus();
  if (version == 1) {
    return Error(StatusCode::kUnimplemented,
                 "GGUF version 1 is not supported; convert the model again with a current "
                 "converter (versions 2 and 3 are read)");
  }
  if ((version & 0xFFFF) == 0) {
    return Error(StatusCode::kUnimplemented,
                 "a big-endian GGUF file; only little-endian ones are supported");
  }
  return Error(StatusCode::kUnimplemented, "GGUF version ", version,
               " is not supported; versions 2 and 3 are");
}

Status ReadAlignment(const Metadata& metadata, uint64_t* alignment) {
  AUTOGLM_ASSIGN_OR_RETURN(
      const int64_t value,
      metadata.GetInt(gguf::kAlignmentKey, static_cast<int64_t>(gguf::kDefaultAlignment)));
  *alignment = static_cast<uint64_t>(value);
  // Elements are used in place, so that less than a multiple of 8 (as specified) would not do.
  if (value < 8 || *alignment > kMaxAlignment || !std::has_single_bit(*alignment)) {
    return Error(StatusCode::kDataLoss, gguf::kAlignmentKey, " is ", value,
                 "; it must be a power of two from 8 to ", kMaxAlignment);
  }
  return OkStatus();
}

}  // namespace

bool IsGguf(std::span<const std::byte> bytes) {
  return bytes.size() >= gguf::kMagic.size() &&
         std::memcmp(bytes.data(), gguf::kMagic.data(), gguf::kMagic.size()) == 0;
}

Result<GgufContents> ParseGguf(std::span<const std::byte> bytes) {
  if (!IsGguf(bytes)) {
    return Error(StatusCode::kInvalidArgument, "not a GGUF file: it does not begin with 'GGUF'");
  }
  ByteReader in(bytes);
  std::string_view magic;
  AUTOGLM_RETURN_IF_ERROR(in.ReadView(gguf::kMagic.size(), &magic, "the magic"));
  uint32_t version = 0;
  AUTOGLM_RETURN_IF_ERROR(in.Read(&version, "the version"));
  AUTOGLM_RETURN_IF_ERROR(CheckVersion(version));
  uint64_t n_tensors = 0, n_pairs = 0;
  AUTOGLM_RETURN_IF_ERROR(in.Read(&n_tensors, "the tensor count"));
  AUTOGLM_RETURN_IF_ERROR(in.Read(&n_pairs, "the metadata count"));
  AUTOGLM_RETURN_IF_ERROR(CheckCount(n_pairs, kMinPairBytes, in, "metadata pairs"));
  AUTOGLM_RETURN_IF_ERROR(CheckCount(n_tensors, kMinTensorInfoBytes, in, "tensors"));

  GgufContents out;
  AUTOGLM_RETURN_IF_ERROR(ReadMetadata(&in, n_pairs, &out.metadata));
  uint64_t alignment = 0;
  AUTOGLM_RETURN_IF_ERROR(ReadAlignment(out.metadata, &alignment));
  AUTOGLM_RETURN_IF_ERROR(CheckCount(n_tensors, kMinTensorInfoBytes, in, "tensors"));
  out.tensors.resize(n_tensors);
  out.offsets.resize(n_tensors);
  for (size_t i = 0; i < n_tensors; ++i) {
    AUTOGLM_RETURN_IF_ERROR(ReadTensorInfo(&in, alignment, &out.tensors[i], &out.offsets[i]));
  }
  AUTOGLM_RETURN_IF_ERROR(
      PlaceTensors(gguf::AlignUp(in.position(), alignment), bytes.size(), &out));
  return out;
}

}  // namespace autoglm
