// What every verb that trains asks for, and how it tells where it is.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "training/train.h"

namespace autoglm {

/// The options of TrainingOptions, and --json.
class TrainingArguments {
 public:
  void Declare(CLI::App* app, TrainingOptions* options);
  /// After the command line was read: splits --metadata, reads the file that --grammar names.
  Status Check();
  /// "FOLDER: 1200 steps, loss 0.031, validation 0.045", or JSON.
  void Report(const TrainerResult& result) const;

 private:
  TrainingOptions* options_ = nullptr;
  std::vector<std::string> metadata_;
  bool json_ = false;
};

/// A line on stderr that is written over where that is a terminal, else one every ten seconds.
std::function<void(const TrainerProgress&)> ProgressLine();

}  // namespace autoglm
