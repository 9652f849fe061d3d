#include "cli/topic_rows.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "connectors/stdout/json_line.h"
#include "core/json.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;

std::string Base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t n = std::min<size_t>(3, bytes.size() - i);
    uint32_t three = 0;
    for (size_t k = 0; k < 3; k++) {
      three = three << 8 | (k < n ? static_cast<unsigned char>(bytes[i + k]) : 0);
    }
    for (size_t k = 0; k < 4; k++) {
      out += k <= n ? kDigits[three >> (18 - 6 * k) & 63] : '=';
    }
  }
  return out;
}

bool IsText(std::string_view bytes) {
  try {
    (void)Json(std::string(bytes)).dump();
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

// A text as it is; other bytes as {"base64": ...}; null.
Json BytesAt(const arrow::BinaryArray& column, int64_t row) {
  if (column.IsNull(row)) return nullptr;
  const std::string_view bytes = column.GetView(row);
  if (IsText(bytes)) return std::string(bytes);
  return {{"base64", Base64(bytes)}};
}

// Where a segment's rows stand: the chunk, its row, and how many updates are before it.
struct RowPlace {
  int64_t offset;
  size_t chunk;
  int64_t row;
  int64_t update;
};

std::vector<RowPlace> Places(const Segment& segment) {
  std::vector<RowPlace> places;
  const auto offsets = OffsetsOf(segment);
  for (size_t c = 0; c < offsets.size(); c++) {
    int64_t update = 0;
    for (size_t row = 0; row < offsets[c].size(); row++) {
      places.push_back({offsets[c][row], c, static_cast<int64_t>(row), update});
      if (!segment.records && segment.chunks[c].ops[row] == Op::kUpdate) update++;
    }
  }
  std::ranges::sort(places, {}, &RowPlace::offset);
  return places;
}

}  // namespace

class RowLines::Impl {
 public:
  Impl(RowFilter filter, int64_t limit) : filter_(std::move(filter)), limit_(limit) {}

  bool full() const { return static_cast<int64_t>(rows_.size()) >= limit_; }

  int64_t Add(int32_t partition, const FetchedSegment& fetched) {
    for (const RowPlace& place : Places(fetched.segment)) {
      if (full()) return fetched.first + place.offset;
      Json row = {{"partition", partition}, {"offset", fetched.first + place.offset}};
      const bool wanted = fetched.segment.records
                              ? AddRecord(*fetched.segment.records, place.row, &row)
                              : AddRow(fetched, place, &row);
      if (wanted) rows_.push_back(std::move(row));
    }
    return fetched.end;
  }

  std::string Take() {
    return Json(std::exchange(rows_, {}))
        .dump(-1, ' ', false, Json::error_handler_t::replace);
  }

 private:
  bool AddRecord(const Records& records, int64_t row, Json* out) const {
    if (filter_.key &&
        (records.keys->IsNull(row) || records.keys->GetView(row) != *filter_.key)) {
      return false;
    }
    if (!filter_.contains.empty() &&
        (records.values->IsNull(row) ||
         records.values->GetView(row).find(filter_.contains) == std::string_view::npos)) {
      return false;
    }
    (*out)["timestamp"] = records.timestamps[static_cast<size_t>(row)];
    (*out)["key"] = BytesAt(*records.keys, row);
    (*out)["value"] = BytesAt(*records.values, row);
    auto headers = HeadersOf(records, row);
    if (!headers.ok() || headers->empty()) return true;
    for (const Header& header : *headers) {
      (*out)["headers"].push_back(
          {{"name", std::string(header.name)},
           {"value", header.value ? Json(std::string(*header.value)) : Json(nullptr)}});
    }
    return true;
  }

  bool AddRow(const FetchedSegment& fetched, const RowPlace& place, Json* out) const {
    const Chunk& chunk = fetched.segment.chunks[place.chunk];
    std::string line;
    standard_output::AppendRow(chunk, place.row, place.update, &line);
    if (filter_.key || line.find(filter_.contains) == std::string::npos) return false;
    const auto row = static_cast<size_t>(place.row);
    (*out)["timestamp"] =
        row < chunk.time.size() ? chunk.time[row] / 1000 : fetched.appended;
    out->update(ParseJson<Json>(line));
    return true;
  }

  const RowFilter filter_;
  const int64_t limit_;
  std::vector<Json> rows_;
};

RowLines::RowLines(RowFilter filter, int64_t limit)
    : impl_(std::make_unique<Impl>(std::move(filter), limit)) {}
RowLines::~RowLines() = default;

bool RowLines::full() const { return impl_->full(); }
int64_t RowLines::Add(int32_t partition, const FetchedSegment& fetched) {
  return impl_->Add(partition, fetched);
}
std::string RowLines::Take() { return impl_->Take(); }

}  // namespace leat
