#include "workflows/lifecycle.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/config/messages.h"
#include "server/config/sections.h"
#include "server/config/text.h"
#include "workflows/field_catalogue.h"

namespace rebound {
namespace {

constexpr std::string_view kStays = "stays";
constexpr std::string_view kWithOtherwise[] = {"log_attempt", "remedy",         "verify",
                                               "chase",       "resume",         "decide_verdict",
                                               "ask_again",   "answer_resurvey"};
constexpr std::string_view kWithExhausted[] = {"answer_resurvey"};

std::string_view Word(Phase phase) { return keys::kPhases[static_cast<size_t>(phase) - 1]; }

// Reads the section, keeping where each thing stands for the faults that only show in the whole.
class LifecycleReader {
 public:
  LifecycleReader(ConfigReader& reader, const std::vector<RoleDef>* roles, Lifecycle* lifecycle)
      : reader_(reader), roles_(roles), l_(*lifecycle) {}

  void Read(const YamlNode& node) {
    if (!reader_.CheckMap(node, messages::kALifecycle, keys::kLifecycleKeys)) return;
    const size_t errors_before = reader_.error_count();
    reader_.ReadInt(node, "max_returns", Need::kOptional, 0, 100, &l_.max_returns);
    reader_.ReadInt(node, "max_extensions", Need::kOptional, 0, 100, &l_.max_extensions);
    reader_.ReadDuration(node, "appeal_window", std::chrono::minutes{1}, &l_.appeal_window);
    statuses_ = reader_.GetList(node, "statuses", Need::kRequired, kMaxStatuses);
    if (statuses_ == nullptr) return;  // everything else names them
    ReadStatuses();
    initial_ =
        reader_.GetScalar(node, "initial", Need::kRequired, Fill(messages::kStatusCharacters));
    if (initial_ && MatchStatus("initial", *initial_.value)) l_.initial = initial_.value->text;
    held_out_ =
        reader_.GetScalar(node, "held_out", Need::kOptional, Fill(messages::kStatusCharacters));
    if (held_out_ && MatchStatus("held_out", *held_out_.value)) {
      l_.held_out = held_out_.value->text;
    }
    const YamlNode* transitions =
        reader_.GetList(node, "transitions", Need::kRequired, kMaxTransitions);
    if (transitions != nullptr) {
      for (const YamlNode& item : transitions->children) {
        if (!is_full_) ReadTransition(item);
      }
    }
    if (reader_.error_count() == errors_before && roles_ != nullptr) {
      for (const LifecycleFault& fault : CheckLifecycle(l_, *roles_)) Note(fault);
    }
  }

 private:
  void ReadStatuses() {
    std::map<std::string, int> lines;
    const std::vector<std::string_view> kinds = ClockKindWords();
    for (const YamlNode& item : statuses_->children) {
      if (!reader_.CheckMap(item, messages::kAStatus, keys::kStatusKeys)) continue;
      StatusDef status;
      reader_.ReadStatusKey(item, "key", Need::kRequired, &status.key);
      reader_.ReadName(item, &status.label_en, &status.label_zh);
      if (const auto phase = reader_.ReadWord(item, "phase", Need::kRequired, keys::kPhases)) {
        status.phase = static_cast<Phase>(*phase + 1);
      }
      reader_.ReadBool(item, "handling_done", &status.handling_done);
      for (const size_t kind : reader_.ReadWords(item, "stops", kinds)) {
        status.stops.push_back(static_cast<ClockKind>(kind + 1));
      }
      reader_.CheckUnique(item, "key", status.key, &lines);
      status_nodes_.push_back(&item);
      l_.statuses.push_back(std::move(status));
    }
  }

  bool MatchStatus(std::string_view key, const YamlNode& node) {
    if (l_.Find(node.text) != nullptr) return true;
    std::vector<std::string_view> keys;
    for (const StatusDef& status : l_.statuses) {
      const bool listed = std::find(keys.begin(), keys.end(), status.key) != keys.end();
      if (!status.key.empty() && !listed) keys.push_back(status.key);
    }
    const std::string_view nearest = Nearest(node.text, keys);
    reader_.Fault(
        At(node), messages::kUnknownStatus, {key, Describe(node)},
        nearest.empty() ? Fill(messages::kThereAre, {JoinWords(keys)}) : DidYouMean(nearest));
    return false;
  }

  // The status under `key`, or "stays"; nullopt when there is none.
  std::optional<std::string> ReadTarget(const YamlNode& item, std::string_view key, Need need) {
    const Entry entry = reader_.GetScalar(item, key, need, Fill(messages::kStatusCharacters));
    if (!entry || (entry.value->text != kStays && !MatchStatus(key, *entry.value))) {
      return std::nullopt;
    }
    return entry.value->text;
  }

  void CheckOutcome(const YamlNode& item, std::string_view key, std::string_view command,
                    Words commands) {
    const Entry entry = Find(item, key);
    if (!entry || std::find(commands.begin(), commands.end(), command) != commands.end()) return;
    reader_.Fault(At(*entry.key), messages::kNoSuchOutcome, {key, JoinWords(commands), command},
                  Fill(messages::kLeaveOut));
  }

  void ReadTransition(const YamlNode& item) {
    if (!reader_.CheckMap(item, messages::kATransition, keys::kTransitionKeys)) return;
    Transition t;
    const std::vector<std::string_view> names = CommandWords();
    const auto command = reader_.ReadWord(item, "command", Need::kRequired, names);
    if (command) {
      t.command = static_cast<CaseCommand>(*command);
      CheckOutcome(item, "otherwise", names[*command], kWithOtherwise);
      CheckOutcome(item, "exhausted", names[*command], kWithExhausted);
    }
    const auto to = ReadTarget(item, "to", Need::kRequired);
    const auto otherwise = ReadTarget(item, "otherwise", Need::kOptional);
    const auto exhausted = ReadTarget(item, "exhausted", Need::kOptional);
    ReadRoles(item, &t.roles);
    for (const size_t field : reader_.ReadWords(item, "requires", RequiredFieldWords())) {
      t.requires_fields.push_back(static_cast<RequiredField>(field + 1));
    }
    std::vector<std::string_view> seen;
    for (const YamlNode* from : reader_.GetScalars(item, "from", Need::kRequired)) {
      if (!MatchStatus("from", *from)) continue;
      if (std::find(seen.begin(), seen.end(), from->text) != seen.end()) {
        reader_.Fault(At(*from), messages::kWordTwice, {Quoted(from->text)},
                      Fill(messages::kKeepOneOfThem));
        continue;
      }
      if (l_.transitions.size() == kMaxTransitions) {
        reader_.Fault(At(*from), messages::kTooManyTransitions, {std::to_string(kMaxTransitions)},
                      Fill(messages::kFewerEntries));
        is_full_ = true;
        return;
      }
      seen.push_back(from->text);
      t.from = from->text;
      const auto target = [&](const std::optional<std::string>& status) {
        return status == kStays ? t.from : status.value_or("");
      };
      t.to = target(to);
      t.otherwise = target(otherwise);
      t.exhausted = target(exhausted);
      if (command && to && t.command == CaseCommand::kMove && t.to == t.from) {
        reader_.Fault(At(*Find(item, "to").value), messages::kMoveStays, {},
                      Fill(messages::kLeaveOut));
      }
      l_.transitions.push_back(t);
      transition_nodes_.push_back(&item);
    }
  }

  void ReadRoles(const YamlNode& item, std::vector<std::string>* out) {
    std::vector<std::string_view> ids;
    if (roles_ != nullptr) {
      for (const RoleDef& role : *roles_) ids.push_back(role.id);
      for (const size_t index : reader_.ReadWords(item, "roles", ids)) {
        out->emplace_back(ids[index]);
      }
    }
  }

  Place PlaceOfStatus(const LifecycleFault& fault) const {
    for (size_t i = 0; i < l_.statuses.size(); ++i) {
      if (l_.statuses[i].key == fault.status) return At(*Find(*status_nodes_[i], "key").value);
    }
    return At(*initial_.value);
  }
  // The kind of clock under `stops` of the status.
  Place PlaceOfStop(const LifecycleFault& fault) const {
    for (size_t i = 0; i < l_.statuses.size(); ++i) {
      const Entry stops = Find(*status_nodes_[i], "stops");
      if (l_.statuses[i].key != fault.status || !stops) continue;
      for (const YamlNode& item : stops.value->children) {
        if (item.text == fault.detail) return At(item);
      }
      return rebound::At(stops);
    }
    return PlaceOfStatus(fault);
  }
  // Of the transition's `key`, of the status when the fault has no transition.
  Place PlaceOf(const LifecycleFault& fault, std::string_view key) const {
    if (!fault.transition) return PlaceOfStatus(fault);
    const YamlNode& node = *transition_nodes_[*fault.transition];
    const Entry entry = Find(node, key);
    return entry ? rebound::At(entry) : At(node);
  }

  // The status that `key` names; where it is left out, the one that the case stays in.
  static const std::string& TargetOf(const Transition& t, std::string_view key) {
    const std::string& named = key == "to" ? t.to : key == "otherwise" ? t.otherwise : t.exhausted;
    return named.empty() ? t.from : named;
  }

  void Note(const LifecycleFault& fault) {
    const Transition* t = fault.transition ? &l_.transitions[*fault.transition] : nullptr;
    const std::string_view command = t != nullptr ? Name(t->command) : fault.detail;
    const std::string& status = fault.status;
    switch (fault.kind) {
      case LifecycleFault::Kind::kUnreachable:
        reader_.Fault(PlaceOfStatus(fault), messages::kUnreachable, {status},
                      Fill(messages::kAddTransitionTo, {status}));
        return;
      case LifecycleFault::Kind::kDeadEnd:
        reader_.Fault(PlaceOfStatus(fault), messages::kDeadEnd, {status},
                      Fill(messages::kAddTransitionFrom, {status}));
        return;
      case LifecycleFault::Kind::kNobodyMay: {
        std::vector<std::string_view> roles;
        if (t != nullptr) roles.assign(t->roles.begin(), t->roles.end());
        reader_.Fault(PlaceOf(fault, "roles"), messages::kNobodyMay,
                      {command, roles.empty() ? Bilingual(fault.detail) : JoinWords(roles)},
                      Fill(messages::kNameRole));
        return;
      }
      case LifecycleFault::Kind::kNoWayToClose:
        reader_.Fault(PlaceOfStatus(fault), messages::kNoWayToClose, {status},
                      Fill(messages::kAddClose));
        return;
      case LifecycleFault::Kind::kPhaseMissing:
        reader_.Fault(At(*statuses_), messages::kPhaseMissing, {fault.detail},
                      Fill(messages::kAddPhase, {fault.detail}));
        return;
      case LifecycleFault::Kind::kStopsWithoutPause:
        reader_.Fault(PlaceOf(fault, "to"), messages::kStopsWithoutPause, {fault.detail, command},
                      Fill(messages::kUsePause));
        return;
      case LifecycleFault::Kind::kCannotStop:
        reader_.Fault(PlaceOfStop(fault), messages::kCannotStop, {status, fault.detail},
                      Fill(messages::kLeaveKindOut));
        return;
      case LifecycleFault::Kind::kPauseNeverEnds:
        reader_.Fault(PlaceOf(fault, "to"), messages::kPauseNeverEnds, {status, command},
                      Fill(messages::kAddWayOut, {command, status}));
        return;
      case LifecycleFault::Kind::kTwice:
        reader_.Fault(PlaceOf(fault, "command"), messages::kTransitionTwice, {command, status},
                      Fill(messages::kKeepOneTransition));
        return;
      case LifecycleFault::Kind::kMoveIntoClosed:
        reader_.Fault(PlaceOf(fault, "to"), messages::kMoveIntoClosed, {command},
                      Fill(messages::kUseClose));
        return;
      case LifecycleFault::Kind::kMustClose:
      case LifecycleFault::Kind::kMustNotClose:
        reader_.Fault(PlaceOf(fault, fault.detail),
                      fault.kind == LifecycleFault::Kind::kMustClose ? messages::kMustClose
                                                                     : messages::kMustNotClose,
                      {fault.detail, command, TargetOf(*t, fault.detail)},
                      Fill(messages::kChooseStatus));
        return;
      case LifecycleFault::Kind::kInCircles:
        reader_.Fault(PlaceOf(fault, fault.detail), messages::kInCircles,
                      {fault.detail, command, TargetOf(*t, fault.detail)},
                      Fill(messages::kChooseStatus));
        return;
      case LifecycleFault::Kind::kCannotRequire:
        reader_.Fault(PlaceOf(fault, "requires"), messages::kCannotRequire, {command},
                      Fill(messages::kLeaveRequiresOut));
        return;
      case LifecycleFault::Kind::kInitialNotOpen:
        reader_.Fault(At(*initial_.value), messages::kInitialNotOpen, {l_.initial},
                      Fill(messages::kOpenInitial));
        return;
      case LifecycleFault::Kind::kHeldOutPhase:
        reader_.Fault(At(*held_out_.value), messages::kHeldOutPhase, {l_.held_out},
                      Fill(messages::kChooseHeldOut));
        return;
      case LifecycleFault::Kind::kHeldOutLacks:
        reader_.Fault(At(*held_out_.value), messages::kHeldOutLacks, {l_.held_out, fault.detail},
                      Fill(messages::kAddHeldOutWay, {l_.held_out, fault.detail}));
        return;
    }
  }

  ConfigReader& reader_;
  const std::vector<RoleDef>* roles_;
  Lifecycle& l_;
  const YamlNode* statuses_ = nullptr;
  Entry initial_{};
  Entry held_out_{};
  bool is_full_ = false;
  std::vector<const YamlNode*> status_nodes_{};
  std::vector<const YamlNode*> transition_nodes_{};  // as Lifecycle::transitions
};

std::string Target(std::string_view key, std::string_view status) {
  return status.empty() ? "" : fmt::format(", {}: {}", key, YamlQuoted(status));
}

}  // namespace

void ReadLifecycle(ConfigReader& reader, const std::vector<RoleDef>* roles, Lifecycle* lifecycle) {
  const Entry section = reader.Get(reader.root(), "lifecycle", Need::kRequired);
  if (section) LifecycleReader(reader, roles, lifecycle).Read(*section.value);
}

void WriteLifecycle(const Lifecycle& lifecycle, std::vector<CanonicalItem>* items) {
  if (lifecycle.statuses.empty()) return;
  items->push_back({"lifecycle", "", "lifecycle:\n"});
  items->push_back(
      {"lifecycle", "settings",
       fmt::format("  initial: {}\n  max_returns: {}\n  max_extensions: {}\n  appeal_window: {}\n",
                   YamlQuoted(lifecycle.initial), lifecycle.max_returns, lifecycle.max_extensions,
                   DurationText(lifecycle.appeal_window)) +
           (lifecycle.held_out.empty()
                ? ""
                : fmt::format("  held_out: {}\n", YamlQuoted(lifecycle.held_out)))});
  items->push_back({"statuses", "", "  statuses:\n"});
  for (const StatusDef& status : lifecycle.statuses) {
    std::string text = fmt::format(
        "    - {{key: {}, {}, phase: {}, handling_done: {}", YamlQuoted(status.key),
        CanonicalName(status.label_en, status.label_zh), Word(status.phase), status.handling_done);
    if (!status.stops.empty()) {
      std::vector<std::string> kinds;
      for (const ClockKind kind : status.stops) kinds.emplace_back(Name(kind));
      text += ", stops: " + CanonicalList(kinds);
    }
    items->push_back({"statuses", status.key, text + "}\n"});
  }
  items->push_back({"transitions", "",
                    lifecycle.transitions.empty() ? "  transitions: []\n" : "  transitions:\n"});
  for (const Transition& t : lifecycle.transitions) {
    std::string text = fmt::format("    - {{from: {}, command: {}, to: {}", YamlQuoted(t.from),
                                   Name(t.command), YamlQuoted(t.to));
    text += Target("otherwise", t.otherwise) + Target("exhausted", t.exhausted);
    if (!t.roles.empty()) {
      std::vector<std::string> roles;
      for (const std::string& role : t.roles) roles.push_back(YamlQuoted(role));
      text += ", roles: " + CanonicalList(roles);
    }
    if (!t.requires_fields.empty()) {
      std::vector<std::string> fields;
      for (const RequiredField field : t.requires_fields) fields.emplace_back(Name(field));
      text += ", requires: " + CanonicalList(fields);
    }
    std::string id = fmt::format("{}/{}", t.from, Name(t.command));
    if (t.command == CaseCommand::kMove) id += '/' + t.to;
    items->push_back({"transitions", std::move(id), text + "}\n"});
  }
}

}  // namespace rebound
