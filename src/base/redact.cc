#include "base/redact.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "base/text.h"

namespace leat {
namespace {

constexpr size_t kShortest = 3;

struct Secrets {
  std::mutex mutex;
  std::vector<std::string> longest_first;
};

Secrets& All() {
  static auto* secrets = new Secrets;  // outlives every thread that may still log
  return *secrets;
}

// Where the password of a URL that starts before `scheme_end` ("://") lies.
std::string_view PasswordAfter(std::string_view text, size_t scheme_end) {
  size_t start = scheme_end + 3;
  size_t end = text.find_first_of("/?# \t\n\"'<>", start);
  std::string_view authority = text.substr(start, end - start);
  size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return {};
  size_t colon = authority.substr(0, at).find(':');
  if (colon == std::string_view::npos) return {};
  return authority.substr(colon + 1, at - colon - 1);
}

}  // namespace

std::string PercentDecoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    bool escape = text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
                  HexDigit(text[i + 2]) >= 0;
    out += escape ? static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]))
                  : text[i];
    if (escape) i += 2;
  }
  return out;
}

void RegisterSecret(std::string_view secret) {
  Secrets& all = All();
  std::lock_guard lock(all.mutex);
  for (std::string form : {std::string(secret), PercentDecoded(secret)}) {
    auto& known = all.longest_first;
    if (form.size() < kShortest) continue;
    if (std::find(known.begin(), known.end(), form) != known.end()) continue;
    auto shorter = std::find_if(known.begin(), known.end(), [&](const std::string& k) {
      return k.size() < form.size();
    });
    known.insert(shorter, std::move(form));
  }
}

std::string_view UrlPassword(std::string_view url) {
  size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return {};
  return PasswordAfter(url, scheme_end);
}

std::string Redact(std::string_view text) {
  std::string out(text);
  {
    Secrets& all = All();
    std::lock_guard lock(all.mutex);
    for (const std::string& secret : all.longest_first) {
      for (size_t at = out.find(secret); at != std::string::npos;
           at = out.find(secret, at + kMask.size())) {
        out.replace(at, secret.size(), kMask);
      }
    }
  }
  for (size_t at = out.find("://"); at != std::string::npos;
       at = out.find("://", at + 3)) {
    std::string_view password = PasswordAfter(out, at);
    if (password.empty()) continue;
    out.replace(static_cast<size_t>(password.data() - out.data()), password.size(),
                kMask);
  }
  return out;
}

}  // namespace leat
