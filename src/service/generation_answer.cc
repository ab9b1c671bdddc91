// See generation_answer.h.
#include "service/generation_answer.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/str.h"
#include "net/sse.h"
#include "service/model_answer.h"
#include "service/service.h"

namespace autoglm {
namespace {

constexpr double kMsPerNs = 1e-6;
constexpr int64_t kNsPerMs = 1'000'000;
constexpr int kClientClosed = 499;  // not of RFC 9110, but what logs commonly call it

int64_t UnixSeconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

/// For what does not come to an answer.
std::unique_ptr<Answer> RefuseRequest(const RouteCall& call, const ApiError& error) {
  RequestRecord record;
  record.app = call.app->name;
  record.route = call.route;
  record.status = error.status;
  record.error_code = error.code.empty() ? error.type : error.code;
  call.service->RequestEnded(record);
  return Respond(ToResponse(error));
}

/// What a choice that failed tells its client.
ApiError ErrorOf(const TokenEvent& event) {
  ApiError error = FromStatus(event.status);
  if (event.http_status != 0) {
    error.status = event.http_status;
    error.type = "rate_limit_error";
  }
  error.retry_after_ms = event.retry_after_ms;
  return error;
}

}  // namespace

std::unique_ptr<Answer> Generate(RouteCall call, GenerationSpec spec,
                                 std::unique_ptr<AnswerFormat> format) {
  ApiError error = ReadPriorityHeaders(call.request, &spec);
  if (error.ok()) error = call.service->limits().Admit(*call.app, call.service->clock().NowNs());
  if (!error.ok()) return RefuseRequest(call, error);
  if (!spec.request_class && spec.deadline_ms) spec.request_class = RequestClass::kRealtime;
  spec.request_class = spec.request_class.value_or(call.app->request_class);
  return std::make_unique<GenerationAnswer>(std::move(call), std::move(spec), std::move(format));
}

GenerationAnswer::GenerationAnswer(RouteCall call, GenerationSpec spec,
                                   std::unique_ptr<AnswerFormat> format)
    : call_(std::move(call)), spec_(std::move(spec)), format_(std::move(format)) {
  record_.app = call_.app->name;
  record_.route = call_.route;
  record_.request_class = *spec_.request_class;
  if (call_.app->log_prompts) record_.prompt = call_.request.body;
  call_.request.body = {};  // read into spec and format
  arrived_ns_ = call_.service->clock().NowNs();
  call_.service->models().Acquire(
      spec_.model, [arrival = arrival_, waker = call_.waker](Result<ModelHost::ModelPtr> model) {
        {
          std::lock_guard lock(arrival->mutex);
          arrival->model = std::move(model);
        }
        waker();
      });
}

GenerationAnswer::~GenerationAnswer() {
  if (generation_ != nullptr && n_ended_ < generation_->n_choices()) generation_->Cancel();
  if (!finished_) Finish(kClientClosed, "client_closed_request");
}

Answer::Progress GenerationAnswer::Poll(HttpResponse* response) {
  if (generation_ == nullptr) {
    std::optional<Result<ModelHost::ModelPtr>> model;
    {
      std::lock_guard lock(arrival_->mutex);
      model.swap(arrival_->model);
    }
    if (!model) return Progress::kWait;
    if (const ApiError error = Start(*model); !error.ok()) return Fail(error, response);
  }
  std::string* stream = spec_.stream ? &response->body : nullptr;
  if (const ApiError error = Drain(stream); !error.ok()) return Fail(error, response);
  const bool ended = n_ended_ == generation_->n_choices();
  if (!ended && (stream == nullptr || stream->empty())) return Progress::kWait;
  if (stream == nullptr) {
    *response = JsonResponse(format_->Whole(usage_));
  } else {
    if (ended) format_->End(usage_, stream);
    if (!head_sent_) {
      response->headers = {{"Content-Type", "text/event-stream; charset=utf-8"},
                           {"Cache-Control", "no-store"}};
    }
    head_sent_ = true;
  }
  if (!ended) return Progress::kPiece;
  Finish(200, {});
  return Progress::kEnd;
}

ApiError GenerationAnswer::Start(const Result<ModelHost::ModelPtr>& model) {
  if (!model.ok()) return ModelError(model.status());
  if (!call_.app->MayUse((*model)->name)) return NotForApp((*model)->name);
  model_ = *model;
  record_.model = model_->name;
  SequenceOptions options = MakeSequenceOptions(spec_, model_->parts->default_options);
  const Status valid = Validate(options.sampling, model_->parts->info.vocab_size);
  if (!valid.ok()) return FromStatus(valid);
  if (const int most = model_->lane->options().max_sequences; spec_.n > most) {
    return InvalidField(
        "n", StrCat("'n' is ", spec_.n, "; at most ", most, " answers are written at a time"));
  }
  std::vector<std::vector<int32_t>> prompts;
  const ApiError error = format_->MakePrompts(*model_, &prompts, &options);
  if (!error.ok()) return error;
  if (prompts.size() * static_cast<size_t>(spec_.n) > kMaxChoices) {
    return InvalidField("n", StrCat(prompts.size(), " prompts with ", spec_.n,
                                    " answers each are more than ", kMaxChoices));
  }
  options.prefix_domain = call_.service->PrefixDomainOf(*call_.app);
  if (const ApiError refusal = CheckMemory(prompts.size()); !refusal.ok()) return refusal;
  return Submit(std::move(prompts), options);
}

ApiError GenerationAnswer::CheckMemory(size_t n_prompts) const {
  if (spec_.memory_bytes == 0) return {};
  if (n_prompts > 1) {
    return InvalidField("X-Memory-Bytes", "a request that reserves memory has one prompt");
  }
  const int64_t most = call_.service->models().MostTaskBytes(*model_);
  if (spec_.memory_bytes <= most) return {};
  ApiError error = InvalidField(
      "X-Memory-Bytes",
      StrCat(spec_.memory_bytes, " bytes are asked for, and beside model '", model_->name,
             "' and those that are pinned there are never more than ", std::max<int64_t>(most, 0)),
      "too_large");
  error.status = 413;
  return error;
}

ApiError GenerationAnswer::Submit(std::vector<std::vector<int32_t>> prompts,
                                  const SequenceOptions& options) {
  const int n_choices = static_cast<int>(prompts.size()) * spec_.n;
  InferenceLoop& inference = call_.service->inference();
  generation_ =
      std::make_shared<Generation>(n_choices, call_.waker, [&inference] { inference.Notify(); });
  prompt_counted_.resize(prompts.size());
  last_token_ns_.resize(static_cast<size_t>(n_choices));
  format_->Begin({StrCat(format_->id_prefix(), RandomId(24)), model_->name, UnixSeconds(),
                  n_choices, &model_->tokenizer()});
  const std::shared_ptr<ModelLane> lane(model_, model_->lane.get());
  ApiError error;
  for (size_t i = 0; i < prompts.size() && error.ok(); ++i) {
    GenerationJob job = {.generation = generation_,
                         .first_choice = static_cast<int>(i) * spec_.n,
                         .n = spec_.n,
                         .prompt = std::move(prompts[i]),
                         .options = options,
                         .request_class = *spec_.request_class,
                         .deadline_ns = DeadlineNs(),
                         .submit_ns = arrived_ns_,
                         .task_bytes = spec_.memory_bytes,
                         .task_memory = &call_.service->models(),
                         .wants_embedding = format_->wants_embedding()};
    job.options.sampling.seed += i * static_cast<uint64_t>(spec_.n);
    error = lane->Offer(std::move(job));
  }
  inference.Activate(lane);  // in any case: what was taken before a refusal is to be dropped
  return error;
}

int64_t GenerationAnswer::DeadlineNs() const {
  if (*spec_.request_class != RequestClass::kRealtime || !spec_.deadline_ms) return kNoDeadline;
  return arrived_ns_ + *spec_.deadline_ms * kNsPerMs;
}

ApiError GenerationAnswer::Drain(std::string* stream) {
  while (TokenEvent* event = generation_->Front()) {
    if (event->stop_reason == StopReason::kError || event->stop_reason == StopReason::kCancelled) {
      return ErrorOf(*event);
    }
    Count(*event);
    format_->Accept(*event, stream);
    generation_->Pop();
  }
  return {};
}

void GenerationAnswer::Count(const TokenEvent& event) {
  int64_t& last = last_token_ns_[static_cast<size_t>(event.choice)];
  if (event.token.id >= 0) {
    if (last != 0) {
      call_.service->TokenGap(record_, static_cast<double>(event.time_ns - last) * kMsPerNs);
    }
    last = event.time_ns;
  }
  if (event.stop_reason == StopReason::kNone) return;
  ++n_ended_;
  if (!format_->wants_embedding()) usage_.n_generated += event.n_generated;
  const AnswerTimes& times = event.times;
  if (event.choice == 0) {
    record_.queue_ms = static_cast<double>(times.start_ns - times.submit_ns) * kMsPerNs;
    record_.first_token_ms = static_cast<double>(times.first_token_ns - times.submit_ns) * kMsPerNs;
  }
  const size_t prompt = static_cast<size_t>(event.choice / spec_.n);
  // Further answers to a prompt find it computed by the first one, which is nobody's gain.
  if (event.choice % spec_.n == 0 && !prompt_counted_[prompt]) {
    usage_.n_prompt += event.n_prompt;
    usage_.n_cached += event.n_cached;
    prompt_counted_[prompt] = true;
  }
}

Answer::Progress GenerationAnswer::Fail(const ApiError& error, HttpResponse* response) {
  if (generation_ != nullptr) generation_->Cancel();
  if (!head_sent_) {
    *response = ToResponse(error);
  } else {
    AppendSseEvent(&response->body, Dump(ToJson(error)));
  }
  Finish(error.status, error.code.empty() ? error.type : error.code);
  return Progress::kEnd;
}

void GenerationAnswer::Finish(int http_status, const std::string& error_code) {
  finished_ = true;
  record_.status = http_status;
  record_.error_code = error_code;
  record_.n_prompt = usage_.n_prompt;
  record_.n_cached = usage_.n_cached;
  record_.n_generated = usage_.n_generated;
  record_.total_ms = static_cast<double>(call_.service->clock().NowNs() - arrived_ns_) * kMsPerNs;
  call_.service->RequestEnded(record_);
}

}  // namespace autoglm
