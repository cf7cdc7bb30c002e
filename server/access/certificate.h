// What a client's certificate says of who calls. Only subject alternative names of the kind URI
// count, never the subject, and of these exactly one may be of our scheme:
//
//   rebound:user:NAME   the user of that name, to the letter; what is no unreserved character of
//                       a URI stands as %XX of its UTF-8
//   rebound:key:ID      the API key of that id, with what it was given
//
// Pure, but for HasCertificate; thread-safe.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "workflows/ids.h"
#include "workflows/time.h"

struct x509_st;  // of OpenSSL

namespace rebound {

// Of a certificate that the handshake has verified.
struct PeerCertificate {
  std::string uri{};    // the one of our scheme, as it stands there: ASCII without spaces
  Timestamp ends_at{};  // as the certificate says; a connection may last longer
  friend bool operator==(const PeerCertificate&, const PeerCertificate&) = default;
};

// nullopt: it names nobody, or more than one. Checks nothing else of it.
std::optional<PeerCertificate> ReadCertificate(x509_st* certificate);
// The first of a text in PEM.
std::optional<PeerCertificate> ReadCertificate(std::string_view pem);

// Metadata of a call within this process, by which the gateway tells the services of the
// certificate of who calls it; in a call from outside it says nothing.
inline constexpr char kPeerCertificate[] = "rebound-peer-certificate";
// As its value, and back; nullopt when it is none.
std::string ToMetadata(const PeerCertificate& certificate);
std::optional<PeerCertificate> FromMetadata(std::string_view value);

// Whom the URI names: one of the two. nullopt: nobody.
struct NamedPrincipal {
  std::string user{};
  RawId key{};
};
std::optional<NamedPrincipal> NamedBy(std::string_view uri);

// Whether a certificate in PEM can be read from the file.
bool HasCertificate(const std::filesystem::path& file);

}  // namespace rebound
