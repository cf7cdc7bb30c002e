// The readers and the schemas say the same of a file's shape. Whatever a reader takes passes the
// schema, or editors would cry wolf; an unknown key, a missing one and a wrong type, which a reader
// refuses, do not. Values go through a validator that is not ours (check_schemas.py).

#include <gtest/gtest.h>
#include <stdio.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/config/keys.h"
#include "server/config/yaml.h"
#include "tests/server/config/broken_configs.h"
#include "tests/server/config/config_fixtures.h"

namespace rebound {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// ---- Values -------------------------------------------------------------------------------------

// As YAML 1.2 reads a plain scalar.
json Plain(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  const json number = json::parse(text, nullptr, false);
  return number.is_number() ? number : json(text);
}

json ToJson(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull: return nullptr;
    case YamlNode::Kind::kScalar: return node.quoted ? json(node.text) : Plain(node.text);
    case YamlNode::Kind::kList: {
      json list = json::array();
      for (const YamlNode& item : node.children) list.push_back(ToJson(item));
      return list;
    }
    case YamlNode::Kind::kMap: {
      json map = json::object();
      for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
        map[node.children[i].text] = ToJson(node.children[i + 1]);
      }
      return map;
    }
  }
  return nullptr;
}

// In flow style.
std::string ToYaml(const YamlNode& node) {
  const bool plain =
      !node.text.empty() &&
      node.text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
  std::string text;
  switch (node.kind) {
    case YamlNode::Kind::kNull: return "~";
    case YamlNode::Kind::kScalar: return plain && !node.quoted ? node.text : json(node.text).dump();
    case YamlNode::Kind::kList:
      for (const YamlNode& item : node.children) {
        text += (text.empty() ? "[" : ", ") + ToYaml(item);
      }
      return text.empty() ? "[]" : text + ']';
    case YamlNode::Kind::kMap:
      for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
        text += (text.empty() ? "{" : ", ") + ToYaml(node.children[i]) + ": " +
                ToYaml(node.children[i + 1]);
      }
      return text.empty() ? "{}" : text + '}';
  }
  return "";
}

struct SchemaValue {
  std::string file;
  json value;
};

std::string SchemaOf(const std::string& file) {
  return fs::path(file).stem().string() + ".schema.json";
}

// What the schemas have against each; empty: nothing.
std::vector<std::string> Judge(const std::vector<SchemaValue>& values) {
  const Folder folder;
  const fs::path path = folder.path() / "values";
  std::ofstream out(path);
  for (const SchemaValue& value : values) {
    out << json{{"schema", SchemaOf(value.file)}, {"value", value.value}}.dump() << '\n';
  }
  out.close();
  const std::string command = (kRoot / "tests/server/config/check_schemas.py").string() + ' ' +
                              (kRoot / "config/schemas").string() + ' ' + path.string();
  FILE* pipe = popen(command.c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  std::string told;
  std::array<char, 4096> part{};
  while (fgets(part.data(), static_cast<int>(part.size()), pipe) != nullptr) told += part.data();
  EXPECT_EQ(pclose(pipe), 0) << "the schemas are no schemas, or python3-jsonschema is missing";
  std::vector<std::string> verdicts;
  for (size_t at = 0; at < told.size();) {
    const size_t end = told.find('\n', at);
    verdicts.push_back(told.substr(at, end - at));
    at = end + 1;
  }
  EXPECT_EQ(verdicts.size(), values.size());
  verdicts.resize(values.size());
  return verdicts;
}

bool IsSectionFile(const std::string& name) {
  return std::any_of(std::begin(kSections), std::end(kSections), [&](const Section& section) {
    return fs::path(name).filename() == std::string(section.name) + ".yaml";
  });
}

// nullopt: it is no YAML, or no file of the configuration.
std::optional<YamlNode> Parsed(const ConfigFile& file) {
  const Source source(file.name, file.text);
  YamlNode root;
  std::vector<ConfigError> errors;
  if (!IsSectionFile(file.name) || !ParseYaml(source, &root, &errors)) return std::nullopt;
  return root;
}

// Of the file, by its shape alone: a wrong type, an unknown key, a missing one.
bool IsOfShape(const ConfigError& error) {
  return error.code == "C004" || error.code == "C005" || error.code == "C007";
}

// ---- A configuration with every key -------------------------------------------------------------

std::vector<ConfigFile> EveryKey() {
  return {
      {"programs.yaml", R"(version: 1
programs:
  - id: hotline
    name: {en: Hotline, zh: 热线}
    kind: transactional
    scale: {kind: nps, min: 0, max: 10, detractor_limit: 6, promoter_limit: 9,
            lower_is_better: false}
    allow_anonymous: true
    anonymous_opens_case: true
    recovery_window: unlimited
    reopen_window: 7 days
    resurvey_delay: 3 days
    resurvey_validity: 14 days
    resurvey_catch_up: 72 hours
    first_contact_limit: 0 hours
    max_reopen_count: 2
    currency: CNY
    time_zone: Asia/Shanghai
    queue: default
    hold_out: {experiment: spring, share: 2.5 %, arm: delayed_start, delay: 3 days,
               ask_after: 7 days}
  - {id: "2024", name: {en: 2024}, kind: internal, scale: ces}
)"},
      {"playbooks.yaml", R"(version: 1
playbooks:
  - id: low
    version: 3
    name: {en: Low, zh: 低分}
    when: {score: {at_most: 2}, any: ["history = false", {topic: {contains_any: [cold, 7]}}]}
    severity: 4
    queue: priority
    for: price
    steps:
      - {id: call, name: {en: Call, zh: 致电}, kind: contact, channel: phone, within: 4 hours,
         owner: li, when: round = 1}
      - {id: which, name: {en: Which}, kind: decision, then: gift, otherwise: end,
         when: {step_result: {contains: call=reached}, priority: {is: urgent}}}
      - {id: gift, name: {en: Gift}, kind: remedy, remedy: refund}
      - {id: bill, name: {en: Bill}, kind: task, queue: night, within: 2 days}
      - {id: note, name: {en: Note}, kind: message, template: hello, channel: sms}
      - {id: pause, name: {en: Pause}, kind: wait, for: 90 minutes}
      - {id: ask, name: {en: Ask}, kind: verify, sample: 20, rework: call}
      - {id: care, name: {en: Care}, kind: aftercare, after: 0 days, sample: 10, queue: priority}
  - {id: rest, name: {en: Rest}, when: severity >= 1}
tests:
  - name: low
    given: {score: 1, history: false, topic: [cold], reason: 404, touchpoint: 7, severity: 4}
    expect: {playbook: low, priority: urgent, clocks: [first, remedy]}
  - {name: one, given: {score: 9, topic: cold}, expect: {playbook: none}}
)"},
      {"lifecycle.yaml", R"(version: 1
lifecycle:
  initial: open
  held_out: apart
  max_returns: 3
  max_extensions: 2
  appeal_window: 5 days
  statuses:
    - {key: apart, name: {en: Apart}, phase: open, handling_done: true}
    - {key: open, name: {en: Open, zh: 待处理}, phase: open, handling_done: false}
    - {key: waiting, name: {en: Waiting}, phase: contacted, stops: [first_contact, remedy]}
    - {key: due, name: {en: Due}, phase: remedied, handling_done: true}
    - {key: asked, name: {en: Asked}, phase: resurveyed, handling_done: true}
    - {key: closed, name: {en: Closed}, phase: closed, handling_done: true}
  transitions:
    - {from: [open, due], command: chase, to: stays}
    - {from: waiting, command: chase, to: open}
    - {from: [open, waiting], command: log_attempt, to: open, otherwise: stays}
    - {from: open, command: pause, to: waiting, roles: agent, requires: owner}
    - {from: open, command: resolve, to: due, roles: [agent, admin], requires: [owner, attempt]}
    - {from: due, command: answer_resurvey, to: closed, otherwise: open, exhausted: asked}
    - {from: [due, asked], command: close, to: closed}
    - {from: apart, command: begin, to: open}
    - {from: apart, command: ask_again, to: asked, otherwise: closed}
)"},
      {"calendars.yaml", R"(version: 1
calendars:
  - id: office
    version: 2
    name: {en: Office, zh: 办公}
    time_zone: Asia/Shanghai
    week:
      mon: ["09:00-12:00", "13:30-18:00"]
      tue: "09:00-18:00"
      wed: "09:00-18:00"
      thu: "09:00-18:00"
      fri: "09:00-18:00"
      sat: []
      sun: "22:00-30:00"
    holidays:
      - {date: 2026-01-01, name: 元旦}
      - {from: 2026-10-01, to: 2026-10-07}
    workdays:
      - {date: 2026-01-04, name: 元旦调休, hours: "10:00-15:00"}
    import: []
)"},
      {"clocks.yaml", R"(version: 1
clocks:
  - id: first
    name: {en: First contact, zh: 首次联系}
    kind: first_contact
    when: severity >= 4
    limit: 2 hours
    count: business_time
    calendar: office
    met_by: attempt
    tiers:
      - {id: warning, at: "75 %", do: notify, notify: owner}
      - {id: breach, at: due, do: [notify, reassign, escalate], notify: [owner, manager],
         queue: night}
      - {id: later, at: 1 hours, count: own, do: raise_priority}
  - {id: remedy, name: {en: Remedy}, kind: remedy, limit: 3 days, count: wall}
  - {id: promise, name: {en: Promise}, kind: commitment, when: priority = none}
tests: []
)"},
      {"priorities.yaml", R"(version: 1
priorities:
  - {id: urgent, name: {en: Urgent, zh: 紧急}, when: severity >= 4}
  - {id: none, name: {en: None}}
tests:
  - {name: rest, given: {severity: 1}, expect: {priority: none, clocks: [promise, remedy]}}
)"},
      {"alerts.yaml", R"(version: 1
alerts:
  - {id: fire, name: {en: Fire, zh: 火}, when: 'reason : "fire"', red_line: true, notify: manager,
     acknowledge_within: 1 hours}
  - {id: low, name: {en: Low}, when: score = 0, notify: [owner, queue]}
tests:
  - {name: fire, given: {reason: fire}, expect: {alerts: [fire]}}
  - {name: none, given: {score: 1}, expect: {alerts: []}}
)"},
      {"org_units.yaml", R"(version: 1
org_units:
  - {id: gd, name: {en: Guangdong, zh: 广东}, manager: li, from: 2025-01-01, until: 2026-01-01}
  - {id: gd/7, name: {en: Seven}}
)"},
      {"roles.yaml", R"(version: 1
roles:
  - {id: admin, name: {en: A, zh: 管理员}, base: admin}
  - {id: manager, name: {en: M}, base: manager}
  - {id: agent, name: {en: G}, base: agent}
  - {id: integration, name: {en: I}, base: integration, sees_contact: false}
  - {id: viewer, name: {en: V}, base: viewer}
)"},
      {"remedies.yaml", R"(version: 1
remedies:
  catalogue:
    - {id: refund, name: {en: R, zh: 退费}, kind: refund, statutory: false, needs_amount: true}
  limits:
    - {id: year, name: {en: Y, zh: 年}, per: customer, beyond: refused, currency: CNY,
       amount: "1.50", count: 3, window: 30 days, types: [refund], roles: [agent]}
)"},
      {"templates.yaml", R"(version: 1
templates:
  - id: hello
    channels: [sms, email]
    subject: {en: "Hello {customer_name}", zh: 您好}
    text: {en: "{{case}} {case_number}", zh: 42}
  - {id: short, channels: sms, text: {en: Hello, zh: 您好}}
)"},
      {"contact.yaml", R"(version: 1
contact:
  zone: Asia/Shanghai
  quiet_hours: {from: "21:00", until: 08:00}
  time_bands:
    - {id: day, from: "08:00", until: "18:00"}
    - {id: night, from: "18:00", until: "24:00"}
  unreachable: {attempts: 3, time_bands: 2, days: 2, messages: 1}
)"},
      {"queues.yaml", R"(version: 1
queues:
  - id: default
    name: {en: Cases, zh: 工单}
    skills: [english, law]
    routing: round_robin
    sticky: true
    lease: 30 minutes
    return_after: 4 hours
    fallback: li.na
  - {id: priority, name: {en: Urgent}}
  - {id: night, name: {en: Night}, skills: english, routing: least_loaded}
)"},
      {"staff.yaml", R"(version: 1
staff:
  - id: li.na
    queues: [default, night]
    skills: [english]
    capacity: 20
    shifts: office
    absences:
      - {from: 2026-10-01, until: "2026-10-08T12:00:00+08:00", deputy: wang.wei}
      - {from: 2026-12-01, until: 2026-12-02}
  - {id: wang.wei, queues: default}
)"},
      {"blacklist.yaml", R"(version: 1
blacklist:
  appeal_window: 20 days
  appeal_decision: 10 days
  kinds:
    - {kind: do_not_contact, max_duration: 365 days, legal_basis: objection,
       effects: {programs: [hotline]}}
    - {kind: channel_limit, max_duration: 180 days, review_interval: 90 days,
       effects: {channels: [phone, sms]}, legal_basis: legitimate_interest, warn_first: true,
       warning_wait: 5 days, propose_roles: agent, decide_roles: [admin, manager]}
    - {kind: no_goodwill, max_duration: 365 days, legal_basis: legitimate_interest,
       effects: {remedies: refund, queue: night}, warn_first: false}
    - {kind: staff_safety, max_duration: 90 days, legal_basis: safety, effects: {queue: night}}
  reasons:
    - {id: untrue, name: {en: Untrue, zh: 不实}, kinds: [no_goodwill, channel_limit],
       checklist: [{en: Rulings, zh: 认定}]}
    - {id: threat, name: {en: Threat}}
  rules:
    - id: untrue-twice
      name: {en: Untrue twice, zh: 两次不实}
      kind: no_goodwill
      alternatives:
        - when: {topic: {contains: cold}}
          counts:
            - {measure: closed_dishonest, within: 365 days, at_least: 2}
            - {measure: remedy_sum, within: 1 weeks, currency: CNY, amount: "10.50"}
        - {when: 'reason : "lawyer" AND score <= 2'}
      proposal:
        duration: 30 days
        reason: untrue
        effects: {remedies: [refund]}
        extent: {org_unit: gd}
        legal_basis: objection
      cool_down: 0 days
    - {id: threats, name: {en: T}, kind: staff_safety,
       alternatives: [{counts: [{measure: threats_logged, within: 90 days, at_least: 1}]}],
       proposal: {duration: 30 days, reason: threat, extent: {program: hotline}}}
  notices:
    warning: {subject: {en: "W {entry_number}", zh: 告诫}, text: {en: "{change_by}", zh: 请改正}}
    decision: {text: {en: "{start} {end} {appeal_until}", zh: 决定}}
    extended: {text: {en: "{restriction} {reason}", zh: 延长}}
    appeal_decided: {text: {en: "{outcome}", zh: 申诉}}
    lifted: {text: {en: "{customer_name}", zh: 解除}}
    lapsed: {text: {en: "{end}", zh: 到期}}
tests:
  - name: twice
    history:
      - {ago: 10 days, given: {topic: [cold], score: 2, program: hotline}, result: dishonest,
         remedy: refund, currency: CNY, amount: "10.50", refused: 2, answered_low: true}
      - {ago: 5 days, given: {topic: cold}, result: dishonest, remedy: refund, currency: CNY,
         amount: "10.50"}
    expect: {proposals: [untrue-twice]}
  - {name: nothing, history: [], expect: {proposals: []}}
)"},
      {"labels.yaml", R"(version: 1
labels:
  pause_reasons: [{id: documents, name: {en: Documents, zh: 材料}}]
  return_reasons: []
  extension_reasons: []
  root_causes: [{id: price, name: {en: Price}}]
  topics: [{id: cold, name: {en: Cold}}]
)"},
  };
}

// ---- Changes ------------------------------------------------------------------------------------

YamlNode Scalar(std::string text, bool quoted = false) {
  return {.kind = YamlNode::Kind::kScalar, .text = std::move(text), .quoted = quoted};
}

// What may be put in place of any value.
std::vector<YamlNode> Intruders() {
  YamlNode list{.kind = YamlNode::Kind::kList};
  list.children = {Scalar("zz")};
  YamlNode map{.kind = YamlNode::Kind::kMap};
  map.children = {Scalar("zz"), Scalar("1")};
  return {{},
          {.kind = YamlNode::Kind::kList},
          {.kind = YamlNode::Kind::kMap},
          list,
          map,
          Scalar("zz"),
          Scalar("Z z"),
          Scalar("", true),
          Scalar("true"),
          Scalar("true", true),
          Scalar("-1"),
          Scalar("0"),
          Scalar("5"),
          Scalar("5", true),
          Scalar("5000000")};
}

struct SchemaChange {
  std::string what;
  YamlNode root;
};

// Each value replaced, each key left out, and an unknown key in each mapping.
class Changes {
 public:
  explicit Changes(const YamlNode& root) : root_(root) { Walk(&root_, ""); }
  std::vector<SchemaChange> Take() { return std::move(changes_); }

 private:
  void Add(const std::string& what) { changes_.push_back({what, root_}); }

  void Replace(YamlNode* node, const std::string& path) {
    YamlNode kept = std::move(*node);
    for (const YamlNode& intruder : Intruders()) {
      *node = intruder;
      Add(path + " = " + ToYaml(intruder));
    }
    *node = std::move(kept);
  }

  void Walk(YamlNode* node, const std::string& path) {
    if (!path.empty()) Replace(node, path);
    if (node->kind == YamlNode::Kind::kList) {
      for (size_t i = 0; i < node->children.size(); ++i) {
        Walk(&node->children[i], path + '/' + std::to_string(i));
      }
    } else if (node->kind == YamlNode::Kind::kMap) {
      auto& children = node->children;
      children.push_back(Scalar("zz"));
      children.push_back(Scalar("1"));
      Add(path + "/zz added");
      children.resize(children.size() - 2);
      for (size_t i = 0; i + 1 < children.size(); i += 2) {
        const std::string below = path + '/' + children[i].text;
        YamlNode without = *node;
        without.children.erase(without.children.begin() + static_cast<std::ptrdiff_t>(i),
                               without.children.begin() + static_cast<std::ptrdiff_t>(i) + 2);
        std::swap(*node, without);
        Add(below + " left out");
        std::swap(*node, without);
        Walk(&node->children[i + 1], below);
      }
    }
  }

  YamlNode root_;
  std::vector<SchemaChange> changes_{};
};

// The names of all keys below `form`, and of those in the tree.
void KeysIn(std::span<const Key> keys, std::set<std::string>* names) {
  for (const Key& key : keys) {
    names->insert(std::string(key.name));
    KeysIn(KeysOf(key.form), names);
  }
}

std::vector<ConfigError> ErrorsIn(const std::string& name, const std::vector<ConfigFile>& files) {
  std::vector<ConfigError> errors;
  ParseConfig(files, &errors);
  std::erase_if(errors,
                [&](const ConfigError& error) { return error.file != name || error.is_warning(); });
  return errors;
}

// `file` and those of `files` without which it has errors: thousands of changes are read, and most
// files name nothing of the others.
std::vector<ConfigFile> WhatItNeeds(const ConfigFile& file, const std::vector<ConfigFile>& files) {
  std::vector<ConfigFile> needed = files;
  for (const ConfigFile& other : files) {
    if (other.name == file.name) continue;
    std::vector<ConfigFile> fewer = needed;
    std::erase_if(fewer, [&](const ConfigFile& each) { return each.name == other.name; });
    if (ErrorsIn(file.name, fewer).empty()) needed = std::move(fewer);
  }
  return needed;
}

// ---- Tests --------------------------------------------------------------------------------------

TEST(SchemaAgreementTest, TheConfigurationWithEveryKeyHasEveryKeyAndPassesBoth) {
  const std::vector<ConfigFile> files = EveryKey();
  ParseGood(files);
  std::vector<SchemaValue> values;
  for (const Section& section : kSections) {
    const auto file = std::find_if(files.begin(), files.end(), [&](const ConfigFile& f) {
      return f.name == std::string(section.name) + ".yaml";
    });
    ASSERT_NE(file, files.end()) << section.name;
    values.push_back({file->name, ToJson(*Parsed(*file))});
    std::set<std::string> keys;
    KeysIn(KeysOf(section.form), &keys);
    if (!section.tests.empty()) keys.insert("tests");
    for (const std::string& key : keys) {
      EXPECT_NE(file->text.find(key + ':'), std::string::npos) << section.name << ": " << key;
    }
  }
  const std::vector<std::string> verdicts = Judge(values);
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(verdicts[i], "") << values[i].file;
}

TEST(SchemaAgreementTest, EveryChangeOfOneValueIsJudgedAlikeByReaderAndSchema) {
  const std::vector<ConfigFile> files = EveryKey();
  std::vector<SchemaValue> values;
  std::vector<std::string> whats;
  std::vector<std::vector<ConfigError>> errors_of;
  for (const ConfigFile& file : files) {
    const std::vector<ConfigFile> needed = WhatItNeeds(file, files);
    for (SchemaChange& change : Changes(*Parsed(file)).Take()) {
      // A file's own tests are run, and read whole, where all files are good.
      std::vector<ConfigFile> changed = change.what.starts_with("/tests") ? files : needed;
      for (ConfigFile& other : changed) {
        if (other.name == file.name) other.text = ToYaml(change.root);
      }
      values.push_back({file.name, ToJson(change.root)});
      whats.push_back(file.name + ": " + change.what);
      errors_of.push_back(ErrorsIn(file.name, changed));
    }
  }
  const std::vector<std::string> verdicts = Judge(values);
  int refused = 0;
  int taken = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const std::vector<ConfigError>& errors = errors_of[i];
    if (errors.empty()) {
      EXPECT_EQ(verdicts[i], "") << whats[i];
    }
    const bool of_shape = std::any_of(errors.begin(), errors.end(), IsOfShape);
    if (of_shape) {
      EXPECT_NE(verdicts[i], "") << whats[i] << '\n' << Render(errors);
    }
    refused += verdicts[i].empty() ? 0 : 1;
    taken += errors.empty() ? 1 : 0;
  }
  EXPECT_GT(taken, 200);
  EXPECT_GT(refused, 1000);
}

TEST(SchemaAgreementTest, EveryBrokenConfigurationOfWrongShapeFailsItsSchema) {
  std::vector<SchemaValue> values;
  std::vector<std::string> whats;
  for (const Broken& broken : BrokenConfigs()) {
    std::vector<ConfigError> errors;
    ParseConfig(broken.Files(), &errors);
    for (const ConfigFile& file : broken.Files()) {
      const auto root = Parsed(file);
      const bool of_shape = std::any_of(errors.begin(), errors.end(), [&](const auto& error) {
        return error.file == file.name && error.line > 0 && IsOfShape(error);
      });
      if (!root || !of_shape) continue;
      values.push_back({file.name, ToJson(*root)});
      whats.push_back(broken.name);
    }
  }
  const std::vector<std::string> verdicts = Judge(values);
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NE(verdicts[i], "") << whats[i];
  EXPECT_GT(values.size(), 30U);
}

TEST(SchemaAgreementTest, TheShippedFilesPassTheSchemasThatTheyName) {
  std::vector<ConfigError> errors;
  std::vector<SchemaValue> values;
  for (const ConfigFile& file : ReadConfigFolder(kRoot / "config", &errors)) {
    const auto root = Parsed(file);
    if (!root) continue;
    values.push_back({file.name, ToJson(*root)});
    EXPECT_TRUE(file.text.starts_with("# yaml-language-server: $schema=schemas/" +
                                      SchemaOf(file.name) + '\n'))
        << file.name;
  }
  EXPECT_EQ(values.size(), std::size(kSections));
  const std::vector<std::string> verdicts = Judge(values);
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(verdicts[i], "") << values[i].file;
}

TEST(SchemaAgreementTest, TheHeadOfEachShippedFileTellsOfEveryKey) {
  for (const Section& section : kSections) {
    const std::string text = ReadText(kRoot / "config" / (std::string(section.name) + ".yaml"));
    std::string head;
    for (size_t at = 0; text[at] == '#'; at = text.find('\n', at) + 1) {
      head += text.substr(at, text.find('\n', at) + 1 - at);
    }
    std::set<std::string> keys;
    KeysIn(KeysOf(section.form), &keys);
    for (const std::string& key : keys) {
      EXPECT_NE(head.find(key), std::string::npos) << section.name << ": " << key;
    }
  }
}

// What other tests of this program took for good.
class GoodFilesPass final : public testing::Environment {
 public:
  void TearDown() override {
    std::vector<SchemaValue> values;
    for (const ConfigFile& file : GoodFiles()) {
      if (const auto root = Parsed(file)) values.push_back({file.name, ToJson(*root)});
    }
    if (values.empty()) return;
    const std::vector<std::string> verdicts = Judge(values);
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(verdicts[i], "") << values[i].file << '\n' << values[i].value.dump(1);
    }
  }
};

const testing::Environment* const kGoodFilesPass =
    testing::AddGlobalTestEnvironment(new GoodFilesPass);

}  // namespace
}  // namespace rebound
