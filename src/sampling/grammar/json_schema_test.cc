// JSON Schemas as grammars: what they accept and refuse, in both forms.
#include "sampling/grammar/json_schema.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/rng.h"
#include "base/str.h"
#include "sampling/grammar/grammar.h"
#include "sampling/grammar/schema/number_range.h"
#include "sampling/grammar/schema/pattern.h"
#include "sampling/grammar/schema/text_overlap.h"

namespace autoglm {
namespace {

bool Accepts(const std::string& schema, const std::string& text,
             JsonForm form = JsonForm::kWritten) {
  const auto gbnf = JsonSchemaToGbnf(schema, form);
  EXPECT_TRUE(gbnf.ok()) << schema << ": " << gbnf.status().ToString();
  if (!gbnf.ok()) return false;
  const auto grammar = Grammar::Compile({.gbnf = *gbnf}, nullptr);
  EXPECT_TRUE(grammar.ok()) << *gbnf << grammar.status().ToString();
  if (!grammar.ok()) return false;
  GrammarMatcher matcher(*grammar);
  return matcher.AcceptText(text) == text.size() && matcher.CanEnd();
}

Status Refusal(const std::string& schema) {
  return JsonSchemaToGbnf(schema, JsonForm::kWritten).status();
}

TEST(JsonSchema, EverySchemaOfTheCollectionCompilesInBothForms) {
  std::ifstream file(AUTOGLM_SOURCE_DIR "/tests/data/grammar/schemas.json");
  const auto schemas = nlohmann::ordered_json::parse(file);
  EXPECT_GE(schemas.size(), 60u);
  for (const auto& [name, schema] : schemas.items()) {
    for (const JsonForm form : {JsonForm::kWritten, JsonForm::kRead}) {
      const auto gbnf = JsonSchemaToGbnf(schema, "root", form);
      ASSERT_TRUE(gbnf.ok()) << name << ": " << gbnf.status().ToString();
      const auto grammar = Grammar::Compile({.gbnf = *gbnf}, nullptr);
      EXPECT_TRUE(grammar.ok()) << name << ": " << grammar.status().ToString();
    }
  }
}

TEST(JsonSchema, WhiteSpaceIsFreeOnlyToBeRead) {
  const std::string schema = R"({"type":"object","properties":{"a":{"type":"array",
      "items":{"type":"integer"}}},"required":["a"]})";
  const std::string odd = " {\n\"a\" :\t[ 1,2 ,\r\n3 ] } ";
  EXPECT_TRUE(Accepts(schema, R"({"a": [1, 2, 3]})"));
  EXPECT_FALSE(Accepts(schema, odd));
  EXPECT_TRUE(Accepts(schema, odd, JsonForm::kRead));
  EXPECT_TRUE(Accepts(schema, R"({"a":[1]})", JsonForm::kRead));
  EXPECT_FALSE(Accepts(schema, R"({"a":[1]})"));
}

TEST(JsonSchema, AdditionalPropertiesAreWrittenOnlyWhereTheSchemaSpeaksOfThem) {
  const std::string silent = R"({"properties":{"a":{"type":"boolean"}},"required":["a"]})";
  const std::string extra = R"({"a": true, "b": [1]})";
  EXPECT_FALSE(Accepts(silent, extra));
  EXPECT_TRUE(Accepts(silent, extra, JsonForm::kRead));
  const std::string open = R"({"properties":{"ab":{"type":"boolean"},"b":{"type":"null"}},
      "additionalProperties":{"type":"integer"}})";
  EXPECT_TRUE(Accepts(open, R"({"ab": true, "a": 1, "abc": 2, "": 3})"));
  EXPECT_FALSE(Accepts(open, R"({"ab": 1})"));
  EXPECT_FALSE(Accepts(open, R"({"\u0061b": 1})"));
  EXPECT_TRUE(Accepts(open, R"({"x\"y": 1})"));
  const std::string odd = R"({"properties":{"a\nb":{"type":"null"},"]-^":{"type":"null"}},
      "additionalProperties":{"type":"integer"}})";
  EXPECT_TRUE(Accepts(odd, R"({"a\nb": null, "a\nc": 1, "]": 2})"));
  EXPECT_FALSE(Accepts(odd, R"({"a\nb": 1})"));
  EXPECT_TRUE(Accepts(open, "{}"));
}

TEST(JsonSchema, OptionalPropertiesInAnyNumberKeepTheirCommas) {
  const std::string schema = R"({"properties":{"a":{"const":1},"b":{"const":2},"c":{"const":3},
      "d":{"const":4}},"required":["c"],"additionalProperties":false})";
  const char* kMembers[] = {"\"a\": 1", "\"b\": 2", "\"c\": 3", "\"d\": 4"};
  for (int subset = 0; subset < 16; ++subset) {
    std::string text = "{";
    for (int i = 0; i < 4; ++i) {
      if (subset >> i & 1) StrAppend(&text, text.size() > 1 ? ", " : "", kMembers[i]);
    }
    EXPECT_EQ(Accepts(schema, text + "}"), (subset >> 2 & 1) == 1) << text;
  }
}

TEST(JsonSchema, StringsCountCharactersAndNotBytes) {
  const std::string schema = R"({"type":"string","minLength":2,"maxLength":2})";
  EXPECT_TRUE(Accepts(schema, "\"\xE4\xBD\xA0\xE5\xA5\xBD\""));
  EXPECT_TRUE(Accepts(schema, R"("\ud83d\ude00\n")"));
  EXPECT_FALSE(Accepts(schema, R"("\ud83d\ude00")"));  // one character
  EXPECT_FALSE(Accepts(schema, R"("\ud83dx")"));
  EXPECT_FALSE(Accepts(schema, "\"a\nb\""));
}

TEST(JsonSchema, DatesExist) {
  const std::string schema = R"({"format":"date"})";
  for (const char* text : {"2024-02-29", "2000-02-29", "1999-12-31", "2023-04-30"}) {
    EXPECT_TRUE(Accepts(schema, StrCat("\"", text, "\""))) << text;
  }
  for (const char* text : {"2023-02-29", "1900-02-29", "2023-04-31", "2023-13-01", "2023-00-10"}) {
    EXPECT_FALSE(Accepts(schema, StrCat("\"", text, "\""))) << text;
  }
  EXPECT_TRUE(Accepts(R"({"format":"date-time"})", "\"2024-02-29T23:59:59.5+08:00\""));
  EXPECT_FALSE(Accepts(R"({"format":"time"})", "\"24:00:00Z\""));
}

TEST(JsonSchema, RangesOfIntegersAreExact) {
  for (const auto& [low, high] : {std::pair(-12, 105), {0, 9}, {99, 1001}, {-7, -7}, {5, 5}}) {
    const auto grammar = Grammar::Compile(
        {.gbnf = "root ::= " + IntegerRangeGbnf(ToDecimal(low, true), ToDecimal(high, true))},
        nullptr);
    ASSERT_TRUE(grammar.ok());
    for (int value = low - 200; value <= high + 200; ++value) {
      GrammarMatcher matcher(*grammar);
      const std::string text = StrCat(value);
      const bool accepted = matcher.AcceptText(text) == text.size() && matcher.CanEnd();
      EXPECT_EQ(accepted, low <= value && value <= high) << value;
    }
  }
}

TEST(JsonSchema, RangesOfNumbersAreExact) {
  Rng rng(1);
  const double kBounds[] = {-10.5, -2, -0.25, 0, 0.125, 1, 1.5, 9.75, 10, 123.0625};
  for (const double low : kBounds) {
    for (const double high : kBounds) {
      for (const int inclusive : {0, 1, 2, 3}) {
        const auto least = ToDecimal(low, inclusive & 1), most = ToDecimal(high, inclusive & 2);
        const std::string range = NumberRangeGbnf(least, most);
        const bool is_empty = low > high || (low == high && inclusive != 3);
        ASSERT_EQ(range.empty(), is_empty) << low << " " << high << " " << inclusive;
        if (is_empty) continue;
        const auto grammar = Grammar::Compile({.gbnf = "root ::= " + range}, nullptr);
        ASSERT_TRUE(grammar.ok()) << range;
        for (int i = 0; i < 40; ++i) {
          // Sixteenths near the bounds, which have at most four digits behind the point.
          const double base = i % 2 ? low : high;
          const double value = base + (static_cast<double>(rng.NextBelow(65)) - 32) / 16;
          std::string text = StrCat(value);
          if (i % 5 == 0 && text.find('.') != std::string::npos) text += "00";
          if (text[0] == '-' && value == 0) continue;
          GrammarMatcher matcher(*grammar);
          const bool accepted = matcher.AcceptText(text) == text.size() && matcher.CanEnd();
          const bool above = value > low || (value == low && (inclusive & 1));
          const bool below = value < high || (value == high && (inclusive & 2));
          ASSERT_EQ(accepted, above && below)
              << text << " in " << low << " " << high << " " << range;
        }
      }
    }
  }
}

TEST(JsonSchema, OneOfHoldsOnlyWhatCanBeToldApart) {
  EXPECT_TRUE(Refusal(R"({"oneOf":[{"type":"string"},{"type":"integer"}]})").ok());
  EXPECT_TRUE(Refusal(R"({"oneOf":[{"const":1},{"enum":["a",2]}]})").ok());
  EXPECT_TRUE(Refusal(R"({"oneOf":[{"type":"string","pattern":"^a"},
                                   {"type":"string","pattern":"^[b-z]"}]})")
                  .ok());
  for (const char* schema : {R"({"oneOf":[{"type":"number"},{"type":"integer"}]})",
                             R"({"oneOf":[{"type":"string"},{"type":"string","maxLength":3}]})",
                             R"({"oneOf":[{"type":"object","properties":{"a":{"type":"integer"}}},
                     {"type":"object","properties":{"b":{"type":"integer"}}}]})"}) {
    EXPECT_EQ(Refusal(schema).code(), StatusCode::kUnimplemented) << schema;
    EXPECT_NE(Refusal(schema).message().find("#/oneOf"), std::string::npos);
  }
}

TEST(JsonSchema, WhatIsNotSupportedIsRefusedWithItsPointer) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"not":{}})", "#/not"},
      {R"({"properties":{"a":{"items":{"contains":{}}}}})", "#/properties/a/items/contains"},
      {R"({"properties":{"a/b":{"multipleOf":3}}})", "#/properties/a~1b/multipleOf"},
      {R"({"type":"array","uniqueItems":true})", "#/uniqueItems"},
      {R"({"format":"uri"})", "#/format"},
      {R"({"pattern":"(?=a)b"})", "#/pattern"},
      {R"({"pattern":"\\bword"})", "#/pattern"},
      {R"({"minLenght":3})", "#/minLenght"},
      {R"({"$ref":"other.json"})", "#/$ref"},
      {R"({"$defs":{"x":{"if":{}}},"$ref":"#/$defs/x"})", "#/$defs/x/if"},
      {R"({"allOf":[{"dependentRequired":{}}]})", "#/allOf/0/dependentRequired"},
      {R"({"patternProperties":{"^a":{},"a$":{}}})", "#/patternProperties/a$"},
  };
  for (const auto& [schema, pointer] : kCases) {
    const Status status = Refusal(schema);
    EXPECT_EQ(status.code(), StatusCode::kUnimplemented) << schema;
    EXPECT_NE(status.message().find(pointer), std::string::npos) << status.message();
  }
}

TEST(JsonSchema, WhatIsWrongIsRefusedWithItsPlace) {
  for (const char* schema : {"",
                             "{",
                             "7",
                             "[]",
                             "false",
                             R"({"type":"strin"})",
                             R"({"type":[]})",
                             R"({"enum":[]})",
                             R"({"minLength":-1})",
                             R"({"minLength":1.5})",
                             R"({"minLength":3,"maxLength":2})",
                             R"({"required":[1]})",
                             R"({"$ref":"#/nothing"})",
                             R"({"minimum":5,"maximum":4})",
                             R"({"type":"integer","minimum":0.2,"maximum":0.8})",
                             R"({"properties":{"a":7}})",
                             R"({"required":["a"],"additionalProperties":false})",
                             R"({"anyOf":[]})",
                             R"({"type":"string","enum":[1]})",
                             R"({"pattern":"("})",
                             R"({"pattern":"a{2,1}"})",
                             R"({"allOf":[{"type":"string"},{"type":"integer"}]})",
                             R"({"minItems":2,"maxItems":1})"}) {
    EXPECT_EQ(Refusal(schema).code(), StatusCode::kInvalidArgument) << schema;
  }
  EXPECT_FALSE(Refusal(std::string(5000, '[') + std::string(5000, ']')).ok());
  std::string deep = "true";
  for (int i = 0; i < 300; ++i) deep = R"({"items":)" + deep + "}";
  EXPECT_EQ(Refusal(deep).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Refusal(R"({"allOf":[{"$ref":"#"}]})").code(), StatusCode::kResourceExhausted);
}

TEST(JsonSchema, RecursionWithoutAnEndIsRefusedByTheGrammar) {
  const auto gbnf = JsonSchemaToGbnf(
      R"({"type":"object","properties":{"n":{"$ref":"#"}},"required":["n"]})", JsonForm::kWritten);
  ASSERT_TRUE(gbnf.ok());
  EXPECT_FALSE(Grammar::Compile({.gbnf = *gbnf}, nullptr).ok());
}

TEST(JsonSchema, RulesOfSeveralSchemasStandInOneGrammar) {
  const auto a = nlohmann::ordered_json::parse(R"({"type":"object"})");
  const auto b = nlohmann::ordered_json::parse(R"({"type":"array","items":{"type":"string"}})");
  const std::string gbnf =
      StrCat("root ::= a | b\n", *JsonSchemaToGbnf(a, "a"), *JsonSchemaToGbnf(b, "b"));
  EXPECT_TRUE(MatchesGbnf(gbnf, "{\"x\": 1}"));
  EXPECT_TRUE(MatchesGbnf(gbnf, "[\"x\"]"));
  EXPECT_FALSE(MatchesGbnf(gbnf, "[1]"));
}

TEST(TextOverlap, FindsATextOfBothOrNone) {
  EXPECT_EQ(FindTextOverlap("root ::= \"a\"*", "root ::= \"b\"* \"a\"{3}"), TextOverlap::kSome);
  EXPECT_EQ(FindTextOverlap("root ::= \"a\"+", "root ::= \"b\"+"), TextOverlap::kNone);
  EXPECT_EQ(FindTextOverlap("root ::= (\"aa\")*", "root ::= (\"aa\")* \"a\""), TextOverlap::kNone);
  EXPECT_EQ(FindTextOverlap("root ::=", "root ::= x"), TextOverlap::kUnknown);
}

}  // namespace
}  // namespace autoglm
