// Made-up sysfs trees of phones, servers and containers.
#include "platform/topology.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "platform/affinity.h"
#include "platform/cpu.h"

namespace autoglm {
namespace {

class TopologyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() /
            ("autoglm_topology_test_" + std::to_string(getpid()));
    std::filesystem::remove_all(root_);
    files_ = {(root_ / "proc").string(), (root_ / "cgroup").string(), (root_ / "cpu").string()};
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << "\n";
  }
  void WriteCpu(int id, const std::string& file, const std::string& text) {
    Write("cpu/cpu" + std::to_string(id) + "/" + file, text);
  }
  void Allow(const std::string& list) {
    Write("proc/self/status", "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t" + list);
  }
  // Cores 0-3 little, 4-6 big, 7 prime, as phones number them.
  void WritePhone() {
    Write("cpu/online", "0-7");
    Write("cpu/present", "0-7");
    for (int id = 0; id < 8; ++id) {
      WriteCpu(id, "cpu_capacity", id < 4 ? "325" : id < 7 ? "870" : "1024");
      WriteCpu(id, "cpufreq/cpuinfo_max_freq", id < 4 ? "1800000" : id < 7 ? "2800000" : "3200000");
      WriteCpu(id, "topology/core_cpus_list", std::to_string(id));
    }
  }
  ThreadPlan Plan(int requested = 0) { return PlanThreads(ReadTopology(files_), requested); }

  std::filesystem::path root_;
  SystemFiles files_;
};

using Ids = std::vector<int>;

TEST_F(TopologyTest, APhonesClustersAreSortedByCapacity) {
  WritePhone();
  const std::vector<CpuCluster> clusters = ReadTopology(files_).Clusters();
  ASSERT_EQ(clusters.size(), 3u);
  EXPECT_EQ(clusters[0].cpus, Ids({7}));
  EXPECT_EQ(clusters[0].max_khz, 3200000);
  EXPECT_EQ(clusters[1].cpus, Ids({4, 5, 6}));
  EXPECT_EQ(clusters[1].capacity, 870);
  EXPECT_EQ(clusters[2].cpus, Ids({0, 1, 2, 3}));
  EXPECT_EQ(clusters[2].n_cores, 4);
}

TEST_F(TopologyTest, OnAPhoneTheBigCoresWorkAndWorkersStayOnThem) {
  WritePhone();
  EXPECT_EQ(Plan().n_threads, 4);
  EXPECT_EQ(Plan().cpus, Ids({4, 5, 6, 7}));
  EXPECT_EQ(Plan(2).n_threads, 2);
  EXPECT_EQ(Plan(2).cpus, Ids({4, 5, 6, 7}));
  EXPECT_EQ(Plan(8).n_threads, 8) << "what the user says counts";
  EXPECT_EQ(Plan(8).cpus, Ids());
}

TEST_F(TopologyTest, AThreadPerCoreNotPerHardwareThread) {
  Write("cpu/online", "0-7");
  for (int id = 0; id < 8; ++id) {  // siblings are numbered n apart
    WriteCpu(id, "topology/thread_siblings_list",
             std::to_string(id % 4) + "," + std::to_string(id % 4 + 4));
  }
  const Topology topology = ReadTopology(files_);
  ASSERT_EQ(topology.Clusters().size(), 1u);
  EXPECT_EQ(topology.Clusters()[0].n_cores, 4);
  EXPECT_EQ(Plan().n_threads, 4);
  EXPECT_EQ(Plan().cpus, Ids()) << "all cores are alike: nothing to keep away from";
}

TEST_F(TopologyTest, AnAffinityMaskOrCpusetNarrowsTheChoice) {
  WritePhone();
  Allow("0-4");
  EXPECT_EQ(ReadTopology(files_).n_allowed(), 5);
  EXPECT_EQ(Plan().n_threads, 1) << "the big core that is left";
  EXPECT_EQ(Plan().cpus, Ids()) << "somebody placed us already";
  Allow("0-3");
  EXPECT_EQ(Plan().n_threads, 4) << "little cores, where there are no others";
  const Ids by_call = {5, 6};
  EXPECT_EQ(PlanThreads(ReadTopology(files_, by_call)).n_threads, 2);
}

TEST_F(TopologyTest, OneAllowedHardwareThreadOfEachCoreIsAsGoodAsTwo) {
  Write("cpu/online", "0-3");
  for (int id = 0; id < 4; ++id) WriteCpu(id, "topology/core_cpus_list", id < 2 ? "0-1" : "2-3");
  Allow("1,3");
  EXPECT_EQ(Plan().n_threads, 2);
  Allow("0-1");
  EXPECT_EQ(Plan().n_threads, 1);
}

TEST_F(TopologyTest, AQuotaIsRoundedDown) {
  WritePhone();
  Write("proc/self/cgroup", "0::/app");
  Write("cgroup/app/cpu.max", "250000 100000");
  EXPECT_DOUBLE_EQ(ReadTopology(files_).quota_cores, 2.5);
  EXPECT_EQ(Plan().n_threads, 2);
  EXPECT_EQ(Plan(6).n_threads, 6);
  Write("cgroup/app/cpu.max", "50000 100000");
  EXPECT_EQ(Plan().n_threads, 1);
}

TEST_F(TopologyTest, OfflineCoresDoNotCount) {
  WritePhone();
  Write("cpu/online", "0-4,7");
  const Topology topology = ReadTopology(files_);
  EXPECT_EQ(topology.cpus.size(), 6u);
  EXPECT_EQ(topology.n_offline, 2);
  EXPECT_EQ(Plan().n_threads, 2);
  EXPECT_EQ(Plan().cpus, Ids({4, 7}));
}

TEST_F(TopologyTest, FrequenciesStandInForCapacities) {
  Write("cpu/online", "0-5");
  for (int id = 0; id < 6; ++id) {
    WriteCpu(id, "cpufreq/cpuinfo_max_freq", id < 4 ? "1900000" : "2850000");
  }
  const Topology topology = ReadTopology(files_);
  EXPECT_FALSE(topology.has_capacity);
  ASSERT_EQ(topology.Clusters().size(), 2u);
  EXPECT_EQ(topology.Clusters()[1].capacity, 682);
  EXPECT_EQ(Plan().cpus, Ids({4, 5})) << "two thirds of the clock is less than half of the work";
}

TEST_F(TopologyTest, CoresThatTurboAFewPercentHigherAreNoClusterOfTheirOwn) {
  Write("cpu/online", "0-3");
  for (int id = 0; id < 4; ++id) {
    WriteCpu(id, "cpufreq/cpuinfo_max_freq", id == 0 ? "5700000" : "5500000");
  }
  EXPECT_EQ(ReadTopology(files_).Clusters().size(), 1u);
  EXPECT_EQ(Plan().n_threads, 4);
}

TEST_F(TopologyTest, OneUnknownCapacityMakesAllUnknown) {
  WritePhone();
  WriteCpu(2, "cpu_capacity", "0");
  const Topology topology = ReadTopology(files_);
  EXPECT_FALSE(topology.has_capacity);
  EXPECT_EQ(topology.cpus[2].capacity, 1800000 * int64_t{1024} / 3200000);
}

TEST_F(TopologyTest, MissingAndDamagedFilesLeaveSomethingUsable) {
  EXPECT_GE(Plan().n_threads, 1);
  Allow("0-2");
  EXPECT_EQ(Plan().n_threads, 3) << "no sysfs: the mask says what there is";
  Write("cpu/online", "0-1,x-9");
  WriteCpu(0, "cpu_capacity", "fast");
  WriteCpu(1, "cpu_capacity", "-5");
  WriteCpu(0, "topology/core_cpus_list", "banana");
  WriteCpu(1, "topology/core_cpus_list", "7-8");
  EXPECT_EQ(ReadTopology(files_).cpus.size(), 2u);
  EXPECT_EQ(Plan().n_threads, 2);
  Allow("40-41");
  EXPECT_EQ(Plan().n_threads, 1) << "allowed nowhere that is online";
}

TEST_F(TopologyTest, TheProcessorIsNamedWhereTheSystemDoes) {
  EXPECT_EQ(CpuName(files_), "");
  Write("proc/cpuinfo",
        "processor\t: 0\nvendor_id\t: X\nmodel name\t: Some CPU: 3 GHz\nflags\t: a");
  EXPECT_EQ(CpuName(files_), "Some CPU: 3 GHz");
  Write("proc/cpuinfo", "processor\t: 0\nnot a model name\t: y\nHardware");
  EXPECT_EQ(CpuName(files_), "");
}

TEST(CpuList, IsReadAsTheKernelWritesIt) {
  EXPECT_EQ(ParseCpuList("0-3,5\n"), Ids({0, 1, 2, 3, 5}));
  EXPECT_EQ(ParseCpuList("\t7"), Ids({7}));
  EXPECT_EQ(ParseCpuList(""), Ids());
  EXPECT_EQ(ParseCpuList("1,3-2"), Ids({1}));
  EXPECT_EQ(ParseCpuList("2,-4"), Ids({2}));
  EXPECT_EQ(ParseCpuList("0-99999999"), Ids());
}

TEST(ThisMachine, HasAPlanWithinItsMask) {
  const std::vector<int> allowed = AllowedCpus();
  const ThreadPlan plan = PlanThreads();
  EXPECT_GE(plan.n_threads, 1);
  if (!allowed.empty()) {
    EXPECT_LE(plan.n_threads, static_cast<int>(allowed.size()));
  }
  EXPECT_EQ(NumUsableCores(), plan.n_threads);
}

}  // namespace
}  // namespace autoglm
