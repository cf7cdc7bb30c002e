#include "server/services/masking.h"

#include <google/protobuf/descriptor.h>

#include <map>
#include <memory>
#include <set>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "rebound/v1/options.pb.h"
#include "server/access/mask.h"

namespace rebound {
namespace {

namespace api = ::rebound::v1;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

static_assert(static_cast<int>(MaskKind::kName) == api::MASK_KIND_NAME);
static_assert(static_cast<int>(MaskKind::kContact) == api::MASK_KIND_CONTACT);
static_assert(static_cast<int>(MaskKind::kKey) == api::MASK_KIND_KEY);

// What is to be done with the messages of one type.
struct MaskPlan {
  struct Words {
    const FieldDescriptor* field = nullptr;
    MaskKind kind = MaskKind::kUnset;
    const FieldDescriptor* value = nullptr;  // of a map: of its entries
  };
  struct Below {
    const FieldDescriptor* field = nullptr;
    const MaskPlan* plan = nullptr;
  };
  std::vector<Words> words{};
  std::vector<Below> below{};

  bool empty() const { return words.empty() && below.empty(); }
};

MaskKind KindOf(const FieldDescriptor& field) {
  return static_cast<MaskKind>(field.options().GetExtension(api::mask));
}

class MaskPlans {
 public:
  // null: nothing is marked in it.
  const MaskPlan* Of(const Descriptor* type) {
    {
      std::shared_lock lock(mutex_);
      const auto found = plans_.find(type);
      if (found != plans_.end()) return found->second.get();
    }
    std::unique_lock lock(mutex_);
    Make(type);
    return plans_.find(type)->second.get();
  }

 private:
  using Types = std::set<const Descriptor*>;

  static bool IsMessage(const FieldDescriptor& field) {
    return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  }

  static void Reach(const Descriptor* type, Types* reached) {
    if (!reached->insert(type).second) return;
    for (int i = 0; i < type->field_count(); ++i) {
      if (IsMessage(*type->field(i))) Reach(type->field(i)->message_type(), reached);
    }
  }

  // Plans for the type and all below it. Types may hold each other: those with something marked are
  // found first, until there are no more.
  void Make(const Descriptor* type) {
    Types reached, marked;
    Reach(type, &reached);
    const auto holds = [&](const Descriptor* each) {
      for (int i = 0; i < each->field_count(); ++i) {
        const FieldDescriptor& field = *each->field(i);
        if (KindOf(field) != MaskKind::kUnset) return true;
        if (IsMessage(field) && marked.contains(field.message_type())) return true;
      }
      return false;
    };
    for (bool more = true; more;) {
      more = false;
      for (const Descriptor* each : reached) {
        if (!marked.contains(each) && holds(each)) more = marked.insert(each).second;
      }
    }
    for (const Descriptor* each : reached) {
      plans_.try_emplace(each, marked.contains(each) ? std::make_unique<MaskPlan>() : nullptr);
    }
    for (const Descriptor* each : marked) {
      MaskPlan& plan = *plans_.find(each)->second;
      if (!plan.empty()) continue;  // made with another type
      for (int i = 0; i < each->field_count(); ++i) {
        const FieldDescriptor* field = each->field(i);
        if (const MaskKind kind = KindOf(*field); kind != MaskKind::kUnset) {
          plan.words.push_back(
              {field, kind, field->is_map() ? field->message_type()->map_value() : nullptr});
        } else if (IsMessage(*field) && marked.contains(field->message_type())) {
          plan.below.push_back({field, plans_.find(field->message_type())->second.get()});
        }
      }
    }
  }

  std::shared_mutex mutex_;
  std::unordered_map<const Descriptor*, std::unique_ptr<MaskPlan>> plans_;
};

void MaskWords(Message& message, const FieldDescriptor* field, MaskKind kind) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::string scratch;
  if (!field->is_repeated()) {
    const std::string& value = reflection.GetStringReference(message, field, &scratch);
    if (!value.empty()) reflection.SetString(&message, field, Mask(kind, value));
    return;
  }
  for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
    reflection.SetRepeatedString(&message, field, i,
                                 Mask(kind, reflection.GetRepeatedString(message, field, i)));
  }
}

void Run(const MaskPlan& plan, Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  for (const MaskPlan::Words& words : plan.words) {
    if (words.value == nullptr) {
      MaskWords(message, words.field, words.kind);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, words.field); ++i) {
      MaskWords(*reflection.MutableRepeatedMessage(&message, words.field, i), words.value,
                words.kind);
    }
  }
  for (const MaskPlan::Below& below : plan.below) {
    if (!below.field->is_repeated()) {
      if (reflection.HasField(message, below.field)) {
        Run(*below.plan, *reflection.MutableMessage(&message, below.field));
      }
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, below.field); ++i) {
      Run(*below.plan, *reflection.MutableRepeatedMessage(&message, below.field, i));
    }
  }
}

}  // namespace

void MaskContact(Message& message) {
  static MaskPlans& plans = *new MaskPlans;
  if (const MaskPlan* plan = plans.Of(message.GetDescriptor())) Run(*plan, message);
}

// Other values are equal only to what is shown to everybody.
Result<void> CheckUnmasked(bool sees_contact, const std::string& field, const Predicate& filter) {
  if (sees_contact) return {};
  for (const Predicate& child : filter.children) {
    if (auto checked = CheckUnmasked(sees_contact, field, child); !checked) return checked;
  }
  const auto* value = std::get_if<std::string>(&filter.comparison.value);
  if (value == nullptr || filter.comparison.field != FieldId::kAccount) return {};
  const std::string masked = Mask(MaskKind::kKey, *value);
  if (masked == *value) return {};
  return FieldError(field, Reason::kFilterInvalid,
                    {{"problem", "masked"},
                     {"found", masked},
                     {"expected",
                      "an account that is no phone number or e-mail address, for your "
                      "role sees those masked"}});
}

}  // namespace rebound
