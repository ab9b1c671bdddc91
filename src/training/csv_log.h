// CsvLog: one line per logged step of a run, as plots want them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"

namespace autoglm {

struct CsvRow {
  int64_t step = 0, epoch = 0, n_tokens = 0;
  double seconds = 0, learning_rate = 0, loss = 0, gradient_norm = 0;
  std::optional<double> valid_loss;
};

class CsvLog {
 public:
  /// Begins `path` anew, or, where a run goes on, drops the lines behind `last_step` (they will be
  /// computed again). Errors: those of reading and writing.
  static Result<CsvLog> Open(const std::string& path, int64_t last_step);

  /// Appends a line; it is in the file when this returns.
  Status Add(const CsvRow& row);

 private:
  explicit CsvLog(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace autoglm
