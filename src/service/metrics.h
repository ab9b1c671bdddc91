// Metrics: what the service counts, in Prometheus' text form.
#pragma once

#include <memory>
#include <string>

#include "net/http_server.h"
#include "service/limits.h"
#include "service/model_host.h"
#include "service/request_record.h"

namespace autoglm {

/// Any thread.
class Metrics final : public RequestObserver {
 public:
  Metrics();
  ~Metrics() override;

  void OnRequestEnd(const RequestRecord& record) override;
  void OnTokenGap(const RequestRecord& record, double gap_ms) override;

  /// Everything, with the state of models and limits as it is now. `n_connections`: of the server.
  std::string Text(const ModelHost& models, const Limits& limits, int n_connections);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace autoglm
