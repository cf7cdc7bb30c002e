// JSON as the API takes it. Protobuf's reader forgives single quotes, bare keys, trailing commas,
// duplicate keys and numbers for enums; here each is refused, with its place.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace rebound {

struct JsonFault {
  enum class Kind { kSyntax, kUnknownField, kValue };

  Kind kind = Kind::kSyntax;
  size_t offset = 0;         // in bytes, where `found` begins
  std::string path{};        // of the value, e.g. "response.items[2].score"; "" at the top
  std::string expected{};    // our words, English
  std::string suggestion{};  // kUnknownField: the name that was probably meant, or ""

  friend bool operator==(const JsonFault&, const JsonFault&) = default;
};

// The first fault of `text` as a message of `type`, in the order of the text; nullopt: protobuf may
// read it. It must be one object of RFC 8259 in UTF-8 without a byte order mark, at most 32 levels
// deep, with at most 20,000 elements in an array or names in an object and 200,000 elements and
// objects in all, no name twice (a field's two names are one), no lone surrogates, no number beyond
// what a double holds. A field is named by its JSON name or its own; integers, as numbers or as
// strings, are whole and in the range of their type; enums are named; floating-point numbers are
// finite. What a google.protobuf message that is written as a string means is left to protobuf.
// Pure; thread-safe.
std::optional<JsonFault> CheckJson(std::string_view text, const google::protobuf::Descriptor* type);

}  // namespace rebound
