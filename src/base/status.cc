#include "base/status.h"

namespace leat {

std::string_view ErrorKindName(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kOk: return "ok";
    case ErrorKind::kTransient: return "transient";
    case ErrorKind::kUnknownOutcome: return "unknown outcome";
    case ErrorKind::kFenced: return "fenced";
    case ErrorKind::kConfig: return "config";
    case ErrorKind::kData: return "data";
    case ErrorKind::kCancelled: return "cancelled";
    case ErrorKind::kBug: return "bug";
  }
  return "bug";
}

std::string Status::ToString() const {
  if (ok()) return "ok";
  return std::string(ErrorKindName(kind_)) + ": " + message_;
}

}  // namespace leat
