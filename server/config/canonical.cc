#include "server/config/canonical.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "server/config/sections.h"

namespace rebound {
namespace {

using Kind = RevisionChange::Kind;
constexpr std::string_view kOrdered[] = {"playbooks", "priorities", "clocks",
                                         "alerts",    "staff",      "blacklist.rules"};
constexpr size_t kMostCells = 4'000'000;  // of the tables below: beyond, whole texts are shown

std::vector<std::string> Lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// Which elements of `a` and `b` are in their longest common subsequence.
struct Common {
  std::vector<bool> in_a;
  std::vector<bool> in_b;
};
Common FindCommon(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  Common common{std::vector<bool>(a.size()), std::vector<bool>(b.size())};
  const size_t width = b.size() + 1;
  if ((a.size() + 1) * width > kMostCells) return common;
  std::vector<uint32_t> longest((a.size() + 1) * width);
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      longest[i * width + j] =
          a[i] == b[j] ? longest[(i + 1) * width + j + 1] + 1
                       : std::max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i] == b[j]) {
      common.in_a[i++] = common.in_b[j++] = true;
    } else if (longest[(i + 1) * width + j] >= longest[i * width + j + 1]) {
      ++i;
    } else {
      ++j;
    }
  }
  return common;
}

// Items under a key of their own: ids may occur twice (moves of a lifecycle that is not checked).
using Items = std::map<std::pair<std::string, std::string>, const CanonicalItem*>;
Items ByKey(const std::vector<CanonicalItem>& items) {
  Items by_key;
  for (const CanonicalItem& item : items) {
    if (!item.id.empty()) by_key.emplace(std::pair(item.section, item.id), &item);
  }
  return by_key;
}

std::vector<std::string> Shared(const std::vector<CanonicalItem>& items, std::string_view section,
                                const Items& others) {
  std::vector<std::string> ids;
  for (const CanonicalItem& item : items) {
    if (item.section == section && !item.id.empty() && others.contains({item.section, item.id})) {
      ids.push_back(item.id);
    }
  }
  return ids;
}

std::string_view Word(Kind kind) {
  switch (kind) {
    case Kind::kAdded: return "added";
    case Kind::kRemoved: return "removed";
    case Kind::kChanged: return "changed";
    case Kind::kMoved: return "moved";
  }
  return "";
}

}  // namespace

std::string CanonicalName(std::string_view en, std::string_view zh) {
  return "name: {en: " + YamlQuoted(en) + ", zh: " + YamlQuoted(zh) + '}';
}

std::string CanonicalList(std::span<const std::string> words) {
  std::string list = "[";
  for (const std::string& word : words) (list += list.size() > 1 ? ", " : "") += word;
  return list + ']';
}

std::vector<CanonicalItem> CanonicalItems(const Revision& revision) {
  std::vector<CanonicalItem> items = {{"version", "", "version: 1\n"}};
  WritePrograms(revision.programs, &items);
  WritePlaybooks(revision.playbooks, &items);
  WriteLifecycle(revision.lifecycle, &items);
  WriteCalendars(revision.calendars, &items);
  WriteClocks(revision.clocks, &items);
  WritePriorities(revision.priorities, &items);
  WriteAlerts(revision.alerts, &items);
  WriteOrgUnits(revision.org_units, &items);
  WriteRoles(revision.roles, &items);
  WriteLabels(revision.labels, &items);
  WriteRemedies(revision.remedies, revision.remedy_limits, &items);
  WriteTemplates(revision.templates, &items);
  WriteContact(revision.contact, &items);
  WriteQueues(revision.queues, &items);
  WriteStaff(revision.staff, &items);
  WriteBlacklist(revision.blacklist, &items);
  return items;
}

std::string CanonicalText(const Revision& revision) {
  std::string text;
  for (const CanonicalItem& item : CanonicalItems(revision)) text += item.text;
  return text;
}

std::vector<RevisionChange> CompareRevisions(const Revision& a, const Revision& b) {
  const std::vector<CanonicalItem> before = CanonicalItems(a);
  const std::vector<CanonicalItem> after = CanonicalItems(b);
  const Items old_items = ByKey(before);
  const Items new_items = ByKey(after);
  std::vector<RevisionChange> changes;
  std::string section;
  std::vector<std::string> moved;
  const auto add_removed = [&] {
    for (const CanonicalItem& item : before) {
      if (item.section == section && !item.id.empty() &&
          !new_items.contains({item.section, item.id})) {
        changes.push_back({Kind::kRemoved, section, item.id, Lines(item.text), {}});
      }
    }
  };
  for (const CanonicalItem& item : after) {
    if (item.section != section) {
      add_removed();
      section = item.section;
      moved.clear();
      if (std::find(std::begin(kOrdered), std::end(kOrdered), section) != std::end(kOrdered)) {
        const std::vector<std::string> now = Shared(after, section, old_items);
        const Common common = FindCommon(Shared(before, section, new_items), now);
        for (size_t i = 0; i < now.size(); ++i) {
          if (!common.in_b[i]) moved.push_back(now[i]);
        }
      }
    }
    if (item.id.empty()) continue;
    const auto old = old_items.find({item.section, item.id});
    if (old == old_items.end()) {
      changes.push_back({Kind::kAdded, section, item.id, {}, Lines(item.text)});
      continue;
    }
    if (old->second->text != item.text) {
      RevisionChange change{Kind::kChanged, section, item.id, {}, {}};
      const std::vector<std::string> old_lines = Lines(old->second->text);
      const std::vector<std::string> new_lines = Lines(item.text);
      const Common common = FindCommon(old_lines, new_lines);
      for (size_t i = 0; i < old_lines.size(); ++i) {
        if (!common.in_a[i]) change.before.push_back(old_lines[i]);
      }
      for (size_t i = 0; i < new_lines.size(); ++i) {
        if (!common.in_b[i]) change.after.push_back(new_lines[i]);
      }
      changes.push_back(std::move(change));
    }
    if (std::find(moved.begin(), moved.end(), item.id) != moved.end()) {
      changes.push_back({Kind::kMoved, section, item.id, {}, {}});
    }
  }
  add_removed();
  // Sections that are gone altogether.
  for (const CanonicalItem& item : before) {
    const bool there = std::any_of(after.begin(), after.end(), [&](const CanonicalItem& other) {
      return other.section == item.section;
    });
    if (!there && !item.id.empty()) {
      changes.push_back({Kind::kRemoved, item.section, item.id, Lines(item.text), {}});
    }
  }
  return changes;
}

std::string DiffRevisions(const Revision& a, const Revision& b) {
  std::string text;
  for (const RevisionChange& change : CompareRevisions(a, b)) {
    if (!text.empty()) text += '\n';
    ((((text += change.section) += ' ') += change.id) += ": ") += Word(change.kind);
    text += '\n';
    for (const std::string& line : change.before) ((text += "- ") += line) += '\n';
    for (const std::string& line : change.after) ((text += "+ ") += line) += '\n';
  }
  return text;
}

}  // namespace rebound
