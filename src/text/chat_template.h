// ChatTemplate: messages to a prompt, by the Jinja template that comes with a model.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"

namespace autoglm {

/// Compiled once, rendered many times; const and free of shared state, so threads may share it.
class ChatTemplate {
 public:
  /// Parses `source`; kInvalidArgument with line and column where it is wrong.
  static Result<ChatTemplate> Parse(std::string_view source);

  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  /// `input` is an object: messages, tools, add_generation_prompt, bos_token, eos_token and any
  /// other variable. Bounded in steps, depth and output size (kResourceExhausted). A template's own
  /// raise_exception(message) gives kInvalidArgument with that message.
  /// `now_unix_s`: what strftime_now sees, seconds since 1970 UTC; shown in UTC.
  Result<std::string> Render(const nlohmann::ordered_json& input, int64_t now_unix_s) const;

 private:
  struct Impl;
  explicit ChatTemplate(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace autoglm
