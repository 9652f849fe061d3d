#include "runtime/recovery.h"

#include <gtest/gtest.h>

namespace leat {
namespace {

// Positions are numbers.
class NumberSource final : public Source {
 public:
  Status Open(const Needs&) override { return Status::Ok(); }
  Result<std::vector<SchemaRef>> Tables() override { return std::vector<SchemaRef>(); }
  Result<Position> Start(const ShardId&, const Resume& r) override { return r.resume; }
  Result<ReadResult> Read(SteadyTime) override { return ReadResult(); }
  Result<Position> End(const ShardId&) override { return Position(); }
  bool Reached(const Position& at, const Position& target) const override {
    return std::stoi(at.text) >= std::stoi(target.text);
  }
  Lag GetLag() const override { return {}; }
  void Ack(const ShardId&, const Position&) override {}
};

Token At(uint64_t epoch, const char* from, const char* to,
         std::vector<SinkTable> tables) {
  return {"p", "s", epoch, "a", {from}, {to}, std::move(tables)};
}

const Token kBefore = At(4, "10", "20", {"x"});
const Token kOther{"p", "s", 5, "b", {"20"}, {"30"}, {"x", "y"}};

// Epoch 5 into x and y; x had epoch 4, y and z nothing.
Checkpoint Saved() {
  Checkpoint c;
  c.pipeline = "p";
  c.epoch = 5;
  c.attempt = "a";
  c.tables = {"x", "y"};
  c.shards = {{"s", {"20"}, {"30"}, {{"x", kBefore}}, {}}};
  return c;
}
const Token kMine = Saved().TokenOf(Saved().shards[0]);

Verdict JudgeStaged(Tokens tokens) { return Judge(Saved(), {{"s", tokens}}, true); }
Verdict JudgeTransactional(Tokens tokens) {
  return Judge(Saved(), {{"s", tokens}}, false);
}

TEST(Judge, NothingOfItLanded) {
  Tokens tokens = {{"x", kBefore}};
  EXPECT_EQ(JudgeStaged(tokens), Verdict::kRollForward);
  EXPECT_EQ(JudgeTransactional(tokens), Verdict::kLost);
}

TEST(Judge, AllOfItLanded) {
  Tokens tokens = {{"x", kMine}, {"y", kMine}};
  EXPECT_EQ(JudgeStaged(tokens), Verdict::kCommitted);
  EXPECT_EQ(JudgeTransactional(tokens), Verdict::kCommitted);
}

TEST(Judge, HalfOfItLanded) {
  EXPECT_EQ(JudgeStaged({{"x", kMine}}), Verdict::kRollForward);
  EXPECT_EQ(JudgeStaged({{"x", kBefore}, {"y", kMine}}), Verdict::kRollForward);
}

TEST(Judge, SomebodyElseWentOn) {
  EXPECT_EQ(JudgeStaged({{"x", kOther}}), Verdict::kOld);
  EXPECT_EQ(JudgeStaged({{"x", kBefore}, {"y", kOther}}), Verdict::kOld);
  // Also in a table that this epoch does not touch.
  EXPECT_EQ(JudgeStaged({{"x", kMine}, {"z", kOther}}), Verdict::kOld);
  // A table that had a token and has none now.
  EXPECT_EQ(JudgeStaged({}), Verdict::kOld);
}

// One of two shards was dealt to another process, which went on with it.
TEST(Judge, AnyShardsTokenProvesThatATableHasTheEpoch) {
  Checkpoint both = Saved();
  both.shards.push_back({"t", {"1"}, {"2"}, {}, {}});
  const Token mine = both.TokenOf(both.shards[1]);
  const Token moved{"p", "t", 9, "c", {"2"}, {"3"}, {"x"}};
  EXPECT_EQ(
      Judge(both,
            {{"s", {{"x", kMine}, {"y", kMine}}}, {"t", {{"x", moved}, {"y", mine}}}},
            true),
      Verdict::kCommitted);
  // Table y has neither, and one shard's token is no longer the previous one.
  EXPECT_EQ(
      Judge(both, {{"s", {{"x", kMine}}}, {"t", {{"x", mine}, {"y", moved}}}}, true),
      Verdict::kOld);
  EXPECT_EQ(Judge(both, {{"s", {{"x", kMine}}}, {"t", {{"x", mine}}}}, true),
            Verdict::kRollForward);
}

TEST(Judge, EpochWithoutRowsCanAlwaysBeCommitted) {
  Checkpoint start = Saved();
  start.start = true;
  start.shards[0].to = start.shards[0].from;
  EXPECT_EQ(Judge(start, {{"s", {{"x", kBefore}}}}, false), Verdict::kRollForward);
}

TEST(Judge, EpochWithoutTablesIsCommittedOnceSaved) {
  Checkpoint moved = Saved();
  moved.tables.clear();
  EXPECT_EQ(Judge(moved, {{"s", {{"x", kBefore}}}}, false), Verdict::kCommitted);
}

TEST(PositionOf, FurthestCompleteEpoch) {
  NumberSource source;
  EXPECT_TRUE(PositionOf({}, source).empty());
  EXPECT_EQ(PositionOf({{"x", kBefore}}, source).text, "20");
  EXPECT_EQ(PositionOf({{"x", kMine}, {"y", kMine}}, source).text, "30");
}

TEST(PositionOf, IncompleteEpochIsReadAgainFromItsStart) {
  NumberSource source;
  EXPECT_EQ(PositionOf({{"x", kMine}}, source).text, "20");
  EXPECT_EQ(PositionOf({{"x", kMine}, {"y", kBefore}}, source).text, "20");
  // A table that is further than the epoch asks for completes it as well.
  EXPECT_EQ(PositionOf({{"x", kMine}, {"y", At(6, "30", "40", {"y"})}}, source).text,
            "40");
}

TEST(PositionOf, NineIsNotFurtherThanTen) {
  NumberSource source;
  EXPECT_EQ(
      PositionOf({{"x", At(1, "1", "9", {"x"})}, {"y", At(2, "9", "10", {"y"})}}, source)
          .text,
      "10");
}

}  // namespace
}  // namespace leat
