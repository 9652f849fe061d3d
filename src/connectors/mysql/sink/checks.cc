#include "connectors/mysql/sink/checks.h"

#include <fmt/format.h>

#include "connectors/mysql/sink/commit_table.h"
#include "connectors/mysql/sink/target_table.h"
#include "connectors/mysql/sink/writer.h"

namespace leat::mysql {
namespace {

class TargetChecker {
 public:
  TargetChecker(Client& client, const SinkOptions& options)
      : client_(client), options_(options) {}

  Status Run(const Context& context) {
    const ServerInfo& server = client_.server();
    Add(server.AtLeast(server.mariadb ? kLeastMariadb : kLeastMysql),
        "server version " + server.text,
        "MariaDB 10.6 and MySQL 8.0 are the oldest that can be written: upgrade the "
        "server");
    Prove("strict sessions", SetUpSinkSession(client_, options_, Writer::kLockWait));
    const CommitTable commits(context.pipeline, options_.url.database, options_.workers);
    if (Prove("table leat_commits is there", commits.Create(client_))) {
      Statements({options_.url.database, "", CommitTable::kName}, "pipeline", true);
    }
    if (options_.table.find('{') != std::string::npos) return Status::Ok();
    return Table(options_.TableFor({}));
  }

  std::vector<CheckItem> items;

 private:
  bool Add(bool ok, std::string what, std::string remedy) {
    items.push_back({ok, std::move(what), ok ? "" : std::move(remedy)});
    return ok;
  }

  bool Prove(std::string what, const Status& status) {
    return Add(status.ok(), std::move(what), status.message());
  }

  Status Table(const TableId& id) {
    ASSIGN_OR_RETURN(auto table, LoadTarget(&client_, id));
    const std::string name = id.ToString();
    if (!table) {
      Add(options_.create, "table " + name + " is missing",
          "create it, or say `create: auto`");
      return Status::Ok();
    }
    Add(table->transactional, "table " + name + " has transactions",
        fmt::format("run ALTER TABLE {} ENGINE=InnoDB",
                    QuoteTable(id.database, id.table)));
    Statements(id, table->columns.front().name,
               options_.mode == SinkOptions::Mode::kApply);
    return Status::Ok();
  }

  // Privileges are proved by statements that touch no row.
  void Statements(const TableId& id, const std::string& column, bool deletes) {
    const std::string name = QuoteTable(id.database, id.table);
    const std::string quoted = "`" + column + "`";
    const auto prove = [&](std::string_view privilege, const std::string& sql) {
      const Status done = client_.Execute(sql);
      Add(done.ok(), fmt::format("{} on {}", privilege, id.ToString()),
          fmt::format("GRANT {} ON {} TO {}@'%' ({})", privilege, name, options_.url.user,
                      done.message()));
    };
    prove("SELECT", fmt::format("SELECT 1 FROM {} LIMIT 0", name));
    // IGNORE: MariaDB asks for columns without a default even where no row comes.
    prove("INSERT",
          fmt::format("INSERT IGNORE INTO {0} ({1}) SELECT {1} FROM {0} LIMIT 0", name,
                      quoted));
    if (options_.keyed() || id.table == CommitTable::kName) {
      prove("UPDATE", fmt::format("UPDATE {0} SET {1} = {1} WHERE 1 = 0", name, quoted));
    }
    if (deletes && id.table != CommitTable::kName) {
      prove("DELETE", fmt::format("DELETE FROM {} WHERE 1 = 0", name));
    }
  }

  Client& client_;
  const SinkOptions& options_;
};

}  // namespace

Result<std::vector<CheckItem>> CheckTarget(const SinkOptions& options,
                                           const Context& context) {
  ASSIGN_OR_RETURN(auto client, Client::Connect(options.url));
  TargetChecker checker(*client, options);
  RETURN_IF_ERROR(checker.Run(context));
  return std::move(checker.items);
}

}  // namespace leat::mysql
