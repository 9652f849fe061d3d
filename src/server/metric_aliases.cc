#include "server/metric_aliases.h"

#include <map>

#include "core/json.h"
#include "server/metric_page.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

MetricLabels PlaceLabels(const Json& topic, const Json& partition) {
  return {{"topic", topic.get<std::string>()},
          {"partition", std::to_string(partition.get<int64_t>())}};
}

void AddTopic(const Json& topic, MetricPage* page) {
  const Json& name = topic.at("name");
  const Json& partitions = topic.at("partitions");
  page->Gauge("kafka_topic_partitions", "Number of partitions for this Topic",
              {{"topic", name.get<std::string>()}},
              static_cast<double>(partitions.size()));
  for (const Json& partition : partitions) {
    const MetricLabels labels = PlaceLabels(name, partition.at("partition"));
    page->Gauge("kafka_topic_partition_current_offset",
                "Current Offset of a Broker at Topic/Partition", labels,
                partition.at("end").get<double>());
    page->Gauge("kafka_topic_partition_oldest_offset",
                "Oldest Offset of a Broker at Topic/Partition", labels,
                partition.at("start").get<double>());
  }
}

void AddGroups(const Json& groups, MetricPage* page) {
  std::map<std::pair<std::string, std::string>, std::pair<double, double>> sums;
  for (const Json& group : groups) {
    const std::string name = group.at("group");
    const double offset = group.at("offset");
    const double lag = group.at("lag");
    MetricLabels labels = PlaceLabels(group.at("topic"), group.at("partition"));
    labels.push_back({"consumergroup", name});
    page->Gauge("kafka_consumergroup_current_offset",
                "Current Offset of a ConsumerGroup at Topic/Partition", labels, offset);
    page->Gauge("kafka_consumergroup_lag",
                "Current Approximate Lag of a ConsumerGroup at Topic/Partition", labels,
                lag);
    auto& [offset_sum, lag_sum] = sums[{name, group.at("topic")}];
    offset_sum += offset;
    lag_sum += lag;
  }
  for (const auto& [place, sum] : sums) {
    const MetricLabels labels = {{"consumergroup", place.first}, {"topic", place.second}};
    page->Gauge("kafka_consumergroup_current_offset_sum",
                "Current Offset of a ConsumerGroup at Topic for all partitions", labels,
                sum.first);
    page->Gauge("kafka_consumergroup_lag_sum",
                "Current Approximate Lag of a ConsumerGroup at Topic for all partitions",
                labels, sum.second);
  }
}

}  // namespace

void AddDebeziumNames(const std::vector<PipelineView>& views, MetricPage* page) {
  for (const PipelineView& view : views) {
    const PipelineStats& s = view.stats;
    const MetricLabels labels = {
        {"plugin", view.source}, {"name", view.name}, {"context", "streaming"}};
    page->Gauge("debezium_metrics_Connected", "1 while the source is read", labels,
                s.state == PipelineStats::State::kRunning ? 1 : 0);
    page->Gauge("debezium_metrics_MilliSecondsBehindSource",
                "Milliseconds between a change and its being read", labels,
                static_cast<double>(s.lag.micros) / 1e3);
    page->Gauge("debezium_metrics_TotalNumberOfEventsSeen", "Changes that were read",
                labels, static_cast<double>(s.rows_read));
  }
}

void AddKafkaExporterNames(const MetricAliases& aliases, MetricPage* page) {
  for (const Json& topic : ParseJson<Json>(aliases.topics).value("topics", Json())) {
    AddTopic(topic, page);
  }
  AddGroups(ParseJson<Json>(aliases.groups).value("groups", Json()), page);
}

}  // namespace leat
