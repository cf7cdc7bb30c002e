#include "server/execute/revisions.h"

#include <fmt/format.h>

#include <utility>

namespace rebound {

AppliedConfig ApplyFolder(Store& store, const std::filesystem::path& folder) {
  AppliedConfig applied;
  const auto loaded = LoadConfig(folder, &applied.errors);
  const auto last = store.LastRevision();

  std::optional<Revision> stored;
  if (last) {
    if (auto parsed = ParseCanonical(last->text)) {
      stored = *std::move(parsed);
    } else if (!loaded) {
      applied.errors.push_back(
          {.file = fmt::format("revision {}", last->number),
           .code = "C001",
           .message = "expected to fall back on the last stored revision, but it does not pass "
                      "today's checks",
           .help = parsed.error().metadata.at("detail")});
    }
  }

  // Compared as values too: a newer server may write a field more for the same folder. A revision
  // from elsewhere is a decision that a restart must not undo.
  const bool unchanged = stored && (!loaded || last->source != "folder" ||
                                    last->hash == loaded->hash || stored->hash == loaded->hash);
  if (unchanged) {
    stored->number = last->number;
    stored->hash = last->hash;
    applied.revision = std::make_shared<const Revision>(*std::move(stored));
  } else if (loaded) {
    Revision next = loaded->revision;
    next.number = last ? last->number + 1 : 1;
    store.AddRevision({next.number, loaded->hash, loaded->canonical_text, "folder"});
    applied.stored = true;
    applied.revision = std::make_shared<const Revision>(std::move(next));
  }
  return applied;
}

}  // namespace rebound
