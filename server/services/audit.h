// Audit entries of calls. Changes that are stored bring theirs with them (execute/run.h).
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>
#include <string_view>

#include "server/execute/audit_log.h"
#include "server/services/call.h"

namespace rebound {

// By the gateway, or whoever else calls without a socket.
bool IsWithinProcess(const grpc::CallbackServerContext& context);

// Where the call came from, without the port: an address, "unix", or empty. A call from within this
// process is from whoever its gateway says in the metadata "rebound-peer-address"; in a call from
// outside that says nothing.
std::string PeerAddress(const grpc::CallbackServerContext& context);

// As an audit entry may hold it; empty when it is none.
std::string AddressOrNone(std::string address);

// Of what the call did, for AccessRecords::Audit: a change, or a sign-in of `principal` by a call
// that needed no identity. `resource`: what was changed; empty: nothing with an id.
AuditEntry AuditEntryOf(const Call& call, const RawId& resource);
AuditEntry SignInEntryOf(const Call& call, std::string principal, std::string role);

// Of a commit of a subscription, which is a change a second: those of a minute share one entry.
void AuditCommit(const Call& call);
// The same in two steps, for a call whose identity is looked at anew meanwhile.
AuditEntry CommitEntryOf(const Call& call);

// Called where each call ends: notes attempts that were refused, and reads that are folded.
void AuditEnd(const Call& call, const Result<void>& result);
// Of a batch of which nothing was kept: `count` items were refused, the first of them with `error`.
void AuditRefused(const Call& call, const Error& error, int64_t count);

// For data that are about to leave: an export. Returns once the entry is on disk; without it
// nothing may be sent. `detail`: why, in a word, or empty; never a text. Waits, so not on gRPC's
// threads.
Result<void> AuditRead(const Call& call, const AuditSubject& subject, std::string detail);

}  // namespace rebound
