// What e-mails and robots say of an event, in English or Chinese.
#pragma once

#include <string>
#include <string_view>

#include "rebound/v1/event.pb.h"
#include "workflows/calendar.h"

namespace rebound {

namespace api = rebound::v1;

struct Notice {
  std::string subject{};  // one line
  std::string text{};     // lines end with LF
};

// `language` as elsewhere: "en" and its kinds are English, all else is Chinese. Times are shown in
// `zone`; null: in UTC. Says which case, what happened, its status, and by when something is due.
// No note, no contact, no words of the customer's: a group chat is no place for them.
Notice NoticeOf(const api::Event& event, std::string_view language, const Zone* zone);

// Whether there is a sentence of its own for events of that name. There is for every one that
// TypeName knows; others are told of by their name.
bool HasNotice(std::string_view event_type);

}  // namespace rebound
