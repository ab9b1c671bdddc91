#include "formats/foreign_files.h"

#include <cstdint>
#include <cstring>
#include <string_view>

namespace autoglm {

namespace {

using std::string_view_literals::operator""sv;

/// A JSON header of a plausible length, as safetensors begins.
bool IsSafetensors(std::string_view head, size_t file_size) {
  if (head.size() < 9) return false;
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, head.data(), sizeof(header_bytes));
  return head[8] == '{' && header_bytes >= 2 && header_bytes <= file_size - 8;
}

/// ModelProto as ONNX writes it: field 1 (ir_version, a small varint), then a producer or a graph.
bool IsOnnx(std::string_view head) {
  return head.size() > 3 && head[0] == '\x08' && head[1] > 0 && head[1] < 32 &&
         (head[2] == '\x12' || head[2] == '\x3a' || head[2] == '\x1a' || head[2] == '\x42');
}

std::string_view WithoutLeadingSpace(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t\r\n");
  return start == std::string_view::npos ? ""sv : text.substr(start);
}

bool IsHtml(std::string_view head) {
  const std::string_view text = WithoutLeadingSpace(head);
  return text.starts_with("<!DOCTYPE") || text.starts_with("<!doctype") ||
         text.starts_with("<html") || text.starts_with("<HTML");
}

struct LegacyMagic {
  std::string_view magic;  ///< as the bytes lie in the file
  std::string_view name;
};
constexpr LegacyMagic kLegacyMagics[] = {
    {"lmgg", "ggml"}, {"fmgg", "ggmf"}, {"tjgg", "ggjt"}, {"algg", "ggla"}};

}  // namespace

Status DescribeForeignFile(std::span<const std::byte> bytes) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min<size_t>(bytes.size(), 256));
  const auto refuse = [](const auto&... parts) {
    return Error(StatusCode::kInvalidArgument, parts...);
  };
  if (IsSafetensors(head, bytes.size())) {
    return refuse("a safetensors file; give the folder that holds it, with its config.json");
  }
  if (head.starts_with("PK\x03\x04"sv)) {
    return refuse(
        "a zip archive (as a PyTorch .bin or .pt checkpoint is); such files can run code when "
        "loaded and are not read: use the model's safetensors or GGUF form");
  }
  if (head.size() > 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5) {
    return refuse(
        "a Python pickle (as old PyTorch checkpoints are); such files can run code when loaded "
        "and are not read: use the model's safetensors or GGUF form");
  }
  for (const LegacyMagic& legacy : kLegacyMagics) {
    if (head.starts_with(legacy.magic)) {
      return refuse("a model in the old ", legacy.name,
                    " format, which came before GGUF; convert the model to GGUF");
    }
  }
  if (IsOnnx(head)) return refuse("it looks like an ONNX model, which is not a language model");
  if (head.starts_with("version https://git-lfs.github.com/")) {
    return refuse("a git-lfs pointer and not the model; fetch the real file with 'git lfs pull'");
  }
  if (IsHtml(head)) {
    return refuse("a web page and not a model; the download went wrong: fetch the file again");
  }
  if (WithoutLeadingSpace(head).starts_with("{")) {
    return refuse("a JSON file; give the folder that holds it, or a GGUF file");
  }
  return refuse("not a model: neither a GGUF file nor a Hugging Face folder");
}

}  // namespace autoglm
