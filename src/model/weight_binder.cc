#include "model/weight_binder.h"

#include <algorithm>
#include <charconv>
#include <mutex>
#include <utility>
#include <vector>

#include "base/str.h"
#include "formats/layer_sources.h"
#include "kernels/kernels.h"
#include "quant/quant_format.h"

namespace autoglm {

namespace {

// Rows that one thread converts at a time: enough to amortize claiming them, little memory.
constexpr int64_t kElementsPerChunk = 128 * 1024;

int64_t Aligned(int64_t n_bytes) {
  constexpr int64_t kAlignment = Buffer::kAlignment;
  return (n_bytes + kAlignment - 1) / kAlignment * kAlignment;
}

int64_t RowsPerChunk(int64_t cols) { return std::max<int64_t>(1, kElementsPerChunk / cols); }

bool IsAligned(const std::byte* data, DType dtype) {
  const size_t alignment = dtype == DType::kF32 ? 4 : IsFloat(dtype) ? 2 : 1;
  return reinterpret_cast<uintptr_t>(data) % alignment == 0;
}

}  // namespace

WeightBinder::WeightBinder(const ModelFile& file, Backend& backend, ThreadPool& threads,
                           Choose choose, bool copy, std::function<void(int64_t, int64_t)> progress)
    : file_(file),
      backend_(backend),
      threads_(threads),
      choose_(std::move(choose)),
      copy_(copy),
      progress_(std::move(progress)) {
  for (const TensorEntry& entry : file.tensors()) {
    total_bytes_ += entry.n_bytes();
    const DType dtype = choose_(entry);
    if (entry.shape.rank() > 1 && InPlace(entry, dtype).empty()) {
      arena_bytes_ += Aligned(TensorBytes(dtype, entry.shape));
    }
  }
  if (file.metadata().Has(kLayerSourcesKey)) ReadLayerSources();
}

void WeightBinder::ReadLayerSources() {
  const auto sources = file_.metadata().GetInts(kLayerSourcesKey);
  if (!sources.ok()) {
    status_ = sources.status().WithContext(file_.path());
    return;
  }
  for (size_t i = 0; i < sources->size(); ++i) {
    const int64_t source = (*sources)[i];
    const bool is_before = source >= 0 && source <= static_cast<int64_t>(i);
    if (is_before && (*sources)[static_cast<size_t>(source)] == source) continue;
    status_ = Error(StatusCode::kInvalidArgument, file_.path(), ": ", kLayerSourcesKey,
                    " gives layer ", i, " the weights of layer ", source,
                    ", expected itself or a layer before it that has its own");
    return;
  }
  layer_sources_ = *sources;
}

std::string WeightBinder::SourceName(std::string_view name) const {
  constexpr std::string_view kBlock = "blk.";
  if (layer_sources_.empty() || !name.starts_with(kBlock)) return std::string(name);
  size_t layer = 0;
  const char* const last = name.data() + name.size();
  const char* const end = std::from_chars(name.data() + kBlock.size(), last, layer).ptr;
  if (layer >= layer_sources_.size()) return std::string(name);
  return StrCat(kBlock, layer_sources_[layer],
                std::string_view(end, static_cast<size_t>(last - end)));
}

const TensorEntry* WeightBinder::Expect(std::string_view name, const Shape& shape) {
  if (!status_.ok()) return nullptr;
  const TensorEntry* entry = file_.Find(SourceName(name));
  if (entry == nullptr) {
    status_ = Error(StatusCode::kNotFound, file_.path(), ": tensor '", name,
                    "' is missing; expected shape ", shape.ToString());
    return nullptr;
  }
  if (!(entry->shape == shape)) {
    status_ = Error(StatusCode::kInvalidArgument, file_.path(), ": tensor '", name, "' has shape ",
                    entry->shape.ToString(), ", expected ", shape.ToString());
    return nullptr;
  }
  used_.insert(entry->name);
  return entry;
}

void WeightBinder::ExpectNoOthers() {
  for (const TensorEntry& entry : file_.tensors()) {
    // The rotary frequencies are read with the hyperparameters, or are derived from them.
    const bool is_rotary = entry.name.find("rope_f") != std::string::npos ||
                           entry.name.find("attn_rot_embd") != std::string::npos;
    // A classifier on top serves ranking; it does not take part in writing text.
    const bool is_classifier = entry.name.starts_with("cls.");
    if (!status_.ok() || is_rotary || is_classifier || used_.contains(entry.name)) continue;
    status_ = Error(StatusCode::kUnimplemented, file_.path(), ": tensor '", entry.name, "' ",
                    entry.shape.ToString(),
                    " is not part of this architecture as we know it; the "
                    "model would give wrong answers without it");
  }
}

Weight WeightBinder::Matrix(std::string_view name, int64_t rows, int64_t cols) {
  return MatrixRows(name, rows, cols, 0, rows);
}

Weight WeightBinder::MatrixRows(std::string_view name, int64_t rows, int64_t cols, int64_t first,
                                int64_t n) {
  const TensorEntry* entry = Expect(name, Shape{rows, cols});
  if (entry == nullptr) return {};
  Weight weight = TakeOnce(*entry, first, n, choose_(*entry));
  weight.name = entry->name;
  weight.first_row = first;
  return weight;
}

Weight WeightBinder::Vector(std::string_view name, int64_t n) { return VectorPart(name, n, 0, n); }

Weight WeightBinder::VectorPart(std::string_view name, int64_t size, int64_t first, int64_t n) {
  const TensorEntry* entry = Expect(name, Shape{size});
  if (entry == nullptr) return {};
  Weight whole = TakeOnce(*entry, 0, 1, DType::kF32);
  if (whole.empty()) return {};
  whole.tensor = {DType::kF32, Shape{n}, reinterpret_cast<std::byte*>(whole.tensor.f32() + first)};
  return whole;
}

Weight WeightBinder::OptionalVector(std::string_view name, int64_t n) {
  return Has(name) ? Vector(name, n) : Weight{};
}

Weight WeightBinder::TakeOnce(const TensorEntry& entry, int64_t first, int64_t n, DType dtype) {
  if (layer_sources_.empty()) return Latch(Take(entry, first, n, dtype), entry);
  const auto [found, is_new] = taken_.try_emplace({&entry, first});
  if (is_new) found->second = Latch(Take(entry, first, n, dtype), entry);
  return found->second;
}

Weight WeightBinder::Latch(Result<Weight> weight, const TensorEntry& entry) {
  if (!weight.ok()) {
    status_ = weight.status().WithContext(StrCat(file_.path(), ": tensor '", entry.name, "'"));
    return {};
  }
  weight_bytes_ += weight->tensor.n_bytes();
  done_bytes_ += RowBytes(entry.dtype, entry.shape.cols()) * weight->tensor.rows();
  if (progress_) progress_(std::min(done_bytes_, total_bytes_), total_bytes_);
  return std::move(weight).value();
}

Tensor WeightBinder::InPlace(const TensorEntry& entry, DType dtype) const {
  if (dtype != entry.dtype || (copy_ && entry.shape.rank() > 1)) return {};
  const Tensor view = file_.View(entry);
  return view.empty() || !IsAligned(view.data, dtype) ? Tensor() : view;
}

Result<Weight> WeightBinder::Take(const TensorEntry& entry, int64_t first, int64_t n, DType dtype) {
  const Tensor view = InPlace(entry, dtype);
  if (view.empty()) return Copy(entry, first, n, dtype);
  return backend_.TakeWeight(entry.shape.rank() > 1 ? view.Rows(first, n) : view, nullptr);
}

Result<WeightBinder::Place> WeightBinder::Allocate(int64_t n_bytes) {
  if (arena_ == nullptr && arena_bytes_ > 0) {
    AUTOGLM_ASSIGN_OR_RETURN(Buffer arena,
                             Buffer::Allocate(static_cast<size_t>(arena_bytes_), "model weights"));
    arena_ = std::make_shared<Buffer>(std::move(arena));
  }
  // Vectors, and matrices of which overlapping parts are asked for, may find no room there.
  if (n_bytes > arena_bytes_ - arena_used_) {
    AUTOGLM_ASSIGN_OR_RETURN(Buffer buffer,
                             Buffer::Allocate(static_cast<size_t>(n_bytes), "model weights"));
    auto owner = std::make_shared<Buffer>(std::move(buffer));
    return Place{owner->data(), owner};
  }
  std::byte* const data =
      arena_->data() + std::exchange(arena_used_, arena_used_ + Aligned(n_bytes));
  return Place{data, arena_};
}

Result<Weight> WeightBinder::Copy(const TensorEntry& entry, int64_t first, int64_t n, DType dtype) {
  Shape shape = entry.shape;
  if (entry.shape.rank() > 1) shape = Shape{n, entry.shape.cols()};
  AUTOGLM_ASSIGN_OR_RETURN(Place place, Allocate(TensorBytes(dtype, shape)));
  const Tensor out = {dtype, shape, place.data};
  if (dtype == entry.dtype) {
    AUTOGLM_RETURN_IF_ERROR(ForChunks(out, [&](int, int64_t begin, int64_t rows) {
      AUTOGLM_RETURN_IF_ERROR(
          file_.ReadRows(entry, first + begin, rows, out.data + begin * out.row_bytes()));
      file_.DropPages(entry, first + begin, rows);
      return OkStatus();
    }));
  } else {
    AUTOGLM_RETURN_IF_ERROR(ConvertRows(entry, first, out));
  }
  file_.DropPages(entry);
  return backend_.TakeWeight(out, std::move(place.owner));
}

Status WeightBinder::ForChunks(const Tensor& out,
                               FunctionRef<Status(int, int64_t, int64_t)> function) {
  const int64_t rows_per_chunk = RowsPerChunk(out.cols());
  std::mutex mutex;
  Status failure;
  threads_.ParallelFor((out.rows() + rows_per_chunk - 1) / rows_per_chunk,
                       [&](int64_t i, int thread) {
                         const int64_t begin = i * rows_per_chunk;
                         const int64_t n = std::min(rows_per_chunk, out.rows() - begin);
                         const Status status = function(thread, begin, n);
                         if (status.ok()) return;
                         const std::lock_guard<std::mutex> lock(mutex);
                         failure = status;
                       });
  return failure;
}

Status WeightBinder::ConvertRows(const TensorEntry& entry, int64_t first, const Tensor& out) {
  const int64_t cols = out.cols();
  const int64_t rows_per_chunk = RowsPerChunk(cols);
  const auto decode = Format(entry.dtype).decode;
  const QuantFormat& to = Format(out.dtype);
  // Memory for the chunk of each thread is made once, and outside of the loop, where it can fail.
  struct Chunk {
    Buffer stored, floats;
  };
  std::vector<Chunk> chunks(threads_.n_threads());
  for (Chunk& chunk : chunks) {
    AUTOGLM_ASSIGN_OR_RETURN(
        chunk.stored,
        Buffer::Allocate(rows_per_chunk * RowBytes(entry.dtype, cols), "converting weights"));
    AUTOGLM_ASSIGN_OR_RETURN(chunk.floats, Buffer::Allocate(rows_per_chunk * cols * sizeof(float),
                                                            "converting weights"));
  }
  return ForChunks(out, [&](int thread, int64_t begin, int64_t n) {
    const Chunk& chunk = chunks[thread];
    AUTOGLM_RETURN_IF_ERROR(file_.ReadRows(entry, first + begin, n, chunk.stored.data()));
    float* floats = reinterpret_cast<float*>(chunk.floats.data());
    decode(chunk.stored.data(), floats, n * cols);
    to.encode(floats, nullptr, out.data + begin * out.row_bytes(), n * cols,
              BestKernels().encoder_loops);
    return OkStatus();
  });
}

}  // namespace autoglm
