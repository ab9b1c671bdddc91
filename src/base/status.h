// The library's side of autoglm/status.h: short constructors and the propagation macros.
#pragma once

#include <string>
#include <utility>

#include "autoglm/status.h"
#include "base/str.h"

namespace autoglm {

/// Error(kNotFound, "tensor '", name, "' is missing") -> Status with the parts joined by StrCat.
template <typename... Parts>
Status Error(StatusCode code, const Parts&... parts) {
  return Status(code, StrCat(parts...));
}

}  // namespace autoglm

/// Returns the Status out of the current function unless it is OK. Works for functions that
/// return Status or any Result<T>.
#define AUTOGLM_RETURN_IF_ERROR(expr)                                        \
  do {                                                                       \
    if (::autoglm::Status autoglm_status_ = (expr); !autoglm_status_.ok()) { \
      return autoglm_status_;                                                \
    }                                                                        \
  } while (false)

#define AUTOGLM_CONCAT_INNER_(a, b) a##b
#define AUTOGLM_CONCAT_(a, b) AUTOGLM_CONCAT_INNER_(a, b)

/// AUTOGLM_ASSIGN_OR_RETURN(auto x, MakeX()): binds the value, or returns the Status.
#define AUTOGLM_ASSIGN_OR_RETURN(lhs, expr) \
  AUTOGLM_ASSIGN_OR_RETURN_IMPL_(AUTOGLM_CONCAT_(autoglm_result_, __LINE__), lhs, expr)
#define AUTOGLM_ASSIGN_OR_RETURN_IMPL_(result, lhs, expr) \
  auto result = (expr);                                   \
  if (!result.ok()) return result.status();               \
  lhs = std::move(result).value()
