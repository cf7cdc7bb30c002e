#include "server/services/csv_table.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include <cctype>
#include <memory>
#include <stdexcept>
#include <utility>

namespace rebound {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kLevels = 2;
constexpr std::string_view kLineEnd = "\r\n";

// Spreadsheets may trim these before they look: blanks, also wide and of no width.
constexpr std::string_view kCsvBlanks[] = {" ", "\xC2\xA0", "\xE3\x80\x80", "\xEF\xBB\xBF",
                                           "\xE2\x80\x8B"};
// = + - @ and their full-width forms; the control characters begin a formula in the next cell.
constexpr std::string_view kFormulaStarts[] = {
    "=",           "+", "-", "@", "\t", "\r", "\n", "\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D",
    "\xEF\xBC\xA0"};

bool LooksLikeFormula(std::string_view text) {
  for (bool more = true; more;) {
    more = false;
    for (std::string_view blank : kCsvBlanks) {
      if (!text.starts_with(blank)) continue;
      text.remove_prefix(blank.size());
      more = true;
    }
  }
  for (std::string_view start : kFormulaStarts) {
    if (text.starts_with(start)) return true;
  }
  return false;
}

std::string Quoted(std::string_view text, std::string_view before = "") {
  std::string cell = "\"";
  cell += before;
  for (const char c : text) {
    if (c == '"') cell += '"';
    cell += c;
  }
  return cell += '"';
}

// "detractor" of CATEGORY_DETRACTOR; a number that this program does not know stays one.
std::string EnumCell(const FieldDescriptor& field, int number) {
  if (number == 0) return "";
  const EnumValueDescriptor* value = field.enum_type()->FindValueByNumber(number);
  if (value == nullptr) return std::to_string(number);
  // The name of the type in upper case, with '_' where a word begins, stands before each value.
  std::string prefix;
  for (const char c : field.enum_type()->name()) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0 && !prefix.empty()) prefix += '_';
    prefix += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  std::string name = value->name();
  if (name.starts_with(prefix + "_")) name.erase(0, prefix.size() + 1);
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

// The value of one field as JSON: that of a message that has this field alone.
std::string JsonOf(const Message& message, const FieldDescriptor* field) {
  const std::unique_ptr<Message> alone(message.New());
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 0;
  if (!field->is_repeated()) {
    reflection.MutableMessage(alone.get(), field)->CopyFrom(reflection.GetMessage(message, field));
  } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    for (int i = 0; i < count; ++i) {
      reflection.AddMessage(alone.get(), field)
          ->CopyFrom(reflection.GetRepeatedMessage(message, field, i));
    }
  } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    for (int i = 0; i < count; ++i) {
      reflection.AddString(alone.get(), field, reflection.GetRepeatedString(message, field, i));
    }
  } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    for (int i = 0; i < count; ++i) {
      reflection.AddEnumValue(alone.get(), field,
                              reflection.GetRepeatedEnumValue(message, field, i));
    }
  }
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(*alone, &json);
  const size_t begin = json.find(':');
  if (!status.ok() || begin == std::string::npos) throw std::runtime_error("a field has no JSON");
  return json.substr(begin + 1, json.size() - begin - 2);
}

std::string Cell(const Message& message, const FieldDescriptor* field) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (field->is_repeated()) {
    return reflection.FieldSize(message, field) == 0 ? "" : CsvText(JsonOf(message, field));
  }
  if (field->has_presence() && !reflection.HasField(message, field)) return "";
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: return CsvText(reflection.GetString(message, field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_INT32: return std::to_string(reflection.GetInt32(message, field));
    case FieldDescriptor::CPPTYPE_INT64: return std::to_string(reflection.GetInt64(message, field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumCell(*field, reflection.GetEnumValue(message, field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (field->message_type() == google::protobuf::Timestamp::descriptor()) {
        return google::protobuf::util::TimeUtil::ToString(
            static_cast<const google::protobuf::Timestamp&>(reflection.GetMessage(message, field)));
      }
      if (field->message_type() == google::protobuf::Duration::descriptor()) {
        return google::protobuf::util::TimeUtil::ToString(
            static_cast<const google::protobuf::Duration&>(reflection.GetMessage(message, field)));
      }
      return CsvText(JsonOf(message, field));
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT: break;
  }
  throw std::runtime_error("the API has no such fields");
}

// Has columns of its own rather than one.
bool HasOwnColumns(const FieldDescriptor& field, size_t level) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field.is_repeated() &&
         field.message_type() != google::protobuf::Timestamp::descriptor() &&
         field.message_type() != google::protobuf::Duration::descriptor() && level < kLevels;
}

}  // namespace

std::string CsvText(std::string_view text) {
  if (LooksLikeFormula(text)) return Quoted(text, "'");
  if (text.find_first_of("\",;\t\r\n") != std::string_view::npos) return Quoted(text);
  return std::string(text);
}

CsvTable::CsvTable(const Descriptor* type, const std::set<std::string>& without) {
  Add(type, {}, without);
}

void CsvTable::Add(const Descriptor* type, const Column& at, const std::set<std::string>& without) {
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    Column column = at;
    column.name += (at.name.empty() ? "" : ".") + field->name();
    if (without.contains(column.name)) continue;
    if (HasOwnColumns(*field, at.within.size())) {
      column.within.push_back(field);
      Add(field->message_type(), column, without);
    } else {
      column.field = field;
      columns_.push_back(std::move(column));
    }
  }
}

std::string CsvTable::Header() const {
  std::string line;
  for (const Column& column : columns_) line += (line.empty() ? "" : ",") + column.name;
  return line.append(kLineEnd);
}

std::string CsvTable::Row(const Message& message) const {
  std::string line;
  for (const Column& column : columns_) {
    if (&column != &columns_.front()) line += ',';
    const Message* place = &message;
    for (const FieldDescriptor* field : column.within) {
      const google::protobuf::Reflection& reflection = *place->GetReflection();
      if (!reflection.HasField(*place, field)) {
        place = nullptr;
        break;
      }
      place = &reflection.GetMessage(*place, field);
    }
    if (place != nullptr) line += Cell(*place, column.field);
  }
  return line.append(kLineEnd);
}

}  // namespace rebound
