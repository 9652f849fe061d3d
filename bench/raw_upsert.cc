// The baseline of the MySQL sink: array binding by the client library, a thousand rows a
// statement, from rows that are in memory already. One connection, one thread.
//
//   leat_raw_upsert PORT USER PASSWORD SOURCE TARGET COMMIT_ROWS
//
// Reads table SOURCE (bench/workloads.py: orders), then measures how long it takes to
// write it into TARGET. Prints "rows=N seconds=S cpu=C".
#include <mysql.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr unsigned kBatch = 1000;
constexpr unsigned kColumns = 7;

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "leat_raw_upsert: %s\n", what);
  std::exit(1);
}

void Run(MYSQL* mysql, const std::string& sql) {
  if (mysql_real_query(mysql, sql.data(), sql.size())) Fail(mysql_error(mysql));
}

double Seconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Rows {
  std::vector<long long> id;
  std::vector<int> customer;
  std::vector<std::string> text[kColumns];
};

Rows Load(MYSQL* mysql, const std::string& table) {
  Run(mysql, "SELECT * FROM " + table);
  MYSQL_RES* result = mysql_use_result(mysql);
  Rows rows;
  while (MYSQL_ROW row = mysql_fetch_row(result)) {
    rows.id.push_back(std::atoll(row[0]));
    rows.customer.push_back(std::atoi(row[1]));
    for (unsigned i = 2; i < kColumns; i++) rows.text[i].emplace_back(row[i]);
  }
  mysql_free_result(result);
  return rows;
}

class Upsert {
 public:
  Upsert(MYSQL* mysql, const std::string& table) : statement_(mysql_stmt_init(mysql)) {
    const std::string sql =
        "INSERT INTO " + table +
        " (id, customer_id, status, amount, note, created_at, updated_at) VALUES "
        "(?,?,?,?,?,?,?) ON DUPLICATE KEY UPDATE customer_id=VALUES(customer_id), "
        "status=VALUES(status), amount=VALUES(amount), note=VALUES(note), "
        "created_at=VALUES(created_at), updated_at=VALUES(updated_at)";
    if (mysql_stmt_prepare(statement_, sql.data(), sql.size())) Check();
  }

  void Write(const Rows& rows, size_t from, unsigned count) {
    MYSQL_BIND binds[kColumns];
    std::memset(binds, 0, sizeof binds);
    binds[0].buffer_type = MYSQL_TYPE_LONGLONG;
    binds[0].buffer = const_cast<long long*>(rows.id.data() + from);
    binds[1].buffer_type = MYSQL_TYPE_LONG;
    binds[1].buffer = const_cast<int*>(rows.customer.data() + from);
    for (unsigned c = 2; c < kColumns; c++) {
      pointers_[c].resize(count);
      lengths_[c].resize(count);
      for (unsigned i = 0; i < count; i++) {
        pointers_[c][i] = rows.text[c][from + i].data();
        lengths_[c][i] = rows.text[c][from + i].size();
      }
      binds[c].buffer_type = MYSQL_TYPE_STRING;
      binds[c].buffer = pointers_[c].data();
      binds[c].length = lengths_[c].data();
    }
    mysql_stmt_attr_set(statement_, STMT_ATTR_ARRAY_SIZE, &count);
    if (mysql_stmt_bind_param(statement_, binds) || mysql_stmt_execute(statement_)) {
      Check();
    }
  }

 private:
  [[noreturn]] void Check() { Fail(mysql_stmt_error(statement_)); }

  MYSQL_STMT* statement_;
  std::vector<const char*> pointers_[kColumns];
  std::vector<unsigned long> lengths_[kColumns];
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) Fail("usage: PORT USER PASSWORD SOURCE TARGET COMMIT_ROWS");
  MYSQL* mysql = mysql_init(nullptr);
  if (!mysql_real_connect(mysql, "127.0.0.1", argv[2], argv[3], nullptr,
                          static_cast<unsigned>(std::atoi(argv[1])), nullptr, 0)) {
    Fail(mysql_error(mysql));
  }
  const Rows rows = Load(mysql, argv[4]);
  const auto commit_rows = static_cast<size_t>(std::atoll(argv[6]));
  Upsert upsert(mysql, argv[5]);
  const double start = Seconds(CLOCK_MONOTONIC);
  const double cpu = Seconds(CLOCK_PROCESS_CPUTIME_ID);
  Run(mysql, "SET autocommit = 0");
  for (size_t at = 0; at < rows.id.size(); at += kBatch) {
    upsert.Write(rows, at,
                 static_cast<unsigned>(std::min<size_t>(kBatch, rows.id.size() - at)));
    if ((at + kBatch) % commit_rows == 0) Run(mysql, "COMMIT");
  }
  Run(mysql, "COMMIT");
  std::printf("rows=%zu seconds=%.3f cpu=%.3f\n", rows.id.size(),
              Seconds(CLOCK_MONOTONIC) - start, Seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
  return 0;
}
