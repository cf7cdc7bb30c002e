// What webhooks and robots are signed with, and how texts are cut.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rebound {

// RFC 4648 section 4, with padding, without line ends.
std::string PaddedBase64(std::string_view bytes);
std::optional<std::string> FromPaddedBase64(std::string_view text);

// 32 bytes.
std::string HmacSha256(std::string_view key, std::string_view message);

// The longest beginning of at most `bytes` bytes that ends between code points.
std::string_view CutAtCodePoint(std::string_view utf8, size_t bytes);

}  // namespace rebound
