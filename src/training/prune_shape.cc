// Which shape a pruned model gets, and cutting it out.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "training/prune.h"

namespace autoglm {

namespace {

constexpr int kBlock = 32;  // of the quantized types: rows stay whole blocks
constexpr int kScaleSteps = 1000;

int Shrunk(int size, double scale, int unit) {
  const int units = static_cast<int>(std::lround(size * scale / unit));
  return std::min(size, std::max(1, units) * unit);
}

DecoderConfig Scaled(const DecoderConfig& config, const PruneParts& parts, double scale) {
  DecoderConfig c = config;
  const int group = config.num_attention_heads / config.num_key_value_heads;
  if (parts.ffn) c.intermediate_size = Shrunk(config.intermediate_size, scale, kBlock);
  if (parts.hidden) c.hidden_size = Shrunk(config.hidden_size, scale, kBlock);
  if (parts.layers) c.num_hidden_layers = Shrunk(config.num_hidden_layers, scale, 1);
  if (parts.heads) c.num_key_value_heads = Shrunk(config.num_key_value_heads, scale, 1);
  c.num_attention_heads = c.num_key_value_heads * group;
  return c;
}

/// The indices of the `n` largest values, ascending.
std::vector<int64_t> Largest(const std::vector<double>& values, int n) {
  std::vector<int64_t> indices(values.size());
  std::iota(indices.begin(), indices.end(), 0);
  std::stable_sort(indices.begin(), indices.end(), [&](int64_t a, int64_t b) {
    return values[static_cast<size_t>(a)] > values[static_cast<size_t>(b)];
  });
  indices.resize(static_cast<size_t>(n));
  std::sort(indices.begin(), indices.end());
  return indices;
}

/// Blocks of `width` rows each, from `first` on.
std::vector<int64_t> Blocks(const std::vector<int64_t>& blocks, int64_t width, int64_t first) {
  std::vector<int64_t> rows;
  for (const int64_t block : blocks) {
    for (int64_t i = 0; i < width; ++i) rows.push_back(first + block * width + i);
  }
  return rows;
}

void Append(const std::vector<int64_t>& from, std::vector<int64_t>* to) {
  to->insert(to->end(), from.begin(), from.end());
}

/// Cuts a decoder's parameters down to those of the parts that are kept.
class Cutter {
 public:
  Cutter(const TrainableDecoder& from, const Importance& importance, TrainableDecoder* to)
      : from_(from),
        old_(from.config()),
        new_(to->config()),
        importance_(importance),
        to_(*to),
        hidden_(Largest(importance.hidden, new_.hidden_size)),
        layers_(Largest(importance.layers, new_.num_hidden_layers)) {}

  void Cut() {
    const at::NoGradGuard no_grad;
    for (Parameter& target : to_.parameters()) Copy(&target);
  }

 private:
  using Indices = std::vector<int64_t>;

  void Copy(Parameter* target) {
    const std::string& name = target->name;
    if (!name.starts_with("blk.")) {
      const at::Tensor value = from_.FileValue(name);
      target->value.copy_(target->is_matrix ? Select(value, 1, hidden_)
                                            : Select(value, 0, hidden_));
      return;
    }
    const size_t dot = name.find('.', 4);
    const int layer = std::stoi(name.substr(4, dot - 4));
    const auto source = static_cast<size_t>(layers_[static_cast<size_t>(layer)]);
    const std::string part = name.substr(dot + 1);
    const at::Tensor value = FusedValue(StrCat("blk.", source, ".", part));
    target->value.copy_(Cropped(part, value,
                                Largest(importance_.ffn[source], new_.intermediate_size),
                                Largest(importance_.groups[source], new_.num_key_value_heads)));
  }

  at::Tensor FusedValue(const std::string& name) const {
    for (const Parameter& p : from_.parameters()) {
      if (p.name == name) return p.value.detach();
    }
    return {};
  }

  at::Tensor Cropped(const std::string& part, const at::Tensor& value, const Indices& ffn,
                     const Indices& groups) const {
    if (part == "attn_qkv.weight") return Select(Select(value, 0, HeadRows(groups)), 1, hidden_);
    if (part == "attn_qkv.bias") return Select(value, 0, HeadRows(groups));
    if (part == "attn_output.weight") {
      return Select(Select(value, 1, Blocks(groups, GroupWidth(), 0)), 0, hidden_);
    }
    if (part == "ffn_up.weight") {
      Indices rows = Blocks(ffn, 1, 0);
      Append(Blocks(ffn, 1, old_.intermediate_size), &rows);
      return Select(Select(value, 0, rows), 1, hidden_);
    }
    if (part == "ffn_down.weight") return Select(Select(value, 1, ffn), 0, hidden_);
    if (part == "attn_q_norm.weight" || part == "attn_k_norm.weight") return value;
    return Select(value, 0, hidden_);  // norms, and the bias of attn_output
  }

  /// Of a key-value head: the rows of its query heads.
  int64_t GroupWidth() const {
    return static_cast<int64_t>(old_.num_attention_heads / old_.num_key_value_heads) *
           old_.head_dim;
  }

  Indices HeadRows(const Indices& groups) const {
    Indices rows = Blocks(groups, GroupWidth(), 0);
    Append(Blocks(groups, old_.head_dim, old_.q_rows()), &rows);
    Append(Blocks(groups, old_.head_dim, old_.q_rows() + old_.kv_rows()), &rows);
    return rows;
  }

  static at::Tensor Select(const at::Tensor& value, int64_t dim, const Indices& indices) {
    return at::index_select(value, dim, at::tensor(indices, at::kLong));
  }

  const TrainableDecoder& from_;
  const DecoderConfig& old_;
  const DecoderConfig& new_;
  const Importance& importance_;
  TrainableDecoder& to_;
  Indices hidden_, layers_;
};

}  // namespace

Result<DecoderConfig> ShapeWithin(const DecoderConfig& config, const PruneParts& parts,
                                  const std::function<double(const DecoderConfig&)>& measure,
                                  double limit) {
  for (int step = kScaleSteps; step > 0; --step) {
    const DecoderConfig shape = Scaled(config, parts, static_cast<double>(step) / kScaleSteps);
    if (measure(shape) <= limit) return shape;
  }
  const DecoderConfig least = Scaled(config, parts, 0);
  return Error(StatusCode::kInvalidArgument, "the smallest model that these parts allow (",
               least.num_hidden_layers, " layers, hidden_size ", least.hidden_size,
               ", intermediate_size ", least.intermediate_size, ", ", least.num_key_value_heads,
               " key-value heads) measures ", measure(least), ", more than the ", limit,
               " asked for: ask for more, or let other parts shrink too");
}

std::unique_ptr<TrainableDecoder> PruneTo(const TrainableDecoder& decoder,
                                          const Importance& importance,
                                          const DecoderConfig& config) {
  auto pruned = std::make_unique<TrainableDecoder>(config, 0);
  Cutter(decoder, importance, pruned.get()).Cut();
  return pruned;
}

Result<int64_t> WeightBytes(const DecoderConfig& config, const Recipe& recipe) {
  AUTOGLM_ASSIGN_OR_RETURN(const FileLayout layout, DescribeFile(config));
  RecipeModel model;
  model.num_hidden_layers = config.num_hidden_layers;
  model.query_heads_per_kv_head = config.num_attention_heads / config.num_key_value_heads;
  model.tie_word_embeddings = config.tie_word_embeddings;
  int64_t n_bytes = 0;
  for (const FileTensor& tensor : layout.tensors) {
    if (tensor.is_shared) continue;
    n_bytes += TensorBytes(ChooseDType(recipe, model, tensor.name, tensor.shape), tensor.shape);
  }
  return n_bytes;
}

}  // namespace autoglm
