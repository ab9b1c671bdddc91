// HostedModel: a model that the service has loaded, with its lane; and how it is loaded.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "autoglm/autoglm.h"
#include "base/log.h"
#include "base/status.h"
#include "qos/byte_budget.h"
#include "service/model_lane.h"
#include "session/loaded_model.h"

namespace autoglm {

struct ModelSettings {
  std::string name;
  std::string path = {};
  std::string chat_template_file = {};  ///< instead of the model's own; empty: its own
  bool pinned = false;                  ///< loaded at the start, never unloaded
  int n_threads = 0;
  int n_ctx = 0;              ///< tokens of one conversation; 0: as the model says
  int max_sequences = 16;     ///< answers at a time
  int kv_tokens = 0;          ///< of all conversations together; 0: 4 * n_ctx
  int chunk_tokens = 256;     ///< of a prompt, between two tokens of the answers under way
  std::string quantize = {};  ///< "int8" ...: while loading
  KvType kv_type = KvType::kF16;
};

/// Members in the order in which the later ones use the earlier ones. Network threads use `parts`
/// to render and tokenize; only the inference thread touches the engine and the lane.
struct HostedModel {
  std::string name;
  int64_t bytes = 0;                                  ///< weights, cache and workspace
  uint64_t fingerprint = 0;                           ///< ModelFingerprint
  std::vector<ByteBudget::Reservation> reservations;  ///< of `bytes`
  std::unique_ptr<LoadedModel> parts;
  std::unique_ptr<ModelLane> lane;

  int n_ctx() const { return parts->info.n_ctx; }
  const Tokenizer& tokenizer() const { return *parts->tokenizer; }
};

/// What is the same for all models.
struct LanePolicy {
  AdmissionOptions admission = {};
  std::function<void(RequestClass request_class, int64_t queue_delay_ns)> on_admitted = nullptr;
};

/// Errors as AutoGLMSession::LoadModel; kFailedPrecondition for a model without a tokenizer.
Result<std::shared_ptr<HostedModel>> LoadHostedModel(const ModelSettings& settings,
                                                     const LanePolicy& policy, const Logger& log);

/// What is above, over parts that are already there: for tests.
std::shared_ptr<HostedModel> NewHostedModel(const std::string& name,
                                            std::unique_ptr<LoadedModel> parts,
                                            const ModelSettings& settings,
                                            const LanePolicy& policy);

}  // namespace autoglm
