// AutoGLMSession: TextSession behind a stable face, with the checks that any caller may need.
#include "autoglm/autoglm.h"

#include <atomic>
#include <utility>

#include "base/log.h"
#include "session/guard.h"
#include "session/loaded_model.h"
#include "session/text_session.h"

namespace autoglm {

const char* Version() { return AUTOGLM_VERSION; }

struct AutoGLMSession::Impl {
  explicit Impl(const AutoGLMConfig& c) : config(c), log(config.log_callback()) {}

  /// Runs `function(TextSession&)` as the only call under way.
  template <typename F>
  auto RunAlone(F&& function) -> decltype(function(std::declval<TextSession&>())) {
    if (busy.exchange(true)) {
      return Error(StatusCode::kFailedPrecondition, "another call of this session is under way");
    }
    cancelled = false;
    auto result = Read(std::forward<F>(function));
    busy = false;
    return result;
  }

  template <typename F>
  auto Read(F&& function) const -> decltype(function(std::declval<TextSession&>())) {
    if (!status.ok()) return status;
    return Guard([&] { return function(*session); });
  }

  const AutoGLMConfig config;
  const Logger log;
  Status status = Error(StatusCode::kFailedPrecondition, "no model is loaded");
  std::unique_ptr<TextSession> session;  ///< not null where status is OK
  std::atomic<bool> busy = false;
  std::atomic<bool> cancelled = false;
};

std::unique_ptr<AutoGLMSession> AutoGLMSession::Create(const AutoGLMConfig& config) {
  return std::unique_ptr<AutoGLMSession>(new AutoGLMSession(std::make_unique<Impl>(config)));
}

AutoGLMSession::AutoGLMSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AutoGLMSession::~AutoGLMSession() = default;

const Status& AutoGLMSession::LoadModel(const std::string& path) {
  impl_->session.reset();  // first, for its memory
  impl_->status = Guard([&]() -> Status {
    AUTOGLM_ASSIGN_OR_RETURN(std::unique_ptr<LoadedModel> loaded,
                             LoadModelForSession(path, impl_->config, impl_->log));
    impl_->session = std::make_unique<TextSession>(std::move(loaded));
    return OkStatus();
  });
  if (!impl_->status.ok()) impl_->log.Info("no model is loaded: ", impl_->status.message());
  return impl_->status;
}

const Status& AutoGLMSession::status() const { return impl_->status; }

void AutoGLMSession::Cancel() { impl_->cancelled = true; }

Result<GenerateResult> AutoGLMSession::Generate(std::string_view prompt,
                                                const GenerateOptions& options,
                                                const TextCallback& callback) {
  return impl_->RunAlone(
      [&](TextSession& s) { return s.Generate(prompt, options, callback, impl_->cancelled); });
}

Result<GenerateResult> AutoGLMSession::GenerateFromTokens(std::span<const int32_t> prompt,
                                                          const GenerateOptions& options,
                                                          const TextCallback& callback) {
  return impl_->RunAlone([&](TextSession& s) {
    return s.GenerateFromTokens(prompt, options, callback, impl_->cancelled);
  });
}

Result<GenerateResult> AutoGLMSession::Chat(const std::vector<ChatMessage>& messages,
                                            const ChatOptions& options,
                                            const TextCallback& callback) {
  return Chat(messages, options, DeltaCallback([&](const ChatDelta& delta) {
                return delta.kind != ChatDelta::Kind::kContent || !callback || callback(delta.text);
              }));
}

Result<GenerateResult> AutoGLMSession::Chat(const std::vector<ChatMessage>& messages,
                                            const ChatOptions& options,
                                            const DeltaCallback& callback) {
  return impl_->RunAlone(
      [&](TextSession& s) { return s.Chat(messages, options, callback, impl_->cancelled); });
}

Result<std::string> AutoGLMSession::RenderChat(const std::vector<ChatMessage>& messages,
                                               const ChatOptions& options) const {
  return impl_->Read([&](const TextSession& s) { return s.RenderChat(messages, options); });
}

Result<GenerateOptions> AutoGLMSession::DefaultOptions() const {
  return impl_->Read(
      [](const TextSession& s) { return Result<GenerateOptions>(s.loaded().default_options); });
}

Result<std::vector<int32_t>> AutoGLMSession::Tokenize(std::string_view text, bool add_special,
                                                      bool parse_special) const {
  return impl_->Read(
      [&](const TextSession& s) { return s.Tokenize(text, add_special, parse_special); });
}

Result<std::string> AutoGLMSession::Detokenize(std::span<const int32_t> tokens,
                                               bool keep_special) const {
  return impl_->Read([&](const TextSession& s) { return s.Detokenize(tokens, keep_special); });
}

Result<ModelInfo> AutoGLMSession::Info() const {
  return impl_->Read([](const TextSession& s) { return Result<ModelInfo>(s.loaded().info); });
}

Status AutoGLMSession::Logits(std::span<const int32_t> tokens, const LogitsCallback& callback) {
  return impl_->RunAlone(
      [&](TextSession& s) { return s.Logits(tokens, callback, impl_->cancelled); });
}

}  // namespace autoglm
