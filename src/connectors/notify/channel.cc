#include "connectors/notify/channel.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/redact.h"

namespace leat::notify {
namespace {

constexpr auto kLongestWait = std::chrono::hours(1);  // then it is asked again
constexpr size_t kExcerpt = 200;
constexpr size_t kLookedThrough = 4096;  // of an answer, for secrets

// The beginning of what a server says, fit for a log.
std::string Excerpt(std::string_view body) {
  // First, for the beginning of a secret is a secret too.
  std::string text = Redact(body.substr(0, kLookedThrough)).substr(0, kExcerpt);
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c < 0; }, ' ');
  while (text.ends_with(' ')) text.pop_back();
  return text.empty() ? "" : ": " + text;
}

// Of this message alone: another one may be taken.
bool Refuses(const Target& target, const HttpAnswer& answer) {
  // Slack says of a person who has left that the request was bad.
  if (target.slack && answer.body.starts_with("user_not_found")) return false;
  return answer.code == 400 || answer.code == 413 || answer.code == 422;
}

bool MayPass(int64_t code) { return code == 408 || code == 429 || code >= 500; }

}  // namespace

Channel::Channel(const Target& target, Micros every, const Context& context)
    : target_(target),
      every_(every),
      context_(context),
      http_({"", "", target.ca, &context.cancel}) {}

Result<std::string> Channel::Deliver(const Message& message) {
  const std::string body =
      target_.slack ? SlackBody(message) : WebhookBody(message, context_.pipeline);
  for (;;) {
    RETURN_IF_ERROR(Wait(next_ - context_.clock.Now()));
    auto answer = http_.Send(RequestFor(message, body));
    next_ = context_.clock.Now() + every_;
    if (!answer.ok()) return answer.status().Within("sending to " + target_.origin);
    if (answer->code >= 200 && answer->code < 300) return std::string();
    if (answer->code == 429 && answer->retry_after) {
      const std::chrono::seconds wait =
          std::min<std::chrono::seconds>(*answer->retry_after, kLongestWait);
      context_.log.Warn("told to send more slowly", {{"pipeline", context_.pipeline},
                                                     {"to", target_.origin},
                                                     {"wait_s", wait.count()}});
      next_ = context_.clock.Now() + wait;
      continue;
    }
    if (!Refuses(target_, *answer)) return Failure(*answer);
    return fmt::format("{} refused the message with {}{}", target_.origin, answer->code,
                       Excerpt(answer->body));
  }
}

HttpRequest Channel::RequestFor(const Message& message, const std::string& body) const {
  HttpRequest request;
  request.method = target_.method;
  request.url = target_.url;
  request.body = body;
  request.headers = {"Content-Type: application/json", "User-Agent: leat"};
  if (target_.slack) return request;
  const int64_t now = context_.clock.WallMicros() / 1'000'000;
  request.headers.push_back("Idempotency-Key: " + message.id);
  request.headers.push_back("webhook-id: " + message.id);
  request.headers.push_back(fmt::format("webhook-timestamp: {}", now));
  if (!target_.key.empty()) {
    request.headers.push_back("webhook-signature: " +
                              Signature(target_.key, message.id, now, body));
  }
  for (const auto& [name, value] : target_.headers) {
    request.headers.push_back(name + ": " + value);
  }
  return request;
}

Status Channel::Wait(std::chrono::nanoseconds duration) {
  if (duration <= std::chrono::nanoseconds(0)) return Status::Ok();
  if (!context_.clock.Sleep(duration, context_.cancel)) return Status::Ok();
  return Status::Cancelled("asked to leave");
}

Status Channel::Failure(const HttpAnswer& answer) const {
  const std::string what =
      fmt::format("{} answered {}{}", target_.origin, answer.code, Excerpt(answer.body));
  if (MayPass(answer.code)) return Status::Transient(what);
  if (answer.code < 400) {
    return Status::Config(what +
                          "; redirects are not followed: write the URL of the "
                          "place itself");
  }
  if (target_.slack) {
    return Status::Config(what +
                          "; the webhook was removed, or may not post into its channel: "
                          "make a new one in Slack and put its URL into `slack`");
  }
  return Status::Config(what + "; check webhook.url and webhook.headers");
}

CheckItem CheckTarget(const Target& target) {
  HttpClient http({"", "", target.ca, nullptr});
  const Status connected = http.Connect(target.url);
  if (connected.ok()) {
    return {true, fmt::format("{} can be reached; nothing was sent", target.origin), ""};
  }
  return {false, fmt::format("{}: {}", target.origin, connected.message()),
          connected.kind() == ErrorKind::kConfig
              ? "use a certificate that is trusted here, or name its authority in "
                "webhook.ca"
              : "check the name and the port, and that a firewall lets them through"};
}

}  // namespace leat::notify
