// EventLoop: one thread that waits for sockets and timers and calls their handlers.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace autoglm {

/// Shared by whoever posts to it; what is posted after Stop is dropped.
class EventLoop {
 public:
  EventLoop() : work_(io_.get_executor()), thread_([this] { Run(); }) {}
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop() { Stop(); }

  boost::asio::io_context& io() { return io_; }

  /// Runs `function` on the thread, soon. Any thread.
  template <typename F>
  void Post(F&& function) {
    std::lock_guard lock(mutex_);
    if (!stopped_) boost::asio::post(io_, std::forward<F>(function));
  }

  /// Lets the thread run until nothing is left to do, and ends it. Not from the thread itself.
  void Stop() {
    {
      std::lock_guard lock(mutex_);
      if (stopped_) return;
      stopped_ = true;
    }
    work_.reset();
    thread_.join();
  }

 private:
  void Run() {
    // A handler that throws (no memory) loses its connection, which dies with it, and no other.
    for (bool again = true; again;) {
      try {
        io_.run();
        again = false;
      } catch (const std::exception&) {
      }
    }
  }

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::mutex mutex_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace autoglm
