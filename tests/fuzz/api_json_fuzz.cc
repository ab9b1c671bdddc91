// Any bytes as the body of a request to each route of the API that takes JSON, up to the model: it
// is refused or taken, and what is taken can be written as JSON again. The first byte chooses the
// route.
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>

#include "platform/clock.h"
#include "service/inference_loop.h"
#include "service/limits.h"
#include "service/model_host.h"
#include "service/service.h"

using namespace autoglm;  // NOLINT

namespace {

/// A service whose only model cannot be loaded.
struct Target {
  SteadyClock clock;
  Limits limits{{.adaptive = {.baseline = 1e12}}, 0};
  InferenceLoop inference;
  ModelHost models{{.models = {{.name = "m"}}},
                   [](const ModelSettings&) -> Result<ModelHost::ModelPtr> {
                     return Error(StatusCode::kNotFound, "no model");
                   },
                   Logger()};
  Service service{{.apps = {}, .admin_token = {}}, models, inference, limits, clock, {}};
};

constexpr const char* kPaths[] = {"/v1/chat/completions", "/v1/completions", "/v1/responses",
                                  "/v1/embeddings",       "/v1/sessions",    "/tokenize",
                                  "/detokenize"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Target& target = *new Target;
  if (size == 0) return 0;
  HttpRequest request;
  request.method = "POST";
  request.path = kPaths[data[0] % std::size(kPaths)];
  request.body.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::unique_ptr<Answer> answer = target.service.Handle(std::move(request), [] {});
  HttpResponse response;
  if (answer->Poll(&response) == Answer::Progress::kWait) return 0;  // taken: asks for the model
  if (response.status < 400 || response.status >= 500 || response.body.empty()) __builtin_trap();
  return 0;
}
