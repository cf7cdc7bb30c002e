#include <algorithm>

#include "workflows/routing.h"
#include "workflows/verb.h"

namespace rebound {
namespace {

Error AlertIsAcknowledged(const Case& c, const std::string& by) {
  Error error{Reason::kAlertAcknowledged, {{"case", CaseNumberText(c.number)}}};
  if (!by.empty()) error.metadata.emplace("person", by);
  return error;
}

bool HasWaiting(const Case& c, const std::string& rule) {
  return std::any_of(c.alerts.begin(), c.alerts.end(), [&](const Alert& alert) {
    return alert.rule_id == rule && !alert.acknowledged_at;
  });
}

// Everybody up the org tree from the unit of the case.
std::vector<std::string> Managers(const Draft& draft, const Case& c) {
  std::vector<std::string> chain;
  for (int32_t level = 0;; ++level) {
    std::string manager =
        ManagerAt(draft.RevisionOf(c).org_units, c.details.org_unit_id, level, draft.context().now);
    if (manager.empty() || std::find(chain.begin(), chain.end(), manager) != chain.end()) break;
    chain.push_back(std::move(manager));
  }
  // Where the tree ends, or there is none, whoever may act for a whole company is told.
  if (chain.empty()) chain.emplace_back("role:manager");
  return chain;
}

// The answer that opened the case, where the facts have it.
const Response* OpeningAnswer(const Facts& facts, const Case& c) {
  for (const Response& response : facts.responses) {
    if (response.id == c.opening_response_id) return &response;
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> Recipients(const Draft& draft, const Case& c,
                                    const std::vector<std::string>& notify) {
  std::vector<std::string> found;
  const auto add = [&](std::string who) {
    if (!who.empty() && std::find(found.begin(), found.end(), who) == found.end()) {
      found.push_back(std::move(who));
    }
  };
  for (const std::string& word : notify) {
    if (word == "owner") {
      add(c.owner);
      // Nobody reads it on behalf of whoever is away.
      const StaffMember* owner = draft.context().revision->FindStaff(c.owner);
      const Absence* away = owner == nullptr ? nullptr : FindAbsence(*owner, draft.context().now);
      if (away != nullptr) add(away->deputy);
    } else if (word == "first_receiver") {
      add(c.first_receiver);
    } else if (word == "unit_manager") {
      add(ManagerAt(draft.RevisionOf(c).org_units, c.details.org_unit_id, 0, draft.context().now));
    } else if (word == "queue") {
      if (!c.details.queue_id.empty()) add("queue:" + c.details.queue_id);
    } else {
      add("role:" + word);
    }
  }
  return found;
}

std::vector<const AlertRule*> FindRedLines(const Draft& draft, const Case& opening,
                                           const Response* response, const Customer* customer) {
  std::vector<const AlertRule*> found;
  const std::vector<AlertRule>& rules = draft.context().revision->alerts;
  if (opening.history || rules.empty()) return found;
  const OpeningFacts facts(opening, response, customer);
  for (const AlertRule& rule : rules) {
    if (rule.red_line && Evaluate(rule.when, facts)) found.push_back(&rule);
  }
  return found;
}

void RaiseAlerts(Draft& draft, Case& c, const std::vector<const AlertRule*>& red_lines,
                 const OpeningFacts& facts, bool anew) {
  const Case before = c;  // what this answer raises does not keep it from raising more
  for (const AlertRule& rule : draft.context().revision->alerts) {
    const bool holds = rule.red_line
                           ? std::find(red_lines.begin(), red_lines.end(), &rule) != red_lines.end()
                           : Evaluate(rule.when, facts);
    if (!holds || (!anew && HasWaiting(before, rule.id))) continue;
    Alert alert;
    alert.id = draft.NewId<AlertId>();
    alert.rule_id = rule.id;
    alert.red_line = rule.red_line;
    alert.notify = Recipients(draft, c, rule.notify);
    if (alert.notify.empty()) alert.notify.emplace_back("role:manager");  // not to nobody
    alert.raised_at = draft.context().now;
    if (rule.acknowledge_within) {
      alert.due_at = alert.raised_at + *rule.acknowledge_within;
      alert.timer = Draft::NextGeneration(c, TimerKind::kAlert);
    }
    draft.BySystem(true);
    draft.AddCase(c, draft.context().now,
                  AlertRaised{std::move(alert), rule.red_line ? kMaxSeverity : c.severity});
    draft.BySystem(false);
  }
}

int32_t FindPriority(const Revision& revision, const OpeningFacts& facts) {
  const std::vector<Priority>& priorities = revision.priorities;
  for (size_t i = 0; i < priorities.size(); ++i) {
    if (Evaluate(priorities[i].when, facts)) return static_cast<int32_t>(i) + 1;
  }
  return static_cast<int32_t>(priorities.size());  // the last one takes what is left
}

void RaisePriority(Draft& draft, Case& c, const Response* response, const Customer* customer) {
  const Revision& revision = draft.RevisionOf(c);
  const int32_t rank = FindPriority(revision, OpeningFacts(c, response, customer));
  if (rank == 0 || (c.priority_rank != 0 && rank >= c.priority_rank)) return;
  draft.AddCase(c, draft.context().now,
                PriorityChanged{revision.priorities[static_cast<size_t>(rank) - 1].id, rank});
}

void AlertIsOverdue(Draft& draft, Case& c, const Timer& timer) {
  const auto alert = std::find_if(c.alerts.begin(), c.alerts.end(), [&](const Alert& each) {
    return each.timer == timer.generation;
  });
  CHECK(alert != c.alerts.end());
  draft.AddCase(c, draft.context().now, AlertOverdue{alert->id, Managers(draft, c)});
}

void Begin(Draft& draft, Case& c, const Response* response, std::string reason,
           std::string_view status, Text note) {
  CHECK(c.held);
  const Timestamp now = draft.context().now;
  const Revision& revision = draft.RevisionOf(c);
  const Customer* customer = draft.facts().customer ? &*draft.facts().customer : nullptr;
  if (response == nullptr) response = OpeningAnswer(draft.facts(), c);
  draft.EndTimers(c, TimerKind::kDelayedStart, TimerState::kCancelled);
  CaseBegun begun;
  begun.reason = std::move(reason);
  begun.severity = c.severity;
  begun.note = std::move(note);
  draft.Stamp(begun.note);
  const Playbook* playbook = ChoosePlaybook(revision.playbooks, c, customer, response);
  if (playbook != nullptr) {
    begun.playbook = {playbook->id, playbook->version, Canonical(playbook->when)};
    begun.severity = std::max(c.severity, playbook->severity);
    begun.queue_id = playbook->queue_id;
  }
  if (begun.queue_id.empty()) begun.queue_id = draft.ProgramOf(c).default_queue;
  Case planned = c;
  planned.severity = begun.severity;
  int32_t rank = FindPriority(revision, OpeningFacts(planned, response, customer));
  if (c.priority_rank != 0) rank = std::min(rank, c.priority_rank);
  if (rank > 0) planned.priority = revision.priorities[static_cast<size_t>(rank) - 1].id;
  begun.clock_definitions = ChooseClocks(revision, OpeningFacts(planned, response, customer));
  draft.AddCase(c, now, std::move(begun), status);
  if (rank != c.priority_rank) {
    draft.AddCase(c, now, PriorityChanged{planned.priority, rank});
  }
  if (!status.empty()) {
    StartHandlingClocks(draft, c);
    Settle(draft, c);  // ends the clock until it is asked
  }
}

Result<void> VerbDecision::operator()(const AcknowledgeAlert& verb) {
  const Timestamp now = context().now;
  std::vector<AlertId> waiting;
  if (verb.id.empty()) {
    for (const Alert& alert : c.alerts) {
      if (!alert.acknowledged_at) waiting.push_back(alert.id);
    }
    if (waiting.empty()) {
      return AlertIsAcknowledged(c, c.alerts.empty() ? "" : c.alerts.back().acknowledged_by);
    }
  } else {
    const auto known = std::find_if(c.alerts.begin(), c.alerts.end(),
                                    [&](const Alert& alert) { return alert.id == verb.id; });
    if (known == c.alerts.end()) return NotFound("alert");
    if (known->acknowledged_at) return AlertIsAcknowledged(c, known->acknowledged_by);
    waiting.push_back(verb.id);
  }
  for (const AlertId& id : waiting) {
    Text note = verb.note;  // each has its own, to be erased by itself
    draft.Stamp(note);
    draft.AddCase(c, now, AlertAcknowledged{id, std::move(note)});
  }
  return {};
}

Result<void> VerbDecision::operator()(const BeginCase& verb) {
  if (!c.held) return Error{Reason::kCaseNotHeldOut, {{"case", CaseNumberText(c.number)}}};
  auto transition = Need(CaseCommand::kBegin);
  if (!transition) return transition.error();
  Begin(draft, c, nullptr, "by_hand", (*transition)->to, verb.note);
  return {};
}

}  // namespace rebound
