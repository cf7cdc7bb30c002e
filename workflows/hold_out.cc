#include "workflows/hold_out.h"

#include <bit>
#include <string>

#include "workflows/draft.h"

namespace rebound {
namespace {

struct SipState {
  uint64_t v0, v1, v2, v3;

  void Round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void Take(uint64_t word) {
    v3 ^= word;
    Round();
    Round();
    v0 ^= word;
  }
};

uint64_t LittleEndian(std::string_view bytes) {
  uint64_t word = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    word |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  }
  return word;
}

}  // namespace

uint64_t SipHash24(uint64_t k0, uint64_t k1, std::string_view bytes) {
  SipState s{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
             k1 ^ 0x7465646279746573};
  const uint64_t length = uint64_t{bytes.size()} << 56;
  while (bytes.size() >= 8) {
    s.Take(LittleEndian(bytes.substr(0, 8)));
    bytes.remove_prefix(8);
  }
  s.Take(length | LittleEndian(bytes));
  s.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) s.Round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

int32_t Draw(std::string_view experiment, const CustomerId& customer) {
  // The salt is the experiment, ended by a byte that no key contains. The SipHash key is fixed, as
  // in the paper: nobody chooses their customer id, and a draw has to be the same on every machine.
  std::string bytes(experiment);
  bytes += '\0';
  for (const auto byte : customer.bytes) bytes += static_cast<char>(byte);
  return static_cast<int32_t>(SipHash24(0x0706050403020100, 0x0f0e0d0c0b0a0908, bytes) % kMillion);
}

bool IsEligible(const Case& c, const Response& answer, const std::vector<Case>& known) {
  return !c.history && c.origin == CaseOrigin::kResponse && !c.customer_id.empty() &&
         c.category == Category::kDetractor && !answer.contact_requested &&
         c.severity < kMaxSeverity && c.details.external_authority.empty() && known.empty();
}

Arm DrawArm(const HoldOut& hold_out, const CustomerId& customer) {
  if (Draw(hold_out.experiment, customer) >= hold_out.share_ppm) return Arm::kTreated;
  return hold_out.delayed_start ? Arm::kDelayedStart : Arm::kHeldOut;
}

}  // namespace rebound
