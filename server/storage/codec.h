// Where domain structs meet bytes. Rows and event bodies are protobuf wire format, written field by
// field from one list per struct; unknown fields are skipped, so that old programs read new rows.
// Golden bytes of every event type are kept: what was written once is readable for ever.
// Thread-safe: no state.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "server/storage/seal.h"
#include "server/storage/store.h"
#include "workflows/event.h"

namespace rebound {

inline constexpr int64_t kEventSchemaVersion = 1;

// Text values are left out: only their ids are written. Personal values are sealed for `person`;
// nullptr: nobody known, and they stand in the clear.
std::string Encode(const Case& value, const PersonKey* person = nullptr);
std::string Encode(const Response& value, const PersonKey* person = nullptr);
std::string Encode(const Customer& value, const PersonKey* person = nullptr);
std::string Encode(const BlacklistEntry& value, const PersonKey* person = nullptr);
std::string Encode(const Suppression& value);
// nullopt when the bytes are damaged. What was sealed for somebody of whom `find` has no key reads
// as empty.
std::optional<Case> DecodeCase(std::string_view bytes, const FindPersonKey& find = {});
std::optional<Response> DecodeResponse(std::string_view bytes, const FindPersonKey& find = {});
std::optional<Customer> DecodeCustomer(std::string_view bytes, const FindPersonKey& find = {});
std::optional<BlacklistEntry> DecodeEntry(std::string_view bytes, const FindPersonKey& find = {});
std::optional<Suppression> DecodeSuppression(std::string_view bytes);

// The body of an event with, for every text, its id and its commitment; the envelope's other fields
// are columns. `commit` is asked for the commitment of each text in order.
using Commitment32 = std::array<uint8_t, 32>;
std::string EncodeBody(const EventBody& body,
                       const std::function<Commitment32(const Text&)>& commit,
                       const PersonKey* person = nullptr);
// Fills the body of the type that `type` names (TypeName). `commitments` receives each text's id
// and commitment. nullopt when the type is unknown or the bytes are damaged.
std::optional<EventBody> DecodeBody(
    std::string_view type, std::string_view bytes,
    std::vector<std::pair<TextId, Commitment32>>* commitments = nullptr,
    const FindPersonKey& find = {});

// Calls visit for every text that has an id or a value, in a fixed order.
void ForEachText(Case& value, const std::function<void(Text&)>& visit);
void ForEachText(Response& value, const std::function<void(Text&)>& visit);
void ForEachText(Customer& value, const std::function<void(Text&)>& visit);
void ForEachText(BlacklistEntry& value, const std::function<void(Text&)>& visit);
void ForEachText(Event& value, const std::function<void(Text&)>& visit);

// Empties every personal value, as reading does where the key is gone.
void ForgetPersonal(Case& value);
void ForgetPersonal(Response& value);
void ForgetPersonal(Customer& value);
void ForgetPersonal(BlacklistEntry& value);
void ForgetPersonal(Event& value);

// Fills in the values of texts that have an id but no value.
template <typename T>
void Hydrate(Reader& reader, T& value) {
  ForEachText(value, [&](Text& text) {
    if (!text.id.empty() && text.value.empty()) text.value = reader.GetText(text.id);
  });
}

// The commitment that an event keeps of a text: BLAKE2b-256 keyed with the text's random salt.
// Without the salt, which lies beside the text and is erased with it, nothing can be guessed.
Commitment32 CommitText(const std::array<uint8_t, 16>& salt, std::string_view value);

// One link of the chain: SHA-256 over the hash before and every stored column of the event. An
// event without an entry has the hash that it had before there were entries.
std::array<uint8_t, 32> ChainHash(const std::array<uint8_t, 32>& prev, const Event& event,
                                  int64_t schema_version, std::string_view body_bytes);
// The same of an audit entry: over prev_hash and every column of it but `hash`.
std::array<uint8_t, 32> AuditHash(const AuditEntry& entry);

}  // namespace rebound
