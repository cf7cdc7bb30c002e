#include "workflows/lifecycle.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "workflows/check.h"
#include "workflows/organization.h"

namespace rebound {
namespace {

constexpr std::array<std::string_view, kCaseCommandCount> kCommandNames = {"assign",
                                                                           "claim",
                                                                           "dispatch",
                                                                           "accept",
                                                                           "return",
                                                                           "log_attempt",
                                                                           "make_commitment",
                                                                           "settle_commitment",
                                                                           "remedy",
                                                                           "complete_step",
                                                                           "pause",
                                                                           "resume",
                                                                           "chase",
                                                                           "supervise",
                                                                           "assist",
                                                                           "extend",
                                                                           "decide_extension",
                                                                           "escalate",
                                                                           "resolve",
                                                                           "verify",
                                                                           "move",
                                                                           "withdraw",
                                                                           "merge",
                                                                           "unmerge",
                                                                           "propose_verdict",
                                                                           "decide_verdict",
                                                                           "begin",
                                                                           "close",
                                                                           "reopen",
                                                                           "attach_response",
                                                                           "ask_again",
                                                                           "answer_resurvey",
                                                                           "expire_resurvey"};

constexpr std::array<std::string_view, kRequiredFieldCount> kRequiredFieldNames = {
    "",
    "owner",
    "attempt",
    "contact",
    "remedy",
    "handling_result",
    "root_cause",
    "action_taken",
    "customer_accepts",
    "verification",
    "commitments_settled",
    "responsible_unit",
    "liability"};

bool MayClose(CaseCommand command) {
  return command == CaseCommand::kClose || command == CaseCommand::kWithdraw ||
         command == CaseCommand::kMerge || !IsGivenByPeople(command);
}

// Whether a case is closed where a command's outcome leads, where its meaning says so.
struct End {
  CaseCommand command;
  std::string Transition::*target;
  std::string_view key;
  bool closes;
};
constexpr End kEnds[] = {
    {CaseCommand::kClose, &Transition::to, "to", true},
    {CaseCommand::kWithdraw, &Transition::to, "to", true},
    {CaseCommand::kMerge, &Transition::to, "to", true},
    {CaseCommand::kUnmerge, &Transition::to, "to", false},
    {CaseCommand::kBegin, &Transition::to, "to", false},
    {CaseCommand::kExpireResurvey, &Transition::to, "to", true},
    {CaseCommand::kReopen, &Transition::to, "to", false},
    {CaseCommand::kAttachResponse, &Transition::to, "to", false},
    {CaseCommand::kAskAgain, &Transition::to, "to", false},
    {CaseCommand::kAskAgain, &Transition::otherwise, "otherwise", true},
    {CaseCommand::kAnswerResurvey, &Transition::to, "to", true},
    {CaseCommand::kAnswerResurvey, &Transition::otherwise, "otherwise", false},
    {CaseCommand::kAnswerResurvey, &Transition::exhausted, "exhausted", false},
};

// Where the transition may lead, each once; its own status where it stays.
std::vector<std::string_view> Targets(const Transition& t) {
  std::vector<std::string_view> targets = {t.to.empty() ? t.from : t.to};
  for (const std::string* target : {&t.otherwise, &t.exhausted}) {
    if (!target->empty()) targets.push_back(*target);
  }
  return targets;
}

struct Checker {
  const Lifecycle& lifecycle;
  const std::vector<RoleDef>& roles;
  std::vector<LifecycleFault> faults{};

  using Kind = LifecycleFault::Kind;

  void Add(Kind kind, std::string_view status, std::optional<size_t> transition = {},
           std::string detail = {}) {
    faults.push_back({kind, std::string(status), transition, std::move(detail)});
  }

  // Statuses from which `seeds` can be reached, or that can be reached from them.
  std::set<std::string_view> Closure(std::set<std::string_view> found, bool forward) const {
    std::multimap<std::string_view, std::string_view> next;
    for (const Transition& t : lifecycle.transitions) {
      for (const std::string_view to : Targets(t)) {
        next.emplace(forward ? std::string_view(t.from) : to, forward ? to : t.from);
      }
    }
    std::vector<std::string_view> left(found.begin(), found.end());
    while (!left.empty()) {
      const auto [begin, end] = next.equal_range(left.back());
      left.pop_back();
      for (auto it = begin; it != end; ++it) {
        if (found.insert(it->second).second) left.push_back(it->second);
      }
    }
    return found;
  }

  void Phases() {
    for (const Phase phase : {Phase::kOpen, Phase::kClosed}) {
      const bool there =
          std::any_of(lifecycle.statuses.begin(), lifecycle.statuses.end(),
                      [&](const StatusDef& status) { return status.phase == phase; });
      if (!there) Add(Kind::kPhaseMissing, {}, {}, phase == Phase::kOpen ? "open" : "closed");
    }
    const StatusDef* initial = lifecycle.Find(lifecycle.initial);
    if (initial == nullptr || initial->phase != Phase::kOpen) {
      Add(Kind::kInitialNotOpen, lifecycle.initial);
    }
    if (lifecycle.held_out.empty()) return;
    const StatusDef* held = lifecycle.Find(lifecycle.held_out);
    if (held == nullptr || held->phase != Phase::kOpen || !held->handling_done) {
      Add(Kind::kHeldOutPhase, lifecycle.held_out);
    }
    for (const CaseCommand way : {CaseCommand::kBegin, CaseCommand::kAskAgain}) {
      const Transition* out = lifecycle.Find(lifecycle.held_out, way);
      if (out == nullptr || out->to.empty() || out->to == lifecycle.held_out) {
        Add(Kind::kHeldOutLacks, lifecycle.held_out, {}, std::string(Name(way)));
      }
    }
  }

  void Statuses() {
    std::set<std::string_view> entries = {lifecycle.initial};
    if (!lifecycle.held_out.empty()) entries.insert(lifecycle.held_out);
    const std::set<std::string_view> reachable = Closure(entries, true);
    std::set<std::string_view> ends;
    for (const StatusDef& status : lifecycle.statuses) {
      if (status.phase == Phase::kClosed) ends.insert(status.key);
    }
    const std::set<std::string_view> closable = Closure(ends, false);
    for (const StatusDef& status : lifecycle.statuses) {
      if (!reachable.contains(status.key)) Add(Kind::kUnreachable, status.key);
      const bool closed = status.phase == Phase::kClosed;
      const bool leaves = std::any_of(
          lifecycle.transitions.begin(), lifecycle.transitions.end(), [&](const Transition& t) {
            if (t.from != status.key) return false;
            const auto targets = Targets(t);
            return std::any_of(targets.begin(), targets.end(),
                               [&](std::string_view to) { return to != status.key; });
          });
      if (!leaves && !closed) {
        Add(Kind::kDeadEnd, status.key);
      } else if (!closable.contains(status.key) && !closed && !ends.empty()) {
        Add(Kind::kNoWayToClose, status.key);
      }
      Stops(status);
    }
  }

  void Stops(const StatusDef& status) {
    for (const ClockKind kind : status.stops) {
      if (!IsPausable(kind)) {
        Add(Kind::kCannotStop, status.key, {}, std::string(rebound::Name(kind)));
      }
    }
    if (status.stops.empty()) return;
    for (const CaseCommand command : {CaseCommand::kChase, CaseCommand::kLogAttempt}) {
      const Transition* t = lifecycle.Find(status.key, command);
      const auto stops = [&](const std::string& target) {
        const StatusDef* to = lifecycle.Find(target);
        return to == nullptr || !to->stops.empty();
      };
      // A call that nobody answers is no contact; a chase always is.
      const bool lasts =
          t == nullptr || stops(t->to) ||
          (command == CaseCommand::kChase && !t->otherwise.empty() && stops(t->otherwise));
      if (lasts) {
        Add(Kind::kPauseNeverEnds, status.key, {}, std::string(Name(command)));
      }
    }
  }

  void Transitions() {
    std::set<std::pair<std::pair<std::string_view, CaseCommand>, std::string_view>> seen;
    for (size_t i = 0; i < lifecycle.transitions.size(); ++i) {
      const Transition& t = lifecycle.transitions[i];
      const bool move = t.command == CaseCommand::kMove;
      if (!seen.insert({{t.from, t.command}, move ? t.to : std::string_view{}}).second) {
        Add(Kind::kTwice, t.from, i);
      }
      for (std::string_view target : Targets(t)) {
        const StatusDef* to = lifecycle.Find(target);
        const StatusDef* from = lifecycle.Find(t.from);
        if (to == nullptr || from == nullptr || target == t.from) continue;
        const bool pauses = t.command == CaseCommand::kPause || move;
        if (!to->stops.empty() && !pauses) {
          Add(Kind::kStopsWithoutPause, t.from, i, std::string(target));
        }
        if (to->phase == Phase::kClosed && from->phase != Phase::kClosed && !MayClose(t.command)) {
          Add(Kind::kMoveIntoClosed, t.from, i, std::string(target));
        }
      }
      Ends(t, i);
      const bool waits_for_nobody = t.command == CaseCommand::kClaim || !IsGivenByPeople(t.command);
      if (waits_for_nobody && !t.requires_fields.empty()) Add(Kind::kCannotRequire, t.from, i);
      Roles(t, i);
    }
  }

  // What closes a case by its meaning leads to a closed status, and nothing else does.
  void Ends(const Transition& t, size_t index) {
    for (const End& end : kEnds) {
      if (end.command != t.command) continue;
      const std::string& target = t.*end.target;
      const StatusDef* to = lifecycle.Find(target.empty() ? t.from : target);
      if (to == nullptr) continue;
      const bool circles = !end.closes && (t.command == CaseCommand::kAskAgain ||
                                           t.command == CaseCommand::kAnswerResurvey);
      if (circles && lifecycle.Find(to->key, t.command) != nullptr) {
        Add(Kind::kInCircles, t.from, index, std::string(end.key));
      }
      if ((to->phase == Phase::kClosed) == end.closes) continue;
      Add(end.closes ? Kind::kMustClose : Kind::kMustNotClose, t.from, index, std::string(end.key));
    }
  }

  void Roles(const Transition& t, size_t index) {
    if (t.roles.empty()) return;
    std::string_view nobody;
    for (const std::string& id : t.roles) {
      const auto role =
          std::find_if(roles.begin(), roles.end(), [&](const RoleDef& r) { return r.id == id; });
      // Viewers read; integrations may chase and withdraw.
      const bool may = role != roles.end() && role->base != "viewer" &&
                       (role->base != "integration" || t.command == CaseCommand::kChase ||
                        t.command == CaseCommand::kWithdraw) &&
                       IsGivenByPeople(t.command);
      if (may) return;
      nobody = id;
    }
    Add(Kind::kNobodyMay, t.from, index, std::string(nobody));
  }
};

}  // namespace

std::string_view Name(CaseCommand command) { return kCommandNames[static_cast<size_t>(command)]; }

std::optional<CaseCommand> ParseCaseCommand(std::string_view name) {
  const auto found = std::find(kCommandNames.begin(), kCommandNames.end(), name);
  if (found == kCommandNames.end()) return std::nullopt;
  return static_cast<CaseCommand>(found - kCommandNames.begin());
}

bool MayGive(const Case& c, CaseCommand command) {
  if (command == CaseCommand::kUnmerge) return !c.merged_into.empty();
  if (!c.merged_into.empty()) return false;
  if (!c.held || !IsGivenByPeople(command)) return true;
  constexpr CaseCommand kMayBeGiven[] = {CaseCommand::kBegin,        CaseCommand::kReopen,
                                         CaseCommand::kClose,        CaseCommand::kWithdraw,
                                         CaseCommand::kMerge,        CaseCommand::kProposeVerdict,
                                         CaseCommand::kDecideVerdict};
  return std::find(std::begin(kMayBeGiven), std::end(kMayBeGiven), command) !=
         std::end(kMayBeGiven);
}

std::string_view Name(RequiredField field) {
  return kRequiredFieldNames[static_cast<size_t>(field)];
}

bool Has(const Case& c, RequiredField field) {
  switch (field) {
    case RequiredField::kUnset: return true;
    case RequiredField::kOwner: return !c.owner.empty();
    case RequiredField::kAttempt:  // somebody's: what the plan sends is none
      return std::any_of(c.attempts.begin(), c.attempts.end(),
                         [](const Attempt& attempt) { return attempt.actor != "system"; });
    case RequiredField::kContact: return c.contacted_at.has_value();
    case RequiredField::kRemedy: return c.remedied_at.has_value();
    case RequiredField::kHandlingResult: return c.handling_result != HandlingResult::kUnset;
    case RequiredField::kRootCause: return !c.root_cause.empty();
    case RequiredField::kActionTaken: return !c.action_taken.empty();
    case RequiredField::kCustomerAccepts: return c.customer_accepts.has_value();
    case RequiredField::kVerification: return !c.verifications.empty();
    case RequiredField::kCommitmentsSettled:
      return std::none_of(c.commitments.begin(), c.commitments.end(), [](const Commitment& each) {
        return each.state == CommitmentState::kPending;
      });
    case RequiredField::kResponsibleUnit: return !c.details.responsible_unit_id.empty();
    case RequiredField::kLiability: return c.details.liability != Liability::kUnset;
  }
  return false;
}

bool MayTake(const Transition& transition, std::string_view role) {
  return role.empty() || transition.roles.empty() ||
         std::find(transition.roles.begin(), transition.roles.end(), role) !=
             transition.roles.end();
}

const StatusDef* Lifecycle::Find(std::string_view status) const {
  for (const StatusDef& def : statuses) {
    if (def.key == status) return &def;
  }
  return nullptr;
}

const StatusDef& Lifecycle::FirstOf(Phase phase) const {
  for (const StatusDef& def : statuses) {
    if (def.phase == phase) return def;
  }
  CHECK(false);
  return statuses.front();
}

const Transition* Lifecycle::Find(std::string_view status, CaseCommand command,
                                  std::string_view to) const {
  for (const Transition& transition : transitions) {
    if (transition.command == command && transition.from == status &&
        (to.empty() || transition.to == to)) {
      return &transition;
    }
  }
  return nullptr;
}

std::vector<std::string> Lifecycle::Allowed(std::string_view status) const {
  std::vector<std::string> names;
  for (int i = 0; i <= static_cast<int>(CaseCommand::kReopen); ++i) {
    const auto command = static_cast<CaseCommand>(i);
    if (command == CaseCommand::kClaim) continue;
    if (command == CaseCommand::kMove) {
      for (const Transition& t : transitions) {
        if (t.command == command && t.from == status) names.push_back("move:" + t.to);
      }
    } else if (Find(status, command) != nullptr) {
      names.emplace_back(Name(command));
    }
  }
  return names;
}

std::vector<std::string> Lifecycle::Allowed(const Case& c) const {
  std::vector<std::string> names = Allowed(c.status);
  std::erase_if(names, [&](const std::string& name) {
    const auto command = ParseCaseCommand(name.starts_with("move:") ? "move" : name);
    return command && !MayGive(c, *command);
  });
  return names;
}

std::vector<LifecycleFault> CheckLifecycle(const Lifecycle& lifecycle,
                                           const std::vector<RoleDef>& roles) {
  Checker checker{lifecycle, roles};
  checker.Phases();
  checker.Statuses();
  checker.Transitions();
  return std::move(checker.faults);
}

Lifecycle DefaultLifecycle() {
  using C = CaseCommand;
  Lifecycle l;
  l.initial = "open";
  l.held_out = "held_out";
  const std::vector<ClockKind> waiting = {ClockKind::kFirstContact, ClockKind::kRemedy,
                                          ClockKind::kFirstResolution, ClockKind::kTotalResolution};
  l.statuses = {
      {"open", "Open", "待处理", Phase::kOpen, false, {}},
      {"dispatched", "Dispatched", "已派单", Phase::kOpen, false, {}},
      {"accepted", "Accepted", "已接单", Phase::kOpen, false, {}},
      {"contacting", "Contacting", "联系中", Phase::kOpen, false, {}},
      {"contacted", "Contacted", "已联系", Phase::kContacted, false, {}},
      {"waiting_for_customer", "Waiting for the customer", "等待客户", Phase::kContacted, false,
       waiting},
      {"remedy_proposed", "Remedy proposed", "已提方案", Phase::kContacted, false, {}},
      {"remedied", "Remedied", "已补救", Phase::kRemedied, false, {}},
      {"resolved", "Resolved", "办结", Phase::kRemedied, true, {}},
      {"verifying", "Verifying", "回访中", Phase::kRemedied, true, {}},
      {"verified", "Verified", "回访核实", Phase::kRemedied, true, {}},
      {"rework", "Rework", "返工", Phase::kContacted, false, {}},
      {"resurvey_due", "Asked again", "复测中", Phase::kRemedied, true, {}},
      {"resurveyed", "Re-surveyed", "已复测", Phase::kResurveyed, true, {}},
      {"closed", "Closed", "归档", Phase::kClosed, true, {}},
      {"reopened", "Reopened", "重新打开", Phase::kOpen, false, {}},
      {"held_out", "Held out", "对照组", Phase::kOpen, true, {}},
  };
  const auto add = [&](std::string_view from, C command, std::string_view to,
                       std::string_view otherwise = {}) -> Transition& {
    return l.transitions.emplace_back(Transition{
        std::string(from), command, std::string(to), std::string(otherwise), {}, {}, {}});
  };
  const std::vector<std::string> above = {"supervisor", "manager", "admin"};
  for (const StatusDef& status : l.statuses) {
    const std::string_view from = status.key;
    if (status.phase == Phase::kClosed) {
      add(from, C::kReopen, "reopened");
      add(from, C::kUnmerge, "reopened");
      add(from, C::kProposeVerdict, from);
      add(from, C::kDecideVerdict, from).roles = above;
      continue;
    }
    if (from == l.held_out) {  // nobody handles it: it begins, is asked, or ends
      add(from, C::kAttachResponse, from);
      add(from, C::kWithdraw, "closed");
      add(from, C::kMerge, "closed");
      add(from, C::kProposeVerdict, from);
      add(from, C::kDecideVerdict, from).roles = above;
      add(from, C::kClose, "closed");
      add(from, C::kBegin, "open");
      add(from, C::kAskAgain, "resurvey_due", "closed");
      continue;
    }
    // Whatever the status: who has it, what was promised, who watches and helps.
    add(from, C::kAssign, from);
    add(from, C::kMakeCommitment, from);
    add(from, C::kSettleCommitment, from);
    add(from, C::kCompleteStep, from);
    add(from, C::kSupervise, from).roles = above;
    add(from, C::kAssist, from);
    add(from, C::kEscalate, from);
    add(from, C::kExtend, from);
    add(from, C::kDecideExtension, from).roles = above;
    add(from, C::kAttachResponse, from);
    add(from, C::kWithdraw, "closed");
    add(from, C::kMerge, "closed");
    add(from, C::kProposeVerdict, from);
    if (status.handling_done) {
      add(from, C::kDecideVerdict, from).roles = above;
    } else {
      add(from, C::kDecideVerdict, "resolved", from).roles = above;
    }
    const bool waits = from == "waiting_for_customer";
    if (waits) {
      add(from, C::kChase, "contacted", "accepted");
    } else {
      add(from, C::kChase, from);
    }
    if (status.handling_done) {  // the customer may still call, and money may still flow
      add(from, C::kLogAttempt, from);
      add(from, C::kRemedy, from);
      add(from, C::kClose, "closed");
      add(from, C::kReopen, "reopened");
      continue;
    }
    const bool early = from == "open" || from == "dispatched" || from == "reopened" ||
                       from == "rework";  // nobody has taken it on yet
    add(from, C::kClaim, early ? "accepted" : from);
    if (early || from == "accepted") add(from, C::kDispatch, "dispatched");
    if (early) add(from, C::kAccept, "accepted");
    if (from == "dispatched" || from == "accepted" || from == "contacting" || from == "contacted") {
      add(from, C::kReturn, "open");
    }
    if (status.phase == Phase::kOpen || from == "rework") {
      add(from, C::kLogAttempt, "contacted", "contacting");
    } else if (waits) {
      add(from, C::kLogAttempt, "contacted", from);
    } else {
      add(from, C::kLogAttempt, from);
    }
    add(from, C::kRemedy, "remedied",
        waits || from == "remedied" || from == "remedy_proposed" ? from : "remedy_proposed");
    add(from, C::kResolve, "resolved").requires_fields = {RequiredField::kHandlingResult};
    if (waits) {
      add(from, C::kResume, "contacted", "accepted");
    } else if (!early) {
      add(from, C::kPause, "waiting_for_customer").requires_fields = {RequiredField::kOwner};
    }
  }
  add("resolved", C::kMove, "verifying");
  add("resolved", C::kVerify, "verified", "rework");
  add("verifying", C::kVerify, "verified", "rework");
  add("resolved", C::kAskAgain, "resurvey_due", "closed");
  add("verified", C::kAskAgain, "resurvey_due", "closed");
  add("resurvey_due", C::kAnswerResurvey, "closed", "reopened").exhausted = "resurveyed";
  add("resurvey_due", C::kExpireResurvey, "closed");
  return l;
}

}  // namespace rebound
