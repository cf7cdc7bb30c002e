// CHECK: the guard for programmer errors. Thread-safe.
#pragma once

#include <cstdio>
#include <cstdlib>

// Ends the process when `condition` is false, in every build: a broken invariant must not reach the
// store. Never used for anything a caller or the outside world can cause; that is Result<T>.
#define CHECK(condition)                                                                   \
  do {                                                                                     \
    if (!(condition)) {                                                                    \
      std::fprintf(stderr, "CHECK failed: %s at %s:%d\n", #condition, __FILE__, __LINE__); \
      std::abort();                                                                        \
    }                                                                                      \
  } while (false)
