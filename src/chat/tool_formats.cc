// The list of tool-call formats; see call_syntax.h.
#include <array>

#include "chat/call_syntax.h"

namespace autoglm {

#define AUTOGLM_TOOL_FORMAT(Name) extern const ToolFormat k##Name##ToolFormat;
#include "chat/tool_formats.inc"
#undef AUTOGLM_TOOL_FORMAT

namespace {

constexpr std::array kFormats = {
#define AUTOGLM_TOOL_FORMAT(Name) &k##Name##ToolFormat,
#include "chat/tool_formats.inc"
#undef AUTOGLM_TOOL_FORMAT
};

}  // namespace

const ToolFormat& FindToolFormat(std::string_view chat_template) {
  for (const ToolFormat* format : kFormats) {
    if (format->matches(chat_template)) return *format;
  }
  return *kFormats.back();
}

const ToolFormat* FindToolFormatByName(std::string_view name) {
  for (const ToolFormat* format : kFormats) {
    if (format->name == name) return format;
  }
  return nullptr;
}

}  // namespace autoglm
