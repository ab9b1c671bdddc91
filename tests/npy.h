// Reads NumPy's .npy files (format version 1, C order), for tests.
// Source: numpy.lib.format documentation.
#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <type_traits>
#include <vector>

namespace autoglm {

template <typename T>
struct NpyArray {
  std::vector<int64_t> shape;
  std::vector<T> values;
};

/// float32 or int32 as T says; an array without a shape where `path` holds nothing of the kind.
template <typename T>
NpyArray<T> ReadNpy(const std::string& path) {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, int32_t>);
  constexpr size_t kPreamble = 10;  // magic, version, length of the header
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (bytes.size() < kPreamble || bytes.compare(0, 8, "\x93NUMPY\x01\x00", 8) != 0) return {};
  uint16_t header_bytes;
  std::memcpy(&header_bytes, bytes.data() + 8, sizeof(header_bytes));
  const std::string header = bytes.substr(kPreamble, header_bytes);
  const char* descr = std::is_same_v<T, float> ? "'<f4'" : "'<i4'";
  if (header.find(descr) == std::string::npos || header.find("False") == std::string::npos) {
    return {};
  }
  NpyArray<T> array;
  size_t n = 1;
  for (size_t at = header.find('(') + 1; at < header.size() && header[at] != ')'; ++at) {
    if (header[at] < '0' || header[at] > '9') continue;
    size_t digits = 0;
    array.shape.push_back(std::stoll(header.substr(at), &digits));
    n *= static_cast<size_t>(array.shape.back());
    at += digits - 1;
  }
  if (bytes.size() != kPreamble + header_bytes + n * sizeof(T)) return {};
  array.values.resize(n);
  std::memcpy(array.values.data(), bytes.data() + kPreamble + header_bytes, n * sizeof(T));
  return array;
}

}  // namespace autoglm
