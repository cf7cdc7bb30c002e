#include "server/gateway/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "server/gateway/connect.h"

namespace rebound {
namespace {

TEST(FilePathTest, OnlyPlainPathsAreSafe) {
  const std::pair<const char*, std::optional<std::string>> cases[] = {
      {"/", ""},
      {"/index.html", "index.html"},
      {"/a/b.js", "a/b.js"},
      {"/a%20b.txt", "a b.txt"},
      {"/%E5%B7%A5%E5%8D%95.txt", "工单.txt"},
      {"/a/", "a"},
      {"", std::nullopt},
      {"a", std::nullopt},
      {"/..", std::nullopt},
      {"/../a", std::nullopt},
      {"/a/../b", std::nullopt},
      {"/a/./b", std::nullopt},
      {"/..%2f..%2fetc/passwd", std::nullopt},
      {"/%2e%2e/a", std::nullopt},
      {"/%252e%252e/a", std::nullopt},
      {"/..\\a", std::nullopt},
      {"/%5c..%5ca", std::nullopt},
      {"/a%00.html", std::nullopt},
      {"/a%0d%0a", std::nullopt},
      {"/a%", std::nullopt},
      {"//a", std::nullopt},
      {"//", std::nullopt},
      {"/a//b", std::nullopt},
      {"/.git/config", std::nullopt},
      {"/a/.env", std::nullopt},
      {"/app.js.map", std::nullopt},
  };
  for (const auto& [path, safe] : cases) EXPECT_EQ(SafePath(path), safe) << path;
}

class FilesTest : public testing::Test {
 protected:
  FilesTest() {
    std::string name = (std::filesystem::temp_directory_path() / "rebound-files-XXXXXX").string();
    folder_ = mkdtemp(name.data());
    std::filesystem::create_directories(folder_ / "root/assets");
    Write("outside.txt", "secret");
    Write("root/index.html", "<html>");
    Write("root/assets/app-Bx3kQ9_a.js", std::string(5000, 'x'));
    Write("root/assets/component.js", "y");
    files_.emplace(folder_ / "root");
  }
  ~FilesTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }
  HttpResponse Get(const std::string& path, HttpHeaders headers = {}) {
    HttpRequest request;
    request.method = "GET";
    request.path = path;
    request.headers = std::move(headers);
    return files_->Serve(request);
  }
  static std::string Body(const HttpResponse& response) {
    return response.shared_body ? *response.shared_body : response.body;
  }
  static std::string Header(const HttpResponse& response, std::string_view name) {
    const std::string* value = FindHeader(response.headers, name);
    return value == nullptr ? "" : *value;
  }

  std::filesystem::path folder_;
  std::optional<Files> files_;
};

TEST_F(FilesTest, FilesAreServedWithTheirTypeAndLifetime) {
  const HttpResponse index = Get("/");
  EXPECT_EQ(index.status, 200);
  EXPECT_EQ(Body(index), "<html>");
  EXPECT_EQ(Header(index, "content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(Header(index, "cache-control"), "no-cache");
  const HttpResponse hashed = Get("/assets/app-Bx3kQ9_a.js");
  EXPECT_EQ(Header(hashed, "content-type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(Header(hashed, "cache-control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(Header(Get("/assets/component.js"), "cache-control"), "no-cache");
  const HttpResponse packed = Get("/assets/app-Bx3kQ9_a.js", {{"accept-encoding", "gzip, br"}});
  EXPECT_EQ(Header(packed, "content-encoding"), "gzip");
  EXPECT_EQ(Gunzip(Body(packed), 1 << 20).bytes, std::string(5000, 'x'));
}

// That nothing is compressed twice shows where the content changed and neither time nor size did.
TEST_F(FilesTest, WhatWasCompressedIsKeptUntilTheFileChanges) {
  const std::filesystem::path file = folder_ / "root/assets/component.js";
  const auto packed = [&] {
    const HttpResponse response = Get("/assets/component.js", {{"accept-encoding", "gzip"}});
    EXPECT_EQ(Header(response, "content-encoding"), "gzip");
    return Gunzip(Body(response), 1 << 20).bytes;
  };
  const std::string a(5000, 'a'), b(5000, 'b'), c(5001, 'c');
  Write("root/assets/component.js", a);
  const auto time = std::filesystem::last_write_time(file);
  EXPECT_EQ(packed(), a);
  Write("root/assets/component.js", b);
  std::filesystem::last_write_time(file, time);
  EXPECT_EQ(packed(), a);
  EXPECT_EQ(Body(Get("/assets/component.js")), b);
  std::filesystem::last_write_time(file, time + std::chrono::seconds(1));
  EXPECT_EQ(packed(), b);
  Write("root/assets/component.js", c);
  std::filesystem::last_write_time(file, time + std::chrono::seconds(1));
  EXPECT_EQ(packed(), c);
  // Another file, by the way of a page.
  Write("root/index.html", std::string(5000, 'i'));
  EXPECT_EQ(Gunzip(Body(Get("/cases", {{"accept-encoding", "gzip"}})), 1 << 20).bytes,
            std::string(5000, 'i'));
}

// A slow reader holds no copy of its own.
TEST_F(FilesTest, AnswersShareTheBytesOfAFile) {
  const std::string path = "/assets/app-Bx3kQ9_a.js";
  const HttpHeaders gzip = {{"accept-encoding", "gzip"}};
  const HttpResponse plain = Get(path), packed = Get(path, gzip);
  EXPECT_EQ(Get(path).shared_body, plain.shared_body);
  EXPECT_EQ(Get(path, gzip).shared_body, packed.shared_body);
  EXPECT_NE(plain.shared_body, packed.shared_body);
  Write("root/assets/app-Bx3kQ9_a.js", "new");
  EXPECT_EQ(Body(Get(path)), "new");
  EXPECT_EQ(Body(plain), std::string(5000, 'x'));
}

TEST_F(FilesTest, OnlyAPathWithoutADotIsAPageOfTheConsole) {
  EXPECT_EQ(Body(Get("/cases/C-1042")), "<html>");
  EXPECT_EQ(Body(Get("/assets")), "<html>");
  EXPECT_EQ(Get("/missing.js").status, 404);
  EXPECT_EQ(Get("/cases/../x").status, 404);
}

TEST_F(FilesTest, NothingOutsideIsReached) {
  std::filesystem::create_symlink(folder_ / "outside.txt", folder_ / "root/link.txt");
  std::filesystem::create_directory_symlink(folder_, folder_ / "root/up");
  ASSERT_EQ(mkfifo((folder_ / "root/pipe.txt").c_str(), 0600), 0);
  for (const char* path : {"/link.txt", "/up/outside.txt", "/../outside.txt", "/pipe.txt",
                           "/%2e%2e/outside.txt", "/assets/..%2f..%2foutside.txt"}) {
    const HttpResponse response = Get(path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(Body(response).find("secret"), std::string::npos) << path;
  }
}

TEST_F(FilesTest, WhatTheClientHasIsNotSentAgain) {
  const HttpResponse first = Get("/index.html");
  const std::string etag = Header(first, "etag");
  const std::string modified = Header(first, "last-modified");
  EXPECT_EQ(Get("/index.html", {{"if-none-match", etag}}).status, 304);
  EXPECT_EQ(Get("/index.html", {{"if-none-match", "\"x\", " + etag}}).status, 304);
  EXPECT_EQ(Get("/index.html", {{"if-none-match", "*"}}).status, 304);
  EXPECT_EQ(Get("/index.html", {{"if-modified-since", modified}}).status, 304);
  EXPECT_EQ(Get("/index.html", {{"if-modified-since", "yesterday"}}).status, 200);
  // The tag alone decides when there is one.
  EXPECT_EQ(
      Get("/index.html", {{"if-none-match", "\"x\""}, {"if-modified-since", modified}}).status,
      200);
  EXPECT_EQ(Body(Get("/index.html", {{"if-none-match", etag}})), "");
  Write("root/index.html", "<html lang=zh>");
  EXPECT_EQ(Get("/index.html", {{"if-none-match", etag}}).status, 200);
}

}  // namespace
}  // namespace rebound
