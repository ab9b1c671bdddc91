// The state of one render that every part of the interpreter shares: the latched error, the
// bounds, and the only place where values with contents are made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "text/jinja/value.h"

namespace autoglm::jinja {

struct Limits {
  int64_t max_steps = 10'000'000;
  int max_depth = 800;                ///< Nested evaluations, which bounds the stack.
  int max_nesting = 200;              ///< Containers inside containers.
  size_t max_text_bytes = 64u << 20;  ///< Any one string, the output among them.
  size_t max_live_bytes = 256u << 20;
};

/// Failure is latched: the first Fail wins, every later operation may return anything, and the
/// interpreter stops at its next check. Used by one thread.
class Runtime {
 public:
  Runtime(const Limits& limits, int64_t now_unix_s)
      : limits_(limits), now_unix_s_(now_unix_s), meter_(limits.max_live_bytes) {}

  /// Latches an error at the current position and returns undefined, so that `return rt->Fail(...)`
  /// works wherever a value is expected.
  template <typename... Parts>
  Value Fail(StatusCode code, const Parts&... parts) {
    if (!failed()) SetError(code, StrCat(parts...));
    return Value();
  }
  /// Fail for what Python calls a TypeError or ValueError.
  template <typename... Parts>
  Value Wrong(const Parts&... parts) {
    return Fail(StatusCode::kInvalidArgument, parts...);
  }
  /// The template's own raise_exception: its message stands alone, without a position.
  Value Raise(std::string message);
  /// What happens when an undefined value is used.
  Value FailUndefined(const Value& undefined);

  bool failed() const { return failed_; }
  StatusCode error_code() const { return error_code_; }
  const std::string& error_message() const { return error_message_; }
  bool error_has_position() const { return error_has_position_; }
  uint32_t error_offset() const { return error_offset_; }

  /// Errors from here on belong to this byte of the source.
  void At(uint32_t offset) { offset_ = offset; }
  uint32_t offset() const { return offset_; }

  /// Counts steps; false once anything failed, the step bound included.
  bool Work(size_t n_steps = 1) {
    steps_ += static_cast<int64_t>(n_steps < kManySteps ? n_steps : kManySteps);
    if (steps_ > limits_.max_steps) FailSteps();
    return !failed_;
  }
  /// Work for touching `n_bytes` of text.
  bool WorkOnBytes(size_t n_bytes) { return Work(1 + n_bytes / 64); }

  Value String(std::string utf8, bool markup = false);
  Value List(std::vector<Value> items) { return Make(SequenceType::kList, std::move(items)); }
  Value Tuple(std::vector<Value> items) { return Make(SequenceType::kTuple, std::move(items)); }
  Value Make(SequenceType type, std::vector<Value> items);
  /// Fails for more than 100000 numbers, as Jinja's sandbox does. `step` is not 0.
  Value Range(int64_t start, int64_t stop, int64_t step);
  Value Generator(std::vector<Value> items);
  /// Later entries replace earlier ones of an equal key; fails on unhashable keys.
  Value MakeDict(std::vector<std::pair<Value, Value>> entries);
  Value Undefined(std::string message);
  /// An object that holds `held` for as long as it lives.
  template <typename T, typename... Args>
  std::shared_ptr<T> MakeObject(const std::vector<Value>& held, Args&&... args) {
    auto object = std::make_shared<T>(std::forward<Args>(args)...);
    Grow(&object->charge, sizeof(T) + 128 + held.size() * sizeof(Value));
    object->depth = DepthOver(held);
    return object;
  }
  /// False (and an error) when a string of that many bytes is too long.
  bool FitsText(size_t n_bytes);
  /// Adds to a charge; false and an error when memory is used up.
  bool Grow(Charge* charge, size_t n_bytes);

  const Limits& limits() const { return limits_; }
  int64_t now_unix_s() const { return now_unix_s_; }
  Meter* meter() { return &meter_; }

  /// Keeps `object` alive until the render ends, when BreakCycles empties it: whatever can be
  /// made to contain itself must be registered.
  void Pin(std::shared_ptr<class Breakable> object);
  void BreakCycles();

  /// One level deeper for the lifetime of the scope; `ok` is false when too deep or failed.
  class Level {
   public:
    explicit Level(Runtime* rt) : rt_(rt) {
      if (++rt_->depth_ > rt_->limits_.max_depth) rt_->FailDepth();
      rt_->Work();
    }
    ~Level() { --rt_->depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    bool ok() const { return !rt_->failed(); }

   private:
    Runtime* rt_;
  };

 private:
  static constexpr size_t kManySteps = size_t{1} << 40;

  void SetError(StatusCode code, std::string message);
  void FailSteps();
  void FailDepth();
  void FailMemory();
  bool FitsNesting(int depth);
  // The nesting of a container of `items`; an error when it is too deep.
  int DepthOver(const std::vector<Value>& items);

  const Limits limits_;
  const int64_t now_unix_s_;
  Meter meter_;  // before everything that holds values
  int64_t steps_ = 0;
  int depth_ = 0;
  uint32_t offset_ = 0;
  bool failed_ = false;
  bool error_has_position_ = true;
  StatusCode error_code_ = StatusCode::kOk;
  uint32_t error_offset_ = 0;
  std::string error_message_;
  std::vector<std::shared_ptr<class Breakable>> pinned_;
  Charge pin_charge_;
};

/// An object whose contents can change after it was made, and so can come to contain itself.
class Breakable {
 public:
  virtual ~Breakable() = default;
  virtual void DropContents() = 0;
};

/// Builds a string within the bounds: once it fails, further appends do nothing.
class TextBuilder {
 public:
  explicit TextBuilder(Runtime* rt) : rt_(rt) {}
  void Append(std::string_view part) {
    if (!rt_->FitsText(text_.size() + part.size()) || !rt_->Work(part.size() / 64) ||
        !rt_->Grow(&charge_, part.size())) {
      return;
    }
    text_.append(part);
  }
  void Append(char c) { Append(std::string_view(&c, 1)); }
  void Repeat(std::string_view part, int64_t n);
  size_t size() const { return text_.size(); }
  std::string Take() { return std::move(text_); }
  Value ToValue(bool markup = false) { return rt_->String(std::move(text_), markup); }

 private:
  Runtime* rt_;
  std::string text_;
  Charge charge_;
};

}  // namespace autoglm::jinja
