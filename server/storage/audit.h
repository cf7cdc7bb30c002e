// What is kept of every change, sign-in, export and refused attempt: who, when, by what, on what,
// and how it ended. Never what was said: entries outlive the erasure of customers, so they hold no
// personal data but that of staff (their name, and the address they called from).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "workflows/ids.h"
#include "workflows/time.h"

namespace rebound {

// The numbers are stored, and those of the API.
enum class AuditKind : uint8_t {
  kUnset = 0,
  kMutation = 1,  // a change that is on disk
  kSignIn = 2,    // somebody signed in, or tried to
  kExport = 3,    // data were taken out: an export, a report, a configuration, the audit itself
  kRefused = 4,   // a change or an export that was refused, or a call that was not permitted
  kUnmask = 5,    // contact data were shown that are masked for the role
  kOperator = 6,  // done at the machine: an identity, the configuration folder
};
inline constexpr AuditKind kAuditKinds[] = {AuditKind::kMutation, AuditKind::kSignIn,
                                            AuditKind::kExport,   AuditKind::kRefused,
                                            AuditKind::kUnmask,   AuditKind::kOperator};
std::string_view Name(AuditKind kind);  // "mutation", "sign_in", ...

// Texts that are longer are cut by the store.
inline constexpr size_t kAuditTextBytes = 256;

struct AuditEntry {
  int64_t sequence = 0;  // given by the store: 1, 2, 3, ... without gaps
  Timestamp at{};        // when it was stored, UTC; never before the entry before it
  AuditKind kind = AuditKind::kUnset;
  std::string principal{};            // empty: nobody known
  std::string role{};                 // empty: the system, or nobody known
  std::string method{};               // "rebound.v1.CaseService/CloseCase", or a word of our own
  std::string outcome{};              // canonical code: "OK", "PERMISSION_DENIED", ...
  std::string reason{};               // name of the Reason; empty: OK
  std::string subject_type{};         // "case", "customer", ...; empty: there is none
  std::array<uint8_t, 16> subject{};  // its id, or NumberedId; zero: not known
  std::array<uint8_t, 16> request_key{};  // as in RequestRecord; zero: there is none
  std::string address{};                  // of the caller, without the port; empty: not known
  int64_t count = 1;                      // rows of a batch that were stored; attempts that were
                                          // folded into one entry
  std::string detail{};                   // words and numbers, never a text of somebody's
  std::array<uint8_t, 32> prev_hash{};    // given by the store, like
  std::array<uint8_t, 32> hash{};         // SHA-256 over prev_hash and all of the above (codec.h)

  friend bool operator==(const AuditEntry&, const AuditEntry&) = default;
};

// Where the chain ends. Of an empty one: zeros.
struct AuditHead {
  int64_t sequence = 0;
  Timestamp at{};
  std::array<uint8_t, 32> hash{};

  friend bool operator==(const AuditHead&, const AuditHead&) = default;
};

// Newest first. What is empty does not restrict.
struct AuditQuery {
  std::string principal{};
  std::string method{};
  std::optional<AuditKind> kind{};
  std::optional<RawId> subject{};
  std::optional<Timestamp> from{};   // at or after
  std::optional<Timestamp> until{};  // before
  int64_t before = 0;                // sequences below it; 0: all
  int32_t limit = 50;
};

// Numbered things have no id of their own.
RawId NumberedId(int64_t number);
int64_t NumberOf(const RawId& id);

// Lower-case hexadecimal digits.
std::string ToHex(std::span<const uint8_t> bytes);
std::optional<std::array<uint8_t, 32>> HashFromHex(std::string_view text);

// Makes the entry the next one of the chain: cuts its texts, and gives it sequence, time and
// hashes. `at` goes in as the time now.
void Chain(AuditEntry& entry, AuditHead& head);

}  // namespace rebound
