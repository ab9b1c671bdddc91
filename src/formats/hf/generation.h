// generation_config.json: when to stop and how to sample, as the model's authors suggest.
#pragma once

#include <string>

#include "base/status.h"
#include "formats/hf/config.h"
#include "formats/metadata.h"

namespace autoglm {

/// Writes the ids that end an answer (eos_token_id of generation_config.json, else of config.json)
/// as tokenizer.ggml.eog_token_ids, and suggested settings as autoglm.generation.temperature,
/// top_p, min_p, typical_p, repetition_penalty (f32), top_k, max_new_tokens (i32) and do_sample
/// (bool). A folder without generation_config.json is fine.
Status DescribeGeneration(const std::string& folder, HfConfig* config, Metadata* metadata);

}  // namespace autoglm
