#include "workflows/lifecycle.h"

#include "workflows/check.h"

namespace rebound {

std::string_view Name(CaseCommand command) {
  switch (command) {
    case CaseCommand::kAssign: return "assign";
    case CaseCommand::kClaim: return "claim";
    case CaseCommand::kLogAttempt: return "log_attempt";
    case CaseCommand::kMakeCommitment: return "make_commitment";
    case CaseCommand::kRemedy: return "remedy";
    case CaseCommand::kResolve: return "resolve";
    case CaseCommand::kClose: return "close";
    case CaseCommand::kReopen: return "reopen";
    case CaseCommand::kAttachResponse: return "attach_response";
    case CaseCommand::kAskAgain: return "ask_again";
    case CaseCommand::kAnswerResurvey: return "answer_resurvey";
    case CaseCommand::kExpireResurvey: return "expire_resurvey";
  }
  CHECK(false);
  return {};
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

const Transition* Lifecycle::Find(std::string_view status, CaseCommand command) const {
  for (const Transition& transition : transitions) {
    if (transition.from == status && transition.command == command) return &transition;
  }
  return nullptr;
}

std::vector<std::string> Lifecycle::Allowed(std::string_view status) const {
  std::vector<std::string> names;
  for (int i = 0; i <= static_cast<int>(CaseCommand::kReopen); ++i) {
    const auto command = static_cast<CaseCommand>(i);
    if (command == CaseCommand::kClaim) continue;
    if (Find(status, command) != nullptr) names.emplace_back(Name(command));
  }
  return names;
}

Lifecycle DefaultLifecycle() {
  Lifecycle l;
  l.initial = "open";
  l.statuses = {
      {"open", "Open", "待处理", Phase::kOpen, false},
      {"contacting", "Contacting", "联系中", Phase::kOpen, false},
      {"contacted", "Contacted", "已联系", Phase::kContacted, false},
      {"remedied", "Remedied", "已补救", Phase::kRemedied, false},
      {"resolved", "Resolved", "办结", Phase::kRemedied, true},
      {"resurvey_due", "Asked again", "复测中", Phase::kRemedied, true},
      {"resurveyed", "Re-surveyed", "已复测", Phase::kResurveyed, true},
      {"closed", "Closed", "归档", Phase::kClosed, true},
      {"reopened", "Reopened", "重新打开", Phase::kOpen, false},
  };
  const auto add = [&](const char* from, CaseCommand command, const char* to,
                       const char* otherwise = "", const char* exhausted = "") {
    l.transitions.push_back({from, command, to, otherwise, exhausted});
  };
  for (const char* from : {"open", "contacting", "contacted", "remedied", "reopened"}) {
    const std::string_view status = from;
    const bool reached_already = status == "contacted" || status == "remedied";
    add(from, CaseCommand::kAssign, from);
    add(from, CaseCommand::kClaim, from);
    add(from, CaseCommand::kLogAttempt, reached_already ? from : "contacted",
        reached_already ? "" : "contacting");
    add(from, CaseCommand::kMakeCommitment, from);
    add(from, CaseCommand::kRemedy, "remedied", from);
    add(from, CaseCommand::kResolve, "resolved");
    add(from, CaseCommand::kAttachResponse, from);
  }
  // After handling the customer may still call, and money may still flow.
  for (const char* from : {"resolved", "resurvey_due", "resurveyed"}) {
    add(from, CaseCommand::kAssign, from);
    add(from, CaseCommand::kLogAttempt, from);
    add(from, CaseCommand::kMakeCommitment, from);
    add(from, CaseCommand::kRemedy, from);
    add(from, CaseCommand::kClose, "closed");
    add(from, CaseCommand::kReopen, "reopened");
    add(from, CaseCommand::kAttachResponse, from);
  }
  add("resolved", CaseCommand::kAskAgain, "resurvey_due", "closed");
  add("resurvey_due", CaseCommand::kAnswerResurvey, "closed", "reopened", "resurveyed");
  add("resurvey_due", CaseCommand::kExpireResurvey, "closed");
  add("closed", CaseCommand::kReopen, "reopened");
  return l;
}

}  // namespace rebound
