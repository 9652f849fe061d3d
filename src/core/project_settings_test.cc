#include "core/project_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/redact.h"
#include "base/testing.h"

namespace leat {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(Broker, IsEmbeddedOrKafka) {
  EXPECT_TRUE(Must(Broker::Parse("embedded")).embedded());
  Broker kafka =
      Must(Broker::Parse("kafka://a:9093,b,[::1]?security.protocol=SSL&client.id=x%20y"));
  EXPECT_FALSE(kafka.embedded());
  EXPECT_THAT(kafka.servers, ElementsAre("a:9093", "b:9092", "[::1]:9092"));
  EXPECT_THAT(kafka.options,
              ElementsAre(Pair("client.id", "x y"), Pair("security.protocol", "SSL")));
}

TEST(Broker, SaysWhatIsWrong) {
  auto error = [](std::string_view text) {
    return Broker::Parse(text).status().message();
  };
  EXPECT_THAT(error("redis://a"), HasSubstr("kafka://"));
  EXPECT_THAT(error("kafka://a:b"), HasSubstr("host:port"));
  EXPECT_THAT(error("kafka://"), HasSubstr("host:port"));
  EXPECT_THAT(error("kafka://a?x"), HasSubstr("no value"));
  EXPECT_THAT(error("kafka://a?x=1&x=2"), HasSubstr("twice"));
  EXPECT_THAT(error("kafka://u:p@a"), HasSubstr("sasl.username"));
}

TEST(Broker, Scar_30_ItsPasswordsAreMasked) {
  Must(Broker::Parse("kafka://a?sasl.password=hunter2broker"));
  EXPECT_EQ(Redact("with hunter2broker"), "with ***");
}

}  // namespace
}  // namespace leat
