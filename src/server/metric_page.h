// A page of metrics in Prometheus' text format, while it is written. One thread.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"

namespace leat {

using MetricLabels = std::vector<prometheus::ClientMetric::Label>;

// Families in the order they are first asked for, each with its series. Names and helps
// are literals.
class MetricPage {
 public:
  void Gauge(std::string_view name, std::string_view help, MetricLabels labels,
             double value);
  void Counter(std::string_view name, std::string_view help, MetricLabels labels,
               double value);
  void Durations(std::string_view name, std::string_view help, MetricLabels labels,
                 const Histogram& durations);

  std::string Text() const;

 private:
  void Add(std::string_view name, std::string_view help, prometheus::MetricType type,
           prometheus::ClientMetric metric);

  std::vector<prometheus::MetricFamily> families_;
  std::unordered_map<std::string_view, size_t> by_name_;
};

}  // namespace leat
