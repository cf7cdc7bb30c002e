#include "server/gateway/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>

#include "server/gateway/connect.h"

namespace rebound {
namespace {

constexpr off_t kLargest = 32 << 20;
constexpr size_t kCompressAbove = 1 << 10;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

struct File {
  Descriptor at;
  size_t size = 0;
  timespec modified{};
};

// Goes part by part and follows no link on the way.
std::optional<File> OpenFile(const std::filesystem::path& root, std::string_view path) {
  Descriptor at(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  while (at.get() >= 0 && !path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string part(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
    // Not to hang on a pipe that somebody put there.
    at = Descriptor(openat(at.get(), part.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  }
  struct stat status {};
  if (at.get() < 0 || fstat(at.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
      status.st_size > kLargest) {
    return std::nullopt;
  }
  return File{std::move(at), static_cast<size_t>(status.st_size), status.st_mtim};
}

std::optional<std::string> ReadAll(const File& file) {
  std::string bytes(file.size, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t size = read(file.at.get(), bytes.data() + done, bytes.size() - done);
    if (size <= 0) return std::nullopt;
    done += static_cast<size_t>(size);
  }
  return bytes;
}

std::string HttpTime(time_t time) {
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[40];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return text;
}

// Weak: the bytes may go out compressed.
std::string EtagOf(const File& file) {
  char text[64];
  std::snprintf(text, sizeof text, "W/\"%zx-%llx-%lx\"", file.size,
                static_cast<unsigned long long>(file.modified.tv_sec), file.modified.tv_nsec);
  return text;
}

bool IsSame(const HttpRequest& request, const std::string& etag, time_t modified) {
  if (const std::string* wanted = FindHeader(request.headers, "if-none-match")) {
    const std::string_view strong = std::string_view(etag).substr(2);
    return *wanted == "*" || wanted->find(strong) != std::string::npos;
  }
  if (const std::string* since = FindHeader(request.headers, "if-modified-since")) {
    std::tm utc{};
    const char* end = strptime(since->c_str(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    return end != nullptr && *end == '\0' && timegm(&utc) >= modified;
  }
  return false;
}

// app-Bx3kQ9_a.js, index.4f2a91bc.css: eight characters or more between a '-' or '.' and the
// ending, a digit or a capital among them, or the word would do.
bool IsHashed(std::string_view path) {
  const size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view stem = path.substr(path.rfind('/') + 1, dot - path.rfind('/') - 1);
  if (stem.size() < 9) return false;
  size_t size = 0;
  bool mixed = false;
  while (size < stem.size()) {
    const auto c = static_cast<unsigned char>(stem[stem.size() - 1 - size]);
    if (!std::isalnum(c) && c != '_') break;
    mixed = mixed || std::isdigit(c) || std::isupper(c);
    ++size;
  }
  if (size < 8 || size == stem.size() || !mixed) return false;
  const char before = stem[stem.size() - 1 - size];
  return before == '-' || before == '.';
}

bool IsText(std::string_view type) {
  return type.starts_with("text/") || type.starts_with("application/json") ||
         type.starts_with("image/svg") || type.starts_with("application/manifest");
}

}  // namespace

std::optional<std::string> SafePath(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  const auto decoded = PercentDecode(path.substr(1), false);
  if (!decoded) return std::nullopt;
  for (const char c : *decoded) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || c == '\\' || c == '%') return std::nullopt;
  }
  if (decoded->ends_with(".map")) return std::nullopt;
  std::string_view rest = *decoded;
  while (!rest.empty()) {
    const size_t slash = std::min(rest.find('/'), rest.size());
    if (slash == 0 || rest.front() == '.') return std::nullopt;
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  std::string safe = *decoded;
  if (safe.ends_with('/')) safe.pop_back();
  return safe;
}

std::string_view ContentTypeOf(std::string_view path) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".ico", "image/x-icon"},
      {".webp", "image/webp"},
      {".woff2", "font/woff2"},
      {".webmanifest", "application/manifest+json"},
      {".txt", "text/plain; charset=utf-8"},
  };
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

std::shared_ptr<const std::string> Files::Find(const Key& key, const std::string& etag) {
  std::lock_guard lock(mutex_);
  const auto found = kept_.find(key);
  return found != kept_.end() && found->second.etag == etag ? found->second.bytes : nullptr;
}

void Files::Keep(const Key& key, Kept kept) {
  const size_t size = kept.bytes->size();
  if (size > kMostKept) return;
  std::lock_guard lock(mutex_);
  if (const auto old = kept_.find(key); old != kept_.end()) {
    kept_bytes_ -= old->second.bytes->size();
    kept_.erase(old);
  }
  // Of files that are gone, most of it: names with a hash come anew with each release.
  if (kept_bytes_ + size > kMostKept) {
    kept_.clear();
    kept_bytes_ = 0;
  }
  kept_bytes_ += size;
  kept_.emplace(key, std::move(kept));
}

HttpResponse Files::Serve(const HttpRequest& request) {
  const auto safe = SafePath(request.path);
  if (!safe) return PlainText(404, "not found\n");
  std::string path = *safe;
  std::optional<File> file;
  if (!path.empty()) file = OpenFile(root_, path);
  if (!file && path.find('.') == std::string::npos) {
    const std::string index = path.empty() ? "index.html" : path + "/index.html";
    file = OpenFile(root_, index);
    path = file ? index : "index.html";
    if (!file) file = OpenFile(root_, path);
  }
  if (!file) return PlainText(404, "not found\n");

  HttpResponse response;
  const std::string_view type = ContentTypeOf(path);
  const std::string etag = EtagOf(*file);
  response.headers = {
      {"etag", etag},
      {"last-modified", HttpTime(file->modified.tv_sec)},
      {"vary", "accept-encoding"},
      {"cache-control", IsHashed(path) ? "public, max-age=31536000, immutable" : "no-cache"}};
  if (IsSame(request, etag, file->modified.tv_sec)) {
    response.status = 304;
    return response;
  }
  response.headers.emplace_back("content-type", std::string(type));
  const std::string* accepted = FindHeader(request.headers, "accept-encoding");
  const bool packs =
      accepted != nullptr && IsText(type) && file->size > kCompressAbove && TakesGzip(*accepted);
  response.shared_body = Find({path, packs}, etag);
  if (!response.shared_body) {
    auto bytes = ReadAll(*file);
    if (!bytes) return PlainText(404, "not found\n");
    response.shared_body =
        std::make_shared<const std::string>(packs ? Gzip(*bytes) : *std::move(bytes));
    Keep({path, packs}, {etag, response.shared_body});
  }
  if (packs) response.headers.emplace_back("content-encoding", "gzip");
  return response;
}

}  // namespace rebound
