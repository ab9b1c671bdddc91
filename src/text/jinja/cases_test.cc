// Renders tests/data/jinja/cases.json: small templates with what Python's Jinja2 makes of them.
#include <fstream>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "text/chat_template.h"

namespace autoglm {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kRecordedNow = 1768480496;  // 2026-01-15 12:34:56 UTC

Result<std::string> Render(const std::string& source, const ordered_json& input) {
  Result<ChatTemplate> parsed = ChatTemplate::Parse(source);
  if (!parsed.ok()) return parsed.status();
  return parsed->Render(input, kRecordedNow);
}

class JinjaCasesTest : public testing::TestWithParam<std::string> {};

TEST_P(JinjaCasesTest, TemplatesRenderOrFailAsInPython) {
  std::ifstream file(AUTOGLM_SOURCE_DIR "/tests/data/jinja/cases.json");
  const ordered_json cases = ordered_json::parse(file);
  int n_checked = 0;
  for (const ordered_json& one : cases) {
    if (one["group"] != GetParam()) continue;
    ++n_checked;
    const std::string source = one["template"];
    const Result<std::string> rendered = Render(source, one["input"]);
    if (one.contains("fails")) {
      EXPECT_FALSE(rendered.ok()) << source << " gave " << *rendered;
    } else {
      ASSERT_TRUE(rendered.ok()) << source << ": " << rendered.status().ToString();
      EXPECT_EQ(*rendered, one["expected"].get<std::string>()) << source;
    }
  }
  EXPECT_GT(n_checked, 20);
}

INSTANTIATE_TEST_SUITE_P(Groups, JinjaCasesTest,
                         testing::Values("whitespace", "literals", "operators", "indexing",
                                         "methods", "filters", "attributes", "tests", "json",
                                         "statements", "errors", "random"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace autoglm
