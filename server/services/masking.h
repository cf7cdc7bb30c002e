// Contact data in messages: once for all answers, by the fields that are marked rebound.v1.mask.
// Thread-safe.
#pragma once

#include <google/protobuf/message.h>

namespace rebound {

// Masks every marked field below the message, values of marked maps too. Which fields of a type
// that are is found out once; a type without any costs one look-up, whatever it holds.
void MaskContact(google::protobuf::Message& message);

}  // namespace rebound
