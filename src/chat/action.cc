// See autoglm/action.h.
// Source: phone_agent/actions/handler.py of Open-AutoGLM.
#include "autoglm/action.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/status.h"
#include "base/str.h"
#include "base/utf8.h"
#include "chat/literal.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

/// Deeper lists are no action's; keeps the recursion bounded.
constexpr int kMaxDepth = 8;

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Reads from the front of a text.
class ActionReader {
 public:
  explicit ActionReader(std::string_view text) : text_(text) {}

  Result<Action> Read() {
    if (Take("finish(message=\"")) return Raw("finish", "message");
    if (!Take("do(")) return Wrong("do(action=\"...\", or finish(message=\"");
    AUTOGLM_ASSIGN_OR_RETURN(const std::string key, Name());
    if (key != "action" || !Take("=")) return Wrong("action=");
    AUTOGLM_ASSIGN_OR_RETURN(const std::string name, String());
    if ((name == "Type" || name == "Type_Name") && Take(", text=\"")) return Raw(name, "text");
    Json parameters = Json::object();
    SkipSpace();
    while (!Take(")")) {
      if (!Take(",")) return Wrong("a comma or )");
      AUTOGLM_RETURN_IF_ERROR(Argument(&parameters));
      SkipSpace();
    }
    if (at_ != text_.size()) return Wrong("the end");
    return Action{name, parameters.dump()};
  }

 private:
  Status Wrong(std::string_view expected) const {
    return Error(StatusCode::kInvalidArgument, "no action: expected ", expected, " at byte ", at_,
                 ", found ", at_ == text_.size() ? "the end" : Quoted(text_.substr(at_)));
  }

  bool Take(std::string_view literal) {
    if (!text_.substr(at_).starts_with(literal)) return false;
    at_ += literal.size();
    return true;
  }

  void SkipSpace() { at_ += LeadingSpace(text_.substr(at_)); }

  /// A text without escapes, up to the ") at the end.
  Result<Action> Raw(std::string name, const char* parameter) {
    if (!text_.substr(at_).ends_with("\")")) return Wrong("a text that ends with \")");
    const std::string_view raw = text_.substr(at_, text_.size() - 2 - at_);
    return Action{std::move(name), Json{{parameter, raw}}.dump()};
  }

  Result<std::string> Name() {
    const size_t begin = at_;
    while (at_ < text_.size() && IsNameByte(text_[at_])) ++at_;
    if (at_ == begin) return Wrong("a name");
    return std::string(text_.substr(begin, at_ - begin));
  }

  Status Argument(Json* parameters) {
    SkipSpace();
    const size_t begin = at_;
    AUTOGLM_ASSIGN_OR_RETURN(const std::string key, Name());
    if (!Take("=")) return Wrong("=");
    if (key == "action" || parameters->contains(key)) {
      return Error(StatusCode::kInvalidArgument, "no action: ", key, " comes twice, at byte ",
                   begin);
    }
    AUTOGLM_ASSIGN_OR_RETURN((*parameters)[key], Value(0));
    return OkStatus();
  }

  Result<Json> Value(int depth) {
    SkipSpace();
    if (Take("[")) return List(depth);
    if (Take("True")) return Json(true);
    if (Take("False")) return Json(false);
    if (Take("None")) return Json(nullptr);
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
      AUTOGLM_ASSIGN_OR_RETURN(std::string text, String());
      return Json(std::move(text));
    }
    return Number();
  }

  Result<Json> List(int depth) {
    if (depth == kMaxDepth) return Wrong("fewer lists within lists");
    Json list = Json::array();
    SkipSpace();
    if (Take("]")) return list;
    do {
      AUTOGLM_ASSIGN_OR_RETURN(Json value, Value(depth + 1));
      list.push_back(std::move(value));
      SkipSpace();
    } while (Take(","));
    if (!Take("]")) return Wrong("a comma or ]");
    return list;
  }

  Result<Json> Number() {
    // from_chars takes "inf" and "nan" too, which no literal of Python is.
    const size_t length = std::min(text_.find_first_not_of("+-.0123456789eE", at_), text_.size());
    const char* const begin = text_.data() + at_;
    const char* const end = text_.data() + length;
    int64_t integer = 0;
    double real = 0;
    const bool is_integer = std::from_chars(begin, end, integer).ptr == end && begin != end;
    const auto [real_end, error] = std::from_chars(begin, end, real);
    if (!is_integer && (error != std::errc() || real_end != end)) return Wrong("a value");
    at_ = length;
    return is_integer ? Json(integer) : Json(real);
  }

  Result<std::string> String() {
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '"' && quote != '\'') return Wrong("a string");
    ++at_;
    std::string out;
    while (at_ < text_.size() && text_[at_] != quote) {
      const char c = text_[at_++];
      if (c != '\\') {
        out += c;
        continue;
      }
      AUTOGLM_ASSIGN_OR_RETURN(const char escaped, Escape());
      out += escaped;
    }
    if (!Take({&quote, 1})) return Wrong("the end of the string");
    return out;
  }

  Result<char> Escape() {
    constexpr std::string_view kEscapes = "\\'\"ntr";
    constexpr std::string_view kMeanings = "\\'\"\n\t\r";
    const size_t i = at_ < text_.size() ? kEscapes.find(text_[at_]) : std::string_view::npos;
    if (i == std::string_view::npos) return Wrong("one of \\ ' \" n t r behind a backslash");
    ++at_;
    return kMeanings[i];
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<Action> ParseAction(std::string_view text) {
  if (!IsValidUtf8(text)) {
    return Error(StatusCode::kInvalidArgument, "no action: the text is not UTF-8");
  }
  return ActionReader(TrimSpace(text)).Read();
}

}  // namespace autoglm
