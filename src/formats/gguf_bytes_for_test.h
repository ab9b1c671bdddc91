// GgufBytes: builds the bytes of GGUF files, good and bad, for tests.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace autoglm {

/// Appends raw values; nothing is checked, so that every kind of damage can be written.
class GgufBytes {
 public:
  struct Info {
    std::string name;
    std::vector<uint64_t> dims;  ///< innermost first, as in the file
    uint32_t type = 0;
    uint64_t offset = 0;
  };

  uint32_t version = 3;
  std::string magic = "GGUF";
  int64_t extra_tensors = 0;  ///< claimed beyond what is there
  int64_t extra_pairs = 0;
  std::vector<Info> infos;
  std::string data;

  template <typename T>
  static std::string Raw(T value) {
    static_assert(std::is_arithmetic_v<T>);
    return std::string(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  static std::string Str(std::string_view text) {
    return Raw<uint64_t>(text.size()) + std::string(text);
  }
  /// A pair whose value is given as type number and bytes.
  GgufBytes& Pair(std::string_view key, uint32_t type, const std::string& raw) {
    pairs_ += Str(key) + Raw(type) + raw;
    ++n_pairs_;
    return *this;
  }
  GgufBytes& U32(std::string_view key, uint32_t value) { return Pair(key, 4, Raw(value)); }
  GgufBytes& Text(std::string_view key, std::string_view value) { return Pair(key, 8, Str(value)); }

  GgufBytes& F32Tensor(const std::string& name, std::vector<uint64_t> dims) {
    uint64_t n = 1;
    for (uint64_t d : dims) n *= d;
    infos.push_back({name, std::move(dims), 0, data.size()});
    for (uint64_t i = 0; i < n; ++i) data += Raw(static_cast<float>(data.size()));
    data.resize((data.size() + 31) / 32 * 32);
    return *this;
  }

  std::string Build() const {
    std::string out = magic + Raw(version) + Raw<uint64_t>(infos.size() + extra_tensors) +
                      Raw<uint64_t>(n_pairs_ + extra_pairs) + pairs_;
    for (const Info& info : infos) {
      out += Str(info.name) + Raw(static_cast<uint32_t>(info.dims.size()));
      for (uint64_t d : info.dims) out += Raw(d);
      out += Raw(info.type) + Raw(info.offset);
    }
    if (!data.empty()) out.resize((out.size() + 31) / 32 * 32);
    return out + data;
  }

 private:
  std::string pairs_;
  uint64_t n_pairs_ = 0;
};

}  // namespace autoglm
