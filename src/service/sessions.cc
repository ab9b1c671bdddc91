// See sessions.h.
#include "service/sessions.h"

#include <chrono>
#include <utility>

namespace autoglm {
namespace {

int64_t UnixSeconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

StateInfo Describe(const HostedModel& model, const std::string& app, const std::string& name) {
  StateInfo info;
  info.app = app;
  info.name = name;
  info.model = model.name;
  info.model_fingerprint = model.fingerprint;
  info.created_unix_s = UnixSeconds();
  info.layout = model.parts->engine->pool().layout();
  return info;
}

Status ToStatus(const ApiError& error) {
  return Error(StatusCode::kResourceExhausted, error.message);
}

}  // namespace

Sessions::Sessions(StateStore& store, InferenceLoop& inference)
    : store_(store), inference_(inference), thread_([this] { Run(); }) {}

Sessions::~Sessions() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Sessions::PostFileWork(std::function<void()> function) {
  {
    std::lock_guard lock(mutex_);
    work_.push_back(std::move(function));
  }
  wake_.notify_one();
}

void Sessions::Run() {
  while (true) {
    std::function<void()> function;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !work_.empty(); });
      if (work_.empty()) return;
      function = std::move(work_.front());
      work_.pop_front();
    }
    function();
  }
}

void Sessions::Save(std::shared_ptr<HostedModel> model, const std::string& app,
                    const std::string& name, uint64_t prefix_domain, std::vector<int32_t> tokens,
                    Callback callback) {
  GenerationJob job = {.generation = std::make_shared<Generation>(
                           1, [] {}, [] {})};
  job.prompt = std::move(tokens);
  job.options.max_new_tokens = 1;
  job.options.ignore_eos = true;
  job.options.prefix_domain = prefix_domain;
  const StateInfo info = Describe(*model, app, name);
  job.on_end = [this, model, info, callback](const Sequence* sequence, const Status& status) {
    if (sequence == nullptr) return callback(status);
    // Pages are shared, so that nothing waits for the disk; their counts are this thread's.
    auto snapshot = std::make_shared<SequenceSnapshot>(sequence->Snapshot());
    PostFileWork([this, model, info, callback, snapshot]() mutable {
      const Result<StateInfo> saved = store_.Save(info, *snapshot);
      inference_.Post([model = std::move(model), snapshot = std::move(snapshot)]() mutable {
        snapshot.reset();
      });
      callback(saved);
    });
  };
  const std::shared_ptr<ModelLane> lane(model, model->lane.get());
  if (const ApiError error = lane->Offer(std::move(job)); !error.ok()) {
    return callback(ToStatus(error));
  }
  inference_.Activate(lane);
}

void Sessions::Resume(std::shared_ptr<HostedModel> model, const std::string& app,
                      const std::string& name, uint64_t prefix_domain, Callback callback) {
  PostFileWork([this, model, info = Describe(*model, app, name), prefix_domain, callback] {
    const Result<StateInfo> found = store_.Find(info.app, info.name);
    if (!found.ok()) return callback(found.status());
    Result<SequenceState> state = store_.Load(info);
    if (!state.ok()) return callback(state.status());
    auto shared = std::make_shared<SequenceState>(std::move(*state));
    inference_.Post([this, model, shared, prefix_domain, info = *found, callback] {
      Restore(model, *shared, prefix_domain, info, callback);
    });
  });
}

void Sessions::Restore(const std::shared_ptr<HostedModel>& model, const SequenceState& state,
                       uint64_t prefix_domain, const StateInfo& info, const Callback& callback) {
  const std::unique_ptr<Sequence> sequence =
      model->parts->engine->NewSequence(static_cast<int>(state.tokens.size()) + 1);
  const Status status = sequence->Restore(state);
  if (!status.ok()) return callback(status);
  sequence->ShareWith(prefix_domain);
  callback(info);
}

}  // namespace autoglm
