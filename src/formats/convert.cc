#include "formats/convert.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "formats/gguf_writer.h"
#include "platform/thread_pool.h"
#include "quant/quant_format.h"
#include "tensor/buffer.h"

namespace autoglm {

namespace {

/// Elements converted between two writes: large enough to keep threads busy, small enough to stay
/// in a few MiB.
constexpr int64_t kBatchElements = int64_t{1} << 20;
/// Input read between two calls that give its pages back: bounds what a mapped file keeps resident.
constexpr int64_t kDropBytes = int64_t{32} << 20;
constexpr int64_t kQuantizationVersion = 2;  // of the block formats, as GGUF readers expect it

// The entry of the result for `entry` of the input.
Result<TensorEntry> PlanTensor(const TensorEntry& entry, const ConvertOptions& options) {
  TensorEntry target = entry;
  if (options.choose) target.dtype = options.choose(entry);
  if (target.dtype == entry.dtype) return target;
  const auto refuse = [&](const auto&... parts) {
    return Error(StatusCode::kInvalidArgument, "tensor '", Quoted(entry.name), "': ", parts...);
  };
  if (!IsFloat(entry.dtype) && !options.allow_requantize) {
    return refuse("it is quantized already (", Name(entry.dtype), "); to quantize it again as ",
                  Name(target.dtype), " adds to the error and must be allowed explicitly");
  }
  if (!Format(target.dtype).can_encode()) {
    return refuse("the type ", Name(target.dtype), " can be read but not written");
  }
  const int block = Info(target.dtype).block_elements;
  if (entry.shape.cols() % block != 0) {
    return refuse("rows of ", entry.shape.cols(), " elements are no multiple of the ", block,
                  " that a block of ", Name(target.dtype), " holds");
  }
  return target;
}

Result<std::vector<TensorEntry>> PlanTensors(const ModelFile& in, const ConvertOptions& options) {
  std::vector<TensorEntry> targets;
  for (const TensorEntry& entry : in.tensors()) {
    AUTOGLM_ASSIGN_OR_RETURN(TensorEntry target, PlanTensor(entry, options));
    targets.push_back(std::move(target));
  }
  return targets;
}

class Converter {
 public:
  Converter(const ModelFile& in, const ConvertOptions& options)
      : in_(in), options_(options), pool_(std::max(1, options.n_threads)) {
    for (const TensorEntry& entry : in.tensors()) total_bytes_ += entry.n_bytes();
  }

  /// Puts the converted data of `target` into `sink`.
  Status Convert(const TensorEntry& target, const ByteSink& sink);

 private:
  Status CopyRows(const TensorEntry& entry, const ByteSink& sink);
  Status ConvertRows(const TensorEntry& source, const TensorEntry& target, const ByteSink& sink);
  Result<ConvertOptions::RowEncoder> EncoderOf(const TensorEntry& source,
                                               const TensorEntry& target);
  Status Advance(const TensorEntry& source, int64_t n_bytes);

  const ModelFile& in_;
  const ConvertOptions& options_;
  ThreadPool pool_;
  int64_t total_bytes_ = 0;
  int64_t done_bytes_ = 0;
  int64_t dropped_at_bytes_ = 0;
};

Status Converter::Advance(const TensorEntry& source, int64_t n_bytes) {
  done_bytes_ += n_bytes;
  if (done_bytes_ - dropped_at_bytes_ >= kDropBytes) {
    in_.DropPages(source);
    dropped_at_bytes_ = done_bytes_;
  }
  if (options_.progress && !options_.progress(done_bytes_, total_bytes_)) {
    return Error(StatusCode::kCancelled, "writing was cancelled");
  }
  return OkStatus();
}

Status Converter::Convert(const TensorEntry& target, const ByteSink& sink) {
  const TensorEntry* source = in_.Find(target.name);
  const Status status =
      source->dtype == target.dtype ? CopyRows(*source, sink) : ConvertRows(*source, target, sink);
  in_.DropPages(*source);
  return status;
}

Status Converter::CopyRows(const TensorEntry& entry, const ByteSink& sink) {
  const int64_t row_bytes = RowBytes(entry.dtype, entry.shape.cols());
  const int64_t n_rows = entry.shape.rows();
  const int64_t batch = std::max<int64_t>(1, kBatchElements / entry.shape.cols());
  AUTOGLM_ASSIGN_OR_RETURN(
      const Buffer buffer,
      Buffer::Allocate(static_cast<size_t>(std::min(batch, n_rows) * row_bytes), "copying rows"));
  for (int64_t first = 0; first < n_rows; first += batch) {
    const int64_t n = std::min(batch, n_rows - first);
    AUTOGLM_RETURN_IF_ERROR(in_.ReadRows(entry, first, n, buffer.data()));
    AUTOGLM_RETURN_IF_ERROR(sink({buffer.data(), static_cast<size_t>(n * row_bytes)}));
    AUTOGLM_RETURN_IF_ERROR(Advance(entry, n * row_bytes));
  }
  return OkStatus();
}

Status Converter::ConvertRows(const TensorEntry& source, const TensorEntry& target,
                              const ByteSink& sink) {
  const int64_t cols = source.shape.cols(), n_rows = source.shape.rows();
  const int64_t in_bytes = RowBytes(source.dtype, cols), out_bytes = RowBytes(target.dtype, cols);
  const int64_t batch = std::min(n_rows, std::max<int64_t>(1, kBatchElements / cols));
  AUTOGLM_ASSIGN_OR_RETURN(const ConvertOptions::RowEncoder encode, EncoderOf(source, target));
  const auto allocate = [&](int64_t n_bytes) {
    return Buffer::Allocate(static_cast<size_t>(n_bytes), "converting rows");
  };
  AUTOGLM_ASSIGN_OR_RETURN(const Buffer stored, allocate(batch * in_bytes));
  AUTOGLM_ASSIGN_OR_RETURN(const Buffer converted, allocate(batch * out_bytes));
  AUTOGLM_ASSIGN_OR_RETURN(const Buffer floats, allocate(batch * cols * int64_t{sizeof(float)}));
  float* x = reinterpret_cast<float*>(floats.data());
  const QuantFormat& from = Format(source.dtype);
  for (int64_t first = 0; first < n_rows; first += batch) {
    const int64_t n = std::min(batch, n_rows - first);
    AUTOGLM_RETURN_IF_ERROR(in_.ReadRows(source, first, n, stored.data()));
    pool_.ParallelFor(n, [&](int64_t row, int) {
      from.decode(stored.data() + row * in_bytes, x + row * cols, cols);
    });
    AUTOGLM_RETURN_IF_ERROR(encode(x, n, converted.data()));
    AUTOGLM_RETURN_IF_ERROR(sink({converted.data(), static_cast<size_t>(n * out_bytes)}));
    AUTOGLM_RETURN_IF_ERROR(Advance(source, n * in_bytes));
  }
  return OkStatus();
}

Result<ConvertOptions::RowEncoder> Converter::EncoderOf(const TensorEntry& source,
                                                        const TensorEntry& target) {
  if (options_.encoder) {
    AUTOGLM_ASSIGN_OR_RETURN(ConvertOptions::RowEncoder given,
                             options_.encoder(source, target.dtype));
    if (given) return given;
  }
  const int64_t cols = source.shape.cols(), out_bytes = RowBytes(target.dtype, cols);
  const std::span<const float> importance =
      options_.importance ? options_.importance(source) : std::span<const float>();
  if (!importance.empty() && static_cast<int64_t>(importance.size()) != cols) {
    return Error(StatusCode::kInvalidArgument, "tensor '", Quoted(source.name),
                 "': ", importance.size(), " importance weights for ", cols, " columns");
  }
  const QuantFormat& format = Format(target.dtype);
  return ConvertOptions::RowEncoder([=, this, &format](const float* x, int64_t n, std::byte* out) {
    pool_.ParallelFor(n, [&](int64_t row, int) {
      format.encode(x + row * cols, importance.empty() ? nullptr : importance.data(),
                    out + row * out_bytes, cols, *options_.encoder_loops);
    });
    return OkStatus();
  });
}

/// The input's metadata: views into it, good while it lives.
Result<Metadata> CopyMetadata(const ModelFile& in, const ConvertOptions& options,
                              std::span<const TensorEntry> targets) {
  Metadata metadata;
  for (const auto& [key, value] : in.metadata().entries()) metadata.Set(key, value);
  if (options.file_type) metadata.SetU32("general.file_type", *options.file_type);
  const bool quantized = std::any_of(targets.begin(), targets.end(),
                                     [](const TensorEntry& t) { return !IsFloat(t.dtype); });
  if (quantized) metadata.SetU32("general.quantization_version", kQuantizationVersion);
  for (const auto& [key, text] : options.strings) {
    const MetaValue* const old = metadata.Find(key);
    if (old != nullptr && old->type != MetaType::kString) {
      return Error(StatusCode::kInvalidArgument, "metadata ", key, " is a ", TypeName(*old),
                   ", not a text");
    }
    metadata.SetString(key, text);
  }
  return metadata;
}

}  // namespace

Status WriteGguf(const ModelFile& in, const std::string& out, const ConvertOptions& options) {
  Converter converter(in, options);
  AUTOGLM_ASSIGN_OR_RETURN(const std::vector<TensorEntry> targets, PlanTensors(in, options));
  AUTOGLM_ASSIGN_OR_RETURN(const Metadata metadata, CopyMetadata(in, options, targets));
  return WriteGgufFile(out, metadata, targets,
                       [&](const TensorEntry& target, const ByteSink& sink) {
                         return converter.Convert(target, sink);
                       });
}

Result<int64_t> GgufBytes(const ModelFile& in, const ConvertOptions& options) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::vector<TensorEntry> targets, PlanTensors(in, options));
  AUTOGLM_ASSIGN_OR_RETURN(const Metadata metadata, CopyMetadata(in, options, targets));
  return GgufFileBytes(metadata, targets);
}

}  // namespace autoglm
