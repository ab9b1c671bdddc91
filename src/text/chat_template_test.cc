#include "text/chat_template.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/test_data.h"

namespace autoglm {
namespace {

using nlohmann::ordered_json;

// 2026-01-15 12:34:56 UTC, the clock of the recorded renderings.
constexpr int64_t kRecordedNow = 1768480496;

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Result<std::string> Render(std::string_view source, const ordered_json& input) {
  Result<ChatTemplate> parsed = ChatTemplate::Parse(source);
  if (!parsed.ok()) return parsed.status();
  return parsed->Render(input, kRecordedNow);
}

TEST(ChatTemplateTest, ModelTemplatesRenderAsRecordedFromJinja2) {
  AUTOGLM_TEST_DATA_OR_SKIP(folder, "templates");
  const ordered_json cases = ordered_json::parse(ReadFile(folder + "/cases.json"));
  int n_texts = 0, n_errors = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().string().ends_with(".expected.json")) continue;
    const ordered_json record = ordered_json::parse(ReadFile(entry.path()));
    const std::string name = record["template"];
    Result<ChatTemplate> parsed = ChatTemplate::Parse(ReadFile(folder + "/" + name));
    ASSERT_TRUE(parsed.ok()) << name << ": " << parsed.status().ToString();
    const auto render = [&](const std::string& case_name) {
      ordered_json input = cases.at(case_name);
      input["bos_token"] = record["bos_token"];
      input["eos_token"] = record["eos_token"];
      return parsed->Render(input, kRecordedNow);
    };
    for (const auto& [case_name, text] : record["expected"].items()) {
      const Result<std::string> rendered = render(case_name);
      ASSERT_TRUE(rendered.ok()) << name << " " << case_name << rendered.status().ToString();
      EXPECT_EQ(*rendered, text.get<std::string>()) << name << " " << case_name;
      ++n_texts;
    }
    for (const auto& [case_name, message] : record["raises"].items()) {
      const Result<std::string> rendered = render(case_name);
      EXPECT_EQ(rendered.status().code(), StatusCode::kInvalidArgument) << name << " " << case_name;
      EXPECT_EQ(rendered.status().message(), message.get<std::string>())
          << name << " " << case_name;
      ++n_errors;
    }
  }
  RecordProperty("texts", n_texts);
  EXPECT_GE(n_texts, 900);
  EXPECT_GE(n_errors, 40);
}

TEST(ChatTemplateTest, InputThatIsNoObjectIsRefused) {
  EXPECT_EQ(Render("x", ordered_json::array()).status().code(), StatusCode::kInvalidArgument);
}

TEST(ChatTemplateTest, RaiseExceptionGivesItsMessageAlone) {
  const auto rendered = Render("{{ raise_exception('roles must alternate') }}", {{"a", 1}});
  EXPECT_EQ(rendered.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(rendered.status().message(), "roles must alternate");
}

TEST(ChatTemplateTest, ErrorsNameLineAndColumn) {
  const auto parse_error = Render("one\ntwo {{ 1 + }}", ordered_json::object());
  EXPECT_NE(parse_error.status().message().find("line 2, column 12"), std::string::npos)
      << parse_error.status().message();
  const auto run_error = Render("one\n é {{ missing.attribute }}", ordered_json::object());
  EXPECT_NE(run_error.status().message().find("line 2, column 14: 'missing' is undefined"),
            std::string::npos)
      << run_error.status().message();
}

TEST(ChatTemplateTest, InputIntegersBeyondInt64AreRefused) {
  ordered_json input;
  input["n"] = UINT64_MAX;
  EXPECT_EQ(Render("{{ n }}", input).status().code(), StatusCode::kOutOfRange);
  EXPECT_EQ(*Render("unused n is fine", input), "unused n is fine");
}

TEST(ChatTemplateTest, IllFormedInputTextIsReplaced) {
  ordered_json input;
  input["s"] =
      "a\xFF"
      "b";
  EXPECT_EQ(*Render("{{ s }}{{ s | length }}", input),
            "a\xEF\xBF\xBD"
            "b3");
}

}  // namespace
}  // namespace autoglm
