#include "training/checkpoint.h"

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"
#include "platform/file.h"

namespace autoglm {

namespace {

constexpr size_t kMaxCheckpointBytes = size_t{16} << 30;

SafetensorsData DataOf(std::string name, const at::Tensor& value) {
  Shape shape;
  for (const int64_t n : value.sizes()) shape.Append(n);
  const auto bytes = std::span(value.data_ptr<float>(), static_cast<size_t>(value.numel()));
  return {std::move(name), "F32", shape, std::as_bytes(bytes)};
}

std::string StateText(const TrainingState& state) {
  nlohmann::ordered_json json = {
      {"step", state.step},       {"epoch", state.epoch},
      {"batch", state.batch},     {"n_tokens", state.n_tokens},
      {"seconds", state.seconds}, {"n_validations_since_best", state.n_validations_since_best},
      {"run", state.run}};
  if (std::isfinite(state.best_valid_loss)) json["best_valid_loss"] = state.best_valid_loss;
  return json.dump();
}

Result<TrainingState> ParseState(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  TrainingState state;
  const auto read = [&](const char* key, auto* value) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_number()) return false;
    found->get_to(*value);
    return true;
  };
  const bool complete = json.is_object() && read("step", &state.step) &&
                        read("epoch", &state.epoch) && read("batch", &state.batch) &&
                        read("n_tokens", &state.n_tokens) && read("seconds", &state.seconds) &&
                        read("n_validations_since_best", &state.n_validations_since_best) &&
                        json.contains("run") && json["run"].is_string();
  if (!complete) return Error(StatusCode::kDataLoss, "its state is damaged");
  read("best_valid_loss", &state.best_valid_loss);
  state.run = json["run"].get<std::string>();
  return state;
}

class Reader {
 public:
  explicit Reader(std::span<const std::byte> file) : file_(file) {}

  Status Open() {
    AUTOGLM_ASSIGN_OR_RETURN(std::vector<SafetensorsEntry> entries, ParseSafetensors(file_));
    for (SafetensorsEntry& entry : entries) {
      std::string name = entry.name;
      entries_.emplace(std::move(name), std::move(entry));
    }
    return OkStatus();
  }

  Result<std::string_view> Text(const std::string& name) const {
    const auto found = entries_.find(name);
    if (found == entries_.end()) return Error(StatusCode::kDataLoss, "it holds no '", name, "'");
    const auto bytes = file_.subspan(found->second.offset, found->second.n_bytes);
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

  /// Copies a tensor of the same size into `target`.
  Status Copy(const std::string& name, const at::Tensor& target) const {
    AUTOGLM_ASSIGN_OR_RETURN(const std::string_view bytes, Text(name));
    if (bytes.size() != static_cast<size_t>(target.numel()) * sizeof(float)) {
      return Error(StatusCode::kDataLoss, "its tensor '", name, "' has another size");
    }
    std::memcpy(target.data_ptr<float>(), bytes.data(), bytes.size());
    return OkStatus();
  }

  bool Has(const std::string& name) const { return entries_.count(name) > 0; }

 private:
  std::span<const std::byte> file_;
  std::map<std::string, SafetensorsEntry> entries_;
};

Status Restore(const Reader& reader, std::vector<Parameter>* parameters, AdamW* optimizer,
               std::vector<at::Tensor>* best) {
  const at::NoGradGuard no_grad;
  best->clear();
  for (size_t i = 0; i < parameters->size(); ++i) {
    const Parameter& parameter = (*parameters)[i];
    AUTOGLM_RETURN_IF_ERROR(reader.Copy(parameter.name, parameter.value));
    AUTOGLM_RETURN_IF_ERROR(reader.Copy("m." + parameter.name, optimizer->m()[i]));
    AUTOGLM_RETURN_IF_ERROR(reader.Copy("v." + parameter.name, optimizer->v()[i]));
    if (!reader.Has("best." + parameter.name)) continue;
    best->push_back(at::empty_like(parameter.value.detach()));
    AUTOGLM_RETURN_IF_ERROR(reader.Copy("best." + parameter.name, best->back()));
  }
  return OkStatus();
}

}  // namespace

Status SaveCheckpoint(const std::string& path, const std::vector<Parameter>& parameters,
                      AdamW& optimizer, const std::vector<at::Tensor>& best,
                      const TrainingState& state) {
  std::vector<SafetensorsData> tensors;
  const std::string text = StateText(state);
  tensors.push_back({"state", "U8", Shape{static_cast<int64_t>(text.size())},
                     std::as_bytes(std::span(text.data(), text.size()))});
  for (size_t i = 0; i < parameters.size(); ++i) {
    tensors.push_back(DataOf(parameters[i].name, parameters[i].value));
    tensors.push_back(DataOf("m." + parameters[i].name, optimizer.m()[i]));
    tensors.push_back(DataOf("v." + parameters[i].name, optimizer.v()[i]));
    if (!best.empty()) tensors.push_back(DataOf("best." + parameters[i].name, best[i]));
  }
  return WriteSafetensors(path, tensors, {{"format", "pt"}}).WithContext("checkpoint");
}

Result<TrainingState> LoadCheckpoint(const std::string& path, const std::string& expected_run,
                                     std::vector<Parameter>* parameters, AdamW* optimizer,
                                     std::vector<at::Tensor>* best) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::string file, ReadWholeFile(path, kMaxCheckpointBytes));
  Reader reader(std::as_bytes(std::span(file.data(), file.size())));
  const auto failed = [&](const Status& status) { return status.WithContext(path); };
  if (const Status status = reader.Open(); !status.ok()) return failed(status);
  const auto text = reader.Text("state");
  if (!text.ok()) return failed(text.status());
  Result<TrainingState> state = ParseState(*text);
  if (!state.ok()) return failed(state.status());
  if (state->run != expected_run) {
    return Error(StatusCode::kFailedPrecondition, "'", path,
                 "' is of another run; choose another folder, or remove it to begin again.\n  "
                 "it was:     ",
                 state->run, "\n  asked for:  ", expected_run);
  }
  if (const Status status = Restore(reader, parameters, optimizer, best); !status.ok()) {
    return failed(status);
  }
  optimizer->set_n_steps(state->step);
  return state;
}

}  // namespace autoglm
