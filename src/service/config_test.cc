#include "service/config.h"

#include <gtest/gtest.h>

#include <string>

namespace autoglm {
namespace {

TEST(ServiceConfigTest, ReadsEverything) {
  const auto config = ParseServiceConfig(R"({
    "listen": {"host": "::1", "port": 9000, "unix": "/run/x.sock", "unix_mode": "0660",
               "max_connections": 10, "tls": {"certificate": "c.pem", "key": "k.pem"}},
    "admin_token": "0123456789abcdef",
    "models": [{"path": "/m/a.gguf", "parallel": 8, "kv": "q8_0", "pin": true},
               {"path": "/m/b", "name": "bee", "ctx": 2048}],
    "memory_bytes": 1000000,
    "apps": [{"name": "notes", "key": "0123456789abcdef", "class": "batch", "rate_per_s": 2,
              "burst": 5, "models": ["bee"], "log_prompts": true},
             {"name": "shell", "uids": [1000, 0], "share_prefix": false}],
    "limits": {"requests_per_minute": 600, "target_delay_ms": {"batch": 1000},
               "max_wait_ms": {"realtime": 100}, "max_waiting": 7},
    "public_system_prompts": ["You are helpful."],
    "state": {"folder": "/var/lib/x", "max_bytes": 5}
  })");
  ASSERT_TRUE(config.ok()) << config.status().ToString();
  EXPECT_EQ(config->listen.host, "::1");
  EXPECT_EQ(config->listen.port, 9000);
  EXPECT_EQ(config->listen.unix_mode, 0660u);
  EXPECT_EQ(config->listen.tls_key_file, "k.pem");
  ASSERT_EQ(config->models.size(), 2u);
  EXPECT_EQ(config->models[0].name, "a");
  EXPECT_TRUE(config->models[0].pinned);
  EXPECT_EQ(config->models[1].name, "bee");
  EXPECT_EQ(config->models[1].n_ctx, 2048);
  ASSERT_EQ(config->apps.size(), 2u);
  EXPECT_EQ(config->apps[0].request_class, RequestClass::kBatch);
  EXPECT_EQ(config->apps[0].rate.burst, 5);
  EXPECT_TRUE(config->apps[0].MayUse("bee"));
  EXPECT_FALSE(config->apps[0].MayUse("a"));
  EXPECT_EQ(config->apps[1].uids, (std::vector<uint32_t>{1000, 0}));
  EXPECT_FALSE(config->apps[1].share_prefix);
  EXPECT_EQ(config->limits.target_delay_ns[2], 1'000'000'000);
  EXPECT_EQ(config->admission.max_wait_ns[0], 100'000'000);
  EXPECT_EQ(config->admission.max_waiting, 7);
  EXPECT_EQ(config->state.folder, "/var/lib/x");
}

TEST(ServiceConfigTest, NamesWhatIsWrong) {
  struct Case {
    const char* text;
    const char* message;  ///< a part of it
  };
  for (const Case& c : {
           Case{"{", "no JSON"},
           Case{R"({"listen": {"prot": 1}})", "'listen.prot' is no field; did you mean 'port'?"},
           Case{R"({"listen": {"port": 70000}})", "'listen.port' is 70000"},
           Case{R"({"listen": {"unix_mode": "rw"}})", "'listen.unix_mode'"},
           Case{R"({"listen": []})", "'listen' is an array; expected an object"},
           Case{R"({"apps": [{"name": "a", "key": "short"}]})", "'apps[0].key' has 5 bytes"},
           Case{R"({"apps": [{"name": "a"}]})", "'apps[0].key' is missing"},
           Case{R"({"apps": [{"name": "a", "uids": [1], "class": "fast"}]})", "'apps[0].class'"},
           Case{R"({"apps": [{"name": "a", "uids": [-1]}]})", "'apps[0].uids[0]'"},
           Case{R"({"apps": [{"name": "a", "uids": [1]}, {"name": "a", "uids": [2]}]})",
                "as that of another app"},
           Case{R"({"models": [{"name": "a"}]})", "'models[0].path' is missing"},
           Case{R"({"models": [{"path": "a", "kv": "f8"}]})", "'models[0].kv'"},
           Case{R"({"admin_token": "x"})", "'admin_token'"},
           Case{R"({"state": {}})", "'state.folder' is missing"},
           Case{R"({"limits": {"max_wait_ms": {"batch": 0}}})", "'limits.max_wait_ms.batch'"},
           Case{R"({"memory_bytes": -1})", "'memory_bytes'"},
       }) {
    const auto config = ParseServiceConfig(c.text);
    ASSERT_FALSE(config.ok()) << c.text;
    EXPECT_NE(config.status().message().find(c.message), std::string::npos)
        << c.text << ": " << config.status().message();
  }
}

TEST(CheckExposureTest, WantsKeysOutsideOfTheLoopback) {
  const std::vector<App> nobody;
  const std::vector<App> users = {{.name = "u", .uids = {1}}};
  const std::vector<App> keys = {{.name = "k", .keys = {DigestOf("0123456789abcdef")}}};
  EXPECT_TRUE(CheckExposure({.host = "127.0.0.1"}, nobody).ok());
  EXPECT_TRUE(CheckExposure({.host = ""}, nobody).ok());
  EXPECT_FALSE(CheckExposure({.host = "0.0.0.0"}, nobody).ok());
  EXPECT_FALSE(CheckExposure({.host = "192.168.1.2"}, users).ok());
  EXPECT_TRUE(CheckExposure({.host = "0.0.0.0"}, keys).ok());
}

}  // namespace
}  // namespace autoglm
