#include "connectors/notify/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/testing.h"
#include "connectors/notify/template.h"

namespace leat::notify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Filled(std::string_view text, const Values& values) {
  return Must(Template::Parse(text)).Fill([&](const std::string& column) {
    return values.at(column);
  });
}

TEST(TemplateTest, PutsColumnsIn) {
  const Template text = Must(Template::Parse("*{level}*: {a b} {level}"));
  EXPECT_THAT(text.columns(), ElementsAre("level", "a b", "level"));
  const Values values = {{"level", "high"}, {"a b", "{level}"}};
  EXPECT_EQ(Filled("*{level}*: {a b} {level}", values), "*high*: {level} high");
  EXPECT_EQ(Filled("", values), "");
  EXPECT_EQ(Filled("plain °C", values), "plain °C");
}

TEST(TemplateTest, BracesThatAreMeantStandTwice) {
  const Values values = {{"a", "1"}};
  EXPECT_EQ(Filled("{{a}}", values), "{a}");
  EXPECT_EQ(Filled("{{{a}}}", values), "{1}");
  EXPECT_EQ(Filled("}}{{", values), "}{");
}

TEST(TemplateTest, SaysWhichBraceIsWrong) {
  const auto error = [](std::string_view text) {
    auto parsed = Template::Parse(text);
    EXPECT_FALSE(parsed.ok()) << text;
    return parsed.status().message();
  };
  EXPECT_THAT(error("a {b"), HasSubstr("the { after \"a \" is not closed"));
  EXPECT_THAT(error("a {b {c}"), HasSubstr("the { after \"a \" is not closed"));
  EXPECT_THAT(error("a {"), HasSubstr("not closed"));
  EXPECT_THAT(error("a} b"), HasSubstr("the } after \"a\" closes nothing"));
  EXPECT_THAT(error("{a}}"), HasSubstr("closes nothing"));
  EXPECT_THAT(error("{}"), HasSubstr("names no column"));
}

TEST(MessageTest, ValuesAreTextAsPeopleWriteIt) {
  const Values values = Must(ValuesOf(
      R"({"s":"a \"b\"\n","i":-5,"d":41.50,"t":true,"n":null,"u":"\u20ac\ud83d\ude00"})"));
  EXPECT_EQ(values.at("s"), "a \"b\"\n");
  EXPECT_EQ(values.at("i"), "-5");
  EXPECT_EQ(values.at("d"), "41.50");
  EXPECT_EQ(values.at("t"), "true");
  EXPECT_EQ(values.at("n"), "null");
  EXPECT_EQ(values.at("u"), "€😀");
}

TEST(MessageTest, SlackMarkupInValuesIsText) {
  EXPECT_EQ(SlackEscaped("<!channel> a & b > c"), "&lt;!channel&gt; a &amp; b &gt; c");
}

TEST(MessageTest, SaysHowManyWereLeftOut) {
  EXPECT_EQ(LeftOutNote(0), "");
  EXPECT_EQ(LeftOutNote(1), "\n(1 more like it was left out)");
  EXPECT_EQ(LeftOutNote(2), "\n(2 more like it were left out)");
}

TEST(MessageTest, BodiesAreJson) {
  const Message message{"id1", "db.t", "a \"b\"\n\x01 😀", 2, R"({"x":1})"};
  const auto slack = nlohmann::json::parse(SlackBody(message));
  EXPECT_EQ(slack, nlohmann::json::parse(R"({"text":"a \"b\"\n\u0001 😀",
      "metadata":{"event_type":"leat_message","event_payload":{"id":"id1"}}})"));
  const auto webhook = nlohmann::json::parse(WebhookBody(message, "p"));
  EXPECT_EQ(webhook, nlohmann::json::parse(
                         R"({"id":"id1","pipeline":"p","table":"db.t",
      "text":"a \"b\"\n\u0001 😀","left_out":2,"row":{"x":1}})"));
  const auto bare = nlohmann::json::parse(WebhookBody({"id1", "t", "", 0, "{}"}, "p"));
  EXPECT_FALSE(bare.contains("text"));
}

// The example that the Standard Webhooks' libraries are tested with.
TEST(MessageTest, SignsAsStandardWebhooks) {
  constexpr unsigned char kKey[] = {0xa6, 0x52, 0x77, 0x9e, 0x6c, 0x82, 0x0c, 0x60, 0x4a,
                                    0x22, 0x76, 0xaf, 0x74, 0xe2, 0xb5, 0xe6, 0x3b, 0x25};
  EXPECT_EQ(Signature({reinterpret_cast<const char*>(kKey), sizeof kKey},
                      "msg_loFOjxBNrRLzqYUf", 1731705121,
                      R"({"event_type":"ping","data":{"success":true}})"),
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=");
}

}  // namespace
}  // namespace leat::notify
