// Step: turns one batch into another on the writer thread, deterministically, so that a
// batch read again gives the same rows.
// Owned by one pipeline; called by its writer thread only. Errors as Source's; a row at
// fault goes to `rejects`.
#pragma once

#include <vector>

#include "base/status.h"
#include "core/context.h"
#include "data/batch.h"

namespace leat {

class Step {
 public:
  virtual ~Step() = default;

  virtual Needs needs() const = 0;
  // The shape its output has for an input of this shape.
  virtual Result<SchemaRef> Shape(const SchemaRef& input) = 0;
  virtual Status Apply(Batch* batch, std::vector<DeadLetter>* rejects) = 0;
};

}  // namespace leat
