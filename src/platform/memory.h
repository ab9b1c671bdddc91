// How much memory there is to take, and how much this process holds.
#pragma once

#include <cstdint>
#include <optional>

#include "platform/cgroup.h"

namespace autoglm {

/// Bytes that can be taken without pushing anything out: the kernel's MemAvailable, and what each
/// control group's limit leaves, whichever is less. Page cache counts as free, so a mapped model
/// file that was read before does not. Nothing where the system does not say.
std::optional<int64_t> AvailableMemoryBytes(const SystemFiles& files = {});

/// The machine's memory, or the control groups' limit where that is less.
std::optional<int64_t> TotalMemoryBytes(const SystemFiles& files = {});

/// Resident now, and at most so far, in bytes; 0 where the system does not say.
int64_t CurrentRssBytes(const SystemFiles& files = {});
int64_t PeakRssBytes(const SystemFiles& files = {});

/// From now on PeakRssBytes counts anew, from what is resident now. False where the system cannot.
bool ResetPeakRss(const SystemFiles& files = {});

/// Whether the system gives large pages to memory for which they are asked (Buffer asks).
bool HasLargePages(const SystemFiles& files = {});

}  // namespace autoglm
