#include "text/text_normalizer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/utf8.h"
#include "text/normalize.h"
#include "text/unicode.h"

namespace autoglm {

namespace {

constexpr size_t kMaxGrowth = 4096;  // of all steps together

// `keep_or_map` appends what a character becomes. Ill-formed bytes are kept.
template <typename F>
std::string MapChars(std::string_view text, F keep_or_map) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Char c = DecodeUtf8(text);
    if (c.valid) {
      keep_or_map(c.code_point, &out);
    } else {
      out.append(text.substr(0, c.n_bytes));
    }
    text.remove_prefix(c.n_bytes);
  }
  return out;
}

std::string Replace(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t next = text.find(from, at);
    out.append(text.substr(at, next - at));
    if (next == std::string_view::npos) break;
    out.append(to);
    at = next + from.size();
  }
  return out;
}

}  // namespace

std::string Lowercase(std::string_view text) {
  return MapChars(text, [](char32_t c, std::string* out) {
    if (c == 0x130) {  // the one letter whose full lower case is longer (SpecialCasing.txt)
      AppendUtf8(out, 'i');
      AppendUtf8(out, 0x307);
    } else {
      AppendUtf8(out, SimpleLower(c));
    }
  });
}

std::string StripAccents(std::string_view text) {
  return MapChars(text, [](char32_t c, std::string* out) {
    if (CategoryOf(c) != GeneralCategory::kMn) AppendUtf8(out, c);
  });
}

Result<TextNormalizer> TextNormalizer::Create(std::span<const std::string_view> steps) {
  static constexpr struct {
    std::string_view name;
    Kind kind;
    size_t n_arguments;
  } kKinds[] = {{"nfc", Kind::kNfc, 0},
                {"nfd", Kind::kNfd, 0},
                {"nfkc", Kind::kNfkc, 0},
                {"nfkd", Kind::kNfkd, 0},
                {"lowercase", Kind::kLowercase, 0},
                {"strip_accents", Kind::kStripAccents, 0},
                {"replace", Kind::kReplace, 2},
                {"prepend", Kind::kPrepend, 1}};
  TextNormalizer normalizer;
  size_t growth = 1;
  for (size_t i = 0; i < steps.size();) {
    const std::string_view name = steps[i++];
    const auto* row = &kKinds[0];
    while (row != std::end(kKinds) && row->name != name) ++row;
    if (row == std::end(kKinds)) {
      return Error(StatusCode::kUnimplemented, "the text normalization '", Quoted(name),
                   "' is not known");
    }
    if (steps.size() - i < row->n_arguments) {
      return Error(StatusCode::kDataLoss, "the text normalization '", name,
                   "' lacks its arguments");
    }
    Step step{row->kind, {}, {}};
    if (row->kind == Kind::kReplace) step.from = steps[i], step.to = steps[i + 1];
    if (row->kind == Kind::kPrepend) step.to = steps[i];
    if (row->kind == Kind::kReplace && step.from.empty()) {
      return Error(StatusCode::kDataLoss, "a text normalization replaces the empty text");
    }
    growth *= step.to.size() / std::max<size_t>(step.from.size(), 1) + 1;
    if (growth > kMaxGrowth) {
      return Error(StatusCode::kUnimplemented, "the text normalization can make a text more than ",
                   kMaxGrowth, " times as long");
    }
    i += row->n_arguments;
    normalizer.steps_.push_back(std::move(step));
  }
  return normalizer;
}

std::string TextNormalizer::Apply(std::string_view text) const {
  std::string out(text);
  for (const Step& step : steps_) {
    switch (step.kind) {
      case Kind::kNfc:
        if (MayNeedNfc(out)) out = Normalize(out, NormalForm::kNfc);
        break;
      case Kind::kNfd:
        out = Normalize(out, NormalForm::kNfd);
        break;
      case Kind::kNfkc:
        out = Normalize(out, NormalForm::kNfkc);
        break;
      case Kind::kNfkd:
        out = Normalize(out, NormalForm::kNfkd);
        break;
      case Kind::kLowercase:
        out = Lowercase(out);
        break;
      case Kind::kStripAccents:
        out = StripAccents(out);
        break;
      case Kind::kReplace:
        out = Replace(out, step.from, step.to);
        break;
      case Kind::kPrepend:
        if (!out.empty()) out.insert(0, step.to);
        break;
    }
  }
  return out;
}

}  // namespace autoglm
