// The pipelines as metrics in Prometheus' text format: base units (seconds, bytes), one
// series a pipeline. Any thread.
#pragma once

#include <string>
#include <vector>

#include "runtime/view.h"
#include "server/metric_aliases.h"

namespace leat {

std::string PrometheusText(const std::vector<PipelineView>& views,
                           const MetricAliases& aliases = {});

}  // namespace leat
