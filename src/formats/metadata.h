// Metadata: the key-value vocabulary of a model (GGUF keys). Files of other kinds are translated
// into it on entry, so that the rest of the program knows one vocabulary only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"

namespace autoglm {

/// The value types of GGUF, with its numbers.
enum class MetaType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

/// One value. Integers of every width are held as int64 (a u64 above its range is refused when
/// read), floats as double; arrays of integers and bools as int64, of floats as double, of strings
/// as views. Views point into memory owned elsewhere: the mapped file, or Metadata::Own.
struct MetaValue {
  MetaType type = MetaType::kString;     ///< kArray for an array
  MetaType element = MetaType::kString;  ///< of an array
  std::variant<int64_t, double, std::string_view, std::vector<int64_t>, std::vector<double>,
               std::vector<std::string_view>>
      v;
};

/// "u32", "f32", "string" ...
std::string_view Name(MetaType type);
/// The same of a value; "array of u32" for an array.
std::string TypeName(const MetaValue& value);
bool IsInteger(MetaType type);
bool IsFloat(MetaType type);

/// Keys in order, typed access with messages that name the key, what it is and what was asked for.
/// Movable; views taken from it stay valid while it (or what it was moved to) lives, and while the
/// file that it was read from stays mapped.
class Metadata {
 public:
  bool Has(std::string_view key) const { return Find(key) != nullptr; }
  const MetaValue* Find(std::string_view key) const;

  // kNotFound when absent, kInvalidArgument when of another type. An integer is a fine float;
  // nothing else converts.
  Result<int64_t> GetInt(std::string_view key) const;
  Result<double> GetFloat(std::string_view key) const;
  Result<bool> GetBool(std::string_view key) const;
  Result<std::string_view> GetString(std::string_view key) const;
  Result<std::span<const int64_t>> GetInts(std::string_view key) const;
  Result<std::span<const double>> GetFloats(std::string_view key) const;
  Result<std::span<const std::string_view>> GetStrings(std::string_view key) const;

  // `fallback` when absent; still an error when of another type.
  Result<int64_t> GetInt(std::string_view key, int64_t fallback) const;
  Result<double> GetFloat(std::string_view key, double fallback) const;
  Result<bool> GetBool(std::string_view key, bool fallback) const;
  Result<std::string_view> GetString(std::string_view key, std::string_view fallback) const;

  // Setting replaces. Strings are copied and owned; SetStrings takes views that must outlive this
  // (pass each through Own first where they would not).
  void SetU32(std::string_view key, uint32_t value);
  void SetI32(std::string_view key, int32_t value);
  void SetU64(std::string_view key, uint64_t value);
  void SetF32(std::string_view key, float value);
  void SetBool(std::string_view key, bool value);
  void SetString(std::string_view key, std::string_view value);
  void SetI32s(std::string_view key, std::vector<int64_t> values);
  void SetF32s(std::string_view key, std::vector<double> values);
  void SetStrings(std::string_view key, std::vector<std::string_view> values);
  void Set(std::string_view key, MetaValue value);
  void Erase(std::string_view key);

  /// Copies `text` into an arena of this object; the view lives as long as it does.
  std::string_view Own(std::string_view text);

  const std::map<std::string, MetaValue, std::less<>>& entries() const { return entries_; }

 private:
  std::map<std::string, MetaValue, std::less<>> entries_;
  std::vector<std::unique_ptr<char[]>> arena_;  ///< blocks that do not move
  size_t arena_free_ = 0;                       ///< bytes left in the last block
};

}  // namespace autoglm
