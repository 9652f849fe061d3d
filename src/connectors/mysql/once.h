// `read: once`: every row of the tables as of one moment, then the end. One connection
// reads one consistent view, by SELECT alone: no log, no lock. All of it is one epoch, so
// a target shows the tables of one moment or none; a crash begins anew. Tables of engines
// without transactions are as of when each was read.
//
// A Source of its own (see core/source.h), made instead of the log's; a thread of its own
// reads ahead. Errors as Client's; kTransient as well when a table was altered after the
// view was opened.
#pragma once

#include <memory>

#include "connectors/mysql/options.h"
#include "core/source.h"

namespace leat::mysql {

std::unique_ptr<Source> MakeOnceSource(const SourceOptions& options,
                                       const Context& context);

}  // namespace leat::mysql
