// The same facts under the names that dashboards made for other programs know: those of
// Debezium as its JMX exporter's rules give them, and those of kafka_exporter.
#pragma once

#include <string>
#include <vector>

#include "runtime/view.h"

namespace leat {

class MetricPage;

// What was asked for beside our own names.
struct MetricAliases {
  bool debezium = false;
  // For kafka_exporter's names: the answers to "topics" and "groups"
  // (runtime/control.h); empty: they were not asked for.
  std::string topics;
  std::string groups;
};

void AddDebeziumNames(const std::vector<PipelineView>& views, MetricPage* page);
void AddKafkaExporterNames(const MetricAliases& aliases, MetricPage* page);

}  // namespace leat
