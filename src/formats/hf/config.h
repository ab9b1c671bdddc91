// HfConfig: typed reads from a JSON object such as config.json, which is untrusted.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace autoglm {

/// The first failure is latched and shared with children, so that a list of reads needs one check
/// at its end; failed reads give the fallback, or the least value allowed. A key that is null
/// counts as absent. Copies are cheap for small objects only; pass by reference.
class HfConfig {
 public:
  /// Larger than any real size, and small enough that the product of two fits easily.
  static constexpr int64_t kMaxSize = int64_t{1} << 24;

  /// `file` names the source in messages.
  static Result<HfConfig> Parse(std::string_view text, std::string_view file);

  bool Has(std::string_view key) const { return Find(key) != nullptr; }
  /// Null if absent.
  const nlohmann::json* Find(std::string_view key) const;

  /// A count of something there is at least one of: 1 to kMaxSize.
  int64_t Size(std::string_view key);
  int64_t Size(std::string_view key, int64_t fallback);
  /// Finite.
  double Number(std::string_view key);
  double Number(std::string_view key, double fallback);
  bool Flag(std::string_view key, bool fallback);
  std::string Text(std::string_view key, std::string_view fallback);
  /// An array, or empty if absent. A single value counts as an array of one.
  std::vector<int64_t> Integers(std::string_view key);
  std::vector<double> Numbers(std::string_view key);
  std::vector<std::string> Texts(std::string_view key);
  /// Sets `key` where it is absent.
  void Default(std::string_view key, nlohmann::json value);
  /// The object under `key`, or an empty one.
  HfConfig Child(std::string_view key);

  /// Latches kUnimplemented (or `code`) with the parts as its message.
  template <typename... Parts>
  void Refuse(StatusCode code, const Parts&... parts) {
    if (status_->ok()) *status_ = Error(code, where_, ": ", parts...);
  }
  template <typename... Parts>
  void RefuseAsUnknown(const Parts&... parts) {
    Refuse(StatusCode::kUnimplemented, parts...);
  }

  const Status& status() const { return *status_; }

 private:
  HfConfig(nlohmann::json object, std::string where, std::shared_ptr<Status> status)
      : object_(std::move(object)), where_(std::move(where)), status_(std::move(status)) {}

  void WrongType(std::string_view key, const nlohmann::json& found, std::string_view wanted);
  void Missing(std::string_view key);

  nlohmann::json object_;
  std::string where_;  ///< "config.json" or "config.json: rope_parameters"
  std::shared_ptr<Status> status_;
};

}  // namespace autoglm
