// A mail as it travels: RFC 5322, 2045, 2047; plain text in UTF-8.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/delivery/retry.h"
#include "server/delivery/transfer.h"
#include "workflows/time.h"

namespace rebound {

struct MailText {
  std::string from_name{};  // empty: the address alone
  std::string from{};
  std::vector<std::string> to{};
  std::string subject{};
  std::string text{};        // lines end with LF
  std::string message_id{};  // without <>: "ID@host"; the same in every try
  std::string thread_id{};   // without <>: mails with the same one are shown together; empty: none
  Timestamp date{};
};

// Whether the address can stand in an envelope and a header: one @, ASCII without blanks, quotes,
// brackets or control characters, a domain of letters, digits, - and dots, at most 254 bytes.
bool IsMailAddress(std::string_view address);

// The whole message; lines end with CR LF and are at most 76 bytes, but for long addresses. What
// would end a header line goes: no value begins a second one. Says "Auto-Submitted: auto-generated"
// (RFC 3834), so that no vacation notice answers. REQUIRES: IsMailAddress of each address.
std::string MailMessage(const MailText& mail);

// 2xx is delivered, 5xx refused for good, all else tried again; and so is what is wrong between the
// mail server and us, not with the mail: 530, 534, 535 and 538 (RFC 4954).
DeliveryVerdict JudgeMail(const TransferResult& result);

}  // namespace rebound
