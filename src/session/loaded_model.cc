// See loaded_model.h.
#include "session/loaded_model.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "autoglm/action.h"
#include "model/hparams.h"
#include "model/load.h"
#include "platform/memory.h"
#include "platform/topology.h"

namespace autoglm {
namespace {

/// More tokens than any device could hold; keeps sums of them within an int.
constexpr int kMaxContext = 1 << 24;
constexpr int kMaxThreads = 1024;
constexpr int kMaxBatchSize = 1 << 16;
/// Rows of logits that one forward pass gives: enough for AutoGLMSession::Logits to be efficient.
constexpr int kMaxOutputRows = 64;

Status CheckRange(const char* name, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return OkStatus();
  return Error(StatusCode::kInvalidArgument, "config: ", name, " is ", value,
               "; it must be within ", least, " and ", most);
}

Status CheckConfig(const AutoGLMConfig& config) {
  AUTOGLM_RETURN_IF_ERROR(CheckRange("device", static_cast<int>(config.device()), 0, 3));
  AUTOGLM_RETURN_IF_ERROR(
      CheckRange("quantization", static_cast<int>(config.quantization()), 0, 5));
  AUTOGLM_RETURN_IF_ERROR(
      CheckRange("weight_memory", static_cast<int>(config.weight_memory()), 0, 2));
  AUTOGLM_RETURN_IF_ERROR(CheckRange("kv_type", static_cast<int>(config.kv_type()), 0, 2));
  AUTOGLM_RETURN_IF_ERROR(CheckRange("n_threads", config.n_threads(), 0, kMaxThreads));
  AUTOGLM_RETURN_IF_ERROR(CheckRange("batch_size", config.batch_size(), 1, kMaxBatchSize));
  AUTOGLM_RETURN_IF_ERROR(
      CheckRange("memory_limit_bytes", config.memory_limit_bytes(), 0, INT64_MAX));
  if (config.n_ctx() == 0) return OkStatus();
  return CheckRange("n_ctx", config.n_ctx(), 2, kMaxContext);
}

/// The recipe that LoadOptions::quantize wants.
std::string RecipeName(const AutoGLMConfig& config) {
  if (!config.quantization_name().empty()) return config.quantization_name();
  constexpr std::array kNames = {"", "f32", "f16", "bf16", "int8", "int4"};
  return kNames[static_cast<size_t>(config.quantization())];
}

DType KvDType(KvType type) {
  constexpr std::array kTypes = {DType::kF16, DType::kF32, DType::kQ8_0};
  return kTypes[static_cast<size_t>(type)];
}

int NumPages(int n_tokens) {
  return (n_tokens + KvLayout::kPageTokens - 1) / KvLayout::kPageTokens;
}

std::unique_ptr<Backend> MakeBackend(DeviceType device, ThreadPool& threads, const Logger& log) {
  if (device == DeviceType::kGPU || device == DeviceType::kNPU) {
    log.Warning("device: this build has no ", device == DeviceType::kGPU ? "GPU" : "NPU",
                " backend; using the CPU");
  }
  return NewCpuBackend(threads);
}

void LoadText(const Metadata& metadata, const Logger& log, LoadedModel* loaded) {
  Result<std::unique_ptr<Tokenizer>> tokenizer = Tokenizer::Create(metadata);
  if (tokenizer.ok()) {
    loaded->tokenizer = std::move(*tokenizer);
  } else {
    loaded->tokenizer_status = tokenizer.status();
    log.Warning("the model can be given tokens only: ", loaded->tokenizer_status.message());
  }
  const Result<std::string_view> source = metadata.GetString("tokenizer.chat_template", "");
  if (!source.ok()) {
    loaded->chat_status = source.status();
  } else if (source->empty()) {
    loaded->chat_status = Error(StatusCode::kFailedPrecondition,
                                "the model has no chat template: it continues texts (Generate) and "
                                "cannot be talked to (Chat)");
  } else {
    SetChatTemplate(*source, loaded);
  }
}

/// Of `config.n_ctx()` and what the model was trained for (0: unknown).
int ChooseContext(int asked, int trained, const Logger& log) {
  if (asked == 0) {
    return trained > 0 ? std::clamp(trained, 2, AutoGLMConfig::kDefaultContext)
                       : AutoGLMConfig::kDefaultContext;
  }
  if (trained > 0 && asked > trained) {
    log.Warning("a context of ", asked, " tokens is asked for; the model was trained for ", trained,
                ", and beyond that it may write nonsense");
  }
  return asked;
}

/// Pages of the cache for conversations of `n_ctx` tokens.
int NumPages(const EngineSize& size, int n_ctx) {
  const int64_t n_tokens = size.kv_tokens > 0 ? std::max(size.kv_tokens, n_ctx)
                                              : int64_t{n_ctx} * std::max(size.n_contexts, 1);
  return NumPages(static_cast<int>(std::min<int64_t>(n_tokens, kMaxContext)));
}

ModelInfo Describe(const LoadedModel& loaded, int n_ctx, DType kv_dtype) {
  const ModelConfig& config = loaded.model->config();
  ModelInfo info;
  info.architecture = config.architecture;
  info.name = config.name;
  info.weight_bytes = loaded.model->weight_bytes();
  info.decode_weight_bytes = loaded.model->decode_weight_bytes();
  info.workspace_bytes = loaded.model->workspace_bytes();
  if (const auto layout = loaded.model->kv_layout(kv_dtype); layout.ok()) {
    info.kv_bytes = loaded.engine->pool().n_pages() * layout->page_bytes();
  }
  info.n_ctx = n_ctx;
  info.max_position_embeddings = config.max_position_embeddings;
  info.vocab_size = config.vocab_size;
  info.hidden_size = config.hidden_size;
  info.num_hidden_layers = config.num_hidden_layers;
  info.num_attention_heads = config.num_attention_heads;
  info.num_key_value_heads = config.num_key_value_heads;
  info.device = loaded.backend->name();
  info.n_threads = loaded.threads->n_threads();
  info.has_tokenizer = loaded.tokenizer != nullptr;
  info.has_chat_template = loaded.chat_template.has_value();
  info.task = loaded.task;
  std::map<std::string_view, int64_t> types;
  for (const TensorEntry& entry : loaded.file->tensors()) {
    info.n_parameters += entry.shape.n_elements();
    ++types[Name(entry.dtype)];
  }
  info.stored_types.assign(types.begin(), types.end());
  info.path = loaded.file->path();
  return info;
}

/// The weights; sets `*n_ctx`.
Status LoadWeights(const AutoGLMConfig& config, const Logger& log, const EngineSize& size,
                   int* n_ctx, LoadedModel* loaded) {
  const Metadata& metadata = loaded->file->metadata();
  const std::string_view architecture = [&] {
    const auto name = metadata.GetString("general.architecture", "");
    return name.ok() ? *name : std::string_view();  // LoadLanguageModel reports what is wrong
  }();
  Hparams hparams(*loaded->file, architecture);
  const ModelConfig model_config = hparams.Common();
  const bool known = hparams.status().ok();
  *n_ctx = ChooseContext(config.n_ctx(), known ? model_config.max_position_embeddings : 0, log);

  LoadOptions options;
  options.quantize = RecipeName(config);
  options.weights = static_cast<WeightPlace>(config.weight_memory());
  options.n_ctx = *n_ctx;
  options.max_batch_tokens = config.batch_size();
  options.max_output_rows = std::min(config.batch_size(), kMaxOutputRows);
  options.available_bytes = AvailableMemoryBytes();
  if (config.memory_limit_bytes() > 0) options.available_bytes = config.memory_limit_bytes();
  const DType kv_dtype = KvDType(config.kv_type());
  if (known && model_config.head_dim % Info(kv_dtype).block_elements == 0) {
    const KvLayout layout = {kv_dtype, model_config.num_hidden_layers,
                             model_config.num_key_value_heads, model_config.head_dim};
    options.kv_bytes = NumPages(size, *n_ctx) * layout.page_bytes();
  }
  options.progress = config.progress_callback();
  options.log = log;
  AUTOGLM_ASSIGN_OR_RETURN(
      loaded->model, LoadLanguageModel(*loaded->file, *loaded->backend, *loaded->threads, options));
  return OkStatus();
}

}  // namespace

void SetChatTemplate(std::string_view source, LoadedModel* loaded) {
  Result<ChatTemplate> parsed = ChatTemplate::Parse(source);
  if (!parsed.ok()) {
    loaded->chat_status = parsed.status().WithContext("the model's chat template");
    return;
  }
  loaded->chat_template = std::move(*parsed);
  if (loaded->tokenizer == nullptr) return;
  loaded->conversation_format =
      ConversationFormat::Create(source, *loaded->chat_template, *loaded->tokenizer, loaded->task);
}

Result<GenerateOptions> RecommendedOptions(const Metadata& metadata) {
  GenerateOptions options;
  struct Row {
    const char* gguf;
    const char* hugging_face;
    float* field;
  };
  for (const Row& row :
       {Row{"temp", "temperature", &options.temperature}, Row{"top_p", "top_p", &options.top_p},
        Row{"min_p", "min_p", &options.min_p}, Row{"typical_p", "typical_p", &options.typical_p},
        Row{"penalty_repeat", "repetition_penalty", &options.repetition_penalty}}) {
    for (const std::string& key :
         {StrCat("general.sampling.", row.gguf), StrCat("autoglm.generation.", row.hugging_face)}) {
      AUTOGLM_ASSIGN_OR_RETURN(const double value, metadata.GetFloat(key, *row.field));
      *row.field = static_cast<float>(value);
    }
  }
  for (const char* key : {"general.sampling.top_k", "autoglm.generation.top_k"}) {
    AUTOGLM_ASSIGN_OR_RETURN(const int64_t top_k, metadata.GetInt(key, options.top_k));
    options.top_k = static_cast<int32_t>(std::clamp<int64_t>(top_k, 0, INT32_MAX));
  }
  AUTOGLM_ASSIGN_OR_RETURN(const bool sample,
                           metadata.GetBool("autoglm.generation.do_sample", true));
  AUTOGLM_ASSIGN_OR_RETURN(const std::string_view task, metadata.GetString("autoglm.task", ""));
  if (!sample || task == kPhoneActionsTask) options.temperature = 0;
  return options;
}

Result<std::unique_ptr<LoadedModel>> LoadModelForSession(const std::string& path,
                                                         const AutoGLMConfig& config,
                                                         const Logger& log,
                                                         const EngineSize& size) {
  AUTOGLM_RETURN_IF_ERROR(CheckConfig(config));
  auto loaded = std::make_unique<LoadedModel>();
  loaded->clock = std::make_unique<SteadyClock>();
  const int64_t start_ns = loaded->clock->NowNs();
  const ThreadPlan plan = PlanThreads(config.n_threads());
  loaded->threads = std::make_unique<ThreadPool>(plan.n_threads, plan.cpus);
  loaded->backend = MakeBackend(config.device(), *loaded->threads, log);
  AUTOGLM_ASSIGN_OR_RETURN(loaded->file, ModelFile::Open(path));
  int n_ctx = 0;
  AUTOGLM_RETURN_IF_ERROR(LoadWeights(config, log, size, &n_ctx, loaded.get()));
  if (const auto task = loaded->file->metadata().GetString("autoglm.task", ""); task.ok()) {
    loaded->task = *task;
  }
  LoadText(loaded->file->metadata(), log, loaded.get());
  Result<GenerateOptions> recommended = RecommendedOptions(loaded->file->metadata());
  if (recommended.ok()) {
    loaded->default_options = std::move(*recommended);
  } else {
    log.Warning("recommended sampling is ignored: ", recommended.status().message());
  }

  const EngineOptions engine_options = {.kv_dtype = KvDType(config.kv_type()),
                                        .n_kv_pages = NumPages(size, n_ctx),
                                        .max_sequences = size.max_sequences,
                                        .prefix_cache = size.prefix_cache};
  AUTOGLM_ASSIGN_OR_RETURN(loaded->engine,
                           Engine::Create(*loaded->model, *loaded->backend, loaded->tokenizer.get(),
                                          *loaded->clock, engine_options));
  loaded->batch_size = config.batch_size();
  loaded->info = Describe(*loaded, n_ctx, engine_options.kv_dtype);
  loaded->load_ms = static_cast<double>(loaded->clock->NowNs() - start_ns) * 1e-6;
  return loaded;
}

}  // namespace autoglm
