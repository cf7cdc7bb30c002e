// Survey answers as a survey system sends them: about 300 bytes each, the n-th always the same but
// for who answers when several threads ask.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "rebound/v1/response.pb.h"

namespace rebound::bench {

inline constexpr const char* kProgram = "bench";

// Thread-safe.
class Answers {
 public:
  struct Mix {
    int detractor_percent = 30;
    int new_customer_percent = 70;  // the others come back, any of those before
  };
  // Begins after so many answers and customers that the database has already.
  Answers(Mix mix, int64_t answers, int64_t customers)
      : mix_(mix), answers_(answers), customers_(customers) {}

  // Gives the next answer, without a time, and its number.
  int64_t Next(v1::Response* out);

 private:
  const Mix mix_;
  std::atomic<int64_t> answers_;
  std::atomic<int64_t> customers_;
};

}  // namespace rebound::bench
