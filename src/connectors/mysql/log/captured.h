// For tests: events that real servers wrote (testdata/captured.txt: a name and the body
// in hexadecimal, without header and checksum).
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace leat::mysql {

inline std::string Captured(const std::string& name) {
  std::ifstream file(LEAT_TESTDATA "/captured.txt");
  std::string found;
  std::string hex;
  while (file >> found >> hex) {
    if (found != name) continue;
    std::string bytes;
    for (size_t i = 0; i + 1 < hex.size(); i += 2) {
      bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    return bytes;
  }
  ADD_FAILURE() << "no captured " << name;
  return {};
}

}  // namespace leat::mysql
