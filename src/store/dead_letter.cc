#include "store/dead_letter.h"

#include "base/bytes.h"

namespace leat {
namespace {

void Put(std::string* out, uint64_t value, int width) {
  for (int i = 0; i < width; i++) *out += static_cast<char>(value >> (8 * i));
}

void PutText(std::string* out, std::string_view text) {
  Put(out, text.size(), 4);
  *out += text;
}

}  // namespace

std::string EncodeDeadLetter(const DeadLetter& letter) {
  std::string out;
  out.reserve(32 + letter.reason.size() + letter.row.size());
  Put(&out, static_cast<uint64_t>(letter.time), 8);
  PutText(&out, letter.table);
  PutText(&out, letter.reason);
  PutText(&out, letter.position.text);
  PutText(&out, letter.row);
  return out;
}

Result<DeadLetter> DecodeDeadLetter(std::string_view bytes) {
  ByteReader in(bytes);
  DeadLetter letter;
  letter.time = static_cast<int64_t>(in.U64());
  letter.table = in.Bytes(in.U32());
  letter.reason = in.Bytes(in.U32());
  letter.position.text = in.Bytes(in.U32());
  letter.row = in.Bytes(in.U32());
  if (in.failed() || in.left() != 0) {
    return Status::Config("a dead letter in the store is damaged");
  }
  return letter;
}

}  // namespace leat
