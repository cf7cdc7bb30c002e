#include "workflows/blacklist_notice.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "workflows/check.h"

namespace rebound {
namespace {

// Picks one of two languages.
struct Tongue {
  bool chinese = false;

  std::string operator()(std::string_view en, std::string_view zh) const {
    return std::string(chinese ? zh : en);
  }
};

// "A", "A and B", "A, B and C"; in Chinese "A、B、C".
std::string Join(const std::vector<std::string>& parts, const Tongue& in) {
  std::string joined;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) joined += in(i + 1 == parts.size() ? " and " : ", ", "、");
    joined += parts[i];
  }
  return joined;
}

std::string TwoDigits(int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); }

// "2 March 2026, 17:00", "2026年3月2日 17:00".
std::string Told(Timestamp at, const Zone& zone, const Tongue& in) {
  constexpr const char* kMonths[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
  const LocalTime local = ToLocal(zone, at);
  const LocalDay day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date(day);
  const int64_t minute = std::chrono::floor<std::chrono::minutes>(local - day).count();
  const std::string time = TwoDigits(minute / 60) + ":" + TwoDigits(minute % 60);
  const std::string year = std::to_string(static_cast<int>(date.year()));
  const unsigned month = static_cast<unsigned>(date.month());
  const std::string of_month = std::to_string(static_cast<unsigned>(date.day()));
  if (in.chinese) return year + "年" + std::to_string(month) + "月" + of_month + "日 " + time;
  return of_month + " " + kMonths[month - 1] + " " + year + ", " + time;
}

// ---- What the entry restricts

std::string ByChannel(Channel channel, const Tongue& in) {
  switch (channel) {
    case Channel::kUnset: break;
    case Channel::kPhone: return in("by phone", "电话");
    case Channel::kSms: return in("by text message", "短信");
    case Channel::kEmail: return in("by e-mail", "邮件");
    case Channel::kMessenger: return in("by messenger", "即时消息");
    case Channel::kApp: return in("in the app", "应用");
    case Channel::kLetter: return in("by letter", "信函");
    case Channel::kInPerson: return in("in person", "当面");
  }
  return in("in other ways", "其他方式");
}

// What has no name, or has left the configuration, goes by its key: it is restricted all the same.
std::string NameOr(const std::string& id, std::string name) { return name.empty() ? id : name; }

// In quotation marks: programs are named like "After a call".
std::string ProgramName(const std::string& id, const Revision& revision, const Tongue& in) {
  const Program* program = revision.FindProgram(id);
  const std::string name =
      program == nullptr ? id : NameOr(id, in(program->display_name, program->display_name_zh));
  return in("\"", "“") + name + in("\"", "”");
}

std::string RemedyName(const std::string& id, const Revision& revision, const Tongue& in) {
  for (const RemedyType& type : revision.remedies) {
    if (type.id == id) return NameOr(id, in(type.name_en, type.name_zh));
  }
  return id;
}

std::string UnitName(const std::string& id, const Revision& revision, const Tongue& in) {
  for (const OrgUnit& unit : revision.org_units) {
    if (unit.id == id) return NameOr(id, in(unit.name_en, unit.name_zh));
  }
  return id;
}

std::string WhatIsRestricted(const BlacklistEntry& entry, const Revision& revision,
                             const Tongue& in) {
  const BlacklistEffects& effects = entry.effects;
  std::vector<std::string> names;
  switch (entry.kind) {
    case BlacklistKind::kUnset: break;
    case BlacklistKind::kDoNotContact:
      if (effects.program_ids.empty()) {
        return in("contact by us and all surveys", "我方主动与您联系及全部调研");
      }
      for (const std::string& id : effects.program_ids) {
        names.push_back(ProgramName(id, revision, in));
      }
      return in("contact by us and these surveys: ", "我方主动与您联系及以下调研：") +
             Join(names, in);
    case BlacklistKind::kChannelLimit:
      for (const Channel channel : effects.channels) names.push_back(ByChannel(channel, in));
      return in("contact and surveys ", "以下方式的联系和调研：") + Join(names, in);
    case BlacklistKind::kNoGoodwill:
    case BlacklistKind::kRepeatCompensation: {
      for (const std::string& id : effects.remedy_types) {
        names.push_back(RemedyName(id, revision, in));
      }
      const std::string what =
          names.empty() ? in("compensation beyond what the law asks for", "法定赔付之外的补偿")
                        : in("compensation of these kinds: ", "以下补偿：") + Join(names, in);
      if (entry.kind == BlacklistKind::kNoGoodwill) return what;
      return what + in("; each takes the approval of a second person", "；每次须经另一名人员批准");
    }
    case BlacklistKind::kStaffSafety:
      return in("meetings in person, which take an approval", "当面会见，须事先批准");
  }
  CHECK(false);
  return {};
}

std::string Restriction(const BlacklistEntry& entry, const Revision& revision, const Tongue& in) {
  std::string text = WhatIsRestricted(entry, revision, in);
  // Which queue that is means nothing to the customer.
  if (!entry.effects.queue_id.empty()) {
    text += in("; a team of its own handles your complaints", "；您的投诉由专门团队办理");
  }
  switch (entry.extent.kind) {
    case BlacklistExtent::Kind::kUnset:
    case BlacklistExtent::Kind::kCompany: return text;
    case BlacklistExtent::Kind::kOrgUnit:
      return text + in("; only in ", "；仅限于") + UnitName(entry.extent.id, revision, in);
    case BlacklistExtent::Kind::kProgram:
      return text + in("; only in matters of ", "；仅限于涉及") +
             ProgramName(entry.extent.id, revision, in) + in("", "的事项");
  }
  CHECK(false);
  return text;
}

// ---- Whom, why and when

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

std::string CustomerName(const Customer& customer, const Tongue& in) {
  const std::string& name = customer.profile.display_name.value;
  return IsBlank(name) ? in("customer", "尊敬的客户") : name;
}

// The sentence it stands in has its own full stop.
std::string_view WithoutFullStop(std::string_view text) {
  for (const std::string_view end : {" ", "\t", "\r", "\n", ".", "。"}) {
    if (!text.ends_with(end) || text.size() == end.size()) continue;
    text.remove_suffix(end.size());
    return WithoutFullStop(text);
  }
  return text;
}

std::string ReasonOf(const BlacklistEntry& entry, const BlacklistPolicy& policy, const Tongue& in) {
  const Text& first = in.chinese ? entry.customer_reason_zh : entry.customer_reason_en;
  const Text& second = in.chinese ? entry.customer_reason_en : entry.customer_reason_zh;
  for (const Text* own : {&first, &second}) {
    if (!IsBlank(own->value)) return std::string(WithoutFullStop(own->value));
  }
  for (const BlacklistReason& reason : policy.reasons) {
    if (reason.id == entry.reason_code) return in(reason.name_en, reason.name_zh);
  }
  return entry.reason_code;
}

const BlacklistDecision* FindDecision(const BlacklistEntry& entry, BlacklistDecisionKind kind) {
  for (const BlacklistDecision& decision : entry.decisions) {
    if (decision.kind == kind) return &decision;
  }
  return nullptr;
}

bool WasGranted(const BlacklistEntry& entry) {
  return FindDecision(entry, BlacklistDecisionKind::kExtensionGranted) != nullptr;
}

bool WasAppealDecided(const BlacklistEntry& entry) {
  return entry.appeal.state == AppealState::kUpheld || entry.appeal.state == AppealState::kRejected;
}

Timestamp ChangeBy(const BlacklistEntry& entry, const BlacklistPolicy& policy, Timestamp now) {
  const BlacklistKindPolicy* kind = policy.Find(entry.kind);
  const bool waits = kind != nullptr && kind->warning_wait > Duration{0};
  return entry.warned_at.value_or(now) + (waits ? kind->warning_wait : kUsualWarningWait);
}

Timestamp StartOf(const BlacklistEntry& entry, Timestamp now) {
  if (entry.is_suppression) return entry.starts_at;
  const BlacklistDecision* activated = FindDecision(entry, BlacklistDecisionKind::kActivated);
  const Timestamp decided = activated == nullptr ? now : activated->at;
  if (entry.immediate_until && decided < *entry.immediate_until) return entry.starts_at;
  return std::max(entry.starts_at, decided);
}

Timestamp EndOf(BlacklistNotice notice, const BlacklistEntry& entry) {
  // What is only asked for is told as the end where nothing was granted yet: a notice of what was
  // granted must not tell what is asked for since.
  if (notice == BlacklistNotice::kExtended && entry.extension && !WasGranted(entry)) {
    return entry.extension->until;
  }
  const bool upheld =
      notice == BlacklistNotice::kAppealDecided && entry.appeal.state == AppealState::kUpheld;
  if (upheld || notice == BlacklistNotice::kLapsed) {
    return entry.ended_at.value_or(entry.expires_at);
  }
  return entry.expires_at;
}

Timestamp AppealUntil(BlacklistNotice notice, const BlacklistEntry& entry,
                      const BlacklistPolicy& policy, Timestamp now) {
  const bool again = notice == BlacklistNotice::kExtended && !WasGranted(entry) &&
                     entry.appeal.state == AppealState::kUnset;
  if (entry.appeal_until && !again) return *entry.appeal_until;
  return now + policy.appeal_window;
}

std::string OutcomeOf(const BlacklistEntry& entry, const Tongue& in) {
  return entry.appeal.state == AppealState::kUpheld
             ? in("you were right, and the restriction has ended", "申诉成立，限制措施已经解除")
             : in("the restriction stays as it is", "申诉不成立，限制措施维持不变");
}

std::string ValueOf(std::string_view variable, BlacklistNotice notice, const NoticeFacts& facts,
                    const Revision& revision, const Tongue& in) {
  const BlacklistEntry& entry = facts.entry;
  const BlacklistPolicy& policy = revision.blacklist;
  const auto told = [&](Timestamp at) { return Told(at, facts.zone, in); };
  if (variable == "customer_name") return CustomerName(facts.customer, in);
  if (variable == "entry_number") return EntryNumberText(entry.number);
  if (variable == "restriction") return Restriction(entry, revision, in);
  if (variable == "reason") return ReasonOf(entry, policy, in);
  if (variable == "change_by") return told(ChangeBy(entry, policy, facts.now));
  if (variable == "start") return told(StartOf(entry, facts.now));
  if (variable == "end") return told(EndOf(notice, entry));
  if (variable == "appeal_until") return told(AppealUntil(notice, entry, policy, facts.now));
  if (variable == "outcome") return OutcomeOf(entry, in);
  CHECK(false);
  return {};
}

}  // namespace

bool MayTell(BlacklistNotice notice, const BlacklistEntry& entry, Timestamp now) {
  const auto may_come = [&](EntryCommand command) {
    return IsOpen(entry, now) && Accepts(entry.state, command);
  };
  const bool activated = FindDecision(entry, BlacklistDecisionKind::kActivated) != nullptr;
  const bool told = activated || entry.warned_at || entry.is_suppression;
  switch (notice) {
    case BlacklistNotice::kUnset:
    case BlacklistNotice::kImmediateOver:
    case BlacklistNotice::kAppealOverdue:
    case BlacklistNotice::kReviewDue: return false;
    case BlacklistNotice::kWarning: return entry.warned_at || may_come(EntryCommand::kWarn);
    case BlacklistNotice::kDecision: return activated || may_come(EntryCommand::kDecide);
    case BlacklistNotice::kExtended: return entry.extension || WasGranted(entry);
    case BlacklistNotice::kAppealDecided: return WasAppealDecided(entry);
    case BlacklistNotice::kLifted: return told && entry.state != BlacklistState::kLapsed;
    case BlacklistNotice::kLapsed:
      return told && (!IsFinal(entry.state) || entry.state == BlacklistState::kLapsed);
  }
  CHECK(false);
  return false;
}

Result<Rendered> RenderNotice(BlacklistNotice notice, const NoticeFacts& facts,
                              const Revision& revision) {
  const Metadata metadata = {{"entry", EntryNumberText(facts.entry.number)},
                             {"notice", std::string(Name(notice))}};
  const std::vector<Template>& notices = revision.blacklist.notices;
  const auto words = std::find_if(notices.begin(), notices.end(),
                                  [&](const Template& each) { return each.id == Name(notice); });
  if (words == notices.end()) return Error{Reason::kBlacklistNoticesNotConfigured, metadata};
  if (!MayTell(notice, facts.entry, facts.now)) {
    Error error{Reason::kBlacklistNoticeNotDue, metadata};
    error.metadata["state"] = std::string(Name(facts.entry.state));
    return error;
  }
  const Tongue in{TemplateLanguage(facts.language) == "zh"};
  std::map<std::string, std::string> values;
  for (const std::string_view variable : VariablesOf(notice)) {
    values[std::string(variable)] = ValueOf(variable, notice, facts, revision, in);
  }
  return Render(*words, facts.language, values);
}

}  // namespace rebound
