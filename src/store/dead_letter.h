// How a dead letter is kept: its fields with their lengths in front, since a row that was
// refused may hold any bytes.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "data/batch.h"

namespace leat {

std::string EncodeDeadLetter(const DeadLetter& letter);
Result<DeadLetter> DecodeDeadLetter(std::string_view bytes);

}  // namespace leat
