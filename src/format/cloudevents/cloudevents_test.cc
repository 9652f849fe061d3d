#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/clock.h"
#include "format/codec_testing.h"

namespace leat {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Batch EventChanges(bool meta) {
  Chunk chunk;
  chunk.schema = TableSchema::Make(
      {"shop", "", "o"},
      {{"id", arrow::int64(), false, ""}, {"a", arrow::utf8(), true, ""}}, {0});
  const auto rows = [&](const std::vector<std::optional<std::string>>& ids,
                        const std::string& a) {
    return arrow::RecordBatch::Make(
        chunk.schema->arrow, static_cast<int64_t>(ids.size()),
        {ColumnOf(arrow::int64(), ids),
         ColumnOf(arrow::utf8(),
                  std::vector<std::optional<std::string>>(ids.size(), a))});
  };
  chunk.rows = rows({"1", "2", "3", "4", "5"}, "new");
  chunk.before = rows({"2", "30"}, "old");
  chunk.ops = {Op::kInsert, Op::kUpdate, Op::kUpdate, Op::kDelete, Op::kRead};
  chunk.seq = {0, 1, 2, 3, 4};
  chunk.time = {1'500'000, 2'000'000, 3'000'000, 4'000'000, 5'000'000};
  if (meta) {
    chunk.meta = arrow::RecordBatch::Make(
        arrow::schema({arrow::field("_file", arrow::utf8()),
                       arrow::field("_pos", arrow::int64()),
                       arrow::field("_row", arrow::int32()),
                       arrow::field("_server_id", arrow::int64())}),
        5,
        {ColumnOf(arrow::utf8(), {"b.1", "b.1", "b.1", "b.1", "b.1"}),
         ColumnOf(arrow::int64(), {"10", "20", "30", "40", "50"}),
         ColumnOf(arrow::int32(), {"0", "0", "0", "1", "0"}),
         ColumnOf(arrow::int64(), {"7", "7", "7", "7", "7"})});
  }
  Batch batch;
  batch.chunks.push_back(std::move(chunk));
  return batch;
}

std::vector<Records> EncodedEvents(const Batch& batch, bool binary) {
  EncoderOptions options;
  options.format.name = "cloudevents";
  options.format.cloudevents.binary = binary;
  options.topic = "t";
  std::vector<Records> out;
  std::vector<DeadLetter> rejects;
  Must(Must(MakeEncoder(std::move(options)))->Encode(batch, Into(&out), &rejects));
  return out;
}

std::unique_ptr<Decoder> EventReader(std::string_view columns = "") {
  DecoderOptions options;
  options.format.name = "cloudevents";
  options.format.columns = Must(ParseColumns(columns));
  options.format.key = {"id"};
  return Must(MakeDecoder(std::move(options)));
}

// Each header as name=value.
std::vector<std::string> HeaderTexts(const Records& records, int64_t record) {
  std::vector<std::string> out;
  for (const Header& header : Must(HeadersOf(records, record))) {
    out.push_back(std::string(header.name) + "=" + std::string(*header.value));
  }
  return out;
}

TEST(CloudEventsTest, Structured) {
  const auto out = EncodedEvents(EventChanges(true), false);
  ASSERT_EQ(out[0].size(), 6);
  EXPECT_EQ(out[0].values->GetView(0),
            R"({"specversion":"1.0","id":"7-b.1-10-0","source":"/shop/o",)"
            R"("type":"leat.row.created","time":"1970-01-01T00:00:01.5Z",)"
            R"("subject":"{\"id\":1}","datacontenttype":"application/json",)"
            R"("data":{"id":1,"a":"new"}})");
  EXPECT_EQ(out[0].keys->GetView(0), R"({"id":1})");
  EXPECT_THAT(HeaderTexts(out[0], 0),
              ElementsAre("content-type=application/cloudevents+json; charset=utf-8"));
}

TEST(CloudEventsTest, BinaryHasItsAttributesInHeaders) {
  const auto out = EncodedEvents(EventChanges(true), true);
  EXPECT_EQ(out[0].values->GetView(3), R"({"id":3,"a":"new"})");
  EXPECT_THAT(HeaderTexts(out[0], 3),
              ElementsAre("ce_specversion=1.0", "ce_id=7-b.1-30-0", "ce_source=/shop/o",
                          "ce_type=leat.row.created", "ce_time=1970-01-01T00:00:03Z",
                          "ce_subject={\"id\":3}", "content-type=application/json"));
  EXPECT_THAT(HeaderTexts(out[0], 2)[1], "ce_id=7-b.1-30-0-d");
}

TEST(CloudEventsTest, IdsAreUniqueAndTheSameWhenWrittenAgain) {
  for (const bool meta : {true, false}) {
    std::set<std::string> ids;
    const auto out = EncodedEvents(EventChanges(meta), true);
    const auto again = EncodedEvents(EventChanges(meta), true);
    for (int64_t i = 0; i < out[0].size(); i++) {
      const std::string id = HeaderTexts(out[0], i)[1];
      EXPECT_TRUE(ids.insert(id).second) << id;
      EXPECT_EQ(id, HeaderTexts(again[0], i)[1]);
    }
  }
}

TEST(CloudEventsTest, WhatIsWrittenIsReadBack) {
  for (const bool binary : {true, false}) {
    const auto out = EncodedEvents(EventChanges(true), binary);
    Batch back;
    Must(EventReader("id bigint, a string, ce_type string")->Decode(out[0], &back));
    EXPECT_TRUE(back.rejects.empty());
    EXPECT_THAT(Rows(back),
                ElementsAre("1|new|leat.row.created", "2|new|leat.row.updated",
                            "30|old|leat.row.deleted", "3|new|leat.row.created",
                            "4|new|leat.row.deleted", "5|new|leat.row.read"));
    EXPECT_THAT(back.chunks[0].ops, ElementsAre(Op::kInsert, Op::kInsert, Op::kDelete,
                                                Op::kInsert, Op::kDelete, Op::kInsert));
  }
}

TEST(CloudEventsTest, EventsOfOthers) {
  const auto event = [](const std::string& rest) {
    return R"({"specversion":"1.0","id":"1","source":"s","type":"t")" + rest + "}";
  };
  Batch batch;
  Must(EventReader()->Decode(
      MakeRecords("t",
                  {{{}, event(R"(,"data":{"id":1,"n":2.5})")},
                   {{}, event(R"(,"data_base64":"eyJpZCI6Mn0=")")},
                   {{}, event("")},
                   {{}, event(R"(,"datacontenttype":"text/xml","data_base64":"PA==")")},
                   {{}, event(R"(,"data":"text")")},
                   {{}, R"({"id":3})"},
                   {{},
                    R"({"specversion":"0.3","id":"1","source":"s","type":"t",)"
                    R"("data":{"id":1}})"},
                   {{}, "not JSON"}}),
      &batch));
  EXPECT_THAT(Rows(batch), ElementsAre("1|2.5", "2|null"));
  std::vector<std::string> reasons;
  for (const DeadLetter& letter : batch.rejects) reasons.push_back(letter.reason);
  EXPECT_THAT(reasons,
              ElementsAre(HasSubstr("no data"), HasSubstr("text/xml, not JSON"),
                          HasSubstr("no JSON object"), HasSubstr("no `specversion`"),
                          HasSubstr("0.3"), HasSubstr("not JSON")));
}

}  // namespace
}  // namespace leat
