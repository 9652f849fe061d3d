#include "base/folder.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "base/testing.h"

namespace leat {
namespace {

namespace fs = std::filesystem;

class FolderTest : public testing::Test {
 protected:
  TestFolder folder_{"folder"};
};

TEST_F(FolderTest, MakesWhatIsMissingAndKeepsWhatIsThere) {
  ASSERT_TRUE(MakeFolder(folder_ / "a/b/c/").ok());
  EXPECT_TRUE(fs::is_directory(folder_ / "a/b/c"));
  std::ofstream(folder_ / "a/b/c/file") << "kept";
  ASSERT_TRUE(MakeFolder(folder_ / "a/b/c").ok());
  EXPECT_TRUE(fs::exists(folder_ / "a/b/c/file"));
}

TEST_F(FolderTest, AFileInTheWayIsSaid) {
  std::ofstream(folder_ / "a") << "a file";
  const Status made = MakeFolder(folder_ / "a/b");
  EXPECT_EQ(made.kind(), ErrorKind::kConfig);
  EXPECT_NE(made.message().find("a/b"), std::string::npos) << made.ToString();
}

}  // namespace
}  // namespace leat
