// The suite's files: what they hold, which of their cases the gateway has to pass, in which
// permutations, and what each has to come to where the file leaves that to be derived.
#pragma once

#include <google/protobuf/any.pb.h>
#include <google/protobuf/message.h>

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "conformance.pb.h"

namespace rebound::conformance {

namespace wire = ::connectrpc::conformance::v1;

// The largest message that the tested gateway takes; requests are padded relative to it.
inline constexpr size_t kReceiveLimit = 200 * 1024;

// One case in one permutation.
struct Call {
  std::string name;           // of the case
  wire::CallRequest request;  // padded, with service and method
  wire::CallResult expected;
  wire::Codec codec = wire::CODEC_PROTO;
  wire::Compression compression = wire::COMPRESSION_IDENTITY;

  // "unary/success CODEC_JSON COMPRESSION_GZIP".
  std::string Title() const;
};

// Throws std::runtime_error when the file is not YAML, holds a key that conformance.proto does not
// know, or has two cases of one name.
wire::TestSuite ReadSuite(const std::filesystem::path& file);

// Whether a server of the Connect protocol over HTTP/1.1 with unary and server-streaming methods
// has to pass the case.
bool Applies(const wire::TestSuite& suite, const wire::TestCase& test);

// The permutations of a case that applies, at least one: its suite's codecs and compressions as far
// as the gateway has them. Throws std::runtime_error when the case is of a kind that the derivation
// does not know.
std::vector<Call> Permutations(const wire::TestSuite& suite, const wire::TestCase& test);

// The names of the protocols, HTTP versions, codecs and compressions that no permutation has.
std::vector<std::string> LeftOutValues();

// Cases by file, and LeftOutValues by "*": what is not run, by a reason of the list
// `not_applicable.txt`. Throws std::runtime_error for a line without reason, or listed twice.
using NotApplicable = std::map<std::string, std::map<std::string, std::string>>;
NotApplicable ReadNotApplicable(const std::filesystem::path& file);

// A new message of a type by its full name; null if nobody has generated it.
std::unique_ptr<google::protobuf::Message> NewMessage(const std::string& type);
// The message inside; throws std::runtime_error if its type or bytes are not known.
std::unique_ptr<google::protobuf::Message> Unpack(const google::protobuf::Any& any);

}  // namespace rebound::conformance
