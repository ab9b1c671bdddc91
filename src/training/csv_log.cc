#include "training/csv_log.h"

#include <charconv>
#include <cstdio>
#include <memory>

#include "platform/file.h"

namespace autoglm {

namespace {

constexpr std::string_view kHeader =
    "step,epoch,tokens,seconds,learning_rate,loss,gradient_norm,valid_loss\n";
constexpr size_t kMaxBytes = size_t{1} << 30;

/// The header and the lines of `text` whose step is at most `last_step`.
std::string KeptLines(std::string_view text, int64_t last_step) {
  std::string kept(kHeader);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size() - 1);
    const std::string_view line = text.substr(at, end + 1 - at);
    int64_t step = 0;
    const auto parsed = std::from_chars(line.data(), line.data() + line.size(), step);
    if (parsed.ec == std::errc() && line.ends_with('\n') && step <= last_step) kept += line;
    at = end + 1;
  }
  return kept;
}

}  // namespace

Result<CsvLog> CsvLog::Open(const std::string& path, int64_t last_step) {
  std::string text;
  if (last_step > 0 && FileExists(path)) {
    AUTOGLM_ASSIGN_OR_RETURN(text, ReadWholeFile(path, kMaxBytes));
  }
  AUTOGLM_RETURN_IF_ERROR(WriteFileAtomic(path, KeptLines(text, last_step)));
  return CsvLog(path);
}

Status CsvLog::Add(const CsvRow& row) {
  const std::string line =
      StrCat(row.step, ",", row.epoch, ",", row.n_tokens, ",", row.seconds, ",", row.learning_rate,
             ",", row.loss, ",", row.gradient_norm, ",",
             row.valid_loss ? StrCat(*row.valid_loss) : std::string(), "\n");
  std::FILE* file = std::fopen(path_.c_str(), "ab");
  if (file == nullptr) return ErrnoError(errno, "cannot open", path_);
  const bool written = std::fwrite(line.data(), 1, line.size(), file) == line.size();
  const int error = errno;
  if (std::fclose(file) != 0 || !written) return ErrnoError(error, "cannot write", path_);
  return OkStatus();
}

}  // namespace autoglm
