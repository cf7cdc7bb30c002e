#include <fmt/format.h>
#include <unicode/ucurr.h>

#include <array>
#include <utility>

#include "server/config/messages.h"
#include "server/config/sections.h"
#include "workflows/field_catalogue.h"

namespace rebound {
namespace {

bool IsKnownCurrency(std::string_view code) {
  if (code.size() != 3) return false;
  std::array<UChar, 4> letters{};
  for (size_t i = 0; i < 3; ++i) {
    if (code[i] < 'A' || code[i] > 'Z') return false;
    letters[i] = static_cast<UChar>(code[i]);
  }
  return ucurr_getNumericCode(letters.data()) > 0;
}

// Every score falls in exactly one category, and detractors and promoters can occur.
void CheckScale(ConfigReader& reader, const YamlNode& node, const Scale& s) {
  const bool ordered = s.lower_is_better
                           ? s.min <= s.promoter_limit && s.promoter_limit < s.detractor_limit &&
                                 s.detractor_limit <= s.max
                           : s.min <= s.detractor_limit && s.detractor_limit < s.promoter_limit &&
                                 s.promoter_limit <= s.max;
  if (ordered) return;
  reader.Fault(At(node),
               s.lower_is_better ? messages::kLowIsBetterLimits : messages::kHighIsBetterLimits,
               {std::to_string(s.min), std::to_string(s.max), std::to_string(s.detractor_limit),
                std::to_string(s.promoter_limit)},
               Fill(s.lower_is_better ? messages::kLowMeaning : messages::kHighMeaning));
}

void ReadScale(ConfigReader& reader, const YamlNode& program, Scale* out) {
  const Entry entry = reader.Get(program, "scale", Need::kRequired);
  if (!entry) return;
  if (entry.value->kind == YamlNode::Kind::kScalar) {
    if (const auto kind = reader.MatchWord(entry, keys::kScaleKinds)) {
      *out = DefaultScale(static_cast<ScaleKind>(*kind));
    }
    return;
  }
  const YamlNode& node = *entry.value;
  if (node.kind != YamlNode::Kind::kMap) {
    reader.Expected(entry, messages::kTypeOfKey, Fill(messages::kAScaleOrWord),
                    Fill(messages::kKeysOfScale, {JoinWords(NamesOf(keys::kScaleKeys))}));
    return;
  }
  const size_t errors_before = reader.error_count();
  reader.CheckMap(node, messages::kAScale, keys::kScaleKeys);
  const auto kind = reader.ReadWord(node, "kind", Need::kRequired, keys::kScaleKinds);
  if (!kind) return;
  Scale s = DefaultScale(static_cast<ScaleKind>(*kind));
  reader.ReadBool(node, "lower_is_better", &s.lower_is_better);
  if (s.lower_is_better) {  // the shipped limits, seen from the other end
    s.detractor_limit = s.min + s.max - s.detractor_limit;
    s.promoter_limit = s.min + s.max - s.promoter_limit;
  }
  constexpr int64_t kWidest = keys::kWidestScore;
  bool other_range = reader.ReadInt(node, "min", Need::kOptional, -kWidest, kWidest, &s.min);
  other_range |= reader.ReadInt(node, "max", Need::kOptional, -kWidest, kWidest, &s.max);
  // The shipped limits mean nothing on another range.
  const Need need = other_range ? Need::kRequired : Need::kOptional;
  reader.ReadInt(node, "detractor_limit", need, -kWidest, kWidest, &s.detractor_limit);
  reader.ReadInt(node, "promoter_limit", need, -kWidest, kWidest, &s.promoter_limit);
  if (reader.error_count() == errors_before) CheckScale(reader, node, s);
  *out = s;
}

// Parts per million of "5 %" or "0.25 %"; nullopt: it is no such share.
std::optional<int32_t> ParseShare(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  const size_t point = std::min(text.find('.'), text.size());
  const std::string_view decimals = point == text.size() ? "" : text.substr(point + 1);
  if (point == 0 || point > 2 || decimals.size() > 4 || text.ends_with('.')) return std::nullopt;
  std::string digits(text.substr(0, point));
  digits += decimals;
  digits.append(4 - decimals.size(), '0');
  int32_t ppm = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    ppm = ppm * 10 + (c - '0');
  }
  if (ppm == 0 || ppm > keys::kWidestShare) return std::nullopt;
  return ppm;
}

std::string ShareText(int32_t ppm) {
  std::string decimals = fmt::format("{:04}", ppm % 10'000);
  while (decimals.ends_with('0')) decimals.pop_back();
  return fmt::format("{}{}{} %", ppm / 10'000, decimals.empty() ? "" : ".", decimals);
}

void ReadHoldOut(ConfigReader& reader, const YamlNode& program, HoldOut* out) {
  const Entry entry = reader.Get(program, "hold_out", Need::kOptional);
  if (!entry || !reader.CheckMap(*entry.value, messages::kAHoldOut, keys::kHoldOutKeys)) return;
  const YamlNode& node = *entry.value;
  const size_t errors_before = reader.error_count();
  reader.ReadId(node, "experiment", Need::kRequired, &out->experiment);
  const Bilingual what = Fill(messages::kAShare);
  if (const Entry share = reader.GetScalar(node, "share", Need::kRequired, what)) {
    if (const auto ppm = ParseShare(share.value->text)) {
      out->share_ppm = *ppm;
    } else {
      reader.Expected(share, messages::kValueOfKey, what, Fill(messages::kExampleShare));
    }
  }
  if (const auto arm = reader.ReadWord(node, "arm", Need::kOptional, keys::kHeldArms)) {
    out->delayed_start = *arm == 1;
  }
  reader.ReadDuration(node, "delay", kShortest, &out->delay);
  reader.ReadDuration(node, "ask_after", kShortest, &out->ask_after);
  if (reader.error_count() != errors_before) return;
  if (const Entry delay = Find(node, "delay"); delay && !out->delayed_start) {
    reader.Fault(At(*delay.key), messages::kDelayOfHeldOut, {}, Fill(messages::kLeaveOut));
  } else if (out->delayed_start && out->ask_after < out->delay) {
    const Entry ask = Find(node, "ask_after");
    reader.Fault(ask ? At(ask) : At(node), messages::kAskedBeforeBegun,
                 {DurationText(out->delay), DurationText(out->ask_after)},
                 Fill(messages::kLongerAskAfter));
  }
}

Program ReadProgram(ConfigReader& reader, const YamlNode& node) {
  Program p;
  reader.ReadId(node, "id", Need::kRequired, &p.id);
  reader.ReadName(node, &p.display_name, &p.display_name_zh);
  if (const auto kind = reader.ReadWord(node, "kind", Need::kRequired, keys::kProgramKinds)) {
    p.kind = static_cast<ProgramKind>(*kind);
  }
  ReadScale(reader, node, &p.scale);
  reader.ReadBool(node, "allow_anonymous", &p.allow_anonymous);
  reader.ReadBool(node, "anonymous_opens_case", &p.anonymous_opens_case);
  if (p.anonymous_opens_case && !p.allow_anonymous) {
    reader.Fault(At(*Find(node, "anonymous_opens_case").key), messages::kAnonymousFalse, {},
                 Fill(messages::kAllowAnonymous));
  }
  reader.ReadDuration(node, "recovery_window", kShortest, true, &p.recovery_window);
  reader.ReadDuration(node, "reopen_window", Duration{0}, &p.reopen_window);
  reader.ReadDuration(node, "resurvey_delay", Duration{0}, &p.resurvey_delay);
  reader.ReadDuration(node, "resurvey_validity", kShortest, &p.resurvey_validity);
  reader.ReadDuration(node, "resurvey_catch_up", Duration{0}, &p.resurvey_catch_up);
  reader.ReadDuration(node, "first_contact_limit", Duration{0}, &p.first_contact_limit);
  reader.ReadInt(node, "max_reopen_count", Need::kOptional, 0, 100, &p.max_reopen_count);
  ReadCurrency(reader, node, Need::kOptional, &p.currency);
  reader.ReadZone(node, "time_zone", Need::kOptional, &p.time_zone);
  reader.ReadId(node, "queue", Need::kOptional, &p.default_queue);
  ReadHoldOut(reader, node, &p.hold_out);
  return p;
}

}  // namespace

void ReadCurrency(ConfigReader& reader, const YamlNode& node, Need need, std::string* out) {
  const Bilingual what = Fill(messages::kACurrency);
  const Entry entry = reader.GetScalar(node, "currency", need, what);
  if (!entry) return;
  if (IsKnownCurrency(entry.value->text)) {
    *out = entry.value->text;
    return;
  }
  std::string capital = entry.value->text;
  for (char& c : capital) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  if (capital == "RMB") capital = "CNY";  // what everybody calls it
  reader.Expected(
      entry, messages::kValueOfKey, what,
      IsKnownCurrency(capital) ? DidYouMean(capital) : Fill(messages::kExampleCurrencies));
}

void ReadPrograms(ConfigReader& reader, std::vector<Program>* programs) {
  const YamlNode* list = reader.GetList(reader.root(), "programs", Need::kRequired, kMaxPrograms);
  if (list == nullptr) return;
  if (list->children.empty()) {
    reader.Fault(At(*list), messages::kAtLeastOneProgram, {}, Fill(messages::kAddProgram));
  }
  std::map<std::string, int> lines;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kAProgram, keys::kProgramKeys)) continue;
    Program program = ReadProgram(reader, node);
    reader.CheckUnique(node, "id", program.id, &lines);
    programs->push_back(std::move(program));
  }
}

void WritePrograms(const std::vector<Program>& programs, std::vector<CanonicalItem>* items) {
  items->push_back({"programs", "", "programs:\n"});
  for (const Program& p : programs) {
    const Scale& s = p.scale;
    std::string text = fmt::format("  - id: {}\n", YamlQuoted(p.id));
    text += fmt::format("    {}\n", CanonicalName(p.display_name, p.display_name_zh));
    text += fmt::format("    kind: {}\n", keys::kProgramKinds[static_cast<size_t>(p.kind)]);
    text += fmt::format(
        "    scale: {{kind: {}, min: {}, max: {}, detractor_limit: {}, promoter_limit: {}, "
        "lower_is_better: {}}}\n",
        keys::kScaleKinds[static_cast<size_t>(s.kind)], s.min, s.max, s.detractor_limit,
        s.promoter_limit, s.lower_is_better);
    text += fmt::format("    allow_anonymous: {}\n", p.allow_anonymous);
    text += fmt::format("    anonymous_opens_case: {}\n", p.anonymous_opens_case);
    text += fmt::format("    recovery_window: {}\n",
                        p.recovery_window ? DurationText(*p.recovery_window) : "unlimited");
    text += fmt::format("    reopen_window: {}\n", DurationText(p.reopen_window));
    text += fmt::format("    resurvey_delay: {}\n", DurationText(p.resurvey_delay));
    text += fmt::format("    resurvey_validity: {}\n", DurationText(p.resurvey_validity));
    text += fmt::format("    resurvey_catch_up: {}\n", DurationText(p.resurvey_catch_up));
    text += fmt::format("    first_contact_limit: {}\n", DurationText(p.first_contact_limit));
    text += fmt::format("    max_reopen_count: {}\n", p.max_reopen_count);
    text += fmt::format("    currency: {}\n", YamlQuoted(p.currency));
    text += fmt::format("    time_zone: {}\n", YamlQuoted(p.time_zone));
    text += fmt::format("    queue: {}\n", YamlQuoted(p.default_queue));
    if (const HoldOut& h = p.hold_out; !h.experiment.empty()) {
      text += fmt::format("    hold_out: {{experiment: {}, share: {}, arm: {}, ",
                          YamlQuoted(h.experiment), ShareText(h.share_ppm),
                          keys::kHeldArms[h.delayed_start ? 1 : 0]);
      if (h.delayed_start) text += fmt::format("delay: {}, ", DurationText(h.delay));
      text += fmt::format("ask_after: {}}}\n", DurationText(h.ask_after));
    }
    items->push_back({"programs", p.id, std::move(text)});
  }
}

}  // namespace rebound
