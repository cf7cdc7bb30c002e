#include "server/config/config.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "server/config/blacklist_tests.h"
#include "server/config/messages.h"
#include "server/config/rule_tests.h"
#include "server/config/sections.h"
#include "workflows/field_catalogue.h"

namespace rebound {
namespace {

constexpr std::string_view kYaml = ".yaml";
constexpr std::string_view kICalendar = ".ics";
constexpr std::string_view kCalendarFolder = "calendars";
constexpr std::string_view kPacks = "playbooks";

std::string FileOf(const Section& section) {
  return std::string(section.name) + std::string(kYaml);
}

std::vector<std::string> KnownFiles() {
  std::vector<std::string> names;
  for (const Section& section : kSections) names.push_back(FileOf(section));
  return names;
}

std::string_view BaseName(std::string_view name) { return name.substr(name.rfind('/') + 1); }

Bilingual NearestFile(std::string_view name) {
  const std::vector<std::string> known = KnownFiles();
  const std::vector<std::string_view> views(known.begin(), known.end());
  const std::string_view nearest = Nearest(name, views);
  return nearest.empty() ? Fill(messages::kKnownFiles, {JoinWords(views)}) : DidYouMean(nearest);
}

ConfigError OfFile(std::string name, const Phrase& phrase,
                   std::initializer_list<Bilingual> arguments, Bilingual help) {
  return {.file = std::move(name),
          .code = std::string(phrase.code),
          .message = Fill(phrase, arguments),
          .help = std::move(help)};
}

std::string Hash(std::string_view text) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(text.data()),
                     text.size());
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

// ---- Reading ------------------------------------------------------------------------------------

// Gives the reader of a section; nullptr: it is left out, and its defaults apply.
using ReaderOf = std::function<ConfigReader*(std::string_view section)>;

// A list of roles has to have those that the shipped lifecycle names.
void CheckDefaultLifecycle(ConfigReader& roles_reader, const Revision& revision) {
  std::set<std::string> missing;
  for (const Transition& transition : revision.lifecycle.transitions) {
    for (const std::string& role : transition.roles) {
      if (revision.FindRole(role) == nullptr) missing.insert(role);
    }
  }
  const Entry section = Find(roles_reader.root(), "roles");
  for (const std::string& role : missing) {
    roles_reader.Fault(At(*section.key), messages::kDefaultNeedsRole, {role},
                       Fill(messages::kNoWayInDefault));
  }
}

// A hold-out needs somewhere to keep its cases.
void CheckHoldOuts(ConfigReader& programs_reader, const Revision& revision) {
  if (!revision.lifecycle.held_out.empty()) return;
  for (const YamlNode& node : Find(programs_reader.root(), "programs").value->children) {
    const Entry hold_out = Find(node, "hold_out");
    if (!hold_out) continue;
    programs_reader.Fault(At(*hold_out.key), messages::kHoldOutNeedsStatus, {},
                          Fill(messages::kAddHeldOut));
  }
}

// Where queues are listed, cases are sent to those alone. One that names none goes to "default".
void CheckQueues(const ReaderOf& reader_of, const std::vector<QueueDef>& queues) {
  const auto items = [&](std::string_view section) -> std::vector<const YamlNode*> {
    std::vector<const YamlNode*> found;
    ConfigReader* reader = reader_of(section);
    const Entry list =
        reader != nullptr && reader->is_open() ? Find(reader->root(), section) : Entry{};
    if (!list || list.value->kind != YamlNode::Kind::kList) return found;
    for (const YamlNode& node : list.value->children) {
      if (node.kind == YamlNode::Kind::kMap) found.push_back(&node);
    }
    return found;
  };
  const std::string by_default = Program{}.default_queue;
  const bool has_default = std::any_of(
      queues.begin(), queues.end(), [&](const QueueDef& queue) { return queue.id == by_default; });
  for (const YamlNode* node : items("programs")) {
    ConfigReader& reader = *reader_of("programs");
    CheckQueueOf(reader, *node, "queue", queues);
    if (!has_default && !Find(*node, "queue")) {
      reader.Fault(At(*node), messages::kDefaultQueueUnknown, {by_default},
                   Fill(messages::kNameAQueue));
    }
  }
  for (const YamlNode* node : items("playbooks")) {
    CheckQueueOf(*reader_of("playbooks"), *node, "queue", queues);
  }
  constexpr std::pair<std::string_view, std::string_view> kNested[] = {{"playbooks", "steps"},
                                                                       {"clocks", "tiers"}};
  for (const auto& [section, list] : kNested) {
    for (const YamlNode* node : items(section)) {
      const Entry inner = Find(*node, list);
      if (!inner || inner.value->kind != YamlNode::Kind::kList) continue;
      for (const YamlNode& each : inner.value->children) {
        if (each.kind != YamlNode::Kind::kMap) continue;
        CheckQueueOf(*reader_of(section), each, "queue", queues);
      }
    }
  }
}

// What others refer to comes before them.
void ReadSections(const ReaderOf& reader_of, const OpenFile& open, Revision* revision) {
  const auto good = [&](std::string_view section) {
    const ConfigReader* reader = reader_of(section);
    return reader == nullptr || (reader->is_open() && !reader->failed());
  };
  const auto read = [&](std::string_view section, const auto& function, const auto&... arguments) {
    ConfigReader* reader = reader_of(section);
    if (reader != nullptr && reader->is_open()) function(*reader, arguments...);
    return reader != nullptr;
  };
  const bool has_programs = read("programs", ReadPrograms, &revision->programs);
  const auto* programs = has_programs && good("programs") ? &revision->programs : nullptr;
  if (!read("roles", ReadRoles, &revision->roles)) revision->roles = DefaultRoles();
  const auto* roles = good("roles") ? &revision->roles : nullptr;
  read("labels", ReadLabels, &revision->labels);
  read("org_units", ReadOrgUnits, &revision->org_units);
  read("calendars", ReadCalendars, open, &revision->calendars);
  const auto* calendars = good("calendars") ? &revision->calendars : nullptr;
  if (!read("lifecycle", ReadLifecycle, roles, &revision->lifecycle)) {
    revision->lifecycle = DefaultLifecycle();
    ConfigReader* reader = reader_of("roles");
    if (reader != nullptr && roles != nullptr) CheckDefaultLifecycle(*reader, *revision);
  }
  if (!read("priorities", ReadPriorities, programs, &revision->priorities)) {
    revision->priorities = DefaultPriorities();
  }
  const Referenced of_playbooks{.programs = programs, .before_priority = true};
  const Referenced referenced{programs, good("priorities") ? &revision->priorities : nullptr,
                              false};
  read("clocks", ReadClocks, referenced, calendars, roles, &revision->clocks);
  read("alerts", ReadAlerts, referenced, roles, &revision->alerts);
  read("remedies", ReadRemedies, roles, &revision->remedies, &revision->remedy_limits);
  read("templates", ReadTemplates, &revision->templates);
  read("contact", ReadContact, &revision->contact);
  const StepsReferenced of_steps{good("remedies") ? &revision->remedies : nullptr,
                                 good("templates") ? &revision->templates : nullptr};
  read("playbooks", ReadPlaybooks, of_playbooks, referenced.priorities, of_steps,
       &revision->playbooks);
  const bool has_queues = read("queues", ReadQueues, &revision->queues);
  const auto* queues = has_queues && good("queues") ? &revision->queues : nullptr;
  read("staff", ReadStaff, queues, calendars, &revision->staff);
  const BlacklistReferenced of_blacklist{
      .conditions = {programs, referenced.priorities, false},
      .roles = roles,
      .remedies = of_steps.remedies,
      .queues = queues,
      .org_units = good("org_units") ? &revision->org_units : nullptr};
  if (!read("blacklist", ReadBlacklist, of_blacklist, &revision->blacklist)) {
    revision->blacklist = DefaultBlacklistPolicy();
  }
  if (queues != nullptr && !queues->empty()) CheckQueues(reader_of, *queues);
  if (programs != nullptr && good("lifecycle")) {
    CheckHoldOuts(*reader_of("programs"), *revision);
  }
}

// ---- Warnings that need the whole ---------------------------------------------------------------

void WarnOfCalendars(ConfigReader& reader, const Revision& revision) {
  for (const YamlNode& node : Find(reader.root(), "calendars").value->children) {
    const YamlNode& id = *Find(node, "id").value;
    const bool used =
        std::any_of(revision.clocks.begin(), revision.clocks.end(),
                    [&](const ClockDefinition& clock) { return clock.calendar_id == id.text; }) ||
        std::any_of(revision.staff.begin(), revision.staff.end(),
                    [&](const StaffMember& member) { return member.shifts == id.text; });
    if (used) continue;
    reader.Fault(At(id), messages::kCalendarUnused, {id.text}, Fill(messages::kUseCalendar));
  }
}

void WarnOfLabels(ConfigReader& reader, const Revision& revision) {
  struct Use {
    std::string_view key;
    std::vector<CaseCommand> commands;
  };
  const Use uses[] = {{"pause_reasons", {CaseCommand::kPause, CaseCommand::kMove}},
                      {"return_reasons", {CaseCommand::kReturn}},
                      {"extension_reasons", {CaseCommand::kExtend}},
                      {"root_causes", {CaseCommand::kResolve, CaseCommand::kClose}}};
  const auto& transitions = revision.lifecycle.transitions;
  for (const Use& use : uses) {
    const Entry list = Find(*Find(reader.root(), "labels").value, use.key);
    if (!list || list.value->children.empty()) continue;
    const bool used = std::any_of(transitions.begin(), transitions.end(), [&](const auto& t) {
      return std::find(use.commands.begin(), use.commands.end(), t.command) != use.commands.end();
    });
    if (used) continue;
    reader.Fault(At(*list.key), messages::kLabelsUnused,
                 {use.key, Fill(messages::kNoStatusAccepts, {Name(use.commands.front())})},
                 Fill(messages::kRevise));
  }
}

// ---- Files --------------------------------------------------------------------------------------

LoadedConfig Finish(Revision revision) {
  LoadedConfig loaded{.revision = std::move(revision)};
  loaded.canonical_text = CanonicalText(loaded.revision);
  loaded.hash = Hash(loaded.canonical_text);
  loaded.revision.hash = loaded.hash;
  return loaded;
}

// Those beside the rules of a file: of one kind or the other.
struct Tests {
  std::vector<RuleTest> of_cases{};
  std::vector<BlacklistTest> of_customers{};

  size_t size() const { return of_cases.size() + of_customers.size(); }
};

Tests ReadTests(ConfigReader& reader) {
  if (Find(reader.root(), "blacklist")) return {{}, ReadBlacklistTests(reader)};
  return {ReadRuleTests(reader), {}};
}

std::vector<RuleTestResult> RunTests(ConfigReader& reader, const Tests& tests,
                                     const Revision& revision) {
  return tests.of_customers.empty() ? RunRuleTests(reader, tests.of_cases, revision)
                                    : RunBlacklistTests(reader, tests.of_customers, revision);
}

struct Opened {
  const Section* section = nullptr;
  std::unique_ptr<ConfigReader> reader{};
  Tests tests{};
};

// Opens the files in the order of the sections. False when one is not wanted here.
bool OpenFiles(const std::vector<ConfigFile>& files, std::vector<Opened>* opened,
               std::vector<ConfigError>* errors) {
  bool good = true;
  for (const ConfigFile& file : files) {
    const std::string_view base = BaseName(file.name);
    const auto* section = std::find_if(std::begin(kSections), std::end(kSections),
                                       [&](const Section& s) { return FileOf(s) == base; });
    const bool twice = std::any_of(opened->begin(), opened->end(),
                                   [&](const Opened& other) { return other.section == section; });
    const auto refuse = [&](const Phrase& phrase, std::initializer_list<Bilingual> arguments,
                            Bilingual help) {
      errors->push_back(OfFile(file.name, phrase, arguments, std::move(help)));
      good = false;
    };
    if (file.text.size() > kMaxConfigFileBytes) {
      refuse(messages::kFileTooLarge, {std::to_string(kMaxConfigFileBytes)},
             Fill(messages::kSplitFile));
    } else if (base.ends_with(kICalendar)) {
      continue;
    } else if (section == std::end(kSections)) {
      refuse(messages::kFileUnknown, {base}, NearestFile(base));
    } else if (twice) {
      refuse(messages::kFileTwice, {}, Fill(messages::kSubmitOnce));
    } else {
      opened->push_back({section, std::make_unique<ConfigReader>(file.name, file.text), {}});
      std::vector<std::string_view> keys = {section->name};
      if (!section->tests.empty()) keys.emplace_back("tests");
      opened->back().reader->Open(keys);
    }
  }
  std::sort(opened->begin(), opened->end(),
            [](const Opened& a, const Opened& b) { return a.section < b.section; });
  return good;
}

// `unreadable`: files that could not be read, which is noted already.
std::optional<LoadedConfig> Parse(const std::vector<ConfigFile>& files,
                                  const std::set<std::string>& unreadable,
                                  std::vector<ConfigError>* errors,
                                  std::vector<RuleTestResult>* results) {
  std::vector<Opened> opened;
  bool good = OpenFiles(files, &opened, errors) && unreadable.empty();
  if (files.size() > kMaxConfigFiles) {
    errors->push_back(OfFile(files.back().name, messages::kTooManyFiles,
                             {std::to_string(kMaxConfigFiles), std::to_string(files.size())},
                             Fill(messages::kRemoveIt)));
    good = false;
  }
  const ReaderOf find = [&](std::string_view section) -> ConfigReader* {
    for (const Opened& file : opened) {
      if (file.section->name == section) return file.reader.get();
    }
    return nullptr;
  };
  for (const Section& section : kSections) {
    const bool there = find(section.name) != nullptr || unreadable.contains(FileOf(section));
    if (!section.compulsory || there) continue;
    errors->push_back(
        OfFile(FileOf(section), messages::kFileMissing, {}, Fill(messages::kCopyShipped)));
    good = false;
  }

  Revision revision;
  const OpenFile open = [&](const std::string& name) -> std::optional<std::string> {
    for (const ConfigFile& file : files) {
      if (file.name == name || file.name.ends_with('/' + name)) return file.text;
    }
    return std::nullopt;
  };
  ReadSections(find, open, &revision);
  int tests_run = 0;
  for (Opened& file : opened) {
    if (!file.section->tests.empty() && file.reader->is_open()) {
      file.tests = ReadTests(*file.reader);
      tests_run += static_cast<int>(file.tests.size());
    }
    good = good && !file.reader->failed();
  }
  if (good) {  // else the tests would fail for other reasons than their own
    for (const Opened& file : opened) {
      auto of_file = RunTests(*file.reader, file.tests, revision);
      if (results != nullptr) {
        std::move(of_file.begin(), of_file.end(), std::back_inserter(*results));
      }
      if (file.section->name == "calendars") WarnOfCalendars(*file.reader, revision);
      if (file.section->name == "labels") WarnOfLabels(*file.reader, revision);
    }
  }
  std::vector<ConfigError> noted;
  for (const Opened& file : opened) {
    good = good && !file.reader->failed();
    file.reader->MoveTo(&noted);
  }
  if (!good) {
    std::move(noted.begin(), noted.end(), std::back_inserter(*errors));
    return std::nullopt;
  }
  LoadedConfig loaded = Finish(std::move(revision));
  loaded.warnings = std::move(noted);
  loaded.tests_run = tests_run;
  return loaded;
}

std::optional<ConfigFile> ReadFile(const std::filesystem::path& path,
                                   std::vector<ConfigError>* errors) {
  const auto fail = [&](const Phrase& phrase, std::initializer_list<Bilingual> arguments,
                        const Phrase& help) {
    errors->push_back(OfFile(path.string(), phrase, arguments, Fill(help)));
    return std::nullopt;
  };
  std::error_code code;
  if (!std::filesystem::exists(path, code)) {
    return fail(messages::kFileMissing, {}, messages::kCopyShipped);
  }
  if (!std::filesystem::is_regular_file(path, code)) {
    return fail(messages::kNotAFile, {}, messages::kReplaceByFile);
  }
  ConfigFile file{.name = path.string()};
  file.text.resize(kMaxConfigFileBytes + 1);
  std::ifstream in(path, std::ios::binary);
  in.read(file.text.data(), static_cast<std::streamsize>(file.text.size()));
  if (in.bad() || (in.fail() && !in.eof())) {
    return fail(messages::kUnreadable, {}, messages::kCheckPermissions);
  }
  file.text.resize(static_cast<size_t>(in.gcount()));
  if (file.text.size() > kMaxConfigFileBytes) {
    return fail(messages::kFileTooLarge, {std::to_string(kMaxConfigFileBytes)},
                messages::kSplitFile);
  }
  return file;
}

std::set<std::string> NamesIn(const std::filesystem::path& folder) {
  std::set<std::string> names;
  std::error_code code;
  for (std::filesystem::directory_iterator it(folder, code), end; !code && it != end;
       it.increment(code)) {
    names.insert(it->path().filename().string());
  }
  return names;
}

// What a pack is completed by: the folder that its playbooks/ lies in. nullopt: it is no pack.
std::optional<std::filesystem::path> FolderOfPack(const std::filesystem::path& folder) {
  std::error_code code;
  std::filesystem::path whole = std::filesystem::absolute(folder, code).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();  // it ended in a slash
  if (whole.parent_path().filename() != kPacks) return std::nullopt;
  return (folder / ".." / "..").lexically_normal();
}

// Names that are almost those of files that are read.
std::vector<std::string> MisspeltIn(const std::filesystem::path& folder) {
  const std::vector<std::string> known = KnownFiles();
  const std::vector<std::string_view> views(known.begin(), known.end());
  std::vector<std::string> misspelt;
  for (const std::string& name : NamesIn(folder)) {
    const bool is_known = std::find(known.begin(), known.end(), name) != known.end();
    const bool is_yaml = name.ends_with(kYaml) || name.ends_with(".yml");
    if (!is_known && is_yaml && !Nearest(name, views).empty()) misspelt.push_back(name);
  }
  return misspelt;
}

}  // namespace

std::optional<LoadedConfig> ParseConfig(const std::vector<ConfigFile>& files,
                                        std::vector<ConfigError>* errors,
                                        std::vector<RuleTestResult>* tests) {
  return Parse(files, {}, errors, tests);
}

std::vector<ConfigFile> ReadConfigFolder(const std::filesystem::path& folder,
                                         std::vector<ConfigError>* errors) {
  const std::set<std::string> there = NamesIn(folder);
  const auto base = FolderOfPack(folder);
  const std::set<std::string> below = base ? NamesIn(*base) : std::set<std::string>{};
  std::vector<std::filesystem::path> paths;
  for (const Section& section : kSections) {
    const std::string name = FileOf(section);
    const bool own = there.contains(name);
    if (!own && below.contains(name)) {
      paths.push_back(*base / name);
    } else if (own || section.compulsory) {
      paths.push_back(folder / name);
    }
  }
  for (const std::filesystem::path& from : {folder, base.value_or(folder)}) {
    for (const std::filesystem::path& calendars : {from, from / kCalendarFolder}) {
      for (const std::string& name : NamesIn(calendars)) {
        if (name.ends_with(kICalendar)) paths.push_back(calendars / name);
      }
    }
    if (!base) break;
  }
  std::vector<ConfigFile> files;
  for (const std::filesystem::path& path : paths) {
    if (files.size() > kMaxConfigFiles) break;  // that there are too many is for the parser to say
    if (auto file = ReadFile(path, errors)) files.push_back(*std::move(file));
  }
  return files;
}

std::optional<LoadedConfig> LoadConfig(const std::filesystem::path& folder,
                                       std::vector<ConfigError>* errors) {
  std::vector<ConfigError> of_files;
  const std::vector<ConfigFile> files = ReadConfigFolder(folder, &of_files);
  std::set<std::string> unreadable;
  for (const ConfigError& error : of_files) unreadable.emplace(BaseName(error.file));
  std::move(of_files.begin(), of_files.end(), std::back_inserter(*errors));
  auto loaded = Parse(files, unreadable, errors, nullptr);
  for (const std::string& name : MisspeltIn(folder)) {
    (loaded ? loaded->warnings : *errors)
        .push_back(
            OfFile((folder / name).string(), messages::kFileNotRead, {name}, NearestFile(name)));
  }
  return loaded;
}

int RunRuleTests(const Revision& revision, const ConfigFile& file,
                 std::vector<ConfigError>* errors) {
  ConfigReader reader(file.name, file.text);
  std::vector<std::string_view> keys = {"tests"};
  for (const Section& section : kSections) keys.push_back(section.name);
  reader.Open(keys);
  Tests tests;
  if (reader.is_open()) tests = ReadTests(reader);
  if (!reader.failed()) RunTests(reader, tests, revision);
  reader.MoveTo(errors);
  return static_cast<int>(tests.size());
}

std::optional<BlacklistPolicy> ReadBlacklistDraft(const ConfigFile& file, const Revision& revision,
                                                  std::vector<ConfigError>* errors) {
  ConfigReader reader(file.name, file.text);
  reader.Open(std::array<std::string_view, 2>{"blacklist", "tests"});
  BlacklistPolicy policy;
  if (reader.is_open()) {
    const BlacklistReferenced referenced{
        .conditions = {&revision.programs, &revision.priorities, false},
        .roles = &revision.roles,
        .remedies = &revision.remedies,
        .queues = &revision.queues,
        .org_units = &revision.org_units};
    ReadBlacklist(reader, referenced, &policy);
    ReadBlacklistTests(reader);
  }
  const bool good = reader.is_open() && !reader.failed();
  reader.MoveTo(errors);
  return good ? std::optional(std::move(policy)) : std::nullopt;
}

std::optional<Revision> ReadStored(std::string_view text, std::vector<ConfigError>* errors) {
  ConfigReader reader("revision", text);
  std::vector<std::string_view> keys;
  for (const Section& section : kSections) keys.push_back(section.name);
  reader.Open(keys);
  const ReaderOf reader_of = [&](std::string_view name) -> ConfigReader* {
    const auto* section = std::find_if(std::begin(kSections), std::end(kSections),
                                       [&](const Section& s) { return s.name == name; });
    return section->compulsory || Find(reader.root(), name) ? &reader : nullptr;
  };
  std::optional<Revision> revision;
  if (reader.is_open()) {
    revision.emplace();
    ReadSections(
        reader_of, [](const std::string&) { return std::nullopt; }, &*revision);
    revision = Finish(*std::move(revision)).revision;
  }
  const size_t before = errors->size();
  reader.MoveTo(errors);
  errors->erase(std::remove_if(errors->begin() + static_cast<std::ptrdiff_t>(before), errors->end(),
                               [](const ConfigError& error) { return error.is_warning(); }),
                errors->end());
  return revision;
}

Result<Revision> ParseCanonical(std::string_view text) {
  std::vector<ConfigError> errors;
  auto revision = ReadStored(text, &errors);
  if (revision && errors.empty()) return *std::move(revision);
  return Error{.reason = Reason::kInternal, .metadata = {{"detail", Render(errors)}}};
}

ConfigError StoredRevisionFails(int64_t number, std::string_view detail) {
  return OfFile(fmt::format("revision {}", number), messages::kStoredRevision, {}, detail);
}

}  // namespace rebound
