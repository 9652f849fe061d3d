// Test only: a private MariaDB server in a temporary folder, reached by its socket.
// nullptr from Start names in `reason` why there is none (not installed).
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "connectors/mysql/client.h"

namespace leat::mysql {

class TestServer {
 public:
  static std::unique_ptr<TestServer> Start(std::vector<std::string> options,
                                           std::string* reason) {
    if (std::system("command -v mariadbd mariadb-install-db >/dev/null 2>&1") != 0) {
      *reason = "mariadbd is not installed";
      return nullptr;
    }
    std::unique_ptr<TestServer> server(new TestServer(std::move(options)));
    if (!server->Install() || !server->Launch()) {
      *reason = "mariadbd does not start; see " + (server->folder_ / "log").string();
      server->keep_ = true;
      return nullptr;
    }
    return server;
  }

  ~TestServer() {
    Stop(SIGKILL);
    std::error_code ignored;
    if (!keep_) std::filesystem::remove_all(folder_, ignored);
  }

  std::string url(const std::string& database = "shop") const {
    return "mysql://root@localhost/" + database +
           "?tls=off&socket=" + (folder_ / "s").string();
  }

  void Stop(int signal) {
    if (pid_ <= 0) return;
    kill(pid_, signal);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  bool Launch() {
    pid_ = fork();
    if (pid_ == 0) Exec();
    for (int i = 0; i < 600; i++) {
      auto url = Url::Parse(this->url(""));
      if (url.ok() && Client::Connect(*url).ok()) return true;
      if (waitpid(pid_, nullptr, WNOHANG) != 0) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
  }

 private:
  explicit TestServer(std::vector<std::string> options) : options_(std::move(options)) {
    std::string name = "/tmp/leat-mariadb-XXXXXX";
    folder_ = mkdtemp(name.data());
  }

  bool Install() {
    std::string command =
        "mariadb-install-db --no-defaults --skip-test-db --user=" + User() +
        " --auth-root-authentication-method=normal"
        " --innodb-log-file-size=8M --datadir=" +
        (folder_ / "data").string() + " >" + (folder_ / "log").string() + " 2>&1";
    return std::system(command.c_str()) == 0;
  }

  static std::string User() {
    const char* user = std::getenv("USER");
    return geteuid() == 0 || user == nullptr ? "root" : user;
  }

  [[noreturn]] void Exec() {
    std::vector<std::string> all = {"mariadbd",
                                    "--no-defaults",
                                    "--skip-networking",
                                    "--user=" + User(),
                                    "--datadir=" + (folder_ / "data").string(),
                                    "--socket=" + (folder_ / "s").string(),
                                    "--pid-file=" + (folder_ / "pid").string(),
                                    "--server-id=1",
                                    "--log-bin=binlog",
                                    "--binlog-format=ROW",
                                    "--binlog-row-metadata=FULL",
                                    "--gtid-strict-mode=ON",
                                    "--innodb-log-file-size=8M",
                                    "--innodb-buffer-pool-size=16M",
                                    "--innodb-flush-log-at-trx-commit=2",
                                    "--character-set-server=utf8mb4"};
    all.insert(all.end(), options_.begin(), options_.end());
    std::vector<char*> arguments;
    for (std::string& text : all) arguments.push_back(text.data());
    arguments.push_back(nullptr);
    int log = open((folder_ / "log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    dup2(log, 1);
    dup2(log, 2);
    execvp("mariadbd", arguments.data());
    _exit(127);
  }

  std::vector<std::string> options_;
  std::filesystem::path folder_;
  pid_t pid_ = -1;
  bool keep_ = false;
};

}  // namespace leat::mysql
