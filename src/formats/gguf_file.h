// GgufFile: a GGUF model as a ModelFile, mapped, whether one file or a split set.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "formats/gguf_parser.h"
#include "formats/model_file.h"
#include "platform/mmap.h"

namespace autoglm {

class GgufFile final : public ModelFile {
 public:
  /// `path` may name any file of a split set (NAME-00001-of-0000N.gguf); the others are looked for
  /// beside it. Errors as ModelFile::Open.
  static Result<std::unique_ptr<ModelFile>> Open(const std::string& path,
                                                 MapMode mode = MapMode::kMapOrRead);

  /// The same for a file that is already open; `path` serves messages and finds a split's others.
  static Result<std::unique_ptr<ModelFile>> Open(MappedFile file, const std::string& path,
                                                 MapMode mode = MapMode::kMapOrRead);

  Tensor View(const TensorEntry& entry) const override;
  Status ReadRows(const TensorEntry& entry, int64_t first, int64_t n,
                  std::byte* out) const override;
  using ModelFile::DropPages;
  void DropPages(const TensorEntry& entry, int64_t first, int64_t n) const override;

 private:
  struct Place {
    size_t part;  ///< index into parts_
    uint64_t offset;
  };

  GgufFile() = default;
  static Result<std::unique_ptr<ModelFile>> OpenParts(MappedFile file, const std::string& path,
                                                      MapMode mode);
  Status AddPart(MappedFile file, GgufContents contents, std::vector<TensorEntry>* tensors);
  Status AddSplits(MappedFile given, GgufContents contents, int64_t count, MapMode mode,
                   std::vector<TensorEntry>* tensors);

  std::vector<MappedFile> parts_;
  std::vector<Place> places_;  ///< as tensors()
};

}  // namespace autoglm
