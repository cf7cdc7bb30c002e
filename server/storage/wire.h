// The protobuf wire format, as far as the codec needs it: varints, length-delimited bytes, and
// skipping of everything else. A message cut off between two fields is a whole, shorter message;
// what guards against that is the row's column and the event's hash. Thread-safe: no shared state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rebound::wire {

enum Type : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

// Signed numbers near zero become short varints.
constexpr uint64_t ZigZag(int64_t v) {
  return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63);
}
constexpr int64_t UnZigZag(uint64_t v) {
  return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
}

inline void PutVarint(std::string& out, uint64_t v) {
  while (v >= 0x80) {
    out.push_back(static_cast<char>(v | 0x80));
    v >>= 7;
  }
  out.push_back(static_cast<char>(v));
}

inline void PutTag(std::string& out, uint32_t number, Type type) {
  PutVarint(out, (number << 3) | type);
}

inline void PutBytes(std::string& out, uint32_t number, std::string_view bytes) {
  PutTag(out, number, kBytes);
  PutVarint(out, bytes.size());
  out.append(bytes);
}

// Opens a nested message and returns where its content begins, for EndMessage.
inline size_t BeginMessage(std::string& out, uint32_t number) {
  PutTag(out, number, kBytes);
  out.push_back(0);
  return out.size();
}

// Most nested messages are shorter than 128 bytes, so that the one byte kept for the length is
// enough; longer ones are moved.
inline void EndMessage(std::string& out, size_t begin) {
  uint64_t size = out.size() - begin;
  if (size < 0x80) {
    out[begin - 1] = static_cast<char>(size);
    return;
  }
  std::string length;
  PutVarint(length, size);
  out.replace(begin - 1, 1, length);
}

// Reads one message. After the first false the rest is meaningless.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool done() const { return rest_.empty(); }

  bool Varint(uint64_t& v) {
    v = 0;
    for (uint32_t shift = 0; shift < 70; shift += 7) {
      if (rest_.empty()) return false;
      auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      if (shift == 63 && byte > 1) return false;
      v |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  // False for field number 0, for numbers beyond protobuf's 2^29 - 1, and for the group types.
  bool Tag(uint32_t& number, Type& type) {
    uint64_t tag = 0;
    if (!Varint(tag) || tag > UINT32_MAX || (tag >> 3) == 0) return false;
    number = static_cast<uint32_t>(tag >> 3);
    type = static_cast<Type>(tag & 7);
    return type == kVarint || type == kFixed64 || type == kBytes || type == kFixed32;
  }

  bool Bytes(std::string_view& bytes) {
    uint64_t size = 0;
    if (!Varint(size)) return false;
    return Take(size, bytes);
  }

  bool Skip(Type type) {
    uint64_t number = 0;
    std::string_view bytes;
    switch (type) {
      case kVarint: return Varint(number);
      case kFixed64: return Take(8, bytes);
      case kBytes: return Bytes(bytes);
      case kFixed32: return Take(4, bytes);
    }
    return false;
  }

 private:
  bool Take(uint64_t size, std::string_view& bytes) {
    if (size > rest_.size()) return false;
    bytes = rest_.substr(0, static_cast<size_t>(size));
    rest_.remove_prefix(static_cast<size_t>(size));
    return true;
  }

  std::string_view rest_;
};

}  // namespace rebound::wire
