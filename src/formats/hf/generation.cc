#include "formats/hf/generation.h"

#include <utility>
#include <vector>

#include "platform/file.h"

namespace autoglm {

namespace {

constexpr size_t kMaxConfigBytes = 16 << 20;
constexpr std::string_view kPrefix = "autoglm.generation.";

void CopySettings(HfConfig* generation, Metadata* metadata) {
  for (const char* key : {"temperature", "top_p", "min_p", "typical_p", "repetition_penalty"}) {
    if (!generation->Has(key)) continue;
    metadata->SetF32(StrCat(kPrefix, key), static_cast<float>(generation->Number(key)));
  }
  for (const char* key : {"top_k", "max_new_tokens"}) {
    const std::vector<int64_t> value = generation->Integers(key);
    if (value.size() != 1) continue;
    if (value[0] < 0 || value[0] > INT32_MAX) {
      generation->Refuse(StatusCode::kInvalidArgument, key, " is ", value[0]);
      continue;
    }
    metadata->SetI32(StrCat(kPrefix, key), static_cast<int32_t>(value[0]));
  }
  if (generation->Has("do_sample")) {
    metadata->SetBool(StrCat(kPrefix, "do_sample"), generation->Flag("do_sample", false));
  }
}

}  // namespace

Status DescribeGeneration(const std::string& folder, HfConfig* config, Metadata* metadata) {
  std::vector<int64_t> ends = config->Integers("eos_token_id");
  const std::string path = JoinPath(folder, "generation_config.json");
  if (FileExists(path)) {
    AUTOGLM_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kMaxConfigBytes));
    AUTOGLM_ASSIGN_OR_RETURN(HfConfig generation, HfConfig::Parse(text, path));
    if (generation.Has("eos_token_id")) ends = generation.Integers("eos_token_id");
    CopySettings(&generation, metadata);
    AUTOGLM_RETURN_IF_ERROR(generation.status());
  }
  AUTOGLM_RETURN_IF_ERROR(config->status());
  for (int64_t id : ends) {
    if (id < 0 || id > INT32_MAX) {
      return Error(StatusCode::kInvalidArgument, "eos_token_id is ", id);
    }
  }
  if (ends.empty()) return OkStatus();
  if (!metadata->Has("tokenizer.ggml.eos_token_id")) {
    metadata->SetU32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(ends[0]));
  }
  metadata->SetI32s("tokenizer.ggml.eog_token_ids", std::move(ends));
  return OkStatus();
}

}  // namespace autoglm
