// Goal: every promise of server/storage/delivery_records.h, for each store that there is.
#include "server/storage/delivery_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "server/storage/access_records.h"
#include "server/storage/memory_store.h"
#include "server/storage/sqlite_store.h"
#include "server/storage/verify.h"
#include "tests/fixtures/storage_fixtures.h"

namespace rebound {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Timestamp kDeliveriesNow = FromMillis(1'772'442'000'000);

RawId RowId(uint8_t n) {
  RawId id;
  id.bytes[0] = n;
  return id;
}

Endpoint MakeEndpoint(uint8_t n) {
  return {.id = RowId(n),
          .owner = "li",
          .role = "night-desk",
          .scope = {{"east", "west/a"}, {"vip"}},
          .kind = EndpointKind::kWecom,
          .url = "https://hooks.example/x",
          .recipients = {"a@example.com", "", "b\n@example.com"},
          .filter = std::string("\x0a\x00\xff", 3),
          .language = "zh-CN",
          .headers = {{"x-a", "1"}, {"x-b", ""}},
          .secrets = {std::string("\n\x00new", 5), "old"},
          .previous_until = kDeliveriesNow + hours(1),
          .state = EndpointState::kActive,
          .cause = EndpointDisabledCause::kNone,
          .position = {7, {1, 2}},
          .created_at = kDeliveriesNow,
          .failing_since = kDeliveriesNow + hours(2)};
}

// Pending, of the event `n` and due after so many minutes.
Delivery MakeDelivery(uint8_t n, const std::string& key, int due, uint8_t endpoint = 1) {
  return {.id = RowId(static_cast<uint8_t>(n + 100 * (endpoint - 1))),
          .endpoint = RowId(endpoint),
          .sequence = n,
          .event_type = "case_opened",
          .case_id = std::nullopt,
          .order_key = key,
          .next_try_at = kDeliveriesNow + minutes(due)};
}

Delivery Ended(Delivery delivery, DeliveryState state, Timestamp at = kDeliveriesNow) {
  delivery.state = state;
  delivery.next_try_at.reset();
  delivery.ended_at = at;
  return delivery;
}

class DeliveryRecordsTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "memory") {
      store_ = std::make_unique<MemoryStore>();
    } else {
      folder_ = testing::UnitTest::GetInstance()->current_test_info()->name();
      std::replace(folder_.begin(), folder_.end(), '/', '.');
      folder_ = testing::TempDir() + "/rebound.deliveries." + folder_;
      std::filesystem::remove_all(folder_);
      std::filesystem::create_directories(folder_);
      store_ = SqliteStore::Open(folder_ + "/rebound.db");
    }
    Put(MakeEndpoint(1), MakeEndpoint(2));
  }
  void TearDown() override {
    store_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  template <typename... Rows>
  void Put(const Rows&... rows) {
    store_->WriteDeliveries([&](DeliveryRecords& records) {
      (records.Put(rows), ...);
      return true;
    });
  }
  template <typename Read>
  auto Get(Read read) {
    decltype(read(std::declval<DeliveryRecords&>())) result;
    store_->ReadDeliveries([&](DeliveryRecords& records) { result = read(records); });
    return result;
  }
  // Sequences of what is due after so many minutes.
  std::vector<int64_t> DueAt(int after, uint8_t endpoint = 1, int32_t limit = 100) {
    return SequencesOf(Get([&](DeliveryRecords& r) {
      return r.Due(RowId(endpoint), kDeliveriesNow + minutes(after), limit);
    }));
  }
  std::vector<int64_t> Listed(const DeliveryQuery& query) {
    return SequencesOf(Get([&](DeliveryRecords& r) { return r.List(query); }));
  }
  static std::vector<int64_t> SequencesOf(const std::vector<Delivery>& deliveries) {
    std::vector<int64_t> sequences;
    for (const Delivery& delivery : deliveries) sequences.push_back(delivery.sequence);
    return sequences;
  }

  std::string folder_;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(All, DeliveryRecordsTest, testing::Values("sqlite", "memory"),
                         [](const auto& param) { return param.param; });

TEST_P(DeliveryRecordsTest, RowsReadBackAsPut) {
  Delivery full = Ended(MakeDelivery(5, "case", 0), DeliveryState::kDead);
  full.case_id = CaseId{{9}};
  full.org_unit_id = "east";
  full.queue_id = "vip";
  full.tries = 3;
  full.tried_at = kDeliveriesNow;
  full.last_status = 503;
  full.last_answer = "忙";
  const Delivery bare = MakeDelivery(6, "k", 1);
  Put(full, bare);
  EXPECT_THAT(Get([](DeliveryRecords& r) { return r.ListEndpoints(); }),
              ElementsAre(MakeEndpoint(1), MakeEndpoint(2)));
  EXPECT_EQ(Get([](DeliveryRecords& r) { return r.GetEndpoint(RowId(1)); }), MakeEndpoint(1));
  EXPECT_EQ(Get([](DeliveryRecords& r) { return r.GetDelivery(RowId(5)); }), full);
  EXPECT_EQ(Get([](DeliveryRecords& r) { return r.FindDelivery(RowId(1), 6); }), bare);
  EXPECT_EQ(Get([](DeliveryRecords& r) { return r.FindDelivery(RowId(2), 6); }), std::nullopt);
}

TEST_P(DeliveryRecordsTest, OnlyTheFirstOfAKeyIsDue) {
  Put(MakeDelivery(2, "a", 0), MakeDelivery(1, "a", 5), MakeDelivery(3, "b", 2),
      MakeDelivery(4, "a", 1, 2));
  EXPECT_THAT(DueAt(1), IsEmpty());
  EXPECT_THAT(DueAt(5), ElementsAre(3, 1));
  EXPECT_THAT(DueAt(5, 1, 1), ElementsAre(3));
  EXPECT_THAT(DueAt(5, 2), ElementsAre(4));
  for (const int64_t most : {0, 1, 2, 3, 100}) {
    EXPECT_EQ(Get([&](DeliveryRecords& r) { return r.CountPending(RowId(1), most); }),
              std::min<int64_t>(most, 3));
  }
  EXPECT_EQ(Get([](DeliveryRecords& r) { return r.CountPending(RowId(3), 100); }), 0);
  EXPECT_EQ(Get([](DeliveryRecords& r) { return r.NextDue(); }), kDeliveriesNow + minutes(1));
  Endpoint disabled = MakeEndpoint(2);
  disabled.state = EndpointState::kDisabled;
  Put(disabled);
  EXPECT_EQ(Get([](DeliveryRecords& r) { return r.NextDue(); }), kDeliveriesNow + minutes(2));
}

TEST_P(DeliveryRecordsTest, TheDeadFreeTheNextAndReplayGoesBeforeWhatWaits) {
  Put(MakeDelivery(1, "a", 0), MakeDelivery(2, "a", 0), MakeDelivery(3, "a", 0));
  Put(Ended(MakeDelivery(1, "a", 0), DeliveryState::kDead));
  EXPECT_THAT(DueAt(0), ElementsAre(2));
  Put(Ended(MakeDelivery(2, "a", 0), DeliveryState::kDelivered));
  EXPECT_THAT(DueAt(0), ElementsAre(3));
  Put(MakeDelivery(1, "a", 0));
  EXPECT_THAT(DueAt(0), ElementsAre(1));
  Put(Ended(MakeDelivery(1, "a", 0), DeliveryState::kDropped));
  EXPECT_THAT(DueAt(0), ElementsAre(3));
}

TEST_P(DeliveryRecordsTest, WhatDoesNotFitIsRefused) {
  Put(MakeDelivery(1, "a", 0));
  Delivery twin = MakeDelivery(1, "a", 0);
  twin.id = RowId(50);
  EXPECT_THROW(Put(twin), StoreFailure);
  Delivery ended = MakeDelivery(2, "a", 0);
  ended.state = DeliveryState::kDead;
  EXPECT_THROW(Put(ended), StoreFailure);
  Put(MakeDelivery(3, "a", 0, 3));  // no such endpoint
  EXPECT_EQ(Get([](DeliveryRecords& r) { return r.Counts(); }).pending, 1);
  EXPECT_THROW(store_->ReadDeliveries([](DeliveryRecords& r) { r.Put(MakeDelivery(4, "a", 0)); }),
               StoreFailure);
}

TEST_P(DeliveryRecordsTest, ListsNewestFirstInPages) {
  Delivery of_case = Ended(MakeDelivery(3, "c", 0), DeliveryState::kDead);
  of_case.case_id = CaseId{{9}};
  Put(MakeDelivery(1, "a", 0), MakeDelivery(2, "a", 0), of_case, MakeDelivery(2, "a", 0, 2));
  EXPECT_THAT(Listed({.endpoint = RowId(1)}), ElementsAre(3, 2, 1));
  EXPECT_THAT(Listed({}), IsEmpty());
  EXPECT_THAT(Listed({.endpoints = {RowId(1)}, .state = DeliveryState::kDead}), ElementsAre(3));
  EXPECT_THAT(Listed({.endpoints = {RowId(1), RowId(2)}, .case_id = CaseId{{9}}}), ElementsAre(3));
  EXPECT_THAT(
      Listed({.endpoint = RowId(1), .state = DeliveryState::kPending, .case_id = CaseId{{9}}}),
      IsEmpty());
  DeliveryQuery query{.endpoints = {RowId(1), RowId(2), RowId(1)}, .limit = 2};
  const auto page = Get([&](DeliveryRecords& r) { return r.List(query); });
  ASSERT_THAT(page, SizeIs(2));
  EXPECT_EQ(page[1].endpoint, RowId(2));
  query.before = {page[1].sequence, page[1].endpoint};
  EXPECT_THAT(Listed(query), ElementsAre(2, 1));
}

TEST_P(DeliveryRecordsTest, CountsAndPrunes) {
  using enum DeliveryState;
  Put(MakeDelivery(1, "a", 4), MakeDelivery(2, "a", 3), Ended(MakeDelivery(3, "a", 0), kDelivered),
      Ended(MakeDelivery(4, "a", 0), kDropped), Ended(MakeDelivery(5, "a", 0), kDead),
      Ended(MakeDelivery(6, "a", 0), kDead, kDeliveriesNow + hours(1)));
  const DeliveryCounts counts = Get([](DeliveryRecords& r) { return r.Counts(); });
  EXPECT_EQ(counts.pending, 2);
  EXPECT_EQ(counts.delivered, 1);
  EXPECT_EQ(counts.dropped, 1);
  EXPECT_EQ(counts.dead, 2);
  EXPECT_EQ(counts.oldest_pending, kDeliveriesNow + minutes(3));
  const auto prune = [&](Timestamp done, Timestamp dead, int32_t limit) {
    int32_t gone = -1;
    store_->WriteDeliveries([&](DeliveryRecords& records) {
      gone = records.Prune(done, dead, limit);
      return true;
    });
    return gone;
  };
  EXPECT_EQ(prune(kDeliveriesNow, kDeliveriesNow, 10), 0);
  EXPECT_EQ(prune(kDeliveriesNow + minutes(1), kDeliveriesNow, 1), 1);
  EXPECT_EQ(prune(kDeliveriesNow + minutes(1), kDeliveriesNow + minutes(1), 10), 2);
  EXPECT_THAT(Listed({.endpoint = RowId(1)}), ElementsAre(6, 2, 1));
}

TEST_P(DeliveryRecordsTest, DeliveriesOfAnEndpointGoInParts) {
  Put(MakeDelivery(1, "a", 0), Ended(MakeDelivery(2, "a", 0), DeliveryState::kDead),
      MakeDelivery(3, "a", 0), MakeDelivery(4, "a", 0, 2));
  const auto remove = [&](uint8_t endpoint, int32_t limit) {
    int32_t gone = -1;
    store_->WriteDeliveries([&](DeliveryRecords& records) {
      gone = records.RemoveDeliveries(RowId(endpoint), limit);
      return true;
    });
    return gone;
  };
  EXPECT_EQ(remove(1, 2), 2);
  EXPECT_THAT(Listed({.endpoint = RowId(1)}), SizeIs(1));
  EXPECT_EQ(remove(1, 2), 1);
  EXPECT_EQ(remove(1, 2), 0);
  EXPECT_EQ(remove(3, 2), 0) << "there is no such endpoint";
  EXPECT_THAT(Listed({.endpoints = {RowId(1), RowId(2)}}), ElementsAre(4));
  EXPECT_NE(Get([](DeliveryRecords& r) { return r.GetEndpoint(RowId(1)); }), std::nullopt);
  EXPECT_THAT(DueAt(0), IsEmpty());
}

TEST_P(DeliveryRecordsTest, AnEndpointGoesWithItsDeliveries) {
  Put(MakeDelivery(1, "a", 0), MakeDelivery(2, "a", 0), MakeDelivery(3, "a", 0, 2));
  store_->WriteDeliveries([](DeliveryRecords& records) {
    records.RemoveEndpoint(RowId(1));
    return true;
  });
  EXPECT_EQ(Get([](DeliveryRecords& r) { return r.GetEndpoint(RowId(1)); }), std::nullopt);
  EXPECT_THAT(Listed({.endpoints = {RowId(1), RowId(2)}}), ElementsAre(3));
}

TEST_P(DeliveryRecordsTest, WhatIsNotKeptIsUndoneWithItsAudit) {
  Put(MakeDelivery(1, "a", 0));
  const auto change = [](DeliveryRecords& records) {
    records.RemoveEndpoint(RowId(1));
    records.Put(MakeDelivery(3, "a", 0, 2));
    records.Audit({.kind = AuditKind::kMutation, .method = "x", .outcome = "OK"});
  };
  const auto entries = [&] {
    int64_t sequence = 0;
    store_->Read([&](Reader& reader) { sequence = reader.GetAuditHead().sequence; });
    return sequence;
  };
  const int64_t before = entries();
  store_->WriteDeliveries([&](DeliveryRecords& records) {
    change(records);
    return false;
  });
  EXPECT_THROW(store_->WriteDeliveries([&](DeliveryRecords& records) -> bool {
    change(records);
    throw std::runtime_error("stop");
  }),
               std::runtime_error);
  EXPECT_EQ(entries(), before);
  EXPECT_EQ(Get([](DeliveryRecords& r) { return r.GetEndpoint(RowId(1)); }), MakeEndpoint(1));
  EXPECT_THAT(DueAt(0), ElementsAre(1));
  EXPECT_THAT(DueAt(0, 2), IsEmpty());
  store_->WriteDeliveries([&](DeliveryRecords& records) {
    change(records);
    return true;
  });
  EXPECT_EQ(entries(), before + 1);
  EXPECT_THAT(DueAt(0, 2), ElementsAre(3));
}

TEST(DeliveryFileTest, WhatIsPutSurvivesTheProcess) {
  const std::string path = testing::TempDir() + "/rebound.deliveries.reopen.db";
  for (const char* end : {"", ".lock", "-wal", "-shm"}) std::filesystem::remove(path + end);
  SqliteStore::Open(path)->WriteDeliveries([](DeliveryRecords& records) {
    records.Put(MakeEndpoint(1));
    records.Put(MakeDelivery(1, "a", 0));
    records.Put(MakeDelivery(2, "a", 0));
    return true;
  });
  std::vector<Delivery> due;
  SqliteStore::Open(path)->ReadDeliveries(
      [&](DeliveryRecords& records) { due = records.Due(RowId(1), kDeliveriesNow, 10); });
  EXPECT_THAT(due, ElementsAre(MakeDelivery(1, "a", 0)));
}

// A customer, an answer, an open case: events 1 to 3, each with a delivery to endpoint 1.
class DeliveryVerifyTest : public DeliveryRecordsTest {
 protected:
  void SetUp() override {
    DeliveryRecordsTest::SetUp();
    fixtures::ChangeMaker make;
    Change change;
    const Customer customer = make.Create(change, "K1");
    make.Record(change, {.customer_id = customer.id});
    make.Open(change, {.number = 1, .customer_id = customer.id});
    fixtures::Save(*store_, std::move(change));
    store_->Read([&](Reader& reader) {
      for (const Event& event : reader.EventsAfter(0, 10)) {
        Delivery delivery = MakeDelivery(static_cast<uint8_t>(event.sequence), "", 0);
        delivery.event_type = TypeName(event.body);
        if (!event.case_id.empty()) delivery.case_id = event.case_id;
        delivery.order_key = OrderKeyOf(event);
        rows_.push_back(delivery);
      }
      endpoint_ = MakeEndpoint(1);
      endpoint_.position = *reader.PositionAt(reader.LastSequence());
    });
    Endpoint fresh = MakeEndpoint(2);
    fresh.position = {};
    Put(endpoint_, fresh, rows_.at(0), rows_.at(1), rows_.at(2));
  }
  std::vector<std::string> Problems() { return Verify(*store_).problems; }
  static std::string NameOf(uint8_t n) { return "delivery " + ToString(RowId(n)); }

  Endpoint endpoint_;
  std::vector<Delivery> rows_;
};

INSTANTIATE_TEST_SUITE_P(All, DeliveryVerifyTest, testing::Values("sqlite", "memory"),
                         [](const auto& param) { return param.param; });

TEST_P(DeliveryVerifyTest, WhatTheLogAsksForIsInOrder) {
  EXPECT_EQ(rows_[0].order_key, rows_[1].order_key) << "the customer's";
  EXPECT_EQ(rows_[2].order_key, ToString(*rows_[2].case_id));
  EXPECT_THAT(Problems(), IsEmpty());
  EXPECT_EQ(Verify(*store_).deliveries, 3);
  Put(Ended(rows_[0], DeliveryState::kDelivered), Ended(rows_[2], DeliveryState::kDead));
  EXPECT_THAT(Problems(), IsEmpty());
}

TEST_P(DeliveryVerifyTest, ARowThatDoesNotFitItsEventIsNamed) {
  Delivery changed = rows_[2];
  changed.event_type = "CaseClosed";
  Put(changed);
  EXPECT_THAT(Problems(), ElementsAre(NameOf(3) + " of event 3: expected the name CaseOpened, but "
                                                  "it says CaseClosed"));
  changed = rows_[2];
  changed.case_id.reset();
  Put(changed);
  EXPECT_THAT(Problems(), ElementsAre(NameOf(3) + " of event 3: its case is not the event's"));
  changed = rows_[2];
  changed.order_key = rows_[0].order_key;
  Put(changed);
  EXPECT_THAT(Problems(),
              ElementsAre(NameOf(3) + " of event 3: it goes out in the order of another "
                                      "key than the event's"));
  Put(rows_[2], MakeDelivery(4, "a", 0), MakeDelivery(9, "a", 0));
  EXPECT_THAT(Problems(), ElementsAre(NameOf(4) + ": there is no event 4",
                                      NameOf(9) + ": there is no event 9"));
}

TEST_P(DeliveryVerifyTest, AnEndpointThatIsNotOfThisLogIsNamed) {
  const std::string name = "endpoint " + ToString(RowId(1)) + ": ";
  Endpoint changed = endpoint_;
  changed.position.sequence += 1;
  Put(changed);
  EXPECT_THAT(Problems(), ElementsAre(name + "it has looked at the log up to 4, but the log ends "
                                             "with 3"));
  changed = endpoint_;
  changed.position.sequence = 2;
  Put(changed);
  EXPECT_THAT(Problems(), ElementsAre(name + "its place after event 2 is not in this log"));
}

TEST_P(DeliveryRecordsTest, ARequestIsFoundOnceItsChangeIsKept) {
  const RequestRecord request{.key = {1}, .body = {2}, .resource = RowId(3), .at = kDeliveriesNow};
  const auto found = [&](const Hash128& key) {
    return Get([&](DeliveryRecords& r) { return r.FindRequest(key); });
  };
  store_->WriteDeliveries([&](DeliveryRecords& records) {
    records.Put(request);
    EXPECT_TRUE(records.FindRequest(request.key));
    return false;
  });
  EXPECT_FALSE(found(request.key));
  Put(request);
  ASSERT_TRUE(found(request.key));
  EXPECT_EQ(found(request.key)->body, request.body);
  EXPECT_EQ(found(request.key)->resource, request.resource);
  EXPECT_EQ(found(request.key)->at, request.at);
  EXPECT_FALSE(found({9}));
  EXPECT_THROW(Put(request), StoreFailure) << "it is there already";
  store_->WriteAccess([](AccessRecords& records) {
    records.RemoveExpired(kDeliveriesNow + std::chrono::days(kRequestDays + 2));
    return true;
  });
  EXPECT_FALSE(found(request.key)) << "old ones go with those of access records";
}

}  // namespace
}  // namespace rebound
