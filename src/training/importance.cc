#include "training/importance.h"

#include <cmath>

#include "base/str.h"
#include "training/ops.h"

namespace autoglm {

namespace {

/// weight * gradient of a parameter; of a linear layer the sum over a column is activation times
/// gradient of its input, summed over the tokens of the batch.
at::Tensor Product(const TrainableDecoder& decoder, const std::string& name) {
  const int index = decoder.PlaceOf(name).parameter;
  const Parameter& parameter = decoder.parameters()[static_cast<size_t>(index)];
  return parameter.value.detach() * parameter.value.grad();
}

void AddAbsolute(const at::Tensor& values, std::vector<double>* sums) {
  const at::Tensor v = values.to(at::kDouble).abs().contiguous();
  for (size_t i = 0; i < sums->size(); ++i) (*sums)[i] += v.data_ptr<double>()[i];
}

void AddBatch(const TrainableDecoder& decoder, Importance* importance) {
  const DecoderConfig& c = decoder.config();
  const auto norm = [&](const std::string& name) {
    AddAbsolute(Product(decoder, name), &importance->hidden);
  };
  for (int i = 0; i < c.num_hidden_layers; ++i) {
    const auto layer = static_cast<size_t>(i);
    const std::string b = StrCat("blk.", i, ".");
    AddAbsolute(Product(decoder, b + "ffn_down.weight").sum(0), &importance->ffn[layer]);
    const at::Tensor heads = Product(decoder, b + "attn_output.weight").sum(0);
    AddAbsolute(heads.view({c.num_key_value_heads, -1}).sum(1), &importance->groups[layer]);
    norm(b + "attn_norm.weight");
    norm(b + "ffn_norm.weight");
  }
  norm("output_norm.weight");
}

void MeasureLayers(TrainableDecoder* decoder, const std::vector<TokenBatch>& batches,
                   std::vector<double>* rises) {
  const at::NoGradGuard no_grad;
  const auto mean_loss = [&] {
    double sum = 0;
    for (const TokenBatch& batch : batches) {
      sum += CrossEntropy(decoder->Logits(batch), batch.targets).item<double>();
    }
    return sum / static_cast<double>(batches.size());
  };
  const double whole = mean_loss();
  for (size_t i = 0; i < rises->size(); ++i) {
    decoder->set_skipped_layer(static_cast<int>(i));
    (*rises)[i] = mean_loss() - whole;
  }
  decoder->set_skipped_layer(-1);
}

}  // namespace

Importance MeasureImportance(TrainableDecoder* decoder, const ExampleSet& examples,
                             int64_t batch_tokens, int n_batches) {
  const DecoderConfig& c = decoder->config();
  const auto n_layers = static_cast<size_t>(c.num_hidden_layers);
  Importance importance;
  importance.ffn.assign(n_layers, std::vector<double>(static_cast<size_t>(c.intermediate_size)));
  importance.groups.assign(n_layers,
                           std::vector<double>(static_cast<size_t>(c.num_key_value_heads)));
  importance.hidden.resize(static_cast<size_t>(c.hidden_size));
  importance.layers.resize(n_layers);
  std::vector<TokenBatch> batches;
  for (const auto& indices : EpochBatches(examples, batch_tokens, 0, 0)) {
    if (static_cast<int>(batches.size()) == n_batches) break;
    batches.push_back(MakeBatch(examples, indices));
  }
  for (const TokenBatch& batch : batches) {
    CrossEntropy(decoder->Logits(batch), batch.targets).backward();
    const at::NoGradGuard no_grad;
    AddBatch(*decoder, &importance);
    for (Parameter& parameter : decoder->parameters()) {
      parameter.value.mutable_grad() = at::Tensor();
    }
  }
  MeasureLayers(decoder, batches, &importance.layers);
  return importance;
}

}  // namespace autoglm
