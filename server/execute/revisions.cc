#include "server/execute/revisions.h"

#include <algorithm>
#include <utility>

#include "server/log.h"
#include "workflows/check.h"

namespace rebound {
namespace {

constexpr std::string_view kFolder = "folder";

// The last revision that came from the folder; nullopt when none did.
std::optional<StoredRevision> LastFromFolder(Reader& reader) {
  for (int64_t below = 0;;) {
    const auto page = reader.ListRevisions(below, 100);
    for (const StoredRevision& revision : page) {
      if (revision.source == kFolder) return revision;
    }
    if (page.size() < 100) return std::nullopt;
    below = page.back().number;
  }
}

}  // namespace

RevisionBook::RevisionBook(Store& store, std::shared_ptr<const Revision> in_force)
    : store_(store), current_(std::move(in_force)) {
  CHECK(current_ != nullptr);
  by_number_.emplace(current_->number, current_);
}

std::shared_ptr<const Revision> RevisionBook::current() const {
  std::lock_guard lock(mutex_);
  return current_;
}

std::shared_ptr<const Revision> RevisionBook::Get(int64_t number) {
  {
    std::lock_guard lock(mutex_);
    const auto known = by_number_.find(number);
    if (known != by_number_.end()) return known->second;
  }
  std::optional<StoredRevision> stored;
  if (number > 0) store_.Read([&](Reader& reader) { stored = reader.FindRevision(number); });
  std::shared_ptr<Revision> revision;
  if (stored) {
    std::vector<ConfigError> errors;
    if (auto read = ReadStored(stored->text, &errors)) {
      revision = std::make_shared<Revision>(*std::move(read));
      revision->number = stored->number;
      revision->hash = stored->hash;
    }
    if (!errors.empty()) {
      Log(Level::kError,
          "a stored revision does not pass today's checks; its cases follow what can be read of it",
          {{"revision", number}, {"faults", errors.size()}, {"first", Render(errors.front())}});
    }
  }
  std::lock_guard lock(mutex_);
  if (!stored) return nullptr;  // it may come yet
  return by_number_.emplace(number, std::move(revision)).first->second;
}

void RevisionBook::PutInForce(std::shared_ptr<const Revision> revision) {
  std::lock_guard lock(mutex_);
  by_number_[revision->number] = revision;
  current_ = std::move(revision);
}

RevisionBook::Reload RevisionBook::last_reload() const {
  std::lock_guard lock(mutex_);
  return reload_;
}

void RevisionBook::SetLastReload(Reload reload) {
  std::lock_guard lock(mutex_);
  reload.good_count = reload_.good_count + (reload.at && reload.ok ? 1 : 0);
  reload.failed_count = reload_.failed_count + (reload.at && !reload.ok ? 1 : 0);
  reload_ = std::move(reload);
}

Result<Outcome> ApplyConfig(Executor& executor, LoadedConfig loaded, std::string source,
                            Caller caller, std::optional<int64_t> expected) {
  Work work;
  work.caller = std::move(caller);
  work.commands.emplace_back(
      ApplyRevision{std::make_shared<const Revision>(std::move(loaded.revision)),
                    std::move(loaded.canonical_text), std::move(source), expected});
  return std::move(executor.Call(std::move(work)).front());
}

AppliedConfig ApplyFolder(Store& store, const std::filesystem::path& folder, Timestamp now) {
  AppliedConfig applied;
  const auto loaded = LoadConfig(folder, &applied.errors);
  if (loaded) applied.warnings = loaded->warnings;
  std::optional<StoredRevision> last, from_folder;
  store.Read([&](Reader& reader) {
    last = reader.FindRevision(0);
    from_folder = LastFromFolder(reader);
    const int64_t sequence = reader.LastSequence();
    reader.ScanEvents(std::max<int64_t>(sequence - 1, 0),
                      [&](const RawEvent& raw) { now = std::max(now, raw.event.recorded_at); });
  });

  std::optional<Revision> stored;
  if (last) {
    if (auto parsed = ParseCanonical(last->text)) {
      stored = *std::move(parsed);
    } else if (!loaded) {
      applied.errors.push_back(
          StoredRevisionFails(last->number, parsed.error().metadata.at("detail")));
    }
  }

  // Compared as values too: a newer server may write a field more for the same folder. A revision
  // from elsewhere is a decision that a restart must not undo, unless the folder changed since.
  const bool same_folder =
      loaded && from_folder &&
      (from_folder->hash == loaded->hash || (stored && stored->hash == loaded->hash));
  const bool unchanged = stored && (!loaded || same_folder);
  if (unchanged) {
    stored->number = last->number;
    stored->hash = last->hash;
    applied.revision = std::make_shared<const Revision>(*std::move(stored));
  } else if (loaded) {
    Revision next = loaded->revision;
    next.number = last ? last->number + 1 : 1;
    Change change;
    Event event;
    event.occurred_at = event.recorded_at = now;
    event.actor = "system";
    event.body = RevisionApplied{next.number, loaded->hash, std::string(kFolder)};
    change.events.push_back(std::move(event));
    change.revision = {next.number,          loaded->hash, loaded->canonical_text,
                       std::string(kFolder), "system",     now};
    change.audit.push_back({.at = now,
                            .kind = AuditKind::kOperator,
                            .principal = "system",
                            .method = "start",
                            .outcome = "OK",
                            .subject_type = "revision",
                            .subject = NumberedId(next.number).bytes});
    store.Execute(1, [&](size_t, Transaction& transaction) {
      transaction.Save(change);
      return true;
    });
    applied.stored = true;
    applied.revision = std::make_shared<const Revision>(std::move(next));
  }
  return applied;
}

AppliedConfig ReloadFolder(RevisionBook& book, Executor& executor,
                           const std::filesystem::path& folder) {
  AppliedConfig applied;
  auto loaded = LoadConfig(folder, &applied.errors);
  if (loaded) {
    applied.warnings = loaded->warnings;
    Caller system;
    system.principal = "system";
    system.method = "reload";
    if (auto outcome = ApplyConfig(executor, *std::move(loaded), std::string(kFolder), system)) {
      applied.stored = outcome->applied != nullptr;
    } else {
      applied.errors.push_back({.file = folder.string(),
                                .code = "C001",
                                .message = "expected to store the configuration, but the server "
                                           "refused it",
                                .help = std::string(Name(outcome.error().reason))});
    }
  }
  applied.revision = book.current();
  book.SetLastReload({executor.Now(), applied.errors.empty(), applied.errors});
  return applied;
}

}  // namespace rebound
