#include "formats/hf/config.h"

#include <cmath>
#include <utility>

namespace autoglm {

using nlohmann::json;

namespace {

constexpr size_t kShownBytes = 60;

/// True if `value` is a whole number that int64 holds.
bool IsInt64(const json& value) {
  if (value.is_number_unsigned()) return value.get<uint64_t>() <= INT64_MAX;
  return value.is_number_integer();
}

}  // namespace

Result<HfConfig> HfConfig::Parse(std::string_view text, std::string_view file) {
  json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) {
    return Error(StatusCode::kDataLoss, Quoted(file, 4096), " is no valid JSON object");
  }
  return HfConfig(std::move(object), Quoted(file, 4096), std::make_shared<Status>());
}

const json* HfConfig::Find(std::string_view key) const {
  const auto it = object_.find(key);
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

void HfConfig::WrongType(std::string_view key, const json& found, std::string_view wanted) {
  const std::string shown = found.dump(-1, ' ', false, json::error_handler_t::replace);
  Refuse(StatusCode::kInvalidArgument, "'", Quoted(key), "' is ", Quoted(shown, kShownBytes),
         ", expected ", wanted);
}

void HfConfig::Missing(std::string_view key) {
  Refuse(StatusCode::kNotFound, "'", Quoted(key), "' is missing");
}

int64_t HfConfig::Size(std::string_view key) {
  const json* value = Find(key);
  if (value == nullptr) {
    Missing(key);
    return 1;
  }
  int64_t size = IsInt64(*value) ? value->get<int64_t>() : 0;
  if (value->is_number_float()) {  // some writers say 8192.0
    const double number = value->get<double>();
    if (number >= 1 && number <= kMaxSize && number == std::floor(number)) {
      size = static_cast<int64_t>(number);
    }
  }
  if (size < 1 || size > kMaxSize) {
    WrongType(key, *value, StrCat("a whole number from 1 to ", kMaxSize));
    return 1;
  }
  return size;
}

int64_t HfConfig::Size(std::string_view key, int64_t fallback) {
  return Has(key) ? Size(key) : fallback;
}

double HfConfig::Number(std::string_view key) {
  const json* value = Find(key);
  if (value == nullptr) {
    Missing(key);
    return 0;
  }
  if (!value->is_number() || !std::isfinite(value->get<double>())) {
    WrongType(key, *value, "a number");
    return 0;
  }
  return value->get<double>();
}

double HfConfig::Number(std::string_view key, double fallback) {
  return Has(key) ? Number(key) : fallback;
}

bool HfConfig::Flag(std::string_view key, bool fallback) {
  const json* value = Find(key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) {
    WrongType(key, *value, "true or false");
    return fallback;
  }
  return value->get<bool>();
}

std::string HfConfig::Text(std::string_view key, std::string_view fallback) {
  const json* value = Find(key);
  if (value != nullptr && !value->is_string()) WrongType(key, *value, "a string");
  if (value == nullptr || !value->is_string()) return std::string(fallback);
  return value->get<std::string>();
}

std::vector<int64_t> HfConfig::Integers(std::string_view key) {
  const json* value = Find(key);
  std::vector<int64_t> out;
  if (value == nullptr) return out;
  for (const json& item : value->is_array() ? *value : json::array({*value})) {
    if (!IsInt64(item)) {
      WrongType(key, *value, "whole numbers");
      return {};
    }
    out.push_back(item.get<int64_t>());
  }
  return out;
}

std::vector<double> HfConfig::Numbers(std::string_view key) {
  const json* value = Find(key);
  std::vector<double> out;
  if (value == nullptr) return out;
  for (const json& item : value->is_array() ? *value : json::array({*value})) {
    if (!item.is_number() || !std::isfinite(item.get<double>())) {
      WrongType(key, *value, "numbers");
      return {};
    }
    out.push_back(item.get<double>());
  }
  return out;
}

std::vector<std::string> HfConfig::Texts(std::string_view key) {
  const json* value = Find(key);
  std::vector<std::string> out;
  if (value == nullptr) return out;
  for (const json& item : value->is_array() ? *value : json::array({*value})) {
    if (!item.is_string()) {
      WrongType(key, *value, "strings");
      return {};
    }
    out.push_back(item.get<std::string>());
  }
  return out;
}

void HfConfig::Default(std::string_view key, json value) {
  if (!Has(key)) object_[std::string(key)] = std::move(value);
}

HfConfig HfConfig::Child(std::string_view key) {
  const json* value = Find(key);
  if (value != nullptr && !value->is_object()) WrongType(key, *value, "an object");
  return HfConfig(value != nullptr && value->is_object() ? *value : json::object(),
                  StrCat(where_, ": ", Quoted(key)), status_);
}

}  // namespace autoglm
