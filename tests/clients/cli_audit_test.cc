// What audit entries and a walk along their chain look like, and what `audit` and `verify` take.
#include "clients/cli/audit.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "clients/cli/cli.h"

namespace rebound::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

v1::AuditEntry Entry(const std::string& text) {
  v1::AuditEntry entry;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &entry));
  return entry;
}

const std::string kRefused = R"(
  sequence: 12 record_time { seconds: 1772442000 } kind: AUDIT_KIND_REFUSED principal: "wang"
  role: "agent" method: "rebound.v1.CaseService/CloseCase" outcome: "NOT_FOUND" reason: "NOT_FOUND"
  subject_type: "case" subject_id: "01h455vb4pex5vsknk084sn02q" address: "10.0.0.7" count: 3
  detail: "a \033[31mword" hash: "ab")";

std::string Show(Format format, bool chinese) {
  std::ostringstream out;
  ListPrinter<v1::AuditEntry> printer(out, format, 0, AuditColumns(chinese));
  printer.Add(Entry(kRefused));
  printer.Finish("");
  return out.str();
}

TEST(CliAuditTest, AnEntryIsALine) {
  const std::string table = Show(Format::kTable, false);
  EXPECT_THAT(table, AllOf(HasSubstr("12"), HasSubstr("2026-03-02T09:00:00Z"), HasSubstr("refused"),
                           HasSubstr("wang"), HasSubstr(" CaseService/CloseCase"),
                           HasSubstr("case 01h455vb4pex5vsknk084sn02q"), HasSubstr("10.0.0.7")));
  EXPECT_THAT(table, Not(HasSubstr("\033"))) << "nothing steers the terminal";
  EXPECT_THAT(Show(Format::kTable, true), AllOf(HasSubstr("拒绝"), HasSubstr("身份")));
  EXPECT_THAT(Show(Format::kCsv, true),
              AllOf(HasSubstr("sequence,record_time,kind,principal,role,address,method,outcome,"
                              "reason,subject_type,subject_id,count,detail,request_key,"
                              "previous_hash,hash"),
                    HasSubstr("rebound.v1.CaseService/CloseCase"), HasSubstr("refused")));
}

TEST(CliAuditTest, EveryKindHasAChineseWord) {
  const auto* type = v1::AuditKind_descriptor();
  const auto columns = AuditColumns(true);
  const auto kind = std::find_if(columns.begin(), columns.end(),
                                 [](const auto& column) { return column.title == "类别"; });
  ASSERT_NE(kind, columns.end());
  for (int i = 1; i < type->value_count(); ++i) {
    v1::AuditEntry entry;
    entry.set_kind(static_cast<v1::AuditKind>(type->value(i)->number()));
    EXPECT_GE(static_cast<unsigned char>(kind->cell(entry).front()), 0xE0)
        << type->value(i)->name();
  }
}

TEST(CliAuditTest, AWalkEndsWithWhatToNote) {
  v1::VerifyAuditResponse walk;
  walk.set_walked_count(12);
  walk.set_head_sequence(12);
  walk.set_head_hash("ab12");
  walk.set_complete(true);
  EXPECT_EQ(RenderWalk(walk, false, {}),
            "12 entries walked; the chain ends at\n  12:ab12\n"
            "ok: each entry is the one that was chained\n");
  walk.add_problems("audit entry 7: it is missing");
  EXPECT_EQ(RenderWalk(walk, false, {}),
            "12 entries walked; the chain ends at\n  12:ab12\n"
            "PROBLEM audit entry 7: it is missing\nNOT ok: the audit was tampered with\n");
  EXPECT_THAT(RenderWalk(walk, true, {}), HasSubstr("不一致"));
}

TEST(CliAuditTest, WhatCannotBeReadIsRefusedBeforeAnyCall) {
  for (const std::vector<const char*>& line : std::vector<std::vector<const char*>>{
           {"rebound", "verify", "--from", "12"},
           {"rebound", "verify", "--from", ":ab"},
           {"rebound", "verify", "--from", "12:"},
           {"rebound", "verify", "--from", "x:ab"},
           {"rebound", "verify", "--from", "1234567890123456789012:ab"},
           {"rebound", "audit"},
           {"rebound", "audit", "list", "--kind", "refusal"},
           {"rebound", "audit", "list", "--since", "yesterday"}}) {
    std::ostringstream out, err;
    EXPECT_EQ(RunCli(static_cast<int>(line.size()), line.data(), out, err, {}), 2) << line.back();
  }
}

}  // namespace
}  // namespace rebound::cli
