// The request of /v1/responses: its items and tools brought into the form of chat completions.
#pragma once

#include <string>

#include "service/fields.h"
#include "service/generation_spec.h"
#include "service/response_store.h"
#include "service/responses_format.h"

namespace autoglm {

/// What is wrong goes to `fields`. `store` knows the earlier responses of `app`.
ResponsesRequest ReadResponsesRequest(Fields& fields, ResponseStore& store, const std::string& app,
                                      GenerationSpec* spec);

}  // namespace autoglm
