#include "connectors/topic/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/redact.h"
#include "core/config_reader.h"

namespace leat::topic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kNow = 1'700'000'000'000;

TEST(Options, StartsAtATime) {
  auto time = [](std::string_view text) {
    std::optional<Start> start = ParseStart(text, kNow);
    return start && start->kind == Start::Kind::kTime ? start->time : -1;
  };
  EXPECT_EQ(time("2023-11-14T22:13:20Z"), kNow);
  EXPECT_EQ(time("2023-11-14 22:13:20.5"), -1);
  EXPECT_EQ(time("2023-11-14T23:13:20.123+01:00"), kNow + 123);
  EXPECT_EQ(time("2023-11-14"), kNow - (22 * 3600 + 13 * 60 + 20) * 1000);
  EXPECT_EQ(time("90m"), kNow - 90 * 60'000);
  EXPECT_EQ(time("2023-13-14"), -1);
  EXPECT_FALSE(ParseStart("newest", kNow));
  EXPECT_EQ(ParseStart("latest", kNow)->kind, Start::Kind::kLatest);
}

std::string SourceErrors(std::string_view yaml) {
  auto config = ParseConfig({"topic", "", SourceFields(), ""}, yaml);
  EXPECT_TRUE(config.ok()) << config.status().ToString();
  Diagnostics diagnostics;
  ValidateSource(*config, &diagnostics);
  return ToStatus(std::move(diagnostics)).message();
}

TEST(Options, ASourceNamesItsTopicsOnce) {
  EXPECT_EQ(SourceErrors("name: orders"), "");
  EXPECT_EQ(SourceErrors("pattern: shop-.*"), "");
  EXPECT_THAT(SourceErrors("group: g"), HasSubstr("names no topic"));
  EXPECT_THAT(SourceErrors("{name: a, names: [b]}"), HasSubstr("twice"));
  EXPECT_THAT(SourceErrors("name: a b"), HasSubstr("cannot name a topic"));
  EXPECT_THAT(SourceErrors("pattern: \"a(\""), HasSubstr("no regular expression"));
  EXPECT_THAT(SourceErrors("{name: a, offsets: {x: 1}}"), HasSubstr("offsets"));
}

TEST(Options, ASinkTakesTheTableIntoTheName) {
  auto errors = [](std::string_view yaml) {
    auto config = ParseConfig({"topic", "", SinkFields(), ""}, yaml);
    EXPECT_TRUE(config.ok()) << config.status().ToString();
    Diagnostics diagnostics;
    ValidateSink(*config, &diagnostics);
    return ToStatus(std::move(diagnostics)).message();
  };
  EXPECT_EQ(errors("name: \"mysql.{database}.{table}\""), "");
  EXPECT_THAT(errors("name: \"mysql.{tabel}\""), HasSubstr("cannot name a topic"));
}

}  // namespace
}  // namespace leat::topic
