// The program as its users meet it: exit status, what goes to stdout and what to stderr.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "tests/test_data.h"

namespace autoglm {
namespace {

#ifdef AUTOGLM_PROGRAM

using nlohmann::json;

struct Outcome {
  int exit_status = -1;
  std::string out;
  std::string err;
};

// Runs `autoglm` with `arguments` as a shell reads them.
Outcome Autoglm(const std::string& arguments) {
  const std::string err_path =
      std::filesystem::temp_directory_path() / ("autoglm_cli_test_" + std::to_string(getpid()));
  FILE* pipe = popen((AUTOGLM_PROGRAM " " + arguments + " 2>" + err_path).c_str(), "r");
  Outcome outcome;
  if (!pipe) return outcome;
  char block[4096];
  for (size_t n; (n = fread(block, 1, sizeof(block), pipe)) > 0;) outcome.out.append(block, n);
  const int status = pclose(pipe);
  outcome.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  std::ostringstream err;
  err << std::ifstream(err_path).rdbuf();
  outcome.err = err.str();
  std::filesystem::remove(err_path);
  return outcome;
}

void ExpectWrongUsage(const std::string& arguments, const std::string& message) {
  const Outcome outcome = Autoglm(arguments);
  EXPECT_EQ(outcome.exit_status, 2) << arguments;
  EXPECT_EQ(outcome.out, "") << arguments;
  EXPECT_NE(outcome.err.find(message), std::string::npos) << arguments << "\n" << outcome.err;
}

TEST(CliTest, HelpAndVersionAreData) {
  for (const char* arguments : {"--help", "help", "inspect --help"}) {
    const Outcome outcome = Autoglm(arguments);
    EXPECT_EQ(outcome.exit_status, 0);
    EXPECT_NE(outcome.out.find("Usage: autoglm"), std::string::npos) << outcome.out;
    EXPECT_EQ(outcome.err, "");
  }
  EXPECT_TRUE(Autoglm("--version").out.starts_with("autoglm "));
}

TEST(CliTest, WrongUsageIsRefusedWithTheNearestRightWord) {
  ExpectWrongUsage("", "Usage: autoglm");
  ExpectWrongUsage("inspekt", "did you mean inspect?");
  ExpectWrongUsage("inspect x --jsno", "unknown option --jsno; did you mean --json?");
  ExpectWrongUsage("inspect", "model is required");
  ExpectWrongUsage("inspect x y", "unexpected argument 'y'");
}

TEST(CliTest, FailuresExitWith1AndNameTheFile) {
  const Outcome missing = Autoglm("inspect /nonexistent/model.gguf");
  EXPECT_EQ(missing.exit_status, 1);
  EXPECT_EQ(missing.out, "");
  EXPECT_NE(missing.err.find("/nonexistent/model.gguf"), std::string::npos) << missing.err;
  EXPECT_EQ(Autoglm("inspect " AUTOGLM_SOURCE_DIR "/LICENSE").exit_status, 1);
}

TEST(CliTest, OutputThatCannotBeWrittenIsAFailure) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  EXPECT_EQ(Autoglm("--help >/dev/full").exit_status, 1);
}

TEST(CliTest, InspectListsMetadataAndTensors) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  const Outcome text = Autoglm("inspect " + path);
  EXPECT_EQ(text.exit_status, 0) << text.err;
  EXPECT_NE(text.out.find("general.architecture = \"llama\""), std::string::npos);
  EXPECT_NE(text.out.find("token_embd.weight"), std::string::npos);
  const json object = json::parse(Autoglm("inspect --json " + path).out, nullptr, false);
  ASSERT_TRUE(object.is_object());
  EXPECT_EQ(object["metadata"]["llama.block_count"], 5);
  EXPECT_EQ(object["metadata"]["tokenizer.ggml.tokens"]["n"], 512);
  EXPECT_EQ(object["tensors"].size(), 48u);
  EXPECT_EQ(object["tensors"][0]["shape"], json({512, 64}));
  EXPECT_EQ(object["total"]["n_parameters"], 292800);
}

#endif

}  // namespace
}  // namespace autoglm
