#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "server/config/conditions.h"
#include "server/config/messages.h"
#include "server/config/sections.h"
#include "workflows/blacklist_rules.h"
#include "workflows/field_catalogue.h"

namespace rebound {
namespace {

// The keys of kEffectsKeys that the kind has.
std::vector<std::string_view> EffectsOf(BlacklistKind kind) {
  switch (kind) {
    case BlacklistKind::kDoNotContact: return {"programs"};
    case BlacklistKind::kChannelLimit: return {"channels"};
    case BlacklistKind::kNoGoodwill:
    case BlacklistKind::kRepeatCompensation: return {"remedies", "queue"};
    case BlacklistKind::kStaffSafety: return {"queue"};
    case BlacklistKind::kUnset: break;
  }
  return {};
}

template <typename Item>
std::vector<std::string_view> IdsOf(const std::vector<Item>& items) {
  std::vector<std::string_view> ids;
  for (const Item& item : items) ids.push_back(item.id);
  return ids;
}

BlacklistKind ReadKind(ConfigReader& reader, const YamlNode& node) {
  const auto kind = reader.ReadWord(node, "kind", Need::kRequired, BlacklistKindWords());
  return kind ? static_cast<BlacklistKind>(*kind + 1) : BlacklistKind::kUnset;
}

// Notes those under `key` that are none of `known`.
template <typename Item>
void CheckIds(ConfigReader& reader, const YamlNode& node, std::string_view key,
              const std::vector<Item>* known, const Phrase& phrase) {
  if (known == nullptr) return;
  const std::vector<std::string_view> ids = IdsOf(*known);
  for (const YamlNode* item : reader.GetScalars(node, key, Need::kOptional)) {
    const bool listed = std::find(ids.begin(), ids.end(), item->text) != ids.end();
    if (listed || !IsKey(item->text)) continue;
    const std::string_view nearest = Nearest(item->text, ids);
    const Bilingual there =
        ids.empty() ? Fill(messages::kThereAreNone) : Fill(messages::kThereAre, {JoinWords(ids)});
    reader.Fault(At(*item), phrase, {Describe(*item)},
                 nearest.empty() ? there : DidYouMean(nearest));
  }
}

void CheckStatutory(ConfigReader& reader, const YamlNode& node,
                    const std::vector<RemedyType>* remedies) {
  if (remedies == nullptr) return;
  for (const YamlNode* item : reader.GetScalars(node, "remedies", Need::kOptional)) {
    const bool statutory = std::any_of(remedies->begin(), remedies->end(), [&](const auto& type) {
      return type.id == item->text && type.statutory;
    });
    if (!statutory) continue;
    reader.Fault(At(*item), messages::kLimitOfStatutory, {Describe(*item)},
                 Fill(messages::kNeverStatutory));
  }
}

// `kind` unset: it could not be read, and what goes with it is not checked.
void ReadEffects(ConfigReader& reader, const YamlNode& node, BlacklistKind kind,
                 const BlacklistReferenced& referenced, BlacklistEffects* effects) {
  const Entry entry = Find(node, "effects");
  if (!entry || !reader.CheckMap(*entry.value, messages::kTheEffects, keys::kEffectsKeys)) return;
  const YamlNode& map = *entry.value;
  const std::vector<std::string_view> own = EffectsOf(kind);
  for (const std::string_view key : NamesOf(keys::kEffectsKeys)) {
    const Entry each = Find(map, key);
    if (!each) continue;
    if (each.value->kind == YamlNode::Kind::kList && each.value->children.empty()) {
      reader.Fault(At(each), messages::kListTooShort, {key}, Fill(messages::kLeaveOut));
    }
    const bool of_kind = std::find(own.begin(), own.end(), key) != own.end();
    if (kind == BlacklistKind::kUnset || of_kind) continue;
    reader.Fault(At(*each.key), messages::kEffectOfOtherKind, {key, Name(kind)},
                 Fill(messages::kItsEffects, {JoinWords(own)}));
  }
  for (const size_t index : reader.ReadWords(map, "channels", keys::kChannels)) {
    effects->channels.push_back(static_cast<Channel>(index + 1));
  }
  ReadIds(reader, map, "remedies", &effects->remedy_types);
  CheckIds(reader, map, "remedies", referenced.remedies, messages::kUnknownRemedy);
  CheckStatutory(reader, map, referenced.remedies);
  ReadIds(reader, map, "programs", &effects->program_ids);
  CheckIds(reader, map, "programs", referenced.conditions.programs, messages::kUnknownProgram);
  reader.ReadId(map, "queue", Need::kOptional, &effects->queue_id);
  if (referenced.queues != nullptr && !referenced.queues->empty()) {
    CheckQueueOf(reader, map, "queue", *referenced.queues);
  }
}

// ---- Kinds and reasons --------------------------------------------------------------------------

BlacklistKindPolicy ReadKindPolicy(ConfigReader& reader, const YamlNode& node,
                                   const BlacklistReferenced& referenced) {
  BlacklistKindPolicy policy;
  policy.kind = ReadKind(reader, node);
  reader.Get(node, "max_duration", Need::kRequired);
  reader.ReadDuration(node, "max_duration", kShortest, &policy.max_duration);
  reader.ReadDuration(node, "review_interval", kShortest, &policy.review_interval);
  ReadEffects(reader, node, policy.kind, referenced, &policy.effects);
  reader.ReadStatusKey(node, "legal_basis", Need::kRequired, &policy.legal_basis);
  reader.ReadBool(node, "warn_first", &policy.warn_first);
  if (policy.warn_first) policy.warning_wait = kUsualWarningWait;
  const Entry wait = Find(node, "warning_wait");
  reader.ReadDuration(node, "warning_wait", kShortest, &policy.warning_wait);
  if (policy.warn_first && policy.kind == BlacklistKind::kStaffSafety) {
    reader.Fault(At(*Find(node, "warn_first").value), messages::kWarnOfSafety, {},
                 Fill(messages::kNobodyWaits));
  } else if (wait && !policy.warn_first) {
    reader.Fault(At(*wait.key), messages::kWaitWithoutWarning, {}, Fill(messages::kAddWarnFirst));
  }
  ReadRoleIds(reader, node, "propose_roles", referenced.roles, &policy.propose_roles);
  ReadRoleIds(reader, node, "decide_roles", referenced.roles, &policy.decide_roles);
  return policy;
}

void ReadKinds(ConfigReader& reader, const YamlNode& section, const BlacklistReferenced& referenced,
               std::vector<BlacklistKindPolicy>* kinds) {
  const YamlNode* list = reader.GetList(section, "kinds", Need::kRequired);
  if (list == nullptr) return;
  std::map<BlacklistKind, int> lines;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kARestriction, keys::kBlacklistKindKeys)) continue;
    BlacklistKindPolicy policy = ReadKindPolicy(reader, node, referenced);
    if (policy.kind != BlacklistKind::kUnset) {
      const YamlNode& place = *Find(node, "kind").value;
      const auto [first, is_new] = lines.emplace(policy.kind, place.line + 1);
      if (!is_new) {
        reader.Fault(At(place), messages::kKindTwice, {place.text},
                     Fill(messages::kFirstIdLine, {std::to_string(first->second)}));
      }
    }
    kinds->push_back(std::move(policy));
  }
}

void ReadChecklist(ConfigReader& reader, const YamlNode& node, BlacklistReason* reason) {
  const YamlNode* list = reader.GetList(node, "checklist", Need::kOptional, kMaxChecklist);
  if (list == nullptr) return;
  for (const YamlNode& each : list->children) {
    if (!reader.CheckMap(each, messages::kAChecklistItem, keys::kChecklistKeys)) continue;
    BlacklistChecklistItem item;
    reader.ReadText(each, "en", Need::kRequired, &item.text_en);
    reader.ReadText(each, "zh", Need::kRequired, &item.text_zh);
    reason->checklist.push_back(std::move(item));
  }
}

void ReadReasons(ConfigReader& reader, const YamlNode& section,
                 std::vector<BlacklistReason>* reasons) {
  const YamlNode* list = reader.GetList(section, "reasons", Need::kOptional, kMaxBlacklistReasons);
  if (list == nullptr) return;
  std::map<std::string, int> lines;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kABlacklistReason, keys::kBlacklistReasonKeys)) continue;
    BlacklistReason reason;
    reader.ReadStatusKey(node, "id", Need::kRequired, &reason.id);
    reader.ReadName(node, &reason.name_en, &reason.name_zh);
    for (const size_t index : reader.ReadWords(node, "kinds", BlacklistKindWords())) {
      reason.kinds.push_back(static_cast<BlacklistKind>(index + 1));
    }
    ReadChecklist(reader, node, &reason);
    reader.CheckUnique(node, "id", reason.id, &lines);
    reasons->push_back(std::move(reason));
  }
}

// ---- Rules --------------------------------------------------------------------------------------

void ReadSum(ConfigReader& reader, const YamlNode& node, BlacklistCount* count) {
  const size_t errors_before = reader.error_count();
  ReadCurrency(reader, node, Need::kOptional, &count->currency);
  const Entry amount = Find(node, "amount");
  if (!amount || count->currency.empty() || reader.error_count() > errors_before) return;
  const auto minor = ReadMinor(reader, node, count->currency);
  if (!minor) return;
  count->at_least = *minor;
  if (*minor == 0) {
    reader.Expected(amount, messages::kBoundsOfKey, Fill(messages::kAboveNothing),
                    Fill(messages::kExampleAmount, {MinorText(20'000, count->currency)}));
  }
}

BlacklistCount ReadCount(ConfigReader& reader, const YamlNode& node) {
  BlacklistCount count;
  const auto measure = reader.ReadWord(node, "measure", Need::kRequired, BlacklistMeasureWords());
  if (measure) count.measure = static_cast<BlacklistMeasure>(*measure + 1);
  reader.Get(node, "within", Need::kRequired);
  reader.ReadDuration(node, "within", kShortest, &count.within);
  reader.ReadInt(node, "at_least", Need::kOptional, 1, 1'000'000, &count.at_least);
  ReadSum(reader, node, &count);
  if (!measure) return count;
  const bool sums = count.measure == BlacklistMeasure::kRemedySum;
  for (const std::string_view key : {"at_least", "currency", "amount"}) {
    const Entry entry = Find(node, key);
    const bool wanted = sums == (key != "at_least");
    if (wanted && !entry) {
      reader.Fault(At(node), messages::kCountNeeds, {key, Name(count.measure)},
                   Fill(sums ? messages::kSayWhichSum : messages::kSayHowMany));
    } else if (!wanted && entry) {
      reader.Fault(At(*entry.key), messages::kCountTakesNo, {key, Name(count.measure)},
                   Fill(messages::kLeaveOut));
    }
  }
  return count;
}

BlacklistAlternative ReadAlternative(ConfigReader& reader, const YamlNode& node,
                                     const BlacklistReferenced& referenced,
                                     CoverageBudget* budget) {
  BlacklistAlternative alternative;
  if (ReadCondition(reader, node, referenced.conditions, &alternative.when)) {
    CheckCanHold(reader, node, alternative.when, budget);
  }
  const YamlNode* list = reader.GetList(node, "counts", Need::kOptional, kMaxCounts);
  if (list == nullptr) return alternative;
  for (const YamlNode& each : list->children) {
    if (!reader.CheckMap(each, messages::kACount, keys::kCountKeys)) continue;
    alternative.counts.push_back(ReadCount(reader, each));
  }
  return alternative;
}

void ReadExtent(ConfigReader& reader, const YamlNode& node, const BlacklistReferenced& referenced,
                BlacklistExtent* extent) {
  const Entry entry = Find(node, "extent");
  if (!entry || !reader.CheckMap(*entry.value, messages::kTheExtent, keys::kExtentKeys)) return;
  const Entry unit = Find(*entry.value, "org_unit");
  const Entry program = Find(*entry.value, "program");
  if (static_cast<bool>(unit) == static_cast<bool>(program)) {
    reader.Fault(At(*entry.key), unit ? messages::kExtentOfBoth : messages::kExtentOfNothing, {},
                 Fill(messages::kKeepOneExtent));
  }
  if (program) {
    extent->kind = BlacklistExtent::Kind::kProgram;
    reader.ReadId(*entry.value, "program", Need::kOptional, &extent->id);
    CheckIds(reader, *entry.value, "program", referenced.conditions.programs,
             messages::kUnknownProgram);
  }
  if (!unit) return;
  extent->kind = BlacklistExtent::Kind::kOrgUnit;
  ReadPath(reader, *entry.value, "org_unit", Need::kOptional, &extent->id);
  const std::vector<OrgUnit>* units = referenced.org_units;
  if (units == nullptr || units->empty() || extent->id.empty()) return;
  const std::vector<std::string_view> ids = IdsOf(*units);
  if (std::find(ids.begin(), ids.end(), extent->id) != ids.end()) return;
  const std::string_view nearest = Nearest(extent->id, ids);
  reader.Fault(At(*unit.value), messages::kUnknownUnit, {Describe(*unit.value)},
               nearest.empty() ? Fill(messages::kAddTo, {"org_units.yaml"}) : DidYouMean(nearest));
}

void ReadProposal(ConfigReader& reader, const YamlNode& rule_node, BlacklistKind kind,
                  const BlacklistReferenced& referenced, BlacklistProposal* proposal) {
  const Entry entry = reader.Get(rule_node, "proposal", Need::kRequired);
  if (!entry || !reader.CheckMap(*entry.value, messages::kAProposal, keys::kProposalKeys)) return;
  const YamlNode& node = *entry.value;
  reader.Get(node, "duration", Need::kRequired);
  reader.ReadDuration(node, "duration", kShortest, &proposal->duration);
  reader.ReadStatusKey(node, "reason", Need::kRequired, &proposal->reason_code);
  ReadEffects(reader, node, kind, referenced, &proposal->effects);
  ReadExtent(reader, node, referenced, &proposal->extent);
  reader.ReadStatusKey(node, "legal_basis", Need::kOptional, &proposal->legal_basis);
}

BlacklistRule ReadRule(ConfigReader& reader, const YamlNode& node,
                       const BlacklistReferenced& referenced, CoverageBudget* budget) {
  BlacklistRule rule;
  reader.ReadId(node, "id", Need::kRequired, &rule.id);
  reader.ReadName(node, &rule.name_en, &rule.name_zh);
  rule.kind = ReadKind(reader, node);
  const YamlNode* list = reader.GetList(node, "alternatives", Need::kRequired, kMaxAlternatives);
  if (list != nullptr) {
    for (const YamlNode& each : list->children) {
      if (!reader.CheckMap(each, messages::kAnAlternative, keys::kAlternativeKeys)) continue;
      rule.alternatives.push_back(ReadAlternative(reader, each, referenced, budget));
    }
    if (list->children.empty()) {
      reader.Fault(At(*list), messages::kListTooShort, {"alternatives"}, Fill(messages::kAddOne));
    }
  }
  ReadProposal(reader, node, rule.kind, referenced, &rule.proposal);
  reader.ReadDuration(node, "cool_down", Duration{0}, &rule.cool_down);
  return rule;
}

// The node of a field that CheckRule names, "alternatives[1].when"; the nearest above it that is
// there.
const YamlNode& NodeOf(const YamlNode& rule, std::string_view field) {
  const YamlNode* node = &rule;
  while (!field.empty()) {
    const size_t dot = std::min(field.find('.'), field.size());
    std::string_view part = field.substr(0, dot);
    field.remove_prefix(std::min(dot + 1, field.size()));
    const size_t bracket = part.find('[');
    size_t index = 0;
    if (bracket != part.npos) {
      std::from_chars(part.data() + bracket + 1, part.data() + part.size(), index);
      part = part.substr(0, bracket);
    }
    const Entry entry = Find(*node, part == "reason_code" ? "reason" : part);
    if (!entry) break;
    node = entry.value;
    if (bracket == part.npos && dot != part.size()) continue;
    if (node->kind == YamlNode::Kind::kList && index < node->children.size()) {
      node = &node->children[index];
    }
  }
  return *node;
}

void NoteViolation(ConfigReader& reader, const YamlNode& node, const BlacklistRule& rule,
                   const BlacklistPolicy& policy, const FieldViolation& violation) {
  const YamlNode& at = NodeOf(node, violation.field);
  const auto fault = [&](const Phrase& phrase, std::initializer_list<Bilingual> arguments,
                         Bilingual help) {
    reader.Fault(At(at), phrase, arguments, std::move(help));
  };
  if (violation.reason == Reason::kBlacklistRuleNoCondition) {
    fault(messages::kRuleOfEverybody, {}, Fill(messages::kItHoldsForAll));
  } else if (violation.reason == Reason::kBlacklistRuleScoresOnly) {
    fault(messages::kRuleOfScores, {}, Fill(messages::kAddCounts));
  } else if (violation.reason == Reason::kBlacklistRuleDuration) {
    const BlacklistKindPolicy* of_kind = policy.Find(rule.kind);
    if (of_kind == nullptr) return;  // which is told
    fault(messages::kRuleTooLong,
          {DurationText(of_kind->max_duration), Name(rule.kind),
           DurationText(rule.proposal.duration)},
          Fill(messages::kShorterOrMore));
  } else if (violation.reason == Reason::kEnumValueUnknown) {
    fault(messages::kKindNotOffered, {Describe(at)}, Fill(messages::kAddKind));
  } else if (violation.reason == Reason::kReasonUnknown) {
    std::vector<std::string_view> ids;
    for (const BlacklistReason& reason : policy.reasons) {
      const bool any = reason.kinds.empty();
      const auto& kinds = reason.kinds;
      if (any || std::find(kinds.begin(), kinds.end(), rule.kind) != kinds.end()) {
        ids.push_back(reason.id);
      }
    }
    const std::string_view nearest = Nearest(rule.proposal.reason_code, ids);
    const Bilingual there =
        ids.empty() ? Fill(messages::kThereAreNone) : Fill(messages::kThereAre, {JoinWords(ids)});
    fault(messages::kReasonNotOfKind, {Name(rule.kind), Describe(at)},
          nearest.empty() ? there : DidYouMean(nearest));
  } else {
    fault(messages::kRuleNotAllowed, {violation.field, Name(violation.reason)},
          Fill(messages::kRevise));
  }
}

// A restriction on channels needs some, one for safety a queue: of the rule, or of its kind.
void CheckEffects(ConfigReader& reader, const YamlNode& node, const BlacklistRule& rule,
                  const BlacklistPolicy& policy) {
  const BlacklistKindPolicy* of_kind = policy.Find(rule.kind);
  if (of_kind == nullptr) return;
  const BlacklistEffects& own = rule.proposal.effects;
  const BlacklistEffects& effects = own == BlacklistEffects{} ? of_kind->effects : own;
  const bool lacks = (rule.kind == BlacklistKind::kChannelLimit && effects.channels.empty()) ||
                     (rule.kind == BlacklistKind::kStaffSafety && effects.queue_id.empty());
  if (!lacks) return;
  reader.Fault(At(*Find(node, "proposal").key), messages::kEffectMissing,
               {EffectsOf(rule.kind).front(), Name(rule.kind)},
               Fill(messages::kSayWhatIsRestricted));
}

// `whole`: kinds and reasons could be read, and rules are held against them.
void ReadRules(ConfigReader& reader, const YamlNode& section, const BlacklistReferenced& referenced,
               bool whole, BlacklistPolicy* policy) {
  const YamlNode* list = reader.GetList(section, "rules", Need::kOptional, kMaxBlacklistRules);
  if (list == nullptr) return;
  std::map<std::string, int> lines;
  CoverageBudget budget;
  for (const YamlNode& node : list->children) {
    if (!reader.CheckMap(node, messages::kABlacklistRule, keys::kBlacklistRuleKeys)) continue;
    const size_t errors_before = reader.error_count();
    BlacklistRule rule = ReadRule(reader, node, referenced, &budget);
    const bool readable = reader.error_count() == errors_before;
    reader.CheckUnique(node, "id", rule.id, &lines);
    if (!readable) continue;
    for (const FieldViolation& violation : CheckRule(rule, *policy)) {
      const bool of_alternative = violation.field.starts_with("alternatives");
      if (whole || of_alternative) NoteViolation(reader, node, rule, *policy, violation);
    }
    if (whole) CheckEffects(reader, node, rule, *policy);
    policy->rules.push_back(std::move(rule));
  }
}

// ---- Notices ------------------------------------------------------------------------------------

void ReadNotices(ConfigReader& reader, const YamlNode& section, std::vector<Template>* notices) {
  const Entry entry = Find(section, "notices");
  if (!entry || !reader.CheckMap(*entry.value, messages::kTheNotices, keys::kNoticesKeys)) return;
  for (int i = 1; IsForCustomer(static_cast<BlacklistNotice>(i)); ++i) {
    const auto notice = static_cast<BlacklistNotice>(i);
    const Entry each = reader.Get(*entry.value, Name(notice), Need::kRequired);
    if (!each || !reader.CheckMap(*each.value, messages::kANotice, keys::kNoticeKeys)) continue;
    Template& texts = notices->emplace_back();
    texts.id = Name(notice);
    ReadTemplateTexts(reader, *each.value, VariablesOf(notice), &texts);
  }
}

// ---- Canonical text -----------------------------------------------------------------------------

std::vector<std::string> Names(const std::vector<BlacklistKind>& kinds) {
  std::vector<std::string> names;
  for (const BlacklistKind kind : kinds) names.emplace_back(Name(kind));
  return names;
}

void Append(std::string& text, std::string_view indent, std::string_view key,
            const std::string& value) {
  text += fmt::format("{}{}: {}\n", indent, key, value);
}

std::string EffectsText(const BlacklistEffects& effects, std::string_view indent) {
  if (effects == BlacklistEffects{}) return "";
  std::string text = fmt::format("{}effects:\n", indent);
  const std::string inner = std::string(indent) + "  ";
  std::vector<std::string> channels;
  for (const Channel channel : effects.channels) {
    channels.emplace_back(keys::kChannels[static_cast<size_t>(channel) - 1]);
  }
  if (!channels.empty()) Append(text, inner, "channels", CanonicalList(channels));
  if (!effects.remedy_types.empty()) {
    Append(text, inner, "remedies", QuotedList(effects.remedy_types));
  }
  if (!effects.program_ids.empty()) {
    Append(text, inner, "programs", QuotedList(effects.program_ids));
  }
  if (!effects.queue_id.empty()) Append(text, inner, "queue", YamlQuoted(effects.queue_id));
  return text;
}

std::string KindText(const BlacklistKindPolicy& policy) {
  constexpr std::string_view kIndent = "      ";
  std::string text = fmt::format("    - kind: {}\n", Name(policy.kind));
  Append(text, kIndent, "max_duration", DurationText(policy.max_duration));
  if (policy.review_interval > Duration{0}) {
    Append(text, kIndent, "review_interval", DurationText(policy.review_interval));
  }
  text += EffectsText(policy.effects, kIndent);
  Append(text, kIndent, "legal_basis", YamlQuoted(policy.legal_basis));
  Append(text, kIndent, "warn_first", policy.warn_first ? "true" : "false");
  if (policy.warn_first) Append(text, kIndent, "warning_wait", DurationText(policy.warning_wait));
  if (!policy.propose_roles.empty()) {
    Append(text, kIndent, "propose_roles", QuotedList(policy.propose_roles));
  }
  if (!policy.decide_roles.empty()) {
    Append(text, kIndent, "decide_roles", QuotedList(policy.decide_roles));
  }
  return text;
}

std::string ReasonText(const BlacklistReason& reason) {
  std::string text = fmt::format("    - id: {}\n      {}\n", YamlQuoted(reason.id),
                                 CanonicalName(reason.name_en, reason.name_zh));
  if (!reason.kinds.empty()) Append(text, "      ", "kinds", CanonicalList(Names(reason.kinds)));
  if (!reason.checklist.empty()) text += "      checklist:\n";
  for (const BlacklistChecklistItem& item : reason.checklist) {
    text += fmt::format("        - {{en: {}, zh: {}}}\n", YamlQuoted(item.text_en),
                        YamlQuoted(item.text_zh));
  }
  return text;
}

std::string CountText(const BlacklistCount& count) {
  const bool sums = count.measure == BlacklistMeasure::kRemedySum;
  const std::string much = sums ? fmt::format("currency: {}, amount: \"{}\"", count.currency,
                                              MinorText(count.at_least, count.currency))
                                : fmt::format("at_least: {}", count.at_least);
  return fmt::format("            - {{measure: {}, within: {}, {}}}\n", Name(count.measure),
                     DurationText(count.within), much);
}

std::string AlternativeText(const BlacklistAlternative& alternative) {
  std::string text;
  if (const std::string when = Canonical(alternative.when); !when.empty()) {
    text += fmt::format("          when: {}\n", YamlQuoted(when));
  }
  if (!alternative.counts.empty()) text += "          counts:\n";
  for (const BlacklistCount& count : alternative.counts) text += CountText(count);
  // The first key stands behind the dash.
  if (!text.empty()) text.replace(0, 10, "        - ");
  return text.empty() ? "        - {}\n" : text;
}

std::string RuleText(const BlacklistRule& rule) {
  constexpr std::string_view kInner = "        ";
  std::string text =
      fmt::format("    - id: {}\n      {}\n      kind: {}\n      alternatives:\n",
                  YamlQuoted(rule.id), CanonicalName(rule.name_en, rule.name_zh), Name(rule.kind));
  for (const BlacklistAlternative& each : rule.alternatives) text += AlternativeText(each);
  const BlacklistProposal& proposal = rule.proposal;
  text += "      proposal:\n";
  Append(text, kInner, "duration", DurationText(proposal.duration));
  Append(text, kInner, "reason", YamlQuoted(proposal.reason_code));
  text += EffectsText(proposal.effects, kInner);
  if (proposal.extent.kind != BlacklistExtent::Kind::kCompany) {
    const bool unit = proposal.extent.kind == BlacklistExtent::Kind::kOrgUnit;
    Append(
        text, kInner, "extent",
        fmt::format("{{{}: {}}}", unit ? "org_unit" : "program", YamlQuoted(proposal.extent.id)));
  }
  if (!proposal.legal_basis.empty()) {
    Append(text, kInner, "legal_basis", YamlQuoted(proposal.legal_basis));
  }
  Append(text, "      ", "cool_down", DurationText(rule.cool_down));
  return text;
}

}  // namespace

void ReadBlacklist(ConfigReader& reader, const BlacklistReferenced& referenced,
                   BlacklistPolicy* policy) {
  const Entry section = reader.Get(reader.root(), "blacklist", Need::kRequired);
  if (!section || !reader.CheckMap(*section.value, messages::kTheBlacklist, keys::kBlacklistKeys)) {
    return;
  }
  const YamlNode& node = *section.value;
  reader.ReadDuration(node, "appeal_window", kShortest, &policy->appeal_window);
  reader.ReadDuration(node, "appeal_decision", kShortest, &policy->appeal_decision);
  const size_t errors_before = reader.error_count();
  ReadKinds(reader, node, referenced, &policy->kinds);
  ReadReasons(reader, node, &policy->reasons);
  const bool whole = reader.error_count() == errors_before;
  ReadRules(reader, node, referenced, whole, policy);
  ReadNotices(reader, node, &policy->notices);
}

void WriteBlacklist(const BlacklistPolicy& policy, std::vector<CanonicalItem>* items) {
  items->push_back({"blacklist", "", "blacklist:\n"});
  const auto term = [&](std::string_view key, Duration duration) {
    items->push_back(
        {"blacklist", std::string(key), fmt::format("  {}: {}\n", key, DurationText(duration))});
  };
  term("appeal_window", policy.appeal_window);
  term("appeal_decision", policy.appeal_decision);
  items->push_back({"blacklist.kinds", "", policy.kinds.empty() ? "  kinds: []\n" : "  kinds:\n"});
  for (const BlacklistKindPolicy& kind : policy.kinds) {
    items->push_back({"blacklist.kinds", std::string(Name(kind.kind)), KindText(kind)});
  }
  if (!policy.reasons.empty()) items->push_back({"blacklist.reasons", "", "  reasons:\n"});
  for (const BlacklistReason& reason : policy.reasons) {
    items->push_back({"blacklist.reasons", reason.id, ReasonText(reason)});
  }
  if (!policy.rules.empty()) items->push_back({"blacklist.rules", "", "  rules:\n"});
  for (const BlacklistRule& rule : policy.rules) {
    items->push_back({"blacklist.rules", rule.id, RuleText(rule)});
  }
  if (!policy.notices.empty()) items->push_back({"blacklist.notices", "", "  notices:\n"});
  for (const Template& notice : policy.notices) {
    items->push_back({"blacklist.notices", notice.id,
                      fmt::format("    {}:\n", notice.id) + WriteTemplateTexts(notice, "      ")});
  }
}

}  // namespace rebound
