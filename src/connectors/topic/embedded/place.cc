#include "connectors/topic/embedded/place.h"

#include "core/units.h"

namespace leat::topic::embedded {

ShardId ShardOf(const std::string& group, const TopicPartition& partition) {
  return group + "/" + partition.topic + "/" + std::to_string(partition.partition);
}

Position Place::ToPosition() const {
  std::string text = std::to_string(offset) + "@" + std::to_string(resets);
  if (!learnt.empty()) text += " " + learnt;
  return {std::move(text)};
}

std::optional<Place> Place::Parse(const Position& position) {
  const std::string_view text = position.text;
  const size_t at = text.find('@');
  if (at == std::string_view::npos) return std::nullopt;
  const size_t space = std::min(text.find(' ', at), text.size());
  auto offset = ParseInt(text.substr(0, at));
  auto resets = ParseInt(text.substr(at + 1, space - at - 1));
  if (!offset || !resets || *offset < 0 || *resets < 0) return std::nullopt;
  Place place{*offset, *resets, ""};
  if (space < text.size()) place.learnt = text.substr(space + 1);
  return place;
}

}  // namespace leat::topic::embedded
