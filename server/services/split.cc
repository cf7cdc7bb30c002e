#include "server/services/split.h"

#include <google/protobuf/descriptor.h>

#include <utility>

#include "workflows/check.h"

namespace rebound {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Tag and length of an element.
constexpr size_t kOverhead = 16;

class Splitter {
 public:
  Splitter(const Message& identified, size_t limit) : identified_(identified), limit_(limit) {}

  // Moves every repeated string and message below `from` into parts. Maps and numbers stay: they
  // are bounded by their keys and their size.
  void Take(Message* from) {
    const google::protobuf::Reflection* reflection = from->GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection->ListFields(*from, &fields);
    for (const FieldDescriptor* field : fields) {
      const bool message = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
      if (!field->is_repeated()) {
        if (!message) continue;
        path_.push_back(field);
        Take(reflection->MutableMessage(from, field));
        path_.pop_back();
      } else if (!field->is_map() &&
                 (message || field->cpp_type() == FieldDescriptor::CPPTYPE_STRING)) {
        for (int i = 0; i < reflection->FieldSize(*from, field); ++i) {
          if (message) {
            const Message& element = reflection->GetRepeatedMessage(*from, field, i);
            Message* to = Part(element.ByteSizeLong());
            to->GetReflection()->AddMessage(to, field)->CopyFrom(element);
          } else {
            std::string element = reflection->GetRepeatedString(*from, field, i);
            Message* to = Part(element.size());
            to->GetReflection()->AddString(to, field, std::move(element));
          }
        }
        reflection->ClearField(from, field);
      }
    }
  }

  std::vector<std::unique_ptr<Message>> parts() && { return std::move(parts_); }

 private:
  // Where an element of that size goes.
  Message* Part(size_t size) {
    if (parts_.empty() || used_ + size > limit_) {
      parts_.emplace_back(identified_.New())->CopyFrom(identified_);
      used_ = identified_.ByteSizeLong();
    }
    used_ += size + kOverhead;
    Message* to = parts_.back().get();
    for (const FieldDescriptor* step : path_) to = to->GetReflection()->MutableMessage(to, step);
    return to;
  }

  const Message& identified_;
  const size_t limit_;
  size_t used_ = 0;
  std::vector<const FieldDescriptor*> path_;
  std::vector<std::unique_ptr<Message>> parts_;
};

}  // namespace

std::vector<std::unique_ptr<Message>> SplitToFit(std::unique_ptr<Message> whole, size_t limit,
                                                 const std::string& identity) {
  std::vector<std::unique_ptr<Message>> parts;
  if (whole->ByteSizeLong() <= limit) {
    parts.push_back(std::move(whole));
    return parts;
  }
  const FieldDescriptor* field = whole->GetDescriptor()->FindFieldByName(identity);
  CHECK(field != nullptr && !field->is_repeated());
  const google::protobuf::Reflection* reflection = whole->GetReflection();
  const std::unique_ptr<Message> identified(whole->New());
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    reflection->SetString(identified.get(), field, reflection->GetString(*whole, field));
  } else {
    reflection->SetInt64(identified.get(), field, reflection->GetInt64(*whole, field));
  }
  Splitter splitter(*identified, limit);
  splitter.Take(whole.get());
  parts.push_back(std::move(whole));
  for (std::unique_ptr<Message>& part : std::move(splitter).parts()) {
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace rebound
