// What the clients did and were told, kept apart from the server: the ledger of acknowledged
// changes, the cases that everybody fights over, the counts, and the violations found.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rebound::chaos {

using SteadyClock = std::chrono::steady_clock;

// The programs of the rig's own configuration: without and with a reopen window, and for history.
inline constexpr const char* kPlain = "rig-plain";
inline constexpr const char* kReopening = "rig-reopening";
inline constexpr const char* kHistory = "rig-history";

// Names one change: stands in the record that the change makes (order reference, note, owner), so
// that whatever is found in the server can be traced to the call that asked for it.
struct Marker {
  int client = 0;
  int round = 0;
  int number = 0;

  std::string Text() const;  // "c3-r12-55"
  uint64_t Key() const;
};
std::optional<Marker> ParseMarker(std::string_view text);

// In the order of Body's alternatives (client_load.h).
enum class Verb : uint8_t {
  kSubmit,
  kImport,
  kClaim,
  kAssign,
  kAttempt,
  kCommit,
  kRemedy,
  kResolve,
  kClose,
  kReopen,
  kConsent
};
std::string_view Name(Verb verb);

// An acknowledged change.
struct Ack {
  Verb verb{};
  bool replayed = false;   // acknowledged only when it was sent again
  int32_t sent = 0;        // version the caller saw and insisted on; 0: none
  int32_t version = 0;     // version of the case in the answer; 0: unknown
  uint64_t content = 0;    // of an answer: what it said, see ContentHash
  std::string resource{};  // id; empty for imported rows
};

// What an answer said, for comparing the stored one.
uint64_t ContentHash(std::string_view program, int64_t score, std::string_view external_id,
                     int64_t occurred_ms);

// A case that several clients work at once: the open case of one customer in one program.
struct HotCase {
  std::mutex mutex{};
  std::string program{};
  std::string customer_key{};
  std::string customer_id{};  // once known
  std::string case_id{};      // once known
  int32_t version = 0;        // the highest one seen of case_id
  std::string status{};       // at that version
};

struct Counts {
  std::atomic<int64_t> kills{0}, calls{0}, acks{0}, rows{0}, unknown{0}, resent{0}, found_done{0},
      replays{0}, reads{0};
};

// Shared by all clients and the checker. Thread-safe, except where a comment says who owns it.
class World {
 public:
  World(uint64_t seed, int clients, std::string log_folder);

  const uint64_t seed;
  const std::string log_folder;
  std::vector<std::unique_ptr<HotCase>> hot;
  Counts counts;
  std::atomic<bool> stop{false};
  std::atomic<int> customers{400};  // returning ones; grows with the rounds

  // Acknowledged and possibly done changes of one client, by Marker::Key. Written by the client,
  // read by the checker when no client runs.
  std::vector<std::unordered_map<uint64_t, Ack>> acks;
  std::vector<std::unordered_map<uint64_t, Verb>> pending;

  void CountRefusal(std::string_view reason);
  std::map<std::string, int64_t, std::less<>> Refusals() const;
  // Calls that ended without a word from the server, by the code that gRPC gave them.
  void CountUnanswered(std::string_view code);
  std::map<std::string, int64_t, std::less<>> Unanswered() const;

  // Remembers that the promise `invariant` ("I-1") was broken, and prints the first few.
  void Violate(std::string_view invariant, std::string_view what, std::string_view history = "");
  int64_t violations() const { return violations_; }
  bool prints() const;  // whether the next violation will be printed
  std::map<std::string, int64_t, std::less<>> Violations() const;

  // The first time that a reply told of a failed store; nothing called after it may be
  // acknowledged.
  void NoteStoreFailure();
  void ForgetStoreFailure();  // a new server runs
  std::optional<SteadyClock::time_point> store_failure() const;

  // Appends to the round's log of calls and returns.
  void AppendLog(int round, const std::string& lines);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int64_t, std::less<>> refusals_;
  std::map<std::string, int64_t, std::less<>> unanswered_;
  std::map<std::string, int64_t, std::less<>> violated_;
  std::optional<SteadyClock::time_point> store_failure_;
  std::atomic<int64_t> violations_{0};
};

}  // namespace rebound::chaos
