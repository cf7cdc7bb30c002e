// One verb on one case: what every kind of verb shares. Internal to decide_case.cc,
// decide_dispatch.cc and decide_clock.cc, which hold the verbs. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workflows/draft.h"

namespace rebound {

struct VerbDecision {
  Draft& draft;
  const Facts& facts;
  Case c;  // as the events so far leave it
  // The transition taken, for what it requires; nullptr: none yet.
  const Transition* taken = nullptr;

  const Context& context() const { return draft.context(); }
  const Lifecycle& lifecycle() const { return draft.LifecycleOf(c); }

  // The transition of `command` from the present status, if the actor's role may take it. kMove: to
  // `to`.
  Result<const Transition*> Need(CaseCommand command, std::string_view to = {});
  // kReasonUnknown when the revision lists reasons and this is none of them; an empty one is
  // missing.
  Result<void> CheckLabel(const std::vector<Label>& labels, std::string_view field,
                          std::string_view value) const;
  // Whoever did the first part may not do the second, the command of that name.
  Result<void> NeedSecondPerson(std::string_view command, std::string_view first) const;
  // Everything the taken transition requires is there.
  Result<void> CheckRequired() const;
  // The blacklist, consent and do-not-contact of the customer. Contact that needs approval has it
  // when a manager supervises the case, having seen the restriction on it.
  Result<void> MayReach(Channel channel) const;

  // Handling: decide_case.cc.
  Result<void> operator()(const Assign& verb);
  Result<void> operator()(const LogAttempt& verb);
  Result<void> operator()(const MakeCommitment& verb);
  Result<void> operator()(const SettleCommitment& verb);
  Result<void> operator()(const RecordRemedy& verb);
  Result<void> operator()(const Resolve& verb);
  Result<void> operator()(const VerifyCase& verb);
  Result<void> operator()(const Close& verb);
  Result<void> operator()(const Reopen& verb);
  // Dispatching: decide_dispatch.cc.
  Result<void> operator()(const Dispatch& verb);
  Result<void> operator()(const Accept& verb);
  Result<void> operator()(const Return& verb);
  Result<void> operator()(const ChaseCase& verb);
  Result<void> operator()(const SuperviseCase& verb);
  Result<void> operator()(const AssistCase& verb);
  Result<void> operator()(const EscalateCase& verb);
  Result<void> operator()(const MoveCase& verb);
  Result<void> operator()(const WithdrawCase& verb);
  // Which cases belong together: decide_merge.cc.
  Result<void> operator()(const MergeCase& verb);
  Result<void> operator()(const UnmergeCase& verb);
  Result<void> operator()(const LinkCase& verb);
  // Rulings: decide_verdict.cc.
  Result<void> operator()(const ProposeVerdict& verb);
  Result<void> operator()(const DecideVerdict& verb);
  Result<void> operator()(const FindLiability& verb);
  Result<void> operator()(const AppealLiability& verb);
  Result<void> operator()(const DecideAppeal& verb);
  // Alerts and hold-outs: decide_alert.cc.
  Result<void> operator()(const AcknowledgeAlert& verb);
  Result<void> operator()(const BeginCase& verb);
  // The plan: decide_step.cc.
  Result<void> operator()(const CompleteStep& verb);
  // Clocks: decide_clock.cc.
  Result<void> operator()(const PauseCase& verb);
  Result<void> operator()(const ResumeCase& verb);
  Result<void> operator()(const RequestExtension& verb);
  Result<void> operator()(const DecideExtension& verb);
  Result<void> operator()(const MigrateCase& verb);
  Result<void> operator()(const RecomputeClocks& verb);
  Result<void> operator()(const FireTimers& verb);

 private:
  // What a remedy is by the catalogue, if the revision has one.
  Result<void> ChooseType(Remedy& remedy) const;
  // What it takes from its earlier state `known`, nullptr for a new one; refuses steps backwards.
  Result<void> Settle(Remedy& remedy, const Remedy* known);
  // Limits and the second person.
  Result<void> CheckLimits(Remedy& remedy, const Remedy* known) const;
  Result<void> Approve(Remedy& remedy, const Remedy* known) const;
  Error NeedsApproval(std::string_view limit) const;
  Error RemedyMoves(std::string from, RemedyState to) const;
  // The customer was tried as often as the contact rules ask for.
  Result<void> CheckUnreachable() const;
  // Somebody else gave it to its owner, if its lease is another than before.
  void LeaseToOther(int64_t lease_before);
  // What the end of handling does to its clocks.
  void EndHandlingClocks();
  Result<void> MayOffer(const Remedy& remedy);
  bool IsSupervisedSince(const Permit& permit) const;
  // What the blacklist says to a remedy that is granted now.
  Result<void> CheckRestricted(Remedy& remedy, const Remedy* known) const;
  // On the owner's account; one that lasts is over. `status` empty: stays as it is.
  void BeginPause(std::string reason, Text note, std::string_view status = {});
};

// One level up the org tree, telling the manager there. `status` empty: stays as it is.
void Escalate(Draft& draft, Case& c, Text note, std::string_view status = {});

}  // namespace rebound
