// Status and Result<T>: how every call in this project reports failure. No exception crosses a
// library boundary.
#pragma once

#include <cassert>
#include <memory>
#include <string>
#include <utility>
#include <variant>

namespace autoglm {

/// The closed set of failure kinds. The C ABI exports the same numbers (c_api.h).
enum class StatusCode : int {
  kOk = 0,
  kInvalidArgument = 1,     ///< The caller passed something wrong; fix the call.
  kNotFound = 2,            ///< A named file, tensor, key or token is not there.
  kPermissionDenied = 3,    ///< The operating system refused access.
  kDataLoss = 4,            ///< Input is truncated or contradicts itself.
  kUnimplemented = 5,       ///< Valid input that this build does not support.
  kResourceExhausted = 6,   ///< Memory, context or another bounded resource does not suffice.
  kFailedPrecondition = 7,  ///< Right call, wrong time (as Generate before LoadModel).
  kOutOfRange = 8,          ///< A number outside its permitted range.
  kCancelled = 9,           ///< The caller's callback asked to stop.
  kIoError = 10,            ///< Reading or writing failed.
  kInternal = 11,           ///< A bug in this library.
};

/// The code's name as in "INVALID_ARGUMENT"; never null.
const char* StatusCodeName(StatusCode code);

/// Success, or a code with a message that names the thing, what was found, what was expected and
/// what to do. Copying is cheap (a shared pointer); an OK status holds no memory.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message)
      : rep_(code == StatusCode::kOk ? nullptr
                                     : std::make_shared<const Rep>(Rep{code, std::move(message)})) {
  }

  bool ok() const { return rep_ == nullptr; }
  StatusCode code() const { return rep_ ? rep_->code : StatusCode::kOk; }
  /// Empty for an OK status.
  const std::string& message() const;
  /// The same failure with `prefix` and ": " before its message; OK stays OK.
  Status WithContext(const std::string& prefix) const;
  /// "OK", or "CODE: message".
  std::string ToString() const;

 private:
  struct Rep {
    StatusCode code;
    std::string message;
  };
  std::shared_ptr<const Rep> rep_;
};

inline Status OkStatus() { return Status(); }

/// A T, or the Status that says why there is none. value() on a failed Result is a bug of the
/// caller (checked in debug builds).
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : v_(std::move(value)) {}  // NOLINT: implicit on purpose, as in `return x;`
  Result(Status status) : v_(std::move(status)) { assert(!std::get<1>(v_).ok()); }  // NOLINT

  bool ok() const { return v_.index() == 0; }
  Status status() const { return ok() ? Status() : std::get<1>(v_); }

  T& value() & { return assert(ok()), *std::get_if<0>(&v_); }
  const T& value() const& { return assert(ok()), *std::get_if<0>(&v_); }
  T&& value() && { return assert(ok()), std::move(*std::get_if<0>(&v_)); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Status> v_;
};

}  // namespace autoglm
