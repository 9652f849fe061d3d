// What commands ask of the topics of a project, whatever its broker. Requests and answers
// are JSON objects; what the broker does not know is left out of an answer:
//
//   topics            -> topics: [{name, partitions: [...], ...}]; with "topic" only that
//   topics-read       topic, from: {partition: offset}, limit, filters
//                     -> rows: [{partition, offset, timestamp, ...}], next: {...},
//                     more: true when there may be
//   topics-produce    topic, records: [{key, value, headers, partition}]
//   topics-create     topic, partitions, ...
//   topics-delete     topic
//   topics-delete-records  topic, partition, before -> start: {partition: offset}
//   groups            -> groups: [{group, topic, partition, offset, end, lag, reader}]
//   groups-reset      group, topic, partition, to -> offsets
//   groups-delete     group
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/status.h"

namespace leat {

class Store;
namespace topic {
class TopicAccess;
}

// One thread at a time. kConfig for an unknown command, topic, partition or group; the
// broker's errors.
Result<nlohmann::ordered_json> AnswerTopics(topic::TopicAccess& topics,
                                            const nlohmann::ordered_json& request);
// The same about embedded topics, for the process that owns their store
// (runtime/control.h). Thread-safe.
Result<std::string> AnswerEmbeddedTopics(Store& store, const std::string& command,
                                         std::string_view request);

}  // namespace leat
