#include "format/avro_writer.h"

#include <zlib.h>

#include <random>

namespace leat {
namespace {

constexpr size_t kBlockBytes = 64 * 1024;

// Raw deflate without zlib's header, as Avro has it.
std::string Deflate(const std::string& bytes) {
  z_stream z{};
  // Fails only for want of memory, where the program ends anyway.
  deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, bytes.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string RandomSync() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  std::string sync;
  for (int i = 0; i < 2; i++) {
    uint64_t bits = random();
    sync.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
  }
  return sync;
}

}  // namespace

void AvroEncoder::Long(int64_t value) {
  uint64_t zigzag =
      (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  while (zigzag >= 0x80) {
    out_ += static_cast<char>(zigzag | 0x80);
    zigzag >>= 7;
  }
  out_ += static_cast<char>(zigzag);
}

AvroWriter::AvroWriter(std::string_view schema,
                       const std::map<std::string, std::string>& metadata)
    : sync_(RandomSync()) {
  file_.Raw(std::string_view("Obj\1", 4));
  file_.BeginBlock(metadata.size() + 2);
  file_.String("avro.schema");
  file_.Bytes(schema);
  file_.String("avro.codec");
  file_.Bytes("deflate");
  for (const auto& [name, value] : metadata) {
    file_.String(name);
    file_.Bytes(value);
  }
  file_.EndBlock();
  file_.Raw(sync_);
}

void AvroWriter::EndRecord() {
  records_++;
  if (block_.bytes().size() >= kBlockBytes) EndBlock();
}

void AvroWriter::EndBlock() {
  if (records_ == 0) return;
  file_.Long(records_);
  file_.Bytes(Deflate(block_.bytes()));
  file_.Raw(sync_);
  block_.Clear();
  records_ = 0;
}

std::string AvroWriter::Finish() {
  EndBlock();
  return file_.bytes();
}

}  // namespace leat
