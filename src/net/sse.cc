// See sse.h.
#include "net/sse.h"

#include "base/str.h"

namespace autoglm {

void AppendSseEvent(std::string* out, std::string_view data, std::string_view name) {
  if (!name.empty()) StrAppend(out, "event: ", name, '\n');
  for (size_t begin = 0; begin <= data.size();) {
    const size_t end = std::min(data.find('\n', begin), data.size());
    StrAppend(out, "data: ", data.substr(begin, end - begin), '\n');
    begin = end + 1;
  }
  out->push_back('\n');
}

}  // namespace autoglm
