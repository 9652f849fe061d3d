// What is sent of a row, and how it is written for a target. Functions; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"

namespace leat::notify {

struct Message {
  std::string id;  // the same whenever the row is sent again
  std::string table;
  std::string text;      // with `left_out` said in it; empty: there is no template
  int64_t left_out = 0;  // messages like it since the last one of its key
  std::string row;       // JSON
};

// A row's values as text, by column: text as it is, bytes in hexadecimal, "null" for
// none.
using Values = std::map<std::string, std::string, std::less<>>;
// `row_json` is a row as json::RowText writes it. kData: it is not UTF-8.
Result<Values> ValuesOf(std::string_view row_json);

// With the characters that Slack's markup is made of as entities.
std::string SlackEscaped(std::string_view text);
// "(2 more like it were left out)" on a line of its own; empty for 0.
std::string LeftOutNote(int64_t left_out);

std::string SlackBody(const Message& message);
std::string WebhookBody(const Message& message, std::string_view pipeline);

// The value of a webhook-signature header (Standard Webhooks 1.0.0): HMAC-SHA256 over
// id, seconds since 1970 and body. `key` is the secret, decoded.
std::string Signature(std::string_view key, std::string_view id, int64_t seconds,
                      std::string_view body);

}  // namespace leat::notify
