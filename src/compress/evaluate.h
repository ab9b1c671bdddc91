// What a model is worth and what it costs, as numbers that stand beside those of other models:
// perplexity, divergence from a reference, exact answers to tasks, size, latency, memory.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "autoglm/autoglm.h"
#include "base/status.h"
#include "compress/divergence.h"
#include "compress/probed_model.h"
#include "compress/tasks.h"

namespace autoglm {

struct EvaluateOptions {
  std::optional<CalibrationText> text;  ///< for perplexity and divergence
  std::string reference;                ///< a model to diverge from; empty: none
  std::vector<Task> tasks;              ///< for exact match and latency
  std::string grammar;                  ///< that answers must match, as GenerateOptions has it
  int max_tokens = 128;                 ///< of an answer
  bool raw = false;                     ///< continue the prompts, without a chat template
  int n_threads = 1;
  /// What is being done, how much of it and all; false cancels.
  std::function<bool(const char* what, int64_t done, int64_t total)> progress;
};

struct ModelReport {
  std::string path;
  int64_t n_parameters = 0;
  int64_t file_bytes = 0;  ///< of a folder: its weights
  std::optional<TextScores> text;
  int n_tasks = 0;
  int n_exact = 0;
  double latency_ms = 0;      ///< from prompt to the end of the answer, the mean
  double latency_p95_ms = 0;  ///< 95 of 100 are faster
  int64_t peak_bytes = 0;     ///< the most memory this process held meanwhile; 0: unknown
};

/// Loads the model twice, for the text and for the tasks. Without tasks latency is that of reading
/// kLatencyPrompt tokens of the text and writing kLatencyAnswer, the median of three.
/// Answers are greedy, so that they are the same every time; a chat template is applied where the
/// model has one. Errors: those of loading, reading and answering; kInvalidArgument where there is
/// neither text nor task, where a reference is named without a text, where its tokenizer differs.
Result<ModelReport> Evaluate(const std::string& path, const EvaluateOptions& options);

inline constexpr int kLatencyPrompt = 64;
inline constexpr int kLatencyAnswer = 32;

/// One row for each model, as Markdown; columns only for what was measured.
std::string FormatReports(const std::vector<ModelReport>& reports);

/// Bytes of a model file, or of the weights in a folder.
int64_t ModelFileBytes(const std::string& path);

}  // namespace autoglm
