// Chat templates as tests of all families use them: just enough of each to be known by, one for
// each variant of a syntax.
#pragma once

namespace autoglm {

inline constexpr const char* kSyntaxTemplates[] = {
    "<tool_call>{function-name}\n<arg_key>",
    "<tool_call>{function-name}<arg_key>",
    "<tool_call>\n<function=f>\n<parameter=p>",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁calls▁begin｜>```json",
    "[TOOL_CALLS]",
    "[TOOL_CALLS][ARGS]",
    "[TOOL_CALLS][CALL_ID][ARGS]",
    "<tool_call>",
    "<|start_header_id|> \"parameters\": ",
    "<|assistant|><|observation|>",
    "",
};

}  // namespace autoglm
