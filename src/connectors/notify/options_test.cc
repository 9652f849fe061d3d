#include "connectors/notify/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/redact.h"
#include "base/testing.h"
#include "core/config_reader.h"

namespace leat::notify {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Wrong(const std::string& yaml) {
  Diagnostics diagnostics;
  ValidateSink(Must(ParseConfig(SinkSpec(), yaml)), &diagnostics);
  std::string all;
  for (const Diagnostic& d : diagnostics) all += d.ToString() + "\n";
  return all;
}

constexpr char kSlack[] =
    "slack: https://hooks.slack.com/services/T0/B0/verysecretpath\n";

TEST(OptionsTest, DefaultsFollowTheTarget) {
  const std::string yaml = std::string(kSlack) + "template: \"{a}\"\n";
  EXPECT_THAT(Wrong(yaml), IsEmpty());
  const SinkOptions slack = Must(ReadSinkOptions(Must(ParseConfig(SinkSpec(), yaml))));
  EXPECT_TRUE(slack.target.slack);
  EXPECT_EQ(slack.target.origin, "https://hooks.slack.com");
  EXPECT_EQ(slack.every, std::chrono::seconds(1));
  EXPECT_EQ(Redact("no service at /services/T0/B0/verysecretpath"), "no service at ***");

  const std::string other = "webhook: {url: \"https://h:1/x\"}\n";
  EXPECT_THAT(Wrong(other), IsEmpty());
  const SinkOptions webhook = Must(ReadSinkOptions(Must(ParseConfig(SinkSpec(), other))));
  EXPECT_EQ(webhook.target.url, "https://h:1/x");
  EXPECT_EQ(webhook.target.method, "POST");
  EXPECT_EQ(webhook.every, Micros(0));
  EXPECT_FALSE(webhook.text);
}

TEST(OptionsTest, Scar_30_MistakesAreExplainedWithoutTheSecret) {
  EXPECT_THAT(Wrong("template: a\n"), HasSubstr("needs slack or webhook"));
  EXPECT_THAT(Wrong(std::string(kSlack) + "webhook: {url: http://h/}\ntemplate: a\n"),
              HasSubstr("to one place"));
  EXPECT_THAT(Wrong(kSlack), HasSubstr("slack needs a template"));
  EXPECT_THAT(Wrong("slack: verysecretpath\ntemplate: a\n"),
              testing::AllOf(HasSubstr("no URL"), Not(HasSubstr("verysecretpath"))));
  EXPECT_THAT(Wrong("webhook: {url: verysecretpath}\n"),
              testing::AllOf(HasSubstr("no URL"), Not(HasSubstr("verysecretpath"))));
  EXPECT_THAT(Wrong(std::string(kSlack) + "template: \"{a\"\n"), HasSubstr("not closed"));
  EXPECT_THAT(Wrong(std::string(kSlack) + "template: a\nkey: b\n"),
              HasSubstr("nothing without a cooldown"));
  EXPECT_THAT(Wrong("webhook: {url: http://h/}\ncooldown: 5m\n"),
              HasSubstr("needs a key"));
  EXPECT_THAT(Wrong("webhook: {url: http://h/, headers: {\"a b\": c}}\n"),
              HasSubstr("are no header"));
  EXPECT_THAT(Wrong("webhook: {url: http://h/, headers: {Webhook-Id: c}}\n"),
              HasSubstr("set by the sink itself"));
  for (const std::string secret : {"short", "not base64 but long enough to be a key"}) {
    EXPECT_THAT(
        Wrong("webhook: {url: http://h/, secret: " + secret + "}\n"),
        testing::AllOf(HasSubstr("no secret for signatures"), Not(HasSubstr(secret))));
  }
}

TEST(OptionsTest, SecretsForSignatures) {
  const std::string base64 = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";  // of 24 digits
  for (const std::string& secret : {base64, "whsec_" + base64}) {
    const std::string yaml = "webhook: {url: http://h/, secret: " + secret + "}\n";
    EXPECT_THAT(Wrong(yaml), IsEmpty());
    EXPECT_EQ(Must(ReadSinkOptions(Must(ParseConfig(SinkSpec(), yaml)))).target.key,
              "012345678901234567890123");
  }
}

}  // namespace
}  // namespace leat::notify
