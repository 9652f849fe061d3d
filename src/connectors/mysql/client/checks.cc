#include "connectors/mysql/client/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "base/text.h"
#include "connectors/mysql/client/client.h"

namespace leat::mysql {
namespace {

constexpr int64_t kDaySeconds = 86'400;

using Variables = std::map<std::string, std::string>;

Result<Variables> ReadVariables(Client* client) {
  ASSIGN_OR_RETURN(
      Rows rows,
      client->Query("SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin', "
                    "'server_id', 'binlog_format', 'binlog_row_image', "
                    "'binlog_row_metadata', 'gtid_mode', 'expire_logs_days', "
                    "'binlog_expire_logs_seconds', 'binlog_row_value_options')"));
  Variables variables;
  for (const Row& row : rows) variables[*row[0]] = UpperCase(row[1].value_or(""));
  return variables;
}

class Checker {
 public:
  Checker(Client* client, const ServerNeeds& needs) : client_(client), needs_(needs) {}

  Status Run(const TablePatterns& tables) {
    Version();
    if (needs_.log) {
      ASSIGN_OR_RETURN(variables_, ReadVariables(client_));
      if (Log()) LogSettings();
      RETURN_IF_ERROR(ReadGrants());
      LogPrivileges();
    }
    return Tables(tables);
  }

  std::vector<ServerCheck> checks;

 private:
  bool mariadb() const { return client_->server().mariadb; }
  std::string Account() const { return client_->url().user + "@'%'"; }

  bool Add(bool ok, std::string what, const std::string& remedy, bool required = true) {
    checks.push_back({{ok, std::move(what), ok ? "" : remedy}, required});
    return ok;
  }

  void Version() {
    const ServerInfo& server = client_->server();
    Add(server.AtLeast(mariadb() ? kLeastMariadb : kLeastMysql),
        "server version " + server.text,
        "MariaDB 10.6 and MySQL 8.0 are the oldest that can be read: upgrade the server");
  }

  bool Log() {
    const std::string& on = variables_["log_bin"];
    bool good = Add(on == "ON" || on == "1", "binary log (log_bin) is " + Shown(on),
                    "put log_bin=binlog and server_id=1 under [mysqld] in my.cnf and "
                    "restart the server");
    return good &&
           Add(variables_["server_id"] != "0", "server_id is " + variables_["server_id"],
               "SET GLOBAL server_id = 1, and server_id=1 in my.cnf");
  }

  static std::string Shown(const std::string& value) {
    return value.empty() ? "unknown here" : value;
  }

  void Setting(const std::string& name, const std::string& wanted,
               const std::string& more) {
    const std::string& value = variables_[name];
    Add(value == wanted, name + " is " + Shown(value),
        fmt::format("SET GLOBAL {0} = {1}; and {0}={1} under [mysqld] in my.cnf, so that "
                    "it lasts{2}",
                    name, wanted, more));
  }

  void LogSettings() {
    // Servers that have ROW only have dropped the variable.
    const std::string open =
        "; sessions that are open keep the old value: let writers connect anew";
    if (variables_.contains("binlog_format")) Setting("binlog_format", "ROW", open);
    // MariaDB 11.4's FULL without what an update did not change.
    if (variables_["binlog_row_image"] == "FULL_NODUP") {
      Add(true, "binlog_row_image is FULL_NODUP", "");
    } else {
      Setting("binlog_row_image", "FULL", open);
    }
    if (needs_.full_metadata) {
      Setting("binlog_row_metadata", "FULL",
              "; or say `metadata: minimal` if the server cannot be changed");
    }
    if (!mariadb()) {
      bool gtids = variables_["gtid_mode"] == "ON";
      Add(true,
          gtids ? "gtid_mode is ON: positions survive a failover"
                : "gtid_mode is " + Shown(variables_["gtid_mode"]) +
                      ": positions are file and offset, good on this server only",
          "");
    }
    Expiry();
  }

  void Expiry() {
    auto number = [&](const char* name) {
      const std::string& text = variables_[name];
      double value = 0;
      std::from_chars(text.data(), text.data() + text.size(), value);
      return value;
    };
    double seconds = number("binlog_expire_logs_seconds");
    if (seconds == 0) seconds = number("expire_logs_days") * kDaySeconds;
    std::string kept = seconds == 0 ? "for ever" : fmt::format("{:.0f} s", seconds);
    Add(seconds == 0 || seconds >= kDaySeconds, "logs are kept " + kept,
        "a pipeline that stands still longer than that loses its place: SET GLOBAL "
        "binlog_expire_logs_seconds = 604800",
        false);
  }

  Status ReadGrants() {
    ASSIGN_OR_RETURN(Rows rows, client_->Query("SHOW GRANTS"));
    for (const Row& row : rows) {
      if (row.empty() || !row[0]) continue;
      std::string grant = UpperCase(*row[0]);
      if (grant.find(" ON *.* TO ") != std::string::npos) grants_ += grant + '\n';
    }
    return Status::Ok();
  }

  bool Granted(const std::vector<std::string>& any) const {
    if (grants_.find("ALL PRIVILEGES") != std::string::npos) return true;
    return std::any_of(any.begin(), any.end(), [&](const std::string& name) {
      return grants_.find(name) != std::string::npos;
    });
  }

  void Privilege(const std::string& name, const std::vector<std::string>& any,
                 bool required = true) {
    bool ok = Granted(any);
    Add(ok,
        fmt::format("privilege {} of {}{}", name, client_->url().user,
                    ok ? "" : " is missing"),
        fmt::format("GRANT {} ON *.* TO {}", name, Account()), required);
  }

  void LogPrivileges() {
    Privilege("REPLICATION SLAVE", {"REPLICATION SLAVE", "REPLICATION REPLICA"});
    if (mariadb()) {
      Privilege("BINLOG MONITOR", {"BINLOG MONITOR", "REPLICATION CLIENT", "SUPER"});
    } else {
      Privilege("REPLICATION CLIENT", {"REPLICATION CLIENT", "SUPER"});
    }
  }

  Status Tables(const TablePatterns& patterns) {
    Result<std::vector<CatalogTable>> found = FindTables(client_, patterns);
    if (!found.ok()) {
      if (found.status().kind() != ErrorKind::kConfig) return found.status();
      Add(false, "tables", found.status().message());
      return Status::Ok();
    }
    for (const CatalogTable& table : *found) RETURN_IF_ERROR(Table(table));
    return Status::Ok();
  }

  Status Table(const CatalogTable& table) {
    const TableId& id = table.def.id;
    Status read = client_->Execute("SELECT 1 FROM " + QuoteTable(id.database, id.table) +
                                   " LIMIT 0");
    if (read.kind() == ErrorKind::kTransient) return read;
    std::string key = table.def.key.empty() ? ", no key" : ", key " + table.index;
    Add(read.ok(), "table " + id.ToString() + (read.ok() ? key : " cannot be read"),
        fmt::format("GRANT SELECT ON {} TO {} ({})", QuoteTable(id.database, id.table),
                    Account(), read.message()));
    return Status::Ok();
  }

  Client* const client_;
  const ServerNeeds needs_;
  Variables variables_;
  std::string grants_;  // the global ones, a line each, upper case
};

}  // namespace

Result<std::vector<ServerCheck>> CheckServer(Client* client, const ServerNeeds& needs,
                                             const TablePatterns& tables) {
  Checker checker(client, needs);
  RETURN_IF_ERROR(checker.Run(tables));
  return std::move(checker.checks);
}

Status RequireAll(const std::vector<ServerCheck>& checks, const std::string& where) {
  std::string missing;
  for (const ServerCheck& check : checks) {
    if (check.item.ok || !check.required) continue;
    missing += fmt::format("\n  {}: {}", check.item.what, check.item.remedy);
  }
  if (missing.empty()) return Status::Ok();
  return Status::Config(where + " cannot be followed as it is:" + missing);
}

}  // namespace leat::mysql
