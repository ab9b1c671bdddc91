#include "compress/instrumented_backend.h"

#include <map>
#include <utility>
#include <vector>

namespace autoglm {

namespace {

/// Everything goes to the stream of the inner backend.
class InstrumentedStream final : public OpStream {
 public:
  explicit InstrumentedStream(OpStream& inner) : inner_(inner) {}

  MatMulObserver observer;
  std::map<std::string, Tensor, std::less<>> replacements;  ///< by the tensor's name

  void Embed(const Weight& table, std::span<const int32_t> tokens, float scale,
             const Tensor& out) override {
    inner_.Embed(Actual(table), tokens, scale, out);
  }

  void MatMul(const Tensor& x, std::span<const MatMulTerm> terms) override {
    if (observer) observer(x, terms);
    if (replacements.empty()) return inner_.MatMul(x, terms);
    std::vector<Weight> weights;
    weights.reserve(terms.size());
    std::vector<MatMulTerm> actual(terms.begin(), terms.end());
    for (MatMulTerm& term : actual) {
      weights.push_back(Actual(*term.weight));
      term.weight = &weights.back();
    }
    inner_.MatMul(x, actual);
  }

  void RmsNorm(const Tensor& x, const Weight& weight, float eps, const Tensor& out) override {
    inner_.RmsNorm(x, weight, eps, out);
  }
  void RopeTable(const RopeSpec& spec, std::span<const int32_t> positions,
                 const Tensor& table) override {
    inner_.RopeTable(spec, positions, table);
  }
  void Rope(RopeStyle style, const Tensor& table, int head_dim, const Tensor& x) override {
    inner_.Rope(style, table, head_dim, x);
  }
  void KvStore(const KvBatch& kv, int layer, const Tensor& k, const Tensor& v) override {
    inner_.KvStore(kv, layer, k, v);
  }
  void Attention(const KvBatch& kv, int layer, const AttentionSpec& spec, const Tensor& q,
                 const Tensor& out) override {
    inner_.Attention(kv, layer, spec, q, out);
  }
  void GatedActivation(Activation act, const Tensor& gate, const Tensor& up,
                       const Tensor& out) override {
    inner_.GatedActivation(act, gate, up, out);
  }
  void Add(const Tensor& x, const Tensor& y) override { inner_.Add(x, y); }
  void Scale(const Tensor& x, float factor) override { inner_.Scale(x, factor); }
  void SoftCap(const Tensor& x, float cap) override { inner_.SoftCap(x, cap); }
  void GatherRows(const Tensor& x, std::span<const int32_t> rows, const Tensor& out) override {
    inner_.GatherRows(x, rows, out);
  }
  Status Finish() override { return inner_.Finish(); }

 private:
  Weight Actual(const Weight& weight) const {
    const auto found = replacements.find(weight.name);
    if (found == replacements.end()) return weight;
    Weight actual = weight;
    actual.tensor = found->second.Rows(weight.first_row, weight.rows());
    return actual;
  }

  OpStream& inner_;
};

class WrappedBackend final : public InstrumentedBackend {
 public:
  explicit WrappedBackend(std::unique_ptr<Backend> inner)
      : inner_(std::move(inner)), stream_(inner_->stream()) {}

  std::string_view name() const override { return inner_->name(); }
  Result<Weight> TakeWeight(const Tensor& stored, std::shared_ptr<const void> owner) override {
    return inner_->TakeWeight(stored, std::move(owner));
  }
  Result<Buffer> NewBuffer(size_t n_bytes, const char* what) override {
    return inner_->NewBuffer(n_bytes, what);
  }
  OpStream& stream() override { return stream_; }

  void set_observer(MatMulObserver observer) override { stream_.observer = std::move(observer); }
  void Replace(std::string_view name, const Tensor& weight) override {
    stream_.replacements.insert_or_assign(std::string(name), weight);
  }
  void Restore(std::string_view name) override {
    const auto found = stream_.replacements.find(name);
    if (found != stream_.replacements.end()) stream_.replacements.erase(found);
  }

 private:
  std::unique_ptr<Backend> inner_;
  InstrumentedStream stream_;
};

}  // namespace

std::unique_ptr<InstrumentedBackend> NewInstrumentedBackend(std::unique_ptr<Backend> inner) {
  return std::make_unique<WrappedBackend>(std::move(inner));
}

}  // namespace autoglm
