#include "formats/model_file.h"

#include <utility>

#include "formats/foreign_files.h"
#include "formats/gguf_file.h"
#include "formats/huggingface.h"
#include "platform/file.h"
#include "platform/mmap.h"

namespace autoglm {

Result<std::unique_ptr<ModelFile>> ModelFile::Open(const std::string& path) {
  if (IsDirectory(path)) return HuggingFaceFolder::Open(path);
  AUTOGLM_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path));
  if (IsGguf(file.bytes())) return GgufFile::Open(std::move(file), path);
  return DescribeForeignFile(file.bytes()).WithContext(Quoted(path, 4096));
}

const TensorEntry* ModelFile::Find(std::string_view name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &tensors_[it->second];
}

Status ModelFile::SetTensors(std::vector<TensorEntry> tensors) {
  tensors_ = std::move(tensors);
  index_.clear();
  index_.reserve(tensors_.size());
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!index_.emplace(tensors_[i].name, i).second) {
      return Error(StatusCode::kDataLoss, "tensor '", Quoted(tensors_[i].name),
                   "' occurs twice in the file");
    }
  }
  return OkStatus();
}

int64_t ModelFile::IndexOf(const TensorEntry& entry) const {
  const auto it = index_.find(entry.name);
  return it == index_.end() ? -1 : static_cast<int64_t>(it->second);
}

Status ModelFile::CheckRows(const TensorEntry& entry, int64_t first, int64_t n) const {
  if (IndexOf(entry) < 0) {
    return Error(StatusCode::kInvalidArgument, "tensor '", Quoted(entry.name), "' is not of ",
                 Quoted(path_, 4096));
  }
  if (first < 0 || n < 0 || n > entry.shape.rows() - first) {
    return Error(StatusCode::kInvalidArgument, "tensor '", Quoted(entry.name), "' has ",
                 entry.shape.rows(), " rows; asked for ", n, " from row ", first);
  }
  return OkStatus();
}

}  // namespace autoglm
