// A model loaded for measuring what happens inside of it while it reads a text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/status.h"
#include "compress/instrumented_backend.h"
#include "engine/engine.h"
#include "engine/perplexity.h"
#include "formats/model_file.h"
#include "platform/clock.h"
#include "platform/thread_pool.h"
#include "text/tokenizer.h"

namespace autoglm {

/// A text that stands for what a model will be used for.
struct CalibrationText {
  std::string text;    ///< UTF-8
  std::string source;  ///< its file's name, for messages and for what is made from it
  int n_ctx = 512;     ///< tokens read at a time
  int max_chunks = 0;  ///< of n_ctx tokens; 0: all of the text
};

/// OK for a text that can be worked with. kInvalidArgument where it is empty or not UTF-8: `name`
/// and the place of the first wrong byte are in the message.
Status CheckText(std::string_view text, std::string_view name);

/// Called with chunks read and all; its error ends the run.
using ChunkProgress = FunctionRef<Status(int done_chunks, int n_chunks)>;

/// The weights as they are stored, a cache of float32. One thread at a time.
class ProbedModel {
 public:
  /// For chunks of `n_ctx` tokens; `file` must outlive the model. Errors as those of loading a
  /// model and its tokenizer.
  static Result<std::unique_ptr<ProbedModel>> Load(const ModelFile& file, int n_ctx, int n_threads);

  /// kInvalidArgument for a text that is empty, not UTF-8 or shorter than one chunk.
  Result<std::vector<int32_t>> Tokenize(const CalibrationText& calibration) const;
  /// Reads `tokens` of Tokenize in chunks. The perplexity of the text comes with it.
  Result<PerplexityResult> Read(std::span<const int32_t> tokens, int n_ctx, ChunkProgress progress);

  /// Of the tokenizer, as ChunkedText wants it: -1 where texts do not begin with it.
  int32_t bos_id() const { return tokenizer_->adds_bos() ? tokenizer_->bos_id() : -1; }
  InstrumentedBackend& backend() { return *backend_; }
  Engine& engine() { return *engine_; }
  ThreadPool& threads() { return threads_; }

 private:
  explicit ProbedModel(int n_threads) : threads_(n_threads) {}

  // In the order in which the later ones use the earlier ones.
  SteadyClock clock_;
  ThreadPool threads_;
  std::unique_ptr<InstrumentedBackend> backend_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<LanguageModel> model_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace autoglm
