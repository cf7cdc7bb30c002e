#include "server/gateway/strict_json.h"

#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "workflows/field_catalogue.h"

namespace rebound {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::OneofDescriptor;
using Kind = JsonFault::Kind;

constexpr int kDeepest = 32;
// As of a request over gRPC (kMostEntries, services/call.h): "{}" is more in memory than on the
// wire.
constexpr size_t kMostElements = 20'000;
constexpr size_t kMostInAll = 200'000;
constexpr int kEnumNamesShown = 12;
constexpr double kLargestWholeDouble = 9'007'199'254'740'992.0;  // 2^53

// Where the first byte is that is not UTF-8; the size when all is well.
size_t FindNoUtf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  size_t at = 0;
  while (at < text.size()) {
    if (bytes[at] < 0x80) {
      ++at;
      continue;
    }
    utf8proc_int32_t code = 0;
    const utf8proc_ssize_t size =
        utf8proc_iterate(bytes + at, static_cast<utf8proc_ssize_t>(text.size() - at), &code);
    if (size <= 0) return at;
    at += static_cast<size_t>(size);
  }
  return at;
}

void AppendUtf8(uint32_t code, std::string* out) {
  utf8proc_uint8_t bytes[4];
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code), bytes);
  out->append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
}

// -?digits, nothing else; nullopt also when it is out of range.
template <typename Integer>
std::optional<Integer> ParseWhole(std::string_view text) {
  Integer value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string ExpectedEnum(const EnumDescriptor* type) {
  if (type->value_count() > kEnumNamesShown) return "the name of a value of " + type->full_name();
  std::vector<std::string_view> names;
  for (int i = 0; i < type->value_count(); ++i) names.push_back(type->value(i)->name());
  return JoinWithOr(names);
}

// Reads the text once, with the type beside it. Each function leaves at_ behind what it read, or
// sets the fault and returns false.
class Reading {
 public:
  explicit Reading(std::string_view text) : text_(text) {}

  std::optional<JsonFault> Check(const Descriptor* type) {
    if (text_.starts_with("\xEF\xBB\xBF")) {
      Fail("text without a byte order mark");
    } else if (const size_t bad = FindNoUtf8(text_); bad < text_.size()) {
      at_ = bad;
      Fail("UTF-8");
    } else if (SkipSpace(), MessageValue(type, 1)) {
      SkipSpace();
      if (at_ < text_.size()) Fail("nothing after the value");
    }
    return std::move(fault_);
  }

 private:
  bool Fail(std::string expected, Kind kind = Kind::kSyntax, std::string suggestion = {}) {
    return FailAt(at_, std::move(expected), kind, std::move(suggestion));
  }
  bool FailAt(size_t offset, std::string expected, Kind kind, std::string suggestion = {}) {
    fault_ = {kind, offset, path_, std::move(expected), std::move(suggestion)};
    return false;
  }

  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void SkipSpace() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos) ++at_;
  }
  bool Take(char c) {
    if (Peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  // --------------------------------------------------------------------------- the grammar

  // `member` is called in front of each value, with its name and where that begins.
  template <typename Member>
  bool Object(int depth, Member member) {
    if (Peek() != '{') return Fail("an object", Kind::kValue);
    if (depth > kDeepest) return Fail("at most 32 levels", Kind::kSyntax);
    if (++in_all_ > kMostInAll) return Fail("at most 200000 elements in all", Kind::kValue);
    ++at_;
    SkipSpace();
    if (Take('}')) return true;
    for (size_t i = 0;; ++i) {
      const size_t begin = at_;
      if (i >= kMostElements) return Fail("at most 20000 names", Kind::kValue);
      std::string name;
      if (Peek() != '"') return Fail("a name in double quotes");
      if (!String(&name)) return false;
      SkipSpace();
      if (!Take(':')) return Fail("a colon");
      SkipSpace();
      const size_t length = path_.size();
      if (!member(name, begin)) return false;
      path_.resize(length);
      SkipSpace();
      if (Take('}')) return true;
      if (!Take(',')) return Fail("a comma or the end of the object");
      SkipSpace();
    }
  }

  template <typename Element>
  bool Array(int depth, Element element) {
    if (Peek() != '[') return Fail("an array", Kind::kValue);
    if (depth > kDeepest) return Fail("at most 32 levels", Kind::kSyntax);
    ++at_;
    SkipSpace();
    if (Take(']')) return true;
    for (size_t i = 0;; ++i) {
      if (i >= kMostElements) return Fail("at most 20000 elements", Kind::kValue);
      if (++in_all_ > kMostInAll) return Fail("at most 200000 elements in all", Kind::kValue);
      const size_t length = path_.size();
      path_ += "[" + std::to_string(i) + "]";
      if (!element()) return false;
      path_.resize(length);
      SkipSpace();
      if (Take(']')) return true;
      if (!Take(',')) return Fail("a comma or the end of the array");
      SkipSpace();
    }
  }

  bool Hex(uint32_t* code) {
    *code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = Peek();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return Fail("four hexadecimal digits");
      *code = *code * 16 + static_cast<uint32_t>(digit);
    }
    return true;
  }

  bool Escape(std::string* out) {
    const size_t begin = at_ - 1;
    const char c = Peek();
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    if (const size_t found = kLetters.find(c); found != kLetters.npos && at_ < text_.size()) {
      ++at_;
      *out += kMeant[found];
      return true;
    }
    if (!Take('u')) return Fail("an escape of JSON");
    uint32_t code = 0;
    if (!Hex(&code)) return false;
    if (code >= 0xD800 && code < 0xDC00) {
      uint32_t low = 0;
      if (!TakeWord("\\u")) return FailAt(begin, "both halves of the character", Kind::kSyntax);
      if (!Hex(&low)) return false;
      if (low < 0xDC00 || low > 0xDFFF) {
        return FailAt(begin, "both halves of the character", Kind::kSyntax);
      }
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
      return FailAt(begin, "both halves of the character", Kind::kSyntax);
    }
    AppendUtf8(code, out);
    return true;
  }

  bool String(std::string* out) {
    if (!Take('"')) return Fail("a string", Kind::kValue);
    for (;;) {
      if (at_ >= text_.size()) return Fail("the end of the string");
      const char c = text_[at_];
      if (static_cast<unsigned char>(c) < 0x20) return Fail("an escape for a control character");
      ++at_;
      if (c == '"') return true;
      if (c != '\\') {
        *out += c;
      } else if (!Escape(out)) {
        return false;
      }
    }
  }

  bool Digits() {
    const size_t begin = at_;
    while (Peek() >= '0' && Peek() <= '9') ++at_;
    return at_ > begin || Fail("a digit");
  }

  // What stands there as a number; its value is finite.
  bool Number(std::string_view* number, double* value) {
    const size_t begin = at_;
    Take('-');
    if (!Take('0') && !Digits()) return false;
    if (Take('.') && !Digits()) return false;
    if (Take('e') || Take('E')) {
      if (!Take('+')) Take('-');
      if (!Digits()) return false;
    }
    *number = text_.substr(begin, at_ - begin);
    const auto result = std::from_chars(number->data(), number->data() + number->size(), *value);
    // Too small for a double is zero; too large is nothing.
    if (result.ec == std::errc::result_out_of_range && IsTooLarge(*number)) {
      return FailAt(begin, "a number that a double can hold", Kind::kSyntax);
    }
    return true;
  }
  static bool IsTooLarge(std::string_view number) {
    return std::isinf(std::strtod(std::string(number).c_str(), nullptr));
  }

  // A value of no particular type.
  bool Anything(int depth) {
    switch (Peek()) {
      case '{': {
        std::set<std::string> names;
        return Object(depth, [&](const std::string& name, size_t begin) {
          path_ += (path_.empty() ? "" : ".") + name;
          if (!names.insert(name).second) {
            return FailAt(begin, "each name once", Kind::kSyntax);
          }
          return Anything(depth + 1);
        });
      }
      case '[': return Array(depth, [&] { return Anything(depth + 1); });
      case '"': {
        std::string ignored;
        return String(&ignored);
      }
      default: break;
    }
    if (TakeWord("true") || TakeWord("false") || TakeWord("null")) return true;
    if (Peek() != '-' && (Peek() < '0' || Peek() > '9')) return Fail("a value");
    std::string_view number;
    double value = 0;
    return Number(&number, &value);
  }

  // ----------------------------------------------------------------------------- the types

  bool MessageValue(const Descriptor* type, int depth) {
    switch (type->well_known_type()) {
      case Descriptor::WELLKNOWNTYPE_TIMESTAMP:
      case Descriptor::WELLKNOWNTYPE_DURATION:
      case Descriptor::WELLKNOWNTYPE_FIELDMASK: {
        std::string ignored;
        return String(&ignored);
      }
      case Descriptor::WELLKNOWNTYPE_DOUBLEVALUE:
      case Descriptor::WELLKNOWNTYPE_FLOATVALUE:
      case Descriptor::WELLKNOWNTYPE_INT64VALUE:
      case Descriptor::WELLKNOWNTYPE_UINT64VALUE:
      case Descriptor::WELLKNOWNTYPE_INT32VALUE:
      case Descriptor::WELLKNOWNTYPE_UINT32VALUE:
      case Descriptor::WELLKNOWNTYPE_STRINGVALUE:
      case Descriptor::WELLKNOWNTYPE_BYTESVALUE:
      case Descriptor::WELLKNOWNTYPE_BOOLVALUE:
        return Element(type->FindFieldByName("value"), depth);
      case Descriptor::WELLKNOWNTYPE_VALUE: return Anything(depth);
      case Descriptor::WELLKNOWNTYPE_LISTVALUE:
        return Peek() == '[' ? Anything(depth) : Fail("an array", Kind::kValue);
      case Descriptor::WELLKNOWNTYPE_STRUCT:
      case Descriptor::WELLKNOWNTYPE_ANY:
        return Peek() == '{' ? Anything(depth) : Fail("an object", Kind::kValue);
      case Descriptor::WELLKNOWNTYPE_UNSPECIFIED:
      case Descriptor::__WELLKNOWNTYPE__DO_NOT_USE__ADD_DEFAULT_INSTEAD__: break;
    }
    std::set<int> seen;
    std::set<const OneofDescriptor*> chosen;
    return Object(depth, [&](const std::string& name, size_t begin) {
      const FieldDescriptor* field = FindField(type, name);
      path_ += (path_.empty() ? "" : ".") + (field == nullptr ? name : field->name());
      if (field == nullptr) {
        return FailAt(begin, "a field of " + type->full_name(), Kind::kUnknownField,
                      NearestField(type, name));
      }
      if (!seen.insert(field->number()).second) {
        return FailAt(begin, "each name once", Kind::kSyntax);
      }
      const OneofDescriptor* oneof = field->real_containing_oneof();
      if (oneof != nullptr && Peek() != 'n' && !chosen.insert(oneof).second) {
        return FailAt(begin, "one of the fields of " + oneof->name(), Kind::kValue);
      }
      return FieldValue(field, depth + 1);
    });
  }

  static const FieldDescriptor* FindField(const Descriptor* type, const std::string& name) {
    for (int i = 0; i < type->field_count(); ++i) {
      const FieldDescriptor* field = type->field(i);
      if (field->json_name() == name || field->name() == name) return field;
    }
    return nullptr;
  }

  static std::string NearestField(const Descriptor* type, const std::string& name) {
    std::vector<std::string_view> names;
    for (int i = 0; i < type->field_count(); ++i) names.push_back(type->field(i)->json_name());
    return std::string(Nearest(name, names));
  }

  bool FieldValue(const FieldDescriptor* field, int depth) {
    const bool is_value =
        field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
        field->message_type()->well_known_type() == Descriptor::WELLKNOWNTYPE_VALUE;
    if (!(is_value && !field->is_repeated()) && TakeWord("null")) return true;  // absent
    if (field->is_map()) {
      std::set<std::string> keys;
      const FieldDescriptor* key_field = field->message_type()->map_key();
      return Object(depth, [&](const std::string& key, size_t begin) {
        path_ += "[" + key + "]";
        if (!keys.insert(key).second) return FailAt(begin, "each key once", Kind::kSyntax);
        return MapKey(key_field, key, begin) &&
               Element(field->message_type()->map_value(), depth + 1);
      });
    }
    if (field->is_repeated()) {
      return Array(depth, [&] { return Element(field, depth + 1); });
    }
    return Element(field, depth);
  }

  bool MapKey(const FieldDescriptor* field, const std::string& key, size_t begin) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) return true;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
      return key == "true" || key == "false" || FailAt(begin, "true or false", Kind::kValue);
    }
    return IsWhole(field, key) || FailAt(begin, ExpectedWhole(field), Kind::kValue);
  }

  bool Element(const FieldDescriptor* field, int depth) {
    const size_t begin = at_;
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE: return MessageValue(field->message_type(), depth);
      case FieldDescriptor::CPPTYPE_STRING: {
        std::string ignored;
        return String(&ignored);
      }
      case FieldDescriptor::CPPTYPE_BOOL:
        return TakeWord("true") || TakeWord("false") || Fail("true or false", Kind::kValue);
      case FieldDescriptor::CPPTYPE_ENUM: {
        const EnumDescriptor* type = field->enum_type();
        if (type->full_name() == "google.protobuf.NullValue" && TakeWord("null")) return true;
        std::string name;
        if (Peek() != '"') return Fail(ExpectedEnum(type), Kind::kValue);
        if (!String(&name)) return false;
        return type->FindValueByName(name) != nullptr ||
               FailAt(begin, ExpectedEnum(type), Kind::kValue);
      }
      case FieldDescriptor::CPPTYPE_FLOAT:
      case FieldDescriptor::CPPTYPE_DOUBLE: return FloatingPoint(field);
      case FieldDescriptor::CPPTYPE_INT32:
      case FieldDescriptor::CPPTYPE_INT64:
      case FieldDescriptor::CPPTYPE_UINT32:
      case FieldDescriptor::CPPTYPE_UINT64: return WholeNumber(field);
    }
    return Fail("a value");
  }

  bool WholeNumber(const FieldDescriptor* field) {
    const size_t begin = at_;
    if (Peek() == '"') {
      std::string digits;
      if (!String(&digits)) return false;
      return IsWhole(field, digits) || FailAt(begin, ExpectedWhole(field), Kind::kValue);
    }
    if (Peek() != '-' && (Peek() < '0' || Peek() > '9')) {
      return Fail(ExpectedWhole(field), Kind::kValue);
    }
    std::string_view number;
    double value = 0;
    if (!Number(&number, &value)) return false;
    if (number.find_first_of(".eE") != number.npos) {
      // 5.0 is what some languages write for 5.
      if (value == std::floor(value) && std::abs(value) <= kLargestWholeDouble &&
          IsWhole(field, std::to_string(static_cast<int64_t>(value)))) {
        return true;
      }
    } else if (IsWhole(field, number)) {
      return true;
    }
    return FailAt(begin, ExpectedWhole(field), Kind::kValue);
  }

  bool FloatingPoint(const FieldDescriptor* field) {
    const size_t begin = at_;
    if (Peek() != '-' && (Peek() < '0' || Peek() > '9')) return Fail("a number", Kind::kValue);
    std::string_view number;
    double value = 0;
    if (!Number(&number, &value)) return false;
    const bool fits = field->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE ||
                      std::abs(value) <= double{std::numeric_limits<float>::max()};
    return fits || FailAt(begin, "a number that a float can hold", Kind::kValue);
  }

  static bool IsWhole(const FieldDescriptor* field, std::string_view text) {
    if (text == "-0") return true;
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32: return ParseWhole<int32_t>(text).has_value();
      case FieldDescriptor::CPPTYPE_INT64: return ParseWhole<int64_t>(text).has_value();
      case FieldDescriptor::CPPTYPE_UINT32: return ParseWhole<uint32_t>(text).has_value();
      case FieldDescriptor::CPPTYPE_UINT64: return ParseWhole<uint64_t>(text).has_value();
      case FieldDescriptor::CPPTYPE_DOUBLE:
      case FieldDescriptor::CPPTYPE_FLOAT:
      case FieldDescriptor::CPPTYPE_BOOL:
      case FieldDescriptor::CPPTYPE_ENUM:
      case FieldDescriptor::CPPTYPE_STRING:
      case FieldDescriptor::CPPTYPE_MESSAGE: break;
    }
    return false;
  }

  static std::string ExpectedWhole(const FieldDescriptor* field) {
    return std::string("a whole number in the range of ") + field->cpp_type_name();
  }

  const std::string_view text_;
  size_t at_ = 0;
  size_t in_all_ = 0;
  std::string path_;
  std::optional<JsonFault> fault_;
};

}  // namespace

std::optional<JsonFault> CheckJson(std::string_view text, const Descriptor* type) {
  return Reading(text).Check(type);
}

}  // namespace rebound
