// Options that several commands share, so that they are spelt, checked and explained alike.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace autoglm {

/// Refuses every value that is not in `values` and names the nearest one.
CLI::Validator OneOf(std::vector<std::string> values);
/// A number (never NaN) in [least, most].
CLI::Validator Between(double least, double most);
/// A whole number in [least, most].
CLI::Validator WholeBetween(uint64_t least, uint64_t most);

/// --threads; 0 where it is not given.
void AddThreadsOption(CLI::App* app, int* n_threads);
/// `given`, or every core that this process may use.
int NumThreads(int given);
/// -m, --model.
void AddModelOption(CLI::App* app, std::string* model);
/// --json.
void AddJsonOption(CLI::App* app, bool* json);

/// The model that a command works on: `given`, or the bundled model where that is empty. Without
/// either, kNotFound with a message that tells how to get a model; call it in Command::Check.
Result<std::string> FindModel(const std::string& given);

/// How a model is loaded and run.
struct ModelOptions {
  std::string model;     ///< as given; see FindModel
  int n_threads = 0;     ///< 0: every core that this process may use (platform/cpu.h)
  int n_ctx = 0;         ///< tokens; 0: as the model says, within what memory allows
  std::string quantize;  ///< "", "int8", "int4", "f16": while loading
  std::string weights = "auto";
  std::string kv_type = "f16";

  /// -m, --ctx, --threads, --quantize, --weights, --kv.
  void Declare(CLI::App* app);
};

/// How the next token is chosen. What is absent is as the model's own defaults say.
struct SamplingOptions {
  std::optional<double> temperature;
  std::optional<int> top_k;
  std::optional<double> top_p;
  std::optional<double> min_p;
  std::optional<double> typical_p;
  std::optional<double> repetition_penalty;
  std::optional<double> presence_penalty;
  std::optional<double> frequency_penalty;
  std::optional<uint64_t> seed;

  /// --temperature, --top-k, --top-p, --min-p, --typical-p, --repetition-penalty,
  /// --presence-penalty, --frequency-penalty, --seed.
  void Declare(CLI::App* app);
};

/// The text to work on: words of the command line, -p TEXT, or -f FILE ("-" is stdin).
struct TextOptions {
  std::vector<std::string> words;
  std::string prompt;
  std::string file;

  /// Arguments TEXT..., and -f; with `with_prompt` also -p, --prompt.
  void Declare(CLI::App* app, bool with_prompt);
  /// kInvalidArgument unless exactly one of them is there.
  Status Check() const;
  /// Words are joined by one space.
  Result<std::string> Read() const;

 private:
  const CLI::Option* words_option_ = nullptr;
  const CLI::Option* prompt_option_ = nullptr;
  const CLI::Option* file_option_ = nullptr;
};

/// Token ids out of "1,2,3", "[1, 2, 3]" and the like, in one argument or several.
Result<std::vector<int32_t>> ParseTokenIds(const std::vector<std::string>& arguments);

/// A whole file, or stdin for "-".
Result<std::string> ReadInput(const std::string& path);

/// The name of a built-in grammar as it is; else the file of that name, with the name as context of
/// errors. Empty: empty.
Result<std::string> ReadGrammar(const std::string& name_or_file);

}  // namespace autoglm
