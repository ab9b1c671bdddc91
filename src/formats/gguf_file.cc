#include "formats/gguf_file.h"

#include <cassert>
#include <cstring>
#include <utility>

#include "formats/gguf_format.h"

namespace autoglm {

namespace {

constexpr int64_t kMaxSplits = 99999;  // five digits in the name

/// "00042".
std::string FiveDigits(int64_t n) {
  const std::string digits = StrCat(n);
  return std::string(5 - std::min<size_t>(5, digits.size()), '0') + digits;
}

/// "-00002-of-00004.gguf" for part 1 of 4.
std::string SplitSuffix(int64_t no, int64_t count) {
  return StrCat("-", FiveDigits(no + 1), "-of-", FiveDigits(count), ".gguf");
}

/// What one part says about its place in the set.
struct Split {
  int64_t no = 0;
  int64_t count = 0;  ///< 0 or 1: no split set
};

Status ReadSplit(const Metadata& metadata, Split* split) {
  AUTOGLM_ASSIGN_OR_RETURN(split->count, metadata.GetInt(gguf::kSplitCountKey, 0));
  AUTOGLM_ASSIGN_OR_RETURN(split->no, metadata.GetInt(gguf::kSplitNoKey, 0));
  if (split->count < 0 || split->count > kMaxSplits || split->no < 0 ||
      (split->count > 0 && split->no >= split->count)) {
    return Error(StatusCode::kDataLoss, "the file says that it is part ", split->no, " of ",
                 split->count);
  }
  return OkStatus();
}

}  // namespace

Result<std::unique_ptr<ModelFile>> GgufFile::Open(const std::string& path, MapMode mode) {
  AUTOGLM_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Open(path, mode));
  return Open(std::move(file), path, mode);
}

Result<std::unique_ptr<ModelFile>> GgufFile::Open(MappedFile file, const std::string& path,
                                                  MapMode mode) {
  Result<std::unique_ptr<ModelFile>> opened = OpenParts(std::move(file), path, mode);
  if (!opened.ok()) return opened.status().WithContext(Quoted(path, 4096));
  return opened;
}

Result<std::unique_ptr<ModelFile>> GgufFile::OpenParts(MappedFile file, const std::string& path,
                                                       MapMode mode) {
  AUTOGLM_ASSIGN_OR_RETURN(GgufContents contents, ParseGguf(file.bytes()));
  Split split;
  AUTOGLM_RETURN_IF_ERROR(ReadSplit(contents.metadata, &split));
  std::unique_ptr<GgufFile> model(new GgufFile());
  model->path_ = path;
  std::vector<TensorEntry> tensors;
  if (split.count > 1) {
    AUTOGLM_RETURN_IF_ERROR(
        model->AddSplits(std::move(file), std::move(contents), split.count, mode, &tensors));
  } else {
    AUTOGLM_RETURN_IF_ERROR(model->AddPart(std::move(file), std::move(contents), &tensors));
  }
  AUTOGLM_RETURN_IF_ERROR(model->SetTensors(std::move(tensors)));
  return std::unique_ptr<ModelFile>(std::move(model));
}

Status GgufFile::AddPart(MappedFile file, GgufContents contents,
                         std::vector<TensorEntry>* tensors) {
  for (size_t i = 0; i < contents.tensors.size(); ++i) {
    tensors->push_back(std::move(contents.tensors[i]));
    places_.push_back({parts_.size(), contents.offsets[i]});
  }
  if (parts_.empty()) metadata_ = std::move(contents.metadata);
  parts_.push_back(std::move(file));
  return OkStatus();
}

Status GgufFile::AddSplits(MappedFile given, GgufContents contents, int64_t count, MapMode mode,
                           std::vector<TensorEntry>* tensors) {
  Split given_split;
  AUTOGLM_RETURN_IF_ERROR(ReadSplit(contents.metadata, &given_split));
  const std::string suffix = SplitSuffix(given_split.no, count);
  if (!path_.ends_with(suffix)) {
    return Error(StatusCode::kInvalidArgument, "the file is part ", given_split.no + 1, " of ",
                 count, " and its name must end with '", suffix,
                 "', so that the other parts can be found");
  }
  const std::string prefix = path_.substr(0, path_.size() - suffix.size());
  for (int64_t no = 0; no < count; ++no) {
    if (no == given_split.no) {
      AUTOGLM_RETURN_IF_ERROR(AddPart(std::move(given), std::move(contents), tensors));
      continue;
    }
    const std::string part_path = prefix + SplitSuffix(no, count);
    const std::string part_name = StrCat("part ", no + 1, " of ", count);
    Result<MappedFile> file = MappedFile::Open(part_path, mode);
    if (!file.ok()) return file.status().WithContext(part_name);
    Result<GgufContents> part = ParseGguf(file->bytes());
    if (!part.ok()) return part.status().WithContext(Quoted(part_path, 4096));
    Split split;
    AUTOGLM_RETURN_IF_ERROR(ReadSplit(part->metadata, &split).WithContext(part_path));
    if (split.no != no || split.count != count) {
      return Error(StatusCode::kDataLoss, "'", Quoted(part_path, 4096), "' says that it is part ",
                   split.no + 1, " of ", split.count, "; expected ", part_name);
    }
    AUTOGLM_RETURN_IF_ERROR(AddPart(std::move(*file), std::move(*part), tensors));
  }
  const auto found = static_cast<int64_t>(tensors->size());
  AUTOGLM_ASSIGN_OR_RETURN(const int64_t expected, metadata_.GetInt(gguf::kSplitTensorsKey, found));
  if (expected != found) {
    return Error(StatusCode::kDataLoss, "the parts hold ", found, " tensors; ",
                 gguf::kSplitTensorsKey, " says ", expected);
  }
  return OkStatus();
}

Tensor GgufFile::View(const TensorEntry& entry) const {
  const int64_t i = IndexOf(entry);
  assert(i >= 0);
  if (i < 0) return {};
  const Place& place = places_[i];
  const std::byte* data = parts_[place.part].bytes().data() + place.offset;
  return {entry.dtype, entry.shape, const_cast<std::byte*>(data)};
}

Status GgufFile::ReadRows(const TensorEntry& entry, int64_t first, int64_t n,
                          std::byte* out) const {
  AUTOGLM_RETURN_IF_ERROR(CheckRows(entry, first, n));
  const Tensor tensor = View(entry);
  std::memcpy(out, tensor.row(first), static_cast<size_t>(n * tensor.row_bytes()));
  return OkStatus();
}

void GgufFile::DropPages(const TensorEntry& entry, int64_t first, int64_t n) const {
  const int64_t i = IndexOf(entry);
  if (i < 0 || !CheckRows(entry, first, n).ok()) return;
  const int64_t row_bytes = RowBytes(entry.dtype, entry.shape.cols());
  parts_[places_[i].part].DropPages(places_[i].offset + static_cast<size_t>(first * row_bytes),
                                    static_cast<size_t>(n * row_bytes));
}

}  // namespace autoglm
