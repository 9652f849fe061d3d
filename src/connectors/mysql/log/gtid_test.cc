#include "connectors/mysql/log/gtid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/mysql/position.h"

namespace leat::mysql {
namespace {

using ::testing::HasSubstr;

constexpr const char* kA = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
constexpr const char* kB = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

GtidSet Mysql(const std::string& text) {
  auto set = GtidSet::Parse(Flavor::kMySql, text);
  EXPECT_TRUE(set.ok()) << set.status().ToString();
  return *set;
}
GtidSet Mariadb(const std::string& text) {
  auto set = GtidSet::Parse(Flavor::kMariaDb, text);
  EXPECT_TRUE(set.ok()) << set.status().ToString();
  return *set;
}
std::string A(const std::string& rest) { return std::string(kA) + rest; }

TEST(GtidSet, NormalisesIntervals) {
  EXPECT_EQ(Mysql(A(":7-9:1-3:4:20")).ToString(), A(":1-4:7-9:20"));
  EXPECT_EQ(Mysql(A(":5-6,") + A(":1-4")).ToString(), A(":1-6"));
  EXPECT_EQ(Mysql("").ToString(), "");
  EXPECT_EQ(Mysql(A(":1-3:8-9:2-8")).ToString(), A(":1-9"));
}

TEST(GtidSet, KeepsTagsApart) {
  GtidSet set = Mysql(A(":1-3:Blue:1-2:9"));
  EXPECT_EQ(set.ToString(), A(":1-3:blue:1-2:9"));
  EXPECT_FALSE(Mysql(A(":1-9")).Contains(set));
  EXPECT_TRUE(set.Contains(Mysql(A(":blue:2"))));
}

TEST(GtidSet, RefusesWhatIsNone) {
  for (const char* text :
       {"nonsense", "3e11fa47:1", "3e11fa47-71ca-11e1-9e33-c80aa9429562:0",
        "3e11fa47-71ca-11e1-9e33-c80aa9429562:5-2",
        "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-x"}) {
    auto set = GtidSet::Parse(Flavor::kMySql, text);
    ASSERT_FALSE(set.ok()) << text;
    EXPECT_EQ(set.status().kind(), ErrorKind::kConfig);
    EXPECT_THAT(set.status().message(), HasSubstr("is not a GTID set"));
  }
  EXPECT_FALSE(GtidSet::Parse(Flavor::kMariaDb, "0-1").ok());
  EXPECT_FALSE(GtidSet::Parse(Flavor::kMariaDb, "0-1-2-3").ok());
}

TEST(GtidSet, AddsOneByOne) {
  GtidSet set(Flavor::kMySql);
  Gtid gtid;
  for (uint64_t number : {1, 2, 3, 7, 6, 5, 4}) {
    gtid.number = number;
    EXPECT_FALSE(set.Contains(gtid));
    set.Add(gtid);
    EXPECT_TRUE(set.Contains(gtid));
  }
  EXPECT_EQ(set.ToString(), "00000000-0000-0000-0000-000000000000:1-7");
}

TEST(GtidSet, ADomainOfMariadbIsOnePosition) {
  GtidSet set = Mariadb("0-1-100,5-2-7");
  EXPECT_TRUE(set.Contains(Mariadb("0-9-100")));
  EXPECT_FALSE(set.Contains(Mariadb("0-1-101")));
  EXPECT_FALSE(set.Contains(Mariadb("1-1-1")));
  Gtid gtid;
  gtid.flavor = Flavor::kMariaDb;
  gtid.domain = 5;
  gtid.server = 3;
  gtid.number = 8;
  set.Add(gtid);
  EXPECT_EQ(set.ToString(), "0-1-100,5-3-8");
}

TEST(GtidSet, WireFormIsTheServers) {
  for (const std::string& text :
       {A(":1-5"), A(":1-5:9,") + kB + ":3", A(":1:blue:4-6:green:2")}) {
    GtidSet set = Mysql(text);
    auto back = GtidSet::Decode(set.Encode());
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_EQ(*back, set);
  }
  // One uuid with 1-5: the end is exclusive.
  std::string wire = Mysql(A(":1-5")).Encode();
  ASSERT_EQ(wire.size(), 8u + 16 + 8 + 16);
  EXPECT_EQ(wire[0], 1);
  EXPECT_EQ(wire[40], 6);
  // Tagged: the format stands in both ends of the count.
  wire = Mysql(A(":blue:1")).Encode();
  EXPECT_EQ(wire.substr(0, 8), std::string("\x01\x01\0\0\0\0\0\x01", 8));
  EXPECT_EQ(wire.substr(24, 5),
            "\x08"
            "blue");
}

TEST(GtidSet, DecodeRefusesBrokenBytes) {
  std::string wire = Mysql(A(":1-5:9-11")).Encode();
  for (size_t size = 0; size < wire.size(); size++) {
    EXPECT_FALSE(GtidSet::Decode(std::string_view(wire).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(GtidSet::Decode(wire + "x").ok());
}

TEST(GtidSet, MissingSaysWhatWasLost) {
  EXPECT_EQ(Mysql(A(":1-5:9")).Missing(Mysql(A(":1-12"))), A(":6-8:10-12"));
  EXPECT_EQ(Mysql(A(":1-5")).Missing(Mysql(A(":2-3"))), "");
  EXPECT_EQ(Mariadb("0-1-5").Missing(Mariadb("0-1-9,1-1-1")), "0-1-9,1-1-1");
}

TEST(LogPosition, TextIsReadBackWhole) {
  LogPosition position;
  position.gtids = Mysql(A(":1-5:blue:3"));
  position.file = "binlog.000003";
  position.offset = 5'000'000'000;
  PreparedXa xa;
  xa.xid = "X'31',X'',1";
  xa.gtids = Mysql(A(":1-2"));
  xa.file = "binlog.000001";
  xa.offset = 77;
  position.prepared.push_back(xa);
  position.renames["shop.t"]["new"] = "old";
  position.refresh.insert("shop.u");
  position.snapshot = R"({"done":[["shop","t"]]})";
  auto back = LogPosition::Parse(position.ToPosition());
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(back->gtids, position.gtids);
  EXPECT_EQ(back->file, position.file);
  EXPECT_EQ(back->offset, position.offset);
  EXPECT_EQ(back->prepared, position.prepared);
  EXPECT_EQ(back->renames, position.renames);
  EXPECT_EQ(back->refresh, position.refresh);
  EXPECT_EQ(back->snapshot, position.snapshot);
}

TEST(LogPosition, RefusesWhatIsNone) {
  for (const char* text : {"", "latest", "[]", R"({"gtids":"x"})", R"({"offset":"x"})"}) {
    auto parsed = LogPosition::Parse({text});
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.status().kind(), ErrorKind::kConfig);
  }
}

TEST(LogPosition, ReachedByGtidsWhateverTheFiles) {
  LogPosition here;
  here.gtids = Mariadb("0-1-10");
  here.file = "a.000001";
  LogPosition there = here;
  there.file = "b.000099";
  EXPECT_TRUE(here.Reached(there));
  there.gtids = Mariadb("0-1-11");
  EXPECT_FALSE(here.Reached(there));
}

TEST(LogPosition, ReachedByFileAndOffset) {
  LogPosition here;
  here.gtid = false;
  here.file = "binlog.999999";
  here.offset = 500;
  LogPosition there = here;
  EXPECT_TRUE(here.Reached(there));
  there.offset = 501;
  EXPECT_FALSE(here.Reached(there));
  there.file = "binlog.1000000";
  there.offset = 4;
  EXPECT_FALSE(here.Reached(there));
  EXPECT_TRUE(there.Reached(here));
}

}  // namespace
}  // namespace leat::mysql
