// SafetensorsBytes: builds the bytes of safetensors files for tests, and a folder to put them in.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/str.h"
#include "platform/file.h"

namespace autoglm {

/// A file around any header text; the data is `data`.
inline std::string SafetensorsBytes(const std::string& header, const std::string& data) {
  const uint64_t n = header.size();
  return std::string(reinterpret_cast<const char*>(&n), sizeof(n)) + header + data;
}

/// F32 tensors added one after the other, holding 0, 1, 2 ... each.
class F32Tensors {
 public:
  F32Tensors& Add(const std::string& name, const std::vector<int64_t>& shape) {
    int64_t n = 1;
    std::string dims;
    for (int64_t d : shape) n *= d, StrAppend(&dims, dims.empty() ? "" : ",", d);
    StrAppend(&header_, header_.empty() ? "" : ",", "\"", name, R"(":{"dtype":"F32","shape":[)",
              dims, R"(],"data_offsets":[)", data_.size(), ",", data_.size() + 4 * n, "]}");
    for (int64_t i = 0; i < n; ++i) {
      const auto x = static_cast<float>(i);
      data_.append(reinterpret_cast<const char*>(&x), sizeof(x));
    }
    return *this;
  }
  std::string Build() const { return SafetensorsBytes("{" + header_ + "}", data_); }

 private:
  std::string header_, data_;
};

/// A folder that exists as long as this object.
class TempFolder {
 public:
  explicit TempFolder(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / StrCat("autoglm_", name, "_", ::getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_.string(); }
  /// Writes a file and returns its path.
  std::string Put(const std::string& name, const std::string& content) const {
    const std::string path = (path_ / name).string();
    if (!WriteFileAtomic(path, content).ok()) return "";
    return path;
  }
  void Remove(const std::string& name) const { std::filesystem::remove(path_ / name); }

 private:
  std::filesystem::path path_;
};

}  // namespace autoglm
