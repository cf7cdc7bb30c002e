// IANA time zones as tables of offsets, from the system's tzdata.
//
// Thread-safe. A new tzdata takes a restart: a process keeps what it found when it first asked.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "workflows/calendar.h"

namespace rebound {

// The zone with all its changes of offset from 1970 up to 2060, e.g. "Asia/Shanghai"; links like
// "PRC" keep the name they were asked by. nullopt: tzdata has no such zone, or there is no tzdata.
std::optional<Zone> LoadZone(std::string_view name);
// The same, read once; null for none.
std::shared_ptr<const Zone> FindZone(std::string_view name);

// What tzdata is installed, for the record: "2025b". Without `release_file`, which names it in its
// first line, "sha256:" and 16 digits over the offsets of all zones. Changes when the data do.
std::string ZoneDataVersion(
    const std::filesystem::path& release_file = "/usr/share/zoneinfo/tzdata.zi");

}  // namespace rebound
