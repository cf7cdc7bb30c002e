// The format: signed numbers and times (UTC ms) are zigzag varints, enums and bools plain ones, ids
// 16 bytes, structs nested messages, vectors repeated, a map repeated {1: key, 2: value}, a text
// {1: id, 2: commitment} of which rows have the id only. Zero and empty are not written, but a
// present optional and the elements of a vector always are. What is absent reads as zero, not as
// the default of the struct, so that such a default can change. An enum number that only a newer
// program knows reads as zero, that is kUnset.
//
// Personal values of a known person follow the other fields of their struct, as one field kSealed:
// the same format once more, sealed. Of anybody else they stand in the clear, in their own place.
#include "server/storage/codec.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "server/storage/fields.h"
#include "server/storage/wire.h"
#include "workflows/check.h"

namespace rebound {
namespace {

constexpr uint32_t kSealed = 1000;  // no list has as many fields

using CommitFunction = std::function<Commitment32(const Text&)>;
using Commitments = std::vector<std::pair<TextId, Commitment32>>;

template <size_t N>
std::string_view View(const std::array<uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

class Encoder {
 public:
  // Without `commit`, texts are written as rows have them; without `person`, nothing is sealed.
  Encoder(std::string& out, const CommitFunction* commit, const PersonKey* person)
      : out_(out), commit_(commit), person_(person) {}

  // A whole message.
  template <typename T>
  void WriteFields(const T& value) {
    std::string outer = std::exchange(personal_, {});
    Fields(*this, value);
    if (!personal_.empty()) wire::PutBytes(out_, kSealed, Seal(*person_, personal_));
    personal_ = std::move(outer);
  }

  template <typename T>
  void Personal(uint32_t number, const T& value) {
    if (person_ == nullptr) return (*this)(number, value);
    Encoder(personal_, commit_, nullptr)(number, value);
  }

  template <typename T>
  void operator()(uint32_t number, const T& value) {
    if constexpr (kIsOptional<T>) {
      if (value) Write(number, *value, true);
    } else if constexpr (kIsVector<T>) {
      for (const auto& element : value) Write(number, element, true);
    } else if constexpr (kIsMap<T>) {
      for (const auto& [key, element] : value) {
        size_t begin = wire::BeginMessage(out_, number);
        (*this)(1, key);
        (*this)(2, element);
        wire::EndMessage(out_, begin);
      }
    } else {
      Write(number, value, false);
    }
  }

 private:
  template <typename T>
  void Write(uint32_t number, const T& value, bool even_if_empty) {
    if constexpr (std::is_same_v<T, std::string>) {
      if (even_if_empty || !value.empty()) wire::PutBytes(out_, number, value);
    } else if constexpr (kIsId<T>) {
      if (even_if_empty || !value.empty()) wire::PutBytes(out_, number, View(value.bytes));
    } else if constexpr (std::is_same_v<T, Text> || kIsStruct<T>) {
      size_t before = out_.size();
      size_t begin = wire::BeginMessage(out_, number);
      if constexpr (kIsStruct<T>) {
        WriteFields(value);
      } else if (!value.id.empty()) {
        wire::PutBytes(out_, 1, View(value.id.bytes));
        if (commit_ != nullptr) wire::PutBytes(out_, 2, View((*commit_)(value)));
      }
      if (out_.size() == begin && !even_if_empty) {
        out_.resize(before);
      } else {
        wire::EndMessage(out_, begin);
      }
    } else {
      uint64_t bits = Bits(value);
      if (bits == 0 && !even_if_empty) return;
      wire::PutTag(out_, number, wire::kVarint);
      wire::PutVarint(out_, bits);
    }
  }

  template <typename T>
  static uint64_t Bits(const T& value) {
    if constexpr (std::is_same_v<T, Timestamp>) {
      return wire::ZigZag(ToMillis(value));
    } else if constexpr (std::is_same_v<T, Duration>) {
      return wire::ZigZag(value.count());
    } else if constexpr (std::is_same_v<T, bool> || std::is_enum_v<T>) {
      return static_cast<uint64_t>(value);
    } else {
      return wire::ZigZag(value);
    }
  }

  std::string& out_;
  const CommitFunction* commit_;
  const PersonKey* person_;
  std::string personal_;  // of the message that is being written
};

// Takes away the defaults that are not zero from a new struct.
struct Zero {
  template <typename T>
  void operator()(uint32_t, T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      value = T{};
    } else if constexpr (kIsStruct<T>) {
      Fields(*this, value);
    }
  }
  template <typename T>
  void Personal(uint32_t number, T& value) {
    (*this)(number, value);
  }
};

template <typename T>
T MakeZero() {
  T value{};
  Zero{}(0, value);
  return value;
}

// Reads one message. Walks the list of fields and the bytes side by side: one pass for what this
// program wrote; further passes for strange orders and unknown fields.
class Decoder {
 public:
  // With `commitments`, every text must have a commitment, which goes there. What is sealed is left
  // out where `find` has no key.
  Decoder(std::string_view bytes, Commitments* commitments, const FindPersonKey& find)
      : in_(bytes), commitments_(commitments), find_(find) {}

  // False when the bytes are damaged.
  template <typename T>
  bool Read(T& value) {
    Next();
    while (number_ != 0 && ok_) {
      progress_ = false;
      Fields(*this, value);
      if (!progress_ && ok_) {
        ok_ = number_ == kSealed ? ReadSealed(value) : in_.Skip(type_);
        Next();
      }
    }
    return ok_;
  }

  template <typename T>
  void operator()(uint32_t number, T& value) {
    while (number_ == number && ok_) {
      ok_ = ReadField(value);
      progress_ = true;
      Next();
    }
  }
  template <typename T>
  void Personal(uint32_t number, T& value) {
    (*this)(number, value);
  }

 private:
  // number_ becomes 0 at the end.
  void Next() {
    number_ = 0;
    if (ok_ && !in_.done()) ok_ = in_.Tag(number_, type_);
  }

  template <typename T>
  bool ReadSealed(T& value) {
    std::string_view bytes;
    std::string plain;
    if (!ReadBytes(bytes)) return false;
    switch (Unseal(bytes, find_, &plain)) {
      case Unsealed::kOpen: return Decoder(plain, commitments_, find_).Read(value);
      case Unsealed::kForgotten: return true;
      case Unsealed::kDamaged: return false;
    }
    return false;
  }

  template <typename T>
  bool ReadField(T& value) {
    if constexpr (kIsOptional<T>) {
      if (!value) value = MakeZero<typename T::value_type>();
      return ReadOne(*value);
    } else if constexpr (kIsVector<T>) {
      value.push_back(MakeZero<typename T::value_type>());
      return ReadOne(value.back());
    } else if constexpr (kIsMap<T>) {
      std::string_view bytes;
      Entry<typename T::key_type, typename T::mapped_type> entry{};
      if (!ReadBytes(bytes) || !Decoder(bytes, commitments_, find_).Read(entry)) return false;
      value.insert_or_assign(std::move(entry.key), std::move(entry.value));
      return true;
    } else {
      return ReadOne(value);
    }
  }

  template <typename T>
  bool ReadOne(T& value) {
    if constexpr (std::is_same_v<T, std::string> || kIsId<T> || std::is_same_v<T, Text> ||
                  kIsStruct<T>) {
      std::string_view bytes;
      if (!ReadBytes(bytes)) return false;
      if constexpr (std::is_same_v<T, std::string>) {
        value.assign(bytes);
      } else if constexpr (kIsId<T>) {
        return Copy(bytes, value.bytes);
      } else if constexpr (std::is_same_v<T, Text>) {
        return ReadText(bytes, value);
      } else {
        return Decoder(bytes, commitments_, find_).Read(value);
      }
      return true;
    } else {
      uint64_t bits = 0;
      return type_ == wire::kVarint && in_.Varint(bits) && FromBits(bits, value);
    }
  }

  template <typename T>
  static bool FromBits(uint64_t bits, T& value) {
    if constexpr (std::is_same_v<T, Timestamp>) {
      value = FromMillis(wire::UnZigZag(bits));
    } else if constexpr (std::is_same_v<T, Duration>) {
      value = Duration{wire::UnZigZag(bits)};
    } else if constexpr (std::is_same_v<T, bool>) {
      value = bits != 0;
    } else if constexpr (std::is_enum_v<T>) {
      value = bits <= static_cast<uint64_t>(LastOf(T{})) ? static_cast<T>(bits) : T{};
    } else {
      int64_t number = wire::UnZigZag(bits);
      value = static_cast<T>(number);
      return value == number;
    }
    return true;
  }

  bool ReadText(std::string_view bytes, Text& text) {
    StoredText stored{};
    if (!Decoder(bytes, nullptr, find_).Read(stored)) return false;
    text.id = stored.id;
    if (commitments_ == nullptr || text.id.empty()) return true;
    Commitment32 commitment{};
    if (!Copy(stored.commitment, commitment)) return false;
    commitments_->emplace_back(text.id, commitment);
    return true;
  }

  bool ReadBytes(std::string_view& bytes) { return type_ == wire::kBytes && in_.Bytes(bytes); }

  template <size_t N>
  static bool Copy(std::string_view bytes, std::array<uint8_t, N>& to) {
    if (bytes.size() != N) return false;
    std::memcpy(to.data(), bytes.data(), N);
    return true;
  }

  struct StoredText {
    TextId id{};
    std::string commitment{};
    friend void Fields(Decoder& v, StoredText& s) {
      v(1, s.id);
      v(2, s.commitment);
    }
  };

  template <typename Key, typename Value>
  struct Entry {
    Key key{};
    Value value{};
    friend void Fields(Decoder& v, Entry& s) {
      v(1, s.key);
      v(2, s.value);
    }
  };

  wire::Reader in_;
  Commitments* commitments_;
  const FindPersonKey& find_;
  uint32_t number_ = 0;
  wire::Type type_ = wire::kVarint;
  bool ok_ = true;
  bool progress_ = false;
};

struct TextWalk {
  const std::function<void(Text&)>& visit;

  template <typename T>
  void operator()(uint32_t, T& value) {
    if constexpr (std::is_same_v<T, Text>) {
      if (!value.empty()) visit(value);
    } else if constexpr (kIsStruct<T>) {
      Fields(*this, value);
    } else if constexpr (kIsOptional<T>) {
      if (value) (*this)(0, *value);
    } else if constexpr (kIsVector<T>) {
      for (auto& element : value) (*this)(0, element);
    } else if constexpr (kIsMap<T>) {
      for (auto& [key, element] : value) (*this)(0, element);
    }
  }
  template <typename T>
  void Personal(uint32_t number, T& value) {
    (*this)(number, value);
  }
};

struct PersonalWalk {
  template <typename T>
  void operator()(uint32_t, T& value) {
    if constexpr (kIsStruct<T>) {
      Fields(*this, value);
    } else if constexpr (kIsOptional<T>) {
      if (value) (*this)(0, *value);
    } else if constexpr (kIsVector<T>) {
      for (auto& element : value) (*this)(0, element);
    }
  }
  template <typename T>
  void Personal(uint32_t, T& value) {
    value = MakeZero<T>();
  }
};

template <typename T>
std::string EncodeRow(const T& value, size_t expected_size, const PersonKey* person) {
  std::string out;
  out.reserve(expected_size);
  Encoder(out, nullptr, person).WriteFields(value);
  return out;
}

template <typename T>
std::optional<T> DecodeRow(std::string_view bytes, const FindPersonKey& find) {
  std::optional<T> value = MakeZero<T>();
  if (!Decoder(bytes, nullptr, find).Read(*value)) value.reset();
  return value;
}

template <typename T>
std::optional<EventBody> DecodeAs(std::string_view bytes, Commitments& commitments,
                                  const FindPersonKey& find) {
  std::optional<EventBody> body(std::in_place, std::in_place_type<T>);
  T& value = std::get<T>(*body);
  Zero{}(0, value);
  if (!Decoder(bytes, &commitments, find).Read(value)) body.reset();
  return body;
}

struct BodyType {
  std::string_view name{};
  std::optional<EventBody> (*decode)(std::string_view, Commitments&,
                                     const FindPersonKey&) = nullptr;
};

template <size_t... I>
std::array<BodyType, sizeof...(I)> MakeBodyTypes(std::index_sequence<I...>) {
  return {BodyType{TypeName(EventBody(std::in_place_index<I>)),
                   &DecodeAs<std::variant_alternative_t<I, EventVariant>>}...};
}

const auto& BodyTypes() {
  static const auto types =
      MakeBodyTypes(std::make_index_sequence<std::variant_size_v<EventVariant>>());
  return types;
}

// For hashing: fixed width or length first, so that no two events serialise alike.
void PutFixed(std::string& out, int64_t v) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<uint64_t>(v) >> shift));
  }
}

void PutSized(std::string& out, std::string_view bytes) {
  PutFixed(out, static_cast<int64_t>(bytes.size()));
  out.append(bytes);
}

// By OpenSSL: unlike libsodium it uses the processor's own instructions for it.
std::array<uint8_t, 32> Sha256(std::string_view bytes) {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
      EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  std::array<uint8_t, 32> hash{};
  CHECK(EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1 &&
        EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1 &&
        EVP_DigestFinal_ex(context.get(), hash.data(), nullptr) == 1);
  return hash;
}

}  // namespace

std::string Encode(const Case& value, const PersonKey* person) {
  return EncodeRow(value, 768, person);
}
std::string Encode(const Response& value, const PersonKey* person) {
  return EncodeRow(value, 384, person);
}
std::string Encode(const Customer& value, const PersonKey* person) {
  return EncodeRow(value, 256, person);
}
std::string Encode(const BlacklistEntry& value, const PersonKey* person) {
  return EncodeRow(value, 512, person);
}
std::string Encode(const Suppression& value) { return EncodeRow(value, 128, nullptr); }

std::optional<Case> DecodeCase(std::string_view bytes, const FindPersonKey& find) {
  return DecodeRow<Case>(bytes, find);
}
std::optional<Response> DecodeResponse(std::string_view bytes, const FindPersonKey& find) {
  return DecodeRow<Response>(bytes, find);
}
std::optional<Customer> DecodeCustomer(std::string_view bytes, const FindPersonKey& find) {
  return DecodeRow<Customer>(bytes, find);
}
std::optional<BlacklistEntry> DecodeEntry(std::string_view bytes, const FindPersonKey& find) {
  return DecodeRow<BlacklistEntry>(bytes, find);
}
std::optional<Suppression> DecodeSuppression(std::string_view bytes) {
  return DecodeRow<Suppression>(bytes, {});
}

std::string EncodeBody(const EventBody& body, const CommitFunction& commit,
                       const PersonKey* person) {
  std::string out;
  out.reserve(384);
  Encoder encoder(out, &commit, person);
  std::visit([&](const auto& value) { encoder.WriteFields(value); }, body);
  return out;
}

std::optional<EventBody> DecodeBody(std::string_view type, std::string_view bytes,
                                    Commitments* commitments, const FindPersonKey& find) {
  const auto& types = BodyTypes();
  auto found =
      std::find_if(types.begin(), types.end(), [&](const BodyType& t) { return t.name == type; });
  if (found == types.end()) return std::nullopt;
  Commitments read;
  auto body = found->decode(bytes, read, find);
  if (body && commitments != nullptr) *commitments = std::move(read);
  return body;
}

void ForgetPersonal(Case& value) { PersonalWalk{}(0, value); }
void ForgetPersonal(Response& value) { PersonalWalk{}(0, value); }
void ForgetPersonal(Customer& value) { PersonalWalk{}(0, value); }
void ForgetPersonal(BlacklistEntry& value) { PersonalWalk{}(0, value); }
void ForgetPersonal(Event& value) {
  std::visit([](auto& body) { PersonalWalk{}(0, body); }, value.body);
}

void ForEachText(Case& value, const std::function<void(Text&)>& visit) {
  TextWalk{visit}(0, value);
}
void ForEachText(Response& value, const std::function<void(Text&)>& visit) {
  TextWalk{visit}(0, value);
}
void ForEachText(Customer& value, const std::function<void(Text&)>& visit) {
  TextWalk{visit}(0, value);
}
void ForEachText(BlacklistEntry& value, const std::function<void(Text&)>& visit) {
  TextWalk{visit}(0, value);
}
void ForEachText(Event& value, const std::function<void(Text&)>& visit) {
  std::visit([&](auto& body) { TextWalk{visit}(0, body); }, value.body);
}

Commitment32 CommitText(const std::array<uint8_t, 16>& salt, std::string_view value) {
  static_assert(crypto_generichash_KEYBYTES_MIN <= 16);
  Commitment32 commitment{};
  crypto_generichash(commitment.data(), commitment.size(),
                     reinterpret_cast<const unsigned char*>(value.data()), value.size(),
                     salt.data(), salt.size());
  return commitment;
}

std::array<uint8_t, 32> ChainHash(const std::array<uint8_t, 32>& prev, const Event& event,
                                  int64_t schema_version, std::string_view body_bytes) {
  std::string in;
  in.reserve(320 + body_bytes.size());
  in.append(View(prev));
  PutFixed(in, event.sequence);
  in.append(View(event.customer_id.bytes));
  in.append(View(event.response_id.bytes));
  in.append(View(event.case_id.bytes));
  PutFixed(in, ToMillis(event.occurred_at));
  PutFixed(in, ToMillis(event.recorded_at));
  PutSized(in, event.actor);
  PutSized(in, event.org_unit_id);
  PutSized(in, event.queue_id);
  PutSized(in, event.status);
  PutFixed(in, static_cast<int64_t>(event.phase));
  PutSized(in, TypeName(event.body));
  PutFixed(in, schema_version);
  PutSized(in, body_bytes);
  // Last, where nothing else follows: leaving it out cannot be mistaken for another event.
  if (!event.entry_id.empty()) in.append(View(event.entry_id.bytes));
  return Sha256(in);
}

std::array<uint8_t, 32> AuditHash(const AuditEntry& entry) {
  std::string in;
  in.reserve(512);
  PutSized(in, "audit 1");  // no event serialises alike
  in.append(View(entry.prev_hash));
  PutFixed(in, entry.sequence);
  PutFixed(in, ToMillis(entry.at));
  PutFixed(in, static_cast<int64_t>(entry.kind));
  PutSized(in, entry.principal);
  PutSized(in, entry.role);
  PutSized(in, entry.method);
  PutSized(in, entry.outcome);
  PutSized(in, entry.reason);
  PutSized(in, entry.subject_type);
  in.append(View(entry.subject));
  in.append(View(entry.request_key));
  PutSized(in, entry.address);
  PutFixed(in, entry.count);
  PutSized(in, entry.detail);
  return Sha256(in);
}

}  // namespace rebound
