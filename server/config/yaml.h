// A YAML file as a tree with places. Stricter than YAML: anchors, aliases, tags, second documents
// and more than kMaxConfigDepth levels are refused; keys given twice are seen by the reader
// (reader.h). Values and functions; safe to call from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/diagnostics.h"

namespace rebound {

inline constexpr size_t kMaxConfigFileBytes = size_t{1} << 20;
inline constexpr int kMaxConfigDepth = 64;  // lists and mappings within each other

struct Place {
  int line = 0;  // from 1; 0: the file as a whole
  int column = 0;
  int width = 1;
};

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  // From 0, in code points; -1: nowhere.
  int line = -1;
  int column = -1;
  std::string text{};
  bool quoted = false;               // in quotes, or a block scalar
  std::vector<YamlNode> children{};  // kMap: key, value, key, value ...
};

// The place of a node, a scalar's with its width.
Place At(const YamlNode& node);

// A file's text, split into lines, for places in it. Keeps views into `text`.
class Source {
 public:
  // `text` must outlive it. A byte order mark at its front is left out.
  Source(std::string name, std::string_view text);

  const std::string& name() const { return name_; }
  std::string_view text() const { return text_; }
  const std::vector<std::string_view>& lines() const { return lines_; }

  // An error at `place`, with the source line around it.
  ConfigError Fault(const Place& place, const Phrase& phrase,
                    std::initializer_list<Bilingual> arguments, Bilingual help = {}) const;

  // Where the node begins, in bytes of text().
  size_t OffsetOf(const YamlNode& node) const;

  // Where code point `index` of a scalar's value stands in the file: escapes and folded lines make
  // a value shorter than its source. The scalar's start when the two cannot be matched.
  Place PlaceIn(const YamlNode& node, size_t index) const;

 private:
  std::string name_;
  std::string_view text_;
  std::vector<std::string_view> lines_{};
};

// Reads the tree. On a mistake adds one error and gives false.
bool ParseYaml(const Source& source, YamlNode* root, std::vector<ConfigError>* errors);

}  // namespace rebound
