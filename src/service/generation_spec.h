// GenerationSpec: what chat completions, completions and responses ask for alike, read out of the
// request's JSON. Source: OpenAI's API reference; top_k, min_p, typical_p and repetition_penalty as
// other servers of that API name them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "autoglm/autoglm.h"
#include "engine/sequence.h"
#include "net/http.h"
#include "qos/request_class.h"
#include "service/api_error.h"
#include "service/fields.h"

namespace autoglm {

struct GenerationSpec {
  std::string model;  ///< empty: the first one
  std::optional<int> max_tokens;
  std::optional<float> temperature, top_p, min_p, typical_p;
  std::optional<int> top_k;
  std::optional<float> repetition_penalty, presence_penalty, frequency_penalty;
  std::optional<uint64_t> seed;
  std::vector<std::pair<int32_t, float>> logit_bias;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  int n = 1;            ///< answers to each prompt
  int n_logprobs = -1;  ///< as SequenceOptions
  bool stream = false;
  bool include_usage = false;  ///< in the stream's last event
  std::optional<RequestClass> request_class;
  std::optional<int64_t> deadline_ms;  ///< from the request's arrival
  int64_t memory_bytes = 0;            ///< that the app's own task needs while it is answered
  std::string user;                    ///< as the request says; not interpreted
};

inline constexpr int kMaxChoices = 128;
inline constexpr int kMaxLogprobs = 20;
inline constexpr int kMaxStops = 16;

/// Everything but the prompt, logprobs and the token limit's name, which differ between APIs.
void ReadGenerationFields(Fields& fields, GenerationSpec* spec);
/// The first of `names` that is there, into spec->max_tokens.
void ReadMaxTokens(Fields& fields, std::initializer_list<const char*> names, GenerationSpec* spec);

/// Class, deadline and memory, which the headers X-Priority, X-Deadline-Ms and X-Memory-Bytes say
/// before the fields "priority" and "deadline_ms" do. 400 where a header is wrong.
ApiError ReadPriorityHeaders(const HttpRequest& request, GenerationSpec* spec);

/// The model's own defaults with `spec` laid over them, and a random seed where it has none.
SequenceOptions MakeSequenceOptions(const GenerationSpec& spec, const GenerateOptions& defaults);

}  // namespace autoglm
