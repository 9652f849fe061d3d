// CRC-32 (the IEEE polynomial of zlib and Ethernet), as binlog events carry it. With
// carry-less multiplication where the processor has it. Any thread.
// Source: V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
// Instruction", Intel 2009, the bit-reflected form.
#pragma once

#include <cstdint>
#include <string_view>

namespace leat::mysql {

uint32_t Crc32(std::string_view bytes);

}  // namespace leat::mysql
