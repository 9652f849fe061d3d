#include "wire/file_io.h"

#include <arrow/io/interfaces.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/failpoint.h"
#include "base/testing.h"

namespace leat {
namespace {

using ::testing::HasSubstr;

TEST(FileIoTest, WritesReadsListsRemoves) {
  TestFolder folder("files");
  auto files = Must(FileIo::Make(folder.path() + "/ware house/", {}));
  EXPECT_EQ(files->root(), "file://" + folder.path() + "/ware house");
  const std::string name = files->root() + "/a/b=%2F/x.bin";
  Must(files->Write(name, std::string("\0bytes", 6)));
  Must(files->Sync());
  EXPECT_EQ(Must(files->Read(name)).size(), 6u);
  EXPECT_EQ(Must(files->Read(LocalPath(name))).size(), 6u);
  auto listed = Must(files->List(files->root()));
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].location, name);
  EXPECT_EQ(listed[0].size, 6);
  EXPECT_GT(listed[0].modified, 0);
  Must(files->Remove(name));
  Must(files->Remove(name));
  EXPECT_FALSE(Must(files->Exists(name)));
  EXPECT_TRUE(Must(files->List(files->root() + "/none")).empty());
}

TEST(FileIoTest, CreateExclusiveHasOneWinner) {
  TestFolder folder("files_exclusive");
  auto files = Must(FileIo::Make(folder.path(), {}));
  const std::string name = files->root() + "/v1";
  EXPECT_TRUE(Must(files->CreateExclusive(name, "first")));
  EXPECT_FALSE(Must(files->CreateExclusive(name, "second")));
  EXPECT_EQ(Must(files->Read(name)), "first");
  Must(files->Replace(name, "third"));
  EXPECT_EQ(Must(files->Read(name)), "third");
  EXPECT_EQ(Must(files->List(files->root())).size(), 1u) << "temporary files stayed";
}

TEST(FileIoTest, NamesOfLocalFiles) {
  EXPECT_EQ(LocalPath("file:///lake/x"), "/lake/x");
  EXPECT_EQ(LocalPath("file:/lake/x"), "/lake/x");
  EXPECT_EQ(LocalPath("file://localhost/lake"), "/lake");
  EXPECT_EQ(LocalPath("./lake"), "./lake");
  EXPECT_EQ(LocalPath("s3://bucket/x"), "");
}

TEST(FileIoTest, ErrorsSayWhatToDo) {
  auto unknown = FileIo::Make("hdfs://x/y", {});
  EXPECT_EQ(unknown.status().kind(), ErrorKind::kConfig);
  EXPECT_THAT(unknown.status().message(), HasSubstr("neither a folder nor an s3://"));
  auto below_file = FileIo::Make("/dev/null/lake", {});
  EXPECT_EQ(below_file.status().kind(), ErrorKind::kConfig);
  auto nameless = FileIo::Make("s3:///x", {});
  EXPECT_EQ(nameless.status().kind(), ErrorKind::kConfig);
}

TEST(FileIoTest, Scar_32_AFullDiskIsTransient) {
  auto files = Must(FileIo::Make("/dev", {}));
  Status full = files->Write("file:///dev/full", std::string(10'000, 'x'));
  EXPECT_EQ(full.kind(), ErrorKind::kTransient);
  EXPECT_THAT(full.message(),
              HasSubstr("/dev/full: No space left on device; free space"));
}

TEST(FileIoTest, SyncPassesItsFailpointsOnlyWhenThereIsWork) {
  TestFolder folder("files_sync");
  auto files = Must(FileIo::Make(folder.path(), {}));
  Must(files->Sync());
  std::vector<std::string> passed;
  failpoint::SetHook([&](std::string_view at) {
    passed.emplace_back(at);
    return Status::Ok();
  });
  Must(files->Sync());
  EXPECT_TRUE(passed.empty());
  Must(files->Write(files->root() + "/x", "y"));
  Must(files->Sync());
  failpoint::ClearHook();
  EXPECT_THAT(passed, ::testing::ElementsAre("iceberg.files.before_sync",
                                             "iceberg.files.after_sync"));
}

}  // namespace
}  // namespace leat
