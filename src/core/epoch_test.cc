#include "core/epoch.h"

#include <gtest/gtest.h>

namespace leat {
namespace {

Token Sample() {
  return {"orders", "binlog", 7, "a1b2", {"0-1-5"}, {"0-1-9"}, {"db.a", "db.b"}};
}

TEST(Token, SurvivesJson) {
  auto back = Token::FromJson(Sample().ToJson());
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(*back, Sample());
}

TEST(Token, TextIsStable) {
  EXPECT_EQ(Sample().ToJson(),
            R"({"pipeline":"orders","shard":"binlog","epoch":7,"attempt":"a1b2",)"
            R"("from":"0-1-5","to":"0-1-9","tables":["db.a","db.b"]})");
}

TEST(Token, RefusesWhatIsNone) {
  for (const char* text : {"", "{", "[]", "{\"epoch\":\"x\"}", R"({"pipeline":1})"}) {
    auto token = Token::FromJson(text);
    ASSERT_FALSE(token.ok()) << text;
    EXPECT_EQ(token.status().kind(), ErrorKind::kConfig);
  }
}

TEST(Token, LargestEpochSurvives) {
  Token token = Sample();
  token.epoch = UINT64_MAX;
  EXPECT_EQ((*Token::FromJson(token.ToJson())).epoch, UINT64_MAX);
}

TEST(Checkpoint, SurvivesJsonWithTokensAndWithout) {
  Checkpoint c;
  c.pipeline = "orders";
  c.epoch = 8;
  c.attempt = "c3";
  c.shards = {{"binlog", {"5"}, {"9"}, {{"db.a", Sample()}}, {"db.a"}}};
  c.start = true;
  c.tables = {"db.b"};
  c.manifest = "{\"files\": [\"ä \\\"quoted\\\"\"]}\n";
  auto back = Checkpoint::FromJson(c.ToJson());
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  ASSERT_EQ(back->shards.size(), 1u);
  EXPECT_EQ(back->shards[0], c.shards[0]);
  EXPECT_EQ(FindToken(back->shards[0].previous, "db.b"), nullptr);
  EXPECT_TRUE(back->start);
  EXPECT_EQ(back->manifest, c.manifest);
  EXPECT_EQ(back->tables, c.tables);
  EXPECT_EQ(back->epoch, 8u);
}

TEST(Checkpoint, ATokenNeverFalls) {
  Checkpoint c;
  c.epoch = 8;
  c.attempt = "c3";
  c.tables = {"db.a", "db.b"};
  c.shards = {{"s", {"5"}, {"9"}, {{"db.a", Sample()}}, {"db.a"}},
              {"t", {"1"}, {"2"}, {}}};
  ASSERT_EQ(c.TokensFor("db.a").size(), 1u);
  EXPECT_EQ(c.TokensFor("db.a")[0].shard, "t");
  EXPECT_EQ(c.TokensFor("db.b").size(), 2u);
  const Tokens after = c.After(c.shards[0]);
  EXPECT_EQ(after.at("db.a"), Sample());
  EXPECT_EQ(after.at("db.b"), c.TokenOf(c.shards[0]));
}

TEST(Checkpoint, TokenOfARangeNamesItsTables) {
  Checkpoint c;
  c.pipeline = "orders";
  c.epoch = 8;
  c.attempt = "c3";
  c.tables = {"db.a", "db.b"};
  Token token = c.TokenOf({"s1", {"5"}, {"9"}, {}, {}});
  EXPECT_EQ(token, (Token{"orders", "s1", 8, "c3", {"5"}, {"9"}, {"db.a", "db.b"}}));
}

}  // namespace
}  // namespace leat
