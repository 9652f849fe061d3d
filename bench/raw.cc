// The baselines of the benchmark: what the server and the network give when nothing is
// done with the rows. One thread, plain reads; a program of its own so that its CPU time
// can be taken by its parent.
//
//   leat_raw binlog   PORT USER PASSWORD DATABASE FILE    reads a log file to its end
//   leat_raw snapshot PORT USER PASSWORD DATABASE TABLE   reads a table by one SELECT
//
// Prints "rows=N bytes=N"; `binlog` counts events in place of rows.
#include <mysql.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr size_t kHeader = 4;  // of a packet: three bytes of length, one of sequence

[[noreturn]] void Fail(MYSQL* mysql) {
  std::fprintf(stderr, "leat_raw: %s\n", mysql_error(mysql));
  std::exit(1);
}

MYSQL* Connect(char** arguments) {
  MYSQL* mysql = mysql_init(nullptr);
  if (!mysql_real_connect(mysql, "127.0.0.1", arguments[3], arguments[4], arguments[5],
                          static_cast<unsigned>(std::atoi(arguments[2])), nullptr, 0)) {
    Fail(mysql);
  }
  return mysql;
}

// Asks for a log file from its first event; the server ends with EOF instead of waiting.
void SendDump(MYSQL* mysql, const std::string& file) {
  if (mysql_query(mysql,
                  "SET @master_binlog_checksum='NONE', @mariadb_slave_capability=4")) {
    Fail(mysql);
  }
  constexpr unsigned kNoWait = 1;
  const unsigned server_id = 1'000'000 + static_cast<unsigned>(getpid());
  std::string command;
  auto append = [&command](unsigned value, int bytes) {
    for (int i = 0; i < bytes; i++) command.push_back(static_cast<char>(value >> 8 * i));
  };
  append(4, 4);  // the position behind the file's magic
  append(kNoWait, 2);
  append(server_id, 4);
  command += file;
  if (mysql->methods->db_command(mysql, COM_BINLOG_DUMP, command.data(), command.size(),
                                 1, nullptr)) {
    Fail(mysql);
  }
}

int DrainLog(MYSQL* mysql, const std::string& file) {
  SendDump(mysql, file);
  const int socket = static_cast<int>(mysql_get_socket(mysql));
  std::vector<unsigned char> buffer((1 << 20) + (1 << 24));
  size_t have = 0;
  long events = 0, bytes = 0;
  for (;;) {
    size_t at = 0;
    while (have - at >= kHeader) {
      const unsigned char* packet = buffer.data() + at;
      size_t length = packet[0] | packet[1] << 8 | static_cast<size_t>(packet[2]) << 16;
      if (have - at < kHeader + length) break;
      if (packet[kHeader] == 0xfe) {
        std::printf("rows=%ld bytes=%ld\n", events, bytes);
        return 0;
      }
      if (packet[kHeader] == 0xff) {
        std::fprintf(stderr, "leat_raw: the server refused: %.*s\n",
                     static_cast<int>(length) - 9,
                     reinterpret_cast<const char*>(packet) + kHeader + 9);
        return 1;
      }
      events++;
      bytes += static_cast<long>(length);
      at += kHeader + length;
    }
    std::memmove(buffer.data(), buffer.data() + at, have - at);
    have -= at;
    ssize_t got = read(socket, buffer.data() + have, buffer.size() - have);
    if (got <= 0) {
      std::fprintf(stderr, "leat_raw: the connection ended\n");
      return 1;
    }
    have += static_cast<size_t>(got);
  }
}

int DrainTable(MYSQL* mysql, const std::string& table) {
  if (mysql_query(mysql, ("SELECT * FROM " + table).c_str())) Fail(mysql);
  MYSQL_RES* result = mysql_use_result(mysql);
  const unsigned columns = mysql_num_fields(result);
  long rows = 0, bytes = 0;
  while (mysql_fetch_row(result)) {
    const unsigned long* lengths = mysql_fetch_lengths(result);
    rows++;
    for (unsigned i = 0; i < columns; i++) bytes += static_cast<long>(lengths[i]);
  }
  if (mysql_errno(mysql)) Fail(mysql);
  std::printf("rows=%ld bytes=%ld\n", rows, bytes);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc == 7 ? argv[1] : "";
  if (mode != "binlog" && mode != "snapshot") {
    std::fprintf(stderr,
                 "usage: leat_raw binlog|snapshot PORT USER PASSWORD DATABASE "
                 "FILE|TABLE\n");
    return 2;
  }
  MYSQL* mysql = Connect(argv);
  return mode == "binlog" ? DrainLog(mysql, argv[6]) : DrainTable(mysql, argv[6]);
}
