// HuggingFaceFolder: config.json, safetensors and tokenizer files as a ModelFile in GGUF
// vocabulary, without a conversion step. Rows are permuted, joined and converted when read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/hf/model.h"
#include "formats/model_file.h"
#include "formats/safetensors.h"

namespace autoglm {

class HuggingFaceFolder final : public ModelFile {
 public:
  /// A folder without config.json that holds tokenizer files opens as a model without tensors.
  /// Errors as ModelFile::Open; kUnimplemented for an architecture, a quantization or a setting
  /// that is not known.
  static Result<std::unique_ptr<ModelFile>> Open(const std::string& folder,
                                                 MapMode mode = MapMode::kMapOrRead);

  Tensor View(const TensorEntry& entry) const override;
  Status ReadRows(const TensorEntry& entry, int64_t first, int64_t n,
                  std::byte* out) const override;
  using ModelFile::DropPages;
  void DropPages(const TensorEntry& entry, int64_t first, int64_t n) const override;

 private:
  /// A part of a tensor, found.
  struct Source {
    const SafetensorsFolder::Stored* stored;
    int64_t first;         ///< row (element, of a vector) of the tensor where it begins
    int64_t n;             ///< rows (elements)
    int64_t rotary_heads;  ///< as HfPart
  };
  struct Binding {
    std::vector<Source> sources;
    float add;
    std::vector<float> values;  ///< without sources
  };

  HuggingFaceFolder() = default;
  Status Read(const std::string& folder, MapMode mode);
  Status Bind(const HfModel& model, std::string_view hf_name);
  Status BindTensor(const HfModel& model, const HfTensor& tensor, TensorEntry* entry,
                    Binding* binding, std::vector<const SafetensorsFolder::Stored*>* used) const;
  const SafetensorsFolder::Stored* FindStored(const HfModel& model, const std::string& name) const;
  Status RefuseOthers(const HfModel& model, std::string_view hf_name,
                      const std::vector<const SafetensorsFolder::Stored*>& used) const;
  void DescribeFile(const std::string& folder);
  Status PadVocabulary();

  SafetensorsFolder files_;
  std::vector<Binding> bindings_;  ///< as tensors()
};

}  // namespace autoglm
