// Configuration files from anybody: the first byte chooses the section, the rest is its file beside
// good ones of the others. After an "i" the rest is an iCalendar that calendars.yaml imports.
//
// It is refused with mistakes that can be shown, or it loads: then its canonical text reads back as
// an equal revision, which does not differ from it. Anything else aborts.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/config.h"
#include "workflows/check.h"

namespace rebound {
namespace {

constexpr std::string_view kPrograms =
    "version: 1\nprograms: [{id: hotline, name: {en: H}, kind: internal, scale: nps}]\n";
constexpr std::string_view kPlaybooks = "version: 1\nplaybooks: [{id: all, name: {en: A}}]\n";
constexpr std::string_view kCalendars =
    "version: 1\ncalendars: [{id: office, name: {en: O}, time_zone: Asia/Shanghai, week: {mon: "
    "'09:00-18:00'}}]\n";
constexpr std::string_view kFiles[] = {"programs.yaml",  "playbooks.yaml", "lifecycle.yaml",
                                       "calendars.yaml", "clocks.yaml",    "priorities.yaml",
                                       "org_units.yaml", "roles.yaml",     "labels.yaml"};
constexpr size_t kCanonical = std::size(kFiles);  // the text as a stored revision
constexpr size_t kImported = kCanonical + 1;      // as an iCalendar
constexpr std::string_view kImporting =
    "version: 1\ncalendars: [{id: office, name: {en: O}, time_zone: Asia/Shanghai, week: {mon: "
    "'09:00-18:00'}, workdays: [{date: 2026-02-28, hours: '10:00-12:00'}], import: [a.ics, "
    "a.ics]}]\n";
constexpr size_t kLargest = size_t{1} << 16;

void ExpectSame(const Revision& a, const Revision& b) {
  CHECK(a.programs == b.programs);
  CHECK(a.lifecycle == b.lifecycle);
  CHECK(a.calendars == b.calendars);
  CHECK(a.clocks == b.clocks);
  CHECK(a.priorities == b.priorities);
  CHECK(a.org_units == b.org_units);
  CHECK(a.roles == b.roles);
  CHECK(a.labels == b.labels);
  CHECK(a.hash == b.hash);
  CHECK(CanonicalText(a) == CanonicalText(b));  // the playbooks are in it too
  CHECK(DiffRevisions(a, b).empty());
}

void ExpectRoundTrip(const Revision& revision) {
  auto read = ParseCanonical(CanonicalText(revision));
  CHECK(read);
  ExpectSame(revision, *read);
}

void Try(size_t choice, std::string text) {
  if (choice == kCanonical) {
    if (auto read = ParseCanonical(text)) ExpectRoundTrip(*read);
    return;
  }
  std::vector<ConfigFile> files;
  if (choice == kImported) {
    files = {{"calendars.yaml", std::string(kImporting)}, {"a.ics", std::move(text)}};
  } else {
    files = {{std::string(kFiles[choice]), std::move(text)}};
  }
  const auto beside = [&](std::string_view name, std::string_view good) {
    if (files[0].name != name) files.push_back({std::string(name), std::string(good)});
  };
  beside("programs.yaml", kPrograms);
  beside("playbooks.yaml", kPlaybooks);
  beside("calendars.yaml", kCalendars);
  std::vector<ConfigError> errors;
  const auto loaded = ParseConfig(files, &errors);
  CHECK(loaded.has_value() == errors.empty());
  for (const Language language : {Language::kEnglish, Language::kChinese}) {
    CHECK(loaded || !Render(errors, language).empty());
    if (loaded) Render(loaded->warnings, language);
  }
  if (loaded) ExpectRoundTrip(loaded->revision);
}

}  // namespace
}  // namespace rebound

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > rebound::kLargest) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t choice = input[0] == 'i'
                            ? rebound::kImported
                            : static_cast<unsigned char>(input[0]) % (rebound::kCanonical + 1);
  rebound::Try(choice, std::string(input.substr(1)));
  return 0;
}
