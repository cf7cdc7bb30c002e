// Messages that may be larger than what one call carries at once. Thread-safe: no state.
#pragma once

#include <google/protobuf/message.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace rebound {

// The message, or what has to be merged one into the other, in this order, to have it again:
// first all that is single, then the repeated strings and messages, as many as fit into `limit`
// bytes. Each part bears the field `identity`. What is single or one element is never split.
std::vector<std::unique_ptr<google::protobuf::Message>> SplitToFit(
    std::unique_ptr<google::protobuf::Message> whole, size_t limit, const std::string& identity);

}  // namespace rebound
