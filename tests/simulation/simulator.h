// One simulated year: customers, staff, integrations, an operator and three timer claimers at work
// on one server, with crashes, restarts and a clock that cannot be trusted. All of it follows from
// one seed.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/server.h"

namespace rebound::simulation {

struct Options {
  uint64_t seed = 1;
  int64_t cases = 200;
  int64_t days = 365;
  Bug bug = Bug::kNone;
  bool verbose = false;  // every step on standard output
};

struct Summary {
  int64_t cases = 0;
  int64_t commands = 0;
  int64_t events = 0;
  // Events, refusals, crashes and other faults by name.
  std::map<std::string, int64_t, std::less<>> seen{};
  // What was broken, with the steps before it and the history of the case; empty: nothing.
  std::string failure{};
};

// Runs the year. Not to be called again. Not thread-safe; several may run side by side.
class Simulator {
 public:
  explicit Simulator(const Options& options);

  Summary Run();
  // What led here, for a run that is cut short: the last steps and the history of the case at hand.
  std::string Report(const std::string& what, CaseId about);

 private:
  struct Actor {
    std::string name{};
    std::string role{};
  };

  // An instant at which an entry begins or ends to hold, and a case that it bears on.
  struct Edge {
    Timestamp at{};
    BlacklistEntryId entry{};
    CaseId on{};
  };

  void Year();
  void Step();
  void Drain();
  void PassTime();
  void Trouble();
  void Watch();
  void WorkTimers(std::vector<Request>* batch);
  void WorkEntries(size_t claimer, std::vector<Request>* batch);
  void TryRules();
  std::optional<Edge> ComingEdge();
  void ForgetDue();
  void Do(std::vector<Request> batch);
  void DoOne(Request request);
  void Confirm();
  void Note(std::string line);

  Request Make(Command command, const Actor& actor, std::string what);
  Request SystemMake(Command command, std::string what);
  Request AnyRequest();
  Request Answer();
  Request OpenByHand();
  Request Consents();
  Request Operate();
  Request OnCase();
  Request Link();
  Request OnEntry();
  Request Propose();
  Request Restricted(const EntryBook& entry, const Case& c);
  EntryVerb VerbOn(const EntryBook& entry);
  const Actor& Decider();
  const EntryBook* AnyEntry();
  const EntryBook* InheritedEntry();
  const Case* CaseFor(const EntryBook& entry);
  std::optional<Customer> AnyCustomer();
  std::optional<CaseVerb> Verb(const Case& c, CaseCommand command, std::string_view to);
  const Actor& ActorFor(const Case& c, CaseCommand command, const Transition* way);
  const Case* AnyCase();
  CaseId Other(const Case& c);
  std::pair<CaseVerb, std::string> Aside(const Case& c);
  std::string Word(const std::vector<Label>& labels, std::string_view otherwise);

  const Options options_;
  Random random_;
  ManualClock clock_;
  Server server_;
  Checker checker_;
  std::vector<std::vector<CaseId>> claimers_{3};  // what each saw due, some while ago
  std::vector<std::vector<BlacklistEntryId>> entry_claimers_{3};  // likewise
  std::vector<Request> answered_;                                 // to be sent again
  std::deque<std::string> trace_;
  std::vector<CaseId> open_;
  int64_t steps_ = 0;
  int64_t steps_left_ = 0;
  int64_t next_request_ = 1;
  int64_t commands_ = 0;
  std::map<std::string, int64_t, std::less<>> troubles_;
  bool watched_frozen_ = false;
  bool watched_before_ = false;
  Timestamp last_report_{};
};

}  // namespace rebound::simulation
