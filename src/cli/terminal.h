// Terminal: the screen and the keys of a program that draws all of it: the alternate
// screen, without an echo, until it is left. One at a time, one thread.
#pragma once

#include <termios.h>

#include <chrono>
#include <string>
#include <string_view>

namespace leat {

// All of it, unless the reader is gone: then nobody is left to tell.
void WriteAll(int fd, std::string_view text);

enum class Key : uint8_t { kNone, kUp, kDown, kQuit, kOther };

struct KeyPress {
  Key key = Key::kNone;
  char letter = 0;  // kOther
};

class Terminal {
 public:
  // Both have to be terminals; borrowed.
  Terminal(int in, int out);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // Gives the screen back for a while, and takes it again.
  void Leave();
  void Enter();

  struct Size {
    int width = 80;
    int height = 24;
  };
  Size size() const;
  // Replaces what is on the screen.
  void Show(std::string_view drawing) const;
  // The next key; kNone when none came in time, or the window changed its size. q,
  // Ctrl-C and the end of the input are kQuit.
  KeyPress Read(std::chrono::milliseconds wait);

 private:
  const int in_;
  const int out_;
  termios before_{};
  std::string typed_;  // and not yet returned
};

}  // namespace leat
