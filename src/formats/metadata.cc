#include "formats/metadata.h"

#include <cstring>
#include <utility>

namespace autoglm {

namespace {

constexpr size_t kArenaBlockBytes = 64 * 1024;

Status Absent(std::string_view key) {
  return Error(StatusCode::kNotFound, "the model's metadata has no key '", Quoted(key), "'");
}

Status WrongType(std::string_view key, const MetaValue& found, std::string_view wanted) {
  return Error(StatusCode::kInvalidArgument, "metadata key '", Quoted(key), "' is of type ",
               TypeName(found), ", expected ", wanted);
}

template <typename T>
Result<T> Scalar(std::string_view key, const MetaValue* value, bool right_type,
                 std::string_view wanted) {
  if (value == nullptr) return Absent(key);
  const T* v = right_type ? std::get_if<T>(&value->v) : nullptr;
  if (v == nullptr) return WrongType(key, *value, wanted);
  return *v;
}

template <typename T>
Result<std::span<const T>> Array(std::string_view key, const MetaValue* value, bool right_type,
                                 std::string_view wanted) {
  if (value == nullptr) return Absent(key);
  const auto* v = right_type ? std::get_if<std::vector<T>>(&value->v) : nullptr;
  if (v == nullptr) return WrongType(key, *value, wanted);
  return std::span<const T>(*v);
}

}  // namespace

std::string_view Name(MetaType type) {
  switch (type) {
    case MetaType::kU8:
      return "u8";
    case MetaType::kI8:
      return "i8";
    case MetaType::kU16:
      return "u16";
    case MetaType::kI16:
      return "i16";
    case MetaType::kU32:
      return "u32";
    case MetaType::kI32:
      return "i32";
    case MetaType::kF32:
      return "f32";
    case MetaType::kBool:
      return "bool";
    case MetaType::kString:
      return "string";
    case MetaType::kArray:
      return "array";
    case MetaType::kU64:
      return "u64";
    case MetaType::kI64:
      return "i64";
    case MetaType::kF64:
      return "f64";
  }
  return "unknown";
}

std::string TypeName(const MetaValue& value) {
  if (value.type != MetaType::kArray) return std::string(Name(value.type));
  return StrCat("array of ", Name(value.element));
}

bool IsInteger(MetaType type) {
  return type != MetaType::kF32 && type != MetaType::kF64 && type != MetaType::kBool &&
         type != MetaType::kString && type != MetaType::kArray;
}

bool IsFloat(MetaType type) { return type == MetaType::kF32 || type == MetaType::kF64; }

const MetaValue* Metadata::Find(std::string_view key) const {
  const auto it = entries_.find(key);
  return it == entries_.end() ? nullptr : &it->second;
}

Result<int64_t> Metadata::GetInt(std::string_view key) const {
  const MetaValue* value = Find(key);
  return Scalar<int64_t>(key, value, value && IsInteger(value->type), "an integer");
}

Result<double> Metadata::GetFloat(std::string_view key) const {
  const MetaValue* value = Find(key);
  if (value && IsInteger(value->type)) {
    AUTOGLM_ASSIGN_OR_RETURN(const int64_t v, GetInt(key));
    return static_cast<double>(v);
  }
  return Scalar<double>(key, value, value && IsFloat(value->type), "a number");
}

Result<bool> Metadata::GetBool(std::string_view key) const {
  const MetaValue* value = Find(key);
  AUTOGLM_ASSIGN_OR_RETURN(
      const int64_t v,
      Scalar<int64_t>(key, value, value && value->type == MetaType::kBool, "bool"));
  return v != 0;
}

Result<std::string_view> Metadata::GetString(std::string_view key) const {
  return Scalar<std::string_view>(key, Find(key), true, "string");
}

Result<std::span<const int64_t>> Metadata::GetInts(std::string_view key) const {
  const MetaValue* value = Find(key);
  return Array<int64_t>(key, value, value && IsInteger(value->element), "an array of integers");
}

Result<std::span<const double>> Metadata::GetFloats(std::string_view key) const {
  return Array<double>(key, Find(key), true, "an array of floats");
}

Result<std::span<const std::string_view>> Metadata::GetStrings(std::string_view key) const {
  return Array<std::string_view>(key, Find(key), true, "an array of strings");
}

Result<int64_t> Metadata::GetInt(std::string_view key, int64_t fallback) const {
  if (!Has(key)) return fallback;
  return GetInt(key);
}

Result<double> Metadata::GetFloat(std::string_view key, double fallback) const {
  if (!Has(key)) return fallback;
  return GetFloat(key);
}

Result<bool> Metadata::GetBool(std::string_view key, bool fallback) const {
  if (!Has(key)) return fallback;
  return GetBool(key);
}

Result<std::string_view> Metadata::GetString(std::string_view key,
                                             std::string_view fallback) const {
  if (!Has(key)) return fallback;
  return GetString(key);
}

void Metadata::Set(std::string_view key, MetaValue value) {
  entries_.insert_or_assign(std::string(key), std::move(value));
}

void Metadata::SetU32(std::string_view key, uint32_t value) {
  Set(key, {MetaType::kU32, MetaType::kString, int64_t{value}});
}
void Metadata::SetI32(std::string_view key, int32_t value) {
  Set(key, {MetaType::kI32, MetaType::kString, int64_t{value}});
}
void Metadata::SetU64(std::string_view key, uint64_t value) {
  Set(key, {MetaType::kU64, MetaType::kString, static_cast<int64_t>(value)});
}
void Metadata::SetF32(std::string_view key, float value) {
  Set(key, {MetaType::kF32, MetaType::kString, static_cast<double>(value)});
}
void Metadata::SetBool(std::string_view key, bool value) {
  Set(key, {MetaType::kBool, MetaType::kString, int64_t{value}});
}
void Metadata::SetString(std::string_view key, std::string_view value) {
  Set(key, {MetaType::kString, MetaType::kString, Own(value)});
}
void Metadata::SetI32s(std::string_view key, std::vector<int64_t> values) {
  Set(key, {MetaType::kArray, MetaType::kI32, std::move(values)});
}
void Metadata::SetF32s(std::string_view key, std::vector<double> values) {
  Set(key, {MetaType::kArray, MetaType::kF32, std::move(values)});
}
void Metadata::SetStrings(std::string_view key, std::vector<std::string_view> values) {
  Set(key, {MetaType::kArray, MetaType::kString, std::move(values)});
}

void Metadata::Erase(std::string_view key) {
  const auto it = entries_.find(key);
  if (it != entries_.end()) entries_.erase(it);
}

std::string_view Metadata::Own(std::string_view text) {
  if (text.empty()) return {};
  char* at;
  if (text.size() > kArenaBlockBytes / 4) {
    // A block of its own, put before the one that is being filled.
    auto block = std::make_unique<char[]>(text.size());
    at = block.get();
    arena_.insert(arena_.empty() ? arena_.end() : arena_.end() - 1, std::move(block));
    if (arena_.size() == 1) arena_free_ = 0;
  } else {
    if (arena_.empty() || arena_free_ < text.size()) {
      arena_.push_back(std::make_unique<char[]>(kArenaBlockBytes));
      arena_free_ = kArenaBlockBytes;
    }
    at = arena_.back().get() + (kArenaBlockBytes - arena_free_);
    arena_free_ -= text.size();
  }
  std::memcpy(at, text.data(), text.size());
  return {at, text.size()};
}

}  // namespace autoglm
