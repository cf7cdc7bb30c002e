// The configuration revisions of a store: what is in force, what the folder makes of it at start-up.
//
// Values and functions; safe to call from any thread, except ApplyFolder: see there.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "server/config/config.h"
#include "server/storage/store.h"

namespace rebound {

struct AppliedConfig {
  std::shared_ptr<const Revision> revision{};  // null: there is nothing to run with
  bool stored = false;                         // the folder became a new revision
  std::vector<ConfigError> errors{};  // of the folder. With a revision: that is the last good one
};

// What a start-up runs with. The folder becomes the next revision (source "folder") only when it
// differs from the last one applied from it, so that a restart does not undo a roll-back. A broken
// folder leaves the last stored revision in force, if there is one. Throws StoreFailure.
// REQUIRES: nobody else adds revisions meanwhile.
AppliedConfig ApplyFolder(Store& store, const std::filesystem::path& folder);

}  // namespace rebound
