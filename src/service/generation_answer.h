// GenerationAnswer: from a parsed request to its end: waits for the model, makes the prompts, hands
// them to the inference thread and sends on what comes back.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "net/http.h"
#include "service/answer_format.h"
#include "service/generation_spec.h"
#include "service/model_host.h"
#include "service/request_record.h"
#include "service/route.h"

namespace autoglm {

class GenerationAnswer final : public Answer {
 public:
  GenerationAnswer(RouteCall call, GenerationSpec spec, std::unique_ptr<AnswerFormat> format);
  ~GenerationAnswer() override;

  Progress Poll(HttpResponse* response) override;

 private:
  /// Where the model arrives, on whichever thread.
  struct Arrival {
    std::mutex mutex;
    std::optional<Result<ModelHost::ModelPtr>> model;
  };

  /// The model has come: submits the jobs.
  ApiError Start(const Result<ModelHost::ModelPtr>& model);
  /// Refuses memory for the app's own task that can never be had.
  ApiError CheckMemory(size_t n_prompts) const;
  ApiError Submit(std::vector<std::vector<int32_t>> prompts, const SequenceOptions& options);
  int64_t DeadlineNs() const;
  /// Takes what has come. An error of a choice is returned.
  ApiError Drain(std::string* stream);
  void Count(const TokenEvent& event);
  Progress Fail(const ApiError& error, HttpResponse* response);
  void Finish(int http_status, const std::string& error_code);

  RouteCall call_;
  GenerationSpec spec_;
  std::unique_ptr<AnswerFormat> format_;
  std::shared_ptr<Arrival> arrival_ = std::make_shared<Arrival>();
  ModelHost::ModelPtr model_;
  std::shared_ptr<Generation> generation_;
  bool head_sent_ = false;
  bool finished_ = false;
  int n_ended_ = 0;
  TokenUsage usage_;
  std::vector<bool> prompt_counted_;  ///< [number of prompts]
  int64_t arrived_ns_ = 0;
  RequestRecord record_;
  std::vector<int64_t> last_token_ns_;  ///< [n_choices]; 0 before the first
};

/// The answer to a request that was read into `spec` and `format`.
std::unique_ptr<Answer> Generate(RouteCall call, GenerationSpec spec,
                                 std::unique_ptr<AnswerFormat> format);

}  // namespace autoglm
