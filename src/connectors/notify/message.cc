#include "connectors/notify/message.h"

#include <arrow/util/base64.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "format/json/reader.h"
#include "format/json/text.h"

namespace leat::notify {

Result<Values> ValuesOf(std::string_view row_json) {
  json::Reader reader;
  std::vector<json::Member> members;
  RETURN_IF_ERROR(reader.Read(row_json, &members));
  Values values;
  for (const json::Member& member : members) {
    std::string& text = values[std::string(member.name)];
    switch (member.value.kind) {
      case json::Value::Kind::kNull: text = "null"; break;
      case json::Value::Kind::kBool:
        text = member.value.boolean ? "true" : "false";
        break;
      default: text = member.value.text;
    }
  }
  return values;
}

std::string SlackEscaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string LeftOutNote(int64_t left_out) {
  if (left_out == 0) return "";
  return fmt::format("\n({} more like it {} left out)", left_out,
                     left_out == 1 ? "was" : "were");
}

std::string SlackBody(const Message& message) {
  // Incoming webhooks have no key against doubles; what a message's metadata has, an app
  // of the user's can find again.
  return fmt::format(
      R"({{"text":{},"metadata":{{"event_type":"leat_message","event_payload":{{"id":{}}}}}}})",
      json::Quoted(message.text), json::Quoted(message.id));
}

std::string WebhookBody(const Message& message, std::string_view pipeline) {
  const std::string text = message.text.empty()
                               ? ""
                               : fmt::format(R"("text":{},)", json::Quoted(message.text));
  return fmt::format(R"({{"id":{},"pipeline":{},"table":{},{}"left_out":{},"row":{}}})",
                     json::Quoted(message.id), json::Quoted(pipeline),
                     json::Quoted(message.table), text, message.left_out, message.row);
}

std::string Signature(std::string_view key, std::string_view id, int64_t seconds,
                      std::string_view body) {
  const std::string content = fmt::format("{}.{}.{}", id, seconds, body);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest,
       &size);
  return "v1," + arrow::util::base64_encode(
                     std::string_view(reinterpret_cast<const char*>(digest), size));
}

}  // namespace leat::notify
