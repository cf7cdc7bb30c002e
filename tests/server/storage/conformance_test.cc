// Goal: every "must" of server/storage/store.h, for each store that there is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "server/storage/codec.h"
#include "server/storage/delivery_records.h"
#include "server/storage/memory_store.h"
#include "server/storage/sqlite_store.h"
#include "server/storage/store.h"
#include "server/storage/verify.h"
#include "tests/fixtures/storage_fixtures.h"
#include "workflows/decide.h"
#include "workflows/playbook.h"

namespace rebound {
namespace {

bool Everyone(const Case&) { return true; }
bool Anywhere(std::string_view) { return true; }

using fixtures::AddUp;
using fixtures::ChangeMaker;
using fixtures::kMidnight;
using fixtures::NextCaseNumber;
using fixtures::ReadFrom;
using fixtures::Save;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int32_t kAll = 1'000'000;

template <typename Row>
Row WithoutTexts(Row row) {
  ForEachText(row, [](Text& text) { text.value.clear(); });
  return row;
}

std::vector<int64_t> Numbers(const std::vector<Case>& cases) {
  std::vector<int64_t> numbers;
  for (const Case& c : cases) numbers.push_back(c.number);
  return numbers;
}

template <typename Row>
auto Ids(const std::vector<Row>& rows) {
  std::vector<decltype(Row{}.id)> ids;
  for (const Row& row : rows) ids.push_back(row.id);
  return ids;
}

Hash128 Key(uint8_t first, uint8_t second = 0) { return {first, second}; }

class StoreTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    std::string name = std::string(test->test_suite_name()) + "." + test->name();
    std::replace(name.begin(), name.end(), '/', '.');
    folder_ = std::filesystem::path(testing::TempDir()) / ("rebound." + name);
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    if (GetParam() == "sqlite") {
      store_ = SqliteStore::Open((folder_ / "rebound.db").string());
    } else {
      store_ = std::make_unique<MemoryStore>([this](std::string_view point) {
        if (point == "commit" && fails_) throw StoreFailure("as the test wants");
      });
    }
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  Store& store() { return *store_; }

  template <typename F>
  auto Read(F&& read) {
    return ReadFrom(*store_, std::forward<F>(read));
  }

  // Runs `act` while no commit can reach the disk.
  template <typename F>
  void WithFailingDisk(F&& act) {
    fails_ = true;
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    auto* handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit small = before;
    small.rlim_cur = 16;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    act();
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
    fails_ = false;
  }

  // A stored case with the next number.
  Case OpenCase(Case with = {}) {
    Change change;
    with.number = NextCaseNumber(store());
    Case opened = make_.Open(change, std::move(with));
    Save(store(), std::move(change));
    return opened;
  }
  Customer CreateCustomer(std::string_view external_id, Customer with = {}) {
    Change change;
    Customer created = make_.Create(change, external_id, std::move(with));
    Save(store(), std::move(change));
    return created;
  }
  // A stored entry with the next number.
  BlacklistEntry ProposeEntry(const Customer& customer, BlacklistEntry with = {}) {
    Change change;
    with.number = fixtures::NextEntryNumber(store());
    BlacklistEntry entry = make_.Propose(change, customer, std::move(with));
    Save(store(), std::move(change));
    return entry;
  }
  // What the event makes of a stored entry.
  BlacklistEntry Follow(const BlacklistEntry& before, EventBody body) {
    Change change;
    BlacklistEntry after = make_.Add(change, before, std::move(body));
    Save(store(), std::move(change));
    return after;
  }
  Response RecordResponse(Response with = {}) {
    Change change;
    Response recorded = make_.Record(change, std::move(with));
    Save(store(), std::move(change));
    return recorded;
  }

  ChangeMaker make_;
  std::filesystem::path folder_;
  bool fails_ = false;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(All, StoreTest, testing::Values("sqlite", "memory"),
                         [](const auto& param) { return param.param; });

TEST_P(StoreTest, RowsReadBackAsStoredButForTheirTexts) {
  Change change;
  Customer with;
  with.profile.display_name = make_.NewText("王芳");
  with.profile.contact_points = {{Channel::kSms, make_.NewText("+86 138 0013 8000")}};
  const Customer customer = make_.Create(change, "K1", with);
  const Response response = make_.Record(change, {.external_key = {"survey", "R1"},
                                                  .customer_id = customer.id,
                                                  .score = 2,
                                                  .reason = make_.NewText("nobody called back"),
                                                  .org_unit_id = "east"});
  Case open{.number = 1, .customer_id = customer.id, .opening_response_id = response.id};
  open.details.customer_request = make_.NewText("a call");
  open.holds_dedupe_slot = true;
  Case opened = make_.Open(change, open);
  opened = make_.Add(change, opened, TimerSet{TimerKind::kFirstContact, 1, make_.now + hours(24)});
  Save(store(), change);

  store().Read([&](Reader& reader) {
    EXPECT_EQ(reader.GetCustomer(customer.id), WithoutTexts(customer));
    EXPECT_EQ(reader.FindCustomer({"crm", "K1"}), WithoutTexts(customer));
    EXPECT_EQ(reader.GetResponse(response.id), WithoutTexts(response));
    EXPECT_EQ(reader.FindResponse({"survey", "R1"}), WithoutTexts(response));
    EXPECT_EQ(reader.GetCase(opened.id), WithoutTexts(opened));
    EXPECT_EQ(reader.GetCaseByNumber(1), WithoutTexts(opened));
    Customer whole = reader.GetCustomer(customer.id).value();
    Hydrate(reader, whole);
    EXPECT_EQ(whole, customer);
    EXPECT_EQ(reader.GetText(response.reason.id), "nobody called back");

    EXPECT_FALSE(reader.GetCustomer(make_.NextId<CustomerId>()));
    EXPECT_FALSE(reader.FindCustomer({"crm", "k1"}));
    EXPECT_FALSE(reader.FindCustomer({"other", "K1"}));
    EXPECT_FALSE(reader.FindResponse({"survey", "R2"}));
    EXPECT_FALSE(reader.GetResponse({}));
    EXPECT_FALSE(reader.GetCase({}));
    EXPECT_FALSE(reader.GetCaseByNumber(2));
    EXPECT_FALSE(reader.FindCaseByInvitation({}));
    EXPECT_EQ(reader.GetText(make_.NextId<TextId>()), "");
    const TableSizes sizes = reader.Sizes();
    EXPECT_EQ(std::tuple(sizes.responses, sizes.cases, sizes.customers, sizes.events),
              std::tuple(1, 1, 1, 4));
  });
}

// A full entry, its words included.
TEST_P(StoreTest, EntriesReadBackAsStoredButForTheirTexts) {
  const Customer customer = CreateCustomer("K1");
  BlacklistEntry with{.number = 1};
  with.kind = BlacklistKind::kNoGoodwill;
  with.effects.remedy_types = {"voucher", "refund"};
  with.extent = {BlacklistExtent::Kind::kOrgUnit, "east/hz"};
  with.evidence = {{make_.NextId<BlacklistEvidenceId>(), make_.NewText("three times"), "", "",
                    make_.NextId<CaseId>(), make_.now - days(2), "li.na"}};
  with.internal_reason = make_.NewText("for the file");
  with.customer_reason_en = make_.NewText("claims that were untrue");
  with.org_unit_id = "east/hz";
  Change change;
  BlacklistEntry entry = make_.Propose(change, customer, with);
  entry = make_.Add(
      change, entry,
      EntryWarned{{BlacklistDecisionKind::kWarned, "wei", make_.now, make_.NewText("first time")}});
  Save(store(), change);
  store().Read([&](Reader& reader) {
    EXPECT_EQ(reader.GetEntry(entry.id), WithoutTexts(entry));
    EXPECT_EQ(reader.GetEntryByNumber(1), WithoutTexts(entry));
    BlacklistEntry whole = reader.GetEntry(entry.id).value();
    Hydrate(reader, whole);
    EXPECT_EQ(whole, entry);
    EXPECT_FALSE(reader.GetEntry({}));
    EXPECT_FALSE(reader.GetEntry(make_.NextId<BlacklistEntryId>()));
    EXPECT_FALSE(reader.GetEntryByNumber(2));
    EXPECT_EQ(reader.Sizes().entries, 1);
    const auto events = reader.EntryEvents(entry.id, 0, kAll);
    ASSERT_THAT(events, SizeIs(2));
    EXPECT_EQ(events[0].entry_id, entry.id);
    EXPECT_EQ(events[0].customer_id, customer.id);
    EXPECT_EQ(reader.EntryEvents(entry.id, events[0].sequence, kAll), std::vector{events[1]});
    EXPECT_THAT(reader.EntryEvents(entry.id, 0, 1), SizeIs(1));
    EXPECT_THAT(reader.EntryEvents({}, 0, kAll), IsEmpty());
  });
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(StoreTest, AllEventsComeInPagesOldestFirst) {
  const Customer customer = CreateCustomer("K1");
  OpenCase();
  ProposeEntry(customer);
  store().Read([&](Reader& reader) {
    const auto all = reader.EventsAfter(0, kAll);
    ASSERT_THAT(all, SizeIs(3));
    EXPECT_EQ(TypeName(all[0].body), "CustomerCreated");
    EXPECT_EQ(TypeName(all[1].body), "CaseOpened");
    EXPECT_EQ(TypeName(all[2].body), "EntryProposed");
    EXPECT_EQ(reader.EventsAfter(all[0].sequence, 1), std::vector{all[1]});
    EXPECT_THAT(reader.EventsAfter(all[2].sequence, kAll), IsEmpty());
  });
}

TEST_P(StoreTest, EntriesOfARecordComeByNumberAndOpenOnesAlone) {
  const Customer customer = CreateCustomer("K1");
  const Customer other = CreateCustomer("K2");
  const BlacklistEntry first = ProposeEntry(customer);
  ProposeEntry(other);
  const BlacklistEntry third = ProposeEntry(customer);
  const BlacklistEntry fourth = ProposeEntry(customer);
  Follow(third, EntryLapsed{});
  store().Read([&](Reader& reader) {
    EXPECT_THAT(Ids(reader.EntriesOf(customer.id)), ElementsAre(first.id, third.id, fourth.id));
    EXPECT_THAT(Ids(reader.OpenEntriesOf(customer.id).entries), ElementsAre(first.id, fourth.id));
    EXPECT_THAT(reader.EntriesOf(make_.NextId<CustomerId>()), IsEmpty());
    EXPECT_THAT(reader.OpenEntriesOf(customer.id).aliases, IsEmpty());
    EXPECT_THAT(reader.OpenEntriesOf(make_.NextId<CustomerId>()).entries, IsEmpty());
    EXPECT_THAT(reader.OpenEntriesOf({}).entries, IsEmpty());
    EXPECT_THAT(reader.OpenEntriesOf({}).aliases, IsEmpty());
    std::set<BlacklistEntryId> scanned;
    reader.ScanEntries([&](const BlacklistEntry& e) { EXPECT_TRUE(scanned.insert(e.id).second); });
    EXPECT_THAT(scanned, SizeIs(4));
  });
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(StoreTest, OpenEntriesComeWithTheAliasesOfTheirRecordAndNotWithTheirEntries) {
  const Customer standing = CreateCustomer("K1");
  const Customer alias = CreateCustomer("K2");
  const Customer other_alias = CreateCustomer("K3");
  const Customer alias_of_alias = CreateCustomer("K4");
  const BlacklistEntry of_alias = ProposeEntry(alias);
  const BlacklistEntry of_standing = ProposeEntry(standing);
  const BlacklistEntry later_of_alias = ProposeEntry(alias);
  ProposeEntry(alias_of_alias);
  Change change;
  make_.Add(change, other_alias, CustomerLinked{standing.id});
  make_.Add(change, alias, CustomerLinked{standing.id});
  make_.Add(change, alias_of_alias, CustomerLinked{alias.id});
  Save(store(), std::move(change));
  store().Read([&](Reader& reader) {
    const OpenEntries of_the_standing = reader.OpenEntriesOf(standing.id);
    EXPECT_THAT(of_the_standing.entries, ElementsAre(Brief(of_standing)));
    EXPECT_THAT(of_the_standing.aliases, ElementsAre(alias.id, other_alias.id));
    const OpenEntries of_the_alias = reader.OpenEntriesOf(alias.id);
    EXPECT_THAT(Ids(of_the_alias.entries), ElementsAre(of_alias.id, later_of_alias.id));
    EXPECT_THAT(of_the_alias.aliases, ElementsAre(alias_of_alias.id));
    const OpenEntries of_the_other = reader.OpenEntriesOf(other_alias.id);
    EXPECT_THAT(of_the_other.entries, IsEmpty());
    EXPECT_THAT(of_the_other.aliases, IsEmpty());
  });
}

// Goal: every query of lists finds what its words say, page by page. Method: all combinations,
// against a scan that is filtered here.
TEST_P(StoreTest, PagesOfEntriesGoFromTheNewestToTheOldestAndKeepToTheirScope) {
  std::vector<Customer> customers;
  for (const char* unit : {"east/hz", "west", ""}) {
    Customer with;
    with.profile.org_unit_id = unit;
    customers.push_back(CreateCustomer(std::string("K") + unit, with));
  }
  std::vector<BlacklistEntry> entries;
  std::map<BlacklistEntryId, std::string> unit_of;
  constexpr BlacklistKind kKinds[] = {BlacklistKind::kDoNotContact, BlacklistKind::kStaffSafety,
                                      BlacklistKind::kNoGoodwill};
  const std::string units[] = {"east/hz", "east", "eastern", "west", ""};
  for (size_t i = 0; i < 45; ++i) {
    BlacklistEntry with;
    with.kind = kKinds[i % 3];
    with.org_unit_id = units[i % 5];
    const Customer& customer = customers[i / 5 % 3];
    BlacklistEntry entry = ProposeEntry(customer, with);
    unit_of[entry.id] = customer.profile.org_unit_id;
    if (i % 4 == 1) entry = Follow(entry, EntryLapsed{});
    if (i % 4 == 2) {
      entry = Follow(entry,
                     EntryDecided{{BlacklistDecisionKind::kActivated, "wei", make_.now, {}}, {}});
    }
    entries.insert(entries.begin(), entry);
  }
  using State = BlacklistState;
  const std::vector<std::vector<BlacklistState>> states = {
      {}, {State::kProposed}, {State::kProposed, State::kActive}, {State::kRejected}};
  const std::vector<std::vector<BlacklistKind>> kinds = {{}, {kKinds[0]}, {kKinds[1], kKinds[2]}};
  const std::vector<std::vector<CustomerId>> whose = {
      {}, {customers[0].id}, {customers[1].id, customers[2].id}, {make_.NextId<CustomerId>()}};
  const Scope scopes[] = {{}, {{"east"}, {}}, {{"east/hz", "west"}, {}}, {{}, {"q"}}, {{""}, {}}};
  const auto has = [](const auto& values, const auto& value) {
    return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
  };
  size_t found = 0;
  for (const Scope& scope : scopes) {
    for (const auto& of_states : states) {
      for (const auto& of_kinds : kinds) {
        for (const auto& of : whose) {
          std::vector<BlacklistEntryId> expected;
          for (const BlacklistEntry& e : entries) {
            if (has(of, e.customer_id) && has(of_states, e.state) && has(of_kinds, e.kind) &&
                scope.CoversOrgUnit(e.org_unit_id) && scope.CoversOrgUnit(unit_of[e.id])) {
              expected.push_back(e.id);
            }
          }
          std::vector<BlacklistEntryId> listed;
          EntryQuery query{scope, of, of_states, of_kinds, {}, 4};
          for (;;) {
            const auto page = Read([&](Reader& r) { return r.ListEntries(query); });
            ASSERT_LE(page.size(), 4U);
            for (const BlacklistEntry& e : page) listed.push_back(e.id);
            if (page.size() < 4) break;
            query.before = page.back().id;
          }
          EXPECT_EQ(listed, expected);
          found += expected.size();
        }
      }
    }
  }
  EXPECT_GT(found, 500U);
}

TEST_P(StoreTest, EntriesAreDueWhenTimeAloneChangesThem) {
  const Customer customer = CreateCustomer("K1");
  const auto ending = [&](int in_days) {
    BlacklistEntry with;
    with.expires_at = make_.now + days(in_days);
    return ProposeEntry(customer, with);
  };
  const BlacklistEntry first = ending(5);
  const BlacklistEntry second = ending(3);
  const BlacklistEntry third = ending(5);
  const auto due = [&](int in_days, int32_t limit = kAll) {
    return Read([&](Reader& r) { return r.EntriesDue(make_.now + days(in_days), limit); });
  };
  EXPECT_THAT(due(2), IsEmpty());
  EXPECT_THAT(due(3), ElementsAre(second.id));
  EXPECT_THAT(due(5), ElementsAre(second.id, first.id, third.id));
  EXPECT_THAT(due(5, 2), ElementsAre(second.id, first.id));
  const auto earliest = [&] { return Read([](Reader& r) { return r.EarliestDue(); }); };
  EXPECT_EQ(earliest(), make_.now + days(3));
  // Reviewed before it ends, once it is active.
  Follow(first, EntryDecided{{BlacklistDecisionKind::kActivated, "wei", make_.now, {}},
                             make_.now + days(2)});
  Follow(second, EntryLapsed{});
  EXPECT_THAT(due(9), ElementsAre(first.id, third.id));
  EXPECT_EQ(earliest(), make_.now + days(2));
  // Cases count with them.
  Change change;
  Case c = make_.Open(change, {.number = 1});
  make_.Add(change, c, TimerSet{TimerKind::kFirstContact, 1, make_.now + days(1)});
  Save(store(), change);
  EXPECT_EQ(earliest(), make_.now + days(1));
  EXPECT_EQ(Read([&](Reader& r) { return r.CountDue(make_.now + days(2)); }), 2);
  EXPECT_EQ(Read([&](Reader& r) { return r.CountDue(make_.now + days(9)); }), 3);
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(StoreTest, EntriesOfAnUndoneCommandLeaveNothingAndNoNumberIsGivenTwice) {
  const Customer customer = CreateCustomer("K1");
  const BlacklistEntry kept = ProposeEntry(customer);
  Change undone;
  const BlacklistEntry changed = make_.Add(undone, kept, EntryLapsed{});
  const BlacklistEntry made = make_.Propose(undone, customer, {.number = 2});
  Change second;
  make_.Add(second, made, EntryNotified{BlacklistNotice::kWarning, {}, {}, {}});
  store().Execute(1, [&](size_t, Transaction& transaction) {
    EXPECT_EQ(transaction.NextEntryNumber(), 2);
    transaction.Save(undone);
    transaction.Save(second);
    EXPECT_EQ(transaction.GetEntry(kept.id)->state, changed.state);
    EXPECT_EQ(transaction.NextEntryNumber(), 3);
    return false;
  });
  store().Read([&](Reader& reader) {
    EXPECT_EQ(reader.GetEntry(kept.id), kept);
    EXPECT_FALSE(reader.GetEntry(made.id));
    EXPECT_EQ(reader.EarliestDue(), kept.expires_at);
    EXPECT_THAT(reader.EntryEvents(kept.id, 0, kAll), SizeIs(1));
    EXPECT_THAT(reader.EntryEvents(made.id, 0, kAll), IsEmpty());
    EXPECT_EQ(reader.Sizes().entries, 1);
  });
  EXPECT_EQ(fixtures::NextEntryNumber(store()), 3);
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(StoreTest, AnEntryThatDoesNotBearTheNextNumberIsRefused) {
  const Customer customer = CreateCustomer("K1");
  Change change;
  make_.Propose(change, customer, {.number = 7});
  EXPECT_THROW(Save(store(), change), StoreFailure);
}

TEST_P(StoreTest, AnEntryWhoseVersionDoesNotFollowIsRefused) {
  const BlacklistEntry entry = ProposeEntry(CreateCustomer("K1"));
  Follow(entry, EntryNotified{BlacklistNotice::kWarning, {}, {}, {}});
  Change again;
  make_.Add(again, entry, EntryLapsed{});
  EXPECT_THROW(Save(store(), again), StoreFailure);
}

TEST_P(StoreTest, AnEntryIsNeverRemoved) {
  const BlacklistEntry entry = ProposeEntry(CreateCustomer("K1"));
  Change change;
  change.entries.push_back({entry, std::nullopt});
  EXPECT_THROW(Save(store(), change), StoreFailure);
}

TEST_P(StoreTest, ATextUnderOneIdNeverChanges) {
  const Customer customer = CreateCustomer("K1");
  CustomerProfile profile;
  profile.display_name = make_.NewText("first");
  Change change;
  Customer after = make_.Add(change, customer, CustomerProfileChanged{profile});
  profile.display_name.value = "second";
  after = make_.Add(change, after, CustomerProfileChanged{profile});
  Save(store(), change);
  EXPECT_EQ(Read([&](Reader& reader) { return reader.GetText(profile.display_name.id); }), "first");
  EXPECT_TRUE(Verify(store()).ok());
}

TEST_P(StoreTest, ACommandThatIsUndoneLeavesNothingAndItsNeighboursStay) {
  std::vector<Change> changes(3);
  std::vector<Customer> customers;
  std::vector<Response> responses;
  for (uint8_t i = 0; i < 3; ++i) {
    customers.push_back(make_.Create(changes[i], "K" + std::to_string(i)));
    responses.push_back(make_.Record(changes[i], {.external_key = {"survey", std::to_string(i)},
                                                  .customer_id = customers.back().id,
                                                  .reason = make_.NewText("reason"),
                                                  .occurred_at = make_.now + days(i)}));
    Case open{.number = 1, .customer_id = customers.back().id};
    if (i == 1) {
      const Case opened = make_.Open(changes[i], open);
      make_.Add(changes[i], opened, TimerSet{TimerKind::kFirstContact, 1, make_.now});
    }
    changes[i].request = RequestRecord{.key = Key(i), .at = make_.now + days(i)};
  }
  store().Execute(3, [&](size_t i, Transaction& transaction) {
    AddUp(changes[i]);
    transaction.Save(changes[i]);
    return i != 1;
  });
  store().Read([&](Reader& reader) {
    for (size_t i = 0; i < 3; ++i) {
      const bool kept = i != 1;
      EXPECT_EQ(reader.GetCustomer(customers[i].id).has_value(), kept);
      EXPECT_EQ(reader.FindCustomer({"crm", "K" + std::to_string(i)}).has_value(), kept);
      EXPECT_EQ(reader.GetResponse(responses[i].id).has_value(), kept);
      EXPECT_EQ(reader.FindResponse({"survey", std::to_string(i)}).has_value(), kept);
      EXPECT_EQ(reader.ResponsesOf(customers[i].id).size(), kept ? 1U : 0U);
      EXPECT_EQ(reader.GetText(responses[i].reason.id), kept ? "reason" : "");
      EXPECT_EQ(reader.FindRequest(Key(static_cast<uint8_t>(i))).has_value(), kept);
    }
    EXPECT_THAT(reader.ListCases({}), IsEmpty());
    EXPECT_FALSE(reader.EarliestDue());
    int64_t answers = 0;
    reader.ScanRollups([&](const RollupKey&, const Counts& c) { answers += c.detractors; });
    EXPECT_EQ(answers, 2);
    EXPECT_EQ(reader.Sizes().events, 4);
  });
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
  // The day that only the undone command needed can still be made.
  Change change;
  change.request = RequestRecord{.key = Key(1), .at = make_.now + days(1)};
  Save(store(), change);
  EXPECT_TRUE(Read([&](Reader& reader) { return reader.FindRequest(Key(1)).has_value(); }));
}

TEST_P(StoreTest, WhatAnUndoneCommandChangedIsPutBack) {
  const Customer customer = CreateCustomer("K1");
  const Response response = RecordResponse({.customer_id = customer.id});
  Change change;
  Case c = make_.Open(change, {.number = 1, .customer_id = customer.id, .holds_dedupe_slot = true});
  c = make_.Add(change, c, TimerSet{TimerKind::kFirstContact, 1, make_.now});
  Save(store(), change);
  // Two saves within one command, the second over rows of the first.
  Change first;
  const Customer linked =
      make_.Add(first, customer, CustomerKeyAdded{{"billing", make_.NewText("B-1")}});
  make_.Add(first, response, ResponsePairingCorrected{c.id, ResponseEffect::kAttached});
  Case changed = make_.Add(first, c, TimerEnded{TimerKind::kFirstContact, 1, TimerState::kFired});
  changed = make_.Add(first, changed, ResurveyAsked{make_.NextId<InvitationId>()});
  Change second;
  make_.Add(second, linked, CustomerLinked{make_.NextId<CustomerId>()});
  make_.Void(second, changed);
  make_.Open(second, {.number = 2, .customer_id = customer.id, .holds_dedupe_slot = true});
  store().Execute(1, [&](size_t, Transaction& transaction) {
    AddUp(first);
    AddUp(second);
    transaction.Save(first);
    transaction.Save(second);
    EXPECT_FALSE(transaction.GetCase(c.id));
    return false;
  });
  store().Read([&](Reader& reader) {
    EXPECT_EQ(reader.GetCustomer(customer.id), WithoutTexts(customer));
    EXPECT_FALSE(reader.FindCustomer({"billing", "B-1"}));
    EXPECT_EQ(reader.GetResponse(response.id), response);
    EXPECT_EQ(reader.GetCase(c.id), c);
    EXPECT_FALSE(reader.FindCaseByInvitation(changed.resurvey.invitation_id));
    EXPECT_EQ(reader.EarliestDue(), make_.now);
    EXPECT_THAT(reader.CaseEvents(c.id, 0, 10), SizeIs(2));
  });
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(StoreTest, LaterCommandsOfABatchSeeWhatEarlierOnesSaved) {
  Change first;
  const Customer customer = make_.Create(first, "K1");
  Case open{.number = 1, .customer_id = customer.id};
  open.details.queue_id = "q";
  first.request = RequestRecord{.key = Key(7), .resource = {{1}}, .at = make_.now};
  const Case opened = make_.Open(first, open);
  store().Execute(2, [&](size_t i, Transaction& transaction) {
    if (i == 0) {
      transaction.Save(first);
      EXPECT_TRUE(transaction.FindCustomer({"crm", "K1"}));
      return true;
    }
    EXPECT_EQ(transaction.NextCaseNumber(), 2);
    EXPECT_TRUE(transaction.FindCustomer({"crm", "K1"}));
    EXPECT_EQ(transaction.GetCase(opened.id), opened);
    EXPECT_THAT(transaction.CasesOf(customer.id, "nps"), SizeIs(1));
    EXPECT_EQ(transaction.BestToClaim("q", {}, make_.now, Anywhere, Everyone), opened);
    EXPECT_TRUE(transaction.FindRequest(Key(7)));
    EXPECT_THAT(transaction.CaseEvents(opened.id, 0, 10), SizeIs(1));
    EXPECT_EQ(transaction.Sizes().cases, 1);
    return false;
  });
}

TEST_P(StoreTest, EventsRiseInCommitOrderAndNoSequenceOrCaseNumberIsGivenTwice) {
  std::vector<int64_t> sequences;
  std::vector<int64_t> numbers;
  for (int batch = 0; batch < 3; ++batch) {
    store().Execute(4, [&](size_t i, Transaction& transaction) {
      Change change;
      numbers.push_back(transaction.NextCaseNumber());
      Case opened = make_.Open(change, {.number = numbers.back()});
      make_.Add(change, opened, TimerSet{TimerKind::kFirstContact, 1, make_.now});
      transaction.Save(change);
      for (const Event& event : change.events) sequences.push_back(event.sequence);
      return i % 2 == 0;
    });
  }
  EXPECT_TRUE(std::is_sorted(sequences.begin(), sequences.end()));
  EXPECT_EQ(std::set(sequences.begin(), sequences.end()).size(), sequences.size());
  EXPECT_EQ(std::set(numbers.begin(), numbers.end()).size(), numbers.size());
  store().Read([&](Reader& reader) {
    int64_t last = 0;
    int64_t count = 0;
    reader.ScanEvents(0, [&](const RawEvent& raw) {
      EXPECT_GT(raw.event.sequence, last);
      last = raw.event.sequence;
      count += 1;
    });
    EXPECT_EQ(count, 12);
    EXPECT_EQ(reader.LastSequence(), last);
    int64_t tail = 0;
    reader.ScanEvents(last - 1, [&](const RawEvent&) { tail += 1; });
    EXPECT_EQ(tail, 1);
  });
}

TEST_P(StoreTest, ASecondCaseInOneDedupeSlotIsRefused) {
  const Customer customer = CreateCustomer("K1");
  OpenCase({.customer_id = customer.id, .holds_dedupe_slot = true});
  // Another program has its own slot, and a case that holds none may stand beside it.
  OpenCase({.program_id = "csat", .customer_id = customer.id, .holds_dedupe_slot = true});
  OpenCase({.customer_id = customer.id});
  OpenCase({.holds_dedupe_slot = true});  // anonymous: no customer, no slot
  OpenCase({.holds_dedupe_slot = true});
  EXPECT_THROW(OpenCase({.customer_id = customer.id, .holds_dedupe_slot = true}), StoreFailure);
}

TEST_P(StoreTest, ASlotThatIsFreedCanBeTakenInTheSameChange) {
  const Customer customer = CreateCustomer("K1");
  const Case first = OpenCase({.customer_id = customer.id, .holds_dedupe_slot = true});
  Change change;
  make_.Open(change, {.number = 2, .customer_id = customer.id, .holds_dedupe_slot = true});
  make_.Add(change, first, CaseClosed{}, "closed", Phase::kClosed);
  Save(store(), change);
  EXPECT_THAT(Numbers(Read([&](Reader& r) { return r.CasesOf(customer.id, "nps"); })),
              ElementsAre(1, 2));
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(StoreTest, AChangeWhoseVersionDoesNotFollowIsRefused) {
  const Case opened = OpenCase();
  Change good;
  make_.Add(good, opened, CaseAssigned{"li.na", "q"});
  Change late = good;
  Save(store(), good);
  EXPECT_THROW(Save(store(), late), StoreFailure);
}

TEST_P(StoreTest, ANewRowUnderAnIdThatIsTakenIsRefused) {
  Change change;
  make_.Record(change);
  Change again = change;
  Save(store(), change);
  EXPECT_THROW(Save(store(), again), StoreFailure);
}

TEST_P(StoreTest, ACaseThatDoesNotBearTheNextNumberIsRefused) {
  Change change;
  make_.Open(change, {.number = 5});
  EXPECT_THROW(Save(store(), change), StoreFailure);
}

TEST_P(StoreTest, AfterAFailureNothingIsKeptAndNothingFurtherIsDone) {
  const Customer kept = CreateCustomer("K1");
  Change change;
  const Customer lost = make_.Create(change, "K2");
  WithFailingDisk([&] { EXPECT_THROW(Save(store(), change), StoreFailure); });
  bool ran = false;
  EXPECT_THROW(store().Execute(1,
                               [&](size_t, Transaction&) {
                                 ran = true;
                                 return true;
                               }),
               StoreFailure);
  EXPECT_FALSE(ran);
  store().Read([&](Reader& reader) {
    EXPECT_TRUE(reader.GetCustomer(kept.id));
    EXPECT_FALSE(reader.GetCustomer(lost.id));
    EXPECT_EQ(reader.Sizes().events, 1);
  });
}

TEST_P(StoreTest, AnExceptionOfACommandUndoesTheBatchAndTheStoreGoesOn) {
  Change change;
  const Customer lost = make_.Create(change, "K1");
  EXPECT_THROW(store().Execute(2,
                               [&](size_t i, Transaction& transaction) {
                                 if (i == 1) throw std::logic_error("as the test wants");
                                 transaction.Save(change);
                                 return true;
                               }),
               std::logic_error);
  CreateCustomer("K2");
  store().Read([&](Reader& reader) {
    EXPECT_FALSE(reader.GetCustomer(lost.id));
    EXPECT_TRUE(reader.FindCustomer({"crm", "K2"}));
  });
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(StoreTest, ABatchThatSavesNothingIsFine) {
  store().Execute(0, [](size_t, Transaction&) { return true; });
  store().Execute(2, [](size_t, Transaction&) { return true; });
  EXPECT_EQ(NextCaseNumber(store()), 1);
}

TEST_P(StoreTest, RowsOfACustomerComeInTheOrderOfTheirOwnTime) {
  const Customer customer = CreateCustomer("K1");
  const Customer other = CreateCustomer("K2");
  std::vector<Response> responses;
  for (int hour : {5, 1, 3, 3, 2}) {
    const Timestamp at = make_.now + hours(hour);
    responses.push_back(RecordResponse({.customer_id = customer.id, .occurred_at = at}));
    OpenCase({.customer_id = customer.id, .opened_at = at});
  }
  const Response elsewhere =
      RecordResponse({.program_id = "csat", .customer_id = customer.id, .occurred_at = make_.now});
  OpenCase({.program_id = "csat", .customer_id = customer.id, .opened_at = make_.now});
  RecordResponse({.customer_id = other.id});
  RecordResponse();
  store().Read([&](Reader& reader) {
    const auto& r = responses;
    EXPECT_THAT(Ids(reader.ResponsesOf(customer.id, "nps")),
                ElementsAre(r[1].id, r[4].id, r[2].id, r[3].id, r[0].id));
    EXPECT_THAT(Ids(reader.ResponsesOf(customer.id)),
                ElementsAre(elsewhere.id, r[1].id, r[4].id, r[2].id, r[3].id, r[0].id));
    EXPECT_THAT(Numbers(reader.CasesOf(customer.id, "nps")), ElementsAre(2, 5, 3, 4, 1));
    EXPECT_THAT(Numbers(reader.CasesOf(customer.id)), ElementsAre(6, 2, 5, 3, 4, 1));
    EXPECT_THAT(reader.CasesOf(other.id), IsEmpty());
  });
}

TEST_P(StoreTest, AliasesAreFoundAndNotFollowed) {
  const Customer standing = CreateCustomer("K1");
  const Customer alias = CreateCustomer("K2");
  Change change;
  make_.Add(change, alias, CustomerLinked{standing.id});
  make_.Add(change, standing, CustomerKeyAdded{{"billing", make_.NewText("B-9")}});
  Save(store(), change);
  store().Read([&](Reader& reader) {
    EXPECT_THAT(reader.AliasesOf(standing.id), ElementsAre(alias.id));
    EXPECT_THAT(reader.AliasesOf(alias.id), IsEmpty());
    EXPECT_EQ(reader.FindCustomer({"crm", "K2"})->id, alias.id);
    EXPECT_EQ(reader.FindCustomer({"crm", "K1"})->id, standing.id);
    EXPECT_EQ(reader.FindCustomer({"billing", "B-9"})->id, standing.id);
  });
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(StoreTest, CasesAreFoundByTheKeyThatAnotherSystemHas) {
  const ExternalKey key{"crm", "T-1"};
  EXPECT_FALSE(Read([&](Reader& r) { return r.FindCase(key); }));
  Change change;
  Case with{.number = NextCaseNumber(store())};
  with.details.external_key = key;
  const Case first = make_.Open(change, with);
  with.number += 1;
  make_.Open(change, with);
  Save(store(), change);
  EXPECT_EQ(Read([&](Reader& r) { return r.FindCase(key); }), first);
  EXPECT_FALSE(Read([&](Reader& r) { return r.FindCase({"crm", "T-2"}); }));
  EXPECT_FALSE(Read([&](Reader& r) { return r.FindCase({"CRM", "T-1"}); }));
}

TEST_P(StoreTest, TheCaseThatAskedIsFoundByItsInvitation) {
  const Case opened = OpenCase();
  const auto first = make_.NextId<InvitationId>();
  const auto second = make_.NextId<InvitationId>();
  Change change;
  Case asked = make_.Add(change, opened, ResurveyAsked{first});
  Save(store(), change);
  EXPECT_EQ(Read([&](Reader& r) { return r.FindCaseByInvitation(first); }), asked);
  Change again;
  asked = make_.Add(again, asked, ResurveyAsked{second});
  Save(store(), again);
  EXPECT_EQ(Read([&](Reader& r) { return r.FindCaseByInvitation(second); }), asked);
  EXPECT_FALSE(Read([&](Reader& r) { return r.FindCaseByInvitation(first); }));
}

Case InQueue(std::string queue, int32_t severity, std::string org_unit = "east") {
  Case c{.severity = severity};
  c.details.queue_id = std::move(queue);
  c.details.org_unit_id = std::move(org_unit);
  return c;
}

// A clock of its own, due then.
ClockStarted Due(ClockKind kind, Timestamp due) {
  CaseClock clock;
  clock.kind = kind;
  clock.generation = 1;
  clock.started_at = clock.counted_from = due;
  clock.due_at = due;
  return {clock, std::nullopt};
}

// What ClaimOrder promises, in plain words and without it.
bool Before(const Case& a, const Case& b, Timestamp now) {
  const auto promise = [&](const Case& c) {
    std::optional<Timestamp> first;
    for (const Commitment& each : c.commitments) {
      const bool near = each.due_at <= now + hours(24);
      if (each.state == CommitmentState::kPending && near && (!first || each.due_at < *first)) {
        first = each.due_at;
      }
    }
    return first;
  };
  const auto breach = [](const Case& c) {
    std::optional<Timestamp> first;
    for (const CaseClock& each : c.clocks) {
      const bool runs =
          each.state == ClockState::kRunning && each.due_at && each.kind != ClockKind::kResurvey;
      if (runs && (!first || *each.due_at < *first)) first = each.due_at;
    }
    return first;
  };
  const auto earlier = [](const std::optional<Timestamp>& x, const std::optional<Timestamp>& y) {
    return x.has_value() && (!y.has_value() || *x < *y);
  };
  if (promise(a) != promise(b)) return earlier(promise(a), promise(b));
  const auto rank = [](const Case& c) { return c.priority_rank == 0 ? 9999 : c.priority_rank; };
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  if (a.severity != b.severity) return a.severity > b.severity;
  const int64_t value_a = a.details.value_at_risk.amount_minor;
  const int64_t value_b = b.details.value_at_risk.amount_minor;
  if (value_a != value_b) return value_a > value_b;
  if (breach(a) != breach(b)) return earlier(breach(a), breach(b));
  return a.number < b.number;
}

TEST_P(StoreTest, TheBestCaseToClaimIsSevereThenDueThenLowInNumber) {
  const auto open = [&](Case c, std::optional<int> due_in_hours) {
    Change change;
    c.number = NextCaseNumber(store());
    Case opened = make_.Open(change, std::move(c));
    if (due_in_hours) {
      opened = make_.Add(change, opened,
                         Due(ClockKind::kFirstContact, make_.now + hours(*due_in_hours)));
    }
    Save(store(), change);
    return opened;
  };
  std::map<int64_t, Case> cases;
  cases[1] = open(InQueue("a", 2), 1);
  cases[2] = open(InQueue("a", 3), 9);
  cases[3] = open(InQueue("a", 3), 8);
  cases[4] = open(InQueue("a", 3), 8);
  cases[5] = open(InQueue("a", 3), std::nullopt);
  cases[6] = open(InQueue("b", 5, "west/xian"), 20);
  cases[7] = open(InQueue("", 5, ""), 30);
  cases[8] = open(InQueue("c", 5, "west"), 20);
  const auto best = [&](std::string_view queue, const Scope& scope) {
    const auto c =
        Read([&](Reader& r) { return r.BestToClaim(queue, scope, make_.now, Anywhere, Everyone); });
    return c ? c->number : 0;
  };
  EXPECT_EQ(best("a", {}), 3);
  EXPECT_EQ(best("b", {}), 6);
  EXPECT_EQ(best("", {}), 6);
  EXPECT_EQ(best("nowhere", {}), 0);
  EXPECT_EQ(best("", {.queues = {"a", "c"}}), 8);
  EXPECT_EQ(best("b", {.queues = {"a", "c"}}), 0);
  EXPECT_EQ(best("", {.org_units = {"west/xian", "east"}}), 6);
  EXPECT_EQ(best("a", {.org_units = {"west"}}), 0);
  EXPECT_EQ(best("", {.org_units = {"west"}, .queues = {"a", "c"}}), 8);
  // Claimed, resolved and closed cases are given to nobody.
  const auto change_case = [&](int64_t number, EventBody body, Phase phase) {
    Change change;
    make_.Add(change, cases[number], std::move(body), "", phase);
    Save(store(), change);
  };
  change_case(3, CaseAssigned{"li.na", ""}, Phase::kUnset);
  EXPECT_EQ(best("a", {}), 4);
  change_case(4, CaseResolved{HandlingResult::kResolved, "", {}, {}}, Phase::kRemedied);
  EXPECT_EQ(best("a", {}), 2);
  change_case(2, CaseClosed{}, Phase::kClosed);
  EXPECT_EQ(best("a", {}), 5);
  change_case(6, CaseAssigned{"li.na", ""}, Phase::kUnset);
  change_case(8, CaseAssigned{"li.na", ""}, Phase::kUnset);
  EXPECT_EQ(best("", {}), 7);
}

TEST_P(StoreTest, PagesOfCasesHaveNoGapAndNoRepeatUnderTies) {
  std::mt19937_64 random(5);
  std::vector<Change> changes(60);
  for (int64_t number = 1; number <= 60; ++number) {
    Change& change = changes[static_cast<size_t>(number - 1)];
    Case c{.number = number, .severity = static_cast<int32_t>(number % 2 + 1)};
    c.opened_at = make_.now + hours(random() % 4);
    Case opened = make_.Open(change, c);
    if (random() % 3 > 0) {
      make_.Add(change, opened,
                TimerSet{TimerKind::kFirstContact, 1, make_.now + hours(random() % 3)});
    }
  }
  Save(store(), changes);
  const auto key = [](CaseOrder order, const Case& c) {
    if (order != CaseOrder::kNextDue) return std::pair(ToMillis(c.opened_at), c.number);
    const auto due = NextDue(c);
    return std::pair(due ? ToMillis(*due) : std::numeric_limits<int64_t>::max(), c.number);
  };
  const Predicate severe = Compare(FieldId::kSeverity, Op::kEqual, int64_t{2});
  for (CaseOrder order : {CaseOrder::kNextDue, CaseOrder::kOpened, CaseOrder::kOpenedDescending}) {
    for (const Predicate& filter : {Predicate{}, severe}) {
      std::vector<Case> expected;
      store().Read([&](Reader& reader) {
        reader.ScanCases("", {}, [&](const Case& c) {
          if (filter == Predicate{} || c.severity == 2) expected.push_back(c);
        });
      });
      std::sort(expected.begin(), expected.end(), [&](const Case& a, const Case& b) {
        return order == CaseOrder::kOpenedDescending ? key(order, b) < key(order, a)
                                                     : key(order, a) < key(order, b);
      });
      std::vector<Case> paged;
      CaseQuery query{.filter = filter, .order = order, .limit = 7};
      while (true) {
        const auto page = Read([&](Reader& r) { return r.ListCases(query); });
        if (page.empty()) break;
        ASSERT_LE(page.size(), 7U);
        paged.insert(paged.end(), page.begin(), page.end());
        query.after = key(order, page.back());
      }
      EXPECT_EQ(Numbers(paged), Numbers(expected)) << static_cast<int>(order);
    }
  }
}

TEST_P(StoreTest, PagesOfResponsesAndCustomersGoFromTheNewestToTheOldest) {
  std::vector<ResponseId> responses;
  std::vector<CustomerId> customers;
  for (int i = 0; i < 10; ++i) {
    responses.insert(responses.begin(), RecordResponse().id);
    customers.insert(customers.begin(), CreateCustomer("K" + std::to_string(i)).id);
  }
  store().Read([&](Reader& reader) {
    std::vector<ResponseId> paged;
    for (ListQuery query{.limit = 3};;) {
      const auto page = reader.ListResponses(query);
      if (page.empty()) break;
      for (const Response& r : page) paged.push_back(r.id);
      query.before = IdCast<RawId>(page.back().id);
    }
    EXPECT_EQ(paged, responses);
    ListQuery query{.limit = 4};
    EXPECT_EQ(Ids(reader.ListCustomers(query)),
              std::vector(customers.begin(), customers.begin() + 4));
    query.before = IdCast<RawId>(customers[3]);
    query.limit = kAll;
    EXPECT_EQ(Ids(reader.ListCustomers(query)),
              std::vector(customers.begin() + 4, customers.end()));
  });
}

// Rows and predicates out of a small vocabulary, so that they meet, with the values that are hard
// to compare: unset, empty, neighbours of a path, quotes, Chinese, wildcards.
class Vocabulary {
 public:
  explicit Vocabulary(uint64_t seed, std::vector<CustomerId> customers)
      : random_(seed), customers_(std::move(customers)) {}

  template <typename T>
  T Pick(std::initializer_list<T> values) {
    return *(values.begin() + random_() % values.size());
  }
  std::string Word() {
    return Pick<std::string>({"", "a", "A", "a'b", "工单", "%", "a b", "_", "default"});
  }
  std::string Path() {
    return Pick<std::string>({"", "channel", "channel/hotline", "channel/hotline/2", "channel0",
                              "channel/hot", "channels", "channel.x", "渠道/热线"});
  }
  CustomerId AnyCustomer() { return random_() % 4 == 0 ? CustomerId{} : SomeCustomer(); }
  CustomerId SomeCustomer() { return customers_[random_() % customers_.size()]; }
  Timestamp Time() { return kMidnight + hours(random_() % 5); }
  template <typename Enum>
  Enum AnyOf(Enum last) {
    return static_cast<Enum>(random_() % (static_cast<uint64_t>(last) + 1));
  }
  bool Truth() { return random_() % 2 == 0; }
  int64_t Small() { return static_cast<int64_t>(random_() % 6) - 1; }

  Value ValueFor(const Field& field, Op op) {
    switch (field.type) {
      case FieldType::kBool: return Truth();
      case FieldType::kInt: return Small();
      case FieldType::kText:
        if (field.id == FieldId::kNumber) {
          return Pick<std::string>({"C-3", "C-17", "3", "C-03", "c-3", "C-", "C-99999999999999"});
        }
        if (field.id == FieldId::kStatus) return Pick<std::string>({"open", "closed", "Open"});
        if (field.id == FieldId::kProgram) return Pick<std::string>({"nps", "csat", "x"});
        if (field.id == FieldId::kChannel) return Pick<std::string>({"phone", "sms", "a"});
        return Word();
      case FieldType::kPath: {
        std::string path = Path();
        return op == Op::kHas && path.empty() ? "channel" : path;
      }
      case FieldType::kEnum:
        return std::string(field.enum_values[random_() % field.enum_values.size()]);
      case FieldType::kTime: return Time();
      case FieldType::kId: return ToString(SomeCustomer());
      case FieldType::kProse:
      case FieldType::kTexts: break;  // no list can be filtered by them
    }
    return {};
  }

  Predicate AnyComparison(Use use) {
    const auto names = FieldNames(use);
    const Field& field = *FindField(names[random_() % names.size()]);
    Op op = Op::kEqual;
    do {
      op = AnyOf(Op::kIsSet);
    } while (!Accepts(field.type, op));
    return Compare(field.id, op, op == Op::kIsSet ? Value{} : ValueFor(field, op));
  }

  // Unset columns are many, so that what SQL makes of NULL below NOT shows.
  Predicate AnyPredicate(Use use, int depth = 3) {
    if (depth == 0 || random_() % 3 == 0) return AnyComparison(use);
    std::vector<Predicate> children;
    for (uint64_t i = 0; i <= random_() % 3; ++i) children.push_back(AnyPredicate(use, depth - 1));
    switch (random_() % 3) {
      case 0: return All(std::move(children));
      case 1: return Any(std::move(children));
      default: return None(std::move(children));
    }
  }

  Scope AnyScope() {
    Scope scope;
    while (random_() % 3 == 0) scope.org_units.push_back(Path());
    while (random_() % 3 == 0) scope.queues.push_back(Word());
    return scope;
  }

 private:
  std::mt19937_64 random_;
  std::vector<CustomerId> customers_;
};

TEST_P(StoreTest, FiltersAndScopesSelectExactlyWhatEvaluateAndCoversSay) {
  std::vector<CustomerId> customers;
  for (int i = 0; i < 5; ++i) {
    customers.push_back(CreateCustomer("K" + std::to_string(i)).id);
  }
  Vocabulary any(20260302, customers);
  std::vector<Change> changes(300);
  int64_t number = 0;
  for (Change& change : changes) {
    make_.now = any.Time();
    Customer customer;
    customer.profile.org_unit_id = any.Path();
    customer.profile.segment = any.Word();
    customer.profile.account_id = any.Word();
    customer.do_not_contact = any.Truth();
    make_.Create(change, "F" + std::to_string(number), customer);

    make_.Record(change, {.program_id = any.Pick<std::string>({"nps", "csat"}),
                          .customer_id = any.AnyCustomer(),
                          .score = any.Small(),
                          .category = any.AnyOf(Category::kPromoter),
                          .respondent_role = any.Word(),
                          .touchpoint = any.Path(),
                          .org_unit_id = any.Path(),
                          .survey_channel = any.Word(),
                          .language = any.Word(),
                          .occurred_at = any.Time(),
                          .queue_id = any.Word()});

    Case c{.number = ++number,
           .program_id = any.Pick<std::string>({"nps", "csat"}),
           .customer_id = any.AnyCustomer(),
           .origin = any.AnyOf(CaseOrigin::kHand),
           .category = any.AnyOf(Category::kPromoter),
           .owner = any.Word(),
           .status = any.Pick<std::string>({"open", "closed"}),
           .phase = any.AnyOf(Phase::kClosed),
           .severity = static_cast<int32_t>(any.Small()),
           .arm = any.AnyOf(Arm::kHeldOut)};
    if (any.Truth()) c.score = any.Small();
    c.details.touchpoint = any.Path();
    c.details.org_unit_id = any.Path();
    c.details.queue_id = any.Word();
    c.details.preferred_channel = any.AnyOf(Channel::kInPerson);
    c.details.language = any.Word();
    if (any.Truth()) c.details.value_at_risk = {any.Small(), "CNY"};
    c.playbook.playbook_id = any.Word();
    c.handling_result = any.AnyOf(HandlingResult::kErased);
    c.resurvey_result = any.AnyOf(ResurveyResult::kNotAsked);
    c.history = any.Truth();
    c.reopen_count = static_cast<int32_t>(any.Small());
    c.priority = any.Word();
    c.priority_rank = static_cast<int32_t>(any.Small()) + 1;
    c.escalation_level = static_cast<int32_t>(any.Small());
    if (any.Truth()) c.pauses.push_back({.paused_at = any.Time()});
    if (any.Truth() && !c.pauses.empty()) c.pauses[0].resumed_at = any.Time();
    if (any.Truth()) {
      c.steps = {{.step_id = any.Word(),
                  .kind = StepKind::kTask,
                  .state = any.Truth() ? StepState::kActive : StepState::kDone,
                  .owner = any.Word(),
                  .queue_id = any.Word()}};
    }
    c.opened_at = any.Time();
    if (any.Truth()) c.closed_at = any.Time();
    const Case opened = make_.Open(change, c);
    if (any.Truth()) make_.Add(change, opened, TimerSet{TimerKind::kCommitment, 1, any.Time()});
  }
  Save(store(), changes);

  store().Read([&](Reader& reader) {
    std::vector<Case> cases;
    std::vector<Response> responses;
    std::vector<Customer> stored_customers;
    reader.ScanCases("", {}, [&](const Case& c) { cases.push_back(c); });
    reader.ScanResponses("", {}, [&](const Response& r) { responses.push_back(r); });
    reader.ScanCustomers([&](const Customer& c) { stored_customers.push_back(c); });
    ASSERT_THAT(cases, SizeIs(300));
    ASSERT_THAT(responses, SizeIs(300));
    const auto expect = [](const auto& rows, const auto& listed, const Predicate& filter, Use use,
                           const auto& visible) {
      std::set<std::array<uint8_t, 16>> expected;
      for (const auto& row : rows) {
        const auto read = [&](FieldId field) { return ReadField(row, field); };
        if (visible(row) && Evaluate(filter, read)) expected.insert(row.id.bytes);
      }
      std::set<std::array<uint8_t, 16>> found;
      for (const auto& row : listed) found.insert(row.id.bytes);
      EXPECT_EQ(found, expected) << Canonical(filter) << " in use " << static_cast<int>(use);
      EXPECT_EQ(found.size(), listed.size());
    };
    for (int i = 0; i < 600; ++i) {
      const Scope scope = any.AnyScope();
      Predicate filter = any.AnyPredicate(Use::kCaseFilter);
      ASSERT_TRUE(Check(filter, Use::kCaseFilter));
      expect(cases, reader.ListCases({.filter = filter, .scope = scope, .limit = kAll}), filter,
             Use::kCaseFilter, [&](const Case& c) {
               return scope.Covers(c.details.org_unit_id, c.details.queue_id) ||
                      (AsksOwnSteps(scope, filter) && CoversStep(scope, c));
             });
      filter = any.AnyPredicate(Use::kResponseFilter);
      ASSERT_TRUE(Check(filter, Use::kResponseFilter));
      expect(responses, reader.ListResponses({.filter = filter, .scope = scope, .limit = kAll}),
             filter, Use::kResponseFilter,
             [&](const Response& r) { return scope.Covers(r.org_unit_id, r.queue_id); });
      filter = any.AnyPredicate(Use::kCustomerFilter);
      ASSERT_TRUE(Check(filter, Use::kCustomerFilter));
      expect(stored_customers,
             reader.ListCustomers({.filter = filter, .scope = scope, .limit = kAll}), filter,
             Use::kCustomerFilter,
             [&](const Customer& c) { return scope.CoversOrgUnit(c.profile.org_unit_id); });

      // Scans know scopes too, and go in id order.
      std::vector<Case> scanned;
      reader.ScanCases("nps", scope, [&](const Case& c) { scanned.push_back(c); });
      const Predicate of_nps = Compare(FieldId::kProgram, Op::kEqual, std::string("nps"));
      expect(cases, scanned, of_nps, Use::kCaseFilter, [&](const Case& c) {
        return scope.Covers(c.details.org_unit_id, c.details.queue_id);
      });
      EXPECT_TRUE(std::is_sorted(scanned.begin(), scanned.end(),
                                 [](const Case& a, const Case& b) { return a.id < b.id; }));
      std::vector<Response> answers;
      reader.ScanResponses("nps", scope, [&](const Response& r) { answers.push_back(r); });
      expect(responses, answers, of_nps, Use::kResponseFilter,
             [&](const Response& r) { return scope.Covers(r.org_unit_id, r.queue_id); });
      int64_t of_known = 0;
      for (const Response& r : answers) of_known += r.customer_id.empty() ? 0 : 1;
      reader.ScanAnswers("nps", scope,
                         [&](const CustomerId&, Timestamp, Category) { of_known -= 1; });
      EXPECT_EQ(of_known, 0);
      const auto best = reader.BestToClaim("", scope, make_.now, Anywhere, Everyone);
      if (best) {
        EXPECT_TRUE(scope.Covers(best->details.org_unit_id, best->details.queue_id));
        EXPECT_TRUE(IsClaimable(*best));
      }
      for (const Case& c : cases) {
        const bool better = IsClaimable(c) &&
                            (!best || ClaimOrder(c, make_.now) < ClaimOrder(*best, make_.now)) &&
                            scope.Covers(c.details.org_unit_id, c.details.queue_id);
        EXPECT_FALSE(better) << c.number;
      }
    }
  });
}

// The deepest filters that Check lets through: SQLite's parser takes a hundred pending symbols.
TEST_P(StoreTest, TheDeepestFiltersAreTaken) {
  Case c = OpenCase();
  using Group = Predicate (*)(std::vector<Predicate>);
  const Predicate leaves[] = {Compare(FieldId::kTouchpoint, Op::kHas, std::string("nowhere")),
                              Compare(FieldId::kOrgUnit, Op::kNotEqual, std::string("x")),
                              Compare(FieldId::kNextDueTime, Op::kIsSet, {})};
  for (const std::vector<Group>& groups :
       {std::vector<Group>{All, Any}, {None}, {All, None}, {Any, None}, {All, Any, None}}) {
    for (const Predicate& leaf : leaves) {
      Predicate behind = leaf;
      Predicate ahead = leaf;
      Predicate alone = leaf;
      for (size_t i = 0; i < 63; ++i) {
        const Group group = groups[i % groups.size()];
        behind = group({leaf, behind});
        ahead = group({ahead, leaf});
        alone = group({alone});
      }
      // A tree with six levels of two branches each.
      Predicate wide = leaf;
      for (size_t i = 0; i < 6; ++i) wide = groups[i % groups.size()]({wide, wide});
      for (const Predicate& filter : {behind, ahead, alone, wide}) {
        ASSERT_TRUE(Check(filter, Use::kCaseFilter));
        store().Read([&](Reader& reader) {
          const bool holds = Evaluate(filter, [&](FieldId field) { return ReadField(c, field); });
          EXPECT_THAT(reader.ListCases({.filter = filter, .limit = kAll}), SizeIs(holds ? 1 : 0))
              << Canonical(filter);
        });
      }
    }
  }
}

TEST_P(StoreTest, EventsOfACaseComeInPagesOldestFirst) {
  Case c = OpenCase();
  const Case other = OpenCase();
  for (int i = 0; i < 5; ++i) {
    Change change;
    c = make_.Add(change, c, CaseAssigned{"agent" + std::to_string(i), ""});
    Save(store(), change);
  }
  store().Read([&](Reader& reader) {
    const auto all = reader.CaseEvents(c.id, 0, 100);
    ASSERT_THAT(all, SizeIs(6));
    EXPECT_EQ(TypeName(all[0].body), "CaseOpened");
    EXPECT_EQ(std::get<CaseAssigned>(all[5].body).owner, "agent4");
    const auto page = reader.CaseEvents(c.id, all[1].sequence, 2);
    EXPECT_EQ(page, std::vector(all.begin() + 2, all.begin() + 4));
    EXPECT_THAT(reader.CaseEvents(c.id, all[5].sequence, 2), IsEmpty());
    EXPECT_THAT(reader.CaseEvents(other.id, 0, 100), SizeIs(1));
  });
}

std::vector<int64_t> Sequences(const LogPage& page) {
  std::vector<int64_t> sequences;
  for (const LoggedEvent& logged : page.events) sequences.push_back(logged.event.sequence);
  return sequences;
}

TEST_P(StoreTest, TheLogIsReadInStretchesAndSaysHowFarItLooked) {
  const Customer customer = CreateCustomer("K1");
  Case c = OpenCase({.customer_id = customer.id});
  const Case other = OpenCase();
  for (int i = 0; i < 3; ++i) {
    Change change;
    c = make_.Add(change, c, CaseAssigned{"agent" + std::to_string(i), ""});
    Save(store(), change);
  }
  store().Read([&](Reader& reader) {
    const LogPage all = reader.ReadLog({});
    ASSERT_THAT(all.events, SizeIs(6));
    EXPECT_TRUE(all.end);
    EXPECT_EQ(all.last, *reader.PositionAt(reader.LastSequence()));
    std::set<Hash128> marks;
    reader.ScanEvents(0, [&, i = size_t{0}](const RawEvent& raw) mutable {
      const LoggedEvent& logged = all.events[i++];
      EXPECT_EQ(logged.event, raw.event);
      EXPECT_EQ(logged.type, TypeName(raw.event.body));
      EXPECT_TRUE(std::equal(logged.mark.begin(), logged.mark.end(), raw.hash.begin()));
      EXPECT_EQ(reader.PositionAt(raw.event.sequence),
                (LogPosition{raw.event.sequence, logged.mark}));
      marks.insert(logged.mark);
    });
    EXPECT_THAT(marks, SizeIs(6));
    EXPECT_EQ(all.events[0].case_number, 0);
    EXPECT_EQ(all.events[1].case_number, c.number);
    EXPECT_EQ(all.events[1].program_id, c.program_id);
    EXPECT_EQ(all.events[2].case_number, other.number);
    const std::vector<int64_t> numbers = Sequences(all);

    const LogPage part = reader.ReadLog({.after = numbers[0], .most = 2});
    EXPECT_EQ(Sequences(part), std::vector(numbers.begin() + 1, numbers.begin() + 3));
    EXPECT_FALSE(part.end);
    EXPECT_EQ(part.last.sequence, numbers[2]);

    // What is not wanted is looked at, and no further than was asked for.
    const auto assigned = [](const LoggedEvent& logged) { return logged.type == "CaseAssigned"; };
    const LogPage looked = reader.ReadLog({.wants = assigned, .look_at = 3});
    EXPECT_THAT(looked.events, IsEmpty());
    EXPECT_EQ(looked.last, (LogPosition{numbers[2], all.events[2].mark}));
    EXPECT_FALSE(looked.end);
    EXPECT_EQ(Sequences(reader.ReadLog({.wants = assigned})),
              std::vector(numbers.begin() + 3, numbers.end()));

    // Of one case: to the end of the log, whatever else is in it.
    const LogPage of_other = reader.ReadLog({.case_id = other.id});
    EXPECT_EQ(Sequences(of_other), std::vector{numbers[2]});
    EXPECT_TRUE(of_other.end);
    EXPECT_EQ(of_other.last, all.last);
    EXPECT_EQ(Sequences(reader.ReadLog({.after = numbers[1], .case_id = c.id, .most = 2})),
              std::vector(numbers.begin() + 3, numbers.begin() + 5));

    const LogPage nothing = reader.ReadLog({.after = numbers.back()});
    EXPECT_THAT(nothing.events, IsEmpty());
    EXPECT_TRUE(nothing.end);
    EXPECT_EQ(nothing.last, (LogPosition{numbers.back(), {}}));
    EXPECT_EQ(reader.PositionAt(0), LogPosition{});
    EXPECT_EQ(reader.PositionAt(numbers.back() + 1), std::nullopt);
  });
}

TEST_P(StoreTest, EventsOfACaseThatIsGoneAreStillOfItsProgram) {
  const Customer customer = CreateCustomer("K1");
  Change change;
  const Case c = make_.Open(change, {.number = 1, .customer_id = customer.id, .history = true});
  Save(store(), change);
  Change gone;
  make_.Void(gone, c);
  Save(store(), gone);
  store().Read([&](Reader& reader) {
    const LogPage page = reader.ReadLog({.case_id = c.id});
    ASSERT_THAT(page.events, SizeIs(2));
    for (const LoggedEvent& logged : page.events) {
      EXPECT_EQ(logged.program_id, c.program_id);
      EXPECT_EQ(logged.case_number, 1);
    }
  });
}

TEST_P(StoreTest, APlaceInTheLogIsFoundByTime) {
  const Timestamp begin = make_.now;
  std::vector<std::pair<Timestamp, int64_t>> made;  // when, and the last sequence then
  for (int i = 0; i < 20; ++i) {
    // Some at one time.
    if (i % 3 != 0) make_.now += minutes(1);
    OpenCase();
    made.emplace_back(make_.now, Read([](Reader& r) { return r.LastSequence(); }));
  }
  store().Read([&](Reader& reader) {
    for (int m = -1; m <= 20; ++m) {
      const Timestamp at = begin + minutes(m);
      int64_t expected = 0;
      for (const auto& [when, sequence] : made) {
        if (when < at) expected = sequence;
      }
      EXPECT_EQ(reader.PositionBefore(at), *reader.PositionAt(expected)) << m;
    }
  });
}

TEST_P(StoreTest, SubscriptionsAreTheOwnersAndReplacedAsAWhole) {
  const Subscription li{.owner = "li",
                        .name = "b",
                        .position = {7, {1, 2}},
                        .created_at = make_.now,
                        .request = {3},
                        .request_body = {4}};
  Subscription first = li, other = li;
  first.name = "a";
  other.owner = "wei";
  store().PutSubscriptions({{std::nullopt, li}, {std::nullopt, first}, {std::nullopt, other}}, {});
  const auto of = [&](std::string_view owner) {
    return Read([&](Reader& r) { return r.SubscriptionsOf(owner); });
  };
  EXPECT_THAT(of("li"), ElementsAre(first, li));
  EXPECT_THAT(of("wei"), ElementsAre(other));
  EXPECT_THAT(of("nobody"), IsEmpty());
  Subscription moved = li;
  moved.position = {9, {5}};
  moved.committed_at = make_.now + minutes(1);
  store().PutSubscriptions({{li, moved}, {first, std::nullopt}}, {});
  EXPECT_THAT(of("li"), ElementsAre(moved));
  EXPECT_THAT(of("wei"), ElementsAre(other));
}

TEST_P(StoreTest, ASecretIsTheSameEverAfter) {
  const auto one = store().Secret("one");
  EXPECT_EQ(store().Secret("one"), one);
  EXPECT_NE(store().Secret("two"), one);
}

TEST_P(StoreTest, CasesAreDueByTheirEarliestPendingTimer) {
  const auto with_timers = [&](std::vector<int> due_in_hours) {
    Change change;
    Case c = make_.Open(change, {.number = NextCaseNumber(store())});
    for (int32_t generation = 1; int hour : due_in_hours) {
      c = make_.Add(change, c,
                    TimerSet{TimerKind::kCommitment, generation++, make_.now + hours(hour)});
    }
    Save(store(), change);
    return c;
  };
  Case first = with_timers({5, 2});
  const Case second = with_timers({3});
  const Case third = with_timers({});
  const Case fourth = with_timers({3});
  const auto due = [&](int hour, int32_t limit = kAll) {
    return Read([&](Reader& r) { return r.CasesDue(make_.now + hours(hour), limit); });
  };
  EXPECT_THAT(due(1), IsEmpty());
  EXPECT_THAT(due(2), ElementsAre(first.id));
  EXPECT_THAT(due(9), ElementsAre(first.id, second.id, fourth.id));
  EXPECT_THAT(due(9, 2), ElementsAre(first.id, second.id));
  EXPECT_EQ(Read([&](Reader& r) { return r.EarliestDue(); }), make_.now + hours(2));
  EXPECT_EQ(Read([&](Reader& r) { return r.CountDue(make_.now + hours(3)); }), 3);
  Change change;
  first = make_.Add(change, first, TimerEnded{TimerKind::kCommitment, 2, TimerState::kFired});
  Save(store(), change);
  EXPECT_THAT(due(4), ElementsAre(second.id, fourth.id));
  EXPECT_THAT(due(5), ElementsAre(second.id, fourth.id, first.id));
  std::vector<Timer> timers;
  store().Read([&](Reader& reader) {
    reader.ScanTimers([&](const CaseId& id, const Timer& timer) {
      if (id == first.id) timers.push_back(timer);
    });
  });
  EXPECT_EQ(timers, first.timers);
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(StoreTest, RequestsAreKeptForSevenDays) {
  const Timestamp noon = make_.now + hours(12);
  for (uint8_t day = 0; day < 12; ++day) {
    Change change;
    const RequestRecord record{
        .key = Key(day), .body = Key(day, 1), .resource = RawId{{day, 2}}, .at = noon + days(day)};
    change.request = record;
    Save(store(), change);
    store().Read([&](Reader& reader) {
      for (uint8_t before = 0; before <= day; ++before) {
        const auto found = reader.FindRequest(Key(before));
        EXPECT_EQ(found.has_value(), day - before <= 7) << int{before} << " on day " << int{day};
        if (!found) continue;
        EXPECT_EQ(found->body, Key(before, 1));
        EXPECT_EQ(found->resource.bytes[0], before);
        EXPECT_EQ(found->at, noon + days(before));
      }
      EXPECT_FALSE(reader.FindRequest(Key(99)));
    });
  }
  // A clock that jumped back far has no day of its own any more; the request is kept all the same.
  Change change;
  change.request = RequestRecord{.key = Key(100), .at = noon - days(100)};
  Save(store(), change);
  EXPECT_TRUE(Read([&](Reader& r) { return r.FindRequest(Key(100)).has_value(); }));
}

TEST_P(StoreTest, ARequestWithoutAResourceIsFound) {
  Change change;
  change.request = RequestRecord{.key = Key(1), .body = Key(2), .at = make_.now};
  Save(store(), change);
  const auto found = Read([&](Reader& r) { return r.FindRequest(Key(1)); });
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->resource.empty());
}

TEST_P(StoreTest, RollupsAreSumsOverBatches) {
  for (int batch = 0; batch < 2; ++batch) {
    std::vector<Change> changes(5);
    for (Change& change : changes) {
      make_.Record(change, {.category = Category::kPromoter, .org_unit_id = "east"});
      make_.Record(change, {.org_unit_id = "west", .occurred_at = make_.now + days(1)});
    }
    Save(store(), changes);
  }
  std::map<RollupKey, Counts> rollups;
  store().Read([&](Reader& reader) {
    reader.ScanRollups([&](const RollupKey& key, const Counts& counts) {
      if (counts != Counts{}) rollups[key] = counts;
    });
  });
  const int64_t day = DayNumber(make_.now);
  ASSERT_THAT(rollups, SizeIs(2));
  EXPECT_EQ((rollups[{"nps", day, "east"}]), (Counts{.promoters = 10, .anonymous = 10}));
  EXPECT_EQ((rollups[{"nps", day + 1, "west"}]),
            (Counts{.detractors = 10, .anonymous = 10, .anonymous_detractors = 10}));
}

TEST_P(StoreTest, AnswersComeByCustomerAndThenByTime) {
  const Customer a = CreateCustomer("A");
  const Customer b = CreateCustomer("B");
  const auto record = [&](const CustomerId& id, int hour, Category category,
                          std::string program = "nps") {
    RecordResponse({.program_id = std::move(program),
                    .customer_id = id,
                    .category = category,
                    .occurred_at = make_.now + hours(hour)});
  };
  record(b.id, 1, Category::kPassive);
  record(a.id, 5, Category::kPromoter);
  record(a.id, 2, Category::kDetractor);
  record(a.id, 2, Category::kPassive);
  record(a.id, 3, Category::kPassive, "csat");
  record({}, 8, Category::kDetractor);
  std::vector<std::tuple<CustomerId, int, Category>> answers;
  store().Read([&](Reader& reader) {
    reader.ScanAnswers("nps", {}, [&](const CustomerId& id, Timestamp at, Category category) {
      answers.emplace_back(id, (at - make_.now) / hours(1), category);
    });
    EXPECT_EQ(reader.LastAnswerAt("nps"), make_.now + hours(8));
    EXPECT_EQ(reader.LastAnswerAt("csat"), make_.now + hours(3));
    EXPECT_FALSE(reader.LastAnswerAt("ces"));
  });
  EXPECT_THAT(answers, ElementsAre(std::tuple(a.id, 2, Category::kDetractor),
                                   std::tuple(a.id, 2, Category::kPassive),
                                   std::tuple(a.id, 5, Category::kPromoter),
                                   std::tuple(b.id, 1, Category::kPassive)));
}

TEST_P(StoreTest, AVoidedCaseIsGoneWithItsTimersAndItsEventsStay) {
  const Customer customer = CreateCustomer("K1");
  Change change;
  Case c = make_.Open(change, {.number = 1, .customer_id = customer.id, .history = true});
  c = make_.Add(change, c, TimerSet{TimerKind::kFirstContact, 1, make_.now});
  Save(store(), change);
  Change gone;
  make_.Void(gone, c);
  Save(store(), gone);
  store().Read([&](Reader& reader) {
    EXPECT_FALSE(reader.GetCase(c.id));
    EXPECT_FALSE(reader.GetCaseByNumber(1));
    EXPECT_THAT(reader.CasesOf(customer.id), IsEmpty());
    EXPECT_FALSE(reader.EarliestDue());
    reader.ScanTimers([](const CaseId&, const Timer&) { ADD_FAILURE(); });
    EXPECT_THAT(reader.CaseEvents(c.id, 0, 10), SizeIs(3));
    EXPECT_EQ(reader.Sizes().cases, 0);
  });
  EXPECT_EQ(NextCaseNumber(store()), 2);
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

StoredRevision ARevision(int64_t number, std::string hash, Timestamp at) {
  return {number, std::move(hash), "programs: [" + std::to_string(number) + "]\n",
          "api",  "li.na",         at};
}

TEST_P(StoreTest, RevisionsAreKeptAndFoundByNumber) {
  EXPECT_FALSE(Read([](Reader& r) { return r.FindRevision(0); }));
  EXPECT_THAT(Read([](Reader& r) { return r.ListRevisions(0, kAll); }), IsEmpty());
  std::vector<StoredRevision> stored;
  for (const int64_t number : {1, 2, 5}) {
    stored.push_back(ARevision(number, "h" + std::to_string(number), make_.now + hours(number)));
    Change change;
    change.revision = stored.back();
    Save(store(), std::move(change));
    EXPECT_EQ(Read([](Reader& r) { return r.FindRevision(0); }), stored.back()) << "the last one";
  }
  for (const StoredRevision& each : stored) {
    EXPECT_EQ(Read([&](Reader& r) { return r.FindRevision(each.number); }), each);
  }
  EXPECT_FALSE(Read([](Reader& r) { return r.FindRevision(3); }));
  const auto listed = [&](int64_t below, int32_t limit) {
    std::vector<StoredRevision> revisions;
    store().Read([&](Reader& r) { revisions = r.ListRevisions(below, limit); });
    return revisions;
  };
  std::vector<StoredRevision> newest(stored.rbegin(), stored.rend());
  for (StoredRevision& each : newest) each.text.clear();
  EXPECT_EQ(listed(0, kAll), newest) << "without their texts";
  EXPECT_THAT(listed(0, 2), ElementsAre(newest[0], newest[1]));
  EXPECT_THAT(listed(5, 1), ElementsAre(newest[1]));
  EXPECT_THAT(listed(2, kAll), ElementsAre(newest[2]));
  EXPECT_THAT(listed(1, kAll), IsEmpty());
}

TEST_P(StoreTest, ARevisionWhoseNumberIsNotAboveAllIsRefused) {
  Change first;
  first.revision = ARevision(2, "a", make_.now);
  Save(store(), first);
  Change again;
  again.revision = ARevision(2, "b", make_.now);
  EXPECT_THROW(Save(store(), again), StoreFailure);
}

TEST_P(StoreTest, TheServersStateIsOneRowThatIsReplaced) {
  EXPECT_EQ(Read([](Reader& r) { return r.GetServerState(); }), ServerState{});
  const ServerState held{make_.now, make_.now - hours(2), "2026a", 17};
  for (const ServerState& state : {held, ServerState{make_.now + hours(1), {}, "2026b", 0}}) {
    Change change;
    change.server_state = state;
    Save(store(), std::move(change));
    EXPECT_EQ(Read([](Reader& r) { return r.GetServerState(); }), state);
  }
}

TEST_P(StoreTest, AnUndoneRevisionAndStateLeaveTheOnesBefore) {
  Change before;
  before.revision = ARevision(1, "a", make_.now);
  before.server_state = ServerState{make_.now, {}, "2026a"};
  Save(store(), before);
  // Two saves within one command, then its neighbour.
  std::vector<Change> undone(2);
  undone[0].revision = ARevision(2, "b", make_.now);
  undone[0].server_state = ServerState{make_.now, make_.now, "2026b"};
  undone[1].revision = ARevision(3, "c", make_.now);
  undone[1].server_state = ServerState{make_.now + hours(1), {}, "2026c"};
  Change after;
  after.revision = ARevision(2, "d", make_.now);
  store().Execute(2, [&](size_t i, Transaction& transaction) {
    if (i == 1) {
      EXPECT_EQ(transaction.FindRevision(0)->hash, "a");
      EXPECT_EQ(transaction.GetServerState(), *before.server_state);
      transaction.Save(after);
      return true;
    }
    for (Change& change : undone) transaction.Save(change);
    EXPECT_EQ(transaction.FindRevision(0)->hash, "c");
    EXPECT_EQ(transaction.GetServerState().zone_data, "2026c");
    return false;
  });
  store().Read([&](Reader& reader) {
    EXPECT_EQ(reader.FindRevision(0), after.revision);
    EXPECT_FALSE(reader.FindRevision(3));
    EXPECT_THAT(reader.ListRevisions(0, kAll), SizeIs(2));
    EXPECT_EQ(reader.GetServerState(), *before.server_state);
  });
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

// Events of the whole server name nobody, stand in the chain like any other, and belong to no case.
TEST_P(StoreTest, EventsOfTheServerAreStoredWithoutASubject) {
  const Case opened = OpenCase();
  const std::vector<EventBody> bodies = {RevisionApplied{3, "abc", "api"},
                                         ClockJumped{make_.now, make_.now + days(2), true},
                                         ClockConfirmed{}, ZoneDataChanged{"2026a", "2026b"}};
  Change change;
  change.revision = ARevision(3, "abc", make_.now);
  for (const EventBody& body : bodies) {
    change.events.push_back(
        {.occurred_at = make_.now, .recorded_at = make_.now, .actor = "li.na", .body = body});
  }
  Save(store(), change);
  std::vector<EventBody> read;
  store().Read([&](Reader& reader) {
    reader.ScanEvents(1, [&](const RawEvent& raw) {
      EXPECT_TRUE(raw.event.case_id.empty() && raw.event.customer_id.empty() &&
                  raw.event.response_id.empty());
      EXPECT_EQ(raw.event.actor, "li.na");
      read.push_back(raw.event.body);
    });
    EXPECT_THAT(reader.CaseEvents(opened.id, 0, kAll), SizeIs(1));
    EXPECT_EQ(reader.Sizes().events, 5);
  });
  EXPECT_EQ(read, bodies);
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

// Takes one after the other until none is left.
TEST_P(StoreTest, CasesAreGivenOutInClaimOrder) {
  std::mt19937_64 random(7);
  std::vector<Case> cases;
  for (int i = 0; i < 60; ++i) {
    Change change;
    Case with = InQueue(random() % 2 == 0 ? "a" : "b", static_cast<int32_t>(random() % 3) + 1);
    with.number = NextCaseNumber(store());
    with.priority_rank = static_cast<int32_t>(random() % 3);  // 0: of before there were priorities
    if (random() % 2 == 0) {
      with.details.value_at_risk = {static_cast<int64_t>(random() % 3) * 100, "CNY"};
    }
    Case c = make_.Open(change, with);
    if (random() % 3 > 0) {
      const ClockKind kind = random() % 4 == 0 ? ClockKind::kResurvey : ClockKind::kRemedy;
      c = make_.Add(change, c, Due(kind, make_.now + hours(random() % 3)));
    }
    for (auto promises = random() % 4; promises > 1; --promises) {  // overdue, near and far ones
      Commitment promise{.id = make_.NextId<CommitmentId>(),
                         .due_at = make_.now + hours(random() % 60) - hours(10)};
      if (random() % 4 == 0) promise.state = CommitmentState::kKept;
      c = make_.Add(change, c, CommitmentMade{promise});
    }
    Save(store(), std::move(change));
    cases.push_back(c);
  }
  // Later all the rest of the promises are near.
  for (const auto later : {hours(0), hours(12), hours(90)}) {
    const Timestamp now = make_.now + later;
    const auto first =
        std::min_element(cases.begin(), cases.end(),
                         [&](const auto& a, const auto& b) { return Before(a, b, now); });
    const auto best =
        Read([&](Reader& r) { return r.BestToClaim("", {}, now, Anywhere, Everyone); });
    EXPECT_EQ(best->number, first->number) << later.count();
  }
  std::sort(cases.begin(), cases.end(),
            [&](const Case& a, const Case& b) { return Before(a, b, make_.now); });
  EXPECT_EQ(cases.back().priority_rank, 0) << "those come last";
  const std::vector<std::string> of_a = {"a"};
  for (const Case& expected : cases) {
    const auto best =
        Read([&](Reader& r) { return r.BestToClaim("", {}, make_.now, Anywhere, Everyone); });
    ASSERT_TRUE(best);
    ASSERT_EQ(best->number, expected.number);
    const auto best_of_queue = Read([&](Reader& r) {
      return r.BestToClaim(expected.details.queue_id, {}, make_.now, Anywhere, Everyone);
    });
    EXPECT_EQ(best_of_queue->number, expected.number);
    // What may not be claimed is passed over.
    const auto second = Read([&](Reader& r) {
      return r.BestToClaim("", {}, make_.now, Anywhere,
                           [&](const Case& c) { return c.number != expected.number; });
    });
    const bool last = expected.number == cases.back().number;
    EXPECT_EQ(second ? second->number : 0, last ? 0 : (&expected + 1)->number);
    Change change;
    make_.Add(change, *best, CaseAssigned{"li.na", {}});
    Save(store(), std::move(change));
  }
  EXPECT_FALSE(
      Read([&](Reader& r) { return r.BestToClaim("", {}, make_.now, Anywhere, Everyone); }));
}

// A queue that is closed to whoever claims is not walked through.
TEST_P(StoreTest, AQueueIsAskedOnceAndClosedAsAWhole) {
  for (int i = 0; i < 5; ++i) {
    for (const char* queue : {"a", "b"}) {
      Change change;
      Case with = InQueue(queue, queue[0] == 'a' ? 5 : 1);
      with.number = NextCaseNumber(store());
      make_.Open(change, with);
      Save(store(), std::move(change));
    }
  }
  std::map<std::string, int> asked;
  std::vector<std::string> walked;
  const auto best = Read([&](Reader& r) {
    return r.BestToClaim(
        "", {}, make_.now,
        [&](std::string_view queue) {
          ++asked[std::string(queue)];
          return queue != "a";
        },
        [&](const Case& c) {
          walked.push_back(c.details.queue_id);
          return true;
        });
  });
  ASSERT_TRUE(best);
  EXPECT_EQ(best->details.queue_id, "b");
  EXPECT_EQ(std::count(walked.begin(), walked.end(), "a"), 0);
  EXPECT_EQ(asked["a"], 1);
  EXPECT_EQ(asked["b"], 1);
}

// What an import tells of the past is nobody's work.
TEST_P(StoreTest, CasesOfAHistoryAreNotClaimed) {
  OpenCase({.history = true});
  EXPECT_FALSE(
      Read([&](Reader& r) { return r.BestToClaim("", {}, make_.now, Anywhere, Everyone); }));
}

TEST_P(StoreTest, ALoadIsWhatNeedsWorkAndWhenTheyWereLastGivenOne) {
  const auto load = [&](std::string_view who) {
    return Read([&](Reader& r) { return r.LoadOf(who); });
  };
  EXPECT_EQ(load("li.na"), (StaffLoad{"li.na", 0, std::nullopt}));
  EXPECT_EQ(load(""), (StaffLoad{"", 0, std::nullopt}));
  std::vector<Case> cases;
  std::vector<Timestamp> given;
  const auto change = [&](size_t i, EventBody body, Phase phase = Phase::kUnset) {
    Change one;
    make_.now += hours(1);
    cases[i] = make_.Add(one, cases[i], std::move(body), "", phase);
    Save(store(), std::move(one));
  };
  for (size_t i = 0; i < 3; ++i) {
    cases.push_back(OpenCase());
    change(i, CaseAssigned{"li.na", {}});
    given.push_back(make_.now);
  }
  EXPECT_EQ(load("li.na"), (StaffLoad{"li.na", 3, given[2]}));
  change(1, CaseAssigned{"li.na", {}});
  given[2] = make_.now;
  EXPECT_EQ(load("li.na"), (StaffLoad{"li.na", 3, given[2]}));
  change(2, CaseResolved{HandlingResult::kResolved, "", {}, {}}, Phase::kRemedied);
  EXPECT_EQ(load("li.na"), (StaffLoad{"li.na", 2, given[2]})) << "handled, and still theirs";
  change(2, CaseAssigned{"wang.wei", {}});
  EXPECT_EQ(load("li.na"), (StaffLoad{"li.na", 2, given[2]})) << "given, and gone again";
  EXPECT_EQ(load("wang.wei"), (StaffLoad{"wang.wei", 0, make_.now}));
  change(0, CaseReturned{"wrong_unit", {}, {}});
  change(1, CaseDispatched{"wang.wei", {}, {}, {}});
  EXPECT_EQ(load("li.na"), (StaffLoad{"li.na", 0, given[2]}));
  EXPECT_EQ(load("wang.wei"), (StaffLoad{"wang.wei", 1, make_.now}));
  const StaffLoad before = load("wang.wei");
  {
    Change undone;
    make_.now += hours(1);
    make_.Add(undone, cases[0], CaseAssigned{"wang.wei", {}});
    store().Execute(1, [&](size_t, Transaction& transaction) {
      transaction.Save(undone);
      return false;
    });
  }
  EXPECT_EQ(load("wang.wei"), before);
  EXPECT_EQ(cases[1].lease_number, 2);
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

// The priority that a tier raises is the one that the next claim goes by.
TEST_P(StoreTest, ARaisedPriorityComesFirst) {
  const Case low = OpenCase({.severity = 1, .priority = "low", .priority_rank = 3});
  const Case high = OpenCase({.severity = 5, .priority = "high", .priority_rank = 2});
  EXPECT_EQ(
      Read([&](Reader& r) { return r.BestToClaim("", {}, make_.now, Anywhere, Everyone); })->number,
      high.number);
  Change change;
  make_.Add(change, low, PriorityChanged{"urgent", 1});
  Save(store(), std::move(change));
  EXPECT_EQ(
      Read([&](Reader& r) { return r.BestToClaim("", {}, make_.now, Anywhere, Everyone); })->number,
      low.number);
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(StoreTest, PrincipalsAreFoundByAnyOfTheirTokens) {
  const std::array<uint8_t, 32> first{1};
  const std::array<uint8_t, 32> second{2};
  EXPECT_FALSE(store().FindPrincipal(first));
  store().PutPrincipal({"li.na", "agent", {{"east", "west/xian"}, {"complaints"}}, false}, first);
  store().PutPrincipal({"li.na", "manager", {{}, {"a", "b"}}, true}, second);
  store().PutPrincipal({"wei", "admin", {}, false}, std::nullopt);
  for (const auto& token : {first, second}) {
    const auto found = store().FindPrincipal(token);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->name, "li.na");
    EXPECT_EQ(found->role, "manager");
    EXPECT_EQ(found->scope, (Scope{{}, {"a", "b"}}));
    EXPECT_TRUE(found->disabled);
  }
  EXPECT_FALSE(store().FindPrincipal({3}));
}

TEST_P(StoreTest, VerifyHoldsAfterARandomHistory) {
  std::mt19937_64 random(11);
  std::vector<Customer> customers;
  std::map<int64_t, Case> cases;
  for (int batch = 0; batch < 60; ++batch) {
    make_.now += minutes(random() % 600);
    store().Execute(8, [&](size_t, Transaction& transaction) {
      Change change;
      const bool keep = random() % 5 > 0;
      std::optional<Customer> customer;
      std::optional<Case> touched;
      if (random() % 2 == 0 || cases.empty()) {
        customer = make_.Create(change, "K" + std::to_string(random()));
        const Response response =
            make_.Record(change, {.customer_id = customer->id, .reason = make_.NewText("reason")});
        if (random() % 2 == 0) {
          touched = make_.Open(change, {.number = transaction.NextCaseNumber(),
                                        .customer_id = customer->id,
                                        .opening_response_id = response.id,
                                        .category = Category::kDetractor,
                                        .holds_dedupe_slot = true});
          touched = make_.Add(change, *touched,
                              TimerSet{TimerKind::kFirstContact, 1, make_.now + hours(24)});
        }
      } else {
        const Case before =
            std::next(cases.begin(), static_cast<int64_t>(random() % cases.size()))->second;
        if (before.phase == Phase::kClosed) {
          touched = make_.Add(
              change, before,
              CaseReopened{ReopenCause::kByHand, 3, {}, true, make_.NewText("still angry")},
              "reopened", Phase::kOpen);
        } else if (random() % 2 == 0) {
          Attempt attempt{.id = make_.NextId<AttemptId>(), .outcome = AttemptOutcome::kReached};
          attempt.note = make_.NewText("spoke with her");
          touched =
              make_.Add(change, before, AttemptLogged{attempt}, "contacted", Phase::kContacted);
          if (before.timers[0].state == TimerState::kPending) {
            touched = make_.Add(change, *touched,
                                TimerEnded{TimerKind::kFirstContact, 1, TimerState::kMet});
          }
        } else {
          touched = make_.Add(change, before,
                              CaseClosed{ResurveyResult::kPromoter, NotAskedReason::kUnset, {}},
                              "closed", Phase::kClosed);
        }
      }
      AddUp(change);
      transaction.Save(change);
      if (keep && touched) cases[touched->number] = WithoutTexts(*touched);
      return keep;
    });
  }
  const VerifyReport report = Verify(store());
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_GT(report.events, 300);
  EXPECT_EQ(report.cases, static_cast<int64_t>(cases.size()));
  EXPECT_GE(report.timers, report.cases);
  EXPECT_GT(report.rollups, 10);
}

// ---- Erasure

// A customer with everything that erasing takes: what they have, and the events that made it.
struct Traces {
  Customer customer{};
  Response response{};
  Case c{};
  BlacklistEntry entry{};
  Change change{};
};

class StoreErasureTest : public StoreTest {
 protected:
  Traces Leave(const std::string& who) {
    Traces traces;
    Change& change = traces.change;
    Customer with;
    with.profile.display_name = make_.NewText(who + " name");
    with.profile.account_id = who + " account";
    traces.customer = make_.Create(change, who + " key", with);
    CustomerProfile changed = with.profile;
    changed.display_name = make_.NewText(who + " later name");
    traces.customer = make_.Add(change, traces.customer, CustomerProfileChanged{changed});
    Response response{.customer_id = traces.customer.id};
    response.external_key = {"survey", who + " answer"};
    response.order_reference = who + " order";
    response.attributes = {{"room", who + " room"}};
    response.reason = make_.NewText(who + " reason");
    traces.response = make_.Record(change, response);
    Case c{.number = NextCaseNumber(store()), .customer_id = traces.customer.id};
    c.details.external_key = {"tickets", who + " ticket"};
    c.details.attachments = {{who + " uri", who + " title"}};
    c.details.external_authority = {"ombudsman", who + " reference", {}};
    c.details.customer_request = make_.NewText(who + " request");
    traces.c = make_.Open(change, c);
    traces.c = make_.Add(change, traces.c,
                         ResurveyAsked{make_.NextId<InvitationId>(), {}, Channel::kEmail});
    BlacklistEntry entry{.number = fixtures::NextEntryNumber(store())};
    entry.evidence = {{make_.NextId<BlacklistEvidenceId>(),
                       make_.NewText(who + " summary"),
                       who + " url",
                       "",
                       {},
                       make_.now,
                       "li"}};
    traces.entry = make_.Propose(change, traces.customer, entry);
    change.identities = {{traces.customer.id, {Key(1), Key(static_cast<uint8_t>(who[0]))}}};
    Save(store(), change);
    return traces;
  }
  Change Erasing(const Traces& traces) {
    Change change;
    make_.Add(change, traces.customer, CustomerErased{ErasureGround::kObjection, {}});
    change.erased = {traces.customer.id};
    return change;
  }
  static StoredSuppression Suppressing(uint8_t hash, Timestamp until) {
    return {{hash}, {.kind = BlacklistKind::kDoNotContact, .expires_at = until}};
  }
  // Everything that leads to the person or tells of them.
  std::vector<std::string> Told(Reader& reader, const Traces& traces) {
    std::vector<std::string> told;
    const auto look = [&](bool there, const char* what) {
      if (there) told.emplace_back(what);
    };
    look(reader
             .FindCustomer({"crm", traces.customer.keys.empty()
                                       ? std::string()
                                       : traces.customer.keys[0].external_id.value})
             .has_value(),
         "customer by key");
    look(reader.FindResponse(traces.response.external_key).has_value(), "response by key");
    look(reader.FindCase(traces.c.details.external_key).has_value(), "case by key");
    for (const CustomerId& id : reader.CustomersBy(Key(1))) {
      look(id == traces.customer.id, "identity");
    }
    for (Event& event : reader.PersonEvents(traces.customer.id, 0, kAll)) {
      Event forgotten = event;
      ForgetPersonal(forgotten);
      look(event != forgotten, "personal value in an event");
      Hydrate(reader, event);
      ForEachText(event, [&](Text& text) { look(!text.value.empty(), "text"); });
    }
    Response r = reader.GetResponse(traces.response.id).value();
    look(!r.external_key.empty() || !r.order_reference.empty() || !r.attributes.empty(),
         "personal value of the response");
    const CaseDetails details = reader.GetCase(traces.c.id).value().details;
    look(!details.external_key.empty() || !details.attachments.empty() ||
             !details.external_authority.reference.empty(),
         "personal value of the case");
    look(!reader.GetEntry(traces.entry.id)->evidence[0].url.empty(), "personal value of the entry");
    return told;
  }
};
INSTANTIATE_TEST_SUITE_P(All, StoreErasureTest, testing::Values("sqlite", "memory"),
                         [](const auto& param) { return param.param; });

TEST_P(StoreErasureTest, WhoIsErasedIsForgottenAndNobodyElse) {
  const Traces gone = Leave("gone");
  const Traces stays = Leave("stays");
  store().Read([&](Reader& reader) {
    EXPECT_THAT(Told(reader, gone), testing::Not(IsEmpty()));
    EXPECT_THAT(reader.ErasedCustomers(false), IsEmpty());
    const auto events = reader.PersonEvents(gone.customer.id, 0, kAll);
    ASSERT_THAT(events, SizeIs(gone.change.events.size()));
    for (size_t i = 1; i < events.size(); ++i) {
      EXPECT_LT(events[i - 1].sequence, events[i].sequence);
    }
    EXPECT_EQ(reader.PersonEvents(gone.customer.id, events[1].sequence, 2),
              (std::vector{events[2], events[3]}));
  });
  const auto before = Read([&](Reader& reader) { return Told(reader, stays); });
  Save(store(), Erasing(gone));
  store().Read([&](Reader& reader) {
    EXPECT_THAT(Told(reader, gone), IsEmpty());
    EXPECT_EQ(Told(reader, stays), before);
    EXPECT_EQ(reader.GetCase(gone.c.id)->details.external_authority.authority, "ombudsman");
    EXPECT_EQ(reader.ErasedCustomers(false), std::vector{gone.customer.id});
    EXPECT_EQ(reader.ErasedCustomers(true), std::vector{gone.customer.id});
    EXPECT_EQ(reader.CustomersBy(Key(1)), std::vector{stays.customer.id});
  });
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
  // Rows of theirs may still change, and their keys are free again.
  const Case known = Read([&](Reader& reader) { return reader.GetCase(gone.c.id).value(); });
  Change later;
  make_.Add(later, known, TimerSet{TimerKind::kHandOver, 1, make_.now});
  const Customer erased =
      Read([&](Reader& reader) { return reader.GetCustomer(gone.customer.id).value(); });
  make_.Add(later, erased, ErasureFinished{});
  Save(store(), later);
  store().Read([&](Reader& reader) {
    EXPECT_THAT(Told(reader, gone), IsEmpty());
    EXPECT_THAT(reader.ErasedCustomers(true), IsEmpty());
    EXPECT_EQ(reader.ErasedCustomers(false), std::vector{gone.customer.id});
  });
  const Traces again = Leave("gone");
  EXPECT_EQ(Read([&](Reader& reader) {
              return reader.FindResponse({"survey", "gone answer"}).value().id;
            }),
            again.response.id);
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(StoreErasureTest, WhatReceiversSaidOfAPersonGoesWithThem) {
  const Traces gone = Leave("gone");
  const Traces stays = Leave("stays");
  const auto last = [&](const Traces& traces) {
    return Read(
        [&](Reader& reader) { return reader.PersonEvents(traces.customer.id, 0, kAll).back(); });
  };
  const Event events[] = {last(gone), last(stays)};  // of the entry
  const auto id = [](uint8_t n) {
    RawId made;
    made.bytes[0] = n;
    return made;
  };
  store().WriteDeliveries([&](DeliveryRecords& records) {
    records.Put(Endpoint{.id = id(1), .owner = "li", .role = "agent", .created_at = make_.now});
    for (uint8_t n = 2; n < 4; ++n) {
      const Event& event = events[n - 2];
      records.Put(Delivery{.id = id(n),
                           .endpoint = id(1),
                           .sequence = event.sequence,
                           .event_type = "EntryProposed",
                           .order_key = OrderKeyOf(event),
                           .state = DeliveryState::kDead,
                           .tries = 1,
                           .last_answer = "who is that",
                           .ended_at = make_.now});
    }
    return true;
  });
  const auto answer = [&](uint8_t n) {
    std::string said;
    store().ReadDeliveries(
        [&](DeliveryRecords& records) { said = records.GetDelivery(id(n))->last_answer; });
    return said;
  };
  Change erasing = Erasing(gone);
  store().Execute(1, [&](size_t, Transaction& transaction) {
    transaction.Save(erasing);
    return false;
  });
  EXPECT_EQ(answer(2), "who is that") << "an erasure that was undone took it";
  Save(store(), Erasing(gone));
  EXPECT_EQ(answer(2), "");
  EXPECT_EQ(answer(3), "who is that");
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(StoreErasureTest, AnErasureThatIsUndoneTookNothing) {
  const Traces traces = Leave("mei");
  const auto everything = [&](Reader& reader) {
    std::vector<std::string> told = Told(reader, traces);
    for (Event& event : reader.PersonEvents(traces.customer.id, 0, kAll)) {
      Hydrate(reader, event);
      ForEachText(event, [&](Text& text) { told.push_back(text.value); });
    }
    return told;
  };
  const auto before = Read(everything);
  Change erasing = Erasing(traces);
  erasing.suppressions = {Suppressing(7, make_.now + days(9))};
  Change more;
  more.identities = {{traces.customer.id, {Key(9)}}};
  store().Execute(1, [&](size_t, Transaction& transaction) {
    transaction.Save(more);
    EXPECT_THAT(transaction.CustomersBy(Key(9)), SizeIs(1));
    transaction.Save(erasing);
    EXPECT_THAT(Told(transaction, traces), IsEmpty());
    return false;
  });
  EXPECT_EQ(Read(everything), before);
  store().Read([&](Reader& reader) {
    EXPECT_EQ(reader.GetResponse(traces.response.id)->order_reference, "mei order");
    EXPECT_EQ(reader.GetCase(traces.c.id)->details.external_key.external_id, "mei ticket");
    EXPECT_THAT(reader.CustomersBy(Key(9)), IsEmpty());
    reader.ScanSuppressions([](const StoredSuppression&) { ADD_FAILURE(); });
  });
  EXPECT_THAT(Verify(store()).problems, IsEmpty());
}

TEST_P(StoreErasureTest, SuppressionsAreFoundUntilTheyExpireAndThenDropped) {
  Change change;
  change.suppressions = {Suppressing(1, make_.now + days(2)), Suppressing(1, make_.now + days(9)),
                         Suppressing(2, make_.now + days(2)), Suppressing(1, make_.now + days(2))};
  Save(store(), change);
  const auto found = [&](std::vector<uint8_t> hashes, Timestamp now) {
    std::vector<Hash256> asked;
    for (const uint8_t hash : hashes) asked.push_back({hash});
    return Read([&](Reader& reader) { return reader.SuppressionsOf(asked, now); });
  };
  const auto count = [&] {
    int rows = 0;
    store().Read([&](Reader& reader) {
      reader.ScanSuppressions([&](const StoredSuppression&) { ++rows; });
    });
    return rows;
  };
  EXPECT_THAT(found({1}, make_.now), SizeIs(2));
  EXPECT_THAT(found({1, 2}, make_.now), SizeIs(2)) << "each once";
  EXPECT_THAT(found({3}, make_.now), IsEmpty());
  EXPECT_THAT(found({1}, make_.now + days(2)), SizeIs(1)) << "at its instant it is over";
  EXPECT_EQ(count(), 3);
  EXPECT_TRUE(store().Scrub(make_.now + days(2) - Duration{1}));
  EXPECT_EQ(count(), 3);
  EXPECT_TRUE(store().Scrub(make_.now + days(2)));
  EXPECT_EQ(count(), 1);
}

TEST_P(StoreErasureTest, WhatACustomerIsRecognisedByIsReplacedAsAWhole) {
  const Traces a = Leave("a");
  const Traces b = Leave("b");
  EXPECT_EQ(Read([](Reader& reader) { return reader.CustomersBy(Key(1)); }),
            (std::vector{a.customer.id, b.customer.id}));
  Change change;
  change.identities = {{a.customer.id, {Key(2), Key(2), Key(3)}}};
  Save(store(), change);
  store().Read([&](Reader& reader) {
    EXPECT_EQ(reader.CustomersBy(Key(1)), std::vector{b.customer.id});
    EXPECT_EQ(reader.CustomersBy(Key(2)), std::vector{a.customer.id});
    EXPECT_EQ(reader.CustomersBy(Key(3)), std::vector{a.customer.id});
    EXPECT_THAT(reader.CustomersBy(Key(4)), IsEmpty());
  });
}

TEST(ScopeTest, ATaskLendsSightOfItsCase) {
  const auto step = [](std::string queue) {
    return Compare(FieldId::kStepQueue, Op::kEqual, std::move(queue));
  };
  const Scope scope{.org_units = {"north"}, .queues = {"billing", "care"}};
  EXPECT_TRUE(AsksOwnSteps(scope, step("billing")));
  EXPECT_TRUE(
      AsksOwnSteps(scope, All({Compare(FieldId::kPaused, Op::kEqual, false), step("care")})));
  EXPECT_FALSE(AsksOwnSteps(scope, step("store")));
  EXPECT_FALSE(AsksOwnSteps(scope, Any({step("billing"), step("care")})));
  EXPECT_FALSE(AsksOwnSteps(scope, None({step("billing")})));
  EXPECT_FALSE(AsksOwnSteps(scope, Compare(FieldId::kQueue, Op::kEqual, std::string("billing"))));
  EXPECT_FALSE(AsksOwnSteps(scope, Predicate{}));
  EXPECT_FALSE(AsksOwnSteps(Scope{}, step("billing")));

  Case c;
  c.details.org_unit_id = "north/1";
  c.details.queue_id = "hotline";
  EXPECT_FALSE(CoversStep(scope, c));
  c.steps = {{.step_id = "check", .kind = StepKind::kTask, .queue_id = "billing"}};
  EXPECT_TRUE(CoversStep(scope, c));
  EXPECT_FALSE(CoversStep(Scope{.queues = {"store"}}, c));
  c.details.org_unit_id = "south";
  EXPECT_FALSE(CoversStep(scope, c));
  c.details.org_unit_id = "north/1";
  c.steps[0].state = StepState::kDone;
  EXPECT_FALSE(CoversStep(scope, c));
}

TEST(ScopeTest, CoversUnitsByWholePathSegmentsAndQueuesByName) {
  const Scope everything;
  EXPECT_TRUE(everything.unrestricted());
  EXPECT_TRUE(everything.Covers("", ""));
  const Scope units{.org_units = {"east/hangzhou", "north"}};
  EXPECT_TRUE(units.Covers("east/hangzhou", ""));
  EXPECT_TRUE(units.Covers("east/hangzhou/westlake", "q"));
  EXPECT_TRUE(units.CoversOrgUnit("north"));
  EXPECT_FALSE(units.Covers("east", "q"));
  EXPECT_FALSE(units.Covers("east/hangzhou2", "q"));
  EXPECT_FALSE(units.Covers("", "q"));
  const Scope queues{.queues = {"q"}};
  EXPECT_TRUE(queues.Covers("", "q"));
  EXPECT_FALSE(queues.Covers("", ""));
  EXPECT_FALSE(queues.Covers("", "p"));
  EXPECT_TRUE(queues.CoversOrgUnit(""));
  const Scope nothing{.org_units = {""}, .queues = {""}};
  EXPECT_FALSE(nothing.Covers("", ""));
  EXPECT_FALSE(nothing.Covers("east", "q"));
}

}  // namespace
}  // namespace rebound
