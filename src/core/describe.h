// A Spec for people: as text for a terminal, as Markdown for docs/, and as JSON.
#pragma once

#include <string>
#include <string_view>

#include "core/spec.h"

namespace leat {

// `kind` is "source", "step" or "sink", or empty for a file.
std::string DescribeText(const Spec& spec, std::string_view kind);
std::string DescribeMarkdown(const Spec& spec, std::string_view kind);
std::string DescribeJson(const Spec& spec, std::string_view kind);

}  // namespace leat
