#include "model/kv_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "platform/thread_pool.h"

namespace autoglm {
namespace {

constexpr int kPage = KvLayout::kPageTokens;

class KvCacheTest : public testing::Test {
 protected:
  KvCacheTest() : threads_(1), backend_(NewCpuBackend(threads_)) {
    pool_ = KvPagePool::Create(*backend_, {DType::kF16, 2, 2, 16}, 4).value();
  }

  ThreadPool threads_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<KvPagePool> pool_;
};

TEST_F(KvCacheTest, PagesAreTakenAsTokensComeAndGoBackAtTheEnd) {
  {
    KvSequence sequence(*pool_, 200);
    ASSERT_TRUE(sequence.Extend(1).ok());
    EXPECT_EQ(pool_->n_free_pages(), 3);
    ASSERT_TRUE(sequence.Extend(kPage - 1).ok());
    EXPECT_EQ(pool_->n_free_pages(), 3);
    ASSERT_TRUE(sequence.Extend(kPage + 1).ok());
    EXPECT_EQ(pool_->n_free_pages(), 1);
    EXPECT_EQ(sequence.page_data().size(), 3u);
    sequence.Truncate(kPage);
    EXPECT_EQ(sequence.n_tokens(), kPage);
    EXPECT_EQ(pool_->n_free_pages(), 3);
  }
  EXPECT_EQ(pool_->n_free_pages(), 4);
}

TEST_F(KvCacheTest, AFullPoolRefusesAndChangesNothing) {
  KvSequence first(*pool_, 1000), second(*pool_, 1000);
  ASSERT_TRUE(first.Extend(3 * kPage).ok());
  const Status status = second.Extend(kPage + 1);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(second.n_tokens(), 0);
  EXPECT_EQ(pool_->n_free_pages(), 1);
  EXPECT_TRUE(second.Extend(kPage).ok());
}

TEST_F(KvCacheTest, TheContextsEndIsRefused) {
  KvSequence sequence(*pool_, 10);
  EXPECT_TRUE(sequence.Extend(10).ok());
  const Status status = sequence.Extend(1);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(status.message().find("the context is full"), std::string::npos);
}

TEST_F(KvCacheTest, AForkSharesPagesUntilOneSideWrites) {
  KvSequence parent(*pool_, 200);
  ASSERT_TRUE(parent.Extend(kPage + 5).ok());
  parent.page_data()[1][0] = std::byte{42};
  KvSequence fork = parent.Fork(kPage + 3);
  EXPECT_EQ(pool_->n_free_pages(), 2) << "nothing is copied by a fork";
  EXPECT_EQ(fork.n_tokens(), kPage + 3);
  ASSERT_TRUE(fork.Extend(1).ok());
  EXPECT_EQ(pool_->n_free_pages(), 1) << "the last, partial page is copied on the first write";
  EXPECT_EQ(fork.page_data()[0], parent.page_data()[0]);
  EXPECT_NE(fork.page_data()[1], parent.page_data()[1]);
  EXPECT_EQ(fork.page_data()[1][0], std::byte{42});
  fork.page_data()[1][0] = std::byte{7};
  EXPECT_EQ(parent.page_data()[1][0], std::byte{42});
  ASSERT_TRUE(parent.Extend(1).ok()) << "now the only owner: no second copy";
  EXPECT_EQ(pool_->n_free_pages(), 1);
}

TEST_F(KvCacheTest, AForkAtAPageBoundaryNeedsNoCopy) {
  KvSequence parent(*pool_, 200);
  ASSERT_TRUE(parent.Extend(kPage).ok());
  KvSequence fork = parent.Fork(kPage);
  ASSERT_TRUE(fork.Extend(1).ok());
  EXPECT_EQ(pool_->n_free_pages(), 2);
  EXPECT_EQ(fork.page_data()[0], parent.page_data()[0]);
}

TEST_F(KvCacheTest, SharedPagesOutliveTheirFirstOwner) {
  KvSequence fork(*pool_, 200);
  {
    KvSequence parent(*pool_, 200);
    ASSERT_TRUE(parent.Extend(10).ok());
    parent.page_data()[0][3] = std::byte{9};
    fork = parent.Fork(10);
  }
  EXPECT_EQ(pool_->n_free_pages(), 3);
  EXPECT_EQ(fork.page_data()[0][3], std::byte{9});
}

TEST_F(KvCacheTest, MovingLeavesTheSourceEmpty) {
  KvSequence a(*pool_, 100);
  ASSERT_TRUE(a.Extend(40).ok());
  KvSequence b = std::move(a);
  EXPECT_EQ(b.n_tokens(), 40);
  EXPECT_EQ(a.n_tokens(), 0);  // NOLINT: the moved-from state is part of the contract
  b.Truncate(0);
  EXPECT_EQ(pool_->n_free_pages(), 4);
}

TEST(KvLayout, HeadsDoNotOverlap) {
  const KvLayout layout{DType::kQ8_0, 3, 2, 64};
  std::vector<int64_t> offsets;
  for (int layer = 0; layer < 3; ++layer) {
    for (int head = 0; head < 2; ++head) {
      offsets.push_back(layout.key_offset(layer, head));
      offsets.push_back(layout.value_offset(layer, head));
    }
  }
  std::sort(offsets.begin(), offsets.end());
  for (size_t i = 0; i < offsets.size(); ++i) {
    EXPECT_EQ(offsets[i], static_cast<int64_t>(i) * layout.head_bytes());
  }
  EXPECT_EQ(layout.page_bytes(), static_cast<int64_t>(offsets.size()) * layout.head_bytes());
}

}  // namespace
}  // namespace autoglm
