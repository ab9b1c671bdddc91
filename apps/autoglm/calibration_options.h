// Options of commands that read a text to find out what matters in a model.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/status.h"
#include "compress/probed_model.h"

namespace autoglm {

/// The text, and how much of it is read at a time.
struct CalibrationOptions {
  std::string file;
  int n_ctx = 512;
  int max_chunks = 0;

  /// `option` FILE, --ctx, --chunks; returns the first.
  CLI::Option* Declare(CLI::App* app, const std::string& option);
  /// Errors of reading the file, kInvalidArgument where it is empty or not UTF-8.
  Result<CalibrationText> Read() const;
};

}  // namespace autoglm
