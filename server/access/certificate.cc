#include "server/access/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <memory>

namespace rebound {
namespace {

constexpr std::string_view kScheme = "rebound:";
constexpr std::string_view kUser = "rebound:user:";
constexpr std::string_view kKey = "rebound:key:";
constexpr size_t kLongest = 1024;  // of a name at most 64 times 4 bytes, each as %XX

using X509Pointer = std::unique_ptr<X509, decltype(&X509_free)>;
using BioPointer = std::unique_ptr<BIO, decltype(&BIO_free)>;

X509Pointer ReadPem(BIO* from) {
  X509Pointer read(from == nullptr ? nullptr : PEM_read_bio_X509(from, nullptr, nullptr, nullptr),
                   &X509_free);
  ERR_clear_error();  // or the next call for a connection of this thread would find it
  return read;
}

bool IsGraphic(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7F'; });
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Without %XX; nullopt when one of them is damaged.
std::optional<std::string> Decoded(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    plain += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return plain;
}

}  // namespace

std::optional<PeerCertificate> ReadCertificate(x509_st* certificate) {
  PeerCertificate read;
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) return std::nullopt;
  read.ends_at = FromMillis(int64_t{timegm(&end)} * 1000);
  // Null when there are several of these extensions, too.
  const std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      &GENERAL_NAMES_free);
  ERR_clear_error();
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* text = name->d.uniformResourceIdentifier;
    const std::string_view uri(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                               static_cast<size_t>(ASN1_STRING_length(text)));
    if (!uri.starts_with(kScheme)) continue;
    if (!read.uri.empty() || uri.size() > kLongest || !IsGraphic(uri)) return std::nullopt;
    read.uri = uri;
  }
  if (read.uri.empty()) return std::nullopt;
  return read;
}

std::optional<PeerCertificate> ReadCertificate(std::string_view pem) {
  const BioPointer memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  const X509Pointer certificate = ReadPem(memory.get());
  return certificate ? ReadCertificate(certificate.get()) : std::nullopt;
}

std::string ToMetadata(const PeerCertificate& certificate) {
  return std::to_string(ToMillis(certificate.ends_at)) + ' ' + certificate.uri;
}

std::optional<PeerCertificate> FromMetadata(std::string_view value) {
  int64_t ends_at = 0;
  const char* last = value.data() + value.size();
  const auto [end, error] = std::from_chars(value.data(), last, ends_at);
  if (error != std::errc() || end == last || *end != ' ') return std::nullopt;
  return PeerCertificate{{end + 1, last}, FromMillis(ends_at)};
}

std::optional<NamedPrincipal> NamedBy(std::string_view uri) {
  NamedPrincipal named;
  if (uri.starts_with(kUser)) {
    auto name = Decoded(uri.substr(kUser.size()));
    if (!name || name->empty()) return std::nullopt;
    named.user = *std::move(name);
    return named;
  }
  if (!uri.starts_with(kKey)) return std::nullopt;
  const auto id = ParseId<RawId>(uri.substr(kKey.size()));
  if (!id || id->empty()) return std::nullopt;
  named.key = *id;
  return named;
}

bool HasCertificate(const std::filesystem::path& file) {
  const BioPointer bytes(BIO_new_file(file.c_str(), "r"), &BIO_free);
  return ReadPem(bytes.get()) != nullptr;
}

}  // namespace rebound
