// Chance for the simulator: one generator, the same numbers on every machine.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "workflows/check.h"

namespace rebound::simulation {

// xoshiro256** (Blackman and Vigna 2018), seeded by splitmix64. Standard distributions differ
// between libraries; these do not. Not thread-safe.
class Random {
 public:
  explicit Random(uint64_t seed) {
    for (uint64_t& word : state_) {
      seed += 0x9E3779B97F4A7C15ULL;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
      word = z ^ (z >> 31);
    }
  }

  uint64_t Next() {
    const uint64_t result = Rotate(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = Rotate(state_[3], 45);
    return result;
  }

  // 0 to n - 1. REQUIRES: n > 0. The bias is below n / 2^63: of no weight here.
  int64_t Below(int64_t n) {
    CHECK(n > 0);
    return static_cast<int64_t>((Next() >> 1) % static_cast<uint64_t>(n));
  }
  bool OneIn(int64_t n) { return Below(n) == 0; }
  bool Percent(int64_t p) { return Below(100) < p; }
  template <typename T>
  const T& Pick(const std::vector<T>& from) {
    return from[static_cast<size_t>(Below(static_cast<int64_t>(from.size())))];
  }

 private:
  static uint64_t Rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

  std::array<uint64_t, 4> state_{};
};

}  // namespace rebound::simulation
