// autoglm inspect: what a model file says about itself.
#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "apps/autoglm/command.h"
#include "apps/autoglm/options.h"
#include "apps/autoglm/output.h"
#include "base/str.h"
#include "base/utf8.h"
#include "formats/model_file.h"

namespace autoglm {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxListed = 16;      // a longer array is shown by its length and beginning
constexpr size_t kMaxTextBytes = 100;  // of a string shown to a person

// Totals over the tensors of one type, or all.
struct Total {
  int64_t n_tensors = 0;
  int64_t n_parameters = 0;
  int64_t n_bytes = 0;

  void Add(const TensorEntry& tensor) {
    ++n_tensors;
    n_parameters += tensor.shape.n_elements();
    n_bytes += tensor.n_bytes();
  }
  Json ToJson() const {
    return {{"n_tensors", n_tensors}, {"n_parameters", n_parameters}, {"n_bytes", n_bytes}};
  }
};

Json ScalarToJson(MetaType type, int64_t value) {
  return type == MetaType::kBool ? Json(value != 0) : Json(value);
}
Json ScalarToJson(MetaType, double value) { return value; }
Json ScalarToJson(MetaType, std::string_view value) { return value; }

template <typename T>
Json ListToJson(MetaType element, const std::vector<T>& values) {
  const size_t n_shown = values.size() <= kMaxListed ? values.size() : kMaxListed / 2;
  Json list = Json::array();
  for (size_t i = 0; i < n_shown; ++i) list.push_back(ScalarToJson(element, values[i]));
  if (n_shown == values.size()) return list;
  return {{"n", values.size()}, {"first", list}};
}

struct ToJson {
  const MetaValue& value;

  template <typename T>
  Json operator()(const T& scalar) const {
    return ScalarToJson(value.type, scalar);
  }
  template <typename T>
  Json operator()(const std::vector<T>& list) const {
    return ListToJson(value.element, list);
  }
};

Json ValueToJson(const MetaValue& value) { return std::visit(ToJson{value}, value.v); }

// As JSON on one line, cut where it is long: what untrusted bytes may be shown as.
std::string Shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() <= kMaxTextBytes) return text;
  text.resize(CompleteUtf8Prefix(std::string_view(text).substr(0, kMaxTextBytes)));
  return text + " ...";
}

class InspectCommand : public Command {
 public:
  void Declare(CLI::App* app) override {
    app->add_option("model", path_, "a GGUF file or a Hugging Face folder")
        ->type_name("MODEL")
        ->required();
    AddJsonOption(app, &json_);
  }

  Status Run() override {
    AUTOGLM_ASSIGN_OR_RETURN(const auto file, ModelFile::Open(path_));
    for (const TensorEntry& tensor : file->tensors()) {
      total_.Add(tensor);
      by_type_[std::string(Name(tensor.dtype))].Add(tensor);
    }
    if (json_) {
      PrintAsJson(*file);
    } else {
      PrintAsText(*file);
    }
    return OkStatus();
  }

 private:
  void PrintAsJson(const ModelFile& file) const {
    Json metadata = Json::object();
    for (const auto& [key, value] : file.metadata().entries()) metadata[key] = ValueToJson(value);
    Json tensors = Json::array();
    for (const TensorEntry& tensor : file.tensors()) {
      Json shape = Json::array();
      for (int i = 0; i < tensor.shape.rank(); ++i) shape.push_back(tensor.shape[i]);
      tensors.push_back({{"name", tensor.name},
                         {"dtype", Name(tensor.dtype)},
                         {"shape", shape},
                         {"n_bytes", tensor.n_bytes()}});
    }
    Json types = Json::object();
    for (const auto& [name, total] : by_type_) types[name] = total.ToJson();
    PrintJson({{"path", path_},
               {"metadata", metadata},
               {"tensors", tensors},
               {"types", types},
               {"total", total_.ToJson()}});
  }

  void PrintAsText(const ModelFile& file) const {
    Print(StrCat("metadata: ", file.metadata().entries().size(), " keys\n"));
    for (const auto& [key, value] : file.metadata().entries()) {
      Print(StrCat("  ", Quoted(key), " = ", Shown(ValueToJson(value)), "\n"));
    }
    size_t name_width = 0;
    for (const TensorEntry& tensor : file.tensors()) {
      name_width = std::max(name_width, Quoted(tensor.name).size());
    }
    Print(StrCat("tensors: ", total_.n_tensors, "\n"));
    for (const TensorEntry& tensor : file.tensors()) {
      std::string name = Quoted(tensor.name);
      name.resize(name_width, ' ');
      std::string type(Name(tensor.dtype));
      type.resize(std::max<size_t>(type.size(), 7), ' ');
      Print(StrCat("  ", name, "  ", type, tensor.shape.ToString(), "  ",
                   FormatBytes(tensor.n_bytes()), "\n"));
    }
    Print("total:\n");
    for (const auto& [name, total] : by_type_) PrintTotal(name, total);
    PrintTotal("all", total_);
  }

  static void PrintTotal(std::string name, const Total& total) {
    name.resize(std::max<size_t>(name.size(), 7), ' ');
    char bits[32] = "";
    if (total.n_parameters > 0) {
      std::snprintf(
          bits, sizeof(bits), " (%.2f bits each)",
          8.0 * static_cast<double>(total.n_bytes) / static_cast<double>(total.n_parameters));
    }
    Print(StrCat("  ", name, total.n_tensors, " tensors, ", total.n_parameters, " parameters, ",
                 FormatBytes(total.n_bytes), bits, "\n"));
  }

  std::string path_;
  bool json_ = false;
  Total total_;
  std::map<std::string, Total> by_type_;
};

}  // namespace

std::unique_ptr<Command> NewInspectCommand() { return std::make_unique<InspectCommand>(); }

}  // namespace autoglm
