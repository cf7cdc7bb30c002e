#include "workflows/identity.h"

#include <algorithm>
#include <set>

#include "workflows/check.h"

namespace rebound {
namespace {

// Full-width forms U+FF01 to U+FF5E stand in the order of ASCII 0x21 to 0x7E; U+3000 is a space.
std::string FoldWidth(std::string_view text) {
  std::string folded;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](size_t k) {
      return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U;
    };
    const unsigned first = byte(0);
    const unsigned second = byte(1);
    const unsigned third = byte(2);
    if (first == 0xE3 && second == 0x80 && third == 0x80) {
      folded += ' ';
      i += 2;
    } else if (first == 0xEF && (second == 0xBC || second == 0xBD) && (third & 0xC0U) == 0x80) {
      const unsigned point = 0xF000U | (second & 0x3FU) << 6 | (third & 0x3FU);
      if (point < 0xFF01 || point > 0xFF5E) {
        folded += text.substr(i, 3);
      } else {
        folded += static_cast<char>(point - 0xFF01 + 0x21);
      }
      i += 2;
    } else {
      folded += text[i];
    }
  }
  return folded;
}

std::string Lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool AreDigits(std::string_view text) { return std::all_of(text.begin(), text.end(), IsDigit); }

// The digits between separators; nullopt: something else is between them.
std::optional<std::string> DigitsOf(std::string_view text) {
  constexpr std::string_view kSeparators = " \t-./()[]";
  std::string digits;
  for (const char c : text) {
    if (IsDigit(c)) {
      digits += c;
    } else if (kSeparators.find(c) == std::string_view::npos) {
      return std::nullopt;
    }
  }
  return digits;
}

// Cuts the extension off `text`. nullopt: there is a mark of one, and no digits after it.
std::optional<std::string> TakeExtension(std::string& text) {
  for (const std::string_view mark : {"转", "轉", ";ext=", "ext.", "ext", "x", "#"}) {
    const size_t at = text.find(mark);
    if (at == std::string::npos) continue;
    const auto digits = DigitsOf(std::string_view(text).substr(at + mark.size()));
    if (!digits || digits->empty() || digits->size() > 8) return std::nullopt;
    text.erase(at);
    return digits;
  }
  return std::string{};
}

bool IsChineseMobile(std::string_view number) {
  return number.size() == 11 && number[0] == '1' && number[1] >= '3';
}

// Without the 0 in front of the area: 10 and 2x have eight digits after two, all others seven or
// eight after three.
bool IsChineseLandline(std::string_view number) {
  if (number.starts_with("10") || number.starts_with("2")) return number.size() == 10;
  return !number.empty() && number[0] >= '3' && (number.size() == 10 || number.size() == 11);
}

// The national number of a Chinese one, whose area is marked by a 0 unless the country came first.
std::optional<std::string> ChineseNumber(std::string_view number, bool country_given) {
  const bool marked = number.starts_with("0");
  if (marked) number.remove_prefix(1);
  if (IsChineseMobile(number)) return std::string(number);
  if (!marked && !country_given) return std::nullopt;
  // 400 and 800 are no areas, but look like some once the country stands in front.
  const bool service = number.starts_with("400") || number.starts_with("800");
  if (service || !IsChineseLandline(number)) return std::nullopt;
  return std::string(number);
}

std::optional<std::string> NationalNumber(std::string_view number, std::string_view country) {
  if (country == "86") return ChineseNumber(number, false);
  const bool prefixed = country == "1" && number.size() == 11 && number[0] == '1';
  if (prefixed || number.starts_with("0")) number.remove_prefix(1);
  return std::string(number);
}

// Digits from the country on. Only China's are looked into.
std::optional<std::string> InternationalNumber(std::string_view digits) {
  if (!digits.starts_with("86")) return std::string(digits);
  const auto number = ChineseNumber(digits.substr(2), true);
  return number ? std::optional("86" + *number) : std::nullopt;
}

}  // namespace

std::optional<std::string> NormalisePhone(std::string_view raw, std::string_view default_country) {
  CHECK(!default_country.empty() && default_country.size() <= 3 && AreDigits(default_country));
  std::string text = Lower(FoldWidth(raw));
  text = std::string(Trimmed(text));
  const auto extension = TakeExtension(text);
  if (!extension) return std::nullopt;

  bool international = text.starts_with("+");
  if (international) text.erase(0, 1);
  if (const size_t zero = text.find("(0)"); international && zero != std::string::npos) {
    text.erase(zero, 3);
  }
  auto digits = DigitsOf(text);
  if (!digits) return std::nullopt;
  if (!international && digits->starts_with("00")) {
    international = true;
    digits->erase(0, 2);
  }
  // A bare 86 in front of a mobile number.
  if (!international && digits->starts_with("86") &&
      IsChineseMobile(std::string_view(*digits).substr(2))) {
    international = true;
  }
  std::optional<std::string> number;
  if (international) {
    number = InternationalNumber(*digits);
  } else if (auto national = NationalNumber(*digits, default_country)) {
    number = std::string(default_country) + *national;
  }
  if (!number || number->size() < 8 || number->size() > 15 || number->front() == '0') {
    return std::nullopt;
  }
  return "+" + *number + (extension->empty() ? "" : ";ext=" + *extension);
}

std::optional<std::string> NormaliseEmail(std::string_view raw) {
  const std::string folded = Lower(FoldWidth(raw));
  std::string_view text = Trimmed(folded);
  if (text.ends_with('.')) text.remove_suffix(1);
  const size_t at = text.find('@');
  if (at == 0 || at == std::string_view::npos) return std::nullopt;
  const std::string_view domain = text.substr(at + 1);
  const size_t dot = domain.find('.');
  const bool sound = dot != std::string_view::npos && dot > 0 && !domain.ends_with('.') &&
                     domain.find('@') == std::string_view::npos &&
                     text.find_first_of(" \t\r\n") == std::string_view::npos;
  return sound ? std::optional(std::string(text)) : std::nullopt;
}

std::optional<std::string> NormaliseExternalId(std::string_view raw) {
  const std::string folded = Lower(FoldWidth(raw));
  const std::string_view text = Trimmed(folded);
  return text.empty() ? std::nullopt : std::optional(std::string(text));
}

std::string_view Name(IdentityKind kind) {
  switch (kind) {
    case IdentityKind::kUnset: return "";
    case IdentityKind::kPhone: return "phone";
    case IdentityKind::kEmail: return "email";
    case IdentityKind::kExternalId: return "external_id";
  }
  CHECK(false);
  return {};
}

std::vector<IdentityKey> IdentityKeys(const Customer& customer, std::string_view default_country) {
  std::set<IdentityKey> keys;
  const auto add = [&](IdentityKind kind, const std::string& source_system,
                       std::optional<std::string> value) {
    if (value) keys.insert({kind, source_system, *std::move(value)});
  };
  for (const ContactPoint& point : customer.profile.contact_points) {
    switch (point.channel) {
      case Channel::kPhone:
      case Channel::kSms:
        add(IdentityKind::kPhone, "", NormalisePhone(point.address.value, default_country));
        break;
      case Channel::kEmail:
        add(IdentityKind::kEmail, "", NormaliseEmail(point.address.value));
        break;
      case Channel::kUnset:
      case Channel::kMessenger:
      case Channel::kApp:
      case Channel::kLetter:
      case Channel::kInPerson: break;
    }
  }
  for (const CustomerKey& key : customer.keys) {
    add(IdentityKind::kExternalId, key.source_system, NormaliseExternalId(key.external_id.value));
  }
  return {keys.begin(), keys.end()};
}

std::vector<Match> MatchesOf(const Customer& a, const Customer& b,
                             std::string_view default_country) {
  const std::vector<IdentityKey> of_a = IdentityKeys(a, default_country);
  const std::vector<IdentityKey> of_b = IdentityKeys(b, default_country);
  std::vector<Match> matches;
  for (const IdentityKey& key : of_a) {
    if (std::binary_search(of_b.begin(), of_b.end(), key)) {
      matches.push_back({key.kind, key.source_system, Masked(key)});
    }
  }
  return matches;
}

std::string Masked(const IdentityKey& key) {
  const std::string& value = key.value;
  switch (key.kind) {
    case IdentityKind::kUnset: return {};
    case IdentityKind::kPhone: {
      // Of a short number nothing but its end, or little would be masked.
      const std::string number = value.substr(0, value.find(';'));
      const std::string front = number.size() >= 14 ? number.substr(0, 6) : "+";
      return front + "****" + number.substr(number.size() - (number.size() >= 14 ? 4 : 2));
    }
    case IdentityKind::kEmail: {
      const size_t at = value.find('@');
      // The first character in whole, however many bytes it has.
      size_t first = 1;
      while (first < at && (static_cast<unsigned char>(value[first]) & 0xC0U) == 0x80) ++first;
      return value.substr(0, at > first ? first : 0) + "***" + value.substr(at);
    }
    case IdentityKind::kExternalId: {
      // Bytes of one character stay together: only ASCII ends are shown.
      const std::string end = value.size() >= 8 ? value.substr(value.size() - 4) : "";
      const bool ascii = std::all_of(end.begin(), end.end(),
                                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
      return "****" + (ascii ? end : "");
    }
  }
  CHECK(false);
  return {};
}

}  // namespace rebound
