#include "clients/cli/files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace rebound::cli {
namespace {

TEST(ReadFileTest, IsTheWholeFileOrNothing) {
  const std::string folder = testing::TempDir() + "rebound_read_file";
  std::filesystem::create_directories(folder);
  const std::string file = folder + "/file";
  EXPECT_EQ(ReadFile(file), std::nullopt);
  EXPECT_EQ(ReadFile(folder), std::nullopt);
  for (const std::string& text : {std::string(), std::string("a\r\n\0b", 5)}) {
    std::ofstream(file, std::ios::binary) << text;
    EXPECT_EQ(ReadFile(file), text);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace rebound::cli
