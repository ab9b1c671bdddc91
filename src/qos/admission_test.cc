#include "qos/admission.h"

#include <gtest/gtest.h>

namespace autoglm {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kGb = 1'000'000'000;

AdmissionRequest Request(uint64_t id, RequestClass request_class, int64_t need_bytes,
                         double work_ms = 100, int64_t deadline_ns = kNoDeadline) {
  return {id, request_class, deadline_ns, need_bytes, work_ms};
}

uint64_t IdOf(const std::optional<AdmittedRequest>& admitted) {
  return admitted ? admitted->request.id : 0;
}

// SPEC S2.4: image detection needs 6.2 GB and tolerates 300 ms, live speech 3.8 GB and 150 ms.
constexpr uint64_t kImage = 1, kSpeech = 2;
AdmissionRequest Image() {
  return Request(kImage, RequestClass::kRealtime, 6'200'000'000, 80, 300 * kNsPerMs);
}
AdmissionRequest Speech() {
  return Request(kSpeech, RequestClass::kRealtime, 3'800'000'000, 60, 150 * kNsPerMs);
}

TEST(AdmissionOfTwoModalities, BothRunWhereBothFit) {
  ByteBudget budget(10 * kGb);
  AdmissionQueue queue(budget, {});
  ASSERT_EQ(queue.Offer(Image(), 0).refusal, Refusal::kNone);
  ASSERT_EQ(queue.Offer(Speech(), 0).refusal, Refusal::kNone);
  const auto first = queue.Next(0);
  const auto second = queue.Next(0);
  EXPECT_EQ(IdOf(first), kSpeech) << "its deadline is earlier";
  EXPECT_EQ(IdOf(second), kImage);
  EXPECT_EQ(budget.free_bytes(), 0);
}

TEST(AdmissionOfTwoModalities, WhereOneFitsTheEarlierDeadlineGoesFirstAndNothingIsOversold) {
  ByteBudget budget(8 * kGb);
  AdmissionQueue queue(budget, {});
  ASSERT_EQ(queue.Offer(Image(), 0).refusal, Refusal::kNone);
  ASSERT_EQ(queue.Offer(Speech(), 0).refusal, Refusal::kNone);
  auto speech = queue.Next(0);
  EXPECT_EQ(IdOf(speech), kSpeech);
  EXPECT_EQ(IdOf(queue.Next(0)), 0u);
  EXPECT_EQ(budget.reserved_bytes(), 3'800'000'000);
  // Speech ends after its 60 ms; the image is then admitted and still has 240 ms.
  speech->reservation.Release();
  EXPECT_TRUE(queue.Remove(kSpeech));
  const auto image = queue.Next(60 * kNsPerMs);
  EXPECT_EQ(IdOf(image), kImage);
  EXPECT_EQ(image->queue_delay_ns, 60 * kNsPerMs);
  EXPECT_EQ(budget.reserved_bytes(), 6'200'000'000);
}

TEST(AdmissionOfTwoModalities, WhatCanNeverFitIsRefusedAtOnceWithTheFigures) {
  ByteBudget budget(4 * kGb);
  AdmissionQueue queue(budget, {});
  const AdmissionDecision decision = queue.Offer(Image(), 0);
  EXPECT_EQ(decision.refusal, Refusal::kTooLarge);
  EXPECT_EQ(decision.retry_after_ms, 0) << "asking again cannot help";
  EXPECT_NE(decision.status.message().find("6200000000"), std::string::npos);
  EXPECT_NE(decision.status.message().find("4000000000"), std::string::npos);
  EXPECT_EQ(queue.Offer(Speech(), 0).refusal, Refusal::kNone);
}

TEST(AdmissionOfTwoModalities, ADeadlineThatCannotBeKeptIsRefused) {
  ByteBudget budget(8 * kGb);
  AdmissionQueue queue(budget, {});
  AdmissionRequest image = Image();
  image.work_ms = 120;
  ASSERT_EQ(queue.Offer(image, 0).refusal, Refusal::kNone);
  const auto running = queue.Next(0);
  ASSERT_EQ(IdOf(running), kImage);
  const AdmissionDecision decision = queue.Offer(Speech(), 0);
  EXPECT_EQ(decision.refusal, Refusal::kDeadline) << "120 + 60 ms are more than 150";
  EXPECT_NEAR(decision.expected_wait_ms, 120, 1);
  EXPECT_NEAR(decision.retry_after_ms, 30, 1);
}

/// Memory of 8 GB that requests share with others.
class SharedMemory final : public TaskMemory {
 public:
  std::optional<ByteBudget::Reservation> TryReserve(int64_t bytes) override {
    return budget_.TryReserve(bytes);
  }
  int64_t free_bytes() const override { return budget_.free_bytes(); }

 private:
  ByteBudget budget_{8 * kGb};
};

/// Both tasks with their bytes out of `memory`, and a page of cache each.
AdmissionRequest WithTaskMemory(AdmissionRequest request, TaskMemory& memory) {
  request.task_bytes = std::exchange(request.need_bytes, 1);
  request.task_memory = &memory;
  return request;
}

TEST(AdmissionOfTwoModalities, OneWaitsInItsClassForTheMemoryThatTheOtherHolds) {
  SharedMemory memory;
  ByteBudget pages(100);
  AdmissionQueue queue(pages, {});
  ASSERT_EQ(queue.Offer(WithTaskMemory(Image(), memory), 0).refusal, Refusal::kNone);
  std::optional<AdmittedRequest> image = queue.Next(0);
  ASSERT_EQ(IdOf(image), kImage);
  const AdmissionDecision decision = queue.Offer(WithTaskMemory(Speech(), memory), 0);
  EXPECT_EQ(decision.refusal, Refusal::kNone) << "80 + 60 ms are less than 150";
  EXPECT_NEAR(decision.expected_wait_ms, 80, 1);
  EXPECT_EQ(IdOf(queue.Next(0)), 0u);
  EXPECT_EQ(pages.reserved_bytes(), 1) << "all or nothing: its page is free as well";
  ASSERT_EQ(queue.Offer(Request(9, RequestClass::kBatch, 1), 0).refusal, Refusal::kNone);
  EXPECT_EQ(IdOf(queue.Next(1)), 9u) << "who needs no such memory does not wait for it";
  queue.Remove(kImage);
  image.reset();
  EXPECT_EQ(IdOf(queue.Next(2)), kSpeech);
}

TEST(AdmissionOfTwoModalities, MemoryIsKeptForTheOneThatWasOvertakenForLong) {
  SharedMemory memory;
  ByteBudget pages(100);
  AdmissionQueue queue(pages, {.max_overtaken_ns = 100});
  auto others = memory.TryReserve(4 * kGb);
  ASSERT_EQ(queue.Offer(WithTaskMemory(Image(), memory), 0).refusal, Refusal::kNone);
  EXPECT_EQ(IdOf(queue.Next(0)), 0u);
  AdmissionRequest small = WithTaskMemory(Request(3, RequestClass::kBatch, kGb), memory);
  ASSERT_EQ(queue.Offer(small, 0).refusal, Refusal::kNone);
  EXPECT_EQ(IdOf(queue.Next(100)), 0u) << "the image has been overtaken long enough";
  ASSERT_EQ(queue.Offer(Request(4, RequestClass::kBatch, 1), 100).refusal, Refusal::kNone);
  EXPECT_EQ(IdOf(queue.Next(100)), 4u);
  others->Release();
  EXPECT_EQ(IdOf(queue.Next(101)), kImage);
}

TEST(Admission, ClassesGoInOrderAndEachByArrival) {
  ByteBudget budget(100);
  AdmissionQueue queue(budget, {});
  ASSERT_TRUE(queue.Offer(Request(1, RequestClass::kBatch, 1), 0).status.ok());
  ASSERT_TRUE(queue.Offer(Request(2, RequestClass::kInteractive, 1), 1).status.ok());
  ASSERT_TRUE(queue.Offer(Request(3, RequestClass::kInteractive, 1), 2).status.ok());
  ASSERT_TRUE(
      queue.Offer(Request(4, RequestClass::kRealtime, 1, 1, 9000 * kNsPerMs), 3).status.ok());
  for (uint64_t id : {4, 2, 3, 1}) EXPECT_EQ(IdOf(queue.Next(4)), id);
  EXPECT_EQ(queue.n_running(), 4);
  EXPECT_EQ(queue.n_waiting(), 0);
}

TEST(Admission, NoMoreRunThanPermitted) {
  ByteBudget budget(100);
  AdmissionQueue queue(budget, {.max_running = 2});
  for (uint64_t id : {1, 2, 3}) {
    ASSERT_TRUE(queue.Offer(Request(id, RequestClass::kBatch, 1), 0).status.ok());
  }
  EXPECT_EQ(IdOf(queue.Next(0)), 1u);
  EXPECT_EQ(IdOf(queue.Next(0)), 2u);
  EXPECT_EQ(IdOf(queue.Next(0)), 0u);
  EXPECT_TRUE(queue.Remove(1));
  EXPECT_EQ(IdOf(queue.Next(0)), 3u);
}

TEST(Admission, ALargeRequestIsOvertakenForAWhileAndThenSavedFor) {
  ByteBudget budget(100);
  AdmissionQueue queue(budget, {.max_overtaken_ns = 100});
  auto small = budget.TryReserve(50);
  ASSERT_TRUE(queue.Offer(Request(1, RequestClass::kBatch, 80), 0).status.ok());
  ASSERT_TRUE(queue.Offer(Request(2, RequestClass::kBatch, 10), 0).status.ok());
  const auto overtaking = queue.Next(0);
  EXPECT_EQ(IdOf(overtaking), 2u);
  ASSERT_TRUE(queue.Offer(Request(3, RequestClass::kBatch, 10), 0).status.ok());
  EXPECT_EQ(IdOf(queue.Next(100)), 0u) << "the large one has been overtaken long enough";
  small->Release();
  EXPECT_EQ(IdOf(queue.Next(100)), 1u);
}

TEST(Admission, AnAgedBatchRequestGoesBeforeLaterInteractiveOnes) {
  ByteBudget budget(100);
  AdmissionQueue queue(budget, {.batch_age_ns = 1000});
  ASSERT_TRUE(queue.Offer(Request(1, RequestClass::kBatch, 1), 0).status.ok());
  ASSERT_TRUE(queue.Offer(Request(2, RequestClass::kInteractive, 1), 500).status.ok());
  EXPECT_EQ(IdOf(queue.Next(999)), 2u);
  ASSERT_TRUE(queue.Offer(Request(3, RequestClass::kInteractive, 1), 500).status.ok());
  EXPECT_EQ(IdOf(queue.Next(1000)), 1u);
}

TEST(Admission, AFullQueueRefusesWithTheTimeUntilItWouldAccept) {
  ByteBudget budget(100);
  AdmissionOptions options = {.max_running = 1};
  options.max_wait_ns = {1, 1000 * kNsPerMs, 1};
  AdmissionQueue queue(budget, options);
  ASSERT_TRUE(queue.Offer(Request(1, RequestClass::kInteractive, 1, 800), 0).status.ok());
  ASSERT_EQ(IdOf(queue.Next(0)), 1u);
  ASSERT_TRUE(queue.Offer(Request(2, RequestClass::kInteractive, 1, 800), 0).status.ok());
  const AdmissionDecision decision = queue.Offer(Request(3, RequestClass::kInteractive, 1, 800), 0);
  EXPECT_EQ(decision.refusal, Refusal::kOverloaded);
  EXPECT_NEAR(decision.expected_wait_ms, 1600, 1);
  EXPECT_NEAR(decision.retry_after_ms, 600, 1) << "then the wait will be the second permitted";
  // It is honest: when so much is done, the request is accepted.
  queue.Progress(1, 200);
  EXPECT_EQ(queue.Offer(Request(3, RequestClass::kInteractive, 1, 800), 600 * kNsPerMs).refusal,
            Refusal::kNone);
}

TEST(Admission, TheWaitFollowsHowFastWorkIsReallyDone) {
  ByteBudget budget(100);
  AdmissionQueue queue(budget, {.max_running = 1});
  for (uint64_t id = 1; id <= 200; ++id) {
    ASSERT_TRUE(queue.Offer(Request(id, RequestClass::kBatch, 1, 100), 0).status.ok());
    ASSERT_EQ(IdOf(queue.Next(0)), id);
    EXPECT_TRUE(queue.Remove(id));
    queue.StepDone(200);  // predicted 100 ms, took 200
  }
  ASSERT_TRUE(queue.Offer(Request(1, RequestClass::kBatch, 1, 100), 0).status.ok());
  ASSERT_EQ(IdOf(queue.Next(0)), 1u);
  EXPECT_NEAR(queue.ExpectedWaitMs(Request(2, RequestClass::kBatch, 1), 0), 200, 5);
}

TEST(Admission, WhatWaitedInVainIsTakenOut) {
  ByteBudget budget(100);
  AdmissionOptions options = {.max_running = 1};
  AdmissionQueue queue(budget, options);
  ASSERT_TRUE(queue.Offer(Request(1, RequestClass::kInteractive, 1, 10), 0).status.ok());
  ASSERT_EQ(IdOf(queue.Next(0)), 1u);
  ASSERT_TRUE(
      queue.Offer(Request(2, RequestClass::kRealtime, 1, 10, 50 * kNsPerMs), 0).status.ok());
  ASSERT_TRUE(queue.Offer(Request(3, RequestClass::kInteractive, 1, 10), 0).status.ok());
  EXPECT_EQ(queue.next_expiry_ns(), 50 * kNsPerMs);
  EXPECT_TRUE(queue.TakeExpired(50 * kNsPerMs - 1).empty());
  auto expired = queue.TakeExpired(50 * kNsPerMs);
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_EQ(expired[0].request.id, 2u);
  EXPECT_EQ(expired[0].refusal, Refusal::kDeadline);
  expired = queue.TakeExpired(options.max_wait_ns[1]);
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_EQ(expired[0].refusal, Refusal::kOverloaded);
  EXPECT_EQ(queue.next_expiry_ns(), kNoDeadline);
}

TEST(Admission, AWaitingRequestMayLeave) {
  ByteBudget budget(100);
  AdmissionQueue queue(budget, {});
  ASSERT_TRUE(queue.Offer(Request(1, RequestClass::kBatch, 1), 0).status.ok());
  EXPECT_TRUE(queue.Remove(1));
  EXPECT_FALSE(queue.Remove(1));
  EXPECT_EQ(IdOf(queue.Next(0)), 0u);
}

}  // namespace
}  // namespace autoglm
