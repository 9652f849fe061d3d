#include "connectors/mysql/log/gtid.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/text.h"

namespace leat::mysql {
namespace {

std::string UuidText(const std::array<uint8_t, 16>& uuid) {
  std::string out;
  out.reserve(36);
  for (size_t i = 0; i < uuid.size(); i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    const auto byte = static_cast<char>(uuid[i]);
    AppendHex({&byte, 1}, &out);
  }
  return out;
}

bool ParseUuid(std::string_view text, std::array<uint8_t, 16>* uuid) {
  size_t digits = 0;
  for (char c : text) {
    if (c == '-') continue;
    int digit = HexDigit(c);
    if (digit < 0 || digits == 32) return false;
    uint8_t& byte = (*uuid)[digits / 2];
    byte = static_cast<uint8_t>(byte << 4 | digit);
    digits++;
  }
  return digits == 32;
}

std::string_view Trim(std::string_view text) {
  size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// Cuts the part before `separator` off `rest`, trimmed.
std::string_view TakePart(std::string_view* rest, char separator) {
  size_t at = rest->find(separator);
  std::string_view part = rest->substr(0, at);
  *rest = at == std::string_view::npos ? std::string_view() : rest->substr(at + 1);
  return Trim(part);
}

template <typename Integer>
bool ParseNumber(std::string_view text, Integer* number) {
  text = Trim(text);
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

bool IsTag(std::string_view text) {
  if (text.empty() || text.size() > 32 || (text[0] >= '0' && text[0] <= '9')) {
    return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
  });
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

Status BadText(std::string_view what, std::string_view form) {
  return Status::Config(
      fmt::format("'{}' is not a GTID set; write it as {}", what, form));
}

constexpr std::string_view kMysqlForm =
    "uuid:1-5:7, for example 3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5";
constexpr std::string_view kMariadbForm = "domain-server-sequence, for example 0-1-100";

void AppendLittle(std::string* out, uint64_t value, int width) {
  for (int i = 0; i < width; i++) {
    *out += static_cast<char>(value & 0xff);
    value >>= 8;
  }
}

// A set with tags repeats its format number in the first and last byte of the count.
constexpr uint64_t kTaggedFormat = 1;

}  // namespace

std::string Gtid::ToString() const {
  if (flavor == Flavor::kMariaDb) return fmt::format("{}-{}-{}", domain, server, number);
  if (tag.empty()) return fmt::format("{}:{}", UuidText(uuid), number);
  return fmt::format("{}:{}:{}", UuidText(uuid), tag, number);
}

Result<GtidSet> GtidSet::Parse(Flavor flavor, std::string_view text) {
  GtidSet set(flavor);
  Status status =
      flavor == Flavor::kMySql ? ParseMysql(text, &set) : ParseMariadb(text, &set);
  if (!status.ok()) return status;
  return set;
}

Status GtidSet::ParseMysql(std::string_view text, GtidSet* set) {
  std::string_view rest = Trim(text);
  while (!rest.empty()) {
    std::string_view entry = TakePart(&rest, ',');
    if (entry.empty()) continue;
    Source source;
    if (!ParseUuid(TakePart(&entry, ':'), &source.uuid)) return BadText(text, kMysqlForm);
    while (!entry.empty()) {
      std::string_view part = TakePart(&entry, ':');
      if (IsTag(part)) {
        source.tag = Lower(part);
        continue;
      }
      Interval interval;
      std::string_view first = TakePart(&part, '-');
      if (!ParseNumber(first, &interval.first)) return BadText(text, kMysqlForm);
      interval.last = interval.first;
      if (!part.empty() && !ParseNumber(part, &interval.last)) {
        return BadText(text, kMysqlForm);
      }
      if (interval.first == 0 || interval.last < interval.first) {
        return BadText(text, kMysqlForm);
      }
      set->AddInterval(source, interval);
    }
  }
  return Status::Ok();
}

Status GtidSet::ParseMariadb(std::string_view text, GtidSet* set) {
  std::string_view rest = Trim(text);
  while (!rest.empty()) {
    std::string_view entry = TakePart(&rest, ',');
    if (entry.empty()) continue;
    Gtid gtid;
    gtid.flavor = Flavor::kMariaDb;
    if (!ParseNumber(TakePart(&entry, '-'), &gtid.domain) ||
        !ParseNumber(TakePart(&entry, '-'), &gtid.server) ||
        !ParseNumber(entry, &gtid.number)) {
      return BadText(text, kMariadbForm);
    }
    set->Add(gtid);
  }
  return Status::Ok();
}

void GtidSet::Add(const Gtid& gtid) {
  if (flavor_ == Flavor::kMariaDb) {
    domains_[gtid.domain] = {gtid.server, gtid.number};
    return;
  }
  AddInterval({gtid.uuid, gtid.tag}, {gtid.number, gtid.number});
}

void GtidSet::Add(const GtidSet& other) {
  for (const auto& [source, intervals] : other.sources_) {
    for (const Interval& interval : intervals) AddInterval(source, interval);
  }
  for (const auto& [domain, position] : other.domains_) {
    auto [mine, fresh] = domains_.try_emplace(domain, position);
    if (!fresh && position.number > mine->second.number) mine->second = position;
  }
}

void GtidSet::AddInterval(const Source& source, Interval interval) {
  Intervals& all = sources_[source];
  if (!all.empty() && interval.first == all.back().last + 1) {  // the common case
    all.back().last = interval.last;
    return;
  }
  // The first that overlaps or touches the new one, and the first that lies beyond it.
  auto from = std::find_if(all.begin(), all.end(), [&](const Interval& i) {
    return i.last >= interval.first || i.last + 1 == interval.first;
  });
  auto to = std::find_if(from, all.end(), [&](const Interval& i) {
    return i.first > interval.last && i.first - 1 > interval.last;
  });
  if (from != to) {
    interval.first = std::min(interval.first, from->first);
    interval.last = std::max(interval.last, std::prev(to)->last);
  }
  all.insert(all.erase(from, to), interval);
}

bool GtidSet::Contains(const Gtid& gtid) const {
  if (flavor_ == Flavor::kMariaDb) {
    auto found = domains_.find(gtid.domain);
    return found != domains_.end() && found->second.number >= gtid.number;
  }
  auto found = sources_.find({gtid.uuid, gtid.tag});
  if (found == sources_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&](const Interval& i) {
    return i.first <= gtid.number && gtid.number <= i.last;
  });
}

bool GtidSet::Contains(const GtidSet& other) const {
  for (const auto& [domain, position] : other.domains_) {
    auto found = domains_.find(domain);
    if (found == domains_.end() || found->second.number < position.number) return false;
  }
  for (const auto& [source, intervals] : other.sources_) {
    auto found = sources_.find(source);
    if (found == sources_.end()) return false;
    for (const Interval& wanted : intervals) {
      bool covered =
          std::any_of(found->second.begin(), found->second.end(), [&](const Interval& i) {
            return i.first <= wanted.first && wanted.last <= i.last;
          });
      if (!covered) return false;
    }
  }
  return true;
}

std::string GtidSet::ToString() const {
  std::string out;
  for (const auto& [domain, position] : domains_) {
    if (!out.empty()) out += ',';
    out += fmt::format("{}-{}-{}", domain, position.server, position.number);
  }
  const Source* before = nullptr;
  for (const auto& [source, intervals] : sources_) {
    if (before == nullptr || before->uuid != source.uuid) {
      if (!out.empty()) out += ',';
      out += UuidText(source.uuid);
    }
    before = &source;
    if (!source.tag.empty()) out += ':' + source.tag;
    for (const Interval& i : intervals) {
      out += ':';
      AppendInt(i.first, &out);
      if (i.last == i.first) continue;
      out += '-';
      AppendInt(i.last, &out);
    }
  }
  return out;
}

std::string GtidSet::Encode() const {
  bool tagged = std::any_of(sources_.begin(), sources_.end(),
                            [](const auto& s) { return !s.first.tag.empty(); });
  std::string out;
  uint64_t count = sources_.size();
  if (tagged) count = kTaggedFormat << 56 | count << 8 | kTaggedFormat;
  AppendLittle(&out, count, 8);
  for (const auto& [source, intervals] : sources_) {
    out.append(reinterpret_cast<const char*>(source.uuid.data()), source.uuid.size());
    if (tagged) {
      AppendLittle(&out, source.tag.size() << 1, 1);
      out += source.tag;
    }
    AppendLittle(&out, intervals.size(), 8);
    for (const Interval& i : intervals) {
      AppendLittle(&out, i.first, 8);
      AppendLittle(&out, i.last + 1, 8);
    }
  }
  return out;
}

Result<GtidSet> GtidSet::Decode(std::string_view bytes) {
  GtidSet set(Flavor::kMySql);
  ByteReader in(bytes);
  uint64_t count = in.U64();
  bool tagged = count >> 56 == kTaggedFormat;
  if (tagged) count = (count >> 8) & 0xffffffffffff;
  for (uint64_t i = 0; i < count && !in.failed(); i++) {
    Source source;
    std::string_view uuid = in.Bytes(source.uuid.size());
    std::copy(uuid.begin(), uuid.end(), source.uuid.begin());
    if (tagged) source.tag = in.Bytes(in.U8() >> 1);
    uint64_t intervals = in.U64();
    for (uint64_t k = 0; k < intervals && !in.failed(); k++) {
      uint64_t first = in.U64();
      uint64_t end = in.U64();
      if (in.failed()) break;
      if (first == 0 || end <= first) {
        return Status::Data("the GTID set has an empty interval");
      }
      set.AddInterval(source, {first, end - 1});
    }
  }
  if (in.failed() || in.left() != 0) {
    return Status::Data("the GTID set has not the length it says");
  }
  return set;
}

std::string GtidSet::Missing(const GtidSet& other) const {
  GtidSet missing(flavor_);
  for (const auto& [domain, position] : other.domains_) {
    auto found = domains_.find(domain);
    if (found == domains_.end() || found->second.number < position.number) {
      missing.domains_[domain] = position;
    }
  }
  for (const auto& [source, intervals] : other.sources_) {
    auto found = sources_.find(source);
    for (Interval wanted : intervals) {
      if (found != sources_.end()) {
        for (const Interval& have : found->second) {
          if (have.last < wanted.first || have.first > wanted.last) continue;
          if (have.first > wanted.first) {
            missing.AddInterval(source, {wanted.first, have.first - 1});
          }
          wanted.first = have.last + 1;
        }
      }
      if (wanted.first <= wanted.last) missing.AddInterval(source, wanted);
    }
  }
  return missing.ToString();
}

}  // namespace leat::mysql
