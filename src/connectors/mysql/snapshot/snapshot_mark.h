// A place between two transactions of a server's log. A value.
#pragma once

#include <cstdint>
#include <string>

namespace leat::mysql {

struct LogMark {
  std::string file;
  uint64_t offset = 0;

  bool operator==(const LogMark&) const = default;
};

}  // namespace leat::mysql
