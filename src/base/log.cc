#include "base/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "base/clock.h"
#include "base/redact.h"
#include "base/text.h"

namespace leat {
namespace {

constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};
constexpr std::string_view kColours[] = {"\x1b[2m", "", "\x1b[33m", "\x1b[31m"};

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      AppendHex({&c, 1}, &out);
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string Now() {
  auto now = std::chrono::system_clock::now();
  auto micros =
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch())
          .count() %
      1'000'000;
  return fmt::format("{}.{:03}Z", UtcText(std::chrono::system_clock::to_time_t(now), 'T'),
                     micros / 1000);
}

std::string HumanLine(LogLevel level, std::string_view message,
                      std::initializer_list<LogField> fields) {
  auto index = static_cast<size_t>(level);
  std::string out = fmt::format("{}{} {:5} {}", kColours[index], Now().substr(11),
                                kNames[index], message);
  for (const LogField& f : fields) {
    std::visit([&](const auto& v) { out += fmt::format("  {}={}", f.name, v); }, f.value);
  }
  return out + "\x1b[0m\n";
}

std::string JsonLine(LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) {
  std::string out = fmt::format(R"({{"ts":"{}","level":"{}","msg":)", Now(),
                                kNames[static_cast<size_t>(level)]);
  AppendJsonString(out, message);
  for (const LogField& f : fields) {
    out += ',';
    AppendJsonString(out, f.name);
    out += ':';
    if (const auto* text = std::get_if<std::string_view>(&f.value)) {
      AppendJsonString(out, *text);
    } else if (const auto* whole = std::get_if<int64_t>(&f.value)) {
      out += fmt::format("{}", *whole);
    } else {
      out += fmt::format("{}", std::get<double>(f.value));
    }
  }
  return out + "}\n";
}

}  // namespace

Logger::Logger(int fd, LogLevel level)
    : Logger(fd, level, isatty(fd) ? Format::kHuman : Format::kJson) {}

Logger::Logger(int fd, LogLevel level, Format format)
    : fd_(fd), level_(level), format_(format) {}

void Logger::Write(LogLevel level, std::string_view message,
                   std::initializer_list<LogField> fields) {
  if (level < level_) return;
  std::string line = Redact(format_ == Format::kHuman ? HumanLine(level, message, fields)
                                                      : JsonLine(level, message, fields));
  std::lock_guard lock(mutex_);
  // A log that cannot be written has nowhere to say so.
  [[maybe_unused]] ssize_t written = write(fd_, line.data(), line.size());
}

}  // namespace leat
