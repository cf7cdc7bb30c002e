// How soon everybody who follows the log of events has a new one, and what each of them costs.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/load.h"

namespace rebound::bench {

struct FanOut {
  // Of each event and stream: from sending the answer that made the event until the stream had it.
  double p50_us = 0;
  double p99_us = 0;
  // From sending the answer until its OK, medians.
  double stored_us = 0;
  int64_t deliveries = 0;
};

// Streams over the target's connections. The destructor ends them.
class Watches {
 public:
  // Returns once all of them have begun. Throws std::runtime_error when one does not.
  Watches(const Target& target, int count);
  ~Watches();
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;

  // Submits answers of new customers one after another, each once everybody has the one before.
  FanOut Measure(const Target& target, int answers);

 private:
  struct Shared;
  class Stream;
  std::unique_ptr<Shared> shared_;
  std::vector<std::unique_ptr<Stream>> streams_;
};

}  // namespace rebound::bench
