// The program that every user of the C++ interface begins with, as written in the requirements, and
// the shape of what may follow it.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "autoglm/autoglm.h"
#include "tests/test_data.h"

using namespace autoglm;  // NOLINT: as such a program does

namespace {

TEST(ApiProgram, CompilesAndRunsAsWritten) {
  auto config = AutoGLMConfig();
  config.set_device(DeviceType::kGPU);
  config.set_quantization(Quality::kInt8);
  auto session = AutoGLMSession::Create(config);
  session->LoadModel("open-autoglm-mobile.bin");

  // There is no such file here: the failure stays, and later calls return it.
  EXPECT_EQ(session->status().code(), StatusCode::kNotFound);
  EXPECT_NE(session->status().message().find("open-autoglm-mobile.bin"), std::string::npos);
  EXPECT_EQ(session->Generate("Hello").status().code(), StatusCode::kNotFound);
}

TEST(ApiProgram, CallsBeforeLoadingSaySo) {
  auto session = AutoGLMSession::Create();
  const auto code = StatusCode::kFailedPrecondition;
  EXPECT_EQ(session->status().code(), code);
  EXPECT_EQ(session->Generate("a").status().code(), code);
  EXPECT_EQ(session->GenerateFromTokens({}).status().code(), code);
  EXPECT_EQ(session->Chat({{"user", "a"}}).status().code(), code);
  EXPECT_EQ(session->RenderChat({}).status().code(), code);
  EXPECT_EQ(session->Tokenize("a").status().code(), code);
  EXPECT_EQ(session->Detokenize({}).status().code(), code);
  EXPECT_EQ(session->Info().status().code(), code);
  EXPECT_EQ(session->DefaultOptions().status().code(), code);
  EXPECT_EQ(session->Logits({}, nullptr).code(), code);
  session->Cancel();
}

TEST(ApiProgram, WrongConfigsAreRefusedByName) {
  const auto load = [](const AutoGLMConfig& config) {
    return AutoGLMSession::Create(config)->LoadModel("nowhere");
  };
  for (const auto& [config, name] : std::vector<std::pair<AutoGLMConfig, std::string>>{
           {AutoGLMConfig().set_n_threads(-1), "n_threads"},
           {AutoGLMConfig().set_n_ctx(1), "n_ctx"},
           {AutoGLMConfig().set_batch_size(0), "batch_size"},
           {AutoGLMConfig().set_memory_limit_bytes(-1), "memory_limit_bytes"},
           {AutoGLMConfig().set_device(static_cast<DeviceType>(9)), "device"},
           {AutoGLMConfig().set_quantization(static_cast<Quality>(-1)), "quantization"},
           {AutoGLMConfig().set_kv_type(static_cast<KvType>(3)), "kv_type"}}) {
    EXPECT_EQ(load(config).code(), StatusCode::kInvalidArgument) << name;
    EXPECT_NE(load(config).message().find(name), std::string::npos) << load(config).message();
  }
}

AutoGLMConfig Exact() { return AutoGLMConfig().set_kv_type(KvType::kF32).set_n_threads(2); }

TEST(ApiProgram, RunsOnTheCpuWhereThereIsNoGpuAndLogsWhy) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  std::vector<std::string> warnings;
  auto config = Exact();
  config.set_device(DeviceType::kGPU).set_log_callback([&](LogLevel level, std::string_view text) {
    if (level >= LogLevel::kWarning) warnings.emplace_back(text);
  });
  auto session = AutoGLMSession::Create(config);
  ASSERT_TRUE(session->LoadModel(path).ok()) << session->status().ToString();
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("GPU"), std::string::npos);
  EXPECT_EQ(session->Info()->device, "cpu");
}

TEST(ApiProgram, LoadingAgainReplacesTheModelOrItsFailure) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  auto session = AutoGLMSession::Create(Exact());
  EXPECT_FALSE(session->LoadModel("nowhere").ok());
  EXPECT_TRUE(session->LoadModel(path).ok());
  EXPECT_TRUE(session->Generate("Once", {.max_tokens = 2}).ok());
  EXPECT_FALSE(session->LoadModel("nowhere").ok());
  EXPECT_EQ(session->Generate("Once").status().code(), StatusCode::kNotFound);
}

TEST(ApiProgram, AModelLargerThanTheMemoryIsRefusedWithFigures) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  auto session = AutoGLMSession::Create(Exact().set_memory_limit_bytes(500'000));
  EXPECT_EQ(session->LoadModel(path).code(), StatusCode::kResourceExhausted);
  EXPECT_NE(session->status().message().find("488.3 KiB"), std::string::npos)
      << session->status().message();
}

TEST(ApiProgram, OneCallAtATimeAndCancelFromAnotherThread) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  auto session = AutoGLMSession::Create(Exact().set_n_threads(1));
  ASSERT_TRUE(session->LoadModel(path).ok());
  GenerateOptions endless;
  endless.ignore_eos = true;
  endless.context_policy = ContextPolicy::kDropOldest;
  StatusCode nested = StatusCode::kOk;
  std::thread canceller;
  const auto result = session->Generate("Once", endless, [&](std::string_view) {
    if (!canceller.joinable()) {
      nested = session->Generate("x").status().code();
      EXPECT_TRUE(session->Tokenize("x").ok());
      canceller = std::thread([&] { session->Cancel(); });
    }
    return true;
  });
  canceller.join();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->stop_reason, StopReason::kCancelled);
  EXPECT_EQ(nested, StatusCode::kFailedPrecondition);
  EXPECT_TRUE(session->Generate("Once", {.max_tokens = 1}).ok());
}

TEST(ApiProgram, WhatTheCallbackThrowsBecomesAStatus) {
  AUTOGLM_TEST_DATA_OR_SKIP(path, "models/stories260K.gguf");
  auto session = AutoGLMSession::Create(Exact());
  ASSERT_TRUE(session->LoadModel(path).ok());
  const auto result = session->Generate(
      "Once", {}, [](std::string_view) -> bool { throw std::runtime_error("the host's own"); });
  EXPECT_EQ(result.status().code(), StatusCode::kInternal);
  EXPECT_NE(result.status().message().find("the host's own"), std::string::npos);
  EXPECT_TRUE(session->Generate("Once", {.max_tokens = 1}).ok());
}

}  // namespace
