// Sleeping on a word of memory and waking who sleeps there. Straight to the kernel on Linux:
// std::atomic::wait yields several times before it sleeps, and to yield a core that another process
// wants is to lose it for a whole time slice.
#pragma once

#include <atomic>
#include <cstdint>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace autoglm {

/// Sleeps while `word` is `old`. May return early; call it in a loop. Orders nothing: load `word`
/// afterwards.
inline void FutexWait(std::atomic<uint32_t>& word, uint32_t old) {
#if defined(__linux__)
  static_assert(sizeof(word) == sizeof(uint32_t));
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, old, nullptr, nullptr, 0);
#else
  word.wait(old, std::memory_order_relaxed);
#endif
}

/// Wakes one thread that sleeps on `word`, whose value was changed before.
inline void FutexWakeOne(std::atomic<uint32_t>& word) {
#if defined(__linux__)
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
#else
  word.notify_one();
#endif
}

}  // namespace autoglm
