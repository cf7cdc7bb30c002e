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
  for (const char* from : {"open", "contacting", "contacted", "remedied", "reopened"}) {
    const std::string_view status = from;
    const bool reached_already = status == "contacted" || status == "remedied";
    l.transitions.push_back({from, CaseCommand::kAssign, from, {}});
    l.transitions.push_back({from, CaseCommand::kClaim, from, {}});
    l.transitions.push_back({from, CaseCommand::kLogAttempt, reached_already ? from : "contacted",
                             reached_already ? "" : "contacting"});
    l.transitions.push_back({from, CaseCommand::kMakeCommitment, from, {}});
    l.transitions.push_back({from, CaseCommand::kRemedy, "remedied", from});
    l.transitions.push_back({from, CaseCommand::kResolve, "resolved", {}});
    l.transitions.push_back({from, CaseCommand::kAttachResponse, from, {}});
  }
  for (const char* from : {"resolved", "resurvey_due", "resurveyed"}) {
    l.transitions.push_back({from, CaseCommand::kAssign, from, {}});
    l.transitions.push_back({from, CaseCommand::kClose, "closed", {}});
    l.transitions.push_back({from, CaseCommand::kReopen, "reopened", {}});
    l.transitions.push_back({from, CaseCommand::kAttachResponse, from, {}});
  }
  l.transitions.push_back({"resolved", CaseCommand::kAskAgain, "resurvey_due", "closed"});
  l.transitions.push_back({"resurvey_due", CaseCommand::kAnswerResurvey, "closed", "reopened"});
  l.transitions.push_back({"resurvey_due", CaseCommand::kExpireResurvey, "closed", {}});
  l.transitions.push_back({"closed", CaseCommand::kReopen, "reopened", {}});
  return l;
}

}  // namespace rebound
