#include "connectors/mysql/position.h"

#include <fmt/format.h>

#include "core/json.h"

namespace leat::mysql {
namespace {

using Json = nlohmann::json;

Result<GtidSet> ReadGtids(const Json& from) {
  bool mariadb = from.value("flavor", "mysql") == "mariadb";
  return GtidSet::Parse(mariadb ? Flavor::kMariaDb : Flavor::kMySql,
                        from.value("gtids", ""));
}

void WriteLog(const GtidSet& gtids, const std::string& file, uint64_t offset, Json* to) {
  (*to)["flavor"] = gtids.flavor() == Flavor::kMariaDb ? "mariadb" : "mysql";
  if (!gtids.empty()) (*to)["gtids"] = gtids.ToString();
  if (!file.empty()) {
    (*to)["file"] = file;
    (*to)["offset"] = offset;
  }
}

Result<LogPosition> FromJson(const Json& from) {
  LogPosition out;
  ASSIGN_OR_RETURN(out.gtids, ReadGtids(from));
  out.gtid = from.value("gtid", true);
  out.file = from.value("file", "");
  out.offset = from.value("offset", uint64_t{0});
  for (const Json& item : from.value("prepared", Json::array())) {
    PreparedXa xa;
    xa.xid = item.at("xid").get<std::string>();
    xa.rows = item.value("rows", true);
    ASSIGN_OR_RETURN(xa.gtids, ReadGtids(item));
    xa.file = item.value("file", "");
    xa.offset = item.value("offset", uint64_t{0});
    out.prepared.push_back(std::move(xa));
  }
  if (from.contains("renames")) {
    from.at("renames").get_to(out.renames);
  }
  if (from.contains("dropped")) from.at("dropped").get_to(out.dropped);
  if (from.contains("shapes")) from.at("shapes").get_to(out.shapes);
  if (from.contains("reshaped")) from.at("reshaped").get_to(out.reshaped);
  if (from.contains("refresh")) from.at("refresh").get_to(out.refresh);
  if (from.contains("snapshot")) out.snapshot = DumpJson(from.at("snapshot"));
  return out;
}

}  // namespace

Result<LogPosition> LogPosition::Parse(const Position& position) {
  Json parsed = TryParseJson<Json>(position.text);
  if (!parsed.is_object()) {
    return Status::Config(
        fmt::format("'{}' is not a position of a MySQL log; give a JSON object with "
                    "\"gtids\", or \"file\" and \"offset\"",
                    position.text));
  }
  try {
    return FromJson(parsed);
  } catch (const Json::exception& e) {
    return Status::Config(fmt::format("position '{}': {}", position.text, e.what()));
  }
}

Position LogPosition::ToPosition() const {
  Json out = Json::object();
  WriteLog(gtids, file, offset, &out);
  if (!gtid) out["gtid"] = false;
  for (const PreparedXa& xa : prepared) {
    Json item = {{"xid", xa.xid}, {"rows", xa.rows}};
    if (xa.rows) WriteLog(xa.gtids, xa.file, xa.offset, &item);
    out["prepared"].push_back(std::move(item));
  }
  if (!renames.empty()) out["renames"] = renames;
  if (!dropped.empty()) out["dropped"] = dropped;
  if (!shapes.empty()) out["shapes"] = shapes;
  if (!reshaped.empty()) out["reshaped"] = reshaped;
  if (!refresh.empty()) out["refresh"] = refresh;
  if (!snapshot.empty()) {
    out["snapshot"] = TryParseJson<Json>(snapshot);
  }
  return {DumpJsonLossy(out)};
}

bool LogPosition::Reached(const LogPosition& target) const {
  if (gtid && target.gtid) return gtids.Contains(target.gtids);
  int order = CompareLogFiles(file, target.file);
  return order > 0 || (order == 0 && offset >= target.offset);
}

std::string LogPosition::ToString() const {
  std::string place = file.empty() ? "" : fmt::format("{}:{}", file, offset);
  if (gtids.empty()) return place.empty() ? "the log's begin" : place;
  return place.empty() ? gtids.ToString() : gtids.ToString() + " (" + place + ")";
}

int CompareLogFiles(std::string_view a, std::string_view b) {
  size_t dot_a = a.rfind('.');
  size_t dot_b = b.rfind('.');
  if (dot_a == std::string_view::npos || dot_b == std::string_view::npos) {
    return a.compare(b);
  }
  if (int order = a.substr(0, dot_a).compare(b.substr(0, dot_b)); order != 0) {
    return order;
  }
  std::string_view number_a = a.substr(dot_a + 1);
  std::string_view number_b = b.substr(dot_b + 1);
  if (number_a.size() != number_b.size()) {
    return number_a.size() < number_b.size() ? -1 : 1;
  }
  return number_a.compare(number_b);
}

}  // namespace leat::mysql
