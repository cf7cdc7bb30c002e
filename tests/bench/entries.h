// What asking the blacklist about a customer costs beside a bare read of one row.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace rebound::bench {

// The mix of entries and customers repeats after so many entries: see entries.cc.
inline constexpr int64_t kEntriesOfAMix = 200;

// Makes `path`, unless it is there and younger than 30 days: so many blacklist entries of half as
// many customers, a tenth of them in force, the others ended, in the order of a year in which each
// customer's lie far apart. Goes through the store, with the events and texts of every entry.
// Returns the seconds it took; 0: it was there. Shows its progress on a terminal.
// REQUIRES: `entries` is a multiple of kEntriesOfAMix.
double MakeEntries(const std::string& path, int64_t entries);

// Whom checks are about, in the order of the figures below. With an alias the check has to look
// twice.
inline constexpr std::array<const char*, 4> kChecked = {
    "no entry", "one in force", "ten ended, one in force", "one in force, of an alias"};
inline constexpr size_t kCheckedAlone = 3;  // so many of these have no alias

struct Latency {
  double p50_us = 0;
  double p99_us = 0;
};

struct ChecksCost {
  Latency bare{};  // BareEntryReads
  std::array<Latency, kChecked.size()> checks{};
};

struct EntriesCost {
  ChecksCost anywhere{};  // entries and customers wherever they lie
  ChecksCost cached{};    // the same few again and again: nothing but the processor's work
  std::vector<std::string> customer_ids{};  // some without an alias, of each kind as many, mixed
};

// A check is what a command does before anything is done with or for a customer: OpenEntriesOfAll
// in the store's writing transaction, and Restrict. Checks and bare reads take turns in this
// process, on connections with the same settings: `each` of them a round, of which there are
// `rounds`; the median of the rounds counts. Throws std::runtime_error when a check does not find
// what is there.
EntriesCost MeasureChecks(const std::string& path, int rounds, int64_t each);

}  // namespace rebound::bench
