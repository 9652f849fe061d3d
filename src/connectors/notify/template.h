// Template: text with columns of a row in it, "{station}: {temperature} °C"; braces that
// are meant as they are stand twice. Immutable; any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace leat::notify {

class Template {
 public:
  // kConfig: says which brace is wrong.
  static Result<Template> Parse(std::string_view text);

  // Those it names.
  std::vector<std::string> columns() const;
  // `value` answers the text of a column.
  std::string Fill(
      const std::function<std::string(const std::string& column)>& value) const;

 private:
  struct Piece {
    std::string text;
    bool column = false;  // `text` is its name
  };
  std::vector<Piece> pieces_;
};

}  // namespace leat::notify
