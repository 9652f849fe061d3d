#include "connectors/notify/options.h"

#include <algorithm>
#include <cctype>
#include <functional>

#include "base/redact.h"
#include "format/json/parse.h"
#include "wire/http_client.h"

namespace leat::notify {
namespace {

constexpr std::string_view kExample = R"(notify:
  slack: ${SLACK_WEBHOOK}
  template: "*{level}*: {station} has {temperature} °C"
  key: "{station}/{level}"
  cooldown: 30m
)";
constexpr int64_t kDay = 86'400'000'000;
constexpr Micros kSlackEvery = std::chrono::seconds(1);
// Bytes of a URL's path, and of one piece of it, from which on it may be a secret.
constexpr size_t kTellingPath = 8;
constexpr size_t kTellingPiece = 16;
constexpr std::string_view kKeyPrefix = "whsec_";
constexpr size_t kShortestKey = 24;  // bytes, as Standard Webhooks asks for

Field WebhookField() {
  return Field::Object(
      "webhook",
      "A server that takes each message as JSON: id, pipeline, table, text, left_out, "
      "row.",
      {Field::String("url", "Where messages are sent.")
           .Required()
           .Secret()
           .Example("${ALERTS_URL}"),
       Field::String("method", "The request's method.")
           .OneOf({"POST", "PUT", "PATCH"})
           .Default("POST"),
       Field::Map("headers", "Headers of each request.")
           .Secret()
           .Example("{Authorization: \"Bearer ${ALERTS_TOKEN}\"}"),
       Field::String("secret",
                     "Signs each request as Standard Webhooks do: 24 bytes or more in "
                     "base64, with or without whsec_ in front.")
           .Secret()
           .Example("${ALERTS_SECRET}"),
       Field::String("ca", "A file of certificates to trust instead of the system's.")
           .Example("certs/ca.pem")});
}

// The HMAC key; empty where it is none.
std::string KeyOf(std::string_view secret) {
  if (secret.starts_with(kKeyPrefix)) secret.remove_prefix(kKeyPrefix.size());
  auto key = json::ParseBase64(secret);
  return key && key->size() >= kShortestKey ? *std::move(key) : "";
}

// Those that each request has anyway.
bool IsOwnHeader(std::string name) {
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return std::tolower(c); });
  return name == "content-type" || name == "content-length" || name == "user-agent" ||
         name == "idempotency-key" || name.starts_with("webhook-");
}

bool IsHeader(const std::string& name, const std::string& value) {
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [&](unsigned char c) {
    return std::isalnum(c) || kSigns.find(static_cast<char>(c)) != std::string_view::npos;
  }) && value.find_first_of("\r\n") == std::string::npos;
}

// The secret of a URL is somewhere in its path or query, that of a header behind its
// scheme ("Bearer ..."), and servers like to repeat them.
void RegisterSecrets(const Target& target) {
  std::string_view path = target.url;
  path.remove_prefix(std::min(path.size(), path.find("://") + 3));
  path.remove_prefix(std::min(path.size(), path.find_first_of("/?")));
  for (const std::string_view part : {path, path.substr(0, path.find('?'))}) {
    if (part.size() >= kTellingPath) RegisterSecret(part);
  }
  while (!path.empty()) {
    const size_t end = std::min(path.size(), path.find_first_of("/?&="));
    if (end >= kTellingPiece) RegisterSecret(path.substr(0, end));
    path.remove_prefix(std::min(path.size(), end + 1));
  }
  for (const auto& [name, value] : target.headers) {
    RegisterSecret(value.substr(value.find_last_of(' ') + 1));
  }
}

using Complain = std::function<void(const Config& config, std::string_view field,
                                    std::string message, std::string remedy)>;

void ValidateUrl(const Config& config, std::string_view field, const Complain& complain) {
  if (!HttpOrigin(config.String(field)).empty()) return;
  complain(config, field, "this value is no URL",
           "write https:// in front, and percent-encode what a URL cannot have");
}

void ValidateWebhook(const Config& webhook, const Complain& complain) {
  ValidateUrl(webhook, "url", complain);
  for (const auto& [name, value] : webhook.Map("headers")) {
    if (IsOwnHeader(name)) {
      complain(webhook, "headers", "\"" + name + "\" is set by the sink itself",
               "remove it");
    } else if (!IsHeader(name, value)) {
      complain(webhook, "headers", "\"" + name + "\" and its value are no header",
               "a name has letters, digits and -, a value one line");
    }
  }
  if (webhook.Has("secret") && KeyOf(webhook.String("secret")).empty()) {
    complain(webhook, "secret", "this value is no secret for signatures",
             "make one with: openssl rand -base64 32");
  }
}

}  // namespace

Spec SinkSpec() {
  Spec spec;
  spec.name = "notify";
  spec.summary = "Turns each row into a message: to Slack, or to a webhook.";
  spec.fields = {
      Field::String("slack", "The URL of an incoming webhook of Slack's.")
          .Secret()
          .Example("${SLACK_WEBHOOK}"),
      WebhookField(),
      Field::String(
          "template",
          "The message, in Slack's mrkdwn there; {column} stands for a value of "
          "the row, {{ and }} for braces. A webhook needs none.")
          .Example("\"*{level}*: {station} has {temperature} °C\""),
      Field::String("key",
                    "What is told once within `cooldown`, with columns as in `template`. "
                    "Default: the message itself.")
          .Example("\"{station}/{level}\""),
      Field::Duration("cooldown",
                      "After a message, others of its key are left out for so long; the "
                      "next one says how many.")
          .Between(0, 365 * kDay)
          .Default("0s")
          .Example("30m"),
      Field::Duration("every",
                      "The time between two messages, at least. Default: 1s to Slack, "
                      "which refuses more, 0s to a webhook.")
          .Between(0, kDay)
          .Example("5s")};
  spec.example = kExample;
  return spec;
}

void ValidateSink(const Config& config, Diagnostics* diagnostics) {
  const Complain complain = [&](const Config& where, std::string_view field,
                                std::string message, std::string remedy) {
    diagnostics->push_back({where.At(field), std::move(message), std::move(remedy)});
  };
  const bool slack = config.Has("slack");
  if (slack == config.Has("webhook")) {
    complain(config, slack ? "webhook" : "slack",
             slack ? "messages go to one place, not to both slack and webhook"
                   : "notify needs slack or webhook: where messages go",
             slack ? "give each a pipeline of its own, on the same topic"
                   : "write slack: ${SLACK_WEBHOOK}");
  }
  if (slack) ValidateUrl(config, "slack", complain);
  if (config.Has("webhook")) ValidateWebhook(config.Object("webhook"), complain);
  if (slack && config.String("template").empty()) {
    complain(config, "template", "slack needs a template: the message",
             "such as template: \"*{level}*: {text}\"");
  }
  for (const std::string_view field : {"template", "key"}) {
    auto parsed = Template::Parse(config.String(field));
    if (!parsed.ok()) complain(config, field, parsed.status().message(), "");
  }
  const bool cools = config.Duration("cooldown") > Micros(0);
  if (cools && !config.Has("key") && config.String("template").empty()) {
    complain(config, "cooldown", "cooldown needs a key: which messages are alike",
             "such as key: \"{station}/{level}\"");
  }
  if (!cools && config.Has("key")) {
    complain(config, "key", "key does nothing without a cooldown",
             "say how long the same is not told again, such as cooldown: 30m");
  }
}

Result<SinkOptions> ReadSinkOptions(const Config& config) {
  SinkOptions options;
  options.target.slack = config.Has("slack");
  if (options.target.slack) {
    options.target.url = config.String("slack");
  } else {
    const Config& webhook = config.Object("webhook");
    options.target.url = webhook.String("url");
    options.target.method = webhook.String("method");
    options.target.headers = webhook.Map("headers");
    options.target.key = KeyOf(webhook.String("secret"));
    options.target.ca = webhook.Path("ca");
  }
  options.target.origin = HttpOrigin(options.target.url);
  RegisterSecrets(options.target);
  if (!config.String("template").empty()) {
    ASSIGN_OR_RETURN(options.text, Template::Parse(config.String("template")));
  }
  if (config.Has("key")) {
    ASSIGN_OR_RETURN(options.key, Template::Parse(config.String("key")));
  }
  options.cooldown = config.Duration("cooldown");
  options.every = config.Has("every")    ? config.Duration("every")
                  : options.target.slack ? kSlackEvery
                                         : Micros(0);
  return options;
}

}  // namespace leat::notify
