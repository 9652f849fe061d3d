// Global transaction ids and sets of them, in the two forms servers have:
//   MySQL    uuid[:tag]:number, sets as uuid:1-5:7:tag:1-3,uuid2:...  (8.3+ has tags)
//   MariaDB  domain-server-sequence; a set is one position for each domain.
// Values; one thread at a time. Errors: kConfig for text a user may have written, kData
// for bytes from a server.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connectors/mysql/values/column.h"

namespace leat::mysql {

struct Gtid {
  Flavor flavor = Flavor::kMySql;
  std::array<uint8_t, 16> uuid{};  // MySQL
  std::string tag;                 // MySQL, lower case; mostly empty
  uint32_t domain = 0;             // MariaDB
  uint32_t server = 0;             // MariaDB
  uint64_t number = 0;             // MySQL's transaction number, MariaDB's sequence

  std::string ToString() const;
  void Clear() {
    flavor = Flavor::kMySql;
    uuid = {};
    tag.clear();
    domain = server = 0;
    number = 0;
  }
  bool operator==(const Gtid&) const = default;
};

class GtidSet {
 public:
  explicit GtidSet(Flavor flavor = Flavor::kMySql) : flavor_(flavor) {}

  // An empty text is the empty set.
  static Result<GtidSet> Parse(Flavor flavor, std::string_view text);
  // MySQL's binary form, of PREVIOUS_GTIDS events.
  static Result<GtidSet> Decode(std::string_view bytes);

  Flavor flavor() const { return flavor_; }
  bool empty() const { return sources_.empty() && domains_.empty(); }
  void Add(const Gtid& gtid);
  void Add(const GtidSet& other);
  bool Contains(const Gtid& gtid) const;
  bool Contains(const GtidSet& other) const;
  std::string ToString() const;
  // MySQL's binary form, for COM_BINLOG_DUMP_GTID.
  std::string Encode() const;
  // What of `other` is missing here, as text for a person.
  std::string Missing(const GtidSet& other) const;

  bool operator==(const GtidSet&) const = default;

 private:
  struct Source {
    std::array<uint8_t, 16> uuid{};
    std::string tag;
    auto operator<=>(const Source&) const = default;
  };
  struct Interval {
    uint64_t first = 0;
    uint64_t last = 0;  // inclusive
    bool operator==(const Interval&) const = default;
  };
  using Intervals = std::vector<Interval>;  // rising, never touching
  struct DomainPosition {
    uint32_t server = 0;
    uint64_t number = 0;
    bool operator==(const DomainPosition&) const = default;
  };

  static Status ParseMysql(std::string_view text, GtidSet* set);
  static Status ParseMariadb(std::string_view text, GtidSet* set);
  void AddInterval(const Source& source, Interval interval);

  Flavor flavor_;
  std::map<Source, Intervals> sources_;
  std::map<uint32_t, DomainPosition> domains_;
};

}  // namespace leat::mysql
