#include "platform/bus_error.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

namespace autoglm {
namespace {

TEST(BusErrorTest, PagesThatAFileHasLostReadAsZeros) {
  struct sigaction before = {};
  sigaction(SIGBUS, nullptr, &before);
  SurviveShrunkFiles();
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const std::string path = testing::TempDir() + "/autoglm_bus_error_test";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
  ASSERT_GE(fd, 0);
  const std::string bytes(2 * page, 'x');
  ASSERT_EQ(write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  void* const mapped = mmap(nullptr, 2 * page, PROT_READ, MAP_SHARED, fd, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  const volatile char* data = static_cast<const char*>(mapped);
  EXPECT_EQ(data[page], 'x');
  ASSERT_EQ(ftruncate(fd, static_cast<off_t>(page)), 0);
  const int64_t n_before = NumLostPages();
  EXPECT_EQ(data[page + 5], 0);
  EXPECT_EQ(NumLostPages(), n_before + 1);
  EXPECT_EQ(data[page + 6], 0);  // the page is there now
  EXPECT_EQ(NumLostPages(), n_before + 1);
  EXPECT_EQ(data[0], 'x');
  munmap(mapped, 2 * page);
  close(fd);
  unlink(path.c_str());
  sigaction(SIGBUS, &before, nullptr);
}

}  // namespace
}  // namespace autoglm
