#include "connectors/notify/ledger.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/testing.h"

namespace leat::notify {
namespace {

class LedgerTest : public testing::Test {
 protected:
  // As a process has it that has just started.
  Ledger Opened() {
    Ledger ledger(std::chrono::minutes(5), clock_);
    Must(ledger.Open(folder_.path()));
    return ledger;
  }
  // Reads rows that come after `from` as one epoch; answers those that have to be sent,
  // by origin and number. `until`: of those, how many are sent before the process dies.
  std::vector<std::string> Read(Ledger* ledger, const std::string& from, int rows,
                                size_t until = SIZE_MAX) {
    std::vector<std::string> sent;
    Ledger::Rows* const at = ledger->Begin("s", Position{from});
    for (int i = 0; i < rows; i++, at->number++) {
      if (at->number < at->done) continue;
      if (sent.size() == until) break;
      sent.push_back(at->origin + std::to_string(at->number));
      ledger->Done(at);
      Must(ledger->Save());
    }
    return sent;
  }
  static void Commit(Ledger* ledger, const std::string& from, const std::string& to) {
    Checkpoint checkpoint;
    checkpoint.shards = {{"s", {from}, {to}, {}, {}}};
    ledger->Commit(checkpoint);
    Must(ledger->Save());
  }
  using Sent = std::vector<std::string>;

  TestFolder folder_{"ledger"};
  FakeClock clock_;
};

TEST_F(LedgerTest, EachEpochCountsFromWhereItBegins) {
  Ledger ledger = Opened();
  EXPECT_EQ(Read(&ledger, "P", 2), (Sent{"P0", "P1"}));
  Commit(&ledger, "P", "Q");
  EXPECT_EQ(Read(&ledger, "Q", 1), (Sent{"Q0"}));
  Commit(&ledger, "Q", "R");
  Ledger next = Opened();
  EXPECT_EQ(Read(&next, "R", 1), (Sent{"R0"}));
}

TEST_F(LedgerTest, ARowThatIsReadAgainIsDone) {
  Ledger first = Opened();
  EXPECT_EQ(Read(&first, "P", 5, 3), (Sent{"P0", "P1", "P2"}));
  Ledger second = Opened();
  EXPECT_EQ(Read(&second, "P", 5), (Sent{"P3", "P4"}));
  Commit(&second, "P", "Q");
  EXPECT_EQ(Read(&second, "Q", 1), (Sent{"Q0"}));
}

TEST_F(LedgerTest, EpochsMayBeCutElsewhereWhenRowsAreReadAgain) {
  Ledger first = Opened();
  Read(&first, "P", 9, 5);  // P0 to P4; P5 may be on its way
  Ledger second = Opened();
  EXPECT_EQ(Read(&second, "P", 3), (Sent{}));
  Commit(&second, "P", "Q");
  EXPECT_EQ(Read(&second, "Q", 2), (Sent{}));
  Commit(&second, "Q", "R");
  Ledger third = Opened();
  EXPECT_EQ(Read(&third, "R", 2), (Sent{"P5", "P6"})) << "ids they may have been sent by";
  Commit(&third, "R", "S");
  EXPECT_EQ(Read(&third, "S", 1), (Sent{"S0"}));
}

TEST_F(LedgerTest, ACommitThatTheStoreDoesNotKnowOfIsReadAgain) {
  Ledger first = Opened();
  Read(&first, "P", 3);
  Commit(&first, "P", "Q");
  // It died before the store had noted Q, and the epoch is cut later now.
  Ledger second = Opened();
  EXPECT_EQ(Read(&second, "P", 4), (Sent{"P3"}));
  Commit(&second, "P", "R");
  EXPECT_EQ(Read(&second, "R", 1), (Sent{"R0"}));
}

TEST_F(LedgerTest, WhatIsDroppedIsReadAgainInTheSameProcess) {
  Ledger ledger = Opened();
  Read(&ledger, "P", 2);
  ledger.Abort();
  EXPECT_EQ(Read(&ledger, "P", 3), (Sent{"P2"}));
  ledger.Abort();
  EXPECT_EQ(Read(&ledger, "X", 1), (Sent{"X0"})) << "the shard was reset by hand";
}

TEST_F(LedgerTest, RowsOfNoShardNeverShareANumber) {
  Ledger ledger = Opened();
  const Sent first = Read(&ledger, "", 1);
  ledger.Commit({});
  Must(ledger.Save());
  const Sent second = Read(&ledger, "", 1);
  EXPECT_NE(first, second);
  ledger.Commit({});
  Must(ledger.Save());
  Ledger next = Opened();
  const Sent third = Read(&next, "", 1);
  EXPECT_NE(first, third);
  EXPECT_NE(second, third);
  std::filesystem::remove_all(folder_.path());
  clock_.Advance(std::chrono::seconds(1));
  Ledger lost = Opened();
  EXPECT_NE(first, Read(&lost, "", 1));
}

TEST_F(LedgerTest, RefusedRowsAreRememberedWhileTheirEpochIsOpen) {
  {
    Ledger ledger = Opened();
    Ledger::Rows* const rows = ledger.Begin("s", Position{"P"});
    rows->refused[0] = "too long";
    ledger.Done(rows);
    Must(ledger.Save());
  }
  Ledger ledger = Opened();
  EXPECT_EQ(ledger.Begin("s", Position{"P"})->refused.at(0), "too long");
  ledger.Current("s")->number++;
  Commit(&ledger, "P", "Q");
  EXPECT_TRUE(ledger.Begin("s", Position{"Q"})->refused.empty());
}

TEST_F(LedgerTest, AKeyIsToldOnceWithinTheCooldown) {
  Ledger ledger = Opened();
  EXPECT_FALSE(ledger.LeaveOut("a"));
  ledger.Told("a");
  clock_.Advance(std::chrono::minutes(4));
  EXPECT_TRUE(ledger.LeaveOut("a"));
  EXPECT_TRUE(ledger.LeaveOut("a"));
  EXPECT_FALSE(ledger.LeaveOut("b"));
  Must(ledger.Save());
  Ledger restarted = Opened();
  EXPECT_TRUE(restarted.LeaveOut("a"));
  clock_.Advance(std::chrono::minutes(1));
  EXPECT_FALSE(restarted.LeaveOut("a"));
  EXPECT_EQ(restarted.LeftOut("a"), 3);
  restarted.Told("a");
  EXPECT_EQ(restarted.LeftOut("a"), 0);
}

TEST_F(LedgerTest, AClockThatIsSetBackEndsACooldown) {
  Ledger ledger = Opened();
  ledger.Told("a");
  clock_.JumpWall(-std::chrono::hours(1));
  EXPECT_FALSE(ledger.LeaveOut("a"));
}

TEST_F(LedgerTest, ForgetsKeysThatNothingIsToBeSaidOf) {
  Ledger ledger = Opened();
  for (int i = 0; i < 100; i++) ledger.Told("key" + std::to_string(i));
  ledger.LeaveOut("key7");
  Must(ledger.Save());
  const auto file = folder_ / "notified.json";
  const auto full = std::filesystem::file_size(file);
  clock_.Advance(std::chrono::minutes(6));
  ledger.Told("another");
  Must(ledger.Save());
  EXPECT_LT(std::filesystem::file_size(file), full / 10);
  EXPECT_EQ(Opened().LeftOut("key7"), 1);
}

TEST_F(LedgerTest, IsBounded) {
  Ledger ledger = Opened();
  for (int i = 0; i < 10'050; i++) {
    ledger.Told("key" + std::to_string(i));
    clock_.Advance(Micros(1));
  }
  EXPECT_FALSE(ledger.LeaveOut("key49")) << "the oldest go";
  EXPECT_TRUE(ledger.LeaveOut("key50"));
  EXPECT_TRUE(ledger.LeaveOut("key10049"));
}

TEST_F(LedgerTest, ADamagedFileCountsAsLost) {
  {
    Ledger ledger = Opened();
    Read(&ledger, "P", 2);
    ledger.Told("a");
    Must(ledger.Save());
  }
  for (const std::string_view damage : {"{\"shards\":{\"s\":{}},\"keys\":{}}", "{", ""}) {
    std::ofstream(folder_ / "notified.json", std::ios::trunc) << damage;
    Ledger ledger = Opened();
    EXPECT_FALSE(ledger.LeaveOut("a"));
    EXPECT_EQ(Read(&ledger, "P", 1), (Sent{"P0"})) << damage;
  }
}

}  // namespace
}  // namespace leat::notify
