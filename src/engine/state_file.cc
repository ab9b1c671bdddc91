#include "engine/state_file.h"

#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/record_file.h"

namespace autoglm {
namespace {

constexpr uint32_t kFormat = 1;
constexpr size_t kMaxTextBytes = 4096;
constexpr uint32_t kMaxDimension = 1 << 16;
constexpr uint64_t kMaxTokens = 1 << 24;

template <typename T>
void Append(std::vector<std::byte>* out, T value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  out->insert(out->end(), bytes.begin(), bytes.end());
}

void AppendText(std::vector<std::byte>* out, std::string_view text) {
  Append(out, static_cast<uint32_t>(text.size()));
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  out->insert(out->end(), bytes.begin(), bytes.end());
}

/// Takes values off the front; the first that is not there fails it for good.
class HeaderReader {
 public:
  explicit HeaderReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename T>
  T Take() {
    T value{};
    if (bytes_.size() < sizeof(T)) {
      ok_ = false;
    } else {
      std::memcpy(&value, bytes_.data(), sizeof(T));
      bytes_ = bytes_.subspan(sizeof(T));
    }
    return value;
  }

  std::string TakeText() {
    const auto n_bytes = Take<uint32_t>();
    if (n_bytes > kMaxTextBytes || n_bytes > bytes_.size()) {
      ok_ = false;
      return "";
    }
    std::string text(reinterpret_cast<const char*>(bytes_.data()), n_bytes);
    bytes_ = bytes_.subspan(n_bytes);
    return text;
  }

  bool AtEnd() const { return ok_ && bytes_.empty(); }

 private:
  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

std::vector<std::byte> MakeHeader(const StateInfo& info, const SequenceSnapshot& snapshot) {
  std::vector<std::byte> header;
  Append(&header, kFormat);
  AppendText(&header, info.app);
  AppendText(&header, info.name);
  AppendText(&header, info.model);
  Append(&header, info.model_fingerprint);
  Append(&header, info.created_unix_s);
  const KvLayout& layout = snapshot.layout();
  Append(&header, Info(layout.dtype).ggml_id);
  Append(&header, static_cast<uint32_t>(layout.num_hidden_layers));
  Append(&header, static_cast<uint32_t>(layout.num_key_value_heads));
  Append(&header, static_cast<uint32_t>(layout.head_dim));
  Append(&header, static_cast<uint32_t>(KvLayout::kPageTokens));
  Append(&header, static_cast<uint64_t>(snapshot.tokens().size()));
  Append(&header, static_cast<uint64_t>(snapshot.n_computed()));
  return header;
}

Status BadHeader(const char* what) {
  return Error(StatusCode::kDataLoss, "the state file's header is damaged: ", what);
}

/// The layout fields, or kDataLoss where no cache is like that.
Result<KvLayout> TakeLayout(HeaderReader* header) {
  const std::optional<DType> dtype = DTypeFromGgmlId(header->Take<uint32_t>());
  const auto layers = header->Take<uint32_t>();
  const auto heads = header->Take<uint32_t>();
  const auto head_dim = header->Take<uint32_t>();
  const auto page_tokens = header->Take<uint32_t>();
  const bool known_type =
      dtype && (*dtype == DType::kF32 || *dtype == DType::kF16 || *dtype == DType::kQ8_0);
  if (!known_type || layers - 1 >= kMaxDimension || heads - 1 >= kMaxDimension ||
      head_dim - 1 >= kMaxDimension ||
      head_dim % static_cast<uint32_t>(Info(*dtype).block_elements) != 0) {
    return BadHeader("its cache layout is none");
  }
  if (page_tokens != KvLayout::kPageTokens) {
    return Error(StatusCode::kUnimplemented, "a state file with pages of ", page_tokens,
                 " tokens; this program has ", KvLayout::kPageTokens);
  }
  return KvLayout{*dtype, static_cast<int>(layers), static_cast<int>(heads),
                  static_cast<int>(head_dim)};
}

/// Checked against the data's size, so that nothing larger than the file is ever allocated.
Result<StateInfo> ParseHeader(const RecordFileReader& file, uint64_t file_bytes) {
  HeaderReader header(file.header());
  if (const auto format = header.Take<uint32_t>(); format != kFormat) {
    return Error(StatusCode::kUnimplemented, "a state file of format ", format,
                 "; this program reads ", kFormat);
  }
  StateInfo info;
  info.app = header.TakeText();
  info.name = header.TakeText();
  info.model = header.TakeText();
  info.model_fingerprint = header.Take<uint64_t>();
  info.created_unix_s = header.Take<int64_t>();
  AUTOGLM_ASSIGN_OR_RETURN(info.layout, TakeLayout(&header));
  const auto n_tokens = header.Take<uint64_t>();
  const auto n_computed = header.Take<uint64_t>();
  if (!header.AtEnd()) return BadHeader("its length");
  if (n_tokens > kMaxTokens || n_computed > n_tokens || n_computed % KvLayout::kPageTokens != 0) {
    return BadHeader("its numbers of tokens");
  }
  // A page has at most 2^65 bytes by the limits above, so the division comes first.
  const uint64_t token_bytes = n_tokens * sizeof(int32_t);
  const uint64_t n_pages = n_computed / KvLayout::kPageTokens;
  const double page_bytes = 2.0 * info.layout.num_hidden_layers * info.layout.num_key_value_heads *
                            static_cast<double>(info.layout.head_bytes());
  if (page_bytes > static_cast<double>(file_bytes) && n_pages > 0) {
    return BadHeader("its pages are larger than the file");
  }
  const uint64_t all_pages =
      n_pages == 0 ? 0 : n_pages * static_cast<uint64_t>(info.layout.page_bytes());
  if (file.data_bytes() != token_bytes + all_pages) {
    return BadHeader("its tokens and pages do not make up the file");
  }
  info.n_tokens = static_cast<int>(n_tokens);
  info.n_computed = static_cast<int>(n_computed);
  info.file_bytes = static_cast<int64_t>(file_bytes);
  return info;
}

Status CheckExpected(const StateInfo& found, const StateInfo& expected) {
  if (found.app != expected.app) {
    return Error(StatusCode::kInvalidArgument, "the saved state belongs to another app");
  }
  if (found.model_fingerprint != expected.model_fingerprint) {
    return Error(StatusCode::kInvalidArgument, "the saved state is of another model ('",
                 Quoted(found.model), "')");
  }
  if (found.layout != expected.layout) {
    return Error(StatusCode::kInvalidArgument, "the saved state has a cache of type ",
                 Name(found.layout.dtype), ", and the model now runs with ",
                 Name(expected.layout.dtype));
  }
  return OkStatus();
}

}  // namespace

Status WriteStateFile(const std::string& path, const StateInfo& info,
                      const SequenceSnapshot& snapshot, const StateCipher* cipher) {
  for (const std::string* text : {&info.app, &info.name, &info.model}) {
    if (text->size() > kMaxTextBytes) {
      return Error(StatusCode::kInvalidArgument, "a name of ", text->size(),
                   " bytes in a state file; at most ", kMaxTextBytes);
    }
  }
  const std::span<const std::byte> tokens = std::as_bytes(snapshot.tokens());
  const auto page_bytes = static_cast<size_t>(snapshot.layout().page_bytes());
  AUTOGLM_ASSIGN_OR_RETURN(
      RecordFileWriter file,
      RecordFileWriter::Create(path, cipher, MakeHeader(info, snapshot),
                               tokens.size() + snapshot.pages().size() * page_bytes));
  AUTOGLM_RETURN_IF_ERROR(file.Write(tokens));
  for (const std::byte* page : snapshot.pages()) {
    AUTOGLM_RETURN_IF_ERROR(file.Write({page, page_bytes}));
  }
  return file.Commit();
}

Result<StateInfo> ReadStateInfo(const RandomReader& reader, const StateCipher* cipher) {
  AUTOGLM_ASSIGN_OR_RETURN(const RecordFileReader file, RecordFileReader::Open(reader, cipher));
  return ParseHeader(file, reader.size());
}

Result<SequenceState> ReadStateFile(const RandomReader& reader, const StateCipher* cipher,
                                    const StateInfo& expected) {
  AUTOGLM_ASSIGN_OR_RETURN(RecordFileReader file, RecordFileReader::Open(reader, cipher));
  AUTOGLM_ASSIGN_OR_RETURN(const StateInfo info, ParseHeader(file, reader.size()));
  AUTOGLM_RETURN_IF_ERROR(CheckExpected(info, expected));
  SequenceState state;
  state.layout = info.layout;
  state.tokens.resize(static_cast<size_t>(info.n_tokens));
  AUTOGLM_RETURN_IF_ERROR(file.Read(std::as_writable_bytes(std::span(state.tokens))));
  const auto page_bytes = static_cast<size_t>(info.layout.page_bytes());
  const auto n_pages = static_cast<size_t>(info.n_computed) / KvLayout::kPageTokens;
  AUTOGLM_ASSIGN_OR_RETURN(state.pages, Buffer::Allocate(n_pages * page_bytes, "a saved state"));
  AUTOGLM_RETURN_IF_ERROR(file.Read({state.pages.data(), n_pages * page_bytes}));
  state.n_computed = info.n_computed;
  return state;
}

}  // namespace autoglm
