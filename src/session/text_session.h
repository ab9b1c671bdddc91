// TextSession: what AutoGLMSession does once a model is loaded: prompts and conversations to
// answers. Works on any LoadedModel, so that tests can hand it one without weights.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autoglm/autoglm.h"
#include "base/status.h"
#include "engine/engine.h"
#include "session/loaded_model.h"

namespace autoglm {

/// Methods and errors as those of AutoGLMSession; one call at a time.
class TextSession {
 public:
  explicit TextSession(std::unique_ptr<LoadedModel> loaded);

  /// `cancelled` is looked at between steps.
  Result<GenerateResult> Generate(std::string_view prompt, const GenerateOptions& options,
                                  const TextCallback& callback, const std::atomic<bool>& cancelled);
  Result<GenerateResult> GenerateFromTokens(std::span<const int32_t> prompt,
                                            const GenerateOptions& options,
                                            const TextCallback& callback,
                                            const std::atomic<bool>& cancelled);
  Result<GenerateResult> Chat(const std::vector<ChatMessage>& messages, const ChatOptions& options,
                              const DeltaCallback& callback, const std::atomic<bool>& cancelled);
  Result<std::string> RenderChat(const std::vector<ChatMessage>& messages,
                                 const ChatOptions& options) const;
  Result<std::vector<int32_t>> Tokenize(std::string_view text, bool add_special,
                                        bool parse_special) const;
  Result<std::string> Detokenize(std::span<const int32_t> tokens, bool keep_special) const;
  Status Logits(std::span<const int32_t> tokens, const LogitsCallback& callback,
                const std::atomic<bool>& cancelled);

  const LoadedModel& loaded() const { return *loaded_; }

 private:
  /// `call_ns`: when the caller asked.
  Result<GenerateResult> Answer(std::span<const int32_t> prompt, const SequenceOptions& options,
                                const TextCallback& callback, const std::atomic<bool>& cancelled,
                                int64_t call_ns);
  Result<SequenceOptions> ToSequenceOptions(const GenerateOptions& options);
  Result<Conversation> Prepare(const std::vector<ChatMessage>& messages,
                               const ChatOptions& options) const;
  /// Of options.grammar or options.json_schema; null: neither. The last one is kept.
  Result<std::shared_ptr<const Grammar>> GrammarOf(const GenerateOptions& options);
  /// The same of a conversation.
  Result<std::shared_ptr<const Grammar>> GrammarOf(const GrammarSpec& spec);
  /// Steps until the answer is finished.
  Status Run(const TextCallback& callback, const std::atomic<bool>& cancelled,
             GenerateResult* result);
  GenerateStats Stats(int64_t call_ns) const;

  std::unique_ptr<LoadedModel> loaded_;
  std::unique_ptr<Sequence> sequence_;  ///< kept between calls for the prefix they share
  std::string grammar_source_;          ///< of grammar_: what it was asked for by
  std::shared_ptr<const Grammar> grammar_;
};

}  // namespace autoglm
