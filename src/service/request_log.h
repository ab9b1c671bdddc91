// RequestLog: one line of JSON for each request, without its text.
#pragma once

#include <functional>
#include <string_view>

#include "service/request_record.h"

namespace autoglm {

/// Any thread; lines are written whole, one at a time.
class RequestLog final : public RequestObserver {
 public:
  using Sink = std::function<void(std::string_view line)>;
  explicit RequestLog(Sink sink) : sink_(std::move(sink)) {}

  void OnRequestEnd(const RequestRecord& record) override;
  void OnTokenGap(const RequestRecord&, double) override {}

 private:
  const Sink sink_;
};

}  // namespace autoglm
