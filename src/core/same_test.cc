#include "core/same.h"

#include <gtest/gtest.h>

#include "base/testing.h"
#include "core/config_reader.h"

namespace leat {
namespace {

Spec AllTypes() {
  Spec spec;
  spec.name = "all";
  spec.fields = {
      Field::String("text", "Text."),
      Field::Int("number", "Number.").Default("3"),
      Field::Bool("flag", "Flag.").Default("false"),
      Field::Duration("time", "Time.").Default("1s"),
      Field::Bytes("size", "Size.").Default("1KiB"),
      Field::Strings("list", "List."),
      Field::Map("map", "Map."),
      Field::Object("object", "Object.", {Field::Int("x", "X.").Default("1")}),
      Field::Objects("objects", "Objects.", {Field::Int("x", "X.").Default("1")}),
      Field::Part("part", "Part.", "thing",
                  {Field::Object("a", "A.", {Field::Int("x", "X.").Default("1")}),
                   Field::Object("b", "B.", {})}),
      Field::Parts("parts", "Parts.", "thing",
                   {Field::Object("a", "A.", {Field::Int("x", "X.").Default("1")}),
                    Field::Object("b", "B.", {})})};
  return spec;
}

bool Same(const std::string& a, const std::string& b, const std::string& folder = ".") {
  const Spec spec = AllTypes();
  return SameConfig(Must(ParseConfig(spec, a)),
                    Must(ParseConfig(spec, b, "other.yaml", folder)), spec.fields);
}

TEST(Same, WhereverItStandsAndWhetherItIsWritten) {
  EXPECT_TRUE(Same("text: a\nlist: [x]", "# another line\nlist: x\ntext: 'a'"));
  EXPECT_TRUE(Same("{}", "number: 3\ntime: 1000ms\nsize: 1024"));
  EXPECT_TRUE(Same("part: {a: {x: 1}}\nparts: [b, {a: {x: 2}}]",
                   "part: a\nparts: [{b: {}}, a: {x: 2}]"));
}

// So does whether a mapping is written: parts may ask for that.
TEST(Same, EveryValueCounts) {
  for (const char* other :
       {"text: ''", "text: b", "number: 4", "flag: true", "time: 2s", "size: 2KiB",
        "list: [y]", "map: {k: v}", "object: {x: 2}", "object: {x: 1}",
        "objects: {n: {}}", "part: a", "part: b", "parts: [a]"}) {
    EXPECT_FALSE(Same("{}", other)) << other;
  }
  EXPECT_FALSE(Same("list: [x, y]", "list: [y, x]"));
  EXPECT_FALSE(Same("map: {k: v}", "map: {k: w}"));
  EXPECT_FALSE(Same("objects: {n: {x: 1}}", "objects: {n: {x: 2}}"));
  EXPECT_FALSE(Same("objects: {n: {}}", "objects: {m: {}}"));
  EXPECT_FALSE(Same("part: {a: {x: 1}}", "part: {a: {x: 2}}"));
  EXPECT_FALSE(Same("parts: [a, b]", "parts: [b, a]"));
  EXPECT_FALSE(Same("parts: [{a: {x: 1}}]", "parts: [{a: {x: 2}}]"));
  EXPECT_FALSE(Same("{}", "{}", "elsewhere"));  // paths in it mean others
}

}  // namespace
}  // namespace leat
