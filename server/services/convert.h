// Where the API and the domain meet: the only place that knows both. Towards the domain every field
// is checked for shape, and every fault found is reported; towards the API nothing can fail.
// convert_case.cc has cases, convert_event.cc their timeline, convert_person.cc the events of a
// person, convert_blacklist.cc the blacklist, convert.cc all else.
// Thread-safe: no state.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rebound/v1/blacklist.pb.h"
#include "rebound/v1/blacklist_service.pb.h"
#include "rebound/v1/case.pb.h"
#include "rebound/v1/case_service.pb.h"
#include "rebound/v1/config.pb.h"
#include "rebound/v1/customer.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/person.pb.h"
#include "rebound/v1/program.pb.h"
#include "rebound/v1/response.pb.h"
#include "server/config/config.h"
#include "server/services/checks.h"
#include "server/storage/store.h"
#include "workflows/blacklist_figures.h"
#include "workflows/command.h"
#include "workflows/decide.h"
#include "workflows/event.h"
#include "workflows/revision.h"

namespace rebound {

// `path` is the field's path in the request, e.g. "response" or "responses[3]". The configuration's
// rules (CheckSubmit) are checked along with the shape.
SubmitResponse ToSubmit(const api::Response& response, const std::string& path,
                        const Revision& revision, Timestamp now, bool history, Checks& checks);
OpenCase ToOpenCase(const api::Case& c, Checks& checks);
Attempt ToAttempt(const api::Attempt& attempt, Checks& checks, bool* occurred_now);
Commitment ToCommitment(const api::Commitment& commitment, Checks& checks);
Remedy ToRemedy(const api::Remedy& remedy, Checks& checks);
std::vector<Evidence> ToEvidence(const google::protobuf::RepeatedPtrField<api::Evidence>& evidence,
                                 Checks& checks);
Verification ToVerification(const api::Verification& verification, Checks& checks);
CompleteStep ToCompleteStep(const api::CompleteStepRequest& request, Checks& checks);
RequestExtension ToExtension(const api::ExtendCaseRequest& request, Checks& checks);
// What is missing or against the configuration is left to Decide, which tells all of it together.
ProposeEntry ToPropose(const api::BlacklistEntry& entry, Checks& checks);
std::vector<BlacklistEvidence> ToEvidence(
    const google::protobuf::RepeatedPtrField<api::BlacklistEvidence>& evidence,
    const std::string& path, Checks& checks);
// A remedy of the catalogue is statutory where the catalogue says so.
RestrictedAction ToAction(const api::RestrictedAction& action, const std::string& path,
                          const Revision& revision, Checks& checks);
// At least one and at most kMaxConfigFiles, each with a name.
Result<std::vector<ConfigFile>> ToConfigFiles(
    const google::protobuf::RepeatedPtrField<api::ConfigFile>& files);
UpsertCustomer ToUpsert(const api::UpsertCustomerRequest& request, Checks& checks);
RecordBehaviour ToBehaviour(const api::RecordBehaviourRequest& request, Timestamp now,
                            Checks& checks);
SetCustomerConsent ToConsent(const api::SetCustomerConsentRequest& request, Timestamp now,
                             Checks& checks);

// kBasic: for lists; without texts, timers and allowed commands, and of clocks only what a queue
// shows.
enum class View { kBasic, kFull };

void Fill(const Response& response, View view, api::Response* out);
// `customer`: the record it is kept with.
void Fill(const Behaviour& behaviour, const CustomerId& customer, api::Behaviour* out);
// Clocks are read at `now`. `revision`: the one that the case follows.
void Fill(const Case& c, View view, const Revision& revision, Timestamp now, api::Case* out);
// How far the customer is shown to be unreachable, at `now`. `zone`: the customer's; null: that of
// the rules.
void Fill(const Case& c, const ContactRules& rules, const Zone* zone, Timestamp now,
          api::Reachability* out);
void Fill(const ClaimRank& rank, api::ClaimRank* out);
void Fill(const Customer& customer, View view, api::Customer* out);
// As it is at `now`. `revision`: the one in force.
void Fill(const BlacklistEntry& entry, View view, const Revision& revision, Timestamp now,
          api::BlacklistEntry* out);
void Fill(const BlacklistEvidence& evidence, api::BlacklistEvidence* out);
void Fill(const RestrictedAction& action, const Permit& permit, api::Permit* out);
void Fill(std::string_view group, const BlacklistCounts& counts, api::BlacklistFigure* out);
void Fill(const Program& program, int64_t revision, api::Program* out);
void Fill(const Event& event, api::CaseEvent* out);
// With all its words. `revision`: of CaseOpened the one that the case follows, else the one in
// force.
void Fill(Event event, const Revision& revision, api::PersonEvent* out);
void Fill(const Lifecycle& lifecycle, int64_t revision, api::Lifecycle* out);
void Fill(const StoredRevision& revision, int64_t in_force, api::ConfigRevision* out);
void Fill(const ConfigError& fault, std::string_view language, api::ConfigFault* out);
void Fill(const RuleTestResult& result, api::RuleTestResult* out);
// "lifecycle.yaml:12:5", or the file's name alone.
std::string PlaceOf(const ConfigError& fault);
void Fill(Timestamp time, google::protobuf::Timestamp* out);
void Fill(Duration d, google::protobuf::Duration* out);

// What became of one row or item of many: its first fault, in both languages.
void Fill(const Error& error, int64_t row, api::RowError* out);

}  // namespace rebound
