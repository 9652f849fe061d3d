#include "format/topic_writer.h"

namespace leat {
namespace {

// What a core keeps close: whoever takes the records reads them at once.
constexpr int64_t kRunBytes = int64_t{512} << 10;

}  // namespace

RecordsBuilder& TopicWriter::To(const std::string& topic) {
  return builders_.try_emplace(topic, topic).first->second;
}

Status TopicWriter::Cut(RecordsBuilder* builder, const TakeRecords& take) {
  return builder->bytes() >= kRunBytes ? take(builder->Finish()) : Status::Ok();
}

Status TopicWriter::Flush(const TakeRecords& take) {
  auto written = std::exchange(builders_, {});
  for (auto& [topic, builder] : written) {
    if (builder.size() > 0) RETURN_IF_ERROR(take(builder.Finish()));
  }
  return Status::Ok();
}

}  // namespace leat
