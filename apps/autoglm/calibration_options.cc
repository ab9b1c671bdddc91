#include "apps/autoglm/calibration_options.h"

#include "apps/autoglm/options.h"

namespace autoglm {

CLI::Option* CalibrationOptions::Declare(CLI::App* app, const std::string& option) {
  app->add_option("--ctx", n_ctx, "tokens of it that are read at a time")
      ->type_name("N")
      ->capture_default_str()
      ->check(WholeBetween(4, 1 << 20));
  app->add_option("--chunks", max_chunks, "read the first N chunks of --ctx tokens only")
      ->type_name("N")
      ->check(WholeBetween(1, 1 << 24));
  return app->add_option(option, file, "a text like what the model will be used for")
      ->type_name("FILE");
}

Result<CalibrationText> CalibrationOptions::Read() const {
  AUTOGLM_ASSIGN_OR_RETURN(std::string text, ReadInput(file));
  AUTOGLM_RETURN_IF_ERROR(CheckText(text, file));
  return CalibrationText{std::move(text), file, n_ctx, max_chunks};
}

}  // namespace autoglm
