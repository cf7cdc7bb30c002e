// Goal: whatever is stored reads back equal, for ever, and no personal text is stored with it.
// Method: visitors over the same field lists fill every field with a value that follows from its
// place in the list alone, so that a new field leaves the bytes of the older ones as they were.
#include "server/storage/codec.h"

#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "server/storage/fields.h"
#include "server/storage/wire.h"

namespace rebound {
namespace {

using Commitments = std::vector<std::pair<TextId, Commitment32>>;

constexpr std::string_view kPersonal = "PERSONAL";

// A value for each field that no other field of the message has.
struct Fill {
  uint64_t place = 1;

  template <typename T>
  void operator()(uint32_t number, T& value) {
    Set(Fill{place * 64 + number}, value);
  }
  template <typename T>
  void Personal(uint32_t number, T& value) {
    (*this)(number, value);
  }

  template <typename T>
  static void Set(Fill at, T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      value = "v" + std::to_string(at.place);
    } else if constexpr (std::is_same_v<T, bool>) {
      value = true;
    } else if constexpr (std::is_same_v<T, int32_t>) {
      value = static_cast<int32_t>(at.place % 1'000'000) + 1;
    } else if constexpr (std::is_integral_v<T>) {
      value = static_cast<T>(at.place) * (at.place % 2 == 0 ? 1 : -1);
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(1 + at.place % static_cast<uint64_t>(LastOf(T{})));
    } else if constexpr (std::is_same_v<T, Duration>) {
      value = Duration{static_cast<int64_t>(at.place)};
    } else if constexpr (std::is_same_v<T, Timestamp>) {
      value = FromMillis(1'700'000'000'000 + static_cast<int64_t>(at.place));
    } else if constexpr (kIsId<T>) {
      for (size_t i = 0; i < 16; ++i)
        value.bytes[i] = static_cast<uint8_t>(at.place >> (i % 8 * 8));
      value.bytes[15] = 0x7F;
    } else if constexpr (std::is_same_v<T, Text>) {
      Set(at, value.id);
      value.value = std::string(kPersonal) + std::to_string(at.place);
    } else if constexpr (kIsOptional<T>) {
      value.emplace();
      Set(at, *value);
    } else if constexpr (kIsVector<T>) {
      value.resize(2);
      at(1, value[0]);
      at(2, value[1]);
    } else if constexpr (kIsMap<T>) {
      for (uint32_t i = 1; i <= 2; ++i) {
        typename T::key_type key{};
        at(i * 2, key);
        at(i * 2 + 1, value[key]);
      }
    } else {
      Fields(at, value);
    }
  }
};

// Zero everywhere, but every optional present and every vector with one element: what must not be
// lost although it is zero.
struct FillWithZeros {
  template <typename T>
  void operator()(uint32_t, T& value) {
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
      value = T{};
    } else if constexpr (kIsOptional<T>) {
      value.emplace();
      (*this)(0, *value);
    } else if constexpr (kIsVector<T>) {
      value.resize(1);
      (*this)(0, value[0]);
    } else if constexpr (kIsMap<T>) {
      value[{}];
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
T Filled() {
  T value{};
  Fill::Set(Fill{}, value);
  return value;
}

template <typename T>
T WithZeros() {
  T value{};
  FillWithZeros{}(0, value);
  return value;
}

void DropValues(EventBody& body) {
  Event event{.body = std::move(body)};
  ForEachText(event, [](Text& text) { text.value.clear(); });
  body = std::move(event.body);
}

Commitment32 CommitById(const Text& text) { return CommitText(text.id.bytes, text.value); }

std::string Body(const EventBody& body) { return EncodeBody(body, CommitById); }

template <typename Visit, size_t... I>
void ForEachAlternative(Visit&& visit, std::index_sequence<I...>) {
  (visit(std::variant_alternative_t<I, EventVariant>{}), ...);
}

// Calls visit with an empty value of every type of event.
template <typename Visit>
void ForEachAlternative(Visit&& visit) {
  ForEachAlternative(visit, std::make_index_sequence<std::variant_size_v<EventVariant>>());
}

std::vector<EventBody> EveryBody() {
  std::vector<EventBody> bodies;
  ForEachAlternative([&]<typename T>(T) { bodies.emplace_back(Filled<T>()); });
  return bodies;
}

std::string ToHex(std::string_view bytes, size_t per_line) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0 && i % per_line == 0) hex += '\n';
    hex += kDigits[static_cast<uint8_t>(bytes[i]) >> 4];
    hex += kDigits[static_cast<uint8_t>(bytes[i]) & 15];
  }
  return hex;
}

template <size_t N>
std::string ToHex(const std::array<uint8_t, N>& bytes) {
  return ToHex({reinterpret_cast<const char*>(bytes.data()), N}, N);
}

std::string FromHex(std::string_view hex) {
  std::string bytes;
  std::string pair;
  for (char c : hex) {
    if (c == '\n') continue;
    pair += c;
    if (pair.size() == 2) {
      bytes += static_cast<char>(std::stoi(pair, nullptr, 16));
      pair.clear();
    }
  }
  return bytes;
}

std::filesystem::path GoldenFolder() {
  return std::filesystem::path(REBOUND_SOURCE_DIR) / "tests" / "golden" / "events";
}

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// ---- the lists themselves
// ------------------------------------------------------------------------

// Stands for a member while members are counted: one kind becomes an optional, the other anything
// else, because an optional could also be made from what its value can be made from.
struct AnOptional {
  template <typename T>
  requires kIsOptional<T>
  operator T() const;
};
struct AnythingElse {
  template <typename T>
  requires(!kIsOptional<T>) operator T() const;
};

template <typename T, typename... Member>
constexpr size_t CountMembers() {
  if constexpr (requires { T{Member{}..., AnythingElse{}}; }) {
    return CountMembers<T, Member..., AnythingElse>();
  } else if constexpr (requires { T{Member{}..., AnOptional{}}; }) {
    return CountMembers<T, Member..., AnOptional>();
  } else {
    return sizeof...(Member);
  }
}

// g++ and clang print a value without a name as a cast: "(rebound::Phase)6".
template <auto Value>
constexpr bool HasName() {
  return std::string_view(__PRETTY_FUNCTION__).find(" = (") == std::string_view::npos;
}
static_assert(HasName<Phase::kClosed>() && !HasName<static_cast<Phase>(1000)>());

struct CheckLists {
  size_t count = 0;
  uint32_t last_number = 0;

  template <typename T>
  void operator()(uint32_t number, T& value) {
    EXPECT_GT(number, last_number);
    last_number = number;
    ++count;
    Look(value);
  }
  template <typename T>
  void Personal(uint32_t number, T& value) {
    (*this)(number, value);
  }

  template <typename T>
  static void Look(T&) {
    if constexpr (std::is_enum_v<T>) {
      static_assert(!HasName<static_cast<T>(static_cast<int>(LastOf(T{})) + 1)>(),
                    "an enum has grown: change its LastOf in fields.h");
      static_assert(static_cast<int>(T::kUnset) == 0);
    } else if constexpr (kIsOptional<T> || kIsVector<T>) {
      typename T::value_type element{};
      Look(element);
    } else if constexpr (kIsStruct<T>) {
      CheckLists inside;
      T fresh{};
      Fields(inside, fresh);
      EXPECT_EQ(inside.count, CountMembers<T>())
          << "every member must stand in the list of fields: " << typeid(T).name();
    }
  }
};

TEST(FieldsTest, ListsNameEveryMemberInRisingOrder) {
  static_assert(CountMembers<Text>() == 2 && CountMembers<CaseVoided>() == 0);
  CheckLists check;
  Case c{};
  Response r{};
  Customer u{};
  check(1, c);
  check(2, r);
  check(3, u);
  BlacklistEntry b{};
  check(4, b);
  ForEachAlternative([]<typename T>(T value) { CheckLists::Look(value); });
}

TEST(FieldsTest, FilledFieldsAreNoneOfThemDefault) {
  Case filled = Filled<Case>();
  EXPECT_FALSE(filled.opened_at == Timestamp{});
  EXPECT_NE(filled.program_id, filled.owner);
  EXPECT_EQ(filled.attempts.size(), 2u);
  EXPECT_NE(filled.attempts[0].id, filled.attempts[1].id);
  EXPECT_EQ(Filled<Response>().attributes.size(), 2u);
}

// ---- rows
// ----------------------------------------------------------------------------------------

PersonKey SomeKey() {
  PersonKey key;
  key.customer.bytes[5] = 9;
  for (size_t i = 0; i < key.secret.size(); ++i) key.secret[i] = static_cast<uint8_t>(i * 7);
  return key;
}

template <typename T>
void ExpectRowRoundTrip(T value,
                        std::optional<T> (*decode)(std::string_view, const FindPersonKey&)) {
  std::string bytes = Encode(value);
  EXPECT_EQ(bytes.find(kPersonal), std::string::npos);
  ForEachText(value, [](Text& text) { text.value.clear(); });
  auto decoded = decode(bytes, {});
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(*decoded == value);
  EXPECT_EQ(Encode(*decoded), bytes);

  // Sealed: whole with the key, without the personal values when it is gone.
  const PersonKey key = SomeKey();
  const std::string sealed = Encode(value, &key);
  decoded = decode(sealed, [&](const CustomerId& id) {
    EXPECT_EQ(id, key.customer);
    return std::optional(key);
  });
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(*decoded == value);
  EXPECT_EQ(Encode(*decoded, &key), sealed);
  decoded = decode(sealed, [](const CustomerId&) { return std::optional<PersonKey>(); });
  ASSERT_TRUE(decoded);
  ForgetPersonal(value);
  EXPECT_TRUE(*decoded == value);
}

// Every value that goes to Personal, as the bytes that it has in the clear.
struct PersonalBytes {
  std::vector<std::string>& found;
  bool is_personal = false;

  template <typename T>
  void operator()(uint32_t, T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      if (is_personal && !value.empty()) found.push_back(value);
    } else if constexpr (kIsStruct<T>) {
      Fields(*this, value);
    } else if constexpr (kIsOptional<T>) {
      if (value) (*this)(0, *value);
    } else if constexpr (kIsVector<T>) {
      for (auto& element : value) (*this)(0, element);
    } else if constexpr (kIsMap<T>) {
      for (auto& [name, element] : value) (*this)(0, element);
    }
  }
  template <typename T>
  void Personal(uint32_t number, T& value) {
    PersonalBytes{found, true}(number, value);
  }
};

TEST(SealTest, PersonalValuesOfSomebodyKnownStandNowhereInTheClear) {
  const PersonKey key = SomeKey();
  size_t sealed = 0;
  ForEachAlternative([&]<typename T>(T) {
    T value = Filled<T>();
    std::vector<std::string> personal;
    PersonalBytes{personal}(0, value);
    const EventBody body(value);
    const auto commit = [](const Text&) { return Commitment32{}; };
    const std::string clear = EncodeBody(body, commit);
    const std::string bytes = EncodeBody(body, commit, &key);
    for (const std::string& each : personal) {
      EXPECT_NE(clear.find(each), std::string::npos);
      EXPECT_EQ(bytes.find(each), std::string::npos) << TypeName(body) << ": " << each;
      ++sealed;
    }
    EXPECT_EQ(personal.empty(), clear == bytes) << TypeName(body);
  });
  EXPECT_GT(sealed, 20u);
}

TEST(SealTest, WhatWasTamperedWithIsDamagedAndWhatWasForgottenIsNot) {
  const PersonKey key = SomeKey();
  const FindPersonKey find = [&](const CustomerId&) { return std::optional(key); };
  const std::string sealed = Seal(key, "order 17");
  std::string plain;
  EXPECT_EQ(Unseal(sealed, find, &plain), Unsealed::kOpen);
  EXPECT_EQ(plain, "order 17");
  EXPECT_EQ(Seal(key, "order 17"), sealed);
  EXPECT_NE(Seal(key, "order 18").substr(0, 40), sealed.substr(0, 40)) << "another nonce";
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string other = sealed;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_EQ(Unseal(other, find, &plain), Unsealed::kDamaged) << i;
  }
  EXPECT_EQ(Unseal(sealed.substr(0, 55), find, &plain), Unsealed::kDamaged);
  PersonKey wrong = key;
  wrong.secret[0] ^= 1;
  EXPECT_EQ(Unseal(
                sealed, [&](const CustomerId&) { return std::optional(wrong); }, &plain),
            Unsealed::kDamaged);
  EXPECT_EQ(Unseal(
                sealed, [](const CustomerId&) { return std::optional<PersonKey>(); }, &plain),
            Unsealed::kForgotten);
  EXPECT_EQ(Unseal(sealed, {}, &plain), Unsealed::kForgotten);
}

TEST(CodecTest, RowsReadBackEqual) {
  ExpectRowRoundTrip(Filled<Case>(), DecodeCase);
  ExpectRowRoundTrip(Filled<Response>(), DecodeResponse);
  ExpectRowRoundTrip(Filled<Customer>(), DecodeCustomer);
  ExpectRowRoundTrip(Filled<BlacklistEntry>(), DecodeEntry);
}

TEST(CodecTest, RowsOfDefaultsReadBackEqual) {
  ExpectRowRoundTrip(Case{}, DecodeCase);
  ExpectRowRoundTrip(Response{}, DecodeResponse);
  ExpectRowRoundTrip(Customer{}, DecodeCustomer);
  ExpectRowRoundTrip(BlacklistEntry{}, DecodeEntry);
}

TEST(CodecTest, ZerosArePreservedWherePresenceOrTheStructsDefaultDiffers) {
  Case c = WithZeros<Case>();
  ASSERT_TRUE(c.customer_accepts && !*c.customer_accepts);
  ASSERT_EQ(c.severity, 0);
  ASSERT_EQ(c.timers.at(0).state, TimerState::kUnset);
  ASSERT_TRUE(c.resurvey.first_answer);
  ExpectRowRoundTrip(c, DecodeCase);
  ExpectRowRoundTrip(WithZeros<Response>(), DecodeResponse);
  ExpectRowRoundTrip(WithZeros<Customer>(), DecodeCustomer);
  ExpectRowRoundTrip(WithZeros<BlacklistEntry>(), DecodeEntry);
}

TEST(CodecTest, ExtremeNumbersReadBackEqual) {
  Case c{};
  c.number = INT64_MAX;
  c.version = INT64_MIN;
  c.score = -1;
  c.severity = INT32_MIN;
  c.reopen_count = INT32_MAX;
  c.opened_at = FromMillis(INT64_MIN);
  c.closed_at = FromMillis(-1);
  c.status = std::string("nul\0and \xF0\x9F\x99\x82", 12);
  c.owner = std::string(100'000, 'x');
  ExpectRowRoundTrip(c, DecodeCase);
}

TEST(CodecTest, TextsWithoutIdAreNotWritten) {
  Case c{};
  std::string empty = Encode(c);
  c.action_taken.value = "PERSONAL";
  EXPECT_EQ(Encode(c), empty);
}

// ---- event bodies
// --------------------------------------------------------------------------------

TEST(CodecTest, EveryTypeOfEventHasItsOwnName) {
  std::set<std::string_view> names;
  for (const auto& body : EveryBody()) names.insert(TypeName(body));
  EXPECT_EQ(names.size(), std::variant_size_v<EventVariant>);
  EXPECT_EQ(TypeName(CaseVoided{}), "CaseVoided");
  EXPECT_EQ(TypeName(CustomerCreated{}), "CustomerCreated");
}

TEST(CodecTest, EveryTypeOfEventReadsBackEqual) {
  std::vector<EventBody> bodies = EveryBody();
  ForEachAlternative([&]<typename T>(T value) {
    bodies.emplace_back(value);
    bodies.emplace_back(WithZeros<T>());
  });
  for (auto& body : bodies) {
    SCOPED_TRACE(TypeName(body));
    std::string bytes = Body(body);
    EXPECT_EQ(bytes.find(kPersonal), std::string::npos);
    auto decoded = DecodeBody(TypeName(body), bytes);
    ASSERT_TRUE(decoded);
    DropValues(body);
    EXPECT_TRUE(*decoded == body);
  }
}

TEST(CodecTest, CommitmentsComeInTheOrderOfTheTexts) {
  size_t total = 0;
  for (const auto& body : EveryBody()) {
    SCOPED_TRACE(TypeName(body));
    Commitments expected;
    Event event{.body = body};
    ForEachText(event, [&](Text& text) { expected.emplace_back(text.id, CommitById(text)); });
    Commitments asked;
    std::string bytes = EncodeBody(body, [&](const Text& text) {
      asked.emplace_back(text.id, CommitById(text));
      return asked.back().second;
    });
    Commitments read = {{TextId{}, Commitment32{}}};
    ASSERT_TRUE(DecodeBody(TypeName(body), bytes, &read));
    EXPECT_EQ(asked, expected);
    EXPECT_EQ(read, expected);
    total += expected.size();
  }
  EXPECT_GT(total, 20u);
}

TEST(CodecTest, AnEventsTextMustHaveACommitment) {
  AttemptLogged logged{};
  Fill::Set(Fill{}, logged);
  std::string note = Body(CaseClosed{.note = logged.attempt.note});
  ASSERT_TRUE(DecodeBody("CaseClosed", note));
  // {3: {1: id}}, as a row would have it.
  std::string without;
  size_t begin = wire::BeginMessage(without, 3);
  wire::PutBytes(without, 1, std::string(16, 'i'));
  wire::EndMessage(without, begin);
  EXPECT_FALSE(DecodeBody("CaseClosed", without));
}

TEST(CodecTest, UnknownTypesAreRefused) {
  EXPECT_FALSE(DecodeBody("", ""));
  EXPECT_FALSE(DecodeBody("CaseOpene", ""));
  EXPECT_FALSE(DecodeBody("CaseOpenedX", ""));
}

// ---- golden bytes
// --------------------------------------------------------------------------------

TEST(CodecTest, EveryTypeOfEventIsWrittenAsItsGoldenBytes) {
  for (auto& body : EveryBody()) {
    SCOPED_TRACE(TypeName(body));
    auto path = GoldenFolder() / (std::string(TypeName(body)) + ".hex");
    std::string hex = ToHex(Body(body), 48) + "\n";
    if (std::getenv("UPDATE_GOLDEN") != nullptr) {
      std::filesystem::create_directories(GoldenFolder());
      std::ofstream(path, std::ios::binary) << hex;
    }
    ASSERT_TRUE(std::filesystem::exists(path)) << "write it with UPDATE_GOLDEN=1";
    EXPECT_EQ(ReadAll(path), hex)
        << "stored events no longer read like this. For a new field, keep the old file under "
           "another suffix (Type.1.hex) and run with UPDATE_GOLDEN=1.";
    auto decoded = DecodeBody(TypeName(body), FromHex(ReadAll(path)));
    ASSERT_TRUE(decoded);
    DropValues(body);
    EXPECT_TRUE(*decoded == body);
  }
}

TEST(CodecTest, EveryGoldenFileEverWrittenIsReadable) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(GoldenFolder())) {
    std::string name = entry.path().filename().string();
    SCOPED_TRACE(name);
    std::string type = name.substr(0, name.find('.'));
    EXPECT_TRUE(DecodeBody(type, FromHex(ReadAll(entry.path()))));
    ++files;
  }
  EXPECT_GE(files, std::variant_size_v<EventVariant>);
}

TEST(CodecTest, BytesAreProtobuf) {
  for (const auto& body : EveryBody()) {
    SCOPED_TRACE(TypeName(body));
    google::protobuf::UnknownFieldSet fields;
    std::string bytes = Body(body);
    ASSERT_TRUE(fields.ParseFromString(bytes));
    std::string again;
    ASSERT_TRUE(fields.SerializeToString(&again));
    EXPECT_EQ(again, bytes);
  }
}

// ---- other programs' bytes
// -----------------------------------------------------------------------

TEST(CodecTest, UnknownFieldsAreSkippedWhereverTheyStand) {
  google::protobuf::UnknownFieldSet unknown;
  unknown.AddVarint(999, UINT64_MAX);
  unknown.AddFixed64(1001, 7);
  unknown.AddFixed32(1002, 7);
  unknown.AddLengthDelimited(1003, "\xFF\xFF anything");
  unknown.AddVarint(100, 1);
  std::string extra;
  ASSERT_TRUE(unknown.SerializeToString(&extra));

  EventBody body = Filled<CaseAssigned>();
  std::string whole = Body(body);
  std::string first = Body(CaseAssigned{.owner = std::get<CaseAssigned>(body).owner});
  std::string second = whole.substr(first.size());
  for (const std::string& bytes : {extra + whole, whole + extra, first + extra + second,
                                   extra + second + extra + first + extra}) {
    auto decoded = DecodeBody("CaseAssigned", bytes);
    ASSERT_TRUE(decoded);
    EXPECT_TRUE(*decoded == body);
  }

  // Inside a nested message.
  Case c{};
  c.details.language = "de";
  std::string nested;
  size_t begin = wire::BeginMessage(nested, 11);
  nested += extra;
  wire::PutBytes(nested, 13, "de");
  wire::EndMessage(nested, begin);
  auto decoded = DecodeCase(nested);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->details, c.details);
}

TEST(CodecTest, EnumNumbersOfNewerProgramsReadAsUnset) {
  for (uint64_t number : {uint64_t{5}, uint64_t{1} << 40, UINT64_MAX}) {
    std::string bytes;
    wire::PutTag(bytes, 3, wire::kVarint);
    wire::PutVarint(bytes, number);
    auto decoded = DecodeBody("TimerEnded", bytes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(std::get<TimerEnded>(*decoded).state, TimerState::kUnset);
  }
}

TEST(CodecTest, DamagedBytesAreRefused) {
  struct {
    const char* name;
    std::string hex;  // of a TimerSet: {1: kind, 2: generation, 3: due_at}
  } const rows[] = {
      {"tag cut off", "88"},
      {"value missing", "08"},
      {"varint longer than 64 bits", "10ffffffffffffffffff02"},
      {"varint without end", "10ffffffffffffffffffffffff"},
      {"generation beyond 32 bits", "1080808080808001"},
      {"bytes where a number belongs", "0a0101"},
      {"field number zero", "0001"},
      {"group", "0b0c"},
      {"wire type seven", "0f"},
      {"unknown field longer than the rest", "a2060a00"},
      {"unknown length beyond memory", "a206ffffffffffffffffff01"},
      {"unknown fixed field cut off", "a10600000000000000"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_FALSE(DecodeBody("TimerSet", FromHex(row.hex)));
  }
  EXPECT_FALSE(DecodeBody("CustomerLinked", FromHex("0a020102"))) << "an id of two bytes";
  EXPECT_FALSE(DecodeCase("\xFF"));
  EXPECT_FALSE(DecodeResponse("\xFF"));
  EXPECT_FALSE(DecodeCustomer("\xFF"));
  EXPECT_FALSE(DecodeEntry("\xFF"));
}

// Damaged bytes either are refused or read as some other value, which is then stored soundly.
void ExpectSound(std::string_view type, std::string_view bytes) {
  auto decoded = DecodeBody(type, bytes);
  if (!decoded) return;
  auto again = DecodeBody(type, Body(*decoded));
  ASSERT_TRUE(again && *again == *decoded) << type << " " << ToHex(bytes, bytes.size() + 1);
}

TEST(CodecTest, EveryPrefixIsRefusedOrSound) {
  for (const auto& body : EveryBody()) {
    std::string bytes = Body(body);
    for (size_t n = 0; n < bytes.size(); ++n) {
      ExpectSound(TypeName(body), std::string_view(bytes).substr(0, n));
    }
  }
}

TEST(CodecTest, MutatedBytesAreRefusedOrSound) {
  std::mt19937_64 random(20240607);
  for (const auto& body : EveryBody()) {
    const std::string original = Body(body);
    for (int round = 0; round < 1500; ++round) {
      std::string bytes = original;
      for (uint64_t edits = 1 + random() % 4; edits > 0; --edits) {
        size_t at = bytes.empty() ? 0 : random() % bytes.size();
        auto byte = static_cast<char>(random());
        switch (random() % 4) {
          case 0: bytes.insert(at, 1, byte); break;
          case 1: bytes.erase(at, 1 + random() % 3); break;
          case 2: bytes.insert(at, bytes.substr(at, random() % 24)); break;
          default:
            if (!bytes.empty()) bytes[at] = byte;
        }
      }
      ExpectSound(TypeName(body), bytes);
    }
  }
}

// ---- texts, commitments, chain
// -------------------------------------------------------------------

TEST(CodecTest, ForEachTextSkipsTextsThatAreNotThere) {
  Case c{};
  c.attempts.resize(2);
  c.attempts[1].note.value = "only a value";
  c.action_taken.id.bytes[0] = 1;
  std::vector<const Text*> seen;
  ForEachText(c, [&](Text& text) { seen.push_back(&text); });
  EXPECT_EQ(seen, (std::vector<const Text*>{&c.action_taken, &c.attempts[1].note}));
}

TEST(CommitTextTest, DependsOnSaltAndValue) {
  std::array<uint8_t, 16> salt{}, other{};
  other[15] = 1;
  EXPECT_EQ(CommitText(salt, "text"), CommitText(salt, "text"));
  EXPECT_NE(CommitText(salt, "text"), CommitText(other, "text"));
  EXPECT_NE(CommitText(salt, "text"), CommitText(salt, "texts"));
  EXPECT_NE(CommitText(salt, ""), CommitText(other, ""));
}

TEST(CommitTextTest, IsWhatItAlwaysWas) {
  std::array<uint8_t, 16> salt{};
  for (size_t i = 0; i < salt.size(); ++i) salt[i] = static_cast<uint8_t>(i);
  // Computed apart: hashlib.blake2b(b"text", digest_size=32, key=bytes(range(16))).
  EXPECT_EQ(ToHex(CommitText(salt, "text")),
            "da0c7792551b24bb4b0df998a24f21ea572440a3b7f2613d0e8bbb5fdd86a7a5");
}

TEST(ChainHashTest, EveryColumnCounts) {
  Event event{};
  event.body = CaseVoided{};
  event.actor = "ab";
  event.org_unit_id = "c";
  std::array<uint8_t, 32> prev{};
  std::set<std::array<uint8_t, 32>> hashes = {ChainHash(prev, event, 1, "body"),
                                              ChainHash(prev, event, 2, "body"),
                                              ChainHash(prev, event, 1, "bodY")};
  prev[31] = 1;
  hashes.insert(ChainHash(prev, event, 1, "body"));
  prev[31] = 0;
  const std::function<void(Event&)> changes[] = {
      [](Event& e) { e.sequence = 1; },
      [](Event& e) { e.customer_id.bytes[15] = 1; },
      [](Event& e) { e.response_id.bytes[15] = 1; },
      [](Event& e) { e.case_id.bytes[15] = 1; },
      [](Event& e) { e.entry_id.bytes[15] = 1; },
      [](Event& e) { e.entry_id.bytes[0] = 1; },
      [](Event& e) { e.occurred_at = FromMillis(1); },
      [](Event& e) { e.recorded_at = FromMillis(1); },
      [](Event& e) { e.actor = "x"; },
      [](Event& e) { e.actor = "a", e.org_unit_id = "bc"; },
      [](Event& e) { e.org_unit_id = "", e.queue_id = "c"; },
      [](Event& e) { e.org_unit_id = "", e.status = "c"; },
      [](Event& e) { e.phase = Phase::kOpen; },
      [](Event& e) { e.body = CaseOpened{}; },
  };
  for (const auto& change : changes) {
    Event changed = event;
    change(changed);
    hashes.insert(ChainHash(prev, changed, 1, "body"));
  }
  EXPECT_EQ(hashes.size(), 4 + std::size(changes));
}

TEST(ChainHashTest, IsWhatItAlwaysWas) {
  Event event{};
  event.sequence = 7;
  Fill::Set(Fill{1}, event.customer_id);
  Fill::Set(Fill{2}, event.response_id);
  Fill::Set(Fill{3}, event.case_id);
  event.occurred_at = FromMillis(-1);
  event.recorded_at = FromMillis(1'700'000'000'000);
  event.actor = "anna";
  event.org_unit_id = "north";
  event.queue_id = "main";
  event.status = "open";
  event.phase = Phase::kOpen;
  event.body = CaseVoided{};
  // Computed apart, from the columns as codec.cc serialises them, with hashlib.sha256.
  EXPECT_EQ(ToHex(ChainHash({}, event, 1, "bytes")),
            "986e70e27ae383dc1a0076dbd0660bbafba2b156cdb6df8f19d687e59aefb60e");
}

}  // namespace
}  // namespace rebound
