// How customers may be put on the blacklist: by whom, for how long, after what, and what the system
// proposes by itself. Values of a configuration revision. Entries follow the revision in force, as
// staff does: a bound that is narrowed today binds what is decided today.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/blacklist.h"
#include "workflows/predicate.h"
#include "workflows/template.h"
#include "workflows/time.h"

namespace rebound {

// The longest that staff_safety may hold before a second person has decided, from the proposal on.
// No configuration moves it.
inline constexpr Duration kMaxImmediate = std::chrono::hours{72};
// How long customers who were warned have to change, where the configuration does not say.
inline constexpr Duration kUsualWarningWait = std::chrono::days{7};
// An immediate effect that nobody decided on, or that was rejected, is not repeated for so long
// after its proposal: else proposals in a row would restrict without any decision.
inline constexpr Duration kImmediateAgain = std::chrono::days{30};

// A kind that is not listed cannot be proposed.
struct BlacklistKindPolicy {
  BlacklistKind kind = BlacklistKind::kUnset;
  Duration max_duration{0};     // from now, of proposals and extensions
  Duration review_interval{0};  // 0: no reviews
  BlacklistEffects effects{};   // of a proposal that names none
  std::string legal_basis{};    // likewise
  // The customer is warned first, and has `warning_wait` to change. Never of staff_safety.
  bool warn_first = false;
  Duration warning_wait{0};
  std::vector<std::string> propose_roles{};  // role ids; empty: every role that may call
  std::vector<std::string> decide_roles{};   // warn, decide, lift, appeals, extensions

  friend bool operator==(const BlacklistKindPolicy&, const BlacklistKindPolicy&) = default;
};

// Something that the evidence has to show before anybody decides.
struct BlacklistChecklistItem {
  std::string text_en{};
  std::string text_zh{};

  friend bool operator==(const BlacklistChecklistItem&, const BlacklistChecklistItem&) = default;
};

// Why a customer is on the list, in a word.
struct BlacklistReason {
  std::string id{};  // stable key
  std::string name_en{};
  std::string name_zh{};
  std::vector<BlacklistKind> kinds{};  // of which it may be the reason; empty: of any
  std::vector<BlacklistChecklistItem> checklist{};

  friend bool operator==(const BlacklistReason&, const BlacklistReason&) = default;
};

// What rules count, each at its time and on its case. Nothing that is owed by law counts.
enum class BlacklistMeasure {
  kUnset,
  kRemediesGranted,  // compensations (HistoryOf) accepted or delivered
  kRemedySum,        // their amounts, in one currency
  kClosedDishonest,  // cases closed as dishonest
  kAttemptsRefused,  // outbound tries that the customer refused
  kThreatsLogged,    // cases with a threatening customer
  kLowAfterRemedy    // a detractor's answer that came next after a compensation
};
inline constexpr int kBlacklistMeasureCount =
    static_cast<int>(BlacklistMeasure::kLowAfterRemedy) + 1;

struct BlacklistCount {
  BlacklistMeasure measure = BlacklistMeasure::kUnset;
  Duration within{0};      // back from now; what happened exactly so long ago counts
  int64_t at_least = 0;    // kRemedySum: minor units; from 1
  std::string currency{};  // kRemedySum: ISO 4217; amounts in others are left out

  friend bool operator==(const BlacklistCount&, const BlacklistCount&) = default;
};

// Holds when every count is reached on the cases for which `when` holds, read as they opened
// (OpeningFacts). Without counts one such case is enough.
struct BlacklistAlternative {
  Predicate when{};  // over the fields usable in playbook conditions; empty: every case
  std::vector<BlacklistCount> counts{};

  friend bool operator==(const BlacklistAlternative&, const BlacklistAlternative&) = default;
};

// What a rule asks for; a person decides.
struct BlacklistProposal {
  Duration duration{0};
  std::string reason_code{};
  BlacklistEffects effects{};  // none at all: those of the kind
  BlacklistExtent extent{};
  std::string legal_basis{};  // empty: that of the kind

  friend bool operator==(const BlacklistProposal&, const BlacklistProposal&) = default;
};

struct BlacklistRule {
  std::string id{};  // stable key
  std::string name_en{};
  std::string name_zh{};
  BlacklistKind kind = BlacklistKind::kUnset;
  std::vector<BlacklistAlternative> alternatives{};  // any of them is enough
  BlacklistProposal proposal{};
  // After an entry of it has ended, however it did, it does not propose again for so long.
  Duration cool_down{std::chrono::days{90}};

  friend bool operator==(const BlacklistRule&, const BlacklistRule&) = default;
};

// What the text of a notice may name, besides {customer_name}, {entry_number}, {restriction} and
// {reason}, which all have. {change_by}: until when a warned customer has time to change;
// {outcome}: of the appeal. Those for staff have no text.
std::vector<std::string_view> VariablesOf(BlacklistNotice notice);

struct BlacklistPolicy {
  std::vector<BlacklistKindPolicy> kinds{};
  std::vector<BlacklistReason> reasons{};           // empty: any word is taken
  Duration appeal_window{std::chrono::days{30}};    // from the notice to the customer
  Duration appeal_decision{std::chrono::days{14}};  // from filing; wall time
  std::vector<BlacklistRule> rules{};
  // What customers are told: one for each notice to them, by its Name; none: whoever delivers a
  // notice words it.
  std::vector<Template> notices{};

  const BlacklistKindPolicy* Find(BlacklistKind kind) const {  // or nullptr
    for (const BlacklistKindPolicy& each : kinds) {
      if (each.kind == kind) return &each;
    }
    return nullptr;
  }
  const BlacklistRule* FindRule(std::string_view id) const {  // or nullptr
    for (const BlacklistRule& rule : rules) {
      if (rule.id == id) return &rule;
    }
    return nullptr;
  }

  friend bool operator==(const BlacklistPolicy&, const BlacklistPolicy&) = default;
};

// The shipped one, which applies where a revision has none of its own: every kind, no rules.
BlacklistPolicy DefaultBlacklistPolicy();

}  // namespace rebound
