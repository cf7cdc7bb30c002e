// Contact data in messages: once for all answers, by the fields that are marked rebound.v1.mask;
// and in filters. Thread-safe.
#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "workflows/predicate.h"
#include "workflows/result.h"

namespace rebound {

// Masks every marked field below the message, values of marked maps too. Which fields of a type
// that are is found out once; a type without any costs one look-up, whatever it holds.
void MaskContact(google::protobuf::Message& message);

// kFilterInvalid for a filter on what the caller is shown masked, which would tell whether a guess
// is right; it stands in `field` of the request. For each method that tells which customers match.
Result<void> CheckUnmasked(bool sees_contact, const std::string& field, const Predicate& filter);

}  // namespace rebound
