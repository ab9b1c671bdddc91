// See hosted_model.h.
#include "service/hosted_model.h"

#include <utility>

#include "formats/fingerprint.h"
#include "platform/file.h"

namespace autoglm {
namespace {

constexpr size_t kMaxTemplateBytes = 1 << 20;
/// Full conversations that the cache holds, where the settings do not say.
constexpr int kDefaultContexts = 4;

Status SetTemplate(const std::string& path, LoadedModel* parts) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::string source, ReadWholeFile(path, kMaxTemplateBytes));
  parts->chat_status = OkStatus();
  SetChatTemplate(source, parts);
  return parts->chat_status.ok() ? OkStatus() : parts->chat_status.WithContext(path);
}

}  // namespace

std::shared_ptr<HostedModel> NewHostedModel(const std::string& name,
                                            std::unique_ptr<LoadedModel> parts,
                                            const ModelSettings& settings,
                                            const LanePolicy& policy) {
  auto model = std::make_shared<HostedModel>();
  model->name = name;
  model->bytes = parts->info.weight_bytes + parts->info.workspace_bytes + parts->info.kv_bytes;
  model->lane = std::make_unique<ModelLane>(*parts->engine, *parts->clock,
                                            LaneOptions{.max_sequences = settings.max_sequences,
                                                        .n_ctx = parts->info.n_ctx,
                                                        .chunk_tokens = settings.chunk_tokens,
                                                        .admission = policy.admission,
                                                        .on_admitted = policy.on_admitted});
  model->parts = std::move(parts);
  return model;
}

Result<std::shared_ptr<HostedModel>> LoadHostedModel(const ModelSettings& settings,
                                                     const LanePolicy& policy, const Logger& log) {
  AutoGLMConfig config;
  config.set_n_threads(settings.n_threads)
      .set_n_ctx(settings.n_ctx)
      .set_quantization_name(settings.quantize)
      .set_kv_type(settings.kv_type)
      .set_batch_size(settings.chunk_tokens);
  AUTOGLM_ASSIGN_OR_RETURN(std::unique_ptr<LoadedModel> parts,
                           LoadModelForSession(settings.path, config, log,
                                               {.max_sequences = settings.max_sequences,
                                                .n_contexts = kDefaultContexts,
                                                .kv_tokens = settings.kv_tokens,
                                                .prefix_cache = true}));
  if (parts->tokenizer == nullptr) return parts->tokenizer_status;
  if (!settings.chat_template_file.empty()) {
    AUTOGLM_RETURN_IF_ERROR(SetTemplate(settings.chat_template_file, parts.get()));
  }
  AUTOGLM_ASSIGN_OR_RETURN(const uint64_t fingerprint,
                           ModelFingerprint(*parts->file, settings.quantize));
  std::shared_ptr<HostedModel> model =
      NewHostedModel(settings.name, std::move(parts), settings, policy);
  model->fingerprint = fingerprint;
  return model;
}

}  // namespace autoglm
