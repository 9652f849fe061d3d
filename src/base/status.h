// Status and Result<T>: the only way an error crosses a layer; nothing here throws.
// The error's kind names the reaction of whoever catches it (see ErrorKind).
#pragma once

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace leat {

// What the runtime does about an error. Every error has exactly one kind.
enum class ErrorKind : unsigned char {
  kOk,
  kTransient,       // the other side may recover: retry with backoff and jitter
  kUnknownOutcome,  // a commit may or may not have landed: look for the token, never
                    // clean up
  kFenced,          // somebody else owns this shard now: stop
  kConfig,          // the user has to change something: stop and say what
  kData,            // one row is at fault: dead letter
  kCancelled,       // asked to stop
  kBug,             // an invariant of Leat's is broken: stop
};

std::string_view ErrorKindName(ErrorKind kind);

// A kind and a sentence for the user: what failed, where, why, what to do. Secrets never
// enter it.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(ErrorKind kind, std::string message)
      : kind_(kind), message_(std::move(message)) {}

  static Status Ok() { return {}; }
  static Status Transient(std::string m) { return {ErrorKind::kTransient, std::move(m)}; }
  static Status UnknownOutcome(std::string m) {
    return {ErrorKind::kUnknownOutcome, std::move(m)};
  }
  static Status Fenced(std::string m) { return {ErrorKind::kFenced, std::move(m)}; }
  static Status Config(std::string m) { return {ErrorKind::kConfig, std::move(m)}; }
  static Status Data(std::string m) { return {ErrorKind::kData, std::move(m)}; }
  static Status Cancelled(std::string m) { return {ErrorKind::kCancelled, std::move(m)}; }
  static Status Bug(std::string m) { return {ErrorKind::kBug, std::move(m)}; }

  bool ok() const { return kind_ == ErrorKind::kOk; }
  ErrorKind kind() const { return kind_; }
  const std::string& message() const { return message_; }

  // The same error, with what was being done in front: "opening catalog: disk full".
  Status Within(std::string_view doing) const {
    if (ok()) return *this;
    return {kind_, std::string(doing) + ": " + message_};
  }
  std::string ToString() const;

 private:
  ErrorKind kind_ = ErrorKind::kOk;
  std::string message_;
};

// A value or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<1>, std::move(value)) {}        // NOLINT
  Result(Status status) : state_(std::in_place_index<0>, std::move(status)) {  // NOLINT
    assert(!std::get<0>(state_).ok());
  }

  bool ok() const { return state_.index() == 1; }
  Status status() const { return ok() ? Status::Ok() : std::get<0>(state_); }

  T& operator*() & { return std::get<1>(state_); }
  const T& operator*() const& { return std::get<1>(state_); }
  T&& operator*() && { return std::get<1>(std::move(state_)); }
  T* operator->() { return &std::get<1>(state_); }
  const T* operator->() const { return &std::get<1>(state_); }

 private:
  std::variant<Status, T> state_;
};

#define RETURN_IF_ERROR(expr)                                           \
  do {                                                                  \
    if (::leat::Status status_ = (expr); !status_.ok()) return status_; \
  } while (false)

#define LEAT_CONCAT_INNER(a, b) a##b
#define LEAT_CONCAT(a, b) LEAT_CONCAT_INNER(a, b)
#define LEAT_ASSIGN_OR_RETURN(result, lhs, expr) \
  auto result = (expr);                          \
  if (!result.ok()) return result.status();      \
  lhs = *std::move(result)
#define ASSIGN_OR_RETURN(lhs, expr) \
  LEAT_ASSIGN_OR_RETURN(LEAT_CONCAT(result_, __LINE__), lhs, expr)

}  // namespace leat
