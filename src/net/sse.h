// Server-sent events, as streams of OpenAI's API use them. Source: WHATWG HTML, "Server-sent
// events".
#pragma once

#include <string>
#include <string_view>

namespace autoglm {

/// Appends one event: "data: DATA" for each line of `data`, after "event: NAME" unless `name` is
/// empty.
void AppendSseEvent(std::string* out, std::string_view data, std::string_view name = {});

}  // namespace autoglm
