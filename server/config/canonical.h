// A revision as text, in one fixed form, and what changed between two. Pure; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "workflows/revision.h"

namespace rebound {

// A piece of the canonical text. Pieces without an id are headings between the others.
struct CanonicalItem {
  std::string section{};  // "programs", "transitions", "labels.topics" ...
  std::string id{};
  std::string text{};  // whole lines
};

// The revision's text in order.
std::vector<CanonicalItem> CanonicalItems(const Revision& revision);

// A revision as one YAML document of all sections, every field written out, in one fixed form: it
// changes only when a value does, not with comments, order of keys or layout. Empty lists are left
// out, but those of programs and playbooks. Number, hash, tests and offsets of zones are not in it.
std::string CanonicalText(const Revision& revision);

struct RevisionChange {
  enum class Kind { kAdded, kRemoved, kChanged, kMoved };
  Kind kind = Kind::kChanged;
  std::string section{};
  std::string id{};
  // Lines of the canonical text, without their common ones; kMoved: none.
  std::vector<std::string> before{};
  std::vector<std::string> after{};

  friend bool operator==(const RevisionChange&, const RevisionChange&) = default;
};

// What turns `a` into `b`, in the order of sections, then of `b`, then of what is gone. kMoved: of
// those in both revisions, this one now stands after another one that it stood before; told only
// where the order decides (playbooks, clocks, priorities).
std::vector<RevisionChange> CompareRevisions(const Revision& a, const Revision& b);

// The changes as text, one block each; empty when there are none:
//   playbooks high-value: changed
//   -     severity: 4
//   +     severity: 5
std::string DiffRevisions(const Revision& a, const Revision& b);

}  // namespace rebound
