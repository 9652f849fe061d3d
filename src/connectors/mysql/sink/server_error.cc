#include "connectors/mysql/sink/server_error.h"

#include <mysqld_error.h>

#include <algorithm>
#include <iterator>

namespace leat::mysql {
namespace {

// Numbers that both servers, or one of them, use; the headers have the names of one.
constexpr unsigned kRowErrors[] = {
    1048,                                      // column cannot be null
    1062,                                      // duplicate entry
    1118,                                      // row too large for a page
    1169,                                      // duplicate entry of a unique constraint
    1216, 1217, 1451, 1452,                    // foreign keys
    1264,                                      // out of range
    1265,                                      // data truncated
    1292,                                      // incorrect value of a type
    1300,                                      // invalid characters
    1366,                                      // incorrect value for a column
    1367,                                      // illegal value found during parsing
    1406,                                      // data too long
    1411,                                      // incorrect value of a function
    1416,                                      // no geometry
    1441,                                      // date out of range
    1526,                                      // no partition for a value
    1557,                                      // duplicate entry by a foreign key
    1586,                                      // duplicate entry with the key's name
    1644,                                      // refused by a trigger
    1690,                                      // out of range in an expression
    1748,                                      // not of the partition
    1761, 1762,                                // duplicate entry by a foreign key
    3037, 3055, 3617, 3618,                    // geometry
    3140, 3141, 3143, 3144, 3150, 3157, 3158,  // JSON
    3819,                                      // check constraint, MySQL
    4025,                                      // check constraint, MariaDB
    4078, 4079,        // operands of types that do not go together
    6136, 6137, 6138,  // vector
};
constexpr unsigned kChanged[] = {1264, 1265, 1292, 1299, 1366, 1406};

template <typename List>
bool ListsNumber(const List& list, unsigned number) {
  return std::find(std::begin(list), std::end(list), number) != std::end(list);
}

}  // namespace

bool IsRowError(unsigned number) { return ListsNumber(kRowErrors, number); }
bool IsChangedValue(unsigned number) { return ListsNumber(kChanged, number); }
bool IsConflict(unsigned number) {
  constexpr unsigned kNoWait = 3572;  // MySQL's answer to NOWAIT
  return number == ER_LOCK_DEADLOCK || number == ER_LOCK_WAIT_TIMEOUT ||
         number == kNoWait;
}

}  // namespace leat::mysql
