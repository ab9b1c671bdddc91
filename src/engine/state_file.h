// State files: a sequence's tokens and pages on disk, in the records of record_file.h.
//
//   header: u32 format 1; strings app, name, model (u32 length, then bytes); u64 fingerprint of the
//           model; i64 created (seconds since 1970); u32 ggml id of the cache's type, layers,
//           heads, head_dim, kPageTokens; u64 n_tokens, n_computed
//   data:   tokens i32 [n_tokens]; pages [n_computed / kPageTokens][page_bytes]
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "engine/sequence_state.h"
#include "engine/state_cipher.h"
#include "platform/random_reader.h"

namespace autoglm {

/// Whose state it is and what it fits.
struct StateInfo {
  std::string app;
  std::string name;
  std::string model;               ///< its name, for people
  uint64_t model_fingerprint = 0;  ///< ModelFingerprint
  int64_t created_unix_s = 0;
  KvLayout layout;
  int n_tokens = 0;
  int n_computed = 0;
  int64_t file_bytes = 0;
};

/// Of app, name, model, model_fingerprint and created_unix_s of `info`, and the snapshot. When it
/// returns OK the file is on the disk, whole; otherwise `path` is as it was. `cipher` may be null.
/// Errors as FileWriter; kInvalidArgument (a text of more than 4096 bytes).
Status WriteStateFile(const std::string& path, const StateInfo& info,
                      const SequenceSnapshot& snapshot, const StateCipher* cipher);

/// The header, with all of it checked. kDataLoss, kUnimplemented, kPermissionDenied.
Result<StateInfo> ReadStateInfo(const RandomReader& reader, const StateCipher* cipher);

/// The whole state. Also kInvalidArgument where app, model_fingerprint or layout are not those of
/// `expected` (its other fields are not looked at), kResourceExhausted (memory).
Result<SequenceState> ReadStateFile(const RandomReader& reader, const StateCipher* cipher,
                                    const StateInfo& expected);

}  // namespace autoglm
