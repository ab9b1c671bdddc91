// Fields: the members of a JSON object read with their types and ranges, so that what is wrong is
// refused by its name.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "service/api_error.h"

namespace autoglm {

/// Untrusted text to JSON: one object, valid UTF-8, nested at most kMaxJsonDepth deep. Else a 400.
inline constexpr int kMaxJsonDepth = 64;
ApiError ParseJsonObject(std::string_view text, nlohmann::ordered_json* json);

/// Reads members of `object`, both of which must outlive it. null counts as absent. The first thing
/// that is wrong is kept in `error`, and then everything is absent.
class Fields {
 public:
  using Json = nlohmann::ordered_json;

  /// `path`: what the object is called in messages, as "messages[0]"; empty for the request.
  Fields(const Json& object, std::string path, ApiError* error);

  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  std::optional<int64_t> Int(std::string_view name, int64_t least, int64_t most);
  std::optional<double> Number(std::string_view name, double least, double most);
  std::optional<bool> Bool(std::string_view name);
  std::optional<std::string> String(std::string_view name);
  /// Null where absent.
  const Json* Array(std::string_view name);
  const Json* Object(std::string_view name);
  const Json* Find(std::string_view name) const;

  /// "messages[0].role".
  std::string PathOf(std::string_view name) const;
  /// Records "`path of name` `what`".
  void Fail(std::string_view name, std::string_view what);
  /// Records `error`, which another reader found further in.
  void Fail(const ApiError& error);
  /// Records "`path of name` is missing; expected `expected`".
  void FailMissing(std::string_view name, std::string_view expected);
  bool ok() const { return error_->ok(); }

 private:
  const Json* FindOf(std::string_view name, bool (Json::*is)() const noexcept,
                     std::string_view expected);

  const Json& object_;
  std::string path_;
  ApiError* error_;
};

/// "a string", "an array" ...: what `json` is, for messages.
std::string_view KindOf(const nlohmann::ordered_json& json);

}  // namespace autoglm
