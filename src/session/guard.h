// Guard: turns what throws (the standard library without memory, a host's callback) into a Status,
// so that no exception leaves the library.
#pragma once

#include <exception>
#include <new>

#include "base/status.h"

namespace autoglm {

/// function(), whose result a Status converts to, or the Status of what it threw.
template <typename F>
auto Guard(F&& function) -> decltype(function()) {
  try {
    return function();
  } catch (const std::bad_alloc&) {
    return Error(StatusCode::kResourceExhausted, "out of memory");
  } catch (const std::exception& e) {
    return Error(StatusCode::kInternal, "unexpected exception: ", e.what());
  } catch (...) {
    return Error(StatusCode::kInternal, "unexpected exception of an unknown kind");
  }
}

}  // namespace autoglm
