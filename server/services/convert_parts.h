// What the convert*.cc share: paths of fields, and values that the API has only when they are set.
// Internal to them. Thread-safe: no state.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/generated_enum_reflection.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "server/services/convert.h"

namespace rebound {

inline std::string Sub(const std::string& path, std::string_view field) {
  return path.empty() ? std::string(field) : path + "." + std::string(field);
}

inline std::string At(const std::string& field, int index) {
  return field + "[" + std::to_string(index) + "]";
}

template <typename A, typename E>
A ToApi(E value) {
  return static_cast<A>(static_cast<int>(value));
}

// The name of an API enum value without its prefix, in lower case: "no_answer".
template <typename A, typename E>
std::string Word(E value) {
  const auto* descriptor = google::protobuf::GetEnumDescriptor<A>();
  const auto* zero = descriptor->FindValueByNumber(0);
  const auto* named = descriptor->FindValueByNumber(static_cast<int>(value));
  const size_t prefix = zero->name().size() - std::string_view("UNSPECIFIED").size();
  std::string word = named == nullptr ? "" : named->name().substr(prefix);
  for (char& c : word) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return word;
}

inline void FillTime(const std::optional<Timestamp>& time,
                     const std::function<google::protobuf::Timestamp*()>& out) {
  if (time) Fill(*time, out());
}

inline void FillMoney(const Money& money, const std::function<api::Money*()>& out) {
  if (money.empty()) return;
  api::Money* m = out();
  m->set_amount_minor(money.amount_minor);
  m->set_currency_code(money.currency);
}

inline void FillKey(const ExternalKey& key, const std::function<api::ExternalKey*()>& out) {
  if (key.empty()) return;
  api::ExternalKey* k = out();
  k->set_source_system(key.source_system);
  k->set_external_id(key.external_id);
}

// The plan of the case and what was gone through of it. (convert_step.cc)
void FillSteps(const Case& c, bool full, const Revision& revision, api::Case* out);

inline std::string IdText(const auto& id) { return id.empty() ? std::string() : ToString(id); }

}  // namespace rebound
