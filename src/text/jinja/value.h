// The values that a template computes with: Python's, as far as Jinja templates see them.
// Values are cheap to copy (shared, immutable contents); only iterators and objects have state.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"
#include "text/jinja/meter.h"

namespace autoglm::jinja {

class Runtime;
class Value;
class Object;

/// Why a value is undefined; shown when it is used. Null: no reason recorded.
struct UndefinedReason {
  std::shared_ptr<const std::string> message;
};

struct NoneType {};

/// A string of valid UTF-8. `markup` marks text that |escape and |safe returned: adding plain text
/// to it escapes the plain text, as MarkupSafe does.
struct Text {
  std::string bytes;
  size_t n_chars = 0;  ///< Code points.
  bool markup = false;
  Charge charge;

  bool is_ascii() const { return n_chars == bytes.size(); }
};

/// Types that are ordered collections of values; what differs is how they print, compare and index.
enum class SequenceType : uint8_t { kList, kTuple, kKeys, kValues, kItems, kRange, kGroup };

std::string_view TypeName(SequenceType type);

struct Sequence {
  SequenceType type = SequenceType::kList;
  int depth = 1;  ///< Nesting of containers below and including this one.
  std::vector<Value> items;
  int64_t range_start = 0, range_stop = 0, range_step = 1;  ///< For kRange.
  Charge charge;

  bool is_tuple() const { return type == SequenceType::kTuple || type == SequenceType::kGroup; }
  bool is_view() const {
    return type == SequenceType::kKeys || type == SequenceType::kValues ||
           type == SequenceType::kItems;
  }
};

/// Insertion-ordered mapping. Keys are hashable values.
struct Dict {
  int depth = 1;
  std::vector<std::pair<Value, Value>> entries;
  std::unordered_multimap<size_t, uint32_t> index;  ///< Key hash to entry; empty while small.
  Charge charge;
};

/// A generator: hands out its items once. The items are computed beforehand.
struct Iterator {
  int depth = 1;
  std::vector<Value> items;
  size_t next = 0;
  Charge charge;
};

enum class Kind : uint8_t {
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kSequence,
  kDict,
  kIterator,
  kObject
};

class Value {
 public:
  Value() = default;  ///< Undefined.
  explicit Value(UndefinedReason reason) : data_(std::move(reason)) {}
  explicit Value(std::shared_ptr<const Text> text) : data_(std::move(text)) {}
  explicit Value(std::shared_ptr<const Sequence> sequence) : data_(std::move(sequence)) {}
  explicit Value(std::shared_ptr<const Dict> dict) : data_(std::move(dict)) {}
  explicit Value(std::shared_ptr<Iterator> iterator) : data_(std::move(iterator)) {}
  explicit Value(std::shared_ptr<Object> object) : data_(std::move(object)) {}
  static Value None() { return Value(Data(NoneType())); }
  static Value Bool(bool b) { return Value(Data(b)); }
  static Value Int(int64_t i) { return Value(Data(i)); }
  static Value Float(double d) { return Value(Data(d)); }
  /// A constant of a parsed template: charged to nobody.
  static Value Constant(std::string utf8);

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is_undefined() const { return kind() == Kind::kUndefined; }
  bool is_none() const { return kind() == Kind::kNone; }
  bool is_bool() const { return kind() == Kind::kBool; }
  bool is_int() const { return kind() == Kind::kInt; }
  bool is_float() const { return kind() == Kind::kFloat; }
  bool is_string() const { return kind() == Kind::kString; }
  bool is_dict() const { return kind() == Kind::kDict; }
  bool is_sequence() const { return kind() == Kind::kSequence; }
  bool is_sequence(SequenceType type) const { return is_sequence() && sequence().type == type; }
  bool is_list() const { return is_sequence(SequenceType::kList); }
  bool is_tuple() const { return is_sequence() && sequence().is_tuple(); }
  bool is_iterator() const { return kind() == Kind::kIterator; }
  bool is_object() const { return kind() == Kind::kObject; }
  /// Bool or int, as Python's int sees them.
  bool is_integral() const { return is_bool() || is_int(); }
  bool is_number() const { return is_integral() || is_float(); }
  bool is_markup() const { return is_string() && text().markup; }

  // Each requires its kind.
  bool boolean() const { return std::get<bool>(data_); }
  int64_t integer() const { return is_bool() ? boolean() : std::get<int64_t>(data_); }
  double number() const { return is_float() ? std::get<double>(data_) : double(integer()); }
  const Text& text() const { return *std::get<std::shared_ptr<const Text>>(data_); }
  const std::string& str() const { return text().bytes; }
  const Sequence& sequence() const { return *std::get<std::shared_ptr<const Sequence>>(data_); }
  const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(data_); }
  Iterator& iterator() const { return *std::get<std::shared_ptr<Iterator>>(data_); }
  Object& object() const { return *std::get<std::shared_ptr<Object>>(data_); }
  const std::shared_ptr<Object>& object_ptr() const {
    return std::get<std::shared_ptr<Object>>(data_);
  }
  const UndefinedReason& undefined_reason() const { return std::get<UndefinedReason>(data_); }

  /// Python's truth: empty, zero, None and undefined are false.
  bool truthy() const;
  /// Python's name of the type: "str", "dict", "NoneType" ...
  std::string_view type_name() const;
  /// Container nesting; 0 for everything that contains nothing.
  int depth() const;
  /// The address of shared contents, or null for scalars: identity of containers.
  const void* identity() const;

 private:
  using Data =
      std::variant<UndefinedReason, NoneType, bool, int64_t, double, std::shared_ptr<const Text>,
                   std::shared_ptr<const Sequence>, std::shared_ptr<const Dict>,
                   std::shared_ptr<Iterator>, std::shared_ptr<Object>>;
  explicit Value(Data data) : data_(std::move(data)) {}
  Data data_;
};

/// What a call passes.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// Things with behaviour: functions, bound methods, macros, namespaces, loops, cyclers.
class Object : public std::enable_shared_from_this<Object> {
 public:
  virtual ~Object() = default;
  virtual std::string_view type_name() const = 0;
  virtual std::string Repr(Runtime* rt) const = 0;
  virtual bool callable() const { return false; }
  /// Fails unless callable.
  virtual Value Invoke(Runtime* rt, Arguments arguments);
  /// The attribute, or nothing.
  virtual std::optional<Value> Attribute(Runtime* rt, std::string_view name);
  /// For `loop`: the number of items; others have no length.
  virtual std::optional<int64_t> Length() const { return std::nullopt; }

  /// Nesting of the values that the object holds for good. What it can be given later (attributes
  /// of a namespace) does not count: such objects are pinned (Runtime::Pin).
  int depth = 0;
  Charge charge;
};

/// Equality as Python's ==; never fails but counts work in `rt`.
bool Equal(Runtime* rt, const Value& a, const Value& b);

/// Consistent with Equal; fails for lists, dicts and other unhashable values.
size_t Hash(Runtime* rt, const Value& value);
bool Hashable(const Value& value);

/// The entry's value, or null. `key` must be hashable.
const Value* Find(Runtime* rt, const Dict& dict, const Value& key);
const Value* Find(const Dict& dict, std::string_view key);

}  // namespace autoglm::jinja
