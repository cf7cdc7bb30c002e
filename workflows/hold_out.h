// Hold-outs: which eligible cases are held back for comparison (对照组). Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "workflows/case.h"
#include "workflows/program.h"
#include "workflows/response.h"

namespace rebound {

inline constexpr int32_t kMillion = 1'000'000;

// SipHash-2-4 of the bytes under the key (k0, k1), little-endian: J.-P. Aumasson and D. J.
// Bernstein, "SipHash: a fast short-input PRF", 2012; appendix A has the vector of the test.
uint64_t SipHash24(uint64_t k0, uint64_t k1, std::string_view bytes);

// The customer's place in the experiment, 0 to 999,999: held back when it is below the share. The
// same for ever, whatever else is known of either.
int32_t Draw(std::string_view experiment, const CustomerId& customer);

// May the case be drawn? Opened by a live detractor's answer of a known customer that has no other
// case in the program; nobody asked for contact, no authority, not of the top severity.
// `c`: as it opens, with its final severity; `known`: the customer's cases in the program.
bool IsEligible(const Case& c, const Response& answer, const std::vector<Case>& known);

// Treated, or the arm that the hold-out gives to those below its share.
Arm DrawArm(const HoldOut& hold_out, const CustomerId& customer);

}  // namespace rebound
