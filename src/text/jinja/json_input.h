// The input of a render: JSON to values.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "text/jinja/runtime.h"
#include "text/jinja/value.h"

namespace autoglm::jinja {

/// Key order is kept; ill-formed UTF-8 is replaced. Fails on integers beyond int64 and on nesting
/// beyond the limit.
Value FromJson(Runtime* rt, const nlohmann::ordered_json& json);

}  // namespace autoglm::jinja
