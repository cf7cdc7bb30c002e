#include <algorithm>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "server/clock.h"
#include "server/config/config.h"
#include "server/execute/lookup.h"
#include "server/services/convert.h"
#include "server/services/masking.h"
#include "server/services/services.h"
#include "server/storage/codec.h"
#include "workflows/blacklist_rules.h"
#include "workflows/field_catalogue.h"

namespace rebound {
namespace {

constexpr int32_t kCustomersAtOnce = 256;
constexpr int kUsualEntryExamples = 100;
constexpr int kMostEntryExamples = 10'000;
constexpr size_t kSlack = 1'000;  // proposals beyond those that are named, before they are let go

bool AsksWords(const Predicate& predicate) {
  if (predicate.kind == Predicate::Kind::kComparison) {
    return Describe(predicate.comparison.field).type == FieldType::kProse;
  }
  return std::any_of(predicate.children.begin(), predicate.children.end(), AsksWords);
}

bool AsksWords(const BlacklistRule& rule) {
  return std::any_of(rule.alternatives.begin(), rule.alternatives.end(),
                     [](const BlacklistAlternative& each) { return AsksWords(each.when); });
}

struct Found {
  size_t rule = 0;
  CustomerId customer{};
  PastProposal proposal{};
  int64_t covered_by = 0;  // number of the entry; 0: none
};

// One dry run under way: customers go in one by one, the reply comes out.
class DryRun {
 public:
  DryRun(const Call& call, Reader& reader, const BlacklistPolicy& policy,
         std::vector<const BlacklistRule*> rules, std::optional<Timestamp> since, Timestamp until,
         size_t examples)
      : call_(call),
        reader_(reader),
        policy_(policy),
        rules_(std::move(rules)),
        since_(since),
        until_(until),
        examples_(examples),
        words_(std::any_of(rules_.begin(), rules_.end(),
                           [](const BlacklistRule* rule) { return AsksWords(*rule); })),
        proposals_(rules_.size()),
        customers_(rules_.size()) {}

  void Try(Customer customer) {
    ++count_;
    const Scope& scope = call_.identity.scope;
    std::vector<Case> cases;
    std::vector<Response> responses;
    for (const CustomerId& id : Everyone(reader_, customer.id)) {
      for (Case& c : reader_.CasesOf(id)) {
        if (Sees(scope, c)) cases.push_back(std::move(c));
      }
      for (Response& r : reader_.ResponsesOf(id)) {
        if (scope.Covers(r.org_unit_id, r.queue_id)) responses.push_back(std::move(r));
      }
    }
    if (cases.empty()) return;  // all that is counted is on a case
    if (words_) {
      for (Case& c : cases) Hydrate(reader_, c);
      for (Response& r : responses) Hydrate(reader_, r);
    }
    const CustomerHistory history = HistoryOf(&customer, cases, responses);
    std::optional<std::vector<BlacklistEntry>> entries;
    for (size_t i = 0; i < rules_.size(); ++i) {
      bool any = false;
      for (PastProposal& each : TryOnPast(*rules_[i], policy_, history, until_)) {
        if (since_ && each.at < *since_) continue;
        if (!entries) entries = OpenEntriesOfAll(reader_, customer.id);
        any = true;
        ++proposals_[i];
        found_.push_back({i, customer.id, std::move(each), CoveredBy(*entries, *rules_[i])});
      }
      customers_[i] += any ? 1 : 0;
    }
    if (found_.size() > 2 * examples_ + kSlack) KeepOldest();
  }

  void Fill(api::DryRunRulesResponse* out) {
    out->set_customer_count(count_);
    int64_t total = 0;
    for (size_t i = 0; i < rules_.size(); ++i) {
      api::DryRunRule* to = out->add_rules();
      to->set_rule_id(rules_[i]->id);
      to->set_proposal_count(proposals_[i]);
      to->set_customer_count(customers_[i]);
      total += proposals_[i];
    }
    out->set_proposal_count(total);
    KeepOldest();
    for (const Found& each : found_) {
      api::DryRunProposal* to = out->add_proposals();
      to->set_rule_id(rules_[each.rule]->id);
      to->set_customer_id(ToString(each.customer));
      to->set_kind(static_cast<api::BlacklistKind>(static_cast<int>(rules_[each.rule]->kind)));
      rebound::Fill(each.proposal.at, to->mutable_propose_time());
      rebound::Fill(each.proposal.expires_at, to->mutable_expire_time());
      for (const BlacklistEvidence& evidence : each.proposal.evidence) {
        rebound::Fill(evidence, to->add_evidence());
      }
      if (each.covered_by != 0) to->set_entry_number(EntryNumberText(each.covered_by));
    }
  }

 private:
  // Evidence is bulky: no more of it is kept than is named.
  void KeepOldest() {
    std::sort(found_.begin(), found_.end(), [](const Found& a, const Found& b) {
      return std::tuple(a.proposal.at, a.rule, a.customer) <
             std::tuple(b.proposal.at, b.rule, b.customer);
    });
    if (found_.size() > examples_) found_.resize(examples_);
  }

  int64_t CoveredBy(const std::vector<BlacklistEntry>& entries, const BlacklistRule& rule) const {
    const BlacklistProposal& asks = rule.proposal;
    const BlacklistKindPolicy* of_kind = policy_.Find(rule.kind);
    const BlacklistEffects& effects =
        asks.effects == BlacklistEffects{} && of_kind != nullptr ? of_kind->effects : asks.effects;
    const Timestamp now = call_.backend.executor.Now();
    for (const BlacklistEntry& entry : entries) {
      const bool covers = IsOpen(entry, now) && entry.kind == rule.kind &&
                          Covers(entry.extent, asks.extent) && Covers(entry.effects, effects);
      if (covers) return entry.number;
    }
    return 0;
  }

  const Call& call_;
  Reader& reader_;
  const BlacklistPolicy& policy_;
  const std::vector<const BlacklistRule*> rules_;
  const std::optional<Timestamp> since_;
  const Timestamp until_;
  const size_t examples_;
  const bool words_;
  int64_t count_ = 0;
  std::vector<int64_t> proposals_, customers_;  // by rule
  std::vector<Found> found_;
};

// The policy to try; nullopt where the draft has faults, which are then in `out`.
Result<std::optional<BlacklistPolicy>> PolicyOf(const Call& call,
                                                const api::DryRunRulesRequest& request,
                                                api::DryRunRulesResponse* out) {
  if (!request.has_draft()) return std::optional(call.revision->blacklist);
  const std::string name =
      request.draft().name().empty() ? std::string("blacklist.yaml") : request.draft().name();
  std::vector<ConfigError> faults;
  auto policy = ReadBlacklistDraft({name, request.draft().text()}, *call.revision, &faults);
  for (const ConfigError& fault : faults) {
    if (!fault.is_warning()) Fill(fault, call.language, out->add_faults());
  }
  return policy;
}

Result<std::vector<const BlacklistRule*>> RulesOf(const BlacklistPolicy& policy,
                                                  const api::DryRunRulesRequest& request) {
  std::vector<const BlacklistRule*> rules;
  std::set<std::string> wanted(request.rule_ids().begin(), request.rule_ids().end());
  for (const BlacklistRule& rule : policy.rules) {
    if (wanted.empty() || wanted.contains(rule.id)) rules.push_back(&rule);
  }
  if (!wanted.empty() && rules.size() < wanted.size()) {
    return Error{Reason::kNotFound, {{"resource", "blacklist_rule"}}};
  }
  return rules;
}

Result<void> TryEverybody(const Call& call, Reader& reader, DryRun& run) {
  ListQuery query{Predicate(), call.identity.scope, std::nullopt, kCustomersAtOnce};
  for (bool more = true; more;) {
    std::vector<Customer> customers = reader.ListCustomers(query);
    more = customers.size() == kCustomersAtOnce;
    if (more) query.before = IdCast<RawId>(customers.back().id);
    for (Customer& customer : customers) {
      if (SystemClock().Now() > call.deadline) return Error{Reason::kDeadlineExceeded};
      if (customer.alias_of.empty()) run.Try(std::move(customer));
    }
  }
  return {};
}

Result<void> DryRunRules(const Call& call, Reader& reader, const api::DryRunRulesRequest& request,
                         api::DryRunRulesResponse* out) {
  Checks checks;
  std::optional<Timestamp> since, until;
  if (request.has_since_time()) since = checks.Time("since_time", request.since_time());
  if (request.has_until_time()) until = checks.Time("until_time", request.until_time());
  const auto examples = static_cast<int>(
      checks.Range("example_limit", request.example_limit(), 0, kMostEntryExamples));
  const auto id = checks.ParseId<CustomerId>("customer_id", request.customer_id());
  if (!checks.ok()) return std::move(checks).ToError();
  auto policy = PolicyOf(call, request, out);
  if (!policy) return std::move(policy).error();
  if (!*policy) return {};
  auto rules = RulesOf(**policy, request);
  if (!rules) return std::move(rules).error();
  for (const BlacklistRule* rule : *rules) {
    if (!request.has_draft()) break;  // those in force are nobody's guess
    for (const BlacklistAlternative& alternative : rule->alternatives) {
      auto shown = CheckUnmasked(call.sees_contact, "draft", alternative.when);
      if (!shown) return shown;
    }
  }
  const Timestamp now = call.backend.executor.Now() + Duration(1);  // what happens now has happened
  DryRun run(call, reader, **policy, *std::move(rules), since, std::min(until.value_or(now), now),
             static_cast<size_t>(examples == 0 ? kUsualEntryExamples : examples));
  if (request.customer_id().empty()) {
    if (auto tried = TryEverybody(call, reader, run); !tried) return tried;
  } else {
    auto customer = reader.GetCustomer(id);
    const Scope& scope = call.identity.scope;
    const bool seen = customer && scope.CoversOrgUnit(customer->profile.org_unit_id);
    if (seen) customer = Standing(reader, std::move(customer));
    if (!seen || !customer) return Error{Reason::kNotFound, {{"resource", "customer"}}};
    run.Try(*std::move(customer));
  }
  run.Fill(out);
  return {};
}

}  // namespace

void AddDryRun(ApiService* service) {
  service->Query<api::DryRunRulesRequest, api::DryRunRulesResponse>("DryRunRules", Where::kPool,
                                                                    DryRunRules);
}

}  // namespace rebound
