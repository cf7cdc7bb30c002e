// The client's side of the Connect protocol over HTTP/1.1: a case as the bytes of a request, the
// answer as a result, and every breach of the protocol's form as a fault.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tests/conformance/http_client.h"
#include "tests/conformance/suite.h"

namespace rebound::conformance {

using Faults = std::vector<std::string>;

// Messages of unary calls go with their length, those of streams in chunks, as real clients do it.
// A call with gzip says that it takes gzip; one without takes nothing.
std::string ToRequest(const Call& call);

// Headers and trailers are all that came. An answer that is none of Connect's has the error code
// that clients read from its HTTP status.
struct Reading {
  wire::CallResult result;
  Faults faults{};
  bool compressed = false;  // some message was
};
Reading ReadAnswer(const Call& call, const HttpAnswer& answer);

// What `actual` lacks, or has in another way. `elapsed` is how long the caller waited at most: a
// timeout that the service saw is the one that was sent, less that. num_unsent_requests is not
// compared: this client sends its one request before it reads.
Faults Compare(const wire::CallResult& expected, const wire::CallResult& actual,
               std::chrono::milliseconds elapsed);

}  // namespace rebound::conformance
