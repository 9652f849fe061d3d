// What commands ask of the embedded topics of a project, answered by the process that
// owns the store (runtime/control.h). Requests and answers are JSON objects:
//
//   topics            -> topics: [{name, partitions: [...], ...}]; with "topic" only that
//   topics-read       topic, from: {partition: offset}, limit, filters
//                     -> rows: [{partition, offset, timestamp, ...}], next: {...},
//                     more: true when there may be
//   topics-produce    topic, records: [{key, value, headers, partition}] -> offsets
//   topics-create     topic, partitions, ...
//   topics-delete     topic
//   topics-delete-records  topic, partition, before
//   groups            -> groups: [{group, topic, partition, offset, end, lag, reader}]
//   groups-reset      group, topic, partition, to -> offsets
//   groups-delete     group
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace leat {

class Store;

// Thread-safe. kConfig for an unknown command, topic, partition or group.
Result<std::string> AnswerTopics(Store& store, const std::string& command,
                                 std::string_view request);

}  // namespace leat
