// LoadedModel: a model with everything that it needs to run, and how a session's config becomes
// one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "autoglm/autoglm.h"
#include "backend/backend.h"
#include "base/log.h"
#include "base/status.h"
#include "chat/conversation_format.h"
#include "engine/engine.h"
#include "formats/model_file.h"
#include "model/language_model.h"
#include "platform/clock.h"
#include "platform/thread_pool.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace autoglm {

/// Members in the order in which the later ones use the earlier ones.
struct LoadedModel {
  std::unique_ptr<Clock> clock;
  std::unique_ptr<ThreadPool> threads;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<ModelFile> file;
  std::unique_ptr<Tokenizer> tokenizer;  ///< null: tokenizer_status says why
  Status tokenizer_status;
  std::string task;                           ///< as ModelInfo::task
  std::optional<ChatTemplate> chat_template;  ///< none: chat_status says why
  Status chat_status;
  std::optional<ConversationFormat> conversation_format;  ///< where there are both of them
  std::unique_ptr<LanguageModel> model;
  std::unique_ptr<Engine> engine;
  int batch_size = 1;  ///< rows of a step
  ModelInfo info;
  GenerateOptions default_options;
  double load_ms = 0;
};

/// How many conversations the engine is made for.
struct EngineSize {
  int max_sequences = 1;      ///< that get logits in one step
  int n_contexts = 1;         ///< full contexts that the cache holds
  int kv_tokens = 0;          ///< above 0: tokens that the cache holds, whatever n_contexts says
  bool prefix_cache = false;  ///< as EngineOptions
};

/// Errors as AutoGLMSession::LoadModel.
Result<std::unique_ptr<LoadedModel>> LoadModelForSession(const std::string& path,
                                                         const AutoGLMConfig& config,
                                                         const Logger& log,
                                                         const EngineSize& size = {});

/// Sets chat_template (or chat_status) and conversation_format from a template's source.
void SetChatTemplate(std::string_view source, LoadedModel* loaded);

/// What the metadata recommends: GGUF's general.sampling.*, or autoglm.generation.* out of a
/// generation_config.json; the likeliest token for a model of kPhoneActionsTask. kInvalidArgument
/// where a value is of the wrong type.
Result<GenerateOptions> RecommendedOptions(const Metadata& metadata);

}  // namespace autoglm
