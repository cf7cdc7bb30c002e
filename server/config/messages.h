// Every text of a configuration mistake, in both languages: what was expected, then what is there;
// then the ways out. {0} ... are the parameters, in the order of the arguments of Fill.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "server/config/diagnostics.h"

namespace rebound::messages {

// ---- Files and YAML -----------------------------------------------------------------------------

inline constexpr Phrase kFileMissing{"C001",
                                     "expected this file in the configuration folder, found none",
                                     "配置目录中应有此文件，但没有找到"};
inline constexpr Phrase kFileUnknown{"C001", "expected a file of the configuration, found \"{0}\"",
                                     "应为配置目录中的文件，实际是 \"{0}\""};
inline constexpr Phrase kFileTwice{"C001", "expected the file once, found it again",
                                   "此文件只应出现一次，却出现了两次"};
inline constexpr Phrase kNotAFile{"C001", "expected a file, found something else",
                                  "应为普通文件，实际不是"};
inline constexpr Phrase kUnreadable{"C001", "expected a file that can be read, but it cannot",
                                    "文件应可读取，但读不出来"};
inline constexpr Phrase kFileTooLarge{"C001", "expected at most {0} bytes, found more",
                                      "文件最多 {0} 字节，实际超出"};
inline constexpr Phrase kStoredRevision{
    "C001",
    "expected to fall back on the last stored revision, but it does not pass today's checks",
    "本应退回最近保存的版本，但它通不过现在的检查"};
inline constexpr Phrase kTooManyFiles{"C001", "expected at most {0} files, found {1}",
                                      "最多 {0} 个文件，实际有 {1} 个"};
inline constexpr Phrase kNul{"C001", "expected text, found a NUL", "应为文本，却有一个 NUL 字符"};
inline constexpr Phrase kNotUtf8{"C001", "expected UTF-8, found a malformed byte",
                                 "应为 UTF-8 编码，却有一个无效字节"};
inline constexpr Phrase kNotYaml{"C002", "expected YAML: {0}", "应为 YAML：{0}"};
inline constexpr Phrase kOpenQuote{"C002", "expected a closing {0}, found none",
                                   "应有收尾的 {0}，但没有找到"};
inline constexpr Phrase kSecondDocument{"C003", "expected one document in the file, found a second",
                                        "一个文件只应有一份文档，却出现了第二份"};
inline constexpr Phrase kAnchorOrAlias{"C003", "expected a value, found an anchor or alias",
                                       "应为一个值，却是锚点或别名"};
inline constexpr Phrase kAlias{"C003", "expected a value, found an alias", "应为一个值，却是别名"};
inline constexpr Phrase kTag{"C003", "expected a value, found a tag", "应为一个值，却是标签"};
inline constexpr Phrase kTooDeep{
    "C003", "expected at most {0} lists and mappings within each other, found more",
    "列表与映射最多嵌套 {0} 层，实际超出"};

inline constexpr Phrase kCopyShipped{"copy the shipped one from config/",
                                     "从随附的 config/ 复制一份"};
inline constexpr Phrase kKnownFiles{"the files are {0}", "可用的文件有 {0}"};
inline constexpr Phrase kCheckPermissions{"check its permissions", "检查文件权限"};
inline constexpr Phrase kSplitFile{"shorten it; comments count too", "精简内容；注释也计入大小"};
inline constexpr Phrase kReplaceByFile{"put a file in its place", "换成普通文件"};
inline constexpr Phrase kSubmitOnce{"keep one of them", "只保留一份"};
inline constexpr Phrase kRemoveIt{"remove it", "删除它"};
inline constexpr Phrase kSaveAsUtf8{"save the file as UTF-8", "把文件另存为 UTF-8"};
inline constexpr Phrase kRemoveDashes{"remove the line \"---\"", "删除 \"---\" 这一行"};
inline constexpr Phrase kWriteItOut{"write the value out in each place", "在每一处把值完整写出"};
inline constexpr Phrase kLeaveTagOut{"leave the tag out: each field knows its type",
                                     "去掉标签：每个字段的类型是固定的"};
inline constexpr Phrase kFlatten{"nothing in this configuration needs as many levels",
                                 "本配置不需要这么多层，请展平"};
inline constexpr Phrase kQuoteStar{"put a text that begins with * in quotes",
                                   "以 * 开头的文本要加引号"};
inline constexpr Phrase kCloseQuotes{"close the quotes", "补上引号"};
inline constexpr Phrase kNoTabs{"indent with spaces, not with tabs", "用空格缩进，不要用制表符"};
inline constexpr Phrase kCheckIndentation{
    "check the indentation here and above; put a text with \": \" or \" #\" or brackets in quotes",
    "检查此处及上方的缩进；含有 \": \"、\" #\" 或括号的文本要加引号"};

// yaml-cpp's own words; one that is not here stays English.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kParserMessages = {{
    {"end of map not found", "映射没有结束"},
    {"end of map flow not found", "缺少收尾的 }"},
    {"end of sequence not found", "列表没有结束"},
    {"end of sequence flow not found", "缺少收尾的 ]"},
    {"unknown token", "无法识别的字符"},
    {"illegal document indicator in scalar", "文本中不能有文档分隔符"},
    {"illegal EOF in scalar", "文本没有写完"},
    {"illegal character in scalar", "文本中有不允许的字符"},
    {"illegal tab when looking for indentation", "缩进中有制表符"},
    {"illegal flow end", "多余的收尾括号"},
    {"illegal block entry", "这里不能开始列表项"},
    {"illegal map key", "这里不能写键"},
    {"illegal map value", "这里不能写值"},
    {"bad character found while scanning hex number", "十六进制数中有错误字符"},
}};

// ---- Types and keys -----------------------------------------------------------------------------

inline constexpr Phrase kNothing{"nothing", "空值"};
inline constexpr Phrase kAListFound{"a list", "列表"};
inline constexpr Phrase kAMappingFound{"a mapping", "映射"};

inline constexpr Phrase kTypeOfKey{"C004", "expected {0} for {1}, found {2}",
                                   "{1} 应为{0}，实际是{2}"};
inline constexpr Phrase kWordOfKey{"C008", "expected {0} for {1}, found {2}",
                                   "{1} 应为{0}，实际是{2}"};
inline constexpr Phrase kValueOfKey{"C009", "expected {0} for {1}, found {2}",
                                    "{1} 应为{0}，实际是{2}"};
inline constexpr Phrase kBoundsOfKey{"C010", "expected {0} for {1}, found {2}",
                                     "{1} 应为{0}，实际是{2}"};
inline constexpr Phrase kVersionOfKey{"C015", "expected {0} for {1}, found {2}",
                                      "{1} 应为{0}，实际是{2}"};

inline constexpr Phrase kNotAMapping{"C004", "expected {0} to be a mapping, found {1}",
                                     "{0}应为映射，实际是{1}"};
inline constexpr Phrase kKeyNotAWord{"C004", "expected a key of {0}, found {1}",
                                     "应为{0}的键，实际是{1}"};
inline constexpr Phrase kUnknownKey{"C005", "expected a key of {0}, found {1}",
                                    "应为{0}的键，实际是{1}"};
inline constexpr Phrase kKeyTwice{"C006", "expected {0} once, found it again",
                                  "{0} 只应出现一次，却又出现了"};
inline constexpr Phrase kKeyMissing{"C007", "expected the key \"{0}\" here, found none",
                                    "这里应有键 \"{0}\"，但没有找到"};
inline constexpr Phrase kIdTwice{"C011", "expected an id of its own, found \"{0}\" again",
                                 "标识不应重复，却又出现了 \"{0}\""};
inline constexpr Phrase kListTooShort{"C010", "expected at least one entry for {0}, found none",
                                      "{0} 至少要有一项，实际没有"};
inline constexpr Phrase kListTooLong{"C010", "expected at most {0} entries for {1}, found {2}",
                                     "{1} 最多 {0} 项，实际有 {2} 项"};
inline constexpr Phrase kFewerEntries{"leave some out, or join those that differ little",
                                      "去掉一些，或合并相近的"};
inline constexpr Phrase kWordTwice{"C006", "expected each entry once, found {0} again",
                                   "每一项只应出现一次，{0} 却重复了"};
inline constexpr Phrase kAddOne{"add one", "请至少写一项"};
inline constexpr Phrase kKeepOneOfThem{"leave the second out", "去掉重复的一项"};

inline constexpr Phrase kItsKeys{"its keys: {0}", "可用的键：{0}"};
inline constexpr Phrase kDidYouMean{"did you mean \"{0}\"?", "是否想写 \"{0}\"？"};
inline constexpr Phrase kWithoutQuotes{"did you mean {0}, without quotes?",
                                       "是否想写不带引号的 {0}？"};
inline constexpr Phrase kFirstKeyLine{"keep one; the first is in line {0}",
                                      "保留一处；第一处在第 {0} 行"};
inline constexpr Phrase kFirstIdLine{"the first is in line {0}", "第一处在第 {0} 行"};
inline constexpr Phrase kBeginItems{"begin each item with \"- \"; an empty list is []",
                                    "每一项以 \"- \" 开头；空列表写作 []"};
inline constexpr Phrase kRemoveQuotes{"remove the quotes", "去掉引号"};
inline constexpr Phrase kForExample{"for example {0}", "例如 {0}"};
inline constexpr Phrase kShorten{"shorten it", "请缩短"};
inline constexpr Phrase kAddKey{"write {0}: and a value", "补上 {0}: 和它的值"};

// What stands where.
inline constexpr Phrase kTheFile{"the file", "文件"};
inline constexpr Phrase kAProgram{"a program", "调研项目"};
inline constexpr Phrase kAScale{"a scale", "评分制"};
inline constexpr Phrase kAName{"a name", "名称"};
inline constexpr Phrase kAPlaybook{"a playbook", "补救方案"};
inline constexpr Phrase kALifecycle{"a lifecycle", "生命周期"};
inline constexpr Phrase kAStatus{"a status", "状态"};
inline constexpr Phrase kATransition{"a transition", "流转"};
inline constexpr Phrase kACalendar{"a calendar", "日历"};
inline constexpr Phrase kAWeek{"a week", "一周"};
inline constexpr Phrase kAHoliday{"a holiday", "节假日"};
inline constexpr Phrase kAWorkday{"a make-up workday", "调休工作日"};
inline constexpr Phrase kAClock{"a clock", "时限"};
inline constexpr Phrase kATier{"a tier", "分级"};
inline constexpr Phrase kAPriority{"a priority", "优先级"};
inline constexpr Phrase kAnAlert{"an alert", "告警"};
inline constexpr Phrase kAHoldOut{"a hold-out", "对照组"};
inline constexpr Phrase kAnOrgUnit{"an org unit", "组织单元"};
inline constexpr Phrase kARole{"a role", "角色"};
inline constexpr Phrase kLabelsSection{"the labels", "标签"};
inline constexpr Phrase kALabel{"a label", "标签"};
inline constexpr Phrase kTheRemedies{"the remedies", "补救措施"};
inline constexpr Phrase kARemedyType{"a remedy", "补救措施"};
inline constexpr Phrase kARemedyLimit{"a limit", "限额"};
inline constexpr Phrase kAStep{"a step", "步骤"};
inline constexpr Phrase kATemplate{"a template", "模板"};
inline constexpr Phrase kTheContactRules{"the contact rules", "联系规则"};
inline constexpr Phrase kTheQuietHours{"the quiet hours", "免打扰时段"};
inline constexpr Phrase kATimeBand{"a time band", "时段"};
inline constexpr Phrase kAnUnreachableRule{"the rule of the unreachable", "联系不上规则"};
inline constexpr Phrase kAQueue{"a queue", "工单池"};
inline constexpr Phrase kAStaffMember{"a member of staff", "员工"};
inline constexpr Phrase kAnAbsence{"an absence", "离岗"};
inline constexpr Phrase kTheBlacklist{"the blacklist", "黑名单"};
inline constexpr Phrase kARestriction{"a kind of restriction", "限制类型"};
inline constexpr Phrase kTheEffects{"the effects", "限制内容"};
inline constexpr Phrase kABlacklistReason{"a reason", "原因"};
inline constexpr Phrase kAChecklistItem{"an item of a checklist", "清单项"};
inline constexpr Phrase kABlacklistRule{"a rule", "规则"};
inline constexpr Phrase kAnAlternative{"an alternative", "备选条件"};
inline constexpr Phrase kACount{"a count", "计数"};
inline constexpr Phrase kAProposal{"a proposal", "提议"};
inline constexpr Phrase kTheExtent{"the extent", "适用范围"};
inline constexpr Phrase kTheNotices{"the notices", "告知文本"};
inline constexpr Phrase kANotice{"a notice", "告知文本"};
inline constexpr Phrase kATest{"a test", "测试"};
inline constexpr Phrase kExpectOfTest{"what is expected", "expect"};
inline constexpr Phrase kAConditionGroup{"a condition", "条件"};

// Values.
inline constexpr Phrase kKeyCharacters{"1 to 64 characters of a-z, 0-9 and -",
                                       "1 到 64 个字符，只用 a-z、0-9 和 -"};
inline constexpr Phrase kStatusCharacters{"1 to 64 characters of a-z, 0-9 and _",
                                          "1 到 64 个字符，只用 a-z、0-9 和 _"};
inline constexpr Phrase kAPath{"a path of at most 200 characters such as \"gd/shenzhen/nanshan\"",
                               "路径，最多 200 个字符，例如 \"gd/shenzhen/nanshan\""};
inline constexpr Phrase kPathParts{"join its parts by /, none of them empty, without blanks",
                                   "各段以 / 连接，不能为空，不含空格"};
inline constexpr Phrase kInBrackets{"write a list: [a, b]", "写成列表：[a, b]"};
inline constexpr Phrase kLeaveManagerOut{"leave manager out: the unit above decides",
                                         "去掉 manager：由上级单元负责"};
inline constexpr Phrase kAPrincipal{"the name a manager signs in with, at most 200 characters",
                                    "负责人的登录名，最多 200 个字符"};
inline constexpr Phrase kAStaffPrincipal{"the name somebody signs in with, at most 200 characters",
                                         "某人的登录名，最多 200 个字符"};
inline constexpr Phrase kAText{"a text", "文本"};
inline constexpr Phrase kTextNotEmpty{"a text that is not empty", "非空文本"};
inline constexpr Phrase kAtMostCharacters{"at most {0} characters", "最多 {0} 个字符"};
inline constexpr Phrase kOneLine{"a text without line breaks and control characters",
                                 "不含换行和控制字符的文本"};
inline constexpr Phrase kTwoLanguages{"a mapping with the languages en and zh",
                                      "含 en 和 zh 两种语言的映射"};
inline constexpr Phrase kTrueOrFalse{"true or false", "true 或 false"};
inline constexpr Phrase kIntegerWithin{"an integer from {0} to {1}", "{0} 到 {1} 的整数"};
inline constexpr Phrase kADuration{"a duration such as \"90 days\"", "时长，例如 \"90 days\""};
inline constexpr Phrase kADurationOrUnlimited{"a duration such as \"90 days\", or \"unlimited\"",
                                              "时长，例如 \"90 days\"，或 \"unlimited\""};
inline constexpr Phrase kDaysWithin{"{0} to {1} days", "{0}到{1}天"};
inline constexpr Phrase kOneMinute{"1 minute", "1 分钟"};
inline constexpr Phrase kACurrency{"a currency code of ISO 4217", "ISO 4217 货币代码"};
inline constexpr Phrase kAZone{"an IANA time zone", "IANA 时区"};
inline constexpr Phrase kAScaleOrWord{"nps, csat, ces or a mapping", "nps、csat、ces 或映射"};
inline constexpr Phrase kAList{"a list", "列表"};
inline constexpr Phrase kAMapping{"a mapping", "映射"};
inline constexpr Phrase kAWordOrList{"a word or a list of words", "一个词或一列词"};
inline constexpr Phrase kCondition{"a condition", "条件"};
inline constexpr Phrase kADate{"a date such as 2026-01-31", "日期，例如 2026-01-31"};
inline constexpr Phrase kDateWithin{"a date from 2000-01-01 to 2099-12-31",
                                    "2000-01-01 到 2099-12-31 之间的日期"};
inline constexpr Phrase kAMoment{
    "a date such as 2026-01-31, or a time such as 2026-01-31T08:00:00+08:00",
    "日期，例如 2026-01-31，或时刻，例如 2026-01-31T08:00:00+08:00"};
inline constexpr Phrase kAnInterval{"working hours on whole minutes, such as \"09:00-12:00\",",
                                    "精确到分钟的工作时段，例如 \"09:00-12:00\""};
inline constexpr Phrase kIdOf{"the id of {0}", "{0}的标识"};

inline constexpr Phrase kWriteName{"write name: {{en: {0}}}", "写作 name: {{en: {0}}}"};
inline constexpr Phrase kSmallLetters{"write true or false, in small letters",
                                      "写 true 或 false，用小写"};
inline constexpr Phrase kUnits{"the units are minutes, hours, days and weeks",
                               "单位有 minutes、hours、days 和 weeks"};
inline constexpr Phrase kNameUnit{"name the unit, for example \"{0} days\"",
                                  "写上单位，例如 \"{0} days\""};
inline constexpr Phrase kOrUnlimited{"or write unlimited", "或写 unlimited"};
inline constexpr Phrase kVersionOnly{"this server reads version 1 only", "本服务器只读版本 1"};
inline constexpr Phrase kExampleCurrencies{"for example CNY, EUR or USD", "例如 CNY、EUR 或 USD"};
inline constexpr Phrase kExampleZones{"for example Asia/Shanghai or UTC",
                                      "例如 Asia/Shanghai 或 UTC"};
inline constexpr Phrase kKeysOfScale{"the keys of a scale: {0}", "评分制的键：{0}"};
inline constexpr Phrase kAddTo{"add it to {0}", "在 {0} 中添加它"};
inline constexpr Phrase kThereAre{"there are {0}", "现有 {0}"};
inline constexpr Phrase kWriteInterval{
    "write \"HH:MM-HH:MM\"; a night shift ends after 24:00: \"22:00-30:00\" is until six",
    "写作 \"HH:MM-HH:MM\"；夜班在 24:00 之后结束：\"22:00-30:00\" 即到次日六点"};
inline constexpr Phrase kThereIsNoSuchDay{"that day is not in the calendar; check the month",
                                          "历法中没有这一天，请核对月份"};

// ---- Programs and playbooks ---------------------------------------------------------------------

inline constexpr Phrase kAtLeastOneProgram{"C010", "expected at least one program, found none",
                                           "至少要有一个调研项目，实际没有"};
inline constexpr Phrase kAddProgram{"add one: id, name, kind and scale",
                                    "添加一个：id、name、kind 和 scale"};
inline constexpr Phrase kAShare{"a share above 0 and up to 50 %, with at most 4 decimals",
                                "大于 0、至多 50 %、最多 4 位小数的比例"};
inline constexpr Phrase kExampleShare{"write for example share: 5 %", "写作例如 share: 5 %"};
inline constexpr Phrase kDelayOfHeldOut{"C012",
                                        "expected arm: delayed_start beside delay, found held_out",
                                        "写 delay 需要 arm: delayed_start，实际是 held_out"};
inline constexpr Phrase kAskedBeforeBegun{
    "C012", "expected ask_after of at least the delay, {0}, found {1}: it would be asked first",
    "ask_after 应不短于 delay（{0}），实际是 {1}：尚未开始处理就会复测"};
inline constexpr Phrase kLongerAskAfter{"make ask_after longer, or the delay shorter",
                                        "加长 ask_after，或缩短 delay"};
inline constexpr Phrase kHoldOutNeedsStatus{
    "C012", "expected a lifecycle with held_out for a program with a hold-out, found none",
    "设对照组的项目需要生命周期写明 held_out，实际没有"};
inline constexpr Phrase kAddHeldOut{
    "name a status under held_out in lifecycle.yaml, or leave hold_out out",
    "在 lifecycle.yaml 的 held_out 写上一个状态，或去掉 hold_out"};
inline constexpr Phrase kRedLineAlways{
    "C012", "expected a condition for the red line \"{0}\", found none: every answer would meet it",
    "红线 \"{0}\" 应有条件，实际没有：所有答卷都会触发"};
inline constexpr Phrase kWriteWhen{"write when: with a condition", "写上 when: 和条件"};
inline constexpr Phrase kHeldOutPhase{
    "C017", "expected a held-out status of phase open with handling_done: true, found \"{0}\"",
    "held_out 应是 phase: open 且 handling_done: true 的状态，实际是 \"{0}\""};
inline constexpr Phrase kChooseHeldOut{"choose or add such a status", "选择或添加这样的状态"};
inline constexpr Phrase kHeldOutLacks{
    "C017", "expected a transition {1} that leads out of the held-out status \"{0}\", found none",
    "held_out 状态 \"{0}\" 应有向外的 {1} 流转，实际没有"};
inline constexpr Phrase kAddHeldOutWay{"add a transition with from: {0} and command: {1}",
                                       "添加 from: {0}、command: {1} 的流转"};
inline constexpr Phrase kAnonymousFalse{
    "C012", "expected allow_anonymous: true beside anonymous_opens_case: true, found false",
    "anonymous_opens_case: true 需要同时有 allow_anonymous: true，实际是 false"};
inline constexpr Phrase kAllowAnonymous{
    "set allow_anonymous: true, or leave anonymous_opens_case out",
    "设 allow_anonymous: true，或去掉 anonymous_opens_case"};
inline constexpr Phrase kLowIsBetterLimits{
    "C012",
    "expected min <= promoter_limit < detractor_limit <= max, found min {0}, max {1}, "
    "detractor_limit {2}, promoter_limit {3}, lower_is_better true",
    "应有 min <= promoter_limit < detractor_limit <= max，实际是 min {0}，max {1}，"
    "detractor_limit {2}，promoter_limit {3}，lower_is_better true"};
inline constexpr Phrase kHighIsBetterLimits{
    "C012",
    "expected min <= detractor_limit < promoter_limit <= max, found min {0}, max {1}, "
    "detractor_limit {2}, promoter_limit {3}, lower_is_better false",
    "应有 min <= detractor_limit < promoter_limit <= max，实际是 min {0}，max {1}，"
    "detractor_limit {2}，promoter_limit {3}，lower_is_better false"};
inline constexpr Phrase kLowMeaning{
    "scores from detractor_limit up are detractors', up to promoter_limit promoters'",
    "从 detractor_limit 往上是贬损者，到 promoter_limit 为止是推荐者"};
inline constexpr Phrase kHighMeaning{
    "scores up to detractor_limit are detractors', from promoter_limit up promoters'",
    "到 detractor_limit 为止是贬损者，从 promoter_limit 往上是推荐者"};
inline constexpr Phrase kShadowedPlaybook{
    "C014",
    "expected a playbook that can apply, found one that never does: \"{0}\" in line {1} matches "
    "{2} first",
    "应为用得上的补救方案，但它永远用不上：第 {1} 行的 \"{0}\" 先接走了{2}"};
inline constexpr Phrase kEveryCase{"every case", "所有工单"};
inline constexpr Phrase kAllItsCases{"all its cases", "它的全部工单"};
inline constexpr Phrase kMovePlaybook{"move this playbook above that one",
                                      "把此方案移到那一个之前"};

// ---- Conditions ---------------------------------------------------------------------------------

inline constexpr Phrase kInCondition{"C013", "expected {0}, found {1}", "应为{0}，实际是{1}"};
inline constexpr Phrase kUnknownProgram{"C008", "expected the id of a program, found {0}",
                                        "应为调研项目的标识，实际是{0}"};
inline constexpr Phrase kUnknownPriority{"C008", "expected the id of a priority, found {0}",
                                         "应为优先级的标识，实际是{0}"};
inline constexpr Phrase kPriorityTooEarly{
    "C013", "expected a field that is known before the priority is chosen, found \"priority\"",
    "应为确定优先级之前已知的字段，实际是 \"priority\""};
inline constexpr Phrase kUseSeverity{
    "a case gets its playbook, then its priority, then its clocks: use severity here",
    "工单先得到补救方案，再定优先级，再起时限：这里请用 severity"};
inline constexpr Phrase kConditionTooLong{
    "C010", "expected a condition of at most {0} bytes, found more", "条件最多 {0} 字节，实际超出"};
inline constexpr Phrase kEmptyGroup{"C013", "expected at least one condition in {0}, found none",
                                    "{0} 中至少要有一个条件，实际没有"};
inline constexpr Phrase kNoOperator{"C013", "expected an operator for {0}, found {1}",
                                    "{0} 之后应为运算，实际是{1}"};
inline constexpr Phrase kAValueOf{"a value for {0}", "{0} 的值"};
inline constexpr Phrase kOneValueOrList{
    "one value, or a list of values for one_of, none_of and contains_any",
    "写一个值；one_of、none_of 和 contains_any 写一列值"};
inline constexpr Phrase kSplitPlaybook{"shorten it, or split the playbook",
                                       "缩短它，或拆成两个方案"};
inline constexpr Phrase kLeaveWhenOut{"leave \"when\" out to match every case",
                                      "要匹配所有工单，去掉 \"when\""};
inline constexpr Phrase kProtected{"protected attributes may not decide how a customer is treated",
                                   "受保护的个人特征不得用来决定如何对待客户"};
inline constexpr Phrase kNotKnownYet{"this field is not known yet when a case opens",
                                     "开单时还不知道这个字段"};
inline constexpr Phrase kNotSupported{"this form of AIP-160 is not supported here",
                                      "这里不支持 AIP-160 的这种写法"};
inline constexpr Phrase kConditionForms{
    "write a filter in quotes, or all:, any: or none: with a list, or field: {{operator: value}}",
    "写成带引号的筛选式，或 all:、any:、none: 加列表，或 字段: {{运算: 值}}"};
inline constexpr Phrase kSeparateItems{"begin each field with \"- \" in an all: list",
                                       "放进 all: 列表，每个字段以 \"- \" 开头"};
inline constexpr Phrase kOperatorForm{"write {0}: {{{1}: {2}}}", "写作 {0}: {{{1}: {2}}}"};

// ---- Lifecycle ----------------------------------------------------------------------------------

inline constexpr Phrase kUnknownStatus{"C008", "expected the key of a status for {0}, found {1}",
                                       "{0} 应为状态的键，实际是{1}"};
inline constexpr Phrase kNoSuchOutcome{
    "C012", "expected \"{0}\" only for commands with that outcome ({1}), found it for {2}",
    "\"{0}\" 只用于有这种结果的命令（{1}），却写在 {2} 上"};
inline constexpr Phrase kTooManyTransitions{
    "C010", "expected at most {0} transitions, each status under from counted, found more",
    "流转最多 {0} 条（from 中每个状态各算一条），实际超出"};
inline constexpr Phrase kMoveStays{"C012", "expected another status for a move, found its own",
                                   "move 应到另一个状态，实际是原状态"};
inline constexpr Phrase kUnreachable{"C017",
                                     "expected a way into every status, found none into \"{0}\"",
                                     "每个状态都应有进入的途径，\"{0}\" 却没有"};
inline constexpr Phrase kDeadEnd{
    "C017", "expected a way out of every status that is not closed, found none out of \"{0}\"",
    "未归档的状态都应有出路，\"{0}\" 却没有"};
inline constexpr Phrase kNobodyMay{"C017", "expected a role that may call {0}, found only {1}",
                                   "应有能执行 {0} 的角色，实际只写了{1}"};
inline constexpr Phrase kNoWayToClose{"C017",
                                      "expected a way from \"{0}\" to a closed status, found none",
                                      "从 \"{0}\" 应能走到归档状态，实际走不到"};
inline constexpr Phrase kPhaseMissing{"C017", "expected a status of phase {0}, found none",
                                      "应有阶段为 {0} 的状态，实际没有"};
inline constexpr Phrase kStopsWithoutPause{
    "C017", "expected only pause and move to lead into \"{0}\", which stops clocks, found {1}",
    "\"{0}\" 会停住时限，只应由 pause 或 move 进入，实际还有 {1}"};
inline constexpr Phrase kCannotStop{"C017",
                                    "expected \"{0}\" to stop clocks that can be paused, found {1}",
                                    "\"{0}\" 只能停住可以挂起的时限，实际写了 {1}"};
inline constexpr Phrase kPauseNeverEnds{
    "C017",
    "expected a chase and a customer who calls to end the pause in \"{0}\", but {1} does not lead "
    "out of it",
    "催单和客户来电都应结束 \"{0}\" 中的挂起，但 {1} 离不开这个状态"};
inline constexpr Phrase kTransitionTwice{
    "C017", "expected one transition of {0} from \"{1}\", found a second",
    "从 \"{1}\" 出发的 {0} 只应有一条，却有第二条"};
inline constexpr Phrase kMoveIntoClosed{
    "C017", "expected close, withdraw, an answer or a timer to close a case, found {0}",
    "工单只能由 close、withdraw、答卷或定时器归档，实际写了 {0}"};
inline constexpr Phrase kMustClose{
    "C017", "expected {0} of {1} to be a status of phase closed, found \"{2}\"",
    "{1} 的 {0} 应是阶段为 closed 的状态，实际是 \"{2}\""};
inline constexpr Phrase kMustNotClose{
    "C017", "expected {0} of {1} to be a status in which the case goes on, found \"{2}\"",
    "{1} 的 {0} 应是工单继续办理的状态，实际是 \"{2}\""};
inline constexpr Phrase kInCircles{
    "C017",
    "expected {0} of {1} to lead to a status without {1}, found \"{2}\": it would never end",
    "{1} 的 {0} 应通向没有 {1} 的状态，实际是 \"{2}\"：会没完没了"};
inline constexpr Phrase kCannotRequire{
    "C017", "expected no required fields of {0}: nobody is there to fill them in",
    "{0} 不应有必填项：此时没有人能补全"};
inline constexpr Phrase kChooseStatus{"name such a status in this transition",
                                      "在这条流转中写一个这样的状态"};
inline constexpr Phrase kLeaveRequiresOut{
    "leave requires out, or require it of a command that a person gives on the case",
    "去掉 requires，或写在由人对工单执行的命令上"};
inline constexpr Phrase kInitialNotOpen{"C017",
                                        "expected an initial status of phase open, found \"{0}\"",
                                        "初始状态的阶段应为 open，实际是 \"{0}\""};
inline constexpr Phrase kAddTransitionTo{"add a transition with to: {0}, or remove the status",
                                         "添加 to: {0} 的流转，或删除此状态"};
inline constexpr Phrase kAddTransitionFrom{"add a transition with from: {0}",
                                           "添加 from: {0} 的流转"};
inline constexpr Phrase kNameRole{
    "name a role whose base may call it, or leave roles out: then every role that may call it may",
    "写一个基础角色有此权限的角色，或去掉 roles：凡有权限的角色都可以"};
inline constexpr Phrase kAddClose{"add transitions that lead to close, withdraw or a re-survey",
                                  "添加通向 close、withdraw 或复测的流转"};
inline constexpr Phrase kAddPhase{"give one status phase: {0}", "给一个状态写 phase: {0}"};
inline constexpr Phrase kUsePause{"use pause or move there, or leave stops out",
                                  "改用 pause 或 move，或去掉 stops"};
inline constexpr Phrase kLeaveKindOut{"leave it out of stops: nobody can pause that clock",
                                      "从 stops 中去掉：那个时限谁也不能挂起"};
inline constexpr Phrase kAddWayOut{"add a transition of {0} from \"{1}\" to a status that counts",
                                   "添加从 \"{1}\" 到计时状态的 {0} 流转"};
inline constexpr Phrase kKeepOneTransition{"keep one; only move may occur more than once",
                                           "保留一条；只有 move 可以有多条"};
inline constexpr Phrase kUseClose{"use close or withdraw", "改用 close 或 withdraw"};
inline constexpr Phrase kOpenInitial{"choose a status with phase: open",
                                     "选择一个 phase: open 的状态"};
inline constexpr Phrase kNoWayInDefault{
    "the shipped lifecycle needs this role; list it in "
    "roles.yaml, or write a lifecycle.yaml of your own",
    "随附的生命周期用到此角色；在 roles.yaml 中列出它，"
    "或写自己的 lifecycle.yaml"};
inline constexpr Phrase kDefaultNeedsRole{
    "C008", "expected the role {0}, which the shipped lifecycle names, found none",
    "应有随附生命周期所用的角色 {0}，实际没有"};

// ---- Calendars ----------------------------------------------------------------------------------

inline constexpr Phrase kIntervalsOverlap{
    "C018", "expected working hours that do not overlap, found {0} and {1}",
    "工作时段不应重叠，实际有 {0} 和 {1}"};
inline constexpr Phrase kIntervalsDisordered{
    "C018", "expected working hours in order, found {0} before {1}",
    "工作时段应按先后排列，实际 {0} 在 {1} 之前"};
inline constexpr Phrase kNightOverlaps{
    "C018", "expected the shift {0} of {1} to end before the next day's {2} begins",
    "{1} 的时段 {0} 应在次日 {2} 开始前结束"};
inline constexpr Phrase kIntervalEmpty{"C009",
                                       "expected working hours that end after they begin and last "
                                       "at most a day, found {0}",
                                       "工作时段应晚于开始时刻结束，且最长一天，实际是{0}"};
inline constexpr Phrase kDateTwice{"C018", "expected each date once, found {0} again",
                                   "每个日期只应出现一次，{0} 却重复了"};
inline constexpr Phrase kRangeReversed{"C018", "expected from on or before to, found {0} to {1}",
                                       "from 不应晚于 to，实际是 {0} 到 {1}"};
inline constexpr Phrase kRangeTooLong{"C018",
                                      "expected a holiday of at most {0} days, found {1} days",
                                      "一个假期最多 {0} 天，实际有 {1} 天"};
inline constexpr Phrase kDateOrRange{"C012", "expected either date, or from and to, found {0}",
                                     "应写 date，或写 from 和 to，实际是{0}"};
inline constexpr Phrase kNoHours{
    "C018", "expected hours of the make-up workday, found none: Monday has none to take over",
    "调休工作日应有工作时段，但没有写，周一也没有可沿用的时段"};
// What CheckCalendar finds that nothing above has.
inline constexpr Phrase kCalendarFault{"C018", "expected a calendar that holds together: {0}",
                                       "日历应前后一致：{0}"};
inline constexpr Phrase kCalendarId{"its id may be 1 to 64 of a-z 0-9 -, found {0}",
                                    "标识应为 1 至 64 位 a-z 0-9 -，实际是 {0}"};
inline constexpr Phrase kCalendarVersion{"its version may be 1 or more, found {0}",
                                         "版本应不小于 1，实际是 {0}"};
inline constexpr Phrase kCalendarOffset{"the zone {0} has an offset of a day or more",
                                        "时区 {0} 的偏移达到一天"};
inline constexpr Phrase kCalendarZone{"the changes of the zone {0} are not in order",
                                      "时区 {0} 的变更次序不对"};
inline constexpr Phrase kCalendarBegin{"on {0}, {1} does not begin from 00:00 to 23:59",
                                       "{0} 的 {1} 不在 00:00 至 23:59 之间开始"};
inline constexpr Phrase kCalendarEnd{
    "on {0}, {1} does not end after it begins, at most 24 hours later",
    "{0} 的 {1} 应在开始之后 24 小时内结束"};
inline constexpr Phrase kCalendarOrder{"on {0}, {1} begins before {2} ends",
                                       "{0} 的 {1} 在 {2} 结束前就开始"};
inline constexpr Phrase kCalendarNight{"on {0}, {1} begins before the night {2} of {3} is over",
                                       "{0} 的 {1} 在 {3} 的夜班 {2} 结束前就开始"};
inline constexpr Phrase kCalendarDates{"the day {0} stands after {1}", "日期 {0} 排在 {1} 之后"};
inline constexpr Phrase kCalendarNoWork{"there is no working time on any day", "没有任何工作时间"};
// Parts of kImportFailed: what is wrong in the iCalendar file.
inline constexpr Phrase kIcsTooLarge{"expected at most {0} bytes, found {1}",
                                     "最多 {0} 字节，实际有 {1} 字节"};
inline constexpr Phrase kIcsTooManyDays{"expected at most {0} days, found more",
                                        "最多 {0} 天，实际超出"};
inline constexpr Phrase kIcsFewerYears{"import the years you need only", "只导入需要的年份"};
inline constexpr Phrase kIcsNotUtf8{"expected text in UTF-8, found other bytes",
                                    "应为 UTF-8 文本，却有其他字节"};
inline constexpr Phrase kIcsNoEnd{
    "expected END:{0} for the BEGIN in line {1}, found the end of the file",
    "第 {1} 行的 BEGIN 应有 END:{0}，文件却已结束"};
inline constexpr Phrase kIcsCutOff{"the file may be cut off: fetch it again",
                                   "文件可能不完整，请重新下载"};
inline constexpr Phrase kIcsNoCalendar{"expected BEGIN:VCALENDAR, found none",
                                       "应有 BEGIN:VCALENDAR，但没有"};
inline constexpr Phrase kIcsIsItOne{"is it an iCalendar (.ics) file?",
                                    "确认它是 iCalendar（.ics）文件"};
inline constexpr Phrase kIcsLine{"expected NAME:value, found {0}", "应为“名称:值”，实际是 {0}"};
inline constexpr Phrase kIcsFold{"a long line goes on with a space at the beginning of the next",
                                 "长行换行后，下一行要以空格开头"};
inline constexpr Phrase kIcsExpected{"expected {0}, found {1}", "应为 {0}，实际是 {1}"};
inline constexpr Phrase kIcsEventsOnly{"expected events (VEVENT), found {0}",
                                       "应为事件（VEVENT），实际是 {0}"};
inline constexpr Phrase kIcsRemoveComponent{"remove it, if it does not change who works when",
                                            "若不影响谁何时上班，请删除"};
inline constexpr Phrase kIcsPropertiesOnly{"expected properties of an event, found {0}",
                                           "应为事件的属性，实际是 {0}"};
inline constexpr Phrase kIcsExportAgain{"export it as iCalendar, not as vCalendar 1.0",
                                        "请导出为 iCalendar，而不是 vCalendar 1.0"};
inline constexpr Phrase kIcsCancelled{"expected a published calendar, found METHOD:CANCEL",
                                      "应为发布的日历，实际是 METHOD:CANCEL"};
inline constexpr Phrase kIcsRemoveDays{"remove the days of that calendar by hand",
                                       "请手工删除那份日历的日期"};
inline constexpr Phrase kIcsTwice{
    "expected one {0} in an event, found a second; the first is in line {1}",
    "一个事件只应有一个 {0}，却有第二个；第一个在第 {1} 行"};
inline constexpr Phrase kIcsUnsupported{
    "expected DTSTART, DTEND, RRULE and EXDATE to say which days, found {0}",
    "日期应由 DTSTART、DTEND、RRULE 和 EXDATE 给出，实际有 {0}"};
inline constexpr Phrase kIcsEachDay{"write an event for each day", "为每一天各写一个事件"};
inline constexpr Phrase kIcsWholeDays{
    "expected whole days like {0};VALUE=DATE:20251001, found a time, {1}",
    "应为整日，例如 {0};VALUE=DATE:20251001，实际是时刻 {1}"};
inline constexpr Phrase kIcsByHand{
    "a day with other working hours goes into the calendar's days by hand",
    "工作时段不同的日子请手工写进日历"};
inline constexpr Phrase kIcsDate{"expected a date like {0};VALUE=DATE:20251001, found {1}",
                                 "应为日期，例如 {0};VALUE=DATE:20251001，实际是 {1}"};
inline constexpr Phrase kIcsEndBefore{"expected an end after {0}, found {1}",
                                      "结束应在 {0} 之后，实际是 {1}"};
inline constexpr Phrase kIcsTooLong{"expected at most {0} days in an event, found {1}",
                                    "一个事件最多 {0} 天，实际有 {1} 天"};
inline constexpr Phrase kIcsHoursEnd{"expected a workday's hours to end on {0}, found {1}",
                                     "上班时段应在 {0} 当天结束，实际是 {1}"};
inline constexpr Phrase kIcsAsWholeDays{
    "write it as whole days: DTEND;VALUE=DATE with the first day after",
    "写成整日：DTEND;VALUE=DATE，值为结束后的第一天"};
inline constexpr Phrase kIcsInterval{"INTERVAL from 1 to 9999", "1 至 9999 的 INTERVAL"};
inline constexpr Phrase kIcsCount{"COUNT from 1 up", "不小于 1 的 COUNT"};
inline constexpr Phrase kIcsUntil{"UNTIL with a date like 20271231",
                                  "带日期的 UNTIL，例如 20271231"};
inline constexpr Phrase kIcsRuleParts{"FREQ=YEARLY, INTERVAL, COUNT or UNTIL only",
                                      "FREQ=YEARLY、INTERVAL、COUNT 或 UNTIL"};
inline constexpr Phrase kIcsTwoEnds{"expected COUNT or UNTIL, found both: {0}",
                                    "COUNT 与 UNTIL 只能有一个，实际都有：{0}"};
inline constexpr Phrase kIcsExcluded{"expected dates like EXDATE;VALUE=DATE:20251001, found {0}",
                                     "应为日期，例如 EXDATE;VALUE=DATE:20251001，实际是 {0}"};
inline constexpr Phrase kIcsSpecialDay{"expected WORK-HOLIDAY or ALTERNATE-WORKDAY, found {0}",
                                       "应为 WORK-HOLIDAY 或 ALTERNATE-WORKDAY，实际是 {0}"};
inline constexpr Phrase kIcsNoStart{"expected a DTSTART in the event, found none",
                                    "事件中应有 DTSTART，但没有"};
inline constexpr Phrase kIcsNoSummary{"expected a SUMMARY that names the day, found none",
                                      "应有写明日期名称的 SUMMARY，但没有"};
inline constexpr Phrase kIcsWorkday{"workday", "工作日"};
inline constexpr Phrase kIcsHoliday{"holiday", "假日"};
inline constexpr Phrase kIcsBoth{
    "expected {0} once, found {1} as a {2} and, in line {3}, {4} as a {5}",
    "{0} 只应出现一次，实际 {1} 是{2}，而第 {3} 行 {4} 是{5}"};
inline constexpr Phrase kIcsRemoveEvent{"remove one of the events", "去掉其中一个事件"};

inline constexpr Phrase kImportFailed{"C018",
                                      "expected days that can be read in {0}, line {1}: {2}",
                                      "{0} 第 {1} 行应能读出日期：{2}"};
inline constexpr Phrase kNoHoursToImport{
    "C018", "expected Monday's hours for the imported workday {0}, found none",
    "导入的工作日 {0} 需要沿用周一的时段，但周一没有"};
inline constexpr Phrase kImportsDisagree{
    "C018",
    "expected imported files that agree on {0}, found {1} in {2}, line {3}, and {4} in {5}, line "
    "{6}",
    "导入的文件对 {0} 的说法应一致，实际 {2} 第 {3} 行是{1}，{5} 第 {6} 行是{4}"};
inline constexpr Phrase kWriteDayOut{
    "correct one of them, or write the day under holidays or workdays, which come first",
    "改正其中一处，或在 holidays 或 workdays 中写出这一天，以它为准"};
inline constexpr Phrase kWriteWorkday{"write the day under workdays with its hours",
                                      "在 workdays 中写出这一天和时段"};
inline constexpr Phrase kPutIcsThere{
    "put it into the folder or into its calendars/, and name it as seen from the folder",
    "放进配置目录或其中的 calendars/，并写出相对路径"};
inline constexpr Phrase kImportMissing{"C008",
                                       "expected a file in the configuration folder, found "
                                       "no {0}",
                                       "配置目录中应有此文件，但没有 {0}"};
inline constexpr Phrase kMergeIntervals{"write one for both, or move one",
                                        "合并成一段，或挪开一段"};
inline constexpr Phrase kSwapIntervals{"put the earlier one first", "把早的一段放在前面"};
inline constexpr Phrase kRemoveDate{"leave one of them out", "去掉其中一处"};
inline constexpr Phrase kSwapRange{"swap them", "对调两者"};
inline constexpr Phrase kWriteHours{"write hours: [\"09:00-18:00\"]",
                                    "写上 hours: [\"09:00-18:00\"]"};
inline constexpr Phrase kSplitRange{"check the year; a longer one is a change of the week",
                                    "请核对年份；更长的假期应改写每周安排"};
inline constexpr Phrase kOneForm{"one day: date; several: from and to",
                                 "一天写 date；多天写 from 和 to"};
inline constexpr Phrase kNothingForBoth{"neither", "两者都没有"};
inline constexpr Phrase kBothForms{"both", "两者都有"};

// ---- Clocks -------------------------------------------------------------------------------------

inline constexpr Phrase kClockNeedsLimit{"C007",
                                         "expected a limit for a clock of kind {0}, found "
                                         "none",
                                         "{0} 类的时限应有 limit，实际没有"};
inline constexpr Phrase kClockTakesNoLimit{
    "C019", "expected no {0} for kind {1}: its due time is given with the case",
    "{1} 类不应写 {0}：到期时间由工单给出"};
inline constexpr Phrase kCountNeedsCalendar{
    "C019", "expected a calendar for count: {0}, found none", "count: {0} 需要 calendar，实际没有"};
inline constexpr Phrase kWallTakesNoCalendar{
    "C019", "expected no calendar for count: wall, which counts every minute, found {0}",
    "count: wall 每分钟都计，不需要 calendar，实际写了{0}"};
inline constexpr Phrase kLimitInDays{"C019", "expected a limit in days for count: {0}, found {1}",
                                     "count: {0} 的 limit 应以天计，实际是{1}"};
inline constexpr Phrase kLimitInHours{
    "C019", "expected a limit in hours or minutes for count: business_time, found {0}",
    "count: business_time 的 limit 应以小时或分钟计，实际是{0}"};
inline constexpr Phrase kMetByMisplaced{
    "C019", "expected met_by only for kind first_contact, found it for {0}",
    "met_by 只用于 first_contact 类，却写在 {0} 上"};
inline constexpr Phrase kTierTime{
    "a time seen from the due time: due, \"-2 hours\", \"4 hours\" or \"75 %\"",
    "相对到期时间的时刻：due、\"-2 hours\"、\"4 hours\" 或 \"75 %\""};
inline constexpr Phrase kPercentOfDays{"C019", "expected a tier in days for count: {0}, found {1}",
                                       "count: {0} 的分级应以天计，实际是{1}"};
inline constexpr Phrase kTierBeforeStart{"C019",
                                         "expected a tier within the limit of {0}, found {1}",
                                         "分级不应早于开始（limit 为 {0}），实际是{1}"};
inline constexpr Phrase kLimitNotReached{
    "C019",
    "expected a limit of at most {0}, which is what the calendar \"{1}\" has in {2} years, found "
    "{3}",
    "limit 最多 {0}，即日历 \"{1}\" 在 {2} 年中所有的，实际是{3}"};
inline constexpr Phrase kTierNotReached{
    "C019",
    "expected a tier at most {0} after the start, which is what the calendar \"{1}\" has in {2} "
    "years, found {3}",
    "分级最晚在开始之后 {0}，即日历 \"{1}\" 在 {2} 年中所有的，实际是{3}"};
inline constexpr Phrase kSmallerAmount{
    "it would never be due: choose a smaller amount, or give the calendar more working time",
    "否则永远不会到期：改小数值，或给日历增加工作时间"};
inline constexpr Phrase kTiersDisordered{"C019",
                                         "expected tiers in order of time, found {0} after {1}",
                                         "分级应按时间先后排列，实际 {0} 在 {1} 之后"};
inline constexpr Phrase kTierPercentWithin{"a percentage from 1 to 1000", "1 到 1000 的百分数"};
inline constexpr Phrase kNotifyMissing{"C012",
                                       "expected notify: with receivers beside do: notify, "
                                       "found none",
                                       "do: notify 需要同时写 notify: 收件人，实际没有"};
inline constexpr Phrase kNotifyUnused{"C012", "expected do: notify beside notify:, found {0}",
                                      "写了 notify: 就应有 do: notify，实际是 {0}"};
inline constexpr Phrase kQueueMissing{"C012", "expected a queue beside do: reassign, found none",
                                      "do: reassign 需要同时写 queue，实际没有"};
inline constexpr Phrase kQueueUnused{"C012", "expected do: reassign beside queue:, found {0}",
                                     "写了 queue 就应有 do: reassign，实际是 {0}"};
inline constexpr Phrase kReceivers{"C008",
                                   "expected owner, first_receiver, unit_manager, queue or the id "
                                   "of a role for notify, found {0}",
                                   "notify 应为 owner、first_receiver、unit_manager、queue "
                                   "或角色的标识，实际是{0}"};
inline constexpr Phrase kAddLimit{"write for example limit: 8 hours", "写上例如 limit: 8 hours"};
inline constexpr Phrase kLeaveOut{"leave it out", "去掉它"};
inline constexpr Phrase kAddCalendar{"write calendar: and the id of one in calendars.yaml",
                                     "写上 calendar: 和 calendars.yaml 中的标识"};
inline constexpr Phrase kGiveWorkingTime{
    "give a weekday working hours, such as mon: \"09:00-18:00\"",
    "给某个工作日写上时段，例如 mon: \"09:00-18:00\""};
inline constexpr Phrase kNoWorkingTime{"C018",
                                       "expected working hours on some day of the week, found none",
                                       "一周中应有某天有工作时段，实际没有"};
inline constexpr Phrase kCheckYear{"check the year", "请核对年份"};
inline constexpr Phrase kWriteDate{"write YYYY-MM-DD", "写作 YYYY-MM-DD"};
inline constexpr Phrase kOneOrList{"write one word, or several as [a, b]",
                                   "写一个词，或用 [a, b] 写多个"};
inline constexpr Phrase kDaysOnly{
    "for example \"3 days\"; for hours use count: business_time or wall",
    "例如 \"3 days\"；以小时计要用 count: business_time 或 wall"};
inline constexpr Phrase kHoursOnly{
    "a business day has no fixed length: write hours, or use count: working_days",
    "工作日长短不一：写小时数，或改用 count: working_days"};
inline constexpr Phrase kSortTiers{"put the earlier tier first", "把早的一级放在前面"};
inline constexpr Phrase kWriteNotify{"write for example notify: [owner]",
                                     "写上例如 notify: [owner]"};
inline constexpr Phrase kWriteQueue{"write queue: and the id of a queue",
                                    "写上 queue: 和工单池的标识"};
inline constexpr Phrase kCloserToDue{"the clock has not begun by then; choose a smaller amount",
                                     "那时还没有开始计时，请用更小的量"};
inline constexpr Phrase kSamePlace{"they would be crossed at the same time; put both in one tier",
                                   "两者会同时触发，请合并为一级"};
inline constexpr Phrase kTiersTogether{"C019", "expected tiers at different times, found {0} twice",
                                       "各级的时间应不同，{0} 却出现了两次"};

// ---- Roles, org units, priorities, labels -------------------------------------------------------

inline constexpr Phrase kBuiltInBase{"C012",
                                     "expected the built-in role {0} to have base: {0}, found {1}",
                                     "内置角色 {0} 的 base 应为 {0}，实际是 {1}"};
inline constexpr Phrase kBuiltInMissing{"C012", "expected the built-in role {0}, found none",
                                        "应有内置角色 {0}，实际没有"};
inline constexpr Phrase kAddBuiltIn{
    "users and keys hold it: add {{id: {0}, name: {{en: ...}}, base: {0}}}",
    "用户和密钥会持有它：添加 {{id: {0}, name: {{en: ...}}, base: {0}}}"};
inline constexpr Phrase kSetBase{"set base: {0}, or choose another id", "设 base: {0}，或换个标识"};
inline constexpr Phrase kUntilBeforeFrom{"C012", "expected until after from, found {0} and {1}",
                                         "until 应晚于 from，实际是 {0} 和 {1}"};

// ---- Remedies -----------------------------------------------------------------------------------

inline constexpr Phrase kAnAmount{
    "an amount from 0 to 10,000,000,000,000 with at most {0} decimals",
    "0 至 10,000,000,000,000 的金额，至多 {0} 位小数"};
inline constexpr Phrase kExampleAmount{"for example {0}", "例如 {0}"};
inline constexpr Phrase kLimitOfNothing{"C007",
                                        "expected amount or count for a limit, found neither",
                                        "限额应有 amount 或 count，实际都没有"};
inline constexpr Phrase kSayHowMuch{"say how much may be given, or how often",
                                    "请写明至多给多少或给几次"};
inline constexpr Phrase kAmountWithoutCurrency{"C012",
                                               "expected currency together with amount, found one "
                                               "without the other",
                                               "currency 应与 amount 同时出现，实际只有其一"};
inline constexpr Phrase kAddCurrency{"add currency: CNY, say, or leave both out",
                                     "例如添加 currency: CNY，或两者都去掉"};
inline constexpr Phrase kWindowOfCustomer{"C012",
                                          "expected window with per: customer, found per: {0}",
                                          "window 只用于 per: customer，实际是 per: {0}"};
inline constexpr Phrase kLimitOfStatutory{
    "C012", "expected a remedy that is not statutory, found {0}", "应为非法定补救措施，实际是{0}"};
inline constexpr Phrase kOwedByLaw{"what is owed by law has no limit; leave it out",
                                   "法定补救不受限额约束；请去掉"};

// ---- Steps, templates and contact ---------------------------------------------------------------

inline constexpr Phrase kKeyOfOtherKind{"C012",
                                        "expected {0} in a step of kind {1}, found it in one of "
                                        "kind {2}",
                                        "{0} 只用于 {1} 类步骤，实际出现在 {2} 中"};
inline constexpr Phrase kStepLacks{"C007", "expected {0} in a step of kind {1}, found none",
                                   "{1} 类步骤应有 {0}，实际没有"};
inline constexpr Phrase kTaskOfNobody{"C007", "expected queue or owner for a task, found neither",
                                      "task 应有 queue 或 owner，实际都没有"};
inline constexpr Phrase kSayWhoseTask{"name the queue or the person that does it",
                                      "请写明由哪个工单池或谁来做"};
inline constexpr Phrase kDecisionOfNothing{"C007",
                                           "expected then or otherwise for a decision, found "
                                           "neither",
                                           "decision 应有 then 或 otherwise，实际都没有"};
inline constexpr Phrase kSayWhereTo{"name the step that it leads to, or end",
                                    "请写明转到哪一步，或 end"};
inline constexpr Phrase kUnknownStep{"C008", "expected the id of a step for {0}, found {1}",
                                     "{0} 应为步骤的标识，实际是{1}"};
inline constexpr Phrase kStepNotLater{"C012", "expected a later step for {0}, found {1}",
                                      "{0} 应为其后的步骤，实际是{1}"};
inline constexpr Phrase kStepNotEarlier{"C012", "expected an earlier step for {0}, found {1}",
                                        "{0} 应为其前的步骤，实际是{1}"};
inline constexpr Phrase kMayBe{"it may be {0}", "可以是 {0}"};
inline constexpr Phrase kNotOfSteps{"conditions of steps cannot ask for this field",
                                    "步骤的条件不能使用这个字段"};
inline constexpr Phrase kStepUnreachable{
    "C012",
    "expected a step that the plan leads to, found \"{0}\", which none of the others "
    "does",
    "方案应能走到每一步，但没有哪一步通向 \"{0}\""};
inline constexpr Phrase kLeadThere{"let a decision above lead there, or leave it out",
                                   "让前面的 decision 转到它，或去掉它"};
inline constexpr Phrase kStepCalledEnd{"C009", "expected another id than \"end\" for a step",
                                       "步骤的标识不能是 \"end\""};
inline constexpr Phrase kAnotherId{"end is where a plan is over", "end 表示方案结束"};
inline constexpr Phrase kUnknownRemedy{"C008", "expected the id of a remedy, found {0}",
                                       "应为补救措施的标识，实际是{0}"};
inline constexpr Phrase kUnknownTemplate{"C008", "expected the id of a template, found {0}",
                                         "应为模板的标识，实际是{0}"};
inline constexpr Phrase kThereAreNone{"there are none yet", "目前一个也没有"};
inline constexpr Phrase kChannelOfTemplate{
    "C012", "expected {0}, by which the template {1} may go, found {2}",
    "应为{0}，即模板 {1} 可用的渠道，实际是 {2}"};
inline constexpr Phrase kNoControls{"a text without control characters but line breaks",
                                    "除换行外不含控制字符的文本"};
inline constexpr Phrase kUnknownVariable{"C008", "expected a variable of templates, found {0}",
                                         "应为模板变量，实际是{0}"};
inline constexpr Phrase kStrayBrace{"C009", "expected a variable in braces, found a lone \"{0}\"",
                                    "花括号中应为变量，实际是单独的 \"{0}\""};
inline constexpr Phrase kDoubleBrace{"write {0} for the brace itself", "要写花括号本身，请写 {0}"};
inline constexpr Phrase kATimeOfDay{"a time of day such as \"21:00\",",
                                    "一天中的时刻，例如 \"21:00\""};
inline constexpr Phrase kExampleTime{
    "write HH:MM in quotes, from 00:00 to 23:59; until may be 24:00",
    "写作带引号的 HH:MM，从 00:00 到 23:59；until 可为 24:00"};
inline constexpr Phrase kSpanOfNothing{"C012",
                                       "expected from and until that leave some of the day out, "
                                       "found none left",
                                       "from 与 until 之外应还有时间，实际没有"};
inline constexpr Phrase kTooFewBands{"C012", "expected {0} time_bands, found {1}",
                                     "应有 {0} 个 time_bands，实际有 {1} 个"};
inline constexpr Phrase kTooFewAttempts{"C012",
                                        "expected at most as many {0} as attempts, which are {1}, "
                                        "found {2}",
                                        "{0} 不应多于 attempts 的 {1}，实际是 {2}"};

// ---- Queues and staff ---------------------------------------------------------------------------

inline constexpr Phrase kReturnNeedsFallback{"C007",
                                             "expected fallback beside return_after, found none",
                                             "写 return_after 时应有 fallback，实际没有"};
inline constexpr Phrase kAddFallback{
    "name who gets the case when nobody has taken it by then, or leave return_after out",
    "写明逾时无人接手时归谁，或去掉 return_after"};
inline constexpr Phrase kFallbackUnused{"C012", "expected return_after beside fallback, found none",
                                        "写 fallback 需要 return_after，实际没有"};
inline constexpr Phrase kDefaultQueueUnknown{
    "C012",
    "expected the key queue: without it cases go to \"{0}\", which queues.yaml does not list",
    "应有 queue：省略时工单进入 \"{0}\"，而 queues.yaml 没有列出它"};
inline constexpr Phrase kNameAQueue{"name a queue of queues.yaml, or add that one to it",
                                    "写一个 queues.yaml 中的工单池，或在其中加上它"};
inline constexpr Phrase kOwnDeputy{"C012", "expected somebody else as deputy, found {0} again",
                                   "代理人应为他人，实际仍是{0}"};
inline constexpr Phrase kNameAnother{"name another, or leave deputy out: the queue takes over",
                                     "写另一个人，或去掉 deputy：交回工单池"};

// ---- Blacklist ----------------------------------------------------------------------------------

inline constexpr Phrase kKindTwice{"C011", "expected each kind once, found \"{0}\" again",
                                   "每个类型只应出现一次，却又出现了 \"{0}\""};
inline constexpr Phrase kEffectOfOtherKind{
    "C012", "expected no {0} for the kind {1}, which restricts something else",
    "{1} 不应写 {0}：该类型限制的是别的内容"};
inline constexpr Phrase kItsEffects{"its effects: {0}", "可写：{0}"};
inline constexpr Phrase kNeverStatutory{"what is owed by law is never restricted; leave it out",
                                        "法定补救不受限制；请去掉"};
inline constexpr Phrase kWarnOfSafety{
    "C012", "expected no warning for staff_safety, found warn_first: true",
    "staff_safety 不先行告诫，实际写了 warn_first: true"};
inline constexpr Phrase kNobodyWaits{"nobody shall be hurt while a warning runs; leave it out",
                                     "不能在告诫期内让员工受伤；请去掉"};
inline constexpr Phrase kWaitWithoutWarning{
    "C012", "expected warn_first: true beside warning_wait, found none",
    "写 warning_wait 时应有 warn_first: true，实际没有"};
inline constexpr Phrase kAddWarnFirst{"add warn_first: true, or leave it out",
                                      "添加 warn_first: true，或去掉它"};
inline constexpr Phrase kCountNeeds{"C007", "expected {0} for a count of {1}, found none",
                                    "{1} 的计数应有 {0}，实际没有"};
inline constexpr Phrase kCountTakesNo{"C012", "expected no {0} for a count of {1}",
                                      "{1} 的计数不应写 {0}"};
inline constexpr Phrase kSayHowMany{"write for example at_least: 3", "写上例如 at_least: 3"};
inline constexpr Phrase kSayWhichSum{
    "write currency and amount, such as currency: CNY, amount: "
    "\"1000.00\"",
    "写上 currency 和 amount，例如 currency: CNY、amount: "
    "\"1000.00\""};
inline constexpr Phrase kAboveNothing{"an amount above 0", "大于 0 的金额"};
inline constexpr Phrase kExtentOfNothing{"C007", "expected org_unit or program, found neither",
                                         "应有 org_unit 或 program，实际都没有"};
inline constexpr Phrase kExtentOfBoth{"C012", "expected org_unit or program, found both",
                                      "应写 org_unit 或 program 之一，实际都写了"};
inline constexpr Phrase kKeepOneExtent{"keep one; without extent it holds everywhere",
                                       "保留一个；不写 extent 即全公司适用"};
inline constexpr Phrase kUnknownUnit{"C008", "expected an org unit that is listed, found {0}",
                                     "应为已列出的组织单元，实际是{0}"};
inline constexpr Phrase kEffectMissing{
    "C012", "expected {0} in the effects of the rule or of the kind {1}, found none",
    "规则或 {1} 类型的 effects 中应有 {0}，实际没有"};
inline constexpr Phrase kSayWhatIsRestricted{"without it the restriction would restrict nothing",
                                             "否则什么也限制不了"};
inline constexpr Phrase kRuleOfEverybody{
    "C020", "expected a condition or counts in an alternative, found neither",
    "备选条件中应有 when 或 counts，实际都没有"};
inline constexpr Phrase kItHoldsForAll{"it would propose everybody who ever complained",
                                       "否则会提议每一位投诉过的客户"};
inline constexpr Phrase kRuleOfScores{
    "C020",
    "expected something besides scores, found an alternative that can be met by scores alone",
    "除评分外还应有其他条件，实际仅凭评分即可满足"};
inline constexpr Phrase kAddCounts{
    "nobody is restricted for being dissatisfied: add counts, or a condition on something else to "
    "each branch of any",
    "不能因为不满意而限制客户：增加 counts，或在 any 的每一支中增加其他条件"};
inline constexpr Phrase kRuleTooLong{
    "C010", "expected at most {0} for duration, the most of the kind {1}, found {2}",
    "duration 最多 {0}（{1} 类型的上限），实际是 {2}"};
inline constexpr Phrase kShorterOrMore{"shorten it, or raise max_duration of the kind",
                                       "缩短它，或提高该类型的 max_duration"};
inline constexpr Phrase kKindNotOffered{"C008", "expected a kind that is listed above, found {0}",
                                        "应为上面列出的类型，实际是{0}"};
inline constexpr Phrase kAddKind{"add it to kinds", "在 kinds 中添加它"};
inline constexpr Phrase kReasonNotOfKind{"C008", "expected a reason of the kind {0}, found {1}",
                                         "应为适用于 {0} 的原因，实际是{1}"};
inline constexpr Phrase kRuleNotAllowed{
    "C020", "expected a rule that may be in force, but {0}: {1}", "规则应可生效，但 {0}：{1}"};

// ---- Tests --------------------------------------------------------------------------------------

inline constexpr Phrase kTestFails{"C016", "expected {0} {1} for the test \"{2}\", found {3}",
                                   "测试 \"{2}\" 应得到{0} {1}，实际是 {3}"};
inline constexpr Phrase kTestPlaybook{"the playbook", "补救方案"};
inline constexpr Phrase kTestPriority{"the priority", "优先级"};
inline constexpr Phrase kTestClocks{"the clocks", "时限"};
inline constexpr Phrase kTestAlerts{"the alerts", "告警"};
inline constexpr Phrase kTestProposals{"the proposals", "提议"};
inline constexpr Phrase kAPastCase{"a case of the past", "以往的工单"};
inline constexpr Phrase kFieldOfNoCustomer{
    "C012", "expected a field that a known customer's case can have, found {0}",
    "应为已知客户的工单可有的字段，实际是{0}"};
inline constexpr Phrase kAmountOfNothing{"C012",
                                         "expected remedy and currency beside amount, found one "
                                         "of them without the others",
                                         "amount 应与 remedy、currency 同时出现，实际缺少其一"};
inline constexpr Phrase kExpectNothing{
    "C007",
    "expected a playbook, a priority, clocks or alerts to test, "
    "found none",
    "expect 中应有要验证的 playbook、priority、clocks 或 alerts，"
    "实际没有"};
inline constexpr Phrase kBecauseRule{"\"{0}\" does not apply: {1} does not hold, {2} is {3}",
                                     "\"{0}\" 不适用：{1} 不成立，{2} 为 {3}"};
inline constexpr Phrase kBecauseEarlier{"\"{0}\" would apply, but \"{1}\" stands above it",
                                        "\"{0}\" 本可适用，但 \"{1}\" 排在它前面"};
inline constexpr Phrase kBecauseNone{"\"{0}\" does not apply: its none: {1} holds, {2} is {3}",
                                     "\"{0}\" 不适用：none 中的 {1} 成立，{2} 为 {3}"};
inline constexpr Phrase kNotSet{"not set", "空"};
inline constexpr Phrase kCheckTest{"correct the rule or the test", "修改规则或测试"};

// ---- Warnings -----------------------------------------------------------------------------------

inline constexpr Phrase kNeverHolds{
    "W001", "expected a condition that can hold, found one that contradicts itself",
    "条件应能成立，它却自相矛盾"};
inline constexpr Phrase kNeverReached{
    "W002", "expected cases for the playbook \"{0}\", but those above take them all together",
    "补救方案 \"{0}\" 应有工单可用，但前面各方案合起来已全部接走"};
inline constexpr Phrase kClockNeverMatched{
    "W003", "expected cases for the clock \"{0}\", but those of its kind above take them all",
    "时限 \"{0}\" 应有工单可用，但前面同类的定义已全部接走"};
inline constexpr Phrase kPriorityNeverMatched{
    "W003", "expected cases for the priority \"{0}\", but those above take them all",
    "优先级 \"{0}\" 应有工单可用，但前面各级已全部接走"};
inline constexpr Phrase kCalendarUnused{"W004",
                                        "expected a clock that uses the calendar \"{0}\", "
                                        "found none",
                                        "应有时限使用日历 \"{0}\"，实际没有"};
inline constexpr Phrase kLabelsUnused{"W005", "expected {0} to be asked for, but {1}",
                                      "{0} 应有用处，但{1}"};
inline constexpr Phrase kNoParent{
    "W006", "expected the org unit above \"{0}\" to be listed, found no \"{1}\"",
    "\"{0}\" 的上级组织单元应列出，实际没有 \"{1}\""};
inline constexpr Phrase kFileNotRead{"W007",
                                     "expected a file of the configuration, found \"{0}\", "
                                     "which nobody reads",
                                     "应为配置目录中的文件，实际是 \"{0}\"，没有程序会读它"};
inline constexpr Phrase kNoStatusAccepts{"no status accepts the command {0}",
                                         "没有状态接受 {0} 命令"};
inline constexpr Phrase kRevise{"correct it or leave it out", "改正或去掉它"};
inline constexpr Phrase kMoveUp{"move it up, or leave it out", "往前移，或去掉它"};
inline constexpr Phrase kUseCalendar{"name it in clocks.yaml, or leave it out",
                                     "在 clocks.yaml 中用上它，或去掉"};
inline constexpr Phrase kListParent{"list it, so that cases can be escalated to its manager",
                                    "列出它，以便工单升级到其负责人"};

}  // namespace rebound::messages
