// See bundled_model.h.
#include "apps/autoglm/bundled_model.h"

#include <cstdlib>
#include <filesystem>

#include "apps/cli/programs.h"

namespace autoglm {
namespace {

constexpr char kName[] = "phone-actions.gguf";
/// build/release/apps/autoglm/autoglm is this deep in a checkout.
constexpr int kMaxLevels = 5;

}  // namespace

std::string FindBundledModel() {
  namespace fs = std::filesystem;
  const char* const chosen = std::getenv("AUTOGLM_MODEL");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  std::error_code error;
  fs::path folder = ProgramFolder();
  const fs::path installed = folder.parent_path() / "share" / "autoglm" / kName;
  if (!folder.empty() && fs::is_regular_file(installed, error)) return installed.string();
  for (int level = 0; level < kMaxLevels && folder.has_relative_path(); ++level) {
    const fs::path model = folder / "models" / kName;
    if (fs::is_regular_file(model, error)) return model.string();
    folder = folder.parent_path();
  }
  return "";
}

}  // namespace autoglm
