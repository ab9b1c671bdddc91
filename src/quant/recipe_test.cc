#include "quant/recipe.h"

#include <gtest/gtest.h>

#include <string>

#include "base/str.h"
#include "quant/quant_format.h"

namespace autoglm {
namespace {

const Shape kMatrix = {512, 1024};

Recipe Parsed(std::string_view name) {
  const Result<Recipe> recipe = ParseRecipe(name);
  EXPECT_TRUE(recipe.ok()) << recipe.status().ToString();
  return recipe.ok() ? *recipe : Recipe{};
}

DType Choose(std::string_view recipe, std::string_view tensor, const RecipeModel& model = {32},
             const Shape& shape = kMatrix) {
  return ChooseDType(Parsed(recipe), model, tensor, shape);
}

TEST(Recipe, NamesAndAliasesAreFoundInEitherCase) {
  EXPECT_EQ(Parsed("q4_k_m").file_type, 15u);
  EXPECT_EQ(Parsed("Q4_K").name, "q4_k_m");
  EXPECT_EQ(Parsed("q3_k").name, "q3_k_m");
  EXPECT_EQ(Parsed("q5_k").name, "q5_k_m");
  EXPECT_EQ(Parsed("int8").name, "q8_0");
  EXPECT_EQ(Parsed("int4").name, "q4_k_m");
  EXPECT_EQ(Parsed("bf16").file_type, 32u);
}

TEST(Recipe, UnknownNamesAreRefusedWithTheNearestAndTheList) {
  const Status status = ParseRecipe("q4_km").status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("did you mean 'q4_k_m'"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("mxfp4"), std::string::npos);
  EXPECT_FALSE(ParseRecipe("").ok());
  EXPECT_FALSE(ParseRecipe("iq4_xs").ok());  // decoded only
}

TEST(Recipe, VectorsNormsAndRoutersStayFloat) {
  for (std::string_view recipe : {"f16", "q8_0", "q4_k_m", "mxfp4"}) {
    EXPECT_EQ(Choose(recipe, "blk.0.attn_norm.weight", {32}, {1024}), DType::kF32);
    EXPECT_EQ(Choose(recipe, "blk.0.attn_q.bias", {32}, {1024}), DType::kF32);
    EXPECT_EQ(Choose(recipe, "blk.0.ffn_gate_inp.weight", {32, 8}, {8, 1024}), DType::kF32);
    EXPECT_EQ(Choose(recipe, "position_embd.weight"), DType::kF32);
  }
  EXPECT_EQ(Choose("f16", "blk.0.attn_q.weight"), DType::kF16);
  EXPECT_EQ(Choose("bf16", "output.weight"), DType::kBF16);
}

TEST(Recipe, Q4_K_MRaisesValuesAndDownProjectionsAtTheEndsAndEveryThirdLayer) {
  const std::string expected =
      "1111001001001001001001001001"
      "1111";
  for (int layer = 0; layer < 32; ++layer) {
    const DType wanted = expected[static_cast<size_t>(layer)] == '1' ? DType::kQ6_K : DType::kQ4_K;
    EXPECT_EQ(Choose("q4_k_m", StrCat("blk.", layer, ".attn_v.weight")), wanted) << layer;
    EXPECT_EQ(Choose("q4_k_m", StrCat("blk.", layer, ".ffn_down.weight")), wanted) << layer;
    EXPECT_EQ(Choose("q4_k_m", StrCat("blk.", layer, ".attn_qkv.weight")), wanted) << layer;
    EXPECT_EQ(Choose("q4_k_m", StrCat("blk.", layer, ".ffn_up.weight")), DType::kQ4_K);
  }
}

TEST(Recipe, OutputAndTiedEmbeddingAreSixBit) {
  EXPECT_EQ(Choose("q4_0", "output.weight"), DType::kQ6_K);
  EXPECT_EQ(Choose("q4_0", "token_embd.weight"), DType::kQ4_0);
  RecipeModel tied = {32};
  tied.tie_word_embeddings = true;
  EXPECT_EQ(Choose("q4_0", "token_embd.weight", tied), DType::kQ6_K);
  EXPECT_EQ(Choose("q8_0", "output.weight"), DType::kQ8_0);
}

TEST(Recipe, RowsThatSuperBlocksDoNotDivideFallBack) {
  const Shape by_32 = {64, 96}, by_4 = {64, 100};
  const std::pair<std::string_view, DType> kCases[] = {
      {"q2_k", DType::kQ4_0},   {"q3_k_s", DType::kQ4_0}, {"q4_k_s", DType::kQ5_0},
      {"q5_k_s", DType::kQ5_1}, {"q6_k", DType::kQ8_0},   {"q4_1", DType::kQ4_1}};
  for (const auto& [recipe, dtype] : kCases) {
    EXPECT_EQ(Choose(recipe, "blk.9.attn_q.weight", {32}, by_32), dtype) << recipe;
    EXPECT_EQ(Choose(recipe, "blk.9.attn_q.weight", {32}, by_4), DType::kF16) << recipe;
  }
}

TEST(Recipe, GroupedHeadsAndExpertsGetMoreWhereItCostsLittle) {
  EXPECT_EQ(Choose("q2_k", "blk.9.attn_v.weight", {32, 0, 1}), DType::kQ3_K);
  EXPECT_EQ(Choose("q2_k", "blk.9.attn_v.weight", {32, 0, 4}), DType::kQ4_K);
  EXPECT_EQ(Choose("q4_k_m", "blk.9.attn_k.weight", {32, 8, 1}), DType::kQ8_0);
  EXPECT_EQ(Choose("q4_k_m", "blk.9.attn_output.weight", {32, 8, 1}), DType::kQ5_K);
}

TEST(Recipe, MXFP4IsForExpertsOrElseForAllLayers) {
  EXPECT_EQ(Choose("mxfp4", "blk.9.ffn_up_exps.weight", {32, 8}, {8, 64, 256}), DType::kMXFP4);
  EXPECT_EQ(Choose("mxfp4", "blk.9.attn_q.weight", {32, 8}), DType::kQ8_0);
  EXPECT_EQ(Choose("mxfp4", "blk.9.attn_q.weight"), DType::kMXFP4);
  EXPECT_EQ(Choose("mxfp4", "token_embd.weight"), DType::kQ8_0);
}

TEST(Recipe, EveryChoiceCanBeEncodedAndFitsItsRows) {
  constexpr std::string_view kNames[] = {
#define AUTOGLM_RECIPE(name, file_type, Type) name,
#include "quant/recipes.inc"
#undef AUTOGLM_RECIPE
  };
  for (std::string_view recipe : kNames) {
    for (int64_t cols : {1, 32, 100, 96, 256, 1024}) {
      for (std::string_view part : {"attn_v", "attn_q", "ffn_down", "attn_output", "ffn_up_exps"}) {
        for (int layer : {0, 3, 5, 31}) {
          const DType dtype =
              Choose(recipe, StrCat("blk.", layer, ".", part, ".weight"), {32}, {64, cols});
          EXPECT_EQ(cols % Info(dtype).block_elements, 0);
          EXPECT_TRUE(Format(dtype).can_encode());
        }
      }
    }
  }
}

}  // namespace
}  // namespace autoglm
