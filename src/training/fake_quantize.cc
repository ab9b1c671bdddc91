#include "training/fake_quantize.h"

#include <map>
#include <memory>

#include "quant/quant_format.h"

namespace autoglm {

namespace {

constexpr int64_t kRowsPerTask = 16;

/// Rows [first, first + n) of a parameter, as one type.
struct RowsOfType {
  int64_t first, n;
  DType dtype;
};
using Rounding = std::vector<RowsOfType>;

void RoundRows(const at::Tensor& x, const RowsOfType& rows, const at::Tensor& out) {
  const int64_t cols = x.size(1);
  const QuantFormat& format = Format(rows.dtype);
  at::parallel_for(0, rows.n, kRowsPerTask, [&](int64_t begin, int64_t end) {
    std::vector<std::byte> blocks(static_cast<size_t>(RowBytes(rows.dtype, cols)));
    for (int64_t i = rows.first + begin; i < rows.first + end; ++i) {
      format.encode(x.data_ptr<float>() + i * cols, nullptr, blocks.data(), cols);
      format.decode(blocks.data(), out.data_ptr<float>() + i * cols, cols);
    }
  });
}

class FakeQuantizeOp : public torch::autograd::Function<FakeQuantizeOp> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* /*ctx*/, const at::Tensor& x,
                            const Rounding& rounding) {
    at::Tensor out = at::empty_like(x);
    for (const RowsOfType& rows : rounding) RoundRows(x, rows, out);
    return out;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* /*ctx*/,
                                                 torch::autograd::variable_list grads) {
    return {grads[0], at::Tensor()};
  }
};

}  // namespace

at::Tensor FakeQuantize(const at::Tensor& x, DType dtype) {
  return FakeQuantizeOp::apply(x.contiguous(), Rounding{{0, x.size(0), dtype}});
}

Result<TrainableDecoder::WeightTransform> FakeQuantization(const TrainableDecoder& decoder,
                                                           const Recipe& recipe) {
  const DecoderConfig& config = decoder.config();
  AUTOGLM_ASSIGN_OR_RETURN(const FileLayout layout, DescribeFile(config));
  RecipeModel model;
  model.num_hidden_layers = config.num_hidden_layers;
  model.query_heads_per_kv_head = config.num_attention_heads / config.num_key_value_heads;
  model.tie_word_embeddings = config.tie_word_embeddings;
  auto roundings = std::make_shared<std::map<std::string, Rounding>>();
  for (const FileTensor& tensor : layout.tensors) {
    const TrainableDecoder::FilePlace place = decoder.PlaceOf(tensor.name);
    const Parameter& parameter = decoder.parameters()[static_cast<size_t>(place.parameter)];
    if (!parameter.is_matrix) continue;
    const DType dtype = ChooseDType(recipe, model, tensor.name, tensor.shape);
    (*roundings)[parameter.name].push_back({place.first, place.n, dtype});
  }
  return TrainableDecoder::WeightTransform([roundings](const Parameter& parameter) {
    const auto found = roundings->find(parameter.name);
    return found == roundings->end() ? parameter.value
                                     : FakeQuantizeOp::apply(parameter.value, found->second);
  });
}

}  // namespace autoglm
