#include "formats/safetensors_writer.h"

#include <nlohmann/json.hpp>

#include "platform/file.h"

namespace autoglm {

namespace {

constexpr size_t kAlignment = 8;  // of the data, as the format's own library has it

Result<std::string> Header(std::span<const SafetensorsData> tensors,
                           const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const SafetensorsData& tensor : tensors) {
    if (header.contains(tensor.name)) {
      return Error(StatusCode::kInvalidArgument, "tensor '", Quoted(tensor.name),
                   "' is to be written twice");
    }
    auto shape = nlohmann::ordered_json::array();
    for (int i = 0; i < tensor.shape.rank(); ++i) shape.push_back(tensor.shape[i]);
    header[tensor.name] = {{"dtype", tensor.dtype_name},
                           {"shape", std::move(shape)},
                           {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string text = header.dump();
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  return text;
}

}  // namespace

Status WriteSafetensors(const std::string& path, std::span<const SafetensorsData> tensors,
                        const std::map<std::string, std::string>& metadata) {
  AUTOGLM_ASSIGN_OR_RETURN(const std::string header, Header(tensors, metadata));
  AUTOGLM_ASSIGN_OR_RETURN(FileWriter writer, FileWriter::Create(path));
  const uint64_t n_bytes = header.size();
  AUTOGLM_RETURN_IF_ERROR(writer.Write(std::as_bytes(std::span(&n_bytes, 1))));
  AUTOGLM_RETURN_IF_ERROR(writer.Write(header));
  for (const SafetensorsData& tensor : tensors) {
    AUTOGLM_RETURN_IF_ERROR(writer.Write(tensor.bytes));
  }
  return writer.Commit();
}

}  // namespace autoglm
