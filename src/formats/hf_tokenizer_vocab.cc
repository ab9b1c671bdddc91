// Plain vocabularies: tiktoken ranks ("base64 rank" a line), vocab.json with merges.txt (GPT-2),
// vocab.txt (BERT).
#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "formats/byte_alphabet.h"
#include "formats/hf_tokenizer_draft.h"

namespace autoglm {

namespace {

using Type = TokenizerDraft::Type;

// Calls line(text, number) for every line, without its line end; stops at the first error.
template <typename F>
Status ForEachLine(std::string_view text, F line) {
  size_t n = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view content = text.substr(0, end);
    if (content.ends_with('\r')) content.remove_suffix(1);
    AUTOGLM_RETURN_IF_ERROR(line(content, ++n));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return OkStatus();
}

bool DecodeBase64(std::string_view text, std::string* out) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  static constexpr auto kValues = [] {
    std::array<int8_t, 256> values{};
    values.fill(-1);
    for (size_t i = 0; i < kDigits.size(); ++i) {
      values[static_cast<uint8_t>(kDigits[i])] = static_cast<int8_t>(i);
    }
    return values;
  }();
  out->clear();
  while (text.ends_with('=')) text.remove_suffix(1);
  uint32_t bits = 0;
  int n_bits = 0;
  for (const char c : text) {
    const int8_t value = kValues[static_cast<uint8_t>(c)];
    if (value < 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(value);
    n_bits += 6;
    if (n_bits >= 8) {
      n_bits -= 8;
      out->push_back(static_cast<char>(bits >> n_bits));
    }
  }
  return n_bits < 6;  // one left-over digit is no byte
}

using Ranks = std::unordered_map<std::string_view, int32_t>;

// The last merge that makes `token`: where its two parts meet, or 0 if merging its bytes does not
// end in the token (then only the whole piece gives it). One merge a token is enough: whatever
// surrounds these bytes in a text, they merge in the same order as alone until something outside
// joins in. Ranks need not fall: a part may rank behind the whole.
size_t SplitOf(std::string_view token, const Ranks& ranks) {
  constexpr int32_t kNone = INT32_MAX;
  std::vector<uint32_t> begin(token.size() + 1);  // of the parts, and the end
  for (size_t i = 0; i <= token.size(); ++i) begin[i] = static_cast<uint32_t>(i);
  std::vector<int32_t> pair(token.size(), kNone);  // rank of part i joined with part i + 1
  const auto rank_of = [&](size_t i) {
    if (i + 2 >= begin.size()) return kNone;
    const auto it = ranks.find(token.substr(begin[i], begin[i + 2] - begin[i]));
    return it != ranks.end() ? it->second : kNone;
  };
  for (size_t i = 0; i + 2 < begin.size(); ++i) pair[i] = rank_of(i);
  while (begin.size() > 3) {
    const auto best = std::min_element(pair.begin(), pair.end());
    if (*best == kNone) return 0;
    const size_t i = best - pair.begin();
    begin.erase(begin.begin() + i + 1);
    pair.erase(pair.begin() + i);
    pair[i] = rank_of(i);
    if (i > 0) pair[i - 1] = rank_of(i - 1);
  }
  return begin[1];
}

}  // namespace

Status ReadTiktokenRanks(std::string_view text, TokenizerDraft* draft) {
  draft->model = "gpt2";
  draft->pre_is_open = true;
  draft->ignore_merges = true;  // tiktoken looks for the whole piece first
  draft->ExpectTokens(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')));
  std::vector<std::pair<std::string, int32_t>> entries;
  AUTOGLM_RETURN_IF_ERROR(ForEachLine(text, [&](std::string_view line, size_t n) -> Status {
    if (line.empty()) return OkStatus();
    const size_t space = line.find(' ');
    std::string bytes;
    int64_t rank = -1;
    const char* end = line.data() + line.size();
    if (space == std::string_view::npos || !DecodeBase64(line.substr(0, space), &bytes) ||
        bytes.empty() || std::from_chars(line.data() + space + 1, end, rank).ptr != end) {
      return Error(StatusCode::kDataLoss, "line ", n, " is '", Quoted(line),
                   "', expected a token in base64, a space and its rank");
    }
    AUTOGLM_RETURN_IF_ERROR(draft->SetToken(rank, ToByteAlphabet(bytes), 0, Type::kNormal));
    entries.emplace_back(std::move(bytes), static_cast<int32_t>(rank));
    return OkStatus();
  }));
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  Ranks ranks;
  ranks.reserve(entries.size());
  for (const auto& [bytes, rank] : entries) ranks.emplace(bytes, rank);
  for (const auto& [bytes, rank] : entries) {
    // A token this long is no word; its merges would take quadratic time.
    if (bytes.size() < 2 || bytes.size() > 1024) continue;
    const size_t at = SplitOf(bytes, ranks);
    if (at == 0) continue;
    const std::string_view view = bytes;
    draft->merges.push_back(
        StrCat(ToByteAlphabet(view.substr(0, at)), " ", ToByteAlphabet(view.substr(at))));
  }
  return OkStatus();
}

Status ReadVocabAndMerges(std::string_view vocab_json, std::string_view merges_txt,
                          TokenizerDraft* draft) {
  draft->model = "gpt2";
  draft->pre_is_open = true;
  const nlohmann::json vocab = nlohmann::json::parse(vocab_json, nullptr, false);
  if (!vocab.is_object()) return Error(StatusCode::kDataLoss, "vocab.json is not a JSON object");
  draft->ExpectTokens(vocab.size());
  for (const auto& [token, id] : vocab.items()) {
    if (!id.is_number_integer()) {
      return Error(StatusCode::kDataLoss, "vocab.json: the id of '", Quoted(token),
                   "' is not an integer");
    }
    AUTOGLM_RETURN_IF_ERROR(draft->SetToken(id.get<int64_t>(), token, 0, Type::kNormal));
  }
  return ForEachLine(merges_txt, [&](std::string_view line, size_t n) -> Status {
    if (line.empty() || (n == 1 && line.starts_with("#version"))) return OkStatus();
    const size_t space = line.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == line.size()) {
      return Error(StatusCode::kDataLoss, "merges.txt, line ", n, " is '", Quoted(line),
                   "', expected two tokens with a space between them");
    }
    draft->merges.emplace_back(line);
    return OkStatus();
  });
}

Status ReadVocabTxt(std::string_view text, TokenizerDraft* draft) {
  draft->model = "bert";
  AUTOGLM_RETURN_IF_ERROR(ForEachLine(text, [&](std::string_view line, size_t n) {
    return draft->SetToken(static_cast<int64_t>(n) - 1, std::string(line), 0, Type::kNormal);
  }));
  static constexpr std::pair<const char*, const char*> kRoles[] = {
      {"unk", "[UNK]"}, {"cls", "[CLS]"}, {"sep", "[SEP]"}, {"pad", "[PAD]"}, {"mask", "[MASK]"}};
  for (const auto& [role, name] : kRoles) {
    const int32_t id = draft->Find(name);
    if (id < 0) continue;
    draft->roles[role] = name;
    AUTOGLM_RETURN_IF_ERROR(draft->SetAdded(id, name, /*special=*/true, 0));
    if (std::string_view(role) == "cls") draft->prefix_ids = {id};
    if (std::string_view(role) == "sep") draft->suffix_ids = {id};
  }
  return OkStatus();
}

}  // namespace autoglm
