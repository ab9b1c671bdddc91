// cgroup, cpu, memory and clock: against made-up system files, and against this machine.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/sanitized_for_test.h"
#include "platform/cgroup.h"
#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/memory.h"

namespace autoglm {
namespace {

class SystemFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() /
            ("autoglm_system_test_" + std::to_string(getpid()));
    std::filesystem::remove_all(root_);
    files_ = {(root_ / "proc").string(), (root_ / "cgroup").string(), "/nonexistent",
              (root_ / "mm").string()};
    Write("proc/meminfo", "MemTotal:    8000000 kB\nMemAvailable:    4000000 kB\n");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  std::filesystem::path root_;
  SystemFiles files_;
};

TEST_F(SystemFilesTest, WithoutGroupsTheKernelsFiguresCount) {
  EXPECT_EQ(AvailableMemoryBytes(files_), 4000000 * int64_t{1024});
  EXPECT_EQ(TotalMemoryBytes(files_), 8000000 * int64_t{1024});
  EXPECT_EQ(CpuQuota(files_), 0);
}

TEST_F(SystemFilesTest, UnknownWhereTheSystemSaysNothing) {
  const SystemFiles nowhere = {"/nonexistent/proc", "/nonexistent/cgroup"};
  EXPECT_EQ(AvailableMemoryBytes(nowhere), std::nullopt);
  EXPECT_EQ(CurrentRssBytes(nowhere), 0);
  EXPECT_GE(NumUsableCores(nowhere), 1);
}

TEST_F(SystemFilesTest, LargePagesAreThoseThatTheSystemGives) {
  EXPECT_FALSE(HasLargePages(files_));
  Write("mm/transparent_hugepage/enabled", "always [madvise] never\n");
  EXPECT_TRUE(HasLargePages(files_));
  Write("mm/transparent_hugepage/enabled", "always madvise [never]\n");
  EXPECT_FALSE(HasLargePages(files_));
}

TEST_F(SystemFilesTest, Version2LimitsHoldAtEveryLevel) {
  Write("proc/self/cgroup", "0::/app/inner\n");
  Write("cgroup/app/memory.max", "1000000000\n");
  Write("cgroup/app/memory.current", "700000000\n");
  Write("cgroup/app/memory.stat", "anon 1\ninactive_file 50000000\nactive_file 150000000\n");
  Write("cgroup/app/inner/memory.max", "max\n");
  Write("cgroup/app/inner/memory.current", "600000000\n");
  EXPECT_EQ(AvailableMemoryBytes(files_), 1000000000 - (700000000 - 200000000));
  EXPECT_EQ(TotalMemoryBytes(files_), 1000000000);
  Write("cgroup/app/cpu.max", "250000 100000\n");
  Write("cgroup/app/inner/cpu.max", "max 100000\n");
  EXPECT_DOUBLE_EQ(CpuQuota(files_), 2.5);
  Write("cgroup/app/inner/cpu.max", "50000 100000\n");
  EXPECT_DOUBLE_EQ(CpuQuota(files_), 0.5);
  EXPECT_EQ(NumUsableCores(files_), 1);
}

TEST_F(SystemFilesTest, Version1LimitsAreRead) {
  Write("proc/self/cgroup", "5:memory:/box\n3:cpu,cpuacct:/box\n0::/\n");
  Write("cgroup/memory/box/memory.limit_in_bytes", "2000000000\n");
  Write("cgroup/memory/box/memory.usage_in_bytes", "1500000000\n");
  Write("cgroup/memory/box/memory.stat", "active_file 1\ntotal_inactive_file 500000000\n");
  Write("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  Write("cgroup/memory/memory.usage_in_bytes", "3000000000\n");
  EXPECT_EQ(AvailableMemoryBytes(files_), 1000000000);
  Write("cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "-1\n");
  Write("cgroup/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(CpuQuota(files_), 0);
  Write("cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "300000\n");
  EXPECT_DOUBLE_EQ(CpuQuota(files_), 3);
}

TEST_F(SystemFilesTest, AGroupPathThatIsNotMountedFallsBackToItsRoot) {
  Write("proc/self/cgroup", "0::/host/only/path\n");
  Write("cgroup/memory.max", "123456\n");
  Write("cgroup/memory.current", "3456\n");
  EXPECT_EQ(AvailableMemoryBytes(files_), 120000);
}

TEST_F(SystemFilesTest, DamagedFilesDoNotCount) {
  Write("proc/self/cgroup", "garbage\n::\n0:\n0::/\n");
  Write("proc/meminfo", "MemAvailable: lots\nMemAvailableX: 5 kB\n");
  Write("cgroup/memory.max", "\n");
  Write("cgroup/cpu.max", "100000");
  EXPECT_EQ(AvailableMemoryBytes(files_), std::nullopt);
  EXPECT_EQ(CpuQuota(files_), 0);
}

TEST(MemoryTest, RssGrowsWithWhatIsTouched) {
  const int64_t before = CurrentRssBytes();
  if (before == 0) GTEST_SKIP() << "no /proc here";
  constexpr int64_t kBytes = 64 << 20;
  std::vector<char> block(kBytes, 1);
  EXPECT_GT(CurrentRssBytes() - before, kBytes / 2);
  EXPECT_GE(PeakRssBytes(), CurrentRssBytes() - (4 << 20));
  EXPECT_EQ(block[kBytes / 3], 1);
}

TEST(MemoryTest, APeakIsForgottenWhenItIsReset) {
  constexpr int64_t kBytes = 64 << 20;
  {
    const std::vector<char> block(kBytes, 1);
    EXPECT_EQ(block[kBytes / 3], 1);
  }
  const int64_t before = PeakRssBytes();
  if (kSanitized || !ResetPeakRss()) GTEST_SKIP() << "this system cannot";
  EXPECT_LT(PeakRssBytes(), before - kBytes / 2);
}

TEST(ClockTest, SteadyTimeDoesNotGoBackAndFakeTimeMovesByHand) {
  const SteadyClock steady;
  const int64_t first = steady.NowNs();
  EXPECT_GE(steady.NowNs(), first);
  FakeClock fake(5);
  EXPECT_EQ(fake.NowNs(), 5);
  fake.AdvanceNs(37);
  EXPECT_EQ(fake.NowNs(), 42);
}

}  // namespace
}  // namespace autoglm
