// Result<T>: a value or a typed refusal. The subset of std::expected we need, so that C++23's can
// replace it. Plain values; thread-compatible.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "workflows/check.h"
#include "workflows/reason.h"

namespace rebound {

using Metadata = std::map<std::string, std::string>;

// One field at fault. `field` is a proto path in snake case, e.g. "response.score" or
// "responses[3].score"; `metadata` holds the variable parts of the text ("value", "expected").
struct FieldViolation {
  std::string field{};
  Reason reason = Reason::kRequiredFieldMissing;
  Metadata metadata{};

  friend bool operator==(const FieldViolation&, const FieldViolation&) = default;
};

// Why a request was refused. Carries no prose: services/status.cc renders English and Chinese from
// the reason and the metadata, so that a message and its metadata cannot drift apart.
struct Error {
  Reason reason = Reason::kInternal;
  Metadata metadata{};
  std::vector<FieldViolation> violations{};  // all of them at once, in field order
  std::vector<std::string> allowed{};        // kTransitionNotAllowed: commands the status accepts

  friend bool operator==(const Error&, const Error&) = default;
};

// An Error for exactly one field.
inline Error FieldError(std::string field, Reason reason, Metadata metadata = {}) {
  Error error{.reason = reason, .metadata = metadata};
  error.metadata.emplace("field", field);
  error.violations.push_back({std::move(field), reason, std::move(metadata)});
  return error;
}

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // REQUIRES: has_value().
  T& value() & {
    CHECK(has_value());
    return std::get<0>(state_);
  }
  const T& value() const& {
    CHECK(has_value());
    return std::get<0>(state_);
  }
  T&& value() && {
    CHECK(has_value());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // REQUIRES: !has_value().
  const Error& error() const& {
    CHECK(!has_value());
    return std::get<1>(state_);
  }
  Error&& error() && {
    CHECK(!has_value());
    return std::get<1>(std::move(state_));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  const Error& error() const& {
    CHECK(error_.has_value());
    return *error_;
  }
  Error&& error() && {
    CHECK(error_.has_value());
    return *std::move(error_);
  }

 private:
  std::optional<Error> error_;
};

}  // namespace rebound
