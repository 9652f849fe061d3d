#include "cli/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace leat {

void WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

Terminal::Terminal(int in, int out) : in_(in), out_(out) {
  tcgetattr(in_, &before_);
  Enter();
}

Terminal::~Terminal() { Leave(); }

void Terminal::Enter() {
  termios raw = before_;
  cfmakeraw(&raw);
  tcsetattr(in_, TCSAFLUSH, &raw);
  WriteAll(out_, "\x1b[?1049h\x1b[?25l");
}

void Terminal::Leave() {
  WriteAll(out_, "\x1b[?25h\x1b[?1049l");
  tcsetattr(in_, TCSAFLUSH, &before_);
}

Terminal::Size Terminal::size() const {
  winsize window{};
  if (ioctl(out_, TIOCGWINSZ, &window) != 0 || window.ws_col == 0) return {};
  return {window.ws_col, window.ws_row};
}

void Terminal::Show(std::string_view drawing) const {
  WriteAll(out_, "\x1b[H" + std::string(drawing));
}

KeyPress Terminal::Read(std::chrono::milliseconds wait) {
  if (typed_.empty()) {
    pollfd ready{in_, POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(wait.count())) <= 0) return {};
    char bytes[64];
    const ssize_t n = read(in_, bytes, sizeof bytes);
    if (n <= 0) return {Key::kQuit};
    typed_.assign(bytes, static_cast<size_t>(n));
  }
  // Arrows as terminals send them in either of their modes; several keys may come at
  // once.
  const std::string_view next = typed_;
  const bool escape = next.starts_with("\x1b[") || next.starts_with("\x1bO");
  const char last = next[escape ? std::min<size_t>(2, next.size() - 1) : 0];
  typed_.erase(0, escape ? 3 : 1);
  if (escape) return {last == 'A' ? Key::kUp : last == 'B' ? Key::kDown : Key::kNone};
  constexpr char kCtrlC = 3;
  switch (last) {
    case 'q':
    case kCtrlC: return {Key::kQuit};
    case 'k': return {Key::kUp};
    case 'j': return {Key::kDown};
    default: return {Key::kOther, last};
  }
}

}  // namespace leat
