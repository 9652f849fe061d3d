#include "server/metric_page.h"

#include <prometheus/text_serializer.h>

namespace leat {

using prometheus::ClientMetric;
using prometheus::MetricType;

void MetricPage::Gauge(std::string_view name, std::string_view help, MetricLabels labels,
                       double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  Add(name, help, MetricType::Gauge, std::move(metric));
}

void MetricPage::Counter(std::string_view name, std::string_view help,
                         MetricLabels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = value;
  Add(name, help, MetricType::Counter, std::move(metric));
}

void MetricPage::Durations(std::string_view name, std::string_view help,
                           MetricLabels labels, const Histogram& durations) {
  ClientMetric metric;
  metric.label = std::move(labels);
  uint64_t below = 0;
  for (size_t i = 0; i < Histogram::kBounds.size(); i++) {
    below += static_cast<uint64_t>(durations.buckets()[i]);
    metric.histogram.bucket.push_back({below, Histogram::kBounds[i]});
  }
  metric.histogram.sample_count = static_cast<uint64_t>(durations.count());
  metric.histogram.sample_sum = durations.sum();
  Add(name, help, MetricType::Histogram, std::move(metric));
}

void MetricPage::Add(std::string_view name, std::string_view help, MetricType type,
                     ClientMetric metric) {
  const auto [found, fresh] = by_name_.try_emplace(name, families_.size());
  if (fresh) families_.push_back({std::string(name), std::string(help), type, {}});
  families_[found->second].metric.push_back(std::move(metric));
}

std::string MetricPage::Text() const {
  return prometheus::TextSerializer().Serialize(families_);
}

}  // namespace leat
