#include "cli/top_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/view_text.h"

namespace leat {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::Not;

Json StatusOf(const std::vector<std::string>& names, double rate = 0) {
  Json pipelines;
  for (const std::string& name : names) {
    pipelines[name] = {{"state", "running"},
                       {"rows", 412'000},
                       {"rows_per_second", rate},
                       {"why", "why of " + name}};
  }
  return {{"pid", 7}, {"pipelines", pipelines}};
}

size_t Lines(const std::string& drawing) {
  return static_cast<size_t>(std::ranges::count(drawing, '\n')) + 1;
}

TEST(Sparkline, ShowsTheNewestAsPartsOfTheLargest) {
  EXPECT_EQ(Sparkline({}, 3), "   ");
  EXPECT_EQ(Sparkline({0, 0}, 3), "   ");
  EXPECT_EQ(Sparkline({0, 1, 500, 1000}, 5), "  ▁▄█");
  EXPECT_EQ(Sparkline({9, 8, 8}, 2), "██");
}

TEST(CutText, CountsCharacters) {
  EXPECT_EQ(CutText("abc", 3), "abc");
  EXPECT_EQ(CutText("abcd", 3), "ab…");
  EXPECT_EQ(CutText("äöü", 3), "äöü");
  EXPECT_EQ(CutText("äöüä", 3), "äö…");
}

TEST(TopView, KeepsTheSelectionWhilePipelinesComeAndGo) {
  TopView view;
  EXPECT_EQ(view.selected(), "");
  view.Move(1);
  view.Add(StatusOf({"a", "b", "c"}));
  view.Move(1);
  EXPECT_EQ(view.selected(), "b");
  view.Add(StatusOf({"0", "a", "b"}));
  EXPECT_EQ(view.selected(), "b");
  view.Move(9);
  view.Move(-1);
  EXPECT_EQ(view.selected(), "a");
  view.Add(StatusOf({"x"}));
  EXPECT_EQ(view.selected(), "x");
}

TEST(TopView, DrawsPipelinesAndWhatIsToSayOfOne) {
  TopView view;
  view.Add(StatusOf({"orders", "users"}, 100));
  view.Move(1);
  const std::string drawing = view.Draw(200, 10);
  EXPECT_THAT(drawing, HasSubstr("process 7, 2 pipelines"));
  EXPECT_THAT(drawing, HasSubstr("orders"));
  EXPECT_THAT(drawing, HasSubstr("412,000"));
  EXPECT_THAT(drawing, HasSubstr("█"));
  EXPECT_THAT(drawing, HasSubstr("why of users"));
  EXPECT_THAT(drawing, Not(HasSubstr("why of orders")));
  EXPECT_EQ(Lines(drawing), 10u);
  view.AddError("the process does not answer");
  EXPECT_THAT(view.Draw(200, 10), HasSubstr("does not answer"));
}

TEST(TopView, ScrollsToTheSelectedOne) {
  TopView view;
  std::vector<std::string> names;
  for (int i = 100; i < 150; i++) names.push_back("p" + std::to_string(i));
  view.Add(StatusOf(names));
  EXPECT_THAT(view.Draw(200, 14), HasSubstr("p109"));
  EXPECT_THAT(view.Draw(200, 14), Not(HasSubstr("p110")));
  view.Move(49);
  EXPECT_THAT(view.Draw(200, 14), HasSubstr("p149"));
  EXPECT_THAT(view.Draw(200, 14), Not(HasSubstr("p139 ")));
  EXPECT_EQ(Lines(view.Draw(1, 1)), 5u);
}

}  // namespace
}  // namespace leat
