// What an operator, and a test, may choose about access.
#pragma once

#include "server/access/password.h"
#include "workflows/time.h"

namespace rebound {

struct AccessSettings {
  PasswordCost password_cost{};
  Duration session_idle = std::chrono::hours(1);       // ends a session that is not used
  Duration session_lifetime = std::chrono::hours(12);  // ends every session
  Duration link_lifetime = std::chrono::hours(72);     // of a link for setting a password
};

}  // namespace rebound
