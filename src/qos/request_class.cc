#include "qos/request_class.h"

namespace autoglm {
namespace {

constexpr PerClass<std::string_view> kNames = {"realtime", "interactive", "batch"};

}  // namespace

std::string_view Name(RequestClass request_class) {
  return kNames[static_cast<size_t>(request_class)];
}

std::optional<RequestClass> ParseRequestClass(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<RequestClass>(i);
  }
  return std::nullopt;
}

}  // namespace autoglm
