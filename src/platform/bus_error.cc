// See bus_error.h.
#include "platform/bus_error.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace autoglm {
namespace {

// A signal handler has no other place to keep what it knows.
std::atomic<int64_t> g_num_lost_pages = 0;
uintptr_t g_page_bytes = 4096;

void OnBusError(int, siginfo_t* info, void*) {
  const int saved_errno = errno;
  const uintptr_t page = reinterpret_cast<uintptr_t>(info->si_addr) & ~(g_page_bytes - 1);
  void* const mapped = info->si_code != BUS_ADRERR
                           ? MAP_FAILED
                           : mmap(reinterpret_cast<void*>(page), g_page_bytes, PROT_READ,
                                  MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    signal(SIGBUS, SIG_DFL);  // the same access again, and then it ends
  } else {
    g_num_lost_pages.fetch_add(1, std::memory_order_relaxed);
  }
  errno = saved_errno;
}

}  // namespace

void SurviveShrunkFiles() {
  g_page_bytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  struct sigaction action = {};
  action.sa_sigaction = OnBusError;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

int64_t NumLostPages() { return g_num_lost_pages.load(std::memory_order_relaxed); }

}  // namespace autoglm
