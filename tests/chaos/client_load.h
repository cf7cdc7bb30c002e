// One client of the rig: a seeded random mix of calls whose outcome it judges as it goes, and whose
// unknown ends it asks about again, with the same request id, after the restart.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "rebound/v1/case_service.grpc.pb.h"
#include "rebound/v1/customer_service.grpc.pb.h"
#include "rebound/v1/response_service.grpc.pb.h"
#include "tests/chaos/world.h"

namespace rebound::chaos {

namespace api = rebound::v1;

// An import stream of one batch, and the row number that must be refused (0: none).
struct Import {
  api::ImportHeader header{};
  api::ImportRows rows{};
  int64_t bad_row = 0;
};

using Body =
    std::variant<api::SubmitResponseRequest, Import, api::ClaimNextCaseRequest,
                 api::AssignCaseRequest, api::LogAttemptRequest, api::MakeCommitmentRequest,
                 api::RemedyCaseRequest, api::ResolveCaseRequest, api::CloseCaseRequest,
                 api::ReopenCaseRequest, api::SetCustomerConsentRequest>;

enum class Fate { kAcked, kRefused, kUnknown };

// A call's return, whatever the method.
struct Answer {
  Fate fate = Fate::kUnknown;
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string reason{};       // of a refusal
  std::string message{};      // of whatever is not OK
  std::string resource{};     // the id of the response, case or customer
  std::string case_id{};      // the case the verb or the answer concerned
  std::string customer_id{};  // of an answer
  int32_t version = 0;        // of the case
  std::string status{};       // of the case
  bool replayed = false;
  int64_t accepted = 0, repeated = 0;    // of an import
  std::vector<int64_t> rejected_rows{};  // of an import
};

class Client {
 public:
  Client(World& world, int index, std::string token);

  // A round: asks again about what is pending, then calls at random until an outcome is unknown,
  // the server says that it stops, World::stop, or `limit` changes were asked for.
  void Run(const std::string& address, int round, int limit);

  // Sends one new change, or the pending one again; true: acknowledged.
  bool Probe(const std::string& address, int round);

  bool has_pending() const { return pending_.has_value(); }

 private:
  struct Op {
    Marker marker{};
    Body body{};
    std::string resource{};  // once acknowledged
  };

  void Connect(const std::string& address, int round);
  bool Change(Op op);  // false: the round ends
  bool Resend();
  bool Repeat();
  bool Read();
  Answer Call(const Op& op, const char* what);
  Answer Twin(const Op& op);
  void Acknowledge(const Op& op, const Answer& answer);
  void JudgeRefusal(const Op& op, const Answer& answer);
  bool GoesOn(const Answer& answer) const;

  Op NewOp();
  Op NewSubmit();
  Op NewImport();
  std::optional<Op> NewCaseVerb();
  std::optional<Op> NewConsent();
  void FillAnswer(api::Response* response, const Marker& marker);
  Marker NextMarker() { return {index_, round_, ++number_}; }
  std::string RequestId() const;
  int Below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }
  bool Chance(int percent) { return Below(100) < percent; }

  World& world_;
  const int index_;
  const std::string token_;
  std::mt19937_64 random_;
  std::shared_ptr<grpc::Channel> channel_;
  int round_ = 0;
  int number_ = 0;
  std::optional<Op> pending_;
  std::deque<Op> recent_;  // acknowledged ones, for repeating
  std::string log_;
};

// Makes the call of the body's kind.
Answer Send(const std::shared_ptr<grpc::Channel>& channel, const std::string& token,
            const Body& body);

}  // namespace rebound::chaos
