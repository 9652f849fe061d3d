// Fuzzes MySQL's binary JSON and its differences: two bytes of length, a document of that
// length, then differences to apply to it.
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "connectors/mysql/values/charset.h"
#include "connectors/mysql/values/json_binary.h"
#include "connectors/mysql/values/json_partial.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  leat::ByteReader in(data, size);
  const std::string_view document = in.Bytes(in.U16());
  if (in.failed()) return 0;
  std::string text;
  if (leat::mysql::AppendJsonText(document, &text) &&
      leat::mysql::IsUtf8(text.data(), text.size()) && !nlohmann::json::accept(text)) {
    __builtin_trap();
  }
  std::string patched;
  const std::string_view diffs = in.Bytes(in.left());
  leat::mysql::AppendPatchedJson(document, diffs, &patched);
  return 0;
}
