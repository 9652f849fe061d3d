#include "connectors/iceberg/upkeep/expiry.h"

#include <algorithm>
#include <set>

#include "connectors/iceberg/table.h"

namespace leat::iceberg {

std::vector<const Snapshot*> ExpiredSnapshots(const TableMetadata& metadata,
                                              const TableUpkeep& upkeep, int64_t now_ms) {
  std::vector<const Snapshot*> expired;
  const std::vector<Snapshot>& all = metadata.snapshots();
  const auto keep = static_cast<size_t>(std::max(1, upkeep.keep_snapshots));
  if (all.size() <= keep) return expired;
  std::set<int64_t> named = {metadata.current_snapshot_id()};
  for (const auto& [name, id] : metadata.refs()) named.insert(id);
  const int64_t keep_ms = upkeep.keep_for.count() / 1000;
  const int64_t thin_ms = std::max<int64_t>(1, upkeep.thin_to.count() / 1000);
  int64_t last_slot = INT64_MIN;  // of time; the first snapshot of each stays
  for (size_t i = 0; i + keep < all.size(); i++) {
    const Snapshot& s = all[i];
    const int64_t slot = s.timestamp_ms / thin_ms;
    const bool old = now_ms - s.timestamp_ms > keep_ms;
    const bool thinned = slot == last_slot;
    if (!old) last_slot = slot;
    if ((old || thinned) && !named.contains(s.id)) expired.push_back(&s);
  }
  return expired;
}

}  // namespace leat::iceberg
