#include "compress/hessian.h"

#include <algorithm>
#include <utility>

#include "backend/backend.h"

namespace autoglm {

namespace {

// So many bytes at least in `buffer`, whose content is lost.
Status Reserve(int64_t n_bytes, const char* what, Buffer* buffer) {
  if (static_cast<int64_t>(buffer->n_bytes()) >= n_bytes) return OkStatus();
  AUTOGLM_ASSIGN_OR_RETURN(*buffer, Buffer::Allocate(static_cast<size_t>(n_bytes), what));
  return OkStatus();
}

int64_t SumsBytes(int64_t cols) { return cols * cols * int64_t{sizeof(float)}; }

}  // namespace

HessianSource::HessianSource(ProbedModel& model, std::span<const int32_t> tokens,
                             std::vector<std::string> tensors, Options options)
    : model_(model),
      tokens_(tokens),
      tensors_(std::move(tensors)),
      options_(std::move(options)),
      backend_(NewCpuBackend(model.threads())) {}

Status HessianSource::FindGroups() {
  model_.backend().set_observer([&](const Tensor& x, std::span<const MatMulTerm> terms) {
    for (const MatMulTerm& term : terms) {
      groups_.try_emplace(std::string(term.weight->name), terms[0].weight->name, x.cols());
    }
  });
  const Status read =
      model_.Read(tokens_.first(4), 4, [](int, int) { return OkStatus(); }).status();
  model_.backend().set_observer(nullptr);
  return read;
}

Result<std::shared_ptr<const Hessian>> HessianSource::Get(std::string_view tensor) {
  if (groups_.empty()) AUTOGLM_RETURN_IF_ERROR(FindGroups());
  const auto group = groups_.find(tensor);
  if (group == groups_.end()) return std::shared_ptr<const Hessian>();
  if (!held_.contains(group->second.first)) {
    const auto at = std::find(tensors_.begin(), tensors_.end(), tensor);
    AUTOGLM_RETURN_IF_ERROR(CollectFrom(static_cast<size_t>(at - tensors_.begin())));
  }
  const auto held = held_.find(group->second.first);
  if (held == held_.end()) return std::shared_ptr<const Hessian>();  // not of tensors_
  return std::shared_ptr<const Hessian>(held->second);
}

Status HessianSource::CollectFrom(size_t first) {
  held_.clear();
  int64_t n_bytes = 0;
  for (size_t i = first; i < tensors_.size(); ++i) {
    const auto group = groups_.find(tensors_[i]);
    if (group == groups_.end() || held_.contains(group->second.first)) continue;
    const int64_t cols = group->second.second;
    n_bytes += SumsBytes(cols);
    if (n_bytes > options_.max_bytes && !held_.empty()) break;
    auto hessian = std::make_shared<Hessian>();
    hessian->cols = cols;
    AUTOGLM_ASSIGN_OR_RETURN(hessian->sums,
                             Buffer::Allocate(static_cast<size_t>(SumsBytes(cols)), "a Hessian"));
    held_.emplace(group->second.first, std::move(hessian));
  }
  Status failure;
  model_.backend().set_observer([&](const Tensor& x, std::span<const MatMulTerm> terms) {
    const auto held = held_.find(terms[0].weight->name);
    if (held != held_.end() && failure.ok()) failure = Accumulate(x, held->second.get());
  });
  const Status read =
      model_
          .Read(tokens_, options_.n_ctx,
                [&](int done, int n_chunks) {
                  AUTOGLM_RETURN_IF_ERROR(failure);
                  return options_.progress ? options_.progress(done, n_chunks) : OkStatus();
                })
          .status();
  model_.backend().set_observer(nullptr);
  return read;
}

// X^T X by the engine's own product, which takes the second factor transposed: both factors are X^T
// [cols, n].
Status HessianSource::Accumulate(const Tensor& x, Hessian* hessian) {
  const int64_t n = x.rows(), cols = x.cols();
  AUTOGLM_RETURN_IF_ERROR(Reserve(n * cols * int64_t{sizeof(float)}, "activations", &transposed_));
  AUTOGLM_RETURN_IF_ERROR(Reserve(SumsBytes(cols), "a Hessian", &product_));
  const Tensor transposed = transposed_.View(DType::kF32, Shape{cols, n});
  const Tensor product = product_.View(DType::kF32, Shape{cols, cols});
  constexpr int64_t kTile = 16;  // columns at a time: what is written stays in the cache
  model_.threads().ParallelFor((cols + kTile - 1) / kTile, [&](int64_t tile, int) {
    for (int64_t row = 0; row < n; ++row) {
      const float* values = x.f32_row(row);
      for (int64_t c = tile * kTile; c < std::min(cols, (tile + 1) * kTile); ++c) {
        transposed.f32_row(c)[row] = values[c];
      }
    }
  });
  const Weight weight{transposed, nullptr};
  const MatMulTerm term[] = {{&weight, nullptr, product}};
  backend_->stream().MatMul(transposed, term);
  AUTOGLM_RETURN_IF_ERROR(backend_->stream().Finish());
  float* sums = reinterpret_cast<float*>(hessian->sums.data());
  model_.threads().ParallelFor(cols, [&](int64_t row, int) {
    const float* added = product.f32_row(row);
    for (int64_t c = 0; c < cols; ++c) sums[row * cols + c] += added[c];
  });
  hessian->n_tokens += n;
  return OkStatus();
}

}  // namespace autoglm
