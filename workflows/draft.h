// What the deciders share: the draft of one decision's events, and what opening, reopening and
// closing do to a case. Internal to decide*.cc. Pure.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workflows/check.h"
#include "workflows/decide.h"

namespace rebound {

inline constexpr int32_t kMaxSeverity = 5;

Error NotFound(std::string resource);
Error StaleEtag(int64_t version);

// Gathers the events of one decision; every case event is applied at once, so that what follows is
// decided on the case as it then is.
class Draft {
 public:
  Draft(const Context& context, const Program* program) : context_(context), program_(program) {}

  const Context& context() const { return context_; }
  const Program* program() const { return program_; }

  template <typename T>
  T NewId() {
    return context_.ids->Next<T>();
  }

  void Stamp(Text& text) {
    if (text.id.empty() && !text.value.empty()) text.id = NewId<TextId>();
  }

  void AddCustomer(const CustomerId& id, std::string_view org_unit, Timestamp occurred_at,
                   EventBody body) {
    Event event = Envelope(occurred_at, std::move(body));
    event.customer_id = id;
    event.org_unit_id = org_unit;
    events_.push_back(std::move(event));
  }

  void AddResponse(const Response& response, EventBody body) {
    Event event = Envelope(response.occurred_at, std::move(body));
    event.response_id = response.id;
    event.customer_id = response.customer_id;
    event.org_unit_id = response.org_unit_id;
    event.queue_id = response.queue_id;
    events_.push_back(std::move(event));
  }

  // `status` empty: stays as it is.
  void AddCase(Case& c, Timestamp occurred_at, EventBody body, std::string_view status = {}) {
    Event event = Envelope(occurred_at, std::move(body));
    event.case_id = c.id;
    event.customer_id = c.customer_id;
    event.status = status.empty() ? c.status : std::string(status);
    const StatusDef* def = context_.revision->lifecycle.Find(event.status);
    CHECK(def != nullptr);
    event.phase = def->phase;
    const auto* assigned = std::get_if<CaseAssigned>(&event.body);
    event.queue_id = assigned != nullptr && !assigned->queue_id.empty() ? assigned->queue_id
                                                                        : c.details.queue_id;
    event.org_unit_id = c.details.org_unit_id;
    if (!std::holds_alternative<CaseVoided>(event.body)) c = Apply(std::move(c), event);
    events_.push_back(std::move(event));
  }

  void SetTimer(Case& c, TimerKind kind, Timestamp due_at) {
    int32_t generation = 1;
    for (const Timer& timer : c.timers) {
      if (timer.kind == kind) generation = std::max(generation, timer.generation + 1);
    }
    AddCase(c, context_.now, TimerSet{kind, generation, due_at});
  }

  // Ends every pending timer of the kind.
  void EndTimers(Case& c, TimerKind kind, TimerState state) {
    const std::vector<Timer> timers = c.timers;
    for (const Timer& timer : timers) {
      if (timer.kind == kind && timer.state == TimerState::kPending) {
        AddCase(c, context_.now, TimerEnded{kind, timer.generation, state});
      }
    }
  }

  Events Take() { return std::move(events_); }

 private:
  Event Envelope(Timestamp occurred_at, EventBody body) {
    Event event;
    event.occurred_at = occurred_at;
    event.recorded_at = context_.now;
    event.actor = context_.actor;
    event.body = std::move(body);
    return event;
  }

  const Context& context_;
  const Program* program_;
  Events events_;
};

// A first-contact clock runs where there is somebody to contact and the program sets a limit.
bool HasFirstContactClock(const Program& program, const Case& c);

// Adds CaseOpened, with the timers that start with the case inside it.
void Open(Draft& draft, Case& c);

// Cancels what the second ask had pending, reopens into `status`, and starts first contact anew.
void ReopenCase(Draft& draft, Case& c, Timestamp occurred_at, CaseReopened reopened,
                std::string_view status);

// Cancels every pending timer and closes into `status`.
void CloseCase(Draft& draft, Case& c, Timestamp occurred_at, CaseClosed closed,
               std::string_view status);

// One for each command; decide.cc dispatches.
Result<Events> DecideSubmit(const Facts& facts, const SubmitResponse& command,
                            const Context& context);
Result<Events> DecideUpsert(const Facts& facts, const UpsertCustomer& command,
                            const Context& context);
Result<Events> DecideAlias(const Facts& facts, const AddCustomerAlias& command,
                           const Context& context);
Result<Events> DecideConsent(const Facts& facts, const SetCustomerConsent& command,
                             const Context& context);
Result<Events> DecideOpen(const Facts& facts, const OpenCase& command, const Context& context);
Result<Events> DecideWork(const Facts& facts, const WorkCase& command, const Context& context);
Result<Events> DecideClaim(const Facts& facts, const ClaimNext& command, const Context& context);

}  // namespace rebound
