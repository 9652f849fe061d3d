#include <fmt/format.h>

#include "base/redact.h"
#include "cli/generate.h"
#include "connectors/mysql/client/client.h"
#include "connectors/mysql/values/text_decoder.h"
#include "core/units.h"

namespace leat::generate {
namespace {

constexpr size_t kStatementBytes = 512 << 10;
constexpr int kStatementsPerTransaction = 16;

using Clock = std::chrono::steady_clock;
using Say = std::function<void(std::string_view)>;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Connects and makes the URL's database the current one, creating it where it is missing.
Result<std::unique_ptr<mysql::Client>> ConnectTo(const std::string& to) {
  ASSIGN_OR_RETURN(mysql::Url url, mysql::Url::Parse(to));
  std::string database = url.database;
  if (database.empty()) {
    return Status::Config("the URL names no database; write mysql://user@host:port/shop");
  }
  url.database.clear();
  ASSIGN_OR_RETURN(auto client, mysql::Client::Connect(url));
  std::string name = mysql::QuoteName(database);
  if (Status used = client->Execute("USE " + name); !used.ok()) {
    RETURN_IF_ERROR(
        client->Execute("CREATE DATABASE " + name + " CHARACTER SET utf8mb4"));
    RETURN_IF_ERROR(client->Execute("USE " + name));
  }
  return client;
}

Result<bool> HasTable(mysql::Client& client, std::string_view table) {
  ASSIGN_OR_RETURN(auto count, client.QueryValue(
                                   "SELECT COUNT(*) FROM information_schema.tables WHERE "
                                   "table_schema = DATABASE() AND table_name = " +
                                   mysql::QuoteText(table)));
  return count.value_or("0") != "0";
}

// A server that restarts or a broken connection ends one transaction, not the workload.
Status ChangeOnce(const Options& options, const std::string& sql,
                  const CancelToken& cancel, std::unique_ptr<mysql::Client>* client,
                  const Say& say) {
  while (true) {
    Status status = (*client)->QueryMany("BEGIN;" + sql + "COMMIT").status();
    if (status.kind() != ErrorKind::kTransient) return status;
    say(status.message() + "; connecting again");
    for (status = Status::Transient(""); status.kind() == ErrorKind::kTransient;) {
      if (cancel.WaitFor(Millis(500))) return Status::Ok();
      auto again = ConnectTo(options.to);
      status = again.status();
      if (again.ok()) *client = *std::move(again);
    }
    RETURN_IF_ERROR(status);
    // The lost transaction may have been committed: it is not sent again.
    return Status::Ok();
  }
}

Status Live(const Options& options, Workload* workload, const CancelToken& cancel,
            std::unique_ptr<mysql::Client> client, const Say& say) {
  auto start = Clock::now();
  auto step = std::chrono::duration<double>(1 / options.live);
  int64_t done = 0;
  while (!cancel.cancelled()) {
    if (options.duration.count() > 0 && Clock::now() - start >= options.duration) break;
    auto due = start + std::chrono::duration_cast<Clock::duration>(step * done);
    if (due > Clock::now() && cancel.WaitFor(due - Clock::now())) break;
    RETURN_IF_ERROR(ChangeOnce(options, workload->Change(), cancel, &client, say));
    done++;
  }
  double seconds = std::max(SecondsSince(start), 1e-3);
  say(fmt::format("{} transactions in {:.1f}s ({:.0f} a second)", HumanCount(done),
                  seconds, static_cast<double>(done) / seconds));
  return Status::Ok();
}

}  // namespace

uint64_t Random::Next() {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::string Random::Hex(int digits) {
  std::string out;
  while (static_cast<int>(out.size()) < digits) out += fmt::format("{:016x}", Next());
  out.resize(static_cast<size_t>(digits));
  return out;
}

std::string Random::Uuid() {
  uint64_t high = (Next() & ~uint64_t{0xf000}) | 0x4000;
  uint64_t low = (Next() & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32,
                     (high >> 16) & 0xffff, high & 0xffff, low >> 48,
                     low & 0xffffffffffff);
}

BulkInsert::BulkInsert(mysql::Client& client, std::string_view into)
    : client_(client), start_(fmt::format("INSERT INTO {} VALUES ", into)) {}

Status BulkInsert::Add(std::string_view row) {
  statement_ += statement_.empty() ? start_ : std::string(",");
  statement_ += row;
  return statement_.size() >= kStatementBytes ? Send() : Status::Ok();
}

Status BulkInsert::Send() {
  if (statements_ == 0) RETURN_IF_ERROR(client_.Execute("BEGIN"));
  RETURN_IF_ERROR(client_.Execute(statement_));
  statement_.clear();
  if (++statements_ < kStatementsPerTransaction) return Status::Ok();
  statements_ = 0;
  return client_.Execute("COMMIT");
}

Status BulkInsert::Finish() {
  if (!statement_.empty()) RETURN_IF_ERROR(Send());
  if (statements_ == 0) return Status::Ok();
  statements_ = 0;
  return client_.Execute("COMMIT");
}

Status Generate(const Options& options, Workload* workload, const CancelToken& cancel,
                const Say& say) {
  RegisterSecret(UrlPassword(options.to));
  ASSIGN_OR_RETURN(auto client, ConnectTo(options.to));
  ASSIGN_OR_RETURN(bool there, HasTable(*client, workload->main_table()));
  if (there && !options.replace && options.live <= 0) {
    return Status::Config(
        fmt::format("the table {} is there already; --replace drops it and makes it "
                    "anew, --live RATE "
                    "changes the rows that are there",
                    workload->main_table()));
  }
  if (!there || options.replace) {
    auto start = Clock::now();
    RETURN_IF_ERROR(workload->CreateTables(*client));
    RETURN_IF_ERROR(workload->Fill(*client));
    say(fmt::format("filled in {:.1f}s", SecondsSince(start)));
  }
  if (options.live <= 0 || cancel.cancelled()) return Status::Ok();
  RETURN_IF_ERROR(workload->Learn(*client));
  return Live(options, workload, cancel, std::move(client), say);
}

}  // namespace leat::generate
