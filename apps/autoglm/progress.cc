#include "apps/autoglm/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace autoglm {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kBarWidth = 30;
constexpr milliseconds kRedrawInterval{100};
constexpr milliseconds kFirstDraw{300};  // work shorter than this needs no bar

}  // namespace

ProgressBar::ProgressBar(std::string label)
    : label_(std::move(label)), is_terminal_(isatty(2) == 1), started_(steady_clock::now()) {}

void ProgressBar::Update(int64_t done, int64_t total) {
  if (!is_terminal_ || total <= 0) return;
  const Time now = steady_clock::now();
  if (now - started_ < kFirstDraw || now - last_drawn_ < kRedrawInterval) return;
  last_drawn_ = now;
  drawn_ = true;
  const double share = std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0);
  const int filled = static_cast<int>(share * kBarWidth);
  std::fprintf(stderr, "\r%s [%s%s] %3d %%\033[K", label_.c_str(), std::string(filled, '#').c_str(),
               std::string(kBarWidth - filled, ' ').c_str(), static_cast<int>(share * 100));
  std::fflush(stderr);
}

void ProgressBar::Clear() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

}  // namespace autoglm
