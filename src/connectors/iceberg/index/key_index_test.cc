#include "connectors/iceberg/index/key_index.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <random>

#include "base/testing.h"

namespace leat::iceberg {
namespace {

namespace fs = std::filesystem;

class KeyIndexTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override { Open(); }
  void TearDown() override { index_.reset(); }
  void Open(const std::string& uuid = "table-1") {
    index_.reset();
    auto opened = KeyIndex::Open(folder_ / "index", {uuid, "key", GetParam()});
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    index_ = *std::move(opened);
  }
  KeyHash Key(uint64_t n) const {
    const uint64_t h = (n + 1) * 0x9e3779b97f4a7c15ull;
    return {h ^ h >> 31, GetParam() ? n : 0};
  }
  void Check(const Status& status) { ASSERT_TRUE(status.ok()) << status.ToString(); }
  // Random puts and removals of an open epoch, compared one by one with a map.
  void Change(std::map<uint64_t, Place>* model, int count, uint64_t keys) {
    std::vector<KeyHash> hashes;
    std::vector<Place> places, expected;
    for (int i = 0; i < count; i++) {
      const uint64_t n = random_() % keys;
      const bool remove = random_() % 4 == 0;
      const Place place = remove ? kNoPlace : MakePlace(1 + random_() % 9, ++row_);
      hashes.push_back(Key(n));
      places.push_back(place);
      const auto at = model->find(n);
      expected.push_back(at == model->end() ? kNoPlace : at->second);
      if (remove) {
        model->erase(n);
      } else {
        (*model)[n] = place;
      }
    }
    std::vector<Place> before(hashes.size());
    Check(index_->Exchange(hashes, places, before.data()));
    ASSERT_EQ(before, expected);
  }
  void ExpectEquals(const std::map<uint64_t, Place>& model, uint64_t keys) {
    std::vector<KeyHash> hashes;
    for (uint64_t n = 0; n < keys; n++) hashes.push_back(Key(n));
    std::vector<Place> found(keys);
    index_->Find(hashes, found.data());
    for (uint64_t n = 0; n < keys; n++) {
      const auto at = model.find(n);
      ASSERT_EQ(found[n], at == model.end() ? kNoPlace : at->second) << "key " << n;
    }
    EXPECT_EQ(index_->size(), model.size());
  }

  TestFolder folder_{"index"};
  std::unique_ptr<KeyIndex> index_;
  std::mt19937_64 random_{7};
  uint32_t row_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Widths, KeyIndexTest, ::testing::Bool(),
                         [](const auto& i) { return i.param ? "Hashed" : "Exact"; });

TEST_P(KeyIndexTest, EqualsAMapOverEpochsAbortsAndReopenings) {
  constexpr uint64_t kKeys = 40'000;
  std::map<uint64_t, Place> model;
  int64_t snapshot = 100;
  for (int epoch = 0; epoch < 60; epoch++) {
    std::map<uint64_t, Place> next = model;
    Check(index_->Begin());
    const int parts = static_cast<int>(random_() % 4);
    for (int part = 0; part <= parts; part++) {
      Change(&next, static_cast<int>(random_() % 3000) + 1, kKeys);
      if (random_() % 12 == 0) {
        Check(index_->Clear());
        next.clear();
      }
    }
    switch (random_() % 4) {
      case 0: Check(index_->Undo()); break;
      case 1:  // a process that ends with an open epoch
        Open();
        break;
      case 2:
        Check(index_->Seal("stage"));
        Open();
        ASSERT_EQ(index_->sealed(), "stage");
        if (random_() % 2) {
          Check(index_->Undo());
          break;
        }
        [[fallthrough]];
      default:
        Check(index_->Commit(++snapshot));
        model = std::move(next);
        EXPECT_EQ(index_->snapshot(), snapshot);
    }
    ASSERT_NO_FATAL_FAILURE(ExpectEquals(model, kKeys));
  }
}

// kill -9 at any instruction leaves the state of the last commit.
TEST_P(KeyIndexTest, AKilledProcessLeavesTheLastCommittedState) {
  constexpr uint64_t kKeys = 20'000;
  std::map<uint64_t, Place> model;
  Check(index_->Begin());
  Change(&model, 8000, kKeys);
  Check(index_->Commit(1));
  for (int round = 0; round < 12; round++) {
    index_.reset();
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto index = KeyIndex::Open(folder_ / "index", {"table-1", "key", GetParam()});
      if (!index.ok() || !(*index)->Begin().ok()) _exit(1);
      std::mt19937_64 random(static_cast<uint64_t>(round));
      for (;;) {  // grows too: new keys beyond those looked at
        std::vector<KeyHash> keys;
        std::vector<Place> places;
        for (int i = 0; i < 500; i++) {
          keys.push_back(Key(random() % (kKeys * 4)));
          places.push_back(random() % 3 ? MakePlace(5, static_cast<uint32_t>(i)) : 0);
        }
        std::vector<Place> before(keys.size());
        if (!(*index)->Exchange(keys, places, before.data()).ok()) _exit(1);
        if (random() % 50 == 0 && !(*index)->Clear().ok()) _exit(1);
      }
    }
    usleep(static_cast<useconds_t>(random_() % 20'000));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed";
    Open();
    ASSERT_EQ(index_->snapshot(), 1);
    ASSERT_NO_FATAL_FAILURE(ExpectEquals(model, kKeys * 4));
  }
}

TEST_P(KeyIndexTest, AnotherTablesIndexIsEmptied) {
  std::map<uint64_t, Place> model;
  Check(index_->Begin());
  Change(&model, 100, 1000);
  Check(index_->Commit(5));
  Open("table-2");
  EXPECT_EQ(index_->snapshot(), KeyIndex::kNone);
  EXPECT_EQ(index_->size(), 0u);
}

TEST_P(KeyIndexTest, AnInterruptedRebuildStandsForNothing) {
  Check(index_->Reset(1000));
  const std::vector<KeyHash> keys{Key(1), Key(2)};
  const std::vector<Place> places{MakePlace(1, 0), MakePlace(1, 1)};
  Check(index_->Load(keys, places));
  Open();
  EXPECT_EQ(index_->snapshot(), KeyIndex::kNone);
  EXPECT_EQ(index_->size(), 0u);
}

TEST_P(KeyIndexTest, FileNumbersOutliveTheProcess) {
  auto first = index_->files().Add("file:///a");
  ASSERT_TRUE(first.ok());
  Open();
  EXPECT_EQ(index_->files().Find("file:///a"), *first);
  auto second = index_->files().Add("file:///b");
  ASSERT_TRUE(second.ok());
  EXPECT_NE(*second, *first);
  EXPECT_EQ(index_->files().Location(*second), "file:///b");
}

TEST_P(KeyIndexTest, MemoryStaysWithinFortyBytesAKey) {
  constexpr uint64_t kKeys = 400'000;
  Check(index_->Begin());
  std::vector<KeyHash> keys;
  std::vector<Place> places;
  for (uint64_t n = 0; n < kKeys; n++) {
    keys.push_back(Key(n));
    places.push_back(MakePlace(1, static_cast<uint32_t>(n)));
  }
  std::vector<Place> before(kKeys);
  Check(index_->Exchange(keys, places, before.data()));
  Check(index_->Commit(1));
  uintmax_t bytes = 0;
  for (const auto& file : fs::directory_iterator(folder_ / "index")) {
    if (file.path().filename().string().starts_with("slots.")) bytes += file.file_size();
  }
  EXPECT_LE(bytes, 80 * kKeys);  // two generations while it grows
  EXPECT_GE(bytes, 16 * kKeys);
}

}  // namespace
}  // namespace leat::iceberg
