// ISO 4217's minor units. A fact of the world and not of the domain: the one header here that
// clients include, too. Pure.
#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>

namespace rebound {

// How many decimals an amount in that currency has, whose minor unit is 10 to the power of minus
// that: 2 unless it is one of the few others; 2 as well for a code that ISO 4217 does not know.
// Source: ISO 4217, list one, whose codes for funds are among the few.
constexpr int CurrencyDecimals(std::string_view code) {
  constexpr std::string_view kNone[] = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY",
                                        "KMF", "KRW", "PYG", "RWF", "UGX", "UYI",
                                        "VND", "VUV", "XAF", "XOF", "XPF"};
  constexpr std::string_view kThree[] = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"};
  if (std::find(std::begin(kNone), std::end(kNone), code) != std::end(kNone)) return 0;
  if (std::find(std::begin(kThree), std::end(kThree), code) != std::end(kThree)) return 3;
  return code == "CLF" || code == "UYW" ? 4 : 2;
}

}  // namespace rebound
