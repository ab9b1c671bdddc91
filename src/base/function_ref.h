// FunctionRef: a callable passed down the stack without a copy and without memory, as string_view
// is to string.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace autoglm {

template <typename Signature>
class FunctionRef;

/// Two pointers: the callable and how to call it. The callable must outlive every call, so a
/// FunctionRef is a parameter and never a member that stays.
template <typename R, typename... Args>
class FunctionRef<R(Args...)> {
 public:
  template <typename F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> &&
           std::is_invocable_r_v<R, F&, Args...>)
      FunctionRef(F&& callable)  // NOLINT: implicit on purpose
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callable)))),
        call_([](void* object, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<Args>(args)...);
        }) {}

  R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

}  // namespace autoglm
