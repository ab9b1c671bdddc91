// Encodes and decodes raw files with the block formats of src/quant, and times both. Used by
// compare_encoders.py, which says how to build it.
//   quant_codec encode TYPE IN.f32 OUT.blocks [IMPORTANCE.f32]
//   quant_codec decode TYPE IN.blocks OUT.f32
//   quant_codec speed TYPE                        prints decode and encode rates of one core
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/rng.h"
#include "quant/quant_format.h"
#include "tensor/dtype.h"

namespace {

using autoglm::DType;

std::vector<char> ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool WriteFile(const char* path, const void* data, size_t n_bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(static_cast<const char*>(data), static_cast<std::streamsize>(n_bytes));
  return file.good();
}

std::vector<float> AsFloats(const std::vector<char>& bytes) {
  std::vector<float> floats(bytes.size() / sizeof(float));
  std::memcpy(floats.data(), bytes.data(), floats.size() * sizeof(float));
  return floats;
}

int Encode(DType dtype, const char* in, const char* out, const char* importance_path) {
  const std::vector<float> x = AsFloats(ReadFile(in));
  std::vector<float> importance;
  if (importance_path != nullptr) importance = AsFloats(ReadFile(importance_path));
  if (importance_path != nullptr && importance.size() != x.size()) return 1;
  const int64_t n = static_cast<int64_t>(x.size());
  std::vector<std::byte> blocks(static_cast<size_t>(autoglm::RowBytes(dtype, n)));
  autoglm::Format(dtype).encode(x.data(), importance_path ? importance.data() : nullptr,
                                blocks.data(), n);
  return WriteFile(out, blocks.data(), blocks.size()) ? 0 : 1;
}

int Decode(DType dtype, const char* in, const char* out) {
  const std::vector<char> blocks = ReadFile(in);
  const autoglm::DTypeInfo& info = autoglm::Info(dtype);
  std::vector<float> x(blocks.size() / info.block_bytes * info.block_elements);
  autoglm::Format(dtype).decode(reinterpret_cast<const std::byte*>(blocks.data()), x.data(),
                                static_cast<int64_t>(x.size()));
  return WriteFile(out, x.data(), x.size() * sizeof(float)) ? 0 : 1;
}

// Elements per second of the fastest of five calls that take at least 50 ms each.
template <typename Call>
double Rate(int64_t n, Call call) {
  using Clock = std::chrono::steady_clock;
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto start = Clock::now();
    int64_t done = 0;
    double seconds = 0;
    while (seconds < 0.05) {
      call();
      done += n;
      seconds = std::chrono::duration<double>(Clock::now() - start).count();
    }
    best = std::max(best, static_cast<double>(done) / seconds);
  }
  return best;
}

int Speed(DType dtype) {
  constexpr int64_t kN = 1 << 14;  // stays in the L2 cache
  autoglm::Rng rng(1);
  std::vector<float> x(kN), y(kN);
  for (float& v : x) v = static_cast<float>(rng.NextGaussian());
  std::vector<std::byte> blocks(static_cast<size_t>(autoglm::RowBytes(dtype, kN)));
  const autoglm::QuantFormat& format = autoglm::Format(dtype);
  double encode = 0;
  if (format.can_encode()) {
    encode = Rate(kN, [&] { format.encode(x.data(), nullptr, blocks.data(), kN); });
  }
  const double decode = Rate(kN, [&] { format.decode(blocks.data(), y.data(), kN); });
  std::printf("%-7s decode %7.0f M/s   encode %7.1f M/s\n",
              std::string(autoglm::Name(dtype)).c_str(), decode / 1e6, encode / 1e6);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 2 ? argv[1] : "";
  const auto dtype = argc > 2 ? autoglm::DTypeFromName(argv[2]) : std::nullopt;
  if (dtype && verb == "encode" && argc >= 5) {
    return Encode(*dtype, argv[3], argv[4], argc > 5 ? argv[5] : nullptr);
  }
  if (dtype && verb == "decode" && argc == 5) return Decode(*dtype, argv[3], argv[4]);
  if (dtype && verb == "speed" && argc == 3) return Speed(*dtype);
  std::fprintf(stderr, "usage: quant_codec encode|decode|speed TYPE [IN OUT [IMPORTANCE]]\n");
  return 2;
}
