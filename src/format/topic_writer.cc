#include "format/topic_writer.h"

namespace leat {
namespace {

constexpr int64_t kRunBytes = int64_t{8} << 20;

}  // namespace

RecordsBuilder& TopicWriter::To(const std::string& topic) {
  return builders_.try_emplace(topic, topic).first->second;
}

void TopicWriter::Cut(RecordsBuilder* builder, std::vector<Records>* out) {
  if (builder->bytes() >= kRunBytes) out->push_back(builder->Finish());
}

void TopicWriter::Flush(std::vector<Records>* out) {
  for (auto& [topic, builder] : builders_) {
    if (builder.size() > 0) out->push_back(builder.Finish());
  }
  builders_.clear();
}

}  // namespace leat
