// Importance matrix: how much each input column of each matrix matters, as the sum of the squares
// of what it is multiplied with while a model reads a text. Kept in the GGUF form that
// llama-imatrix writes and llama-quantize reads.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "compress/probed_model.h"
#include "formats/model_file.h"

namespace autoglm {

struct ImportanceMatrix {
  struct Entry {
    std::vector<float> sum_squares;  ///< [cols]: over all tokens
    int64_t n_tokens = 0;
  };

  std::map<std::string, Entry, std::less<>> entries;  ///< by tensor: "blk.0.attn_q.weight"
  std::vector<std::string> datasets;                  ///< the texts' file names
  uint32_t n_chunks = 0;                              ///< of chunk_size tokens each
  uint32_t chunk_size = 0;

  /// Weights [cols] of the squared errors of that tensor's columns; empty where it has no entry, or
  /// one of which nothing was seen.
  std::span<const float> Weights(std::string_view tensor_name) const;
};

/// What `model` multiplies its matrices with while it reads `tokens` in chunks of
/// `calibration.n_ctx`. Errors of reading.
Result<ImportanceMatrix> CollectImportance(ProbedModel& model, std::span<const int32_t> tokens,
                                           const CalibrationText& calibration,
                                           ChunkProgress progress);

/// The file appears when complete or not at all. Errors of FileWriter.
Status WriteImatrix(const ImportanceMatrix& matrix, const std::string& path);

/// kInvalidArgument where the file is no importance matrix, kDataLoss where its entries contradict
/// themselves or are not numbers; errors of opening a GGUF file.
Result<ImportanceMatrix> ReadImatrix(const std::string& path);

/// kInvalidArgument where `matrix` is of another model than `file`: an entry whose tensor `file`
/// lacks or has with other columns, or no entry for any of its matrices.
Status CheckMatches(const ImportanceMatrix& matrix, const ModelFile& file);

}  // namespace autoglm
