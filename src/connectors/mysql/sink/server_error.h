// What the numbers of a server's errors mean for rows being written. Pure functions.
#pragma once

namespace leat::mysql {

// One row is at fault: a value that its column cannot hold, a key that is there, a
// constraint. Such an error in a statement of many rows says nothing of the others.
bool IsRowError(unsigned number);

// As a warning: the server kept another value than the one it was given.
bool IsChangedValue(unsigned number);

// Deadlock or lock wait: written again, the same rows may go through.
bool IsConflict(unsigned number);

}  // namespace leat::mysql
