// Remedies: what may be given, and how much of it by whom. Values of a configuration revision;
// pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workflows/case.h"
#include "workflows/time.h"

namespace rebound {

// What staff choose from.
struct RemedyType {
  std::string id{};  // stable key
  RemedyKind kind = RemedyKind::kUnset;
  std::string name_en{};
  std::string name_zh{};
  bool statutory = false;     // owed by law: outside every limit, never blocked
  bool needs_amount = false;  // worth money: an amount has to be given

  friend bool operator==(const RemedyType&, const RemedyType&) = default;
};

// A bound on what is given: on the sum of amounts, on their number, or on both. Counted are all
// remedies that were not declined or reversed, proposed ones too, save the statutory.
struct RemedyLimit {
  enum class Per { kUnset, kRemedy, kCase, kCustomer };
  enum class Beyond {
    kUnset,
    kRefused,      // nobody may
    kSecondPerson  // somebody else, whom no such limit binds, has to approve it
  };
  std::string id{};  // stable key
  std::string name_en{};
  std::string name_zh{};
  Per per = Per::kUnset;  // kCase: with the cases merged into it; kCustomer: in every program
  Beyond beyond = Beyond::kUnset;
  std::string currency{};            // ISO 4217; of amounts in it alone
  std::optional<int64_t> amount{};   // minor units, the most; absent: any
  std::optional<int32_t> count{};    // the most; absent: any
  Duration window{0};                // kCustomer: back from now, by the time of proposal; 0: all
  std::vector<std::string> types{};  // of remedies; empty: of every one
  std::vector<std::string> roles{};  // binds those of the roles; empty: everybody

  friend bool operator==(const RemedyLimit&, const RemedyLimit&) = default;
};

}  // namespace rebound
