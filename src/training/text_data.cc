#include "training/text_data.h"

#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "platform/file.h"

namespace autoglm {

namespace {

using nlohmann::json;

constexpr size_t kMaxFileBytes = size_t{4} << 30;
constexpr std::string_view kBlank = " \t\r";

/// The line that begins at `*at`, which moves behind it.
std::string_view NextLine(std::string_view text, size_t* at) {
  const size_t end = std::min(text.find('\n', *at), text.size());
  const std::string_view line = text.substr(*at, end - *at);
  *at = end + 1;
  return line;
}

bool IsBlank(std::string_view line) { return line.find_first_not_of(kBlank) == line.npos; }

bool IsJsonLines(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const std::string_view line = NextLine(text, &at);
    if (IsBlank(line)) continue;
    return json::parse(line, nullptr, /*allow_exceptions=*/false).is_object();
  }
  return false;
}

Result<PromptAnswer> ReadPair(std::string_view line) {
  const json object = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return Error(StatusCode::kInvalidArgument, "not a JSON object");
  for (const char* key : {"prompt", "answer"}) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_string()) {
      return Error(StatusCode::kInvalidArgument, "there is no string \"", key, "\"");
    }
  }
  return PromptAnswer{object["prompt"].get<std::string>(), object["answer"].get<std::string>()};
}

Result<TextData> Parse(std::string text) {
  TextData data;
  if (IsBlank(text) || text.find_first_not_of(" \t\r\n") == text.npos) {
    return Error(StatusCode::kInvalidArgument, "the file is empty");
  }
  if (!IsValidUtf8(text)) {
    return Error(StatusCode::kInvalidArgument, "the file is not UTF-8 text");
  }
  if (!IsJsonLines(text)) {
    data.text = std::move(text);
    return data;
  }
  int n_lines = 0;
  for (size_t at = 0; at < text.size();) {
    const std::string_view line = NextLine(text, &at);
    ++n_lines;
    if (IsBlank(line)) continue;
    Result<PromptAnswer> pair = ReadPair(line);
    if (!pair.ok()) return pair.status().WithContext(StrCat("line ", n_lines));
    data.pairs.push_back(std::move(pair).value());
  }
  return data;
}

}  // namespace

Result<TextData> ReadTextData(const std::string& path) {
  AUTOGLM_ASSIGN_OR_RETURN(std::string text, ReadWholeFile(path, kMaxFileBytes));
  Result<TextData> data = Parse(std::move(text));
  if (!data.ok()) return data.status().WithContext(path);
  return data;
}

}  // namespace autoglm
