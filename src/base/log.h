// Structured log lines on stderr: human on a terminal, one JSON object a line elsewhere.
// Thread-safe. Registered secrets are masked (base/redact.h).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

namespace leat {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };

struct LogField {
  std::string_view name;
  std::variant<std::string_view, int64_t, double> value;

  LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
  LogField(std::string_view n, const std::string& v)
      : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, double v) : name(n), value(v) {}
  template <typename T>
  requires std::is_integral_v<T> LogField(std::string_view n, T v)
      : name(n), value(static_cast<int64_t>(v)) {}
};

class Logger {
 public:
  enum class Format : uint8_t { kHuman, kJson };

  // `fd` is borrowed. The format follows whether it is a terminal unless given.
  explicit Logger(int fd, LogLevel level = LogLevel::kInfo);
  Logger(int fd, LogLevel level, Format format);

  void Write(LogLevel level, std::string_view message,
             std::initializer_list<LogField> fields = {});
  void Debug(std::string_view m, std::initializer_list<LogField> f = {}) {
    Write(LogLevel::kDebug, m, f);
  }
  void Info(std::string_view m, std::initializer_list<LogField> f = {}) {
    Write(LogLevel::kInfo, m, f);
  }
  void Warn(std::string_view m, std::initializer_list<LogField> f = {}) {
    Write(LogLevel::kWarn, m, f);
  }
  void Error(std::string_view m, std::initializer_list<LogField> f = {}) {
    Write(LogLevel::kError, m, f);
  }

 private:
  int fd_;
  LogLevel level_;
  Format format_;
  std::mutex mutex_;
};

}  // namespace leat
