#include "tests/simulation/simulator.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <set>
#include <utility>

#include "server/storage/verify.h"
#include "tests/simulation/history.h"
#include "workflows/blacklist_rules.h"

namespace rebound::simulation {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using C = CaseCommand;

// 2026-01-05T01:00Z, a Monday morning in the east.
constexpr Timestamp kStart = FromMillis(1'767'574'800'000);
constexpr int64_t kStepsPerCase = 8;
constexpr int64_t kCustomers = 60;
constexpr size_t kTrace = 24;
constexpr size_t kRemembered = 16;
// Records of requests are kept for 7 days; a repeat beyond that is a new request.
constexpr Duration kRepeatable = days{5};
// Rules are tried on so many customers at a look, of so many events.
constexpr size_t kTriedPerLook = 24;
constexpr int32_t kEventsPerLook = 600;
// So far ahead an entry's edge is waited for.
constexpr Duration kEdgeWait = days{2};

const std::vector<std::string> kQueues = {"default", "rescue", "vip"};
const std::vector<std::string> kUnits = {"", "north", "north/city", "north/city/shop"};

}  // namespace

Simulator::Simulator(const Options& options)
    : options_(options),
      random_(options.seed),
      clock_(kStart),
      server_(clock_, random_, options.bug) {}

Summary Simulator::Run() {
  Summary summary;
  try {
    Year();
  } catch (const Violation& violation) {
    summary.failure = Report(violation.what(), violation.about);
  } catch (const StoreFailure& failure) {
    summary.failure = Report(std::string("the store refused: ") + failure.what(), {});
  }
  summary.cases = std::ssize(checker_.books());
  summary.commands = commands_;
  summary.events = checker_.events();
  summary.seen = checker_.seen();
  for (const auto& [name, count] : troubles_) summary.seen[name] += count;
  return summary;
}

std::string Simulator::Report(const std::string& what, CaseId about) {
  std::string text = fmt::format("seed {}: {}\n\nthe last steps:\n", options_.seed, what);
  for (const std::string& line : trace_) text += "  " + line + "\n";
  server_.Inspect([&](Reader& reader, const CaseId& at_hand) {
    if (about.empty()) about = at_hand;
    std::vector<Event> events;
    if (!about.empty()) {
      events = reader.CaseEvents(about, 0, 10'000);
    } else {
      reader.ScanEvents(std::max<int64_t>(reader.LastSequence() - 30, 0),
                        [&](const RawEvent& raw) { events.push_back(raw.event); });
    }
    text += about.empty() ? "\nthe last events:\n" : "\nthe case:\n";
    text += History(events);
  });
  return text;
}

void Simulator::Year() {
  steps_ = steps_left_ = options_.cases * kStepsPerCase;
  server_.Begin(Configurations().front());
  const Request begin = SystemMake(ApplyRevision{}, "begin");
  checker_.Observe(server_.store(), {{&begin, Outcome{}, 0, 1}}, server_.time().Now());
  while (steps_left_-- > 0) Step();
  Drain();
}

void Simulator::Note(std::string line) {
  line = fmt::format("{}  {}", FormatTime(clock_.Now()), line);
  if (options_.verbose) std::cout << line << '\n';
  trace_.push_back(std::move(line));
  if (trace_.size() > kTrace) trace_.pop_front();
}

// ---- Time and trouble

// Mostly minutes, sometimes a night, so that it adds up to the year.
void Simulator::PassTime() {
  const int64_t mean = options_.days * days{1} / Duration{1} / steps_;
  const int64_t kind = random_.Below(10);
  const int64_t most = kind < 5 ? mean / 10 : kind < 9 ? mean * 3 / 2 : mean * 12;
  clock_.Advance(Duration{random_.Below(std::max<int64_t>(most, 1))});
}

void Simulator::Trouble() {
  if (random_.OneIn(250)) {
    // By minutes or hours, either way; hardly ever by days, which the server must not believe.
    const int64_t size = random_.OneIn(6) ? 72 * 60 : random_.OneIn(2) ? 240 : 20;
    const Duration by = minutes{random_.Below(2 * size) - size};
    clock_.Set(clock_.Now() + by);
    Note(fmt::format("the wall clock jumps by {} min", by / minutes{1}));
    ++troubles_[by > Duration{0} ? "clock ahead" : "clock back"];
  }
  // An operator puts a wrong clock right, sooner or later.
  if (server_.time().frozen() && random_.OneIn(12)) {
    const Duration steady = clock_.Steady();
    clock_.Set(std::max(kStart + steady, server_.time().Now()));
    Note("the wall clock is put right");
  }
  if (random_.OneIn(150)) {
    Note("restart");
    ++troubles_["restart"];
    if (random_.OneIn(3)) {
      const Duration down = random_.OneIn(4) ? Duration{hours{random_.Below(60)}}
                                             : Duration{minutes{random_.Below(180)}};
      clock_.Advance(down);
      if (down > hours{24}) ++troubles_["down for a day"];
    }
    server_.Restart();
    ForgetDue();
    watched_before_ = false;
    if (random_.OneIn(20)) {
      const VerifyReport report = Verify(server_.store());
      if (!report.ok()) throw Violation("verify: " + report.problems.front(), {});
    }
    checker_.CompareAll(server_.store());
  }
  if (checker_.held() && random_.OneIn(20)) Confirm();
}

// What server/timers does with the time keeper at each ring.
void Simulator::Watch() {
  auto jump = server_.time().TakeJump();
  const Timestamp now = server_.time().Now();
  const bool frozen = server_.time().frozen();
  ServerState state;
  server_.store().Read([&](Reader& reader) { state = reader.GetServerState(); });
  const bool first = !watched_before_;
  if (first && !state.held_since && state.clock_seen_at > Timestamp{} &&
      now - state.clock_seen_at > kHeldJump) {
    jump = TimeKeeper::Jump{state.clock_seen_at, now, true};
  }
  const bool healed = !first && watched_frozen_ && !frozen && !jump && state.held_since;
  watched_before_ = true;
  watched_frozen_ = frozen;
  if (healed) DoOne(SystemMake(ConfirmClock{}, "the clock is right again"));
  if (!jump && !first && now - last_report_ < minutes{10}) return;
  last_report_ = now;
  ReportClock seen;
  if (jump) seen = {jump->expected, jump->found, jump->holds};
  DoOne(SystemMake(seen, !jump         ? "the clock is well"
                         : jump->holds ? "the clock jumped: timers are held"
                                       : "the clock jumped"));
}

// One of three claimers looks again, or fires what it saw, late and perhaps twice.
void Simulator::WorkTimers(std::vector<Request>* batch) {
  const auto which = static_cast<size_t>(random_.Below(3));
  auto& claimer = claimers_[which];
  if (claimer.empty() || random_.OneIn(6)) {
    const Timestamp now = server_.time().Now();
    server_.store().Read([&](Reader& reader) {
      claimer = reader.CasesDue(now, static_cast<int32_t>(1 + random_.Below(12)));
      entry_claimers_[which] = reader.EntriesDue(now, static_cast<int32_t>(1 + random_.Below(6)));
    });
  }
  if (checker_.held()) return;
  WorkEntries(which, batch);
  for (int64_t n = random_.OneIn(4) ? 1 + random_.Below(5) : 1; n > 0 && !claimer.empty(); --n) {
    const CaseId id = claimer.front();
    const CaseBook* book = checker_.Find(id);
    const std::string name = book == nullptr ? "?" : CaseNumberText(book->c.number);
    batch->push_back(SystemMake(WorkCase{{id, 0}, FireTimers{}, std::nullopt}, "fire " + name));
    if (random_.OneIn(3)) {  // another claimer saw it too
      batch->push_back(batch->back());
      ++troubles_["woken twice at once"];
    }
    if (!random_.OneIn(5)) claimer.erase(claimer.begin());  // else it will do so again
  }
}

void Simulator::WorkEntries(size_t claimer, std::vector<Request>* batch) {
  std::vector<BlacklistEntryId>& seen = entry_claimers_[claimer];
  if (seen.empty() || random_.OneIn(3)) return;
  const BlacklistEntryId id = seen.front();
  const EntryBook* book = checker_.ledger().Find(id);
  const std::string name = book == nullptr ? "?" : EntryNumberText(book->row.number);
  batch->push_back(SystemMake(WorkEntry{{id, 0}, EntryTimers{}, std::nullopt}, "fire " + name));
  if (random_.OneIn(3)) {
    batch->push_back(batch->back());
    ++troubles_["entry woken twice at once"];
  }
  if (!random_.OneIn(5)) seen.erase(seen.begin());
}

void Simulator::ForgetDue() {
  for (auto& claimer : claimers_) claimer.clear();
  for (auto& claimer : entry_claimers_) claimer.clear();
}

// What server/timers does after each change: the rules are tried on whoever something happened to,
// and that is remembered.
void Simulator::TryRules() {
  if (checker_.held() || checker_.InForce().revision.blacklist.rules.empty()) return;
  int64_t seen = 0;
  std::vector<Event> events;
  server_.store().Read([&](Reader& reader) {
    seen = reader.GetServerState().rules_tried;
    events = reader.EventsAfter(seen, kEventsPerLook);
  });
  if (events.empty()) return;
  std::set<CustomerId> concerned;
  for (const Event& event : events) {
    if (MayTouchRules(event) && !concerned.contains(event.customer_id)) {
      if (concerned.size() == kTriedPerLook) break;
      concerned.insert(event.customer_id);
    }
    seen = event.sequence;
  }
  std::vector<Request> batch;
  for (const CustomerId& id : concerned) {
    batch.push_back(SystemMake(ProposeByRules{id}, "try the rules"));
  }
  // It may end between the two.
  const bool ends = random_.OneIn(8);
  if (!ends) batch.push_back(SystemMake(ReportRulesTried{seen}, "the rules were tried"));
  if (!batch.empty()) Do(std::move(batch));
}

// ---- Calling the server

void Simulator::DoOne(Request request) {
  std::vector<Request> batch;
  batch.push_back(std::move(request));
  Do(std::move(batch));
}

void Simulator::Confirm() {
  DoOne(Make(ConfirmClock{}, {"operator", "admin"}, "confirm the clock"));
}

// Sends the batch and insists on answers: whoever is not answered asks again with the same request
// id, as the clients of a crashed server do.
void Simulator::Do(std::vector<Request> batch) {
  std::vector<Record> records;
  Timestamp now;
  for (int tries = 0;; ++tries) {
    if (random_.Below(100) < (tries == 0 ? 3 : 10)) {
      const auto point = static_cast<CrashPoint>(1 + random_.Below(6));
      const int64_t reads = random_.Below(12);
      server_.PlanCrash(point, point == CrashPoint::kRead ? reads : random_.Below(2));
    }
    std::string crashed;
    const int64_t known = checker_.events();
    try {
      server_.Execute(batch, &records, &now);
      server_.PlanCrash(CrashPoint::kNone, 0);
    } catch (const Crash&) {
      crashed = std::string(server_.crashed_at());
    }
    const bool kept = crashed.empty() || crashed == kCrashPointNames.back();
    for (const Record& record : records) {
      Note(fmt::format("{:<11}  {}: {}{}", record.request->work.caller.principal,
                       record.request->what,
                       record.result ? record.result->replayed ? "as before" : "done"
                                     : std::string(Name(record.result.error().reason)),
                       kept ? "" : ", lost"));
    }
    if (kept) checker_.Observe(server_.store(), records, now);
    if (crashed.empty()) break;
    Note("crash " + crashed);
    ++troubles_["crash " + crashed];
    if (kept && checker_.events() > known) ++troubles_["stored, but not answered"];
    server_.Restart();
    ForgetDue();
    watched_before_ = false;
    checker_.CompareAll(server_.store());
    clock_.Advance(Duration{random_.Below(60'000)});
    std::erase_if(batch,
                  [](const Request& request) { return request.work.caller.request_id.empty(); });
    if (batch.empty()) return;
  }
  commands_ += std::ssize(records);
  for (size_t i = 0; i < batch.size(); ++i) {
    const Record& record = records[i];
    if (!record.result) continue;
    if (record.result->response && record.result->opened_case) {
      open_.push_back(record.result->response->paired_case_id);
    } else if (std::holds_alternative<OpenCase>(batch[i].work.commands.front())) {
      open_.push_back(record.result->subject->id);
    }
    if (batch[i].work.caller.request_id.empty() || record.result->replayed) continue;
    if (random_.OneIn(4)) {
      batch[i].sent = now;
      answered_.push_back(std::move(batch[i]));
      if (answered_.size() > kRemembered) answered_.erase(answered_.begin());
    }
  }
}

Request Simulator::SystemMake(Command command, std::string what) {
  Request request;
  request.work.caller.principal = "system";
  request.work.caller.method = "timers";
  request.work.commands.push_back(std::move(command));
  request.what = std::move(what);
  return request;
}

Request Simulator::Make(Command command, const Actor& actor, std::string what) {
  Request request;
  Caller& caller = request.work.caller;
  caller.principal = actor.name;
  caller.role = actor.role;
  caller.method = "call";
  caller.request_id = fmt::format("r{}", next_request_++);
  caller.body_hash = BodyHash(caller.request_id);
  request.work.commands.push_back(std::move(command));
  request.what = std::move(what);
  return request;
}

// ---- What people do

void Simulator::Step() {
  const auto edge = random_.OneIn(3) ? ComingEdge() : std::nullopt;
  if (edge) {
    clock_.Advance(edge->at - server_.time().Now());
  } else {
    PassTime();
  }
  Trouble();
  if (random_.OneIn(6)) Watch();
  if (random_.OneIn(8)) TryRules();
  std::vector<Request> batch;
  // Before anybody is woken.
  for (int tries = edge ? 2 : 0; tries > 0; --tries) {
    batch.push_back(Restricted(*checker_.ledger().Find(edge->entry), checker_.Find(edge->on)->c));
    troubles_["at an entry's edge"] += server_.time().Now() == edge->at;
  }
  if (random_.OneIn(2)) WorkTimers(&batch);
  for (int64_t n = random_.OneIn(6) ? 2 + random_.Below(2) : 1; n > 0; --n) {
    batch.push_back(AnyRequest());
  }
  if (random_.OneIn(8)) WorkTimers(&batch);
  Do(std::move(batch));
}

Request Simulator::AnyRequest() {
  const int64_t missing = options_.cases - std::ssize(checker_.books());
  if (missing > 0 && random_.Below(std::max<int64_t>(steps_left_ * 9 / 10, 1)) < missing) {
    return random_.OneIn(6) ? OpenByHand() : Answer();
  }
  if (!answered_.empty() && random_.OneIn(40)) {
    const Request& again = random_.Pick(answered_);
    if (server_.time().Now() - again.sent < kRepeatable) return again;
  }
  if (random_.OneIn(150)) return Link();
  if (random_.OneIn(9)) return OnEntry();
  if (random_.OneIn(45)) return Consents();
  if (random_.OneIn(70)) return Operate();
  if (random_.OneIn(50)) return Answer();
  return OnCase();
}

Request Simulator::Answer() {
  static const Actor kIntegration{"survey", "integration"};
  SubmitResponse submit;
  Response& response = submit.response;
  const bool store = random_.OneIn(3);
  response.program_id = store ? kStore : kService;
  const int64_t best = store ? 5 : 10, worst = store ? 1 : 0;
  const bool fine = random_.OneIn(6);
  response.score = fine ? best - random_.Below(2) : worst + random_.Below(store ? 2 : 7);
  const bool anonymous = random_.OneIn(8);
  const std::string key = fmt::format("c{}", random_.Below(kCustomers));
  if (!anonymous) submit.customer_key = {"crm", key};
  response.contact_requested = random_.OneIn(10);
  response.org_unit_id = random_.Pick(kUnits);
  submit.occurred_now = !random_.OneIn(6);
  if (!submit.occurred_now) {
    response.occurred_at = server_.time().Now() - minutes{random_.Below(3000)};
  }
  if (random_.OneIn(3)) {
    response.external_key = {"panel", fmt::format("a{}", next_request_)};
  }
  if (random_.OneIn(3)) response.reason.value = "waited for an hour";
  return Make(submit, kIntegration,
              fmt::format("{} scores {} in {}", anonymous ? "somebody" : key, response.score,
                          response.program_id));
}

Request Simulator::OpenByHand() {
  OpenCase open;
  open.program_id = random_.OneIn(3) ? kStore : kService;
  open.severity = static_cast<int32_t>(1 + random_.Below(5));
  open.origin = CaseOrigin::kComplaint;
  open.details.org_unit_id = random_.Pick(kUnits);
  if (random_.OneIn(3)) open.details.queue_id = random_.Pick(kQueues);
  if (random_.OneIn(2)) {
    open.details.external_authority = {"12345", "ref",
                                       server_.time().Now() + hours{random_.Below(200) - 8}};
  }
  if (random_.OneIn(3)) open.details.contact_person.value = "Li Na";
  if (random_.OneIn(3)) {
    open.details.responsible_person = fmt::format("agent-{}", 1 + random_.Below(3));
  }
  if (random_.OneIn(2)) {
    server_.store().Read([&](Reader& reader) {
      const auto customer =
          reader.FindCustomer({"crm", fmt::format("c{}", random_.Below(kCustomers))});
      if (customer) open.customer_id = customer->id;
    });
  }
  return Make(open, {"agent-1", "agent"}, fmt::format("open by hand in {}", open.program_id));
}

Request Simulator::Consents() {
  const std::string key = fmt::format("c{}", random_.Below(kCustomers));
  static const Actor kIntegration{"crm", "integration"};
  std::optional<Customer> customer;
  server_.store().Read([&](Reader& reader) { customer = reader.FindCustomer({"crm", key}); });
  if (!customer || random_.OneIn(4)) {
    UpsertCustomer upsert;
    upsert.key = {"crm", key};
    upsert.mask = {"contact_points", "segment"};
    upsert.profile.segment = random_.OneIn(2) ? "gold" : "";
    if (random_.OneIn(2)) upsert.profile.contact_points = {{Channel::kSms, {{}, "555-0100"}}};
    return Make(upsert, kIntegration, "keep the profile of " + key);
  }
  // Few keys: sent again, and as another thing.
  if (random_.OneIn(3)) {
    RecordBehaviour did{.customer_id = customer->id};
    did.behaviour.external_key = {"shop", fmt::format("order-{}", random_.Below(4))};
    did.behaviour.kind = random_.OneIn(4) ? BehaviourKind::kChurn : BehaviourKind::kRepurchase;
    did.occurred_now = random_.OneIn(2);
    if (!did.occurred_now) {
      did.behaviour.occurred_at = server_.time().Now() + hours{random_.Below(50) - 40};
    }
    return Make(did, kIntegration, "behaviour of " + key);
  }
  SetCustomerConsent consent;
  consent.customer_id = customer->id;
  consent.do_not_contact = !customer->do_not_contact && random_.OneIn(3);
  if (random_.OneIn(2)) {
    const Channel channel = random_.OneIn(2) ? Channel::kUnset : Channel::kSms;
    const auto purpose = random_.OneIn(2) ? ConsentPurpose::kSurvey : ConsentPurpose::kRecovery;
    consent.consents.push_back({channel, purpose, random_.OneIn(2), {}, "form"});
  }
  return Make(consent, kIntegration, "consent of " + key);
}

Request Simulator::Operate() {
  static const Actor kOperator{"operator", "admin"};
  const std::vector<Configuration>& all = Configurations();
  const Case* c = AnyCase();
  if (c == nullptr || random_.OneIn(2)) {
    const Revision& next = random_.Pick(all).revision;
    ApplyRevision apply{std::make_shared<const Revision>(next), "text of " + next.hash, "api",
                        std::nullopt};
    if (random_.OneIn(3)) apply.expected = checker_.in_force() - random_.Below(2);
    return Make(apply, kOperator, "apply " + next.hash);
  }
  // Rather one whose status not every configuration has.
  const auto& usual = Configurations().front().revision.lifecycle;
  for (int tries = 0; tries < 6 && usual.Find(c->status) != nullptr; ++tries) c = AnyCase();
  MigrateCase migrate;
  if (random_.OneIn(2)) migrate.revision = 1 + random_.Below(checker_.in_force() + 1);
  if (random_.OneIn(2)) {
    migrate.status = random_.Pick(checker_.InForce().revision.lifecycle.statuses).key;
  }
  return Make(WorkCase{{c->id, 0}, migrate, std::nullopt}, kOperator,
              fmt::format("migrate {} to {} {}", CaseNumberText(c->number), migrate.revision,
                          migrate.status));
}

// ---- The blacklist

// Two keys that turn out to be one person's: rather one of a customer who is listed, and another
// whose case is open.
Request Simulator::Link() {
  static const Actor kIntegration{"crm", "integration"};
  AddCustomerAlias link;
  link.key = {"crm", fmt::format("c{}", random_.Below(kCustomers))};
  const EntryBook* entry = random_.OneIn(4) ? nullptr : AnyEntry();
  const Case* c = random_.OneIn(4) ? nullptr : AnyCase();
  std::optional<Customer> other;
  server_.store().Read([&](Reader& reader) {
    const auto listed =
        entry == nullptr ? std::nullopt : reader.GetCustomer(entry->row.customer_id);
    if (listed && !listed->keys.empty()) {
      link.key.external_id = reader.GetText(random_.Pick(listed->keys).external_id.id);
    }
    if (c != nullptr) other = reader.GetCustomer(c->customer_id);
  });
  if (!other) other = AnyCustomer();
  if (!other) return Answer();
  link.customer_id = other->id;
  return Make(link, kIntegration, "link " + link.key.external_id);
}

std::optional<Customer> Simulator::AnyCustomer() {
  std::optional<Customer> customer;
  server_.store().Read([&](Reader& reader) {
    customer = reader.FindCustomer({"crm", fmt::format("c{}", random_.Below(kCustomers))});
  });
  return customer;
}

// Mostly one of those who may.
const Simulator::Actor& Simulator::Decider() {
  static const std::vector<Actor> kActors = {{"manager", "manager"},       {"deputy", "manager"},
                                             {"head", "manager"},          {"operator", "admin"},
                                             {"supervisor", "supervisor"}, {"agent-1", "agent"},
                                             {"agent-2", "agent"}};
  static const Actor kSystem{"system", ""};
  if (random_.OneIn(40)) return kSystem;
  if (random_.OneIn(4)) return random_.Pick(kActors);
  return kActors[static_cast<size_t>(random_.Below(4))];
}

// Mostly one that is not over.
const EntryBook* Simulator::AnyEntry() {
  const std::vector<EntryBook>& books = checker_.ledger().books();
  if (books.empty()) return nullptr;
  const EntryBook* any = &random_.Pick(books);
  for (int tries = 0; tries < 12 && any->over && !random_.OneIn(20); ++tries) {
    any = &random_.Pick(books);
  }
  return any;
}

// One that came with another key of its person; nullptr: there is none.
const EntryBook* Simulator::InheritedEntry() {
  const EntryLedger& ledger = checker_.ledger();
  const EntryBook* found = nullptr;
  for (const EntryBook& entry : ledger.books()) {
    const CustomerId& id = entry.row.customer_id;
    const bool fits = !entry.over && ledger.PersonOf(id) != id;
    if (fits && (found == nullptr || random_.OneIn(2))) found = &entry;
  }
  return found;
}

// An open case that the entry reaches; nullptr: there is none.
const Case* Simulator::CaseFor(const EntryBook& entry) {
  const EntryLedger& ledger = checker_.ledger();
  const Case* found = nullptr;
  for (const auto& [id, book] : checker_.books()) {
    const Case& c = book.c;
    const bool fits = c.phase != Phase::kClosed && !c.held && !c.customer_id.empty() &&
                      Reaches(entry, c) &&
                      ledger.IsSamePerson(c.customer_id, entry.row.customer_id);
    if (fits && (found == nullptr || random_.OneIn(2))) found = &c;
  }
  return found;
}

std::optional<Simulator::Edge> Simulator::ComingEdge() {
  if (checker_.held() || server_.time().frozen()) return std::nullopt;
  const Timestamp now = server_.time().Now();
  std::optional<Edge> found;
  for (const EntryBook& entry : checker_.ledger().books()) {
    if (entry.over) continue;
    std::vector<Timestamp> edges;
    if (entry.decided) edges = {entry.starts_at, entry.expires_at};
    if (entry.immediate_until && !entry.decided) edges = {*entry.immediate_until};
    for (const Timestamp at : edges) {
      if (at <= now || at > now + kEdgeWait || (found && !random_.OneIn(2))) continue;
      if (const Case* c = CaseFor(entry)) found = Edge{at, entry.row.id, c->id};
    }
  }
  return found;
}

// Somebody tries what the entry restricts, or might.
Request Simulator::Restricted(const EntryBook& entry, const Case& c) {
  C command = C::kLogAttempt;
  CaseVerb verb;
  LogAttempt log;
  log.attempt.outcome = static_cast<AttemptOutcome>(1 + random_.Below(12));
  log.attempt.channel = random_.OneIn(2) ? Channel::kPhone : Channel::kSms;
  log.occurred_now = true;
  RecordRemedy give;
  const std::vector<RemedyType>& types = checker_.Of(c).revision.remedies;
  give.remedy.kind = types.empty() ? RemedyKind::kVoucher : RemedyKind::kUnset;
  if (!types.empty()) give.remedy.type_id = random_.Pick(types).id;
  give.remedy.amount = {1 + random_.Below(2'500), "CNY"};
  give.remedy.state = random_.OneIn(3) ? RemedyState::kProposed : RemedyState::kOffered;
  switch (entry.kind) {
    case BlacklistKind::kUnset:
    case BlacklistKind::kDoNotContact: verb = log; break;
    case BlacklistKind::kChannelLimit:
      if (!entry.effects.channels.empty() && !random_.OneIn(4)) {
        log.attempt.channel = random_.Pick(entry.effects.channels);
      }
      verb = log;
      break;
    case BlacklistKind::kNoGoodwill:
    case BlacklistKind::kRepeatCompensation:
      command = C::kRemedy;
      verb = give;
      break;
    case BlacklistKind::kStaffSafety:
      log.attempt.channel = Channel::kInPerson;
      verb = log;
      if (random_.OneIn(4)) {
        command = C::kSupervise;
        verb = SuperviseCase{};
      }
      break;
  }
  const Transition* way = checker_.Of(c).revision.lifecycle.Find(c.status, command);
  return Make(WorkCase{{c.id, 0}, std::move(verb), std::nullopt}, ActorFor(c, command, way),
              fmt::format("{} {} in spite of {}", Name(command), CaseNumberText(c.number),
                          EntryNumberText(entry.row.number)));
}

Request Simulator::OnEntry() {
  const EntryBook* entry = random_.OneIn(4) ? nullptr : AnyEntry();
  if (entry == nullptr) {
    if (!random_.OneIn(12)) return Propose();
    const auto customer = AnyCustomer();
    if (!customer) return Answer();
    return Make(ProposeByRules{customer->id}, Decider(), "try the rules");
  }
  const EntryBook* inherited = random_.OneIn(4) ? InheritedEntry() : nullptr;
  if (inherited != nullptr) entry = inherited;
  if (inherited != nullptr || random_.OneIn(4)) {
    if (const Case* c = CaseFor(*entry)) return Restricted(*entry, *c);
  }
  WorkEntry work{{entry->row.id, 0}, VerbOn(*entry), std::nullopt};
  if (random_.OneIn(4)) work.expected_version = entry->row.version - (random_.OneIn(8) ? 1 : 0);
  constexpr const char* kVerbs[] = {"warn",   "decide",           "ask to extend", "extend",
                                    "appeal", "decide appeal of", "lift",          "fire"};
  return Make(work, Decider(),
              fmt::format("{} {}", kVerbs[work.verb.index()], EntryNumberText(entry->row.number)));
}

EntryVerb Simulator::VerbOn(const EntryBook& entry) {
  const Text note{{}, random_.OneIn(30) ? "" : "as we see it"};
  const Timestamp now = server_.time().Now();
  int64_t which = random_.Below(7);
  if (!random_.OneIn(10)) {  // what its state accepts
    if (!entry.decided) {
      which = random_.OneIn(3) ? 0 : 1;
    } else {
      which = !entry.extension_by.empty() && random_.OneIn(2) ? 3
              : entry.appeal_waits && random_.OneIn(2)        ? 5
              : random_.OneIn(8)                              ? 6
              : random_.OneIn(2)                              ? 4
                                                              : 2;
    }
  }
  switch (which) {
    case 0: return WarnEntry{note};
    case 1: return DecideEntry{!random_.OneIn(5), note};
    case 2:
      return RequestEntryExtension{
          (random_.OneIn(8) ? now : entry.expires_at) + hours{1 + random_.Below(24 * 30)}, note};
    case 3: return DecideEntryExtension{!random_.OneIn(4), note};
    case 4: {
      AppealEntry appeal{note, {}};
      if (random_.OneIn(3)) {
        appeal.evidence.resize(1);
        appeal.evidence[0].url = "https://files/2";
        appeal.evidence[0].occurred_at = now;
      }
      return appeal;
    }
    case 5: return DecideEntryAppeal{random_.OneIn(2), note};
    default: return LiftEntry{note};
  }
}

Request Simulator::Propose() {
  static const std::vector<Actor> kProposers = {{"agent-1", "agent"},
                                                {"agent-2", "agent"},
                                                {"supervisor", "supervisor"},
                                                {"manager", "manager"},
                                                {"deputy", "manager"}};
  using Kind = BlacklistKind;
  const Timestamp now = server_.time().Now();
  ProposeEntry propose;
  // Rather somebody whose case is open, or who is listed already.
  const EntryBook* listed = random_.OneIn(3) ? AnyEntry() : nullptr;
  const Case* c = listed == nullptr && !random_.OneIn(4) ? AnyCase() : nullptr;
  if (listed != nullptr) {
    propose.customer_id = listed->row.customer_id;
  } else if (c != nullptr && !c->customer_id.empty()) {
    propose.customer_id = c->customer_id;
  } else if (const auto customer = AnyCustomer()) {
    propose.customer_id = customer->id;
  } else {
    return Answer();
  }
  propose.kind = static_cast<Kind>(1 + random_.Below(kBlacklistKindCount - 1));
  constexpr std::array<const char*, kBlacklistKindCount> kReasons = {
      "",      "customer_wish", "abusive_contact", "dishonest_claims", "frequent_compensation",
      "threat"};
  propose.reason_code = random_.OneIn(40) ? "" : kReasons[static_cast<size_t>(propose.kind)];
  propose.internal_reason.value = "as the case says";
  BlacklistEffects effects;
  const bool of_remedies =
      propose.kind == Kind::kNoGoodwill || propose.kind == Kind::kRepeatCompensation;
  if (propose.kind == Kind::kChannelLimit) {
    effects.channels = {random_.OneIn(2) ? Channel::kPhone : Channel::kSms};
    if (random_.OneIn(4)) effects.channels.push_back(Channel::kInPerson);
  }
  if (of_remedies && random_.OneIn(3)) {
    effects.remedy_types = {random_.OneIn(5) ? "owed" : random_.OneIn(2) ? "refund" : "voucher"};
  }
  if (propose.kind == Kind::kDoNotContact && random_.OneIn(3)) {
    effects.program_ids = {std::string(random_.OneIn(2) ? kService : kStore)};
  }
  const bool safety = propose.kind == Kind::kStaffSafety;
  if (safety || random_.OneIn(25)) effects.queue_id = random_.OneIn(2) ? "rescue" : "vip";
  if (!random_.OneIn(20)) propose.effects = effects;
  using Extent = BlacklistExtent::Kind;
  if (random_.OneIn(4)) {
    propose.extent = {Extent::kOrgUnit, kUnits[static_cast<size_t>(1 + random_.Below(3))]};
  } else if (random_.OneIn(4)) {
    propose.extent = {Extent::kProgram, std::string(random_.OneIn(2) ? kService : kStore)};
  }
  if (!random_.OneIn(40)) {
    BlacklistEvidence& evidence = propose.evidence.emplace_back();
    evidence.summary.value = "as recorded";
    evidence.occurred_at = now - minutes{random_.Below(3000)};
    if (c != nullptr && c->customer_id == propose.customer_id) evidence.case_id = c->id;
  }
  if (random_.OneIn(6)) propose.starts_at = now + hours{random_.Below(60)};
  const Duration lasts = hours{60} + hours{random_.Below(24 * 24)};
  propose.expires_at = now + lasts;
  if (random_.OneIn(25)) propose.expires_at = now + days{900};
  if (random_.OneIn(25)) propose.expires_at = now - hours{random_.Below(90)};
  if (random_.OneIn(25)) propose.expires_at.reset();
  if (random_.OneIn(12)) propose.review_at = now + lasts / 2;
  if (safety ? random_.OneIn(2) : random_.OneIn(25)) {
    propose.immediate_until = now + hours{1 + random_.Below(random_.OneIn(10) ? 96 : 72)};
  }
  return Make(propose, random_.Pick(kProposers), fmt::format("propose {}", Name(propose.kind)));
}

// ---- On cases

// Mostly one that is open.
const Case* Simulator::AnyCase() {
  if (random_.OneIn(40)) {  // one that was merged, which may be taken out again
    for (const auto& [id, book] : checker_.books()) {
      if (!book.c.merged_into.empty() && random_.OneIn(2)) return &book.c;
    }
  }
  for (bool closed = random_.OneIn(25); !closed && !open_.empty();) {
    CaseId& id = open_[static_cast<size_t>(random_.Below(std::ssize(open_)))];
    const CaseBook* book = checker_.Find(id);
    if (book != nullptr && book->c.phase != Phase::kClosed) return &book->c;
    id = open_.back();
    open_.pop_back();
  }
  if (checker_.books().empty()) return nullptr;
  auto any = checker_.books().begin();
  std::advance(any, random_.Below(std::ssize(checker_.books())));
  if (any->second.c.phase != Phase::kClosed &&
      std::find(open_.begin(), open_.end(), any->first) == open_.end()) {
    open_.push_back(any->first);
  }
  return &any->second.c;
}

Request Simulator::OnCase() {
  const Case* found = AnyCase();
  if (found == nullptr) return Answer();
  const Case& c = *found;
  const Lifecycle& lifecycle = checker_.Of(c).revision.lifecycle;
  // How willingly each command is given.
  constexpr std::array<int64_t, kCaseCommandCount> kWeights = {2, 8, 4, 6, 3, 12, 4, 6, 14, 8,  5,
                                                               6, 4, 1, 3, 4, 6,  2, 7, 9,  4,  1,
                                                               3, 4, 2, 9, 1, 1,  1, 0, 0,  12, 0};
  std::vector<std::pair<C, const Transition*>> ways;
  int64_t sum = 0;
  for (const Transition& way : lifecycle.transitions) {
    if (way.from != c.status) continue;
    ways.emplace_back(way.command, &way);
    sum += kWeights[static_cast<size_t>(way.command)];
  }
  C command = static_cast<C>(random_.Below(kCaseCommandCount));
  const Transition* way = nullptr;
  if (sum > 0 && !random_.OneIn(12)) {
    int64_t at = random_.Below(sum);
    for (const auto& [each, its_way] : ways) {
      at -= kWeights[static_cast<size_t>(each)];
      if (at >= 0) continue;
      command = each;
      way = its_way;
      break;
    }
  }
  if (command == C::kAnswerResurvey && !c.resurvey.invitation_id.empty()) {
    SubmitResponse submit;
    submit.response.program_id = c.program_id;
    submit.response.invitation_id = c.resurvey.invitation_id;
    submit.response.score = random_.Below(c.program_id == kStore ? 6 : 11);
    submit.occurred_now = true;
    return Make(
        submit, {"survey", "integration"},
        fmt::format("{} is answered with {}", CaseNumberText(c.number), submit.response.score));
  }
  if (random_.OneIn(14)) {
    auto [verb, name] = Aside(c);
    return Make(WorkCase{{c.id, 0}, std::move(verb), std::nullopt}, ActorFor(c, command, nullptr),
                fmt::format("{} {}", name, CaseNumberText(c.number)));
  }
  const Actor& actor = ActorFor(c, command, way);
  const std::string what = fmt::format("{} {}", Name(command), CaseNumberText(c.number));
  if (command == C::kClaim) {
    ClaimNext claim;
    if (random_.OneIn(2)) claim.queue_id = random_.Pick(kQueues);
    return Make(claim, actor, "claim next");
  }
  auto verb = Verb(c, command, way == nullptr ? std::string_view{} : way->to);
  if (!verb) return Make(WorkCase{{c.id, 0}, SuperviseCase{}, std::nullopt}, actor, "supervise");
  WorkCase work{{c.id, 0}, *std::move(verb), std::nullopt};
  if (random_.OneIn(3)) work.expected_version = c.version - (random_.OneIn(8) ? 1 : 0);
  // An agent who was away believes to have it still.
  if (random_.OneIn(3)) work.expected_lease = c.lease_number - (random_.OneIn(8) ? 1 : 0);
  return Make(work, actor, what);
}

const Simulator::Actor& Simulator::ActorFor(const Case& c, C command, const Transition* way) {
  static const std::vector<Actor> kActors = {{"agent-1", "agent"},     {"agent-2", "agent"},
                                             {"agent-3", "agent"},     {"dispatcher", "dispatcher"},
                                             {"verifier", "verifier"}, {"supervisor", "supervisor"},
                                             {"manager", "manager"},   {"crm", "integration"}};
  if (command == C::kVerify && !random_.OneIn(6)) return kActors[4];
  if (way != nullptr && !way->roles.empty() && !random_.OneIn(6)) {
    for (const Actor& actor : kActors) {
      if (std::find(way->roles.begin(), way->roles.end(), actor.role) != way->roles.end()) {
        return actor;
      }
    }
  }
  for (const Actor& actor : kActors) {
    if (actor.name == c.owner && random_.OneIn(2)) return actor;
  }
  return random_.Pick(kActors);
}

// Another case, mostly the customer's.
CaseId Simulator::Other(const Case& c) {
  CaseId any = c.id;
  for (const auto& [id, book] : checker_.books()) {
    if (id == c.id) continue;
    const bool own = !c.customer_id.empty() && book.c.customer_id == c.customer_id;
    if (own && book.c.phase != Phase::kClosed) return id;
    if (random_.OneIn(20)) any = id;
  }
  return any;
}

// What may be done in any status.
std::pair<CaseVerb, std::string> Simulator::Aside(const Case& c) {
  const std::vector<Evidence> evidence = {{"https://files/1", {}}};
  switch (random_.Below(5)) {
    case 0: {
      const bool remove = !c.details.links.empty() && random_.OneIn(2);
      if (remove) {
        const CaseLink& link = random_.Pick(c.details.links);
        return {LinkCase{{link.case_id, 0}, link.kind, true}, "unlink"};
      }
      return {LinkCase{{Other(c), 0}, random_.OneIn(2) ? "related" : "duplicate", false}, "link"};
    }
    case 1: return {FindLiability{Liability::kCompany, "north/city", "agent-3", {}}, "find fault"};
    case 2: return {AppealLiability{evidence, {}}, "appeal"};
    case 3: return {DecideAppeal{random_.OneIn(2), {}}, "decide the appeal"};
    default: return {AcknowledgeAlert{}, "acknowledge"};
  }
}

std::string Simulator::Word(const std::vector<Label>& labels, std::string_view otherwise) {
  if (random_.OneIn(20)) return "";
  return labels.empty() || random_.OneIn(20) ? std::string(otherwise) : random_.Pick(labels).id;
}

std::optional<CaseVerb> Simulator::Verb(const Case& c, C command, std::string_view to) {
  const Timestamp now = server_.time().Now();
  const Revision& revision = checker_.Of(c).revision;
  const Labels& labels = revision.labels;
  static const std::vector<std::string> kAgents = {"agent-1", "agent-2", "agent-3"};
  switch (command) {
    case C::kAssign: return Assign{random_.OneIn(4) ? "" : random_.Pick(kAgents), {}};
    case C::kDispatch:
      return Dispatch{random_.OneIn(2) ? random_.Pick(kAgents) : "",
                      random_.Pick(kQueues),
                      random_.OneIn(2) ? random_.Pick(kUnits) : "",
                      {}};
    case C::kAccept: return Accept{};
    case C::kReturn: return Return{Word(labels.return_reasons, "not ours"), {}, {}};
    case C::kLogAttempt: {
      LogAttempt log;
      log.attempt.channel = random_.OneIn(12)  ? Channel::kInPerson
                            : random_.OneIn(3) ? Channel::kSms
                                               : Channel::kPhone;
      log.attempt.outcome = static_cast<AttemptOutcome>(1 + random_.Below(12));
      if (random_.OneIn(4)) log.attempt.direction = Direction::kInbound;
      log.occurred_now = !random_.OneIn(5);
      if (!log.occurred_now) log.attempt.occurred_at = now - minutes{random_.Below(900)};
      if (random_.OneIn(4)) log.attempt.note.value = "will call back";
      return log;
    }
    case C::kMakeCommitment: {
      MakeCommitment make;
      make.commitment.due_at = now + minutes{random_.Below(6000) - 20};
      make.commitment.promise.value = "a call";
      return make;
    }
    case C::kSettleCommitment:
      for (const Commitment& commitment : c.commitments) {
        if (commitment.state != CommitmentState::kPending && !random_.OneIn(5)) continue;
        return SettleCommitment{
            commitment.id,
            random_.OneIn(3) ? CommitmentState::kBroken : CommitmentState::kKept,
            {}};
      }
      return std::nullopt;
    case C::kRemedy: {
      RecordRemedy record;
      record.remedy.state = static_cast<RemedyState>(1 + random_.Below(7));
      const bool known = !c.remedies.empty() && random_.OneIn(2);
      if (known) record.remedy.id = random_.Pick(c.remedies).id;
      for (const Remedy& remedy : c.remedies) {
        const bool waits = !remedy.approval_limit.empty() && remedy.approved_by.empty();
        if (!waits || remedy.state != RemedyState::kProposed || random_.OneIn(8)) continue;
        record.remedy.id = remedy.id;
        record.remedy.state = RemedyState::kApproved;
        record.remedy.amount = remedy.amount;
        return record;
      }
      if (revision.remedies.empty()) {
        record.remedy.kind = static_cast<RemedyKind>(1 + random_.Below(11));
      } else if (!known) {
        record.remedy.type_id = random_.OneIn(20) ? "gift" : random_.Pick(revision.remedies).id;
      }
      if (!known || random_.OneIn(3)) {
        record.remedy.amount = {1 + random_.Below(random_.OneIn(8) ? 60'000 : 9'000), "CNY"};
      } else {
        record.remedy.amount = random_.Pick(c.remedies).amount;
      }
      return record;
    }
    case C::kCompleteStep: {
      CompleteStep complete;
      const Playbook* plan = revision.FindPlaybook(c.playbook.playbook_id);
      if (plan == nullptr || plan->steps.empty()) return std::nullopt;
      const bool active = !c.steps.empty() && c.steps.back().state == StepState::kActive;
      complete.step_id =
          active && !random_.OneIn(8) ? c.steps.back().step_id : random_.Pick(plan->steps).id;
      complete.state = random_.OneIn(6)   ? StepState::kSkipped
                       : random_.OneIn(5) ? StepState::kFailed
                                          : StepState::kDone;
      if (complete.state == StepState::kSkipped) complete.note.value = "not here";
      return complete;
    }
    case C::kPause: return PauseCase{Word(labels.pause_reasons, "waits"), {}};
    case C::kResume: return ResumeCase{};
    case C::kChase: return ChaseCase{Channel::kPhone, {}};
    case C::kSupervise: return SuperviseCase{};
    case C::kAssist:
      if (!c.assists.empty() && random_.OneIn(2)) {
        return AssistCase{random_.Pick(c.assists).id, {}, {{}, "like this"}};
      }
      return AssistCase{{}, "north", {{}, "how?"}};
    case C::kExtend: {
      RequestExtension extend;
      for (const CaseClock& clock : c.clocks) {
        const bool live = clock.state == ClockState::kRunning || clock.state == ClockState::kPaused;
        if (live && (extend.clock == ClockKind::kUnset || random_.OneIn(2))) {
          extend.clock = clock.kind;
          extend.in_days = InDays(clock.limit.count);
        }
      }
      if (extend.clock == ClockKind::kUnset) extend.clock = ClockKind::kRemedy;
      extend.amount =
          extend.in_days ? 1 + random_.Below(4) : hours{1} / Duration{1} * (1 + random_.Below(48));
      extend.reason = Word(labels.extension_reasons, "complex");
      return extend;
    }
    case C::kDecideExtension:
      for (const Extension& extension : c.extensions) {
        if (extension.state != ExtensionState::kRequested && !random_.OneIn(5)) continue;
        return DecideExtension{extension.id, !random_.OneIn(4)};
      }
      return std::nullopt;
    case C::kEscalate: return EscalateCase{};
    case C::kResolve:
      return Resolve{random_.OneIn(8) ? HandlingResult::kUnreachable : HandlingResult::kResolved,
                     random_.OneIn(2) ? "staffing" : "",
                     {{}, random_.OneIn(4) ? "" : "staff was added"},
                     std::nullopt};
    case C::kVerify: {
      VerifyCase verify;
      const bool fine = !random_.OneIn(3);
      verify.verification = {true, fine, fine || random_.OneIn(2), {}, {}, {}};
      return verify;
    }
    case C::kMove: {
      const std::string any = random_.Pick(revision.lifecycle.statuses).key;
      return MoveCase{to.empty() ? any : std::string(to), Word(labels.pause_reasons, "waits"), {}};
    }
    case C::kWithdraw: return WithdrawCase{};
    case C::kMerge: return MergeCase{{Other(c), 0}, {}};
    case C::kUnmerge: return UnmergeCase{};
    case C::kBegin: return BeginCase{};
    case C::kProposeVerdict: {
      ProposeVerdict propose;
      propose.kind = static_cast<VerdictKind>(1 + random_.Below(4));
      if (propose.kind == VerdictKind::kMisScored) propose.corrected_score = random_.Below(6);
      if (!random_.OneIn(12)) propose.evidence = {{"https://files/1", {{}, "as recorded"}}};
      return propose;
    }
    case C::kDecideVerdict:
      for (const Verdict& verdict : c.verdicts) {
        if (verdict.state != VerdictState::kProposed && !random_.OneIn(5)) continue;
        return DecideVerdict{verdict.id, !random_.OneIn(3), {}};
      }
      return std::nullopt;
    case C::kClose: return Close{{}, random_.OneIn(3)};
    case C::kReopen: return Reopen{};
    case C::kClaim:
    case C::kAttachResponse:
    case C::kAskAgain:
    case C::kAnswerResurvey:
    case C::kExpireResurvey: break;
  }
  return std::nullopt;
}

// ---- The end

// No more trouble: every timer that is due fires, until nothing is overdue.
void Simulator::Drain() {
  clock_.Set(std::max(kStart + clock_.Steady(), server_.time().Now()));
  server_.Restart();
  watched_before_ = false;
  Watch();
  if (checker_.held()) Confirm();
  for (int round = 0; round < 40; ++round) {
    for (;;) {
      std::vector<CaseId> due;
      std::vector<BlacklistEntryId> entries;
      server_.store().Read([&](Reader& reader) {
        due = reader.CasesDue(server_.time().Now(), 64);
        entries = reader.EntriesDue(server_.time().Now(), 64);
      });
      if (due.empty() && entries.empty()) break;
      std::vector<Request> batch;
      for (const BlacklistEntryId& id : entries) {
        batch.push_back(SystemMake(WorkEntry{{id, 0}, EntryTimers{}, std::nullopt}, "fire"));
      }
      for (const CaseId& id : due) {
        batch.push_back(SystemMake(WorkCase{{id, 0}, FireTimers{}, std::nullopt}, "fire"));
      }
      Do(std::move(batch));
    }
    checker_.NothingOverdue(server_.time().Now());
    clock_.Advance(hours{20});
  }
  checker_.NothingForgotten();
  checker_.CompareAll(server_.store());
  const VerifyReport report = Verify(server_.store());
  if (!report.ok()) throw Violation("verify: " + report.problems.front(), {});
}

}  // namespace rebound::simulation
