// The files of a console, from one folder.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/gateway/http_server.h"

namespace rebound {

// The parts of a path on the wire, decoded once, joined by '/'; "" for "/". nullopt for what no
// file may be asked for by: a part that is empty, "." or ".." or begins with a dot, a backslash, a
// control character, a '%' that is left after decoding, what is not decodable, a source map. Pure.
std::optional<std::string> SafePath(std::string_view path);

// "text/html; charset=utf-8" and the like by the ending; "application/octet-stream".
std::string_view ContentTypeOf(std::string_view path);

// Serves regular files below `root`. Links are not followed, so nothing outside is reached. Files
// are looked at on each request: they may be replaced while the server runs. What was read or
// compressed once is kept until the file has another time or size, up to kMostKept bytes in all,
// and its answers share it.
// Thread-safe.
class Files {
 public:
  static constexpr size_t kMostKept = 16 << 20;

  explicit Files(std::filesystem::path root) : root_(std::move(root)) {}

  // For GET and HEAD. A folder is its index.html; so is, for the pages of a console, a path
  // that has no dot and no file. Else 404. ETag and Last-Modified, and 304 by either. A name with a
  // hash of the content, such as app-Bx3kQ9_a.js, may be kept for ever; others are asked for again.
  HttpResponse Serve(const HttpRequest& request);

 private:
  struct Kept {
    std::string etag{};
    std::shared_ptr<const std::string> bytes{};
  };
  using Key = std::pair<std::string, bool>;  // path, and whether compressed

  // Null: not of this state of the file.
  std::shared_ptr<const std::string> Find(const Key& key, const std::string& etag);
  void Keep(const Key& key, Kept kept);

  const std::filesystem::path root_;
  std::mutex mutex_;
  std::map<Key, Kept> kept_;  // guarded by mutex_, as the next
  size_t kept_bytes_ = 0;
};

}  // namespace rebound
