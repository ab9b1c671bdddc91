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

// Runs `autoglm` with `arguments` as a shell reads them, after what `before` lets the shell do.
Outcome Autoglm(const std::string& arguments, const std::string& before = "") {
  const std::string err_path =
      std::filesystem::temp_directory_path() / ("autoglm_cli_test_" + std::to_string(getpid()));
  FILE* pipe = popen((before + AUTOGLM_PROGRAM " " + arguments + " 2>" + err_path).c_str(), "r");
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

TEST(CliTest, DeviceTellsWhatThereIsAndPredictsAModel) {
  const json object = json::parse(Autoglm("device --json").out, nullptr, false);
  ASSERT_TRUE(object.is_object());
  EXPECT_GE(object["n_threads"], 1);
  EXPECT_GE(object["clusters"].size(), 1u);
  EXPECT_FALSE(object["kernels"].get<std::string>().empty());
  EXPECT_FALSE(object.contains("peaks"));
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  const json predicted =
      json::parse(Autoglm("device --json --threads 1 -m " + path).out, nullptr, false);
  ASSERT_EQ(predicted["peaks"].size(), 1u);
  EXPECT_GT(predicted["peaks"][0]["read_gb_s"], 0);
  EXPECT_GT(predicted["predicted"][0]["tg_tok_s"], predicted["predicted"][1]["tg_tok_s"]);
  EXPECT_NE(Autoglm("device").out.find("threads"), std::string::npos);
}

TEST(CliTest, AModelOfPhoneActionsAnswersWithOneOfThem) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  const std::string model = std::filesystem::temp_directory_path() /
                            ("autoglm_cli_actions_" + std::to_string(getpid()) + ".gguf");
  // It knows nothing of actions, so what it answers comes of the grammar.
  ASSERT_EQ(Autoglm("quantize " + path + " " + model +
                    " --type f32 --set autoglm.task=phone_actions --set general.name=toy"
                    " --set 'tokenizer.chat_template={{ messages[-1].content }}'")
                .exit_status,
            0);
  const json answer =
      json::parse(Autoglm("run --json -n 300 -m " + model + " Once upon").out, nullptr, false);
  ASSERT_TRUE(answer.is_object());
  const std::string text = answer["text"];
  EXPECT_TRUE(text.starts_with("do(action=\"")) << text;
  if (answer["stop_reason"] == "end_of_generation") {
    EXPECT_TRUE(answer["action"]["action"].is_string()) << answer;
    EXPECT_TRUE(answer["action"]["parameters"].is_object()) << answer;
  } else {
    EXPECT_TRUE(answer["action"].is_null()) << answer;
  }
  // Another grammar, and a text that is continued, take its place.
  EXPECT_EQ(json::parse(Autoglm("run --json --grammar json -n 1 -m " + model + " Once").out,
                        nullptr, false)["text"]
                .get<std::string>()
                .find("do("),
            std::string::npos);
  EXPECT_FALSE(
      json::parse(Autoglm("run --json --raw -n 4 -m " + model + " Once").out, nullptr, false)
          .contains("action"));
  std::filesystem::remove(model);
  ExpectWrongUsage("quantize " + path + " x.gguf --type f32 --set name", "'name' is not KEY=TEXT");
}

TEST(CliTest, WithoutAModelTheBundledOneAnswers) {
  const std::string bundled = AUTOGLM_SOURCE_DIR "/models/phone-actions.gguf";
  EXPECT_EQ(Autoglm("tokenize -m /nonexistent.gguf a").exit_status, 1);
  if (!std::filesystem::exists(bundled)) {
    ExpectWrongUsage("run hello", "pass a model with -m MODEL");
    GTEST_SKIP() << "no " << bundled;
  }
  EXPECT_EQ(Autoglm("run '明早七点叫我起床'").out,
            "do(action=\"SetAlarm\", time=\"07:00\", day=\"tomorrow\")\n");
  EXPECT_EQ(Autoglm("run turn on the flashlight").out, "do(action=\"Flashlight\", state=\"on\")\n");
  const json answer = json::parse(Autoglm("run --json turn on the flashlight").out, nullptr, false);
  EXPECT_EQ(answer["action"],
            json::parse(R"({"action": "Flashlight", "parameters": {"state": "on"}})"));
}

TEST(CliTest, TokenizeAndDetokenizeAreInverse) {
  for (const char* name : {"models/stories260K.gguf", "models/stories260K-hf"}) {
    AUTOGLM_TEST_DATA_OR_SKIP(path, name);
    EXPECT_EQ(Autoglm("tokenize -m " + path + " Once upon a time").out,
              "[1, 403, 407, 261, 378]\n");
    EXPECT_EQ(Autoglm("tokenize --no-special -m " + path + " Once upon").out, "[403, 407]\n");
    EXPECT_EQ(Autoglm("detokenize -m " + path + " '[1, 403, 407, 261, 378]'").out,
              "Once upon a time");
    const Outcome outside = Autoglm("detokenize -m " + path + " 1,512");
    EXPECT_EQ(outside.exit_status, 1);
    EXPECT_NE(outside.err.find("512"), std::string::npos);
    ExpectWrongUsage("detokenize -m " + path + " 1,x", "'x' is not a token id");
  }
}

TEST(CliTest, RenderAppliesATemplate) {
  const std::string folder =
      std::filesystem::temp_directory_path() / ("autoglm_cli_render_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder + "/t.jinja") << "{% for m in messages %}<{{ m.content }}>{% endfor %}";
  std::ofstream(folder + "/i.json") << R"({"messages": [{"content": "a"}, {"content": "b"}]})";
  std::ofstream(folder + "/bad.json") << "[1]";
  const std::string command = "render --template " + folder + "/t.jinja --input " + folder;
  EXPECT_EQ(Autoglm(command + "/i.json").out, "<a><b>");
  EXPECT_EQ(Autoglm(command + "/bad.json").exit_status, 1);
  EXPECT_EQ(Autoglm(command + "/missing.json").exit_status, 1);
  std::filesystem::remove_all(folder);
}

TEST(CliTest, QuantizeWritesASmallerModelThatStillTellsTheStory) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  const std::string out = std::filesystem::temp_directory_path() /
                          ("autoglm_cli_quantize_" + std::to_string(getpid()) + ".gguf");
  ExpectWrongUsage("quantize " + path + " " + out + " --type q8_1", "did you mean 'q8_0'?");
  const json report =
      json::parse(Autoglm("quantize " + path + " " + out + " --type q8_0 --json").out, nullptr,
                  /*allow_exceptions=*/false);
  ASSERT_TRUE(report.is_object());
  EXPECT_LT(report["file_bytes_out"], 500000);
  const Outcome story = Autoglm("run -m " + out + " Once upon a time -n 8 --temperature 0");
  EXPECT_EQ(story.exit_status, 0) << story.err;
  EXPECT_TRUE(story.out.starts_with("Once upon a time, there was")) << story.out;
  EXPECT_EQ(Autoglm("quantize " + out + " " + out + ".again --type q4_0").exit_status, 1);
  std::filesystem::remove(out);
}

TEST(CliTest, CompressHasVerbsOfItsOwn) {
  ExpectWrongUsage("compress", "Usage: autoglm compress");
  ExpectWrongUsage("compress quantise", "did you mean quantize?");
  ExpectWrongUsage("compress imatrix --out x -f y -m z --chunk 1", "did you mean --chunks?");
  ExpectWrongUsage("compress evaluate m", "nothing to evaluate");
  ExpectWrongUsage("compress quantize a b", "pass one of --type, --size-mb and --bits-per-weight");
  ExpectWrongUsage("compress quantize a b --size-mb 3", "needs a text");
  EXPECT_NE(Autoglm("compress --help").out.find("  train "), std::string::npos);
  const std::filesystem::path program = AUTOGLM_PROGRAM;
  if (std::filesystem::exists(program.parent_path().parent_path() / "autoglm-compress")) return;
  const Outcome train = Autoglm("compress train --help");
  EXPECT_EQ(train.exit_status, 1);
  EXPECT_NE(train.err.find("AUTOGLM_BUILD_TRAINING=ON"), std::string::npos) << train.err;
}

TEST(CliTest, CompressMeasuresQuantizesAndEvaluates) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  AUTOGLM_TEST_DATA_OR_SKIP(text, "models/ppl_text.txt");
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("autoglm_cli_compress_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const std::string matrix = folder / "i.gguf", out = folder / "o.gguf";
  const std::string measured = " -f " + text + " --ctx 128 --chunks 2 --json ";
  const Outcome imatrix = Autoglm("compress imatrix -m " + path + measured + "--out " + matrix);
  EXPECT_EQ(imatrix.exit_status, 0) << imatrix.err;
  const Outcome quantized = Autoglm("compress quantize " + path + " " + out + measured +
                                    "--imatrix " + matrix + " --gptq --bits-per-weight 8");
  EXPECT_EQ(quantized.exit_status, 0) << quantized.err;
  EXPECT_GT(json::parse(quantized.out, nullptr, false)["types"].size(), 40u);
  const Outcome evaluated =
      Autoglm("compress evaluate " + out + " " + path + measured + "--reference " + path);
  EXPECT_EQ(evaluated.exit_status, 0) << evaluated.err;
  const json models = json::parse(evaluated.out, nullptr, false)["models"];
  ASSERT_EQ(models.size(), 2u) << evaluated.out;
  EXPECT_GT(models[0]["kl_mean"], 0);
  EXPECT_EQ(models[1]["kl_mean"], 0);
  EXPECT_LT(models[0]["file_bytes"], 8 * 292800 / 8 + 20000);  // and the vocabulary
  // A disk without room: what was there before stays.
  const Outcome full = Autoglm("compress quantize " + path + " " + out + " --type q8_0",
                               "trap '' XFSZ; ulimit -f 100; ");
  EXPECT_EQ(full.exit_status, 1);
  EXPECT_NE(full.err.find(out), std::string::npos) << full.err;
  EXPECT_EQ(std::filesystem::file_size(out), models[0]["file_bytes"]);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 2) << "left behind";
  std::filesystem::remove_all(folder);
}

TEST(CliTest, RunRefusesWrongOptions) {
  ExpectWrongUsage("run -m x --temprature 1 hi", "did you mean --temperature?");
  ExpectWrongUsage("run -m x --temperature nan hi", "nan is not a number");
}

#endif

}  // namespace
}  // namespace autoglm
