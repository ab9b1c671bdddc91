// What a teacher says itself, as training data: the engine answers, which is faster than torch.
#include "autoglm/autoglm.h"
#include "base/utf8.h"
#include "training/distil.h"

namespace autoglm {

namespace {

constexpr size_t kBeginningBytes = 48;  // of a continuation: enough to set its subject

Result<TextData> Answers(AutoGLMSession& session, const std::vector<PromptAnswer>& pairs, int n,
                         int n_ctx) {
  TextData out;
  ChatOptions options;
  options.max_tokens = n_ctx;
  options.temperature = 0;
  for (size_t i = 0; i < pairs.size() && i < static_cast<size_t>(n); ++i) {
    AUTOGLM_ASSIGN_OR_RETURN(const GenerateResult answer,
                             session.Chat({{"user", pairs[i].prompt}}, options));
    if (answer.stop_reason == StopReason::kEndOfGeneration) {
      out.pairs.push_back({pairs[i].prompt, answer.text});
    }
  }
  return out;
}

Result<TextData> Continuations(AutoGLMSession& session, const std::string& text, int n, int n_ctx) {
  TextData out;
  GenerateOptions options;
  options.max_tokens = n_ctx / 2;
  options.temperature = 0.8F;
  const size_t stride = std::max<size_t>(1, text.size() / static_cast<size_t>(n));
  for (size_t at = 0; at + kBeginningBytes < text.size(); at += stride) {
    size_t begin = at;  // not within a character
    while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) ++begin;
    const std::string_view window = std::string_view(text).substr(begin, kBeginningBytes);
    const std::string prompt(window.substr(0, CompleteUtf8Prefix(window)));
    options.seed = at;
    AUTOGLM_ASSIGN_OR_RETURN(const GenerateResult answer, session.Generate(prompt, options));
    out.text += prompt + answer.text + "\n";
  }
  return out;
}

}  // namespace

Result<TextData> GenerateData(const std::string& teacher, const TextData& data, int n, int n_ctx) {
  const auto session = AutoGLMSession::Create();
  AUTOGLM_RETURN_IF_ERROR(session->LoadModel(teacher));
  return data.pairs.empty() ? Continuations(*session, data.text, n, n_ctx)
                            : Answers(*session, data.pairs, n, n_ctx);
}

}  // namespace autoglm
