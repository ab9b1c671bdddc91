#include "formats/safetensors.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "formats/byte_reader.h"
#include "platform/file.h"

namespace autoglm {

namespace {

using nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // as the format's own library has it
constexpr size_t kMaxIndexBytes = 64 << 20;

struct StoredType {
  std::string_view name;
  int bits;
  std::optional<DType> dtype;
};
constexpr StoredType kStoredTypes[] = {
    {"F32", 32, DType::kF32},     {"F16", 16, DType::kF16},     {"BF16", 16, DType::kBF16},
    {"F64", 64, std::nullopt},    {"I64", 64, std::nullopt},    {"U64", 64, std::nullopt},
    {"I32", 32, std::nullopt},    {"U32", 32, std::nullopt},    {"I16", 16, std::nullopt},
    {"U16", 16, std::nullopt},    {"I8", 8, std::nullopt},      {"U8", 8, std::nullopt},
    {"BOOL", 8, std::nullopt},    {"C64", 64, std::nullopt},    {"F8_E4M3", 8, std::nullopt},
    {"F8_E5M2", 8, std::nullopt}, {"F8_E8M0", 8, std::nullopt}, {"F6_E2M3", 6, std::nullopt},
    {"F6_E3M2", 6, std::nullopt}, {"F4", 4, std::nullopt},
};

Status Damaged(std::string_view name, const auto&... parts) {
  return Error(StatusCode::kDataLoss, "tensor '", Quoted(name), "': ", parts...);
}

std::optional<uint64_t> Unsigned(const json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<uint64_t>();
}

/// Reads dims into `shape`; returns their product.
Result<uint64_t> ReadShape(std::string_view name, const json& dims, Shape* shape) {
  if (!dims.is_array()) return Damaged(name, "its shape is no list");
  if (dims.size() > Shape::kMaxRank) {
    return Error(StatusCode::kUnimplemented, "tensor '", Quoted(name), "' has ", dims.size(),
                 " dimensions; at most ", Shape::kMaxRank, " are supported");
  }
  constexpr uint64_t kMaxElements = uint64_t{1} << 56;
  uint64_t n_elements = 1;
  for (const json& dim : dims) {
    const std::optional<uint64_t> d = Unsigned(dim);
    if (!d) return Damaged(name, "its shape holds something that is no size");
    if (*d > kMaxElements / std::max<uint64_t>(n_elements, 1)) {
      return Damaged(name, "its shape is absurdly large");
    }
    n_elements *= *d;
    shape->Append(static_cast<int64_t>(*d));
  }
  return n_elements;
}

Status ReadEntry(const json& info, uint64_t data_offset, uint64_t data_bytes,
                 SafetensorsEntry* entry) {
  const std::string& name = entry->name;
  if (!info.is_object()) return Damaged(name, "its description is no object");
  const auto dtype = info.find("dtype"), shape = info.find("shape"),
             offsets = info.find("data_offsets");
  if (dtype == info.end() || !dtype->is_string() || shape == info.end() || offsets == info.end() ||
      !offsets->is_array() || offsets->size() != 2) {
    return Damaged(name, "dtype, shape or data_offsets is missing or malformed");
  }
  entry->dtype_name = dtype->get<std::string>();
  const auto* type = std::find_if(std::begin(kStoredTypes), std::end(kStoredTypes),
                                  [&](const auto& t) { return t.name == entry->dtype_name; });
  if (type == std::end(kStoredTypes)) {
    return Error(StatusCode::kUnimplemented, "tensor '", Quoted(name), "' is of type '",
                 Quoted(entry->dtype_name), "', which this build does not know");
  }
  entry->dtype = type->dtype;
  AUTOGLM_ASSIGN_OR_RETURN(const uint64_t n_elements, ReadShape(name, *shape, &entry->shape));
  const std::optional<uint64_t> begin = Unsigned((*offsets)[0]), end = Unsigned((*offsets)[1]);
  if (!begin || !end || *begin > *end || *end > data_bytes) {
    return Damaged(name, "its data_offsets ", Quoted(offsets->dump()),
                   " do not lie within the file's data of ", data_bytes,
                   " bytes; the file is truncated or damaged");
  }
  entry->offset = data_offset + *begin;
  entry->n_bytes = *end - *begin;
  const uint64_t expected = (n_elements * static_cast<uint64_t>(type->bits) + 7) / 8;
  if (entry->n_bytes != expected) {
    return Damaged(name, "shape ", entry->shape.ToString(), " of ", type->name, " needs ", expected,
                   " bytes, its data_offsets span ", entry->n_bytes);
  }
  return OkStatus();
}

/// The parsed header. Repeated names are refused: JSON readers disagree on which one counts.
Result<json> ParseHeader(std::string_view text) {
  std::set<std::string> names;
  std::string repeated;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth == 1 && event == json::parse_event_t::key) {
      const auto& name = parsed.get_ref<const std::string&>();
      if (!names.insert(name).second) repeated = name;
    }
    return true;
  };
  json header = json::parse(text, watch, /*allow_exceptions=*/false);
  if (!header.is_object()) {
    return Error(StatusCode::kDataLoss, "the safetensors header is no valid JSON object");
  }
  if (!repeated.empty()) return Damaged(repeated, "occurs twice in the header");
  return header;
}

Status CheckOverlaps(std::span<const SafetensorsEntry> sorted) {
  for (size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i - 1].offset + sorted[i - 1].n_bytes > sorted[i].offset) {
      return Error(StatusCode::kDataLoss, "tensors '", Quoted(sorted[i - 1].name), "' and '",
                   Quoted(sorted[i].name), "' overlap at byte ", sorted[i].offset);
    }
  }
  return OkStatus();
}

/// A plain file name, so that an index cannot reach outside its folder.
bool IsPlainName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

std::vector<std::string> SafetensorsIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(folder, error)) {
    if (file.path().extension() == ".safetensors") names.push_back(file.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status NoWeights(const std::string& folder, size_t n_files) {
  if (n_files > 1) {
    return Error(StatusCode::kNotFound, "'", Quoted(folder, 4096), "' holds ", n_files,
                 " safetensors files but no model.safetensors.index.json that joins them");
  }
  for (const char* name : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    if (FileExists(JoinPath(folder, name))) {
      return Error(StatusCode::kInvalidArgument, "'", Quoted(folder, 4096),
                   "' holds PyTorch weights (", name,
                   ") and no safetensors; such files can run code when loaded and are not read");
    }
  }
  return Error(StatusCode::kNotFound, "'", Quoted(folder, 4096),
               "' holds no weights: no model.safetensors and no model.safetensors.index.json");
}

}  // namespace

Result<std::vector<SafetensorsEntry>> ParseSafetensors(std::span<const std::byte> bytes) {
  ByteReader in(bytes);
  uint64_t header_bytes = 0;
  AUTOGLM_RETURN_IF_ERROR(in.Read(&header_bytes, "the header's length"));
  if (header_bytes > kMaxHeaderBytes) {
    return Error(StatusCode::kDataLoss, "the safetensors header claims ", header_bytes,
                 " bytes; at most ", kMaxHeaderBytes, " are allowed");
  }
  std::string_view text;
  AUTOGLM_RETURN_IF_ERROR(in.ReadView(header_bytes, &text, "the safetensors header"));
  AUTOGLM_ASSIGN_OR_RETURN(const json header, ParseHeader(text));
  std::vector<SafetensorsEntry> entries;
  entries.reserve(header.size());
  for (const auto& [name, info] : header.items()) {
    if (name == "__metadata__") continue;
    entries.emplace_back().name = name;
    AUTOGLM_RETURN_IF_ERROR(ReadEntry(info, in.position(), in.left(), &entries.back()));
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return std::pair(a.offset, a.n_bytes) < std::pair(b.offset, b.n_bytes);
  });
  AUTOGLM_RETURN_IF_ERROR(CheckOverlaps(entries));
  return entries;
}

Result<SafetensorsFolder> SafetensorsFolder::Open(const std::string& folder, MapMode mode) {
  SafetensorsFolder set;
  const std::string index_path = JoinPath(folder, "model.safetensors.index.json");
  if (FileExists(index_path)) {
    AUTOGLM_RETURN_IF_ERROR(set.AddIndexed(folder, index_path, mode));
    return set;
  }
  std::string name = "model.safetensors";
  if (!FileExists(JoinPath(folder, name))) {
    const std::vector<std::string> names = SafetensorsIn(folder);
    if (names.size() != 1) return NoWeights(folder, names.size());
    name = names[0];
  }
  AUTOGLM_RETURN_IF_ERROR(set.AddFile(folder, name, mode));
  return set;
}

Status SafetensorsFolder::AddFile(const std::string& folder, const std::string& name,
                                  MapMode mode) {
  const std::string path = JoinPath(folder, name);
  AUTOGLM_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path, mode));
  Result<std::vector<SafetensorsEntry>> entries = ParseSafetensors(file.bytes());
  if (!entries.ok()) return entries.status().WithContext(Quoted(path, 4096));
  for (SafetensorsEntry& entry : *entries) {
    const auto bytes = file.bytes().subspan(entry.offset, entry.n_bytes);
    std::string key = entry.name;
    if (!tensors_.emplace(std::move(key), Stored{entry, files_.size(), bytes}).second) {
      return Error(StatusCode::kDataLoss, Quoted(path, 4096), ": tensor '", Quoted(entry.name),
                   "' is in another file of the set too");
    }
  }
  files_.push_back(std::move(file));
  return OkStatus();
}

Status SafetensorsFolder::AddIndexed(const std::string& folder, const std::string& index_path,
                                     MapMode mode) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(index_path, kMaxIndexBytes));
  const json index = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto refuse = [&](const auto&... parts) {
    return Error(StatusCode::kInvalidArgument, Quoted(index_path, 4096), ": ", parts...);
  };
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
    return refuse("no JSON object with a 'weight_map'");
  }
  std::set<std::string> shards;
  for (const auto& [name, shard] : index["weight_map"].items()) {
    if (!shard.is_string() || !IsPlainName(shard.get<std::string>())) {
      return refuse("tensor '", Quoted(name), "' is said to be in ", Quoted(shard.dump()),
                    ", which is no file name within the folder");
    }
    shards.insert(shard.get<std::string>());
  }
  for (const std::string& shard : shards) {
    AUTOGLM_RETURN_IF_ERROR(AddFile(folder, shard, mode).WithContext("a shard of the model"));
  }
  for (const auto& [name, shard] : index["weight_map"].items()) {
    if (Find(name) == nullptr) {
      return Error(StatusCode::kDataLoss, Quoted(index_path, 4096), ": tensor '", Quoted(name),
                   "' is not in ", Quoted(shard.get<std::string>()), " as the index says");
    }
  }
  return OkStatus();
}

const SafetensorsFolder::Stored* SafetensorsFolder::Find(std::string_view name) const {
  const auto it = tensors_.find(name);
  return it == tensors_.end() ? nullptr : &it->second;
}

void SafetensorsFolder::DropPages(const Stored& stored) const {
  files_[stored.file].DropPages(stored.entry.offset, stored.entry.n_bytes);
}

}  // namespace autoglm
