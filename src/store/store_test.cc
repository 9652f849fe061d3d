#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "base/failpoint.h"
#include "base/testing.h"
#include "store/overlay.h"

namespace leat {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void TearDown() override {
    failpoint::ClearHook();
    store_.reset();
  }
  void Reopen() {
    store_.reset();
    auto store = Store::Open(data_);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
  }
  Checkpoint At(uint64_t epoch, const std::string& attempt) {
    Checkpoint c;
    c.pipeline = "p";
    c.epoch = epoch;
    c.attempt = attempt;
    c.shards = {{"s", {"1"}, {"2"}, {}, {}}};
    c.tables = {"t"};
    return c;
  }
  Owner Mine(const std::string& attempt) { return {"p", "0", attempt}; }
  Status SaveAndFold(const Owner& owner, uint64_t epoch) {
    RETURN_IF_ERROR(store_->Save(owner, At(epoch, owner.attempt)));
    return store_->Fold(owner);
  }

  TestFolder folder_{"store"};
  const fs::path data_ = folder_.path();
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, SavedEpochSurvives) {
  EXPECT_EQ(*store_->Load("p", "0"), std::nullopt);
  ASSERT_TRUE(store_->Begin(Mine("a")).ok());
  ASSERT_TRUE(store_->Save(Mine("a"), At(3, "a")).ok());
  Reopen();
  auto saved = store_->Load("p", "0");
  ASSERT_TRUE(saved.ok() && *saved);
  EXPECT_EQ((*saved)->checkpoint.epoch, 3u);
  EXPECT_FALSE((*saved)->folded);
  ASSERT_TRUE(store_->Fold(Mine("a")).ok());
  ASSERT_TRUE(store_->Fold(Mine("a")).ok());
  Reopen();
  EXPECT_TRUE((*store_->Load("p", "0"))->folded);
  EXPECT_EQ(*store_->Load("p", "1"), std::nullopt);
  EXPECT_EQ(*store_->Load("q", "0"), std::nullopt);
}

TEST_F(StoreTest, Scar_23_OnlyTheNewestAttemptWrites) {
  ASSERT_TRUE(store_->Begin(Mine("a")).ok());
  ASSERT_TRUE(store_->Save(Mine("a"), At(1, "a")).ok());
  ASSERT_TRUE(store_->Begin(Mine("b")).ok());
  EXPECT_EQ(store_->Save(Mine("a"), At(2, "a")).kind(), ErrorKind::kFenced);
  EXPECT_EQ(store_->Fold(Mine("a")).kind(), ErrorKind::kFenced);
  EXPECT_EQ(store_->DropSaved(Mine("a")).kind(), ErrorKind::kFenced);
  Overlay overlay(*store_, Mine("a"), 2);
  ASSERT_TRUE(overlay.AddDeadLetter({}).ok());
  EXPECT_EQ(overlay.Flush().kind(), ErrorKind::kFenced);
  EXPECT_EQ((*store_->Load("p", "0"))->checkpoint.epoch, 1u);
  // Other workers are not concerned.
  ASSERT_TRUE(store_->Begin({"p", "1", "c"}).ok());
  EXPECT_TRUE(store_->Save({"p", "1", "c"}, At(1, "c")).ok());
}

TEST_F(StoreTest, StateIsSeenByItsEpochAndByOthersOnceFolded) {
  ASSERT_TRUE(store_->Begin(Mine("a")).ok());
  Overlay first(*store_, Mine("a"), 1);
  ASSERT_TRUE(first.Put("k", "1").ok());
  ASSERT_TRUE(first.Put("gone", "x").ok());
  EXPECT_EQ(**first.Get("k"), "1");
  ASSERT_TRUE(first.Flush().ok());
  EXPECT_EQ(**first.Get("k"), "1");
  EXPECT_EQ(*Overlay(*store_, Mine("a"), 2).Get("k"), std::nullopt);
  ASSERT_TRUE(SaveAndFold(Mine("a"), 1).ok());

  Overlay second(*store_, Mine("a"), 2);
  EXPECT_EQ(**second.Get("k"), "1");
  ASSERT_TRUE(second.Put("k", "2").ok());
  ASSERT_TRUE(second.Delete("gone").ok());
  EXPECT_EQ(**second.Get("k"), "2");
  EXPECT_EQ(*second.Get("gone"), std::nullopt);
  ASSERT_TRUE(second.Flush().ok());
  EXPECT_EQ(*second.Get("gone"), std::nullopt);
  EXPECT_EQ(**Overlay(*store_, Mine("a"), 3).Get("k"), "1");
  ASSERT_TRUE(SaveAndFold(Mine("a"), 2).ok());
  EXPECT_EQ(**Overlay(*store_, Mine("a"), 3).Get("k"), "2");
  EXPECT_EQ(*Overlay(*store_, Mine("a"), 3).Get("gone"), std::nullopt);
}

TEST_F(StoreTest, DropUnsavedKeepsTheSavedEpochsOverlay) {
  ASSERT_TRUE(store_->Begin(Mine("a")).ok());
  for (uint64_t epoch : {1, 2, 3}) {
    Overlay overlay(*store_, Mine("a"), epoch);
    ASSERT_TRUE(overlay.AddDeadLetter({"t", std::to_string(epoch), {}, "", 0}).ok());
    ASSERT_TRUE(overlay.Put("k", std::to_string(epoch)).ok());
    ASSERT_TRUE(overlay.Flush().ok());
  }
  ASSERT_TRUE(store_->Save(Mine("a"), At(2, "a")).ok());
  ASSERT_TRUE(store_->Begin(Mine("b")).ok());
  ASSERT_TRUE(store_->DropOverlays(Mine("b"), Store::Drop::kUnsaved).ok());
  ASSERT_TRUE(store_->Fold(Mine("b")).ok());
  auto letters = store_->ListDeadLetters("p", "", 10);
  ASSERT_TRUE(letters.ok());
  ASSERT_EQ(letters->size(), 1u);
  EXPECT_EQ((*letters)[0].letter.reason, "2");
  EXPECT_EQ(**Overlay(*store_, Mine("b"), 9).Get("k"), "2");
  // What was dropped does not come back under its own name.
  EXPECT_EQ(**Overlay(*store_, {"p", "0", "a"}, 3).Get("k"), "2");
}

TEST_F(StoreTest, DropSavedForgetsEpochAndOverlays) {
  ASSERT_TRUE(store_->Begin(Mine("a")).ok());
  Overlay overlay(*store_, Mine("a"), 1);
  ASSERT_TRUE(overlay.Put("k", "1").ok());
  ASSERT_TRUE(overlay.Flush().ok());
  ASSERT_TRUE(store_->Save(Mine("a"), At(1, "a")).ok());
  ASSERT_TRUE(store_->DropSaved(Mine("a")).ok());
  EXPECT_EQ(*store_->Load("p", "0"), std::nullopt);
  EXPECT_EQ(*overlay.Get("k"), std::nullopt);
}

TEST_F(StoreTest, DeadLettersPageCountAndGo) {
  ASSERT_TRUE(store_->Begin(Mine("a")).ok());
  constexpr int kLetters = 10'000;  // several writes
  Overlay overlay(*store_, Mine("a"), 1);
  for (int i = 0; i < kLetters; i++) {
    std::string row("\xff\x00raw", 5);
    ASSERT_TRUE(
        overlay.AddDeadLetter({"db.t", "too long", {"f:4"}, row + std::to_string(i), 17})
            .ok());
  }
  EXPECT_EQ(overlay.dead_letters(), kLetters);
  ASSERT_TRUE(overlay.Flush().ok());
  EXPECT_EQ(*store_->CountDeadLetters("p"), 0);
  EXPECT_TRUE((*store_->ListDeadLetters("p", "", 10)).empty());
  ASSERT_TRUE(SaveAndFold(Mine("a"), 1).ok());
  EXPECT_EQ(*store_->CountDeadLetters("p"), kLetters);

  std::string after;
  int seen = 0;
  std::string third;
  for (;;) {
    auto page = store_->ListDeadLetters("p", after, 999);
    ASSERT_TRUE(page.ok());
    if (page->empty()) break;
    for (const StoredDeadLetter& d : *page) {
      EXPECT_EQ(d.letter.row, std::string("\xff\x00raw", 5) + std::to_string(seen));
      if (++seen == 3) third = d.id;
    }
    after = page->back().id;
  }
  EXPECT_EQ(seen, kLetters);
  ASSERT_TRUE(store_->DeleteDeadLetters("p", {third, third, "nobody"}).ok());
  EXPECT_EQ(*store_->CountDeadLetters("p"), kLetters - 1);
  EXPECT_TRUE((*store_->ListDeadLetters("q", "", 10)).empty());
}

TEST_F(StoreTest, NamesThatContainOneAnotherStayApart) {
  for (const char* name : {"p", "p2"}) {
    Owner owner{name, "0", "a"};
    ASSERT_TRUE(store_->Begin(owner).ok());
    Overlay overlay(*store_, owner, 1);
    ASSERT_TRUE(overlay.AddDeadLetter({name, "", {}, "", 0}).ok());
    ASSERT_TRUE(overlay.Flush().ok());
    ASSERT_TRUE(SaveAndFold(owner, 1).ok());
  }
  EXPECT_EQ((*store_->ListDeadLetters("p", "", 10)).size(), 1u);
  EXPECT_EQ((*store_->ListDeadLetters("p2", "", 10))[0].letter.table, "p2");
  EXPECT_EQ(*store_->Pipelines(), (std::vector<std::string>{"p", "p2"}));
}

TEST_F(StoreTest, SecondOwnerIsToldWhoHasIt) {
  auto second = Store::Open(data_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().kind(), ErrorKind::kConfig);
  EXPECT_THAT(second.status().message(), HasSubstr(data_.string()));
  EXPECT_THAT(second.status().message(),
              HasSubstr("is in use by process " + std::to_string(getpid()) + ";"));
}

TEST_F(StoreTest, DamageIsSaidWithWhatToDo) {
  ASSERT_TRUE(store_->Begin(Mine("a")).ok());
  store_.reset();
  for (const auto& entry : fs::directory_iterator(data_ / "store")) {
    if (entry.path().filename().string().starts_with("MANIFEST")) {
      std::ofstream(entry.path(), std::ios::trunc) << "this is no manifest";
    }
  }
  auto store = Store::Open(data_);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.status().kind(), ErrorKind::kConfig);
  EXPECT_THAT(store.status().message(), HasSubstr("is damaged"));
  EXPECT_THAT(store.status().message(), HasSubstr("remove that folder"));
  EXPECT_THAT(store.status().message(),
              HasSubstr("Lost with it are embedded topics, the dead letters"));
  // The advice works.
  fs::remove_all(data_ / "store");
  Reopen();
}

TEST_F(StoreTest, DamagedCheckpointIsSaid) {
  ASSERT_TRUE(store_->Begin(Mine("a")).ok());
  for (uint64_t epoch = 1; epoch < 5; epoch++) {
    ASSERT_TRUE(store_->Save(Mine("a"), At(epoch, "a")).ok());
  }
  store_.reset();
  for (const auto& entry : fs::directory_iterator(data_ / "store")) {
    if (entry.path().extension() != ".log") continue;
    std::fstream log(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    log.seekp(60);
    log << "XXXXXXXX";
  }
  auto store = Store::Open(data_);
  ASSERT_FALSE(store.ok());
  EXPECT_THAT(store.status().message(), HasSubstr("is damaged"));
}

TEST_F(StoreTest, FailpointsStandAroundTheSave) {
  ASSERT_TRUE(store_->Begin(Mine("a")).ok());
  failpoint::SetHook([](std::string_view name) {
    return name == "store.save.before" ? Status::Cancelled("crash") : Status::Ok();
  });
  EXPECT_EQ(store_->Save(Mine("a"), At(1, "a")).kind(), ErrorKind::kCancelled);
  EXPECT_EQ(*store_->Load("p", "0"), std::nullopt);
  failpoint::SetHook([](std::string_view name) {
    return name == "store.save.after" ? Status::Cancelled("crash") : Status::Ok();
  });
  EXPECT_EQ(store_->Save(Mine("a"), At(1, "a")).kind(), ErrorKind::kCancelled);
  EXPECT_EQ((*store_->Load("p", "0"))->checkpoint.epoch, 1u);
}

using StoreDeathTest = StoreTest;

// A limit on file sizes stands in for a full disk: the write comes back with an error.
TEST_F(StoreTest, APauseIsRemembered) {
  using ::testing::ElementsAre;
  EXPECT_TRUE(Must(store_->Paused()).empty());
  Must(store_->SetPaused("orders", true));
  Must(store_->SetPaused("a", true));
  Must(store_->SetPaused("orders", true));
  Reopen();
  EXPECT_THAT(Must(store_->Paused()), ElementsAre("a", "orders"));
  Must(store_->SetPaused("a", false));
  Must(store_->SetPaused("never", false));
  EXPECT_THAT(Must(store_->Paused()), ElementsAre("orders"));
}

TEST_F(StoreDeathTest, Scar_32_FullDiskStopsAndIsNeverRetried) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto fill = [&] {
    if (!store_->Begin(Mine("a")).ok()) _exit(1);
    signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    rlimit limit{64 << 10, before.rlim_max};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(2);
    Checkpoint c = At(1, "a");
    if (!store_->Save(Mine("a"), c).ok()) _exit(3);
    c.epoch = 2;
    c.manifest.assign(256 << 10, 'x');
    Status s = store_->Save(Mine("a"), c);
    if (s.kind() != ErrorKind::kConfig) _exit(4);
    if (s.message().find("nothing was advanced") == std::string::npos) _exit(5);
    // Also with room again, and for a small write: not before a new start.
    setrlimit(RLIMIT_FSIZE, &before);
    if (store_->Save(Mine("a"), At(3, "a")).message() != s.message()) _exit(6);
    Reopen();
    auto saved = store_->Load("p", "0");
    if (!saved.ok() || !*saved || (*saved)->checkpoint.epoch != 1) _exit(7);
    if (!store_->Save(Mine("a"), At(2, "a")).ok()) _exit(8);
    _exit(0);
  };
  EXPECT_EXIT(fill(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace leat
