// Where tests find the external test data: $AUTOGLM_TEST_DATA, else ../shared/data beside the
// source tree. Tests skip themselves where it is absent.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace autoglm {

/// The path of `name` in the external data, or "" if it is not there.
inline std::string TestDataPath(const std::string& name) {
  const char* root = std::getenv("AUTOGLM_TEST_DATA");
  const std::filesystem::path path =
      (root ? std::filesystem::path(root)
            : std::filesystem::path(AUTOGLM_SOURCE_DIR) / ".." / "shared" / "data") /
      name;
  std::error_code error;
  return std::filesystem::exists(path, error) ? path.string() : "";
}

}  // namespace autoglm

/// Skips the current test where `name` is not among the external data; else `variable` is its path.
#define AUTOGLM_TEST_DATA_OR_SKIP(variable, name)             \
  const std::string variable = ::autoglm::TestDataPath(name); \
  if (variable.empty()) GTEST_SKIP() << "no external test data: " << name
