// The sections of the configuration: each is read from a file's root key of its name and written in
// the one form of the canonical text. What a section may contain is told at the head of the shipped
// file of that name, config/SECTION.yaml.
//
// Readers note mistakes in `reader` and go on. Pointers to other sections are null when those could
// not be read: then what refers to them is not checked. Thread-safe on different readers.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/canonical.h"
#include "server/config/conditions.h"
#include "server/config/reader.h"
#include "workflows/revision.h"

namespace rebound {

// What a configuration may have at most: a file that reaches them is read in well under a second.
inline constexpr size_t kMaxPrograms = 1'000;
inline constexpr size_t kMaxPlaybooks = 1'000;
inline constexpr size_t kMaxPriorities = 1'000;
inline constexpr size_t kMaxClocks = 1'000;
inline constexpr size_t kMaxRemedies = 200;  // of the catalogue
inline constexpr size_t kMaxRemedyLimits = 200;
inline constexpr size_t kMaxAlerts = 200;
inline constexpr size_t kMaxTiers = 20;  // of a clock
inline constexpr size_t kMaxSteps = 50;  // of a playbook
inline constexpr size_t kMaxTemplates = 500;
inline constexpr size_t kMaxTimeBands = 24;
inline constexpr size_t kMaxCalendars = 100;
inline constexpr size_t kMaxRoles = 100;
inline constexpr size_t kMaxQueues = 500;
inline constexpr size_t kMaxStaff = 5'000;
inline constexpr size_t kMaxAbsences = 100;  // of one person
inline constexpr size_t kMaxBlacklistReasons = 200;
inline constexpr size_t kMaxBlacklistRules = 200;
inline constexpr size_t kMaxAlternatives = 20;  // of a rule
inline constexpr size_t kMaxCounts = 20;        // of an alternative
inline constexpr size_t kMaxChecklist = 50;     // of a reason
inline constexpr size_t kMaxStatuses = 200;
inline constexpr size_t kMaxTransitions = 5'000;  // each status of `from` counts
inline constexpr size_t kMaxRuleTests = 300;      // of a file

void ReadPrograms(ConfigReader& reader, std::vector<Program>* programs);
void ReadRoles(ConfigReader& reader, std::vector<RoleDef>* roles);
void ReadLabels(ConfigReader& reader, Labels* labels);
void ReadOrgUnits(ConfigReader& reader, std::vector<OrgUnit>* units);
void ReadLifecycle(ConfigReader& reader, const std::vector<RoleDef>* roles, Lifecycle* lifecycle);
// `open` gives the text of a file of the folder by its name; nullopt: there is none.
using OpenFile = std::function<std::optional<std::string>(const std::string&)>;
void ReadCalendars(ConfigReader& reader, const OpenFile& open, std::vector<Calendar>* calendars);
void ReadPriorities(ConfigReader& reader, const std::vector<Program>* programs,
                    std::vector<Priority>* priorities);
void ReadClocks(ConfigReader& reader, const Referenced& referenced,
                const std::vector<Calendar>* calendars, const std::vector<RoleDef>* roles,
                std::vector<ClockDefinition>* clocks);
void ReadAlerts(ConfigReader& reader, const Referenced& referenced,
                const std::vector<RoleDef>* roles, std::vector<AlertRule>* alerts);
// What steps of plans may name; nullptr: not known, and not checked.
struct StepsReferenced {
  const std::vector<RemedyType>* remedies = nullptr;
  const std::vector<Template>* templates = nullptr;
};
// `referenced`: of the playbooks' own conditions; their steps may name priorities, too: those of
// `priorities`.
void ReadPlaybooks(ConfigReader& reader, const Referenced& referenced,
                   const std::vector<Priority>* priorities, const StepsReferenced& steps,
                   std::vector<Playbook>* playbooks);
// `steps` of the playbook `node`. (plan_steps.cc)
void ReadSteps(ConfigReader& reader, const YamlNode& node, const Referenced& referenced,
               const StepsReferenced& named, std::vector<PlanStep>* steps);
std::string WriteSteps(const std::vector<PlanStep>& steps);
void ReadTemplates(ConfigReader& reader, std::vector<Template>* templates);
void ReadContact(ConfigReader& reader, ContactRules* rules);
void ReadRemedies(ConfigReader& reader, const std::vector<RoleDef>* roles,
                  std::vector<RemedyType>* catalogue, std::vector<RemedyLimit>* limits);
void ReadQueues(ConfigReader& reader, std::vector<QueueDef>* queues);
void ReadStaff(ConfigReader& reader, const std::vector<QueueDef>* queues,
               const std::vector<Calendar>* calendars, std::vector<StaffMember>* staff);
// What blacklist.yaml may name; nullptr: not known, and not checked. No queues, no org units: any.
struct BlacklistReferenced {
  Referenced conditions{};
  const std::vector<RoleDef>* roles = nullptr;
  const std::vector<RemedyType>* remedies = nullptr;
  const std::vector<QueueDef>* queues = nullptr;
  const std::vector<OrgUnit>* org_units = nullptr;
};
void ReadBlacklist(ConfigReader& reader, const BlacklistReferenced& referenced,
                   BlacklistPolicy* policy);
// `subject`, if it is there, and `text` of the node, with no other variables than those.
void ReadTemplateTexts(ConfigReader& reader, const YamlNode& node,
                       std::span<const std::string_view> variables, Template* out);
// Both as lines of that indentation.
std::string WriteTemplateTexts(const Template& texts, std::string_view indent);
// Notes what stands under `key`, one or a list, and is none of `queues`.
void CheckQueueOf(ConfigReader& reader, const YamlNode& node, std::string_view key,
                  const std::vector<QueueDef>& queues);
// The name somebody signs in with.
void ReadPrincipal(ConfigReader& reader, const YamlNode& node, std::string_view key, Need need,
                   std::string* out);
// One id or a list of ids, each once.
void ReadIds(ConfigReader& reader, const YamlNode& node, std::string_view key,
             std::vector<std::string>* out);
// The code of ISO 4217 under `currency`.
void ReadCurrency(ConfigReader& reader, const YamlNode& node, Need need, std::string* out);
// Minor units of what stands under `amount`, "200.00"; nullopt with the mistake noted.
std::optional<int64_t> ReadMinor(ConfigReader& reader, const YamlNode& node,
                                 std::string_view currency);
std::string MinorText(int64_t minor, std::string_view currency);
// Ids under `key`, one or a list; those that are none of `known` are noted. nullptr: not checked.
void ReadRoleIds(ConfigReader& reader, const YamlNode& node, std::string_view key,
                 const std::vector<RoleDef>* known, std::vector<std::string>* out);
// A path of an org unit.
void ReadPath(ConfigReader& reader, const YamlNode& node, std::string_view key, Need need,
              std::string* out);

// Adds the section's heading and items; nothing for an empty optional section.
void WritePrograms(const std::vector<Program>& programs, std::vector<CanonicalItem>* items);
void WriteRoles(const std::vector<RoleDef>& roles, std::vector<CanonicalItem>* items);
void WriteLabels(const Labels& labels, std::vector<CanonicalItem>* items);
void WriteOrgUnits(const std::vector<OrgUnit>& units, std::vector<CanonicalItem>* items);
void WriteLifecycle(const Lifecycle& lifecycle, std::vector<CanonicalItem>* items);
void WriteCalendars(const std::vector<Calendar>& calendars, std::vector<CanonicalItem>* items);
void WritePriorities(const std::vector<Priority>& priorities, std::vector<CanonicalItem>* items);
void WriteClocks(const std::vector<ClockDefinition>& clocks, std::vector<CanonicalItem>* items);
void WriteAlerts(const std::vector<AlertRule>& alerts, std::vector<CanonicalItem>* items);
void WritePlaybooks(const std::vector<Playbook>& playbooks, std::vector<CanonicalItem>* items);
void WriteRemedies(const std::vector<RemedyType>& catalogue, const std::vector<RemedyLimit>& limits,
                   std::vector<CanonicalItem>* items);
void WriteQueues(const std::vector<QueueDef>& queues, std::vector<CanonicalItem>* items);
void WriteStaff(const std::vector<StaffMember>& staff, std::vector<CanonicalItem>* items);

void WriteBlacklist(const BlacklistPolicy& policy, std::vector<CanonicalItem>* items);
void WriteTemplates(const std::vector<Template>& templates, std::vector<CanonicalItem>* items);
void WriteContact(const ContactRules& rules, std::vector<CanonicalItem>* items);

// "name: {en: ..., zh: ...}"
std::string CanonicalName(std::string_view en, std::string_view zh);
// "[a, b]", each as it stands.
std::string CanonicalList(std::span<const std::string> words);
// The same, each in quotes.
std::string QuotedList(const std::vector<std::string>& words);

}  // namespace rebound
