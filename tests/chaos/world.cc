#include "tests/chaos/world.h"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <functional>

namespace rebound::chaos {
namespace {

constexpr int64_t kMostPrinted = 8;
constexpr int kHotCases = 12;

}  // namespace

std::string Marker::Text() const { return fmt::format("c{}-r{}-{}", client, round, number); }

uint64_t Marker::Key() const {
  return static_cast<uint64_t>(client) << 56 | static_cast<uint64_t>(round) << 32 |
         static_cast<uint64_t>(number);
}

std::optional<Marker> ParseMarker(std::string_view text) {
  Marker marker;
  int used = 0;
  const std::string copy(text);
  if (std::sscanf(copy.c_str(), "c%d-r%d-%d%n", &marker.client, &marker.round, &marker.number,
                  &used) != 3 ||
      static_cast<size_t>(used) != copy.size()) {
    return std::nullopt;
  }
  return marker;
}

std::string_view Name(Verb verb) {
  static constexpr std::string_view kNames[] = {"submit",  "import", "claim",  "assign",
                                                "attempt", "commit", "remedy", "resolve",
                                                "close",   "reopen", "consent"};
  return kNames[static_cast<size_t>(verb)];
}

uint64_t ContentHash(std::string_view program, int64_t score, std::string_view external_id,
                     int64_t occurred_ms) {
  return std::hash<std::string>{}(
      fmt::format("{}|{}|{}|{}", program, score, external_id, occurred_ms));
}

World::World(uint64_t seed_of_all, int clients, std::string folder)
    : seed(seed_of_all), log_folder(std::move(folder)) {
  acks.resize(static_cast<size_t>(clients));
  pending.resize(static_cast<size_t>(clients));
  for (int i = 0; i < kHotCases; ++i) {
    hot.push_back(std::make_unique<HotCase>());
    hot.back()->program = i % 2 == 0 ? kPlain : kReopening;
    hot.back()->customer_key = fmt::format("hot-{}", i / 2);
  }
}

void World::CountRefusal(std::string_view reason) {
  std::lock_guard lock(mutex_);
  ++refusals_.try_emplace(std::string(reason), 0).first->second;
}

std::map<std::string, int64_t, std::less<>> World::Refusals() const {
  std::lock_guard lock(mutex_);
  return refusals_;
}

void World::CountUnanswered(std::string_view code) {
  std::lock_guard lock(mutex_);
  ++unanswered_.try_emplace(std::string(code), 0).first->second;
}

std::map<std::string, int64_t, std::less<>> World::Unanswered() const {
  std::lock_guard lock(mutex_);
  return unanswered_;
}

bool World::prints() const { return violations_ < kMostPrinted; }

std::map<std::string, int64_t, std::less<>> World::Violations() const {
  std::lock_guard lock(mutex_);
  return violated_;
}

void World::Violate(std::string_view invariant, std::string_view what, std::string_view history) {
  std::lock_guard lock(mutex_);
  ++violated_.try_emplace(std::string(invariant), 0).first->second;
  if (++violations_ > kMostPrinted) return;
  fmt::print(stderr, "\nVIOLATION {} (seed {}): {}\n{}", invariant, seed, what, history);
  if (violations_ == kMostPrinted) fmt::print(stderr, "(further ones are only counted)\n");
}

void World::NoteStoreFailure() {
  std::lock_guard lock(mutex_);
  if (!store_failure_) store_failure_ = SteadyClock::now();
}

void World::ForgetStoreFailure() {
  std::lock_guard lock(mutex_);
  store_failure_.reset();
}

std::optional<SteadyClock::time_point> World::store_failure() const {
  std::lock_guard lock(mutex_);
  return store_failure_;
}

void World::AppendLog(int round, const std::string& lines) {
  std::lock_guard lock(mutex_);
  std::ofstream(fmt::format("{}/calls-{:05}.log", log_folder, round), std::ios::app) << lines;
}

}  // namespace rebound::chaos
