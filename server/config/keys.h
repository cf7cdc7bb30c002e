// Every key of the configuration files, and what may stand under it.
//
// One table serves the readers, which refuse any other key (ConfigReader::CheckMap), and the JSON
// Schemas that editors read (schema.h). Words and bounds that depend on more than one key, and ids
// that have to exist, are for the section's reader alone. Constant data; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "workflows/case.h"
#include "workflows/limits.h"

namespace rebound {

using Words = std::span<const std::string_view>;

enum class Need { kRequired, kOptional };

struct Key;

// What stands under a key.
struct Form {
  enum class Kind {
    kId,             // 1 to 64 of a-z 0-9 -
    kStatus,         // 1 to 64 of a-z 0-9 _
    kReceiver,       // one of `words`, or the id of a role
    kText,           // one line of 1 to `highest` characters
    kTruth,          // true, false
    kInteger,        // from `lowest` to `highest`
    kDuration,       // "8 hours", at least `lowest` minutes; or one of `words`
    kTierTime,       // due, "-2 hours", "75 %"
    kDate,           // YYYY-MM-DD, 2000 to 2099
    kMoment,         // such a date, or an RFC 3339 time
    kInterval,       // "09:00-12:00"
    kPath,           // gd/shenzhen
    kCurrency,       // CNY
    kWord,           // one of `words` or `names`
    kCondition,      // a filter or a tree (conditions.h)
    kStepCondition,  // the same, over what became of the case, too
    kTime,           // "21:00", up to 24:00
    kTemplate,       // several lines of 1 to `highest` characters, with variables
    kFields,         // a mapping of fields that rules may name to values
    kMap,            // a mapping of `keys`
    kMaps,           // a list of at least `lowest` such mappings
    kWordOrMap,      // one of `words`, or a mapping of `keys`
  };
  Kind kind;
  bool or_list = false;  // one of them, or a list of at least `least`
  size_t least = 0;
  int64_t lowest = 0;
  int64_t highest = 0;
  Words words{};
  std::vector<std::string_view> (*names)() = nullptr;  // words of the domain
  const Key* keys = nullptr;
  size_t key_count = 0;
};

struct Key {
  std::string_view name;
  Need need;
  Form form;
  std::string_view en;  // what it says, for editors
  std::string_view zh;
};

inline std::span<const Key> KeysOf(const Form& form) { return {form.keys, form.key_count}; }
std::vector<std::string_view> NamesOf(std::span<const Key> keys);

// first_contact ..., as workflows/ names them, in the order of the enumerations.
std::vector<std::string_view> ClockKindWords();
std::vector<std::string_view> CommandWords();
std::vector<std::string_view> RequiredFieldWords();
std::vector<std::string_view> StepKindWords();
std::vector<std::string_view> BlacklistKindWords();
std::vector<std::string_view> BlacklistMeasureWords();

// Which kinds of step take a key of kStepKeys, and which of them need it; every kind takes those
// that are not here.
struct KindKey {
  std::string_view key;
  unsigned kinds;  // bit StepKindBit for each
  unsigned needed;
};
constexpr unsigned StepKindBit(StepKind kind) { return 1U << static_cast<unsigned>(kind); }
std::span<const KindKey> StepKindKeys();

namespace form {

inline constexpr Form kId{Form::Kind::kId};
inline constexpr Form kStatus{Form::Kind::kStatus};
inline constexpr Form kTruth{Form::Kind::kTruth};
inline constexpr Form kTierTime{Form::Kind::kTierTime};
inline constexpr Form kDate{Form::Kind::kDate};
inline constexpr Form kMoment{Form::Kind::kMoment};
inline constexpr Form kPath{Form::Kind::kPath};
inline constexpr Form kCurrency{Form::Kind::kCurrency};
inline constexpr Form kCondition{Form::Kind::kCondition};
inline constexpr Form kStepCondition{Form::Kind::kStepCondition};
inline constexpr Form kTime{Form::Kind::kTime};
inline constexpr Form kFields{Form::Kind::kFields};
inline constexpr Form kInterval{Form::Kind::kInterval};

constexpr Form Text(size_t longest = limits::kShortCodePoints) {
  return {.kind = Form::Kind::kText, .highest = static_cast<int64_t>(longest)};
}
constexpr Form Template(size_t longest) {
  return {.kind = Form::Kind::kTemplate, .highest = static_cast<int64_t>(longest)};
}
constexpr Form Integer(int64_t lowest, int64_t highest) {
  return {.kind = Form::Kind::kInteger, .lowest = lowest, .highest = highest};
}
constexpr Form Duration(int64_t lowest_minutes, Words words = {}) {
  return {.kind = Form::Kind::kDuration, .lowest = lowest_minutes, .words = words};
}
constexpr Form Word(Words words) { return {.kind = Form::Kind::kWord, .words = words}; }
constexpr Form Name(std::vector<std::string_view> (*names)()) {
  return {.kind = Form::Kind::kWord, .names = names};
}
constexpr Form OrList(Form form, size_t least = 0) {
  form.or_list = true;
  form.least = least;
  return form;
}
constexpr Form Map(std::span<const Key> keys) {
  return {.kind = Form::Kind::kMap, .keys = keys.data(), .key_count = keys.size()};
}
constexpr Form Maps(std::span<const Key> keys, int64_t least = 0) {
  return {
      .kind = Form::Kind::kMaps, .lowest = least, .keys = keys.data(), .key_count = keys.size()};
}
constexpr Form WordOrMap(Words words, std::span<const Key> keys) {
  return {.kind = Form::Kind::kWordOrMap,
          .words = words,
          .keys = keys.data(),
          .key_count = keys.size()};
}

}  // namespace form

namespace keys {

inline constexpr Need kRequired = Need::kRequired;
inline constexpr Need kOptional = Need::kOptional;

// ---- Parts --------------------------------------------------------------------------------------

inline constexpr Key kNameKeys[] = {
    {"en", kRequired, form::Text(), "In English", "英文名称"},
    {"zh", kOptional, form::Text(), "In Chinese; default: the English name",
     "中文名称；默认同英文"},
};
inline constexpr Key kId = {"id", kRequired, form::kId,
                            "Stable key, 1 to 64 of a-z 0-9 -; labels may change, it may not",
                            "稳定的标识，1 至 64 位 a-z 0-9 -；名称可改，标识不改"};
inline constexpr Key kName = {"name", kRequired, form::Map(kNameKeys), "What people see",
                              "显示名称"};
inline constexpr Key kWhen = {"when", kOptional, form::kCondition,
                              "Condition; left out: every case", "条件；省略则适用于所有工单"};
inline constexpr Key kVersion = {"version", kOptional, form::Integer(1, 1'000'000),
                                 "Raised with each change; default 1", "每次修改后加一；默认 1"};

// ---- programs.yaml ------------------------------------------------------------------------------

inline constexpr std::string_view kProgramKinds[] = {"transactional", "relational", "competitive",
                                                     "internal"};
inline constexpr std::string_view kScaleKinds[] = {"nps", "csat", "ces"};
inline constexpr std::string_view kUnlimited[] = {"unlimited"};
inline constexpr int64_t kWidestScore = 1000;

inline constexpr Key kScaleKeys[] = {
    {"kind", kRequired, form::Word(kScaleKinds), "Kind of scale", "评分制"},
    {"min", kOptional, form::Integer(-kWidestScore, kWidestScore),
     "Lowest score; default: the kind's", "最低分；默认随评分制"},
    {"max", kOptional, form::Integer(-kWidestScore, kWidestScore),
     "Highest score; default: the kind's", "最高分；默认随评分制"},
    {"detractor_limit", kOptional, form::Integer(-kWidestScore, kWidestScore),
     "The last detractor's score; required with min or max",
     "贬损者的最后一分；写了 min 或 max 时必填"},
    {"promoter_limit", kOptional, form::Integer(-kWidestScore, kWidestScore),
     "The first promoter's score; required with min or max",
     "推荐者的第一分；写了 min 或 max 时必填"},
    {"lower_is_better", kOptional, form::kTruth, "Low scores are good; default false",
     "分数越低越好；默认 false"},
};
inline constexpr int32_t kWidestShare = 500'000;  // parts per million
inline constexpr std::string_view kHeldArms[] = {"held_out", "delayed_start"};
inline constexpr Key kHoldOutKeys[] = {
    {"experiment", kRequired, form::kId, "Stable key: salts the draw; another one draws anew",
     "稳定的标识：抽取的盐；换一个则重新抽取"},
    {"share", kRequired, form::Text(), "Of the eligible cases, \"5 %\"; at most 50 %",
     "占符合条件工单的比例，\"5 %\"；最多 50 %"},
    {"arm", kOptional, form::Word(kHeldArms),
     "held_out: no plan at all; delayed_start: it begins after delay; default held_out",
     "held_out：完全不处理；delayed_start：delay 之后开始；默认 held_out"},
    {"delay", kOptional, form::Duration(1), "delayed_start only; default 7 days",
     "仅 delayed_start；默认 7 days"},
    {"ask_after", kOptional, form::Duration(1),
     "From opening until the customer is asked again; default 7 days", "建单到复测；默认 7 days"},
};
inline constexpr Key kProgramKeys[] = {
    kId,
    kName,
    {"kind", kRequired, form::Word(kProgramKinds), "Kind of program", "项目类型"},
    {"scale", kRequired, form::WordOrMap(kScaleKinds, kScaleKeys),
     "nps: 0-10, csat: 1-5, ces: 1-7; or a mapping with limits of your own",
     "nps：0-10，csat：1-5，ces：1-7；或自定义界限的映射"},
    {"allow_anonymous", kOptional, form::kTruth,
     "Answers without a customer are taken; default false", "接受匿名答卷；默认 false"},
    {"anonymous_opens_case", kOptional, form::kTruth,
     "A detractor's answer without a customer opens a site case; default false",
     "匿名贬损答卷也建现场工单；默认 false"},
    {"recovery_window", kOptional, form::Duration(1, kUnlimited),
     "From opening: how long an answer counts for recovery and conversion; default unlimited",
     "自建单起，答卷在多长时间内计入修复与转化；默认不限"},
    {"reopen_window", kOptional, form::Duration(0),
     "From closing: a detractor's answer within it reopens the case; default 0 days",
     "自归档起，在此期间的贬损答卷重新打开原工单；默认 0 days"},
    {"resurvey_delay", kOptional, form::Duration(0),
     "From resolving to asking again; default 3 days", "办结后多久复测；默认 3 days"},
    {"resurvey_validity", kOptional, form::Duration(1),
     "From asking again to \"no answer\"; default 14 days", "复测多久未答视为无答复；默认 14 days"},
    {"resurvey_catch_up", kOptional, form::Duration(0),
     "A re-survey that is overdue by more is skipped; default 72 hours",
     "逾期超过此时长的复测跳过；默认 72 hours"},
    {"first_contact_limit", kOptional, form::Duration(0),
     "From opening to the first contact, where no clock applies; 0 hours: no limit; default 24 "
     "hours",
     "没有适用的时限时，建单到首次联系的期限；0 hours 为不限；默认 24 hours"},
    {"max_reopen_count", kOptional, form::Integer(0, 100),
     "How often a bad re-survey may reopen a case; default 2", "复测不佳最多重新打开几次；默认 2"},
    {"currency", kOptional, form::kCurrency, "ISO 4217, of all amounts; default CNY",
     "所有金额的 ISO 4217 币种；默认 CNY"},
    {"time_zone", kOptional, form::Text(), "IANA name, of days and months; default UTC",
     "划分日与月的 IANA 时区；默认 UTC"},
    {"queue", kOptional, form::kId, "Where cases go by themselves; default \"default\"",
     "工单默认进入的工单池；默认 default"},
    {"hold_out", kOptional, form::Map(kHoldOutKeys),
     "A random share of eligible cases without a plan, for comparison; default: none",
     "随机留作对照、不予处理的部分工单；默认没有"},
};

// ---- playbooks.yaml, priorities.yaml ------------------------------------------------------------

inline constexpr std::string_view kChannels[] = {"phone", "sms",    "email",    "messenger",
                                                 "app",   "letter", "in_person"};
inline constexpr std::string_view kDetractorTypes[] = {
    "price",  "attitude",   "wait",    "quality",
    "repeat", "high_value", "leaving", "professional_claimant",
    "other"};
inline constexpr Key kStepKeys[] = {
    {"id", kRequired, form::kId, "Stable key, unique in the playbook", "稳定的标识，方案内唯一"},
    kName,
    {"kind", kRequired, form::Name(StepKindWords), "What is done", "步骤类型"},
    {"when", kOptional, form::kStepCondition,
     "Condition, else the step is skipped; required for a decision: what is decided",
     "条件，不成立则跳过；decision 必填：所判断的内容"},
    {"within", kOptional, form::Duration(1),
     "Wall time from when it begins; overdue, owner and unit manager are told once; required for "
     "a task",
     "自步骤开始起的时限；逾期通知负责人与单元负责人一次；task 必填"},
    {"owner", kOptional, form::Text(limits::kKeyCharacters),
     "The name that whoever does it signs in with; default: the case's owner",
     "步骤负责人的登录名；默认为工单处理人"},
    {"queue", kOptional, form::kId, "task, aftercare: queue of another department",
     "task、aftercare：其他部门的工单池"},
    {"channel", kOptional, form::Word(kChannels),
     "contact: by which; message: by which it goes, required", "contact：渠道；message：必填"},
    {"remedy", kOptional, form::kId, "remedy: id in remedies.yaml; required",
     "remedy：remedies.yaml 中的标识；必填"},
    {"template", kOptional, form::kId, "message: id in templates.yaml; required",
     "message：templates.yaml 中的标识；必填"},
    {"for", kOptional, form::Duration(1), "wait: how long; required", "wait：等待多久；必填"},
    {"then", kOptional, form::kId,
     "decision, when the condition holds: a later step, or end; default: the next one",
     "decision：条件成立时转到的后续步骤，或 end；默认下一步"},
    {"otherwise", kOptional, form::kId,
     "decision, when it does not: a later step, or end; default: the next one",
     "decision：条件不成立时转到的后续步骤，或 end；默认下一步"},
    {"sample", kOptional, form::Integer(1, 100), "verify, aftercare: percent of cases; default 100",
     "verify、aftercare：抽取工单的百分比；默认 100"},
    {"rework", kOptional, form::kId,
     "verify: an earlier step at which the plan starts again when it fails; default: it waits for "
     "the next verification",
     "verify：未通过时从哪个更早的步骤重新开始；默认等待下一次回访"},
    {"after", kOptional, form::Duration(0), "aftercare: from handling done; required",
     "aftercare：办结之后多久；必填"},
};
inline constexpr Key kPlaybookKeys[] = {
    kId,
    kVersion,
    kName,
    kWhen,
    {"severity", kOptional, form::Integer(1, 5), "The case opens at least at this",
     "工单的严重程度至少为此值"},
    {"queue", kOptional, form::kId, "Where the case goes; default: the program's",
     "工单进入的工单池；默认随项目"},
    {"for", kOptional, form::Word(kDetractorTypes), "Type of detractor it is for, a plain label",
     "针对的贬损者类型，仅作标签"},
    {"steps", kOptional, form::Maps(kStepKeys), "What is done, in order; at most 50",
     "依次要做的步骤；最多 50 个"},
};
inline constexpr Key kPriorityKeys[] = {kId, kName, kWhen};

// ---- clocks.yaml --------------------------------------------------------------------------------

inline constexpr std::string_view kCounts[] = {"wall", "business_time", "calendar_days",
                                               "working_days"};
inline constexpr std::string_view kMetBy[] = {"attempt", "reached"};
inline constexpr std::string_view kTierCounts[] = {"wall", "own"};
inline constexpr std::string_view kActions[] = {"notify", "raise_priority", "reassign", "escalate"};
inline constexpr std::string_view kReceivers[] = {"owner", "first_receiver", "unit_manager",
                                                  "queue"};

inline constexpr Key kTierKeys[] = {
    kId,
    {"at", kRequired, form::kTierTime,
     "due; \"-2 hours\" before it, \"4 hours\" after it; or \"75 %\" of the limit",
     "due（到期时）；\"-2 hours\"（到期前）、\"4 hours\"（到期后）；或时限的 \"75 %\""},
    {"count", kOptional, form::Word(kTierCounts),
     "wall: wall time; own: as the clock counts; default wall",
     "wall：自然时间；own：与时限同样计时；默认 wall"},
    {"do", kRequired, form::OrList(form::Word(kActions), 1), "What happens", "要做什么"},
    {"notify", kOptional, form::OrList({.kind = Form::Kind::kReceiver, .words = kReceivers}, 1),
     "Who is told, or the id of a role; required with notify",
     "通知谁，或角色标识；有 notify 时必填"},
    {"queue", kOptional, form::kId, "Where the case goes; required with reassign",
     "工单转入的工单池；有 reassign 时必填"},
};
inline constexpr Key kClockKeys[] = {
    kId,
    kName,
    {"kind", kRequired, form::Name(ClockKindWords), "What has to happen in time",
     "要按时做到的是什么"},
    kWhen,
    {"limit", kOptional, form::Duration(1),
     "By when; required, but not for commitment and external_deadline, which take none",
     "期限；必填，但 commitment 与 external_deadline 不写"},
    {"count", kOptional, form::Word(kCounts), "How time is counted; default wall",
     "如何计时；默认 wall"},
    {"calendar", kOptional, form::kId, "Id in calendars.yaml; required for every count but wall",
     "calendars.yaml 中的标识；除 wall 外必填"},
    {"met_by", kOptional, form::Word(kMetBy),
     "first_contact only: any try, or the customer reached; default reached",
     "仅 first_contact：尝试即可，或须联系上；默认 reached"},
    {"tiers", kOptional, form::Maps(kTierKeys),
     "What happens before, at and after the due time, in order of time",
     "到期前、到期时、到期后要做的事，按时间排列"},
};

// ---- alerts.yaml --------------------------------------------------------------------------------

inline constexpr Key kAlertKeys[] = {
    kId,
    kName,
    kWhen,
    {"red_line", kOptional, form::kTruth,
     "true: severity 5, and an answer of any score opens a case; default false",
     "true：严重程度为 5，任何分数的答卷都建单；默认 false"},
    {"notify", kRequired, form::OrList({.kind = Form::Kind::kReceiver, .words = kReceivers}, 1),
     "Who is told, or the id of a role", "通知谁，或角色标识"},
    {"acknowledge_within", kOptional, form::Duration(1),
     "When nobody has acknowledged it by then, the managers above are told; default: no limit",
     "逾此时长无人确认则通知各级负责人；默认不限"},
};

// ---- calendars.yaml -----------------------------------------------------------------------------

inline constexpr Form kIntervals = form::OrList(form::kInterval);
// From Monday on, as Calendar::week.
inline constexpr Key kWeekKeys[] = {
    {"mon", kOptional, kIntervals, "Monday; default: no work", "周一；默认不上班"},
    {"tue", kOptional, kIntervals, "Tuesday; default: no work", "周二；默认不上班"},
    {"wed", kOptional, kIntervals, "Wednesday; default: no work", "周三；默认不上班"},
    {"thu", kOptional, kIntervals, "Thursday; default: no work", "周四；默认不上班"},
    {"fri", kOptional, kIntervals, "Friday; default: no work", "周五；默认不上班"},
    {"sat", kOptional, kIntervals, "Saturday; default: no work", "周六；默认不上班"},
    {"sun", kOptional, kIntervals, "Sunday; default: no work", "周日；默认不上班"},
};
inline constexpr Key kHolidayKeys[] = {
    {"date", kOptional, form::kDate, "The day, YYYY-MM-DD", "日期，YYYY-MM-DD"},
    {"from", kOptional, form::kDate, "The first day, with to", "第一天，与 to 同用"},
    {"to", kOptional, form::kDate, "The last day; at most 62 days", "最后一天；最多 62 天"},
    {"name", kOptional, form::Text(), "What it is called", "名称"},
};
inline constexpr Key kWorkdayKeys[] = {
    {"date", kRequired, form::kDate, "The day, YYYY-MM-DD", "日期，YYYY-MM-DD"},
    {"name", kOptional, form::Text(), "What it is called", "名称"},
    {"hours", kOptional, kIntervals, "Working hours; default: Monday's", "工作时段；默认同周一"},
};
inline constexpr Key kCalendarKeys[] = {
    kId,
    kVersion,
    kName,
    {"time_zone", kRequired, form::Text(), "IANA name, of all its days and hours",
     "所有日期与时刻所属的 IANA 时区"},
    {"week", kRequired, form::Map(kWeekKeys),
     "Working hours by weekday, one interval \"09:00-12:00\" or a list; a night shift ends after "
     "24:00",
     "每周工作时段，一个 \"09:00-12:00\" 或一列；夜班写到 24:00 以后"},
    {"holidays", kOptional, form::Maps(kHolidayKeys), "Days without work", "节假日"},
    {"workdays", kOptional, form::Maps(kWorkdayKeys), "Make-up workdays", "调休上班日"},
    {"import", kOptional, form::OrList(form::Text()), "iCalendar files in this folder",
     "本文件夹中的 iCalendar 文件"},
};

// ---- lifecycle.yaml -----------------------------------------------------------------------------

inline constexpr std::string_view kPhases[] = {"open", "contacted", "remedied", "resurveyed",
                                               "closed"};

inline constexpr Key kStatusKeys[] = {
    {"key", kRequired, form::kStatus, "Stable key, 1 to 64 of a-z 0-9 _",
     "稳定的标识，1 至 64 位 a-z 0-9 _"},
    kName,
    {"phase", kRequired, form::Word(kPhases), "Phase that it belongs to", "所属阶段"},
    {"handling_done", kOptional, form::kTruth,
     "true: out of queues, capacity and ageing; default false",
     "true：不再占用工单池、在手量与账龄；默认 false"},
    {"stops", kOptional, form::OrList(form::Name(ClockKindWords)),
     "Kinds of clock that do not count while a case is here", "工单处于此状态时停止计时的时限类型"},
};
inline constexpr Key kTransitionKeys[] = {
    {"from", kRequired, form::OrList(form::kStatus), "A status, or a list of them",
     "一个状态，或一列状态"},
    {"command", kRequired, form::Name(CommandWords), "What people, answers or timers do",
     "人工、答卷或定时器的操作"},
    {"to", kRequired, form::kStatus, "The status when the command has its full effect, or stays",
     "操作完全生效后的状态，或 stays（不变）"},
    {"otherwise", kOptional, form::kStatus,
     "The status when it has not, for commands with two outcomes",
     "有两种结果的操作未生效时的状态"},
    {"exhausted", kOptional, form::kStatus,
     "answer_resurvey only: a detractor's when the case may not reopen again",
     "仅 answer_resurvey：仍是贬损者且不能再次打开时的状态"},
    {"roles", kOptional, form::OrList(form::kId),
     "Roles that may; default: every role that may call the command",
     "可以操作的角色；默认所有能调用该操作的角色"},
    {"requires", kOptional, form::OrList(form::Name(RequiredFieldWords)),
     "What the case must have afterwards; default: nothing", "操作后工单必须具备的内容；默认无"},
};
inline constexpr Key kLifecycleKeys[] = {
    {"initial", kRequired, form::kStatus, "The status of a new case, of phase open",
     "新工单的状态，属于 open 阶段"},
    {"held_out", kOptional, form::kStatus,
     "The status of a case held back for comparison; default: no program may have a hold-out",
     "对照组工单的状态；默认各项目不得设对照组"},
    {"max_returns", kOptional, form::Integer(0, 100),
     "How often a case may be returned before it must be escalated; default 3",
     "升级前最多退单几次；默认 3"},
    {"max_extensions", kOptional, form::Integer(0, 100),
     "How many extensions of one clock may be granted; default 2", "同一时限最多延期几次；默认 2"},
    {"appeal_window", kOptional, form::Duration(1),
     "How long a unit may appeal after it was found liable; default 7 days",
     "责任认定后责任单位可申诉的期限；默认 7 days"},
    {"statuses", kRequired, form::Maps(kStatusKeys), "What staff see", "状态"},
    {"transitions", kRequired, form::Maps(kTransitionKeys), "Which command each status accepts",
     "各状态接受的操作"},
};

// ---- org_units.yaml, roles.yaml, labels.yaml ----------------------------------------------------

inline constexpr Key kUnitKeys[] = {
    {"id", kRequired, form::kPath, "Path, its parts joined by /, without blanks",
     "路径，各级以 / 连接，不含空格"},
    kName,
    {"manager", kOptional, form::Text(limits::kKeyCharacters),
     "The name its manager signs in with; default: the unit above decides",
     "负责人的登录名；默认由上级单元决定"},
    {"from", kOptional, form::kDate, "The first day (UTC) it exists; default: always",
     "设立的第一天（UTC）；默认一直存在"},
    {"until", kOptional, form::kDate, "The first day (UTC) it no longer does; default: for ever",
     "撤销的第一天（UTC）；默认永久"},
};

inline constexpr std::string_view kBases[] = {"admin", "manager",     "supervisor",
                                              "agent", "integration", "viewer"};
// Those that have to be there, each with itself as base.
inline constexpr std::string_view kFixedRoles[] = {"admin", "manager", "agent", "integration",
                                                   "viewer"};
inline constexpr Key kRoleKeys[] = {
    kId,
    kName,
    {"base", kRequired, form::Word(kBases), "The role may call what its base may",
     "该角色可调用其基准角色能调用的接口"},
    {"sees_contact", kOptional, form::kTruth,
     "Names, numbers and addresses of customers in clear; default: true for base integration, else "
     "false",
     "明文显示客户姓名、号码和地址；基准为 integration 时默认 true，否则默认 false"},
};

inline constexpr Key kLabelKeys[] = {kId, kName};
inline constexpr Key kLabelListKeys[] = {
    {"pause_reasons", kOptional, form::Maps(kLabelKeys), "Why a case waits", "挂起原因"},
    {"return_reasons", kOptional, form::Maps(kLabelKeys), "Why a case goes back", "退单原因"},
    {"extension_reasons", kOptional, form::Maps(kLabelKeys), "Why a clock is moved", "延期原因"},
    {"root_causes", kOptional, form::Maps(kLabelKeys), "What staff confirmed at closing", "根因"},
    {"topics", kOptional, form::Maps(kLabelKeys), "What the customer said", "原因标签"},
};

// ---- remedies.yaml ------------------------------------------------------------------------------

inline constexpr std::string_view kRemedyKinds[] = {
    "explanation", "redo",        "bill_correction", "refund",
    "voucher",     "replacement", "upgrade",         "personal_apology",
    "priority",    "points",      "free_of_charge"};
inline constexpr std::string_view kLimitPer[] = {"remedy", "case", "customer"};
inline constexpr std::string_view kLimitBeyond[] = {"refused", "second_person"};
inline constexpr Key kRemedyTypeKeys[] = {
    kId,
    kName,
    {"kind", kRequired, form::Word(kRemedyKinds), "What it is", "类别"},
    {"statutory", kOptional, form::kTruth, "Owed by law: outside every limit; default false",
     "法定补救，不受任何限额约束；默认 false"},
    {"needs_amount", kOptional, form::kTruth, "An amount has to be given; default false",
     "必须填写金额；默认 false"},
};
inline constexpr Key kRemedyLimitKeys[] = {
    kId,
    kName,
    {"per", kRequired, form::Word(kLimitPer), "Over what it adds up", "按什么累计"},
    {"beyond", kRequired, form::Word(kLimitBeyond),
     "What follows beyond it: nobody may, or a second person has to approve",
     "超出时：任何人不得给予，或须第二人批准"},
    {"currency", kOptional, form::kCurrency, "ISO 4217, of the amount; required with it",
     "金额的 ISO 4217 币种；有金额时必填"},
    {"amount", kOptional, form::Text(32), "The most in all, such as \"200.00\", in quotes",
     "累计至多多少，如 \"200.00\"，加引号"},
    {"count", kOptional, form::Integer(1, 1'000'000), "The most remedies", "至多几项"},
    {"window", kOptional, form::Duration(1), "per: customer only: back from now; default: for ever",
     "仅 per: customer：向前追溯多久；默认不限"},
    {"types", kOptional, form::OrList(form::kId), "Of the catalogue; default: every one",
     "补救目录中的标识；默认全部"},
    {"roles", kOptional, form::OrList(form::kId), "Whom it binds; default: everybody",
     "约束哪些角色；默认所有人"},
};
inline constexpr Key kRemediesKeys[] = {
    {"catalogue", kRequired, form::Maps(kRemedyTypeKeys, 1), "What may be given", "可给予的补救"},
    {"limits", kOptional, form::Maps(kRemedyLimitKeys), "How much of it", "限额"},
};

// ---- templates.yaml, contact.yaml ---------------------------------------------------------------

inline constexpr size_t kMostTemplateText = 4'000;
inline constexpr Key kSubjectKeys[] = {
    {"en", kRequired, form::Template(limits::kShortCodePoints), "In English", "英文"},
    {"zh", kRequired, form::Template(limits::kShortCodePoints), "In Chinese", "中文"},
};
inline constexpr Key kTextKeys[] = {
    {"en", kRequired, form::Template(kMostTemplateText), "In English", "英文"},
    {"zh", kRequired, form::Template(kMostTemplateText), "In Chinese", "中文"},
};
inline constexpr Key kTemplateKeys[] = {
    kId,
    {"channels", kOptional, form::OrList(form::Word(kChannels), 1),
     "By which it may go; default: by any", "可用的渠道；默认不限"},
    {"subject", kOptional, form::Map(kSubjectKeys), "Of an e-mail; default: none",
     "邮件主题；默认没有"},
    {"text", kRequired, form::Map(kTextKeys), "{customer_name} and other variables in braces",
     "正文，变量写在花括号中，如 {customer_name}"},
};
inline constexpr Key kSpanKeys[] = {
    {"from", kRequired, form::kTime, "Local time, HH:MM", "当地时间，HH:MM"},
    {"until", kRequired, form::kTime, "Local time, HH:MM; past midnight where it is earlier",
     "当地时间，HH:MM；早于 from 则到次日"},
};
inline constexpr Key kBandKeys[] = {kId, kSpanKeys[0], kSpanKeys[1]};
inline constexpr Key kUnreachableKeys[] = {
    {"attempts", kRequired, form::Integer(1, 100), "Tries in vain", "联系未果的次数"},
    {"time_bands", kOptional, form::Integer(0, 24), "In so many bands of the day; default 0",
     "分布在几个时段；默认 0"},
    {"days", kOptional, form::Integer(1, 100), "On so many days; default 1", "分布在几天；默认 1"},
    {"messages", kOptional, form::Integer(0, 100), "And so many messages; default 0",
     "另发几条消息；默认 0"},
};
inline constexpr Key kContactKeys[] = {
    {"zone", kRequired, form::Text(), "IANA name, of customers whose zone is not known",
     "不知客户时区时所用的 IANA 时区"},
    {"quiet_hours", kOptional, form::Map(kSpanKeys),
     "No message goes out, and no try counts; default: none",
     "不发消息、联系不计次的时段；默认没有"},
    {"time_bands", kOptional, form::Maps(kBandKeys), "Parts of the day; default: none",
     "一天中的时段；默认没有"},
    {"unreachable", kOptional, form::Map(kUnreachableKeys),
     "What has to be tried before a case is resolved as unreachable; default: nothing",
     "以联系不上办结前须做到的事；默认不要求"},
};

// ---- queues.yaml, staff.yaml --------------------------------------------------------------------

// In the order of Routing.
inline constexpr std::string_view kRoutings[] = {"pull", "round_robin", "least_loaded"};
inline constexpr Key kQueueKeys[] = {
    kId,
    kName,
    {"skills", kOptional, form::OrList(form::kId), "Whoever works it needs all of them",
     "处理人须具备的全部技能"},
    {"routing", kOptional, form::Word(kRoutings),
     "pull: whoever claims next gets it; or the system gives it to somebody; default pull",
     "pull：由处理人领单；其余由系统派给某人；默认 pull"},
    {"sticky", kOptional, form::kTruth,
     "true: who had the customer's case before gets this one, if fit; default false",
     "true：合适时派给先前处理该客户工单的人；默认 false"},
    {"lease", kOptional, form::Duration(1),
     "How long one who got it may leave it untouched; default: for ever",
     "得单后可多久不处理；默认不限"},
    {"return_after", kOptional, form::Duration(1),
     "How long a case may wait without an owner; default: for ever", "工单可多久无人；默认不限"},
    {"fallback", kOptional, form::Text(limits::kKeyCharacters),
     "Who gets it then, whatever their capacity and shift; required with return_after",
     "逾时归谁，不论容量与班次；写 return_after 时必填"},
};
inline constexpr Key kAbsenceKeys[] = {
    {"from", kRequired, form::kMoment, "The first day or instant away", "离岗的第一天或时刻"},
    {"until", kRequired, form::kMoment, "The first day or instant back", "返岗的第一天或时刻"},
    {"deputy", kOptional, form::Text(limits::kKeyCharacters),
     "The name of who takes over what cannot wait; default: the queue",
     "不能等的事由谁接手（登录名）；默认回到工单池"},
};
inline constexpr Key kStaffKeys[] = {
    {"id", kRequired, form::Text(limits::kKeyCharacters), "The name they sign in with", "登录名"},
    {"queues", kRequired, form::OrList(form::kId, 1), "The queues they work", "处理哪些工单池"},
    {"skills", kOptional, form::OrList(form::kId), "What they can do", "具备的技能"},
    {"capacity", kOptional, form::Integer(1, 100'000), "Open cases at most; default: no limit",
     "在办工单上限；默认不限"},
    {"shifts", kOptional, form::kId, "The calendar whose working time is theirs; default: always",
     "按哪个日历上班；默认一直在岗"},
    {"absences", kOptional, form::Maps(kAbsenceKeys), "When they are away", "何时离岗"},
};

// ---- blacklist.yaml -----------------------------------------------------------------------------

inline constexpr Key kEffectsKeys[] = {
    {"channels", kOptional, form::OrList(form::Word(kChannels), 1),
     "channel_limit: those that are blocked", "channel_limit：限制的渠道"},
    {"remedies", kOptional, form::OrList(form::kId, 1),
     "no_goodwill, repeat_compensation: ids in remedies.yaml; default: all that the law does not "
     "ask "
     "for",
     "no_goodwill、repeat_compensation：remedies.yaml 中的标识；默认所有非法定补救"},
    {"programs", kOptional, form::OrList(form::kId, 1),
     "do_not_contact: whose surveys are not sent; default: all",
     "do_not_contact：不发送哪些项目的问卷；默认全部"},
    {"queue", kOptional, form::kId,
     "staff_safety (required), no_goodwill, repeat_compensation: where the customer's cases go",
     "staff_safety（必填）、no_goodwill、repeat_compensation：该客户工单进入的工单池"},
};
inline constexpr Key kExtentKeys[] = {
    {"org_unit", kOptional, form::kPath, "In the unit and below it", "该组织单元及其下级"},
    {"program", kOptional, form::kId, "In the program", "该调研项目"},
};
inline constexpr Form kEffects = form::Map(kEffectsKeys);
inline constexpr Key kBlacklistKindKeys[] = {
    {"kind", kRequired, form::Name(BlacklistKindWords), "What is restricted", "限制的内容"},
    {"max_duration", kRequired, form::Duration(1), "The longest it may last from the decision on",
     "自决定起最长多久"},
    {"review_interval", kOptional, form::Duration(1),
     "How often somebody looks whether it is still needed; default: never",
     "多久复核一次是否仍有必要；默认不复核"},
    {"effects", kOptional, kEffects, "Of a proposal that names none", "提议未写明时的限制内容"},
    {"legal_basis", kRequired, form::kStatus, "On which it is kept, a word of 1 to 64 of a-z 0-9 _",
     "保存的法律依据，1 至 64 位 a-z 0-9 _"},
    {"warn_first", kOptional, form::kTruth,
     "The customer is warned before; never for staff_safety; default false",
     "先行告诫客户；staff_safety 不可；默认 false"},
    {"warning_wait", kOptional, form::Duration(1),
     "How long the customer then has to change; with warn_first; default 7 days",
     "告诫后留给客户改正的时间；与 warn_first 同用；默认 7 days"},
    {"propose_roles", kOptional, form::OrList(form::kId),
     "Who may propose; default: every role that may call it", "可提议的角色；默认所有能调用的角色"},
    {"decide_roles", kOptional, form::OrList(form::kId),
     "Who may decide; default: every role that may call it", "可决定的角色；默认所有能调用的角色"},
};
inline constexpr Key kChecklistKeys[] = {
    {"en", kRequired, form::Text(), "In English", "英文"},
    {"zh", kRequired, form::Text(), "In Chinese", "中文"},
};
inline constexpr Key kBlacklistReasonKeys[] = {
    {"id", kRequired, form::kStatus, "Stable key, 1 to 64 of a-z 0-9 _",
     "稳定的标识，1 至 64 位 a-z 0-9 _"},
    kName,
    {"kinds", kOptional, form::OrList(form::Name(BlacklistKindWords)),
     "Of which it may be the reason; default: of any", "可用于哪些类型；默认不限"},
    {"checklist", kOptional, form::Maps(kChecklistKeys),
     "What the evidence has to show before anybody decides; default: nothing",
     "决定前证据须说明的各点；默认没有"},
};
inline constexpr Key kCountKeys[] = {
    {"measure", kRequired, form::Name(BlacklistMeasureWords), "What is counted", "统计什么"},
    {"within", kRequired, form::Duration(1), "Back from now", "向前追溯多久"},
    {"at_least", kOptional, form::Integer(1, 1'000'000),
     "How many; required for all but remedy_sum", "至少几次；除 remedy_sum 外必填"},
    {"currency", kOptional, form::kCurrency, "remedy_sum: ISO 4217; required",
     "remedy_sum：ISO 4217 币种；必填"},
    {"amount", kOptional, form::Text(32), "remedy_sum: how much, such as \"1000.00\"; required",
     "remedy_sum：至少多少，如 \"1000.00\"；必填"},
};
inline constexpr Key kAlternativeKeys[] = {
    {"when", kOptional, form::kCondition,
     "Which cases count, as they opened; default: every case of the customer",
     "统计哪些工单（按建单时）；默认该客户的所有工单"},
    {"counts", kOptional, form::Maps(kCountKeys),
     "What has to be reached on them, all of it; default: one such case is enough",
     "这些工单须全部达到的数量；默认有一单即可"},
};
inline constexpr Key kProposalKeys[] = {
    {"duration", kRequired, form::Duration(1), "How long it shall last", "拟限制多久"},
    {"reason", kRequired, form::kStatus, "Id of a reason that goes with the kind",
     "适用于该类型的原因标识"},
    {"effects", kOptional, kEffects, "What is restricted; default: as for the kind",
     "限制的内容；默认随类型"},
    {"extent", kOptional, form::Map(kExtentKeys), "Where it holds; default: everywhere",
     "适用范围；默认全公司"},
    {"legal_basis", kOptional, form::kStatus, "Default: that of the kind", "默认随类型"},
};
inline constexpr Key kBlacklistRuleKeys[] = {
    kId,
    kName,
    {"kind", kRequired, form::Name(BlacklistKindWords), "What it proposes", "提议的类型"},
    {"alternatives", kRequired, form::Maps(kAlternativeKeys, 1), "Any of them is enough",
     "满足其一即可"},
    {"proposal", kRequired, form::Map(kProposalKeys), "What it asks for; a person decides",
     "提议的内容；由人决定"},
    {"cool_down", kOptional, form::Duration(0),
     "How long after the end of an entry it does not propose again; default 90 days",
     "其条目结束后多久不再提议；默认 90 days"},
};
inline constexpr Key kNoticeKeys[] = {kTemplateKeys[2], kTemplateKeys[3]};
inline constexpr Form kNotice = form::Map(kNoticeKeys);
inline constexpr Key kNoticesKeys[] = {
    {"warning", kRequired, kNotice, "What they are warned of; also {change_by}",
     "告诫；另可用 {change_by}"},
    {"decision", kRequired, kNotice, "That it holds; also {start}, {end}, {appeal_until}",
     "限制生效；另可用 {start}、{end}、{appeal_until}"},
    {"extended", kRequired, kNotice,
     "That it holds for longer; also {start}, {end}, {appeal_until}",
     "限制延长；另可用 {start}、{end}、{appeal_until}"},
    {"appeal_decided", kRequired, kNotice, "What became of their appeal; also {outcome}, {end}",
     "申诉结果；另可用 {outcome}、{end}"},
    {"lifted", kRequired, kNotice, "That it is lifted, or does not come", "限制解除或不再采取"},
    {"lapsed", kRequired, kNotice, "That its time is over; also {end}", "限制到期；另可用 {end}"},
};
inline constexpr Key kBlacklistKeys[] = {
    {"appeal_window", kOptional, form::Duration(1),
     "How long the customer may appeal, from the notice on; default 30 days",
     "自告知起客户可申诉的期限；默认 30 days"},
    {"appeal_decision", kOptional, form::Duration(1),
     "How long deciding on an appeal may take; default 14 days",
     "申诉须在多久内决定；默认 14 days"},
    {"kinds", kRequired, form::Maps(kBlacklistKindKeys), "What may be restricted, and how long",
     "可限制什么、多久"},
    {"reasons", kOptional, form::Maps(kBlacklistReasonKeys), "Why; default: any word is taken",
     "原因；默认可写任何词"},
    {"rules", kOptional, form::Maps(kBlacklistRuleKeys),
     "What the system proposes by itself; default: nothing", "系统自行提议的规则；默认没有"},
    {"notices", kOptional, form::Map(kNoticesKeys),
     "What customers are told; default: whoever delivers it words it",
     "告知客户的文本；默认由发送方拟定"},
};

// ---- tests: beside the rules --------------------------------------------------------------------

inline constexpr Key kExpectKeys[] = {
    {"playbook", kOptional, form::kId, "Its id, or none", "补救方案的标识，或 none（没有）"},
    {"priority", kOptional, form::kId, "Its id", "优先级的标识"},
    {"clocks", kOptional, form::OrList(form::kId), "Their ids, in any order",
     "各时限的标识，次序不限"},
    {"alerts", kOptional, form::OrList(form::kId), "Their ids, in any order",
     "各告警的标识，次序不限"},
};
inline constexpr Key kTestKeys[] = {
    {"name", kRequired, form::Text(), "What it shows", "说明什么"},
    {"given", kRequired, form::kFields, "Fields of the case as it opens", "建单时工单的各字段"},
    {"expect", kRequired, form::Map(kExpectKeys), "What it has to get", "应当得到什么"},
};

inline constexpr std::string_view kPastResults[] = {"resolved",    "partly",    "not_resolved",
                                                    "unreachable", "withdrawn", "unfounded",
                                                    "dishonest",   "invalid"};
inline constexpr Key kPastCaseKeys[] = {
    {"ago", kRequired, form::Duration(1), "How long ago it opened, and all of this happened",
     "多久之前建单并发生以下各事"},
    {"given", kOptional, form::kFields, "Fields of the case as it opened", "建单时工单的各字段"},
    {"remedy", kOptional, form::kId, "Id in remedies.yaml: the customer accepted it",
     "remedies.yaml 中的标识：客户接受了它"},
    {"currency", kOptional, form::kCurrency, "Of the amount", "金额的币种"},
    {"amount", kOptional, form::Text(32), "Of the remedy, such as \"50.00\"",
     "补救的金额，如 \"50.00\""},
    {"result", kOptional, form::Word(kPastResults), "What it was closed with", "归档时的处理结果"},
    {"refused", kOptional, form::Integer(1, 1'000), "Tries that the customer refused",
     "客户拒绝的联系次数"},
    {"answered_low", kOptional, form::kTruth,
     "true: the day after the customer answered as a detractor; default false",
     "true：次日客户给出贬损评分；默认 false"},
};
inline constexpr Key kBlacklistExpectKeys[] = {
    {"proposals", kRequired, form::OrList(form::kId), "Ids of the rules that propose, in any order",
     "提议的各规则的标识，次序不限"},
};
inline constexpr Key kBlacklistTestKeys[] = {
    {"name", kRequired, form::Text(), "What it shows", "说明什么"},
    {"history", kRequired, form::Maps(kPastCaseKeys), "The cases of one customer",
     "同一客户以往的工单"},
    {"expect", kRequired, form::Map(kBlacklistExpectKeys), "What has to be proposed",
     "应当提议什么"},
};

}  // namespace keys

// A file of the folder, SECTION.yaml, with one root key of its name beside `version`.
struct Section {
  std::string_view name;
  bool compulsory;
  std::span<const Key> tests;  // the keys of a test beside the rules; empty: it has none
  Form form;
  std::string_view en;
  std::string_view zh;
};
// In the order of the canonical text; mistakes are told in it too.
inline constexpr Section kSections[] = {
    {"programs",
     true,
     {},
     form::Maps(keys::kProgramKeys, 1),
     "Programs: what is asked of whom, and how answers become cases",
     "调研项目：向谁问什么，答卷如何成为工单"},
    {"playbooks", true, keys::kTestKeys, form::Maps(keys::kPlaybookKeys),
     "Playbooks: the plan for a case; the first whose condition holds applies",
     "补救方案：第一个条件成立的生效"},
    {"lifecycle",
     false,
     {},
     form::Map(keys::kLifecycleKeys),
     "Lifecycle: the statuses that staff see, and which command each accepts",
     "生命周期：员工看到的状态，以及各状态接受的操作"},
    {"calendars",
     false,
     {},
     form::Maps(keys::kCalendarKeys),
     "Calendars: when people work",
     "日历：什么时候上班"},
    {"clocks", false, keys::kTestKeys, form::Maps(keys::kClockKeys),
     "Clocks: what has to happen by when, and what follows when it does not",
     "时限：什么须在何时之前做到，做不到又如何"},
    {"priorities", false, keys::kTestKeys, form::Maps(keys::kPriorityKeys, 1),
     "Priorities: the order in which queues are worked, the most urgent first",
     "优先级：工单池的处理次序，最急的在前"},
    {"alerts", false, keys::kTestKeys, form::Maps(keys::kAlertKeys),
     "Alerts: what somebody has to know at once, and the red lines",
     "告警：须立即有人知道的事，以及红线"},
    {"org_units",
     false,
     {},
     form::Maps(keys::kUnitKeys),
     "Org units: who is responsible, as a tree of paths",
     "组织单元：谁负责，按路径成树"},
    {"roles",
     false,
     {},
     form::Maps(keys::kRoleKeys),
     "Roles: what users and API keys may do",
     "角色：用户与 API 密钥可以做什么"},
    {"labels",
     false,
     {},
     form::Map(keys::kLabelListKeys),
     "Labels: the words that staff choose from",
     "标签：员工可选的词"},
    {"remedies",
     false,
     {},
     form::Map(keys::kRemediesKeys),
     "Remedies: what may be given to customers, and how much of it by whom",
     "补救措施：可给客户什么，谁可给多少"},
    {"templates",
     false,
     {},
     form::Maps(keys::kTemplateKeys),
     "Templates: the texts of messages to customers",
     "模板：发给客户的消息文本"},
    {"contact",
     false,
     {},
     form::Map(keys::kContactKeys),
     "Contact: quiet hours, and when a customer counts as unreachable",
     "联系规则：免打扰时段，以及何时算联系不上"},
    {"queues",
     false,
     {},
     form::Maps(keys::kQueueKeys),
     "Queues: where cases wait, and how they find their owners",
     "工单池：工单在哪里等待，如何找到处理人"},
    {"staff",
     false,
     {},
     form::Maps(keys::kStaffKeys),
     "Staff: who works which queues, when, and how much",
     "员工：谁在何时处理哪些工单池，多少单"},
    {"blacklist", false, keys::kBlacklistTestKeys, form::Map(keys::kBlacklistKeys),
     "Blacklist: what customers may be restricted in, for how long, after what, and how they are "
     "told",
     "黑名单：可限制客户什么、多久、因何提议、如何告知"},
};

}  // namespace rebound
