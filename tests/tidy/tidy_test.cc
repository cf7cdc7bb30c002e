// Reads the sources and demands the house rules. The rules are in checks.cc; the first tests show
// that each of them can fail.

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/tidy/checks.h"

namespace rebound::tidy {
namespace {

std::string Joined(const Faults& faults) {
  std::string text;
  for (const std::string& fault : faults) text += fault + "\n";
  return text;
}

// Runs a shell command at the root of the tree; *output gets what it prints. Returns its status.
int Shell(const std::string& command, std::string* output) {
  const std::string line = "cd '" REBOUND_SOURCE_DIR "' && " + command;
  FILE* pipe = popen(line.c_str(), "r");
  if (pipe == nullptr) return -1;
  char buffer[4096];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) output->append(buffer, n);
  return pclose(pipe);
}

// The paths of all files that are tracked, or new and not ignored, and still there.
std::vector<std::string> Paths() {
  std::string output;
  EXPECT_EQ(
      Shell("git -c safe.directory='*' ls-files --cached --others --exclude-standard", &output), 0);
  std::vector<std::string> paths;
  std::istringstream lines(output);
  for (std::string path; std::getline(lines, path);) {
    if (std::ifstream(std::string(REBOUND_SOURCE_DIR "/") + path).good()) paths.push_back(path);
  }
  return paths;
}

struct Case {
  const char* name;
  File file;
  const char* expected;  // Part of the only fault; empty: none.
};

void ExpectFaults(const std::vector<Case>& cases, Faults (*check)(const File&)) {
  for (const Case& c : cases) {
    const Faults faults = check(c.file);
    if (*c.expected == '\0') {
      EXPECT_TRUE(faults.empty()) << c.name << ": " << Joined(faults);
    } else {
      ASSERT_EQ(faults.size(), 1u) << c.name << ": " << Joined(faults);
      EXPECT_NE(faults[0].find(c.expected), std::string::npos) << c.name << ": " << faults[0];
    }
  }
}

TEST(TidyCheckTest, IncludesAgainstTheGrainAreFound) {
  ExpectFaults(
      {
          {"the domain includes itself", {"workflows/a.cc", "#include \"workflows/b.h\"\n"}, ""},
          {"the domain includes std", {"workflows/a.cc", "#include <vector>\n"}, ""},
          {"the domain reaches up",
           {"workflows/a.cc", "#include \"server/clock.h\"\n"},
           "workflows/a.cc:1: may not include server/clock.h; the domain knows nobody"},
          {"the domain starts threads", {"workflows/a.cc", "\n#include <thread>\n"}, "a.cc:2"},
          {"the domain reads files", {"workflows/a.cc", "#include <fstream>\n"}, "no I/O"},
          {"the domain knows fmt", {"workflows/a.cc", "#include <fmt/core.h>\n"}, "standard"},
          {"storage knows a service",
           {"server/storage/a.cc", "#include \"server/services/b.h\"\n"},
           "storage knows workflows"},
          {"storage codec",
           {"server/storage/codec.cc", "#include \"rebound/storage/v1/e.pb.h\"\n"},
           ""},
          {"the server knows the protos",
           {"server/a.cc", "#include \"rebound/v1/case.pb.h\"\n"},
           ""},
          {"the server knows a client",
           {"server/a.cc", "#include \"clients/cli/csv.h\"\n"},
           "may not include clients/cli/csv.h"},
          {"a client knows the domain",
           {"clients/cli/a.cc", "#include \"workflows/ids.h\"\n"},
           "clients know only the API"},
          {"SQLite outside storage",
           {"server/execute.cc", "#include <SQLiteCpp/Database.h>\n"},
           "store.h"},
          {"SQLite's own header",
           {"server/storage/memory_store.cc", "#include <sqlite3.h>\n"},
           "store.h"},
          {"SQLite in its file", {"server/storage/sqlite_store.cc", "#include <sqlite3.h>\n"}, ""},
          {"HTTP outside the gateway",
           {"server/server.cc", "#include <boost/beast/http.hpp>\n"},
           "server/gateway"},
          {"tests may include anything",
           {"tests/a_test.cc", "#include \"server/execute.h\"\n"},
           ""},
      },
      CheckIncludes);
}

TEST(TidyCheckTest, ForbiddenCodeIsFoundAndCommentsAreNot) {
  ExpectFaults(
      {
          {"a clock of its own",
           {"server/a.cc", "auto t = std::chrono::system_clock::now();\n"},
           "ask the Clock"},
          {"the one clock", {"server/clock.cc", "return system_clock::now();\n"}, ""},
          {"a comment may name it", {"server/a.cc", "// not system_clock::now()\n"}, ""},
          {"a literal may name it", {"server/a.cc", "Log(\"clock::now() /* \\\" \");\n"}, ""},
          {"code after a comment", {"server/a.cc", "/* x\n */ a = C::now();\n"}, "a.cc:2"},
          {"code after a raw literal", {"server/a.cc", "R\"(\"//)\"; a = C::now();\n"}, "a.cc:1"},
          {"regular expressions", {"clients/a.cc", "std::regex r;\n"}, "by hand"},
          {"chance in the domain", {"workflows/a.cc", "std::random_device d;\n"}, "Context"},
          {"an exception in the domain", {"workflows/a.cc", "throw 1;\n"}, "Reason"},
          {"a word that only contains one", {"workflows/a.cc", "int rethrown;\n"}, ""},
          {"an empty name", {"server/a.h", "class CaseManager {\n"}, "CaseManager says nothing"},
          {"an empty struct name", {"server/a.h", "struct StringUtil;\n"}, "StringUtil"},
          {"a skipped test", {"tests/a_test.cc", "GTEST_SKIP();\n"}, "runs or is not there"},
          {"a test that sleeps",
           {"tests/a_test.cc", "std::this_thread::sleep_for(1s);\n"},
           "ManualClock"},
      },
      CheckCode);
}

TEST(TidyCheckTest, UnfinishedWorkAndMachinePathsAreFound) {
  const std::string todo = std::string("TO") + "DO";
  const std::string machine = std::string("/ro") + "ot/";
  ExpectFaults(
      {
          {"unfinished", {"server/a.cc", "int a;  // " + todo + "(me): more\n"}, "finish it"},
          {"also in documents", {"README.md", todo + "\n"}, "README.md:1"},
          {"a longer word", {"README.md", todo + "S\n"}, ""},
          {"a path of one machine", {"config/server.yaml", "db: " + machine + "db\n"}, "relative"},
          {"data is not ours", {"tests/data/x/SOURCE.md", todo + "\n"}, ""},
      },
      CheckWords);
}

TEST(TidyCheckTest, LayoutFaultsAreFound) {
  std::string chinese;
  for (int i = 0; i < 100; ++i) chinese += "闭";
  ExpectFaults(
      {
          {"100 columns", {"server/a.cc", std::string(100, 'x') + "\n"}, ""},
          {"101 columns", {"server/a.cc", std::string(101, 'x') + "\n"}, "101 columns"},
          {"columns are code points", {"server/a.cc", chinese + "\n"}, ""},
          {"tables in documents may be wide", {"README.md", std::string(300, 'x') + "\n"}, ""},
          {"a tab", {"proto/a.proto", "\tint32 a = 1;\n"}, "a tab"},
          {"space at the end", {"server/a.sql", "SELECT 1; \n"}, "white space"},
          {"no newline", {"server/a.cc", "int a;"}, "no newline"},
          {"a header", {"server/a.h", "#pragma once\n"}, ""},
          {"a header without a guard", {"server/a.h", "int A();\n"}, "add #pragma once"},
      },
      CheckLayout);
}

TEST(TidyCheckTest, FaultsOfTheTreeAreFound) {
  EXPECT_EQ(Joined(CheckTree(
                {{"workflows/a.h", ""}, {"workflows/a.cc", "#include \"workflows/a.h\"\n"}})),
            "");
  EXPECT_EQ(Joined(CheckTree({{"workflows/a.cc", "#include \"workflows/gone.h\"\n"}})),
            "workflows/a.cc:1: includes workflows/gone.h; there is no workflows/gone.h\n");
  EXPECT_EQ(
      Joined(CheckTree({{"server/a.cc", "#include \"rebound/v1/case_service.grpc.pb.h\"\n"}})),
      "server/a.cc:1: includes rebound/v1/case_service.grpc.pb.h; there is no "
      "proto/rebound/v1/case_service.proto\n");
  EXPECT_NE(Joined(CheckTree({{"utils/a.cc", ""}})).find("utils: not an entry of the root"),
            std::string::npos);
  EXPECT_NE(Joined(CheckTree({{"server/storage/migrations/sqlite/0002_b.sql", ""}})).find("a gap"),
            std::string::npos);
}

TEST(TidyTest, TheTreeKeepsTheHouseRules) {
  std::vector<File> files;
  for (const std::string& path : Paths()) {
    std::ifstream stream(std::string(REBOUND_SOURCE_DIR "/") + path, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    files.push_back({path, text.str()});
  }
  EXPECT_GT(files.size(), 10u) << "the sources were not found";
  const Faults faults = CheckAll(files);
  EXPECT_TRUE(faults.empty()) << Joined(faults);
}

TEST(TidyTest, TheSourcesAreFormatted) {
  std::string sources;
  for (const std::string& path : Paths()) {
    if (path.ends_with(".h") || path.ends_with(".cc")) sources += " '" + path + "'";
  }
  std::string output;
  const int status = Shell("clang-format --dry-run -Werror" + sources + " 2>&1", &output);
  EXPECT_EQ(status, 0) << "run ./dev fmt\n" << output.substr(0, 4000);
}

}  // namespace
}  // namespace rebound::tidy
