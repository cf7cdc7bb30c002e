// Contact data as roles see it that do not need it: enough to recognise somebody, not enough to
// reach them. Pure; thread-safe.
//
// The length of a masked value does not tell that of what is masked. What stays of a number is what
// people in China are used to see of it (138****1234): four digits are hidden at least, of a short
// number nearly all.
#pragma once

#include <string>
#include <string_view>

namespace rebound {

// Numbered as rebound.v1.MaskKind, which says what each is for.
enum class MaskKind { kUnset, kName, kContact, kKey };

// `value` is UTF-8. Empty stays empty; kUnset stays as it is.
//   kName     the first character, then "*" after a Chinese, Japanese or Korean one, else "***";
//             of a name of one character "*"
//   kContact  e-mail: the first character of the local part and the domain, which may be an
//             internationalised one. Numbers: without their separators, the last four digits, and
//             at most the first five of what precedes four others; of a number with fewer than 8
//             digits the last two, with fewer than 5 none; an extension is hidden. Anything else
//             (accounts of messengers, postal addresses): at most the first three characters
//   kKey      as kContact where it is an e-mail address or a phone number; a mobile number of
//             mainland China inside of it, also behind 86 or 0086, is masked where it stands; else
//             it stays as it is
std::string Mask(MaskKind kind, std::string_view value);

// Whether `value` is one that Mask changed, or looks so much like it that nobody can mean it: a
// contact with an asterisk, a name of one character and asterisks, a key with a masked number or
// address. The full-width asterisk is one, too.
bool IsMasked(MaskKind kind, std::string_view value);

}  // namespace rebound
