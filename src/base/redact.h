// Keeps secrets out of everything a person or a machine can read. Whoever learns a secret
// (the reader of pipeline files: Secret fields, passwords in URLs, ${file:...}) registers
// it; whoever prints (the logger, the commands) masks every registered one, so that not
// even the text of a driver's error can carry it out. Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace leat {

inline constexpr std::string_view kMask = "***";

// Remembered until the process ends, as it is and percent-decoded. Texts under three
// bytes are not masked: they would blot out unrelated output and hide nothing.
void RegisterSecret(std::string_view secret);

// `text` with every registered secret, and the password of every URL in it, replaced.
std::string Redact(std::string_view text);

// The password in scheme://user:password@host, as written; empty when there is none.
std::string_view UrlPassword(std::string_view url);

// %XX replaced by the byte it stands for.
std::string PercentDecoded(std::string_view text);

}  // namespace leat
