// What a hostile template can do: nothing but fail, soon.
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "text/chat_template.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"

namespace autoglm {
namespace {

using nlohmann::ordered_json;

StatusCode CodeOf(const std::string& source, const ordered_json& input = ordered_json::object()) {
  Result<ChatTemplate> parsed = ChatTemplate::Parse(source);
  if (!parsed.ok()) return parsed.status().code();
  return parsed->Render(input, 0).status().code();
}

std::string Repeat(const std::string& part, int n) {
  std::string text;
  for (int i = 0; i < n; ++i) text += part;
  return text;
}

constexpr StatusCode kExhausted = StatusCode::kResourceExhausted;

TEST(JinjaLimitsTest, HugeStringsAreRefusedBeforeTheyAreMade) {
  EXPECT_EQ(CodeOf("{{ 'x' * 10**9 }}"), kExhausted);
  EXPECT_EQ(CodeOf("{{ 'x' * 9223372036854775807 }}"), kExhausted);
  EXPECT_EQ(CodeOf("{{ '%1000000000d' % 1 }}"), kExhausted);
  EXPECT_EQ(CodeOf("{{ '{:1000000000}'.format(1) }}"), kExhausted);
  EXPECT_EQ(CodeOf("{{ 'x'.center(10**12) }}"), kExhausted);
  EXPECT_EQ(CodeOf("{{ 'a\nb' | indent(10**9, true) }}"), kExhausted);
  EXPECT_EQ(CodeOf("{% set s = 'x' * 10**6 %}{{ s.replace('x', s) }}"), kExhausted);
  EXPECT_EQ(CodeOf("{% set s = 'x' * 10**6 %}{{ s | join(s) }}"), kExhausted);
}

TEST(JinjaLimitsTest, StringsThatDoubleAreStopped) {
  EXPECT_EQ(CodeOf("{% set ns = namespace(s='x') %}{% for i in range(99) %}"
                   "{% set ns.s = ns.s ~ ns.s %}{% endfor %}"),
            kExhausted);
}

TEST(JinjaLimitsTest, OutputIsBounded) {
  EXPECT_EQ(CodeOf("{% set s = 'x' * 10**6 %}{% for i in range(100) %}{{ s }}{% endfor %}"),
            kExhausted);
}

TEST(JinjaLimitsTest, ManyLiveStringsAreBounded) {
  EXPECT_EQ(CodeOf("{% set ns = namespace(l=[]) %}{% for i in range(100) %}"
                   "{% set ns.l = ns.l + ['x' * 10**7] %}{% endfor %}"),
            kExhausted);
}

TEST(JinjaLimitsTest, HugeListsAndRangesAreRefused) {
  EXPECT_EQ(CodeOf("{{ range(10**9) }}"), kExhausted);
  EXPECT_EQ(CodeOf("{{ range(-9223372036854775807, 9223372036854775807) }}"), kExhausted);
  EXPECT_EQ(CodeOf("{{ [0] * 10**12 }}"), kExhausted);
  EXPECT_EQ(CodeOf("{{ [1] | batch(10**12, 0) | list }}"), kExhausted);
  EXPECT_EQ(CodeOf("{{ [1] | slice(10**12) | list }}"), kExhausted);
  EXPECT_EQ(CodeOf("{{ ('x' * 10**7) | list }}"), kExhausted);
}

TEST(JinjaLimitsTest, EndlessWorkIsStopped) {
  const std::string loop = "{% for i in range(99999) %}";
  EXPECT_EQ(CodeOf(loop + loop + loop + "{% endfor %}{% endfor %}{% endfor %}"), kExhausted);
  EXPECT_EQ(CodeOf("{% set s = 'x' * 10**7 %}" + loop +
                   "{% if s == s | lower %}{% endif %}"
                   "{% endfor %}"),
            kExhausted);
}

TEST(JinjaLimitsTest, EndlessRecursionIsStopped) {
  EXPECT_EQ(CodeOf("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"), kExhausted);
  EXPECT_EQ(CodeOf("{% macro f() %}{% call f() %}{% endcall %}{{ caller }}{% endmacro %}{{ f() }}"),
            kExhausted);
  EXPECT_EQ(CodeOf("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"), kExhausted);
}

TEST(JinjaLimitsTest, DeeplyNestedSourceIsRefused) {
  const std::pair<const char*, const char*> kNests[] = {
      {"(", ")"},           {"[", "]"},        {"{1:", "}"},  {"-", ""},
      {"not ", ""},         {"f(", ")"},       {"x[", "]"},   {"1 if ", ""},
      {"1 if 1 else ", ""}, {"x is eq(", ")"}, {"1 + (", ")"}};
  for (const auto& [open, close] : kNests) {
    const std::string source = "{{ " + Repeat(open, 20000) + "1" + Repeat(close, 20000) + " }}";
    EXPECT_EQ(CodeOf(source), kExhausted) << open;
  }
  const std::string block = "{% if 1 %}";
  EXPECT_EQ(CodeOf(Repeat(block, 5000) + Repeat("{% endif %}", 5000)), kExhausted);
  EXPECT_EQ(CodeOf("{% set " + Repeat("(", 5000) + "a" + Repeat(")", 5000) + " = 1 %}"),
            kExhausted);
}

TEST(JinjaLimitsTest, LongChainsOfOperatorsAreFlat) {
  EXPECT_EQ(CodeOf("{{ 1" + Repeat(" + 1", 50000) + " }}"), StatusCode::kOk);
  EXPECT_EQ(CodeOf("{{ 1" + Repeat(" ~ 1", 50000) + " }}"), StatusCode::kOk);
  EXPECT_EQ(CodeOf("{{ 1" + Repeat(" and 1", 50000) + " }}"), StatusCode::kOk);
  EXPECT_EQ(CodeOf("{% if 0 %}" + Repeat("{% elif 0 %}", 20000) + "{% endif %}"), StatusCode::kOk);
  EXPECT_EQ(CodeOf("{{ x" + Repeat(".a", 50000) + " }}"), kExhausted);
  EXPECT_EQ(CodeOf("{{ 1" + Repeat(" | abs", 50000) + " }}"), kExhausted);
}

TEST(JinjaLimitsTest, DeeplyNestedValuesAreRefused) {
  EXPECT_EQ(CodeOf("{% set ns = namespace(l=[]) %}{% for i in range(9999) %}"
                   "{% set ns.l = [ns.l] %}{% endfor %}"),
            kExhausted);
  EXPECT_EQ(CodeOf("{% set ns = namespace(c=1) %}{% for i in range(9999) %}"
                   "{% set ns.c = cycler(ns.c) %}{% endfor %}"),
            kExhausted);
  ordered_json deep = 1;
  for (int i = 0; i < 1000; ++i) deep = ordered_json::array({deep});
  EXPECT_EQ(CodeOf("{{ deep }}", {{"deep", deep}}), kExhausted);
}

TEST(JinjaLimitsTest, ValuesThatShareTheirPartsDoNotExplodeWhenPrinted) {
  const std::string shared =
      "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}"
      "{% set ns.l = [ns.l, ns.l] %}{% endfor %}";
  EXPECT_EQ(CodeOf(shared + "{{ ns.l }}"), kExhausted);
  EXPECT_EQ(CodeOf(shared + "{{ ns.l | tojson }}"), kExhausted);
  EXPECT_EQ(CodeOf(shared + "{{ ns.l == ns.l + [] }}"), StatusCode::kOk);
}

TEST(JinjaLimitsTest, ThingsThatHoldThemselvesAreFreed) {
  // Leaks show under the address sanitizer.
  EXPECT_EQ(CodeOf("{% set ns = namespace() %}{% set ns.a = ns %}{% set ns.b = [ns] %}"),
            StatusCode::kOk);
  EXPECT_EQ(CodeOf("{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}"), kExhausted);
  EXPECT_EQ(CodeOf("{% macro m() %}{% endmacro %}{% set n = m %}"), StatusCode::kOk);
  EXPECT_EQ(CodeOf("{% for i in [1] %}{{ loop.changed(loop) }}{% set x = loop %}{% endfor %}"),
            StatusCode::kOk);
}

TEST(JinjaLimitsTest, IntegersThatOverflowAreErrors) {
  const std::string max = "9223372036854775807";
  for (const std::string& expression : std::vector<std::string>{
           max + " + 1", "-" + max + " - 2", max + " * 2", "2 ** 64", "(-" + max + " - 1) // -1",
           "-(-" + max + " - 1)", "(-" + max + " - 1) | abs", "1e30 | int"}) {
    EXPECT_EQ(CodeOf("{{ " + expression + " }}"), StatusCode::kOutOfRange) << expression;
  }
  EXPECT_EQ(CodeOf("{{ (-" + max + " - 1) % -1 }}"), StatusCode::kOk);
}

TEST(JinjaLimitsTest, SourceBeyondAMebibyteIsRefused) {
  EXPECT_EQ(CodeOf(std::string((1 << 20) + 1, 'x')), kExhausted);
}

TEST(JinjaLimitsTest, OtherTemplatesAreRefused) {
  for (const char* tag : {"include 'x'", "import 'x' as y", "extends 'x'", "from 'x' import y"}) {
    EXPECT_EQ(CodeOf(std::string("{% ") + tag + " %}"), StatusCode::kUnimplemented) << tag;
  }
}

TEST(JinjaLimitsTest, ARenderCanBeGivenTighterLimits) {
  Result<jinja::Program> program = jinja::ParseTemplate("{% for i in range(100) %}x{% endfor %}");
  ASSERT_TRUE(program.ok());
  jinja::Limits limits;
  limits.max_steps = 50;
  jinja::Runtime runtime(limits, 0);
  jinja::Interpreter(*program, &runtime).Run(ordered_json::object());
  runtime.BreakCycles();
  EXPECT_EQ(runtime.error_code(), kExhausted);
}

TEST(JinjaLimitsTest, UnknownFiltersSuggestTheNearest) {
  const Status status = ChatTemplate::Parse("{{ x | uper }}").status();
  EXPECT_NE(status.message().find("did you mean 'upper'"), std::string::npos) << status.message();
}

}  // namespace
}  // namespace autoglm
