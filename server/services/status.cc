#include "server/services/status.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "workflows/check.h"

namespace rebound {
namespace {

// Of `allowed`, whose words are ours or the configuration's: every command there is, and moves.
constexpr size_t kLongestShownList = 600;
constexpr size_t kViolationsInMessage = 600;  // bytes
constexpr size_t kViolationBytes = 3 * 1024;

using grpc::StatusCode;

// In the order of Reason: TextOf indexes it.
constexpr std::array<ReasonText, kReasonCount> kTexts{{
    {Reason::kFieldViolations, StatusCode::INVALID_ARGUMENT,
     "expected every field to be valid, but some are at fault; correct each field that is listed",
     "所有字段都应有效，但有字段不合要求；请逐一更正列出的字段"},
    {Reason::kRequiredFieldMissing, StatusCode::INVALID_ARGUMENT,
     "{field}: expected a value, but it is absent; set the field",
     "{field}：此字段必填，但未填写；请填写"},
    {Reason::kRequestIdInvalid, StatusCode::INVALID_ARGUMENT,
     "{field}: expected 1 to 64 characters of [A-Za-z0-9_-], but got \"{value}\"; send a fresh id "
     "for each new request, for example a UUID",
     "{field}：应为 1 至 64 个 [A-Za-z0-9_-] "
     "字符，但收到“{value}”；请为每个新请求生成新的编号，例如 "
     "UUID"},
    {Reason::kScoreOutOfRange, StatusCode::INVALID_ARGUMENT,
     "{field}: expected a whole number from {expected}, but got {value}; send a score on the "
     "program's scale",
     "{field}：应为 {expected} 之间的整数，但收到 {value}；请按该调研项目的评分制填写分数"},
    {Reason::kScoreNotInteger, StatusCode::INVALID_ARGUMENT,
     "{field}: expected a whole number, but got \"{value}\"; correct the score or leave the row "
     "out",
     "{field}：应为整数，但收到“{value}”；请更正分数，或去掉这一行"},
    {Reason::kUnknownProgram, StatusCode::INVALID_ARGUMENT,
     "{field}: expected the id of a configured program, but got \"{value}\"; choose one that "
     "ListPrograms shows",
     "{field}：应为已配置的调研项目编号，但收到“{value}”；请从调研项目列表中选择"},
    {Reason::kCustomerRequired, StatusCode::INVALID_ARGUMENT,
     "{field}: expected a customer, because program {program} does not allow anonymous answers, "
     "but "
     "there is none; name the customer by key or id",
     "{field}：调研项目 {program} 不接受匿名答卷，应填写客户，但未填写；请填写客户编号或外部编号"},
    {Reason::kTimestampOutOfRange, StatusCode::INVALID_ARGUMENT,
     "{field}: expected a time from {expected}, but got {value}; correct the time or its zone",
     "{field}：时间应在 {expected} 之内，但收到 {value}；请更正时间或时区"},
    {Reason::kTextTooLong, StatusCode::INVALID_ARGUMENT,
     "{field}: expected at most {expected} characters, but got {value}; shorten the text",
     "{field}：最多 {expected} 个字符，但收到 {value} 个；请缩短文本"},
    {Reason::kNulNotAllowed, StatusCode::INVALID_ARGUMENT,
     "{field}: expected text without the character U+0000, but found one; remove it",
     "{field}：文本不得含有字符 U+0000，但发现了该字符；请删除"},
    {Reason::kInvalidUtf8, StatusCode::INVALID_ARGUMENT,
     "{field}: expected UTF-8, but the bytes are not; convert the text from its encoding first",
     "{field}：文本应为 UTF-8 编码，但并不是；请先转换编码"},
    {Reason::kEnumValueUnknown, StatusCode::INVALID_ARGUMENT,
     "{field}: expected {expected}, but got {value}; choose a value that is documented for the "
     "field",
     "{field}：应为 {expected}，但收到 {value}；请选择该字段文档中列出的值"},
    {Reason::kIdInvalid, StatusCode::INVALID_ARGUMENT,
     "{field}: expected {expected}, but got \"{value}\"; copy the id as the server gave it",
     "{field}：应为 {expected}，但收到“{value}”；请原样填写服务器给出的编号"},
    {Reason::kMoneyInvalid, StatusCode::INVALID_ARGUMENT,
     "{field}: expected {expected}, but got {value}; correct the amount or the currency",
     "{field}：应为 {expected}，但收到 {value}；请更正金额或币种"},
    {Reason::kNumberOutOfRange, StatusCode::INVALID_ARGUMENT,
     "{field}: expected {expected}, but got {value}; send a number within these bounds",
     "{field}：应为 {expected}，但收到 {value}；请填写范围内的数"},
    {Reason::kUpdateMaskInvalid, StatusCode::INVALID_ARGUMENT,
     "{field}: expected some of {expected}, but got \"{value}\"; name exactly the fields to change",
     "{field}：应为 {expected} 中的若干项，但收到“{value}”；请准确列出要修改的字段"},
    {Reason::kValueMasked, StatusCode::INVALID_ARGUMENT,
     "{field}: expected the real value, but it is masked and would overwrite what is stored; leave "
     "the field out, or read it with UnmaskContact first",
     "{field}：应为真实值，但该值已脱敏，写入会覆盖原值；请不要提交该字段，或先申请查看明文"},
    {Reason::kPageSizeInvalid, StatusCode::INVALID_ARGUMENT,
     "{field}: expected 0 or more, but got {value}; send 0 for the default of 50",
     "{field}：应为 0 或更大，但收到 {value}；填 0 则采用默认值 50"},
    {Reason::kPageTokenInvalid, StatusCode::INVALID_ARGUMENT,
     "{field}: expected a page token of the last day for this caller and this query, but it is "
     "not; begin again without a token",
     "{field}"
     "：应为一天之内发给本调用者、用于本次查询的翻页令牌，但并不是；请去掉令牌，从第一页重新开始"},
    {Reason::kFilterInvalid, StatusCode::INVALID_ARGUMENT,
     "{field}[, column {column}][, at {path}]: expected {expected}, but found \"{found}\"; [did "
     "you mean {suggestion}? ]correct the filter",
     "{field}[，第 {column} 个字符][，位于 {path}]：应为 "
     "{expected}，但遇到“{found}”；[是否想写 {suggestion}？]"
     "请更正筛选条件"},
    {Reason::kOrderByInvalid, StatusCode::INVALID_ARGUMENT,
     "{field}: expected one of {expected}, but got \"{value}\"; choose one of these orders",
     "{field}：应为 {expected} 之一，但收到“{value}”；请选择其中一种排序"},
    {Reason::kEtagRequired, StatusCode::INVALID_ARGUMENT,
     "{field}: expected the etag of the record as you saw it, but it is absent; read the record "
     "and "
     "send its etag",
     "{field}：应填写所见记录的 etag，但未填写；请先读取记录，再带上它的 etag"},
    {Reason::kTooManyItems, StatusCode::INVALID_ARGUMENT,
     "{field}: expected at most {expected} items, but got {value}; split the list",
     "{field}：最多 {expected} 项，但收到 {value} 项；请分批发送"},
    {Reason::kStreamOutOfOrder, StatusCode::INVALID_ARGUMENT,
     "{field}: expected the message that begins the stream first and once, and then only what "
     "follows it, but the stream is in another order; send its header or start first and once",
     "{field}：流的第一条消息应为表头或起点，其后只有后续内容，但顺序不符；"
     "请先发送表头或起点，且只发送一次"},
    {Reason::kReasonUnknown, StatusCode::INVALID_ARGUMENT,
     "[{field}: ]expected one of the words that the configuration lists[: {allowed}], but got "
     "\"{value}\"; choose one of them, or have the list extended",
     "[{field}：]应为配置中列出的词[：{allowed}]，但收到“{value}”；请从中选择，或先扩充列表"},
    {Reason::kStatusUnknown, StatusCode::INVALID_ARGUMENT,
     "[{field}: ]expected the key of a status of the lifecycle[: {allowed}], but got \"{value}\"; "
     "choose one that GetLifecycle shows",
     "[{field}：]应为生命周期中的状态键[：{allowed}]，但收到“{value}”；请从生命周期的状态中选择"},
    {Reason::kRemedyTypeUnknown, StatusCode::INVALID_ARGUMENT,
     "expected a remedy of the catalogue, but got {value}; choose one of: {allowed}",
     "补救目录中没有 {value}；请从中选择：{allowed}"},
    {Reason::kMergeIntoItself, StatusCode::INVALID_ARGUMENT,
     "expected two cases, but both are {case}; name the other one",
     "两个工单都是 {case}；请指明另一个工单"},
    {Reason::kLinkKindUnknown, StatusCode::INVALID_ARGUMENT,
     "expected a kind of link, but got {value}; choose one of: {allowed}",
     "没有 {value} 这种关联；请从中选择：{allowed}"},
    {Reason::kQueueUnknown, StatusCode::INVALID_ARGUMENT,
     "expected a queue of the configuration, but got {queue}; choose one of: {allowed}",
     "没有 {queue} 这个工单池；请从中选择：{allowed}"},
    {Reason::kEvidenceRequired, StatusCode::INVALID_ARGUMENT,
     "expected at least one item of evidence with a link or words, but got none; add what shows it",
     "至少需要一项证据（链接或说明），但没有收到；请补充证据"},
    {Reason::kBlacklistExpiryRequired, StatusCode::INVALID_ARGUMENT,
     "{field}: expected the end of the {kind} restriction, a time {expected}, but it is absent; "
     "set when it lapses",
     "{field}：{kind} 限制必须有到期时间（{expected}），但未填写；请填写到期时间"},
    {Reason::kBlacklistExpiryPast, StatusCode::INVALID_ARGUMENT,
     "{field}: expected a time {expected}, but got {value}; set a later end",
     "{field}：到期时间应为 {expected}，但收到 {value}；请填写更晚的时间"},
    {Reason::kBlacklistExpiryTooFar, StatusCode::INVALID_ARGUMENT,
     "{field}: expected the {kind} restriction to last {expected}, but got {value}; set an earlier "
     "end, it may be extended by a new decision",
     "{field}：{kind} 限制的期限应为 {expected}，但收到 {value}；请缩短期限，到期前可另行决定延长"},
    {Reason::kBlacklistEffectNotOfKind, StatusCode::INVALID_ARGUMENT,
     "{field}: expected a {kind} restriction to name {expected} only; leave the field empty or "
     "propose another kind",
     "{field}：{kind} 限制只能填写 {expected}；请清空此字段，或改为提出其他类型"},
    {Reason::kBlacklistRemedyStatutory, StatusCode::INVALID_ARGUMENT,
     "{field}: expected a remedy at our discretion, but {value} is owed by law; leave it out",
     "{field}：只能限制自主给予的补救，而 {value} 为法定义务；请去掉"},
    {Reason::kBlacklistImmediateNotAllowed, StatusCode::INVALID_ARGUMENT,
     "{field}: expected {expected} for a {kind} restriction, since only staff_safety may hold "
     "before a second person has decided; leave it out",
     "{field}：{kind} 限制应为 {expected}：只有 staff_safety 可在第二人决定之前生效；请去掉"},
    {Reason::kBlacklistImmediateTooLong, StatusCode::INVALID_ARGUMENT,
     "{field}: expected an immediate effect {expected}, which is 72 hours from now, but got "
     "{value}; shorten it and have it decided by then",
     "{field}：即时生效应 {expected}（自提出起 72 小时内），但收到 "
     "{value}；请缩短，并在此之前作出决定"},
    {Reason::kBlacklistRuleNoCondition, StatusCode::INVALID_ARGUMENT,
     "{field}: expected rule {rule} to have a condition or a count here, but it has none; say what "
     "has to have happened",
     "{field}：规则 {rule} 在此处须有条件或计数，但没有；请写明须发生何事"},
    {Reason::kBlacklistRuleScoresOnly, StatusCode::INVALID_ARGUMENT,
     "{field}: expected rule {rule} to rest on more than scores in every alternative; add a "
     "condition or a count of what was done, or leave the alternative out",
     "{field}：规则 {rule} "
     "的每个备选条件都不能只依据评分；请补充行为方面的条件或计数，或去掉该备选"},
    {Reason::kBlacklistRuleProtected, StatusCode::INVALID_ARGUMENT,
     "{field}: expected rule {rule} to use no protected attribute, but it asks for {value}; leave "
     "it out",
     "{field}：规则 {rule} 不得使用受保护的属性，但使用了 {value}；请去掉"},
    {Reason::kBlacklistRuleDuration, StatusCode::INVALID_ARGUMENT,
     "{field}: expected rule {rule} to propose a duration of {expected}, but got {value}; correct "
     "the duration",
     "{field}：规则 {rule} 提出的期限应为 {expected}，但为 {value}；请更正期限"},
    {Reason::kConfigInvalid, StatusCode::INVALID_ARGUMENT,
     "expected a configuration without faults, but found {count}; correct what is listed, the one "
     "in "
     "force stays",
     "配置应没有错误，但发现 {count} 处；请逐一更正，当前生效的配置保持不变"},
    {Reason::kPasswordRefused, StatusCode::INVALID_ARGUMENT,
     "{field}: expected a password of {expected}, but it is not; choose another one",
     "{field}：密码应为 {expected}，但不符合要求；请另选密码"},
    {Reason::kTargetForbidden, StatusCode::INVALID_ARGUMENT,
     "{field}: expected an https address on the public internet, without a user and at a port of "
     "web "
     "servers, but its {part} is not allowed; give another one, or ask the operator to allow its "
     "network",
     "{field}：应为公网上的 https 地址，不带用户名，端口为网页服务常用端口，但其 {part} 不被允许；"
     "请更换地址，或请管理员放行其网段"},
    {Reason::kHeaderNotAllowed, StatusCode::INVALID_ARGUMENT,
     "{field}: expected a header of your own in printable ASCII, once, but it is none, or one that "
     "the server or the connection sets; rename or remove it",
     "{field}：应为自定义的请求头，只含可见 ASCII "
     "字符且不重复，但不符合，或属于服务器、连接自身的请求头；"
     "请改名或删除"},
    {Reason::kCredentialInUrl, StatusCode::INVALID_ARGUMENT,
     "{field}: expected no credential in an address, where logs and histories keep it; send it in "
     "the authorization header, and replace this one",
     "{field}：地址中不得携带凭证，日志和浏览记录会留存它；请改用 authorization "
     "请求头，并更换此凭证"},

    {Reason::kNotFound, StatusCode::NOT_FOUND,
     "expected a {resource} that exists and that you may see, but there is none; check the id",
     "没有这条记录（{resource}），或您无权查看；请核对编号"},
    {Reason::kNothingToClaim, StatusCode::NOT_FOUND,
     "expected a case without an owner[ in queue {queue}], but none waits; try again later",
     "[工单池 {queue} 中]没有待领的工单；请稍后再试"},
    {Reason::kRevisionUnknown, StatusCode::NOT_FOUND,
     "expected the number of a stored revision, but there is no revision {revision}; choose one "
     "that "
     "ListRevisions shows",
     "没有编号为 {revision} 的配置版本；请从配置版本列表中选择"},

    {Reason::kRequestIdReused, StatusCode::ALREADY_EXISTS,
     "expected request id {request_id} to come with the body it was first used with, but the body "
     "differs; use a fresh id for a new request",
     "请求编号 {request_id} 应与首次使用时的内容一致，但内容不同；新请求请使用新的编号"},
    {Reason::kUserExists, StatusCode::ALREADY_EXISTS,
     "expected a name that nobody has, but {user} is taken; choose another one",
     "名称 {user} 已被使用；请另选名称"},
    {Reason::kResponseExternalIdReused, StatusCode::ALREADY_EXISTS,
     "expected external id {external_id} of {source_system} to come with what is stored under it, "
     "but the content differs; correct the id or the content",
     "来源 {source_system} 的外部编号 {external_id} 已有记录，且内容不同；请更正编号或内容"},
    {Reason::kAliasTaken, StatusCode::ALREADY_EXISTS,
     "expected a key that the customer does not have yet, but {source_system} {external_id} is the "
     "customer's already; nothing needs to be done",
     "应为该客户尚未拥有的编号，但 {source_system} 的 {external_id} 已属于该客户；无需再添加"},
    {Reason::kBehaviourKeyReused, StatusCode::ALREADY_EXISTS,
     "expected behaviour {external_id} of {source_system} to come with what is stored under it for "
     "the customer, but the content differs; correct the id or the content",
     "该客户在来源 {source_system} 中编号为 {external_id} "
     "的行为已有记录，且内容不同；请更正编号或内容"},

    {Reason::kEtagMismatch, StatusCode::ABORTED,
     "expected the current etag {current}, but the record changed since it was read; read it again "
     "and decide again",
     "记录在读取后已被修改，当前 etag 为 {current}；请重新读取后再操作"},
    {Reason::kRequestInProgress, StatusCode::ABORTED,
     "expected request {request_id} to run once, but the same request is still running; wait a "
     "second and repeat it",
     "请求 {request_id} 仍在执行；请稍候一秒，再重复同一请求"},
    {Reason::kRevisionConflict, StatusCode::ABORTED,
     "expected revision {expected} to be in force, but it is {current}; look at what changed and "
     "apply again",
     "应以配置版本 {expected} 为基础，但当前生效的是 {current}；请查看变化后重新应用"},
    {Reason::kLeaseLost, StatusCode::ABORTED,
     "expected to hold case {case} under lease {lease}, but that is over: it is at {current}[, "
     "with "
     "{owner}]; read the case before you go on",
     "您对工单 {case} 的占用（{lease}）已失效，现为 {current}[，归 {owner}]；请先重新读取工单"},

    {Reason::kTransitionNotAllowed, StatusCode::FAILED_PRECONDITION,
     "expected a status of case {case} that accepts {command}, but it is {status}[; allowed now: "
     "{allowed}]",
     "工单 {case} 的当前状态 {status} 不能执行 {command}[；现在可以执行：{allowed}]"},
    {Reason::kDedupeSlotTaken, StatusCode::FAILED_PRECONDITION,
     "expected no other open case of this customer in the program, but {case} is open; work on "
     "that "
     "case",
     "该客户在此调研项目中应只有一个未关闭的工单，但 {case} 尚未关闭；请处理该工单"},
    {Reason::kDoNotContact, StatusCode::FAILED_PRECONDITION,
     "expected a customer who may be approached, but customer {customer} must not be contacted; do "
     "not contact, or change the consent at the customer's own wish",
     "客户 {customer} 已设为请勿联系；请勿联系，或在客户本人提出后修改其同意设置"},
    {Reason::kConsentDenied, StatusCode::FAILED_PRECONDITION,
     "expected consent of customer {customer} to {purpose} by {channel}, but it was refused; use "
     "another channel, or ask for consent first",
     "客户 {customer} 不同意以 {channel} 方式进行 {purpose}；请改用其他渠道，或先征得同意"},
    {Reason::kCustomerUnknown, StatusCode::FAILED_PRECONDITION,
     "expected a known customer or contact person, but case {case} has neither; handle the cause "
     "and resolve the case without contact",
     "工单 {case} 没有客户，也没有联系人，无人可联系；请处理原因，不经联系即可办结"},
    {Reason::kCurrencyMismatch, StatusCode::FAILED_PRECONDITION,
     "expected the program's currency {expected}, but got {value}; convert the amount first",
     "该调研项目的币种为 {expected}，但收到 {value}；请先换算金额"},
    {Reason::kPairingMismatch, StatusCode::FAILED_PRECONDITION,
     "expected an answer that case {case} waits for, but the {expected} does not match; name the "
     "right case, or send the answer without one",
     "工单 {case} 等待的不是这份答卷（{expected} 不符）；请指明正确的工单，或不指明工单"},
    {Reason::kHistoryCaseWorked, StatusCode::FAILED_PRECONDITION,
     "expected a history that nobody worked on, but case {case} was worked by people; send the "
     "answer without history mode",
     "工单 {case} 已由人员处理，历史不能重新推导；请不用历史模式发送此答卷"},
    {Reason::kAliasCycle, StatusCode::FAILED_PRECONDITION,
     "expected two customers that are not linked, but customer {customer} is linked with this one "
     "already; nothing needs to be done",
     "两个客户应尚未关联，但客户 {customer} 已与该客户关联；无需再关联"},
    {Reason::kReturnLimitReached, StatusCode::FAILED_PRECONDITION,
     "expected case {case} to have been returned fewer than {limit} times, but the limit is "
     "reached; accept it, dispatch or assign it to whom it belongs, or ask a supervisor",
     "工单 {case} 的退单次数已达上限 {limit}；请接单处理，或派单、指派给应处理的人，或请主管协调"},
    {Reason::kExtensionLimitReached, StatusCode::FAILED_PRECONDITION,
     "expected fewer than {limit} extensions of the clock {clock} of case {case}, but the limit is "
     "reached; meet the deadline, or escalate the case",
     "工单 {case} 的时限 {clock} 延期次数已达上限 {limit}；请按时完成，或升级工单"},
    {Reason::kExtensionDecided, StatusCode::FAILED_PRECONDITION,
     "expected an extension of case {case} that waits for a decision, but this one is {state}; ask "
     "for a new one",
     "工单 {case} 的该延期申请已有结论（{state}），不再等待审批；如仍需延期，请重新申请"},
    {Reason::kAssistAnswered, StatusCode::FAILED_PRECONDITION,
     "expected a request for help of case {case} that waits for its answer, but this one has one; "
     "make a new request",
     "工单 {case} 的该协办请求已有答复；如需继续协办，请重新发起"},
    {Reason::kCommitmentSettled, StatusCode::FAILED_PRECONDITION,
     "expected a commitment of case {case} that is open, but this one is {state}; make a new one",
     "工单 {case} 的该承诺已有结果（{state}）；如需再承诺，请另行记录"},
    {Reason::kSecondPersonRequired, StatusCode::FAILED_PRECONDITION,
     "expected {command} of case {case} to be done by somebody other than {person}; ask a second "
     "person",
     "工单 {case} 的 {command} 须由 {person} 以外的人执行；请由第二人办理"},
    {Reason::kCaseIncomplete, StatusCode::FAILED_PRECONDITION,
     "expected case {case} to have {missing} after {command}, but it has not; record what is "
     "missing "
     "first",
     "工单 {case} 执行 {command} 之后应具备 {missing}，但尚未具备；请先补全"},
    {Reason::kClockNotRunning, StatusCode::FAILED_PRECONDITION,
     "expected case {case} to have a running clock[ {clock}], but it has none; look at its clocks",
     "工单 {case} 没有正在计时的时限[ {clock}]；请查看该工单的时限"},
    {Reason::kClockNotPausable, StatusCode::FAILED_PRECONDITION,
     "expected a clock of case {case} that may be paused or extended, but {clock} may not; keep "
     "the "
     "deadline",
     "工单 {case} 的时限 {clock} 不可挂起或延期；请按时完成"},
    {Reason::kCaseStatusNotInRevision, StatusCode::FAILED_PRECONDITION,
     "expected status {status} of case {case} to exist in revision {revision}, but it does not; "
     "name "
     "the status that the case takes there[: {allowed}]",
     "工单 {case} 的状态 {status} 在配置版本 {revision} 中不存在；请指明迁移后的状态[：{allowed}]"},
    {Reason::kTimersNotHeld, StatusCode::FAILED_PRECONDITION,
     "expected timers that are held, but they are running; nothing needs to be confirmed",
     "应有被暂停的定时器，但定时器运行正常；无需确认"},
    {Reason::kRemedyLimitExceeded, StatusCode::FAILED_PRECONDITION,
     "expected at most {allowed}[ {currency}] per {per} (limit {limit}), but {used} is given and "
     "{asked} more is asked for; give less, or something else",
     "限额 {limit} 规定每个 {per} 至多 {allowed}[ {currency}]，已给 {used}，再给 {asked} "
     "将超出；请减少金额或改用其他补救"},
    {Reason::kRemedyNeedsApproval, StatusCode::FAILED_PRECONDITION,
     "expected this remedy of case {case} to be approved by somebody other than {person} (limit "
     "{limit}), but it is not; ask for approval",
     "工单 {case} 的该补救超出个人权限（限额 {limit}），须由 {person} 以外的人批准；请先申请批准"},
    {Reason::kMergeMismatch, StatusCode::FAILED_PRECONDITION,
     "expected cases of one customer, but {case} and {into} are not; link them instead, or link "
     "the customers first",
     "工单 {case} 与 {into} 不属于同一客户；请改为关联工单，或先关联两个客户"},
    {Reason::kMergeTargetClosed, StatusCode::FAILED_PRECONDITION,
     "expected an open case to merge into, but {case} is {status}; reopen it[, or merge into "
     "{into}]",
     "目标工单 {case} 的状态为 {status}，不能并入；请先重新打开[，或并入 {into}]"},
    {Reason::kMergeTargetHeldOut, StatusCode::FAILED_PRECONDITION,
     "expected a case that is handled to merge {case} into, but {into} is held back for "
     "comparison; merge {into} into {case}, or begin {into} first",
     "工单 {into} 属于对照组，暂不处理，不能把 {case} 并入；请把 {into} 并入 {case}，或先开始处理 "
     "{into}"},
    {Reason::kMergeTooDeep, StatusCode::FAILED_PRECONDITION,
     "expected at most {limit} cases merged one into the other, but {case} carries as many; merge "
     "them into one case side by side",
     "逐级并入至多 {limit} 层，工单 {case} 已达上限；请把它们直接并入同一工单"},
    {Reason::kNotMerged, StatusCode::FAILED_PRECONDITION,
     "expected a merged case, but {case} is not; nothing needs to be undone",
     "工单 {case} 并未并入其他工单；无需撤销"},
    {Reason::kVerdictPending, StatusCode::FAILED_PRECONDITION,
     "expected no ruling of case {case} to be waiting, but {verdict} is; decide it first",
     "工单 {case} 已有待决的裁定 {verdict}；请先作出决定"},
    {Reason::kVerdictDecided, StatusCode::FAILED_PRECONDITION,
     "expected a ruling of case {case} that waits for its decision, but this one is {state}; "
     "propose a new one",
     "工单 {case} 的该裁定已有结论（{state}）；如有新证据，请重新提出"},
    {Reason::kAppealNotOpen, StatusCode::FAILED_PRECONDITION,
     "expected a finding of case {case} that fits the command, but the appeal is {state}; look at "
     "its findings",
     "工单 {case} 的责任认定不适用此操作（申诉状态：{state}）；请查看其责任认定"},
    {Reason::kAppealPending, StatusCode::FAILED_PRECONDITION,
     "expected no appeal of case {case} to be waiting, but one is; decide it first",
     "工单 {case} 的申诉尚未裁决；请先裁决"},
    {Reason::kAppealTooLate, StatusCode::FAILED_PRECONDITION,
     "expected an appeal against the finding of case {case} until {until}, but that is over; ask "
     "whoever found so for a new finding",
     "工单 {case} 的申诉期限 {until} 已过；请联系认定人重新认定"},
    {Reason::kAlertAcknowledged, StatusCode::FAILED_PRECONDITION,
     "expected an alert of case {case} that waits, but there is none[: {person} acknowledged it]; "
     "nothing needs to be done",
     "工单 {case} 没有待确认的告警[（{person} 已确认）]；无需操作"},
    {Reason::kCaseNotHeldOut, StatusCode::FAILED_PRECONDITION,
     "expected a case that is held back, but {case} is not; handle it as usual",
     "工单 {case} 不在对照组等待中；请照常处理"},
    {Reason::kOwnerIsAccused, StatusCode::FAILED_PRECONDITION,
     "expected an owner whom case {case} is not about, but it is about {person}; give it to "
     "somebody else",
     "工单 {case} 投诉的正是 {person}，不能由其处理；请交给他人"},
    {Reason::kCapacityReached, StatusCode::FAILED_PRECONDITION,
     "expected fewer than {capacity} open cases before claiming another, but you have {open}; "
     "finish "
     "or return one first",
     "在办工单上限为 {capacity}，您已有 {open} 件，不能再领；请先办结或退回一件"},
    {Reason::kStepUnknown, StatusCode::FAILED_PRECONDITION,
     "expected a step of the plan of case {case}, but {step} is none; its steps: {allowed}",
     "工单 {case} 的方案中没有步骤 {step}；可用的步骤：{allowed}"},
    {Reason::kStepNotActive, StatusCode::FAILED_PRECONDITION,
     "expected to end step {step} of case {case}, but the active one is {active}; steps come one "
     "after another",
     "工单 {case} 的当前步骤是 {active}，不能结束 {step}；步骤须依次进行"},
    {Reason::kStepEndsOtherwise, StatusCode::FAILED_PRECONDITION,
     "expected a task or aftercare, but step {step} of case {case} is of kind {kind}, which ends "
     "by "
     "the command {command}; use that, or skip the step with a note",
     "工单 {case} 的步骤 {step} 属于 {kind} 类，由命令 {command} "
     "结束；请使用该命令，或备注原因后跳过"},
    {Reason::kUnreachableNotShown, StatusCode::FAILED_PRECONDITION,
     "expected {needed_attempts} tries on {needed_days} days in {needed_bands} parts of the day "
     "and "
     "{needed_messages} messages before case {case} is unreachable, but there were {attempts} on "
     "{days} in {bands} and {messages}; try again at another time",
     "工单 {case} 须在 {needed_days} 天的 {needed_bands} 个时段共联系 {needed_attempts} 次并发 "
     "{needed_messages} 条消息，才能以联系不上办结；目前 {days} 天、{bands} 个时段、{attempts} 次、"
     "{messages} 条消息；请换个时间再联系"},

    {Reason::kBlacklistEntryExists, StatusCode::FAILED_PRECONDITION,
     "expected a restriction that is not there yet, but {entry} ({kind}, {state}) covers it; "
     "decide on that one or extend it",
     "该限制已由 {entry}（{kind}，{state}）涵盖；请对该条目作出决定或申请延长"},
    {Reason::kBlacklistImmediateUsed, StatusCode::FAILED_PRECONDITION,
     "expected no immediate effect until {until}, since that of {entry} was not confirmed by a "
     "second person; propose without it and have it decided",
     "{until} 之前不得再次即时生效：{entry} "
     "的即时生效未经第二人确认；请不带即时生效提出，并尽快决定"},
    {Reason::kBlacklistTransitionNotAllowed, StatusCode::FAILED_PRECONDITION,
     "expected a state of {entry} that accepts {command}, but it is {state}[; allowed now: "
     "{allowed}]; what has ended is proposed anew",
     "{entry} 处于 {state}，不接受 {command}[；现在可以执行：{allowed}]；已终结的条目请重新提出"},
    {Reason::kBlacklistWarningRequired, StatusCode::FAILED_PRECONDITION,
     "expected the customer to be warned before {entry} ({kind}) holds[, and to have time until "
     "{until}]; warn first, or wait",
     "{entry}（{kind}）生效前须先警告客户[，并等到 {until}]；请先警告或等待"},
    {Reason::kBlacklistDeciderProposed, StatusCode::FAILED_PRECONDITION,
     "expected {command} of {entry} by somebody other than {person}, who asked for it; ask a "
     "second person",
     "{entry} 的 {command} 须由提出人 {person} 以外的人办理；请由第二人决定"},
    {Reason::kBlacklistDeciderDecided, StatusCode::FAILED_PRECONDITION,
     "expected {command} of {entry} by somebody who has not decided on it, but {person} has; ask a "
     "third person",
     "{entry} 的 {command} 须由未参与过决定的人办理，而 {person} 曾作出决定；请由第三人办理"},
    {Reason::kBlacklistDeciderIsOwner, StatusCode::FAILED_PRECONDITION,
     "expected {command} of {entry} by somebody who works on no case of the customer, but {person} "
     "does; ask somebody else",
     "{entry} 的 {command} 不得由正在处理该客户工单的 {person} 办理；请由他人办理"},
    {Reason::kBlacklistDeciderNotPerson, StatusCode::FAILED_PRECONDITION,
     "expected {command} of {entry} by a person, but it comes from the system; ask a person",
     "{entry} 的 {command} 须由人员办理，不能由系统办理；请由人员决定"},
    {Reason::kBlacklistAppealMade, StatusCode::FAILED_PRECONDITION,
     "expected the first appeal against {entry}, but there was one ({state}); lift the entry if it "
     "is not right any more",
     "{entry} 只能申诉一次，已有申诉（{state}）；如限制不再适当，请解除"},
    {Reason::kBlacklistAppealTooLate, StatusCode::FAILED_PRECONDITION,
     "expected an appeal against {entry} until {until}, but that is over; lift the entry if it is "
     "not right any more",
     "{entry} 的申诉期限 {until} 已过；如限制不再适当，请解除"},
    {Reason::kBlacklistAppealNotOpen, StatusCode::FAILED_PRECONDITION,
     "expected an appeal against {entry} that waits for its decision, but there is none ({state}); "
     "reload the entry",
     "{entry} 没有待决的申诉（{state}）；请刷新条目"},
    {Reason::kBlacklistAppealPending, StatusCode::FAILED_PRECONDITION,
     "expected no appeal against {entry} to be waiting, but one is to be decided until {until}; "
     "decide it first",
     "{entry} 有待决的申诉（应于 {until} 前决定）；请先作出决定"},
    {Reason::kBlacklistExtensionPending, StatusCode::FAILED_PRECONDITION,
     "expected no extension of {entry} to be waiting, but {person} has asked for one until "
     "{until}; decide it first",
     "{entry} 已有 {person} 申请延长至 {until}；请先作出决定"},
    {Reason::kBlacklistExtensionNotOpen, StatusCode::FAILED_PRECONDITION,
     "expected an extension of {entry} that waits for its decision, but there is none; ask for one "
     "first",
     "{entry} 没有待决的延长申请；请先提出申请"},
    {Reason::kBlacklistNoticesNotConfigured, StatusCode::FAILED_PRECONDITION,
     "expected words for the notice {notice} of {entry}, but the configuration has no notices; add "
     "all six to blacklist.yaml, or have whoever delivers it word it",
     "配置中没有告知文本，无法生成 {entry} 的 {notice} 告知；请在 blacklist.yaml "
     "中补全六种告知，或由发送方自行拟定"},
    {Reason::kBlacklistNoticeNotDue, StatusCode::FAILED_PRECONDITION,
     "expected {entry} to have come to the notice {notice}, but it is {state}; show the entry, and "
     "ask for a notice of what was decided on it or may come next",
     "{entry} 处于 {state}，没有 {notice} "
     "告知可言；请查看条目，并选择已作出或下一步可能作出的决定"},
    {Reason::kBlacklistBlocks, StatusCode::FAILED_PRECONDITION,
     "expected what no blacklist entry of the customer restricts, but {entries} restricts it for "
     "{case}; do what is owed by law, or have the entry reviewed",
     "该客户的黑名单条目 {entries} 限制了 {case} 上的此项操作；请办理法定事项，或申请复核该条目"},
    {Reason::kBlacklistNeedsApproval, StatusCode::FAILED_PRECONDITION,
     "expected somebody else's approval on {case}, because of {entries}; propose the remedy and "
     "have it approved, or ask a manager to supervise the case before you meet the customer",
     "因 {entries}，{case} "
     "上的此项操作须经他人批准；请先提出补救措施并由他人批准，或请主管督办后再与客户见面"},
    {Reason::kCustomerErased, StatusCode::FAILED_PRECONDITION,
     "expected a customer who is not erased, but {customer} is; nothing is added to what is left "
     "of "
     "them: upsert them under a key of theirs if they are a customer again",
     "客户 {customer} 的个人信息已删除，不能再添加内容；如其再次成为客户，请用其外部编号重新登记"},
    {Reason::kBehaviourLimitReached, StatusCode::FAILED_PRECONDITION,
     "expected a customer of fewer than {limit} behaviours, but {customer} has as many; record "
     "those "
     "that tell something, or sum them up",
     "客户 {customer} 的行为记录已达上限 {limit} 条；请只记录有意义的行为，或合并后登记"},
    {Reason::kLastAdmin, StatusCode::FAILED_PRECONDITION,
     "expected another enabled administrator without limits, but {user} is the last one; make "
     "another one first",
     "{user} 是最后一个启用且不受限制的管理员；请先设置另一个管理员"},
    {Reason::kSessionRequired, StatusCode::FAILED_PRECONDITION,
     "expected the token of a session, but got another kind of token; sign in and try "
     "again",
     "应使用登录会话的令牌，但收到的是其他令牌；请登录后重试"},
    {Reason::kApiKeyEnded, StatusCode::FAILED_PRECONDITION,
     "expected an API key that works, but {key} has ended; create a new one",
     "API 密钥 {key} 已失效；请创建新的密钥"},
    {Reason::kTooManyApiKeys, StatusCode::FAILED_PRECONDITION,
     "expected fewer than {expected} API keys of {user} that work, but there are as many; revoke "
     "one first",
     "{user} 的有效 API 密钥已达上限 {expected} 个；请先撤销不用的密钥"},
    {Reason::kUnauthenticated, StatusCode::UNAUTHENTICATED,
     "expected \"authorization: Bearer TOKEN\" with a valid token, but got none; send the token "
     "that the operator gave you",
     "应提供有效令牌（authorization: Bearer 令牌），但没有收到；请使用管理员发放的令牌"},
    {Reason::kSignInRefused, StatusCode::UNAUTHENTICATED,
     "expected the name and the password of a user who may sign in, but they are not; check both, "
     "or ask an administrator for a link",
     "用户名或密码不正确，或该用户不能登录；请核对，或请管理员提供重设密码的链接"},
    {Reason::kOneTimeTokenRefused, StatusCode::UNAUTHENTICATED,
     "expected the token of a link that was not used and has not ended, but it is not; ask for a "
     "new link",
     "链接已使用、已过期或不存在；请重新获取链接"},
    {Reason::kProviderSignInEnded, StatusCode::UNAUTHENTICATED,
     "expected a sign-in that this browser began here within the last 10 minutes, but there is "
     "none; begin again",
     "该登录不是本浏览器在最近 10 分钟内从本站发起的，或已失效；请重新登录"},
    {Reason::kProviderSignInRefused, StatusCode::UNAUTHENTICATED,
     "expected the OpenID provider to say who you are, but it did not, or not in a way that can be "
     "believed; begin again",
     "身份提供方未能确认您的身份，或其回应不可信；请重新登录"},
    {Reason::kProviderUserUnknown, StatusCode::PERMISSION_DENIED,
     "expected a user here under the name that the OpenID provider gives, but there is none that "
     "may sign in; ask an administrator",
     "本系统中没有与身份提供方所给名称对应且可以登录的用户；请联系管理员"},
    {Reason::kRoleNotAllowed, StatusCode::PERMISSION_DENIED,
     "expected a role that may call {method}, but yours is {role}; ask the operator for a role "
     "that "
     "may",
     "角色 {role} 无权调用 {method}；请向管理员申请相应的角色"},
    {Reason::kCrossSiteCall, StatusCode::PERMISSION_DENIED,
     "expected a call by a page of this server, but the cookie came without the header "
     "x-rebound-csrf or connect-protocol-version, or from another origin; sign in on this site",
     "请求并非来自本站页面（缺少 x-rebound-csrf 或 connect-protocol-version "
     "请求头，或来源不同）；请在本站登录后操作"},
    {Reason::kMethodNotGranted, StatusCode::PERMISSION_DENIED,
     "expected an API key that may call {method}, but {key} may not; use one that may, or sign in",
     "API 密钥 {key} 无权调用 {method}；请使用有权限的密钥，或登录后操作"},
    {Reason::kGrantExceedsOwn, StatusCode::PERMISSION_DENIED,
     "expected no more than you have yourself, but {what} {value} is beyond it; ask somebody who "
     "has it",
     "不能授予或管理超出自身权限的内容（{what}：{value}）；请由拥有该权限的人办理"},
    {Reason::kOwnRightsKept, StatusCode::PERMISSION_DENIED,
     "expected somebody else to change the rights of {user}, but it is you; ask another "
     "administrator",
     "不能修改自己（{user}）的权限；请由其他管理员办理"},
    {Reason::kPasswordWrong, StatusCode::PERMISSION_DENIED,
     "expected the password that you have now, but it is another one; type it again",
     "原密码不正确；请重新输入"},
    {Reason::kTransitionRoleNotAllowed, StatusCode::PERMISSION_DENIED,
     "expected one of the roles {roles} for {command} of case {case} in status {status}, but yours "
     "is "
     "{role}; ask somebody with such a role",
     "状态为 {status} 的工单 {case}，{command} 须由角色 {roles} 执行，但您的角色是 "
     "{role}；请由相应角色办理"},

    {Reason::kBlacklistRoleNotAllowed, StatusCode::PERMISSION_DENIED,
     "expected {command} of a {kind} restriction by one of the roles {roles}, but yours is {role}; "
     "ask somebody of those",
     "{kind} 限制的 {command} 仅限角色 {roles}，当前角色为 {role}；请由上述角色办理"},
    {Reason::kCursorInvalid, StatusCode::INVALID_ARGUMENT,
     "{field}: expected a cursor that this server gave to you, but it is not; send it as it came, "
     "or begin with a preset",
     "{field}：应为本服务器发给您的游标，但并不是；请原样发送，或改用预设起点"},
    {Reason::kCursorExpired, StatusCode::OUT_OF_RANGE,
     "{field}: expected a cursor of the last {days} days, but events after it are older; read the "
     "records anew, and follow from the cursor {oldest}",
     "{field}：应为最近 {days} 天内的游标，但其后有更早的事件；请重新读取全部记录，再从游标 "
     "{oldest} 继续"},
    {Reason::kCursorAhead, StatusCode::OUT_OF_RANGE,
     "{field}: expected a cursor within the log, but it lies beyond the end, for the database is "
     "an older copy; read the records anew, and follow from the cursor {latest}",
     "{field}：游标超出事件日志的末尾，数据库是较早的副本；请重新读取全部记录，再从游标 {latest} "
     "继续"},
    {Reason::kCursorFromLostTimeline, StatusCode::ABORTED,
     "{field}: expected a cursor of this log, but its event is of a copy that is no longer; read "
     "the records anew, and follow from the cursor {oldest}",
     "{field}：游标所指事件属于已不存在的数据库副本；请重新读取全部记录，再从游标 {oldest} 继续"},
    {Reason::kSubscriptionExists, StatusCode::ALREADY_EXISTS,
     "expected a new name, but you have a subscription {subscription}; go on with it, or choose "
     "another name",
     "您已有名为 {subscription} 的订阅；请继续使用，或另取名称"},
    {Reason::kSubscriptionLimitReached, StatusCode::FAILED_PRECONDITION,
     "expected fewer than {limit} subscriptions of yours; delete one that is not needed any more",
     "您的订阅已达上限 {limit} 个；请删除不再需要的订阅"},
    {Reason::kEndpointLimitReached, StatusCode::FAILED_PRECONDITION,
     "expected fewer than {limit} endpoints of yours; delete one that is not needed any more",
     "您的推送端点已达上限 {limit} 个；请删除不再需要的端点"},
    {Reason::kMailNotSetUp, StatusCode::FAILED_PRECONDITION,
     "expected a mail server to send by, but none is set up; ask the operator for reboundd --smtp",
     "尚未配置邮件服务器，无法发送邮件；请管理员设置 reboundd --smtp"},
    {Reason::kSubscriptionTakenOver, StatusCode::ABORTED,
     "expected one stream of subscription {subscription}, but a newer one has begun; end one of "
     "the two, or give each a subscription of its own",
     "订阅 {subscription} 已由更新的连接接管；请只保留一个连接，或分别建立订阅"},
    {Reason::kStreamLimitReached, StatusCode::RESOURCE_EXHAUSTED,
     "expected fewer than {limit} open streams of yours; end one of them first",
     "您打开的事件流已达上限 {limit} 个；请先关闭其中之一"},
    {Reason::kRateLimited, StatusCode::RESOURCE_EXHAUSTED,
     "expected fewer calls by this {limit}, but its limit is reached; nothing was done, try again "
     "after {retry_ms} ms",
     "调用过于频繁，已达上限（{limit}）；本次未做任何更改，请在 {retry_ms} 毫秒后重试"},
    {Reason::kQueueFull, StatusCode::RESOURCE_EXHAUSTED,
     "expected fewer than {capacity} commands to wait, but the queue is full; nothing was done, "
     "try "
     "again after a second",
     "等待执行的命令已达上限 {capacity}；本次未做任何更改，请一秒后重试"},
    {Reason::kSignInThrottled, StatusCode::RESOURCE_EXHAUSTED,
     "expected fewer wrong passwords, but there were too many; try again in {seconds} seconds",
     "密码错误次数过多；请在 {seconds} 秒后重试"},
    {Reason::kDeadlineExceeded, StatusCode::DEADLINE_EXCEEDED,
     "expected time to do the work, but the deadline passed before it began; nothing was done, "
     "repeat the request with more time",
     "开始执行之前已超过截止时间；本次未做任何更改，请放宽时限后重试"},
    {Reason::kStoreUnavailable, StatusCode::UNAVAILABLE,
     "expected the store to answer, but it failed; whether a change was kept is not known: repeat "
     "it with the same request id",
     "存储发生故障；更改是否已保存尚不确定，请用同一请求编号重试"},
    {Reason::kProviderUnavailable, StatusCode::UNAVAILABLE,
     "expected the OpenID provider to answer, but it did not, or with nothing of use; sign in with "
     "a password, or try again later",
     "身份提供方没有响应，或其响应无法使用；请改用密码登录，或稍后重试"},
    {Reason::kShuttingDown, StatusCode::UNAVAILABLE,
     "expected a running server, but it is stopping; nothing was done, try again shortly",
     "服务器正在停止；本次未做任何更改，请稍后重试"},
    {Reason::kInternal, StatusCode::INTERNAL,
     "expected to answer, but the server met a fault of its own; tell the operator call id "
     "{call_id}",
     "服务器内部错误；请将调用编号 {call_id} 告知管理员"},
}};

constexpr bool InReasonOrder() {
  for (size_t i = 0; i < kTexts.size(); ++i) {
    if (static_cast<size_t>(kTexts[i].reason) != i) return false;
  }
  return true;
}
static_assert(InReasonOrder());

std::string_view TemplateFor(Reason reason, bool english) {
  const ReasonText& text = TextOf(reason);
  return english ? text.english : text.chinese;
}

size_t LongestOf(std::string_view key) {
  return key == "allowed" ? kLongestShownList : kLongestShownValue;
}

// Fills the placeholders of `text`; sets *missing when one of them had nothing to show.
std::string FillIn(std::string_view text, const Metadata& metadata, bool* missing) {
  std::string filled;
  while (!text.empty()) {
    const size_t mark = text.find('{');
    filled += text.substr(0, mark);
    if (mark == std::string_view::npos) break;
    const size_t end = text.find('}', mark);
    CHECK(end != std::string_view::npos);
    const auto found = metadata.find(std::string(text.substr(mark + 1, end - mark - 1)));
    if (found == metadata.end() || found->second.empty()) {
      *missing = true;
    } else {
      filled += Shown(found->second, LongestOf(found->first));
    }
    text.remove_prefix(end + 1);
  }
  return filled;
}

// "[A-Za-z0-9_-]" is a character class, not an optional part: a part holds a placeholder.
bool IsOptionalPart(std::string_view part) { return part.find('{') != std::string_view::npos; }

// What the checks expect, phrase by phrase, for a Chinese reader; longer phrases stand first.
constexpr std::pair<std::string_view, std::string_view> kPhrases[] = {
    {"5 minutes from now", "当前时间之后 5 分钟"},
    {"a time after now and within 366 days", "当前时间之后、366 天之内的时间"},
    {"0 to 7 days", "0 至 7 天"},
    {"a language tag like ", "语言标签，例如 "},
    {"a time after start_time", "晚于 start_time 的时间"},
    {"the full name of a method, like ", "方法全名，例如 "},
    {"at least 10 characters", "至少 10 个字符"},
    {"at most 1,024 bytes", "不超过 1,024 字节"},
    {"no control characters", "不含控制字符"},
    {"more than the user's name, the product's or what everybody tries",
     "不易猜到（不能只由用户名、产品名或常见密码组成）"},
    {"1 to 64 characters in Unicode form NFKC, without control characters or blanks at the ends",
     "1 至 64 个字符（Unicode NFKC 形式），不含控制字符，首尾无空格"},
    {"a time after now and within 10 years", "当前时间之后、10 年之内的时间"},
    {"26 lower-case base32 characters", "26 个小写 base32 字符"},
    {", or a number like ", "，或形如 "},
    {" characters without control characters or blanks at the ends",
     " 个字符，不含控制字符，首尾无空格"},
    {" minor units and an ISO 4217 code", " 个最小货币单位，并带 ISO 4217 代码"},
    {"the name of an event", "事件名称"},
    {"an IANA zone like ", "IANA 时区，例如 "},
    {"an http or https address", "http 或 https 地址"},
    {"at most ", "最多 "},
    {"one of the fields ", "以下字段之一："},
    {"one of ", "以下之一："},
    {" and up to ", "，且不超过 "},
    {"up to ", "不超过 "},
    {"after ", "晚于 "},
    {" to ", " 至 "},
};

Metadata InChinese(Metadata metadata) {
  const auto expected = metadata.find("expected");
  if (expected == metadata.end()) return metadata;
  for (const auto& [english, chinese] : kPhrases) {
    for (size_t at = expected->second.find(english); at != std::string::npos;
         at = expected->second.find(english, at + chinese.size())) {
      expected->second.replace(at, english.size(), chinese);
    }
  }
  return metadata;
}

// The metadata as it travels: the allowed commands are always in it.
Metadata FullMetadata(const Error& error) {
  Metadata metadata = error.metadata;
  if (!error.allowed.empty()) {
    std::string allowed;
    for (const std::string& command : error.allowed) {
      if (!allowed.empty()) allowed += ", ";
      allowed += command;
    }
    metadata.emplace("allowed", std::move(allowed));
  }
  return metadata;
}

std::string ErrorSubject(const Metadata& metadata) {
  for (const char* key : {"case", "customer"}) {
    if (const auto found = metadata.find(key); found != metadata.end()) {
      return key + ("/" + Shown(found->second));
    }
  }
  return {};
}

google::rpc::BadRequest BadRequestOf(const Error& error, size_t* omitted) {
  google::rpc::BadRequest bad_request;
  size_t bytes = 0;
  *omitted = 0;
  for (const FieldViolation& violation : error.violations) {
    std::string description = Render(violation, "en");
    bytes += violation.field.size() + description.size() + 8;
    if (bytes > kViolationBytes && bad_request.field_violations_size() > 0) {
      ++*omitted;
      continue;
    }
    auto* row = bad_request.add_field_violations();
    row->set_field(Shown(violation.field));
    row->set_description(std::move(description));
  }
  return bad_request;
}

google::rpc::PreconditionFailure PreconditionOf(const Error& error, const Metadata& metadata,
                                                const std::string& message) {
  google::rpc::PreconditionFailure failure;
  const bool statuses = error.reason == Reason::kCaseStatusNotInRevision;
  for (const std::string& command : error.allowed) {
    auto* row = failure.add_violations();
    row->set_type(statuses ? "ALLOWED_STATUS" : "ALLOWED_COMMAND");
    row->set_subject(command);
    row->set_description((statuses ? "the revision has " : "the present status accepts ") +
                         command);
  }
  if (failure.violations_size() == 0) {
    auto* row = failure.add_violations();
    row->set_type(std::string(Name(error.reason)));
    row->set_subject(ErrorSubject(metadata));
    row->set_description(message);
  }
  return failure;
}

std::string Sorted(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&out);
  out.Trim();
  return bytes;
}

}  // namespace

// Values come from callers and files: one line, valid UTF-8, not endless.
std::string Shown(std::string_view value, size_t longest) {
  std::string shown;
  size_t count = 0;
  for (size_t i = 0; i < value.size(); ++count) {
    if (count == longest) return shown + "…";
    utf8proc_int32_t code = 0;
    const auto length =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(value.data()) + i,
                         static_cast<utf8proc_ssize_t>(value.size() - i), &code);
    if (length <= 0) {
      shown += "\uFFFD";
      ++i;
      continue;
    }
    if (code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029) {
      shown += "\uFFFD";
    } else {
      shown += value.substr(i, static_cast<size_t>(length));
    }
    i += static_cast<size_t>(length);
  }
  return shown;
}

std::string FillTemplate(std::string_view text, const Metadata& metadata) {
  std::string filled;
  while (!text.empty()) {
    const size_t open = text.find('[');
    const size_t close = text.find(']', open == std::string_view::npos ? 0 : open);
    bool missing = false;
    if (open == std::string_view::npos || close == std::string_view::npos) {
      return filled + FillIn(text, metadata, &missing);
    }
    filled += FillIn(text.substr(0, open), metadata, &missing);
    const std::string_view part = text.substr(open + 1, close - open - 1);
    if (IsOptionalPart(part)) {
      bool left_out = false;
      const std::string inner = FillIn(part, metadata, &left_out);
      if (!left_out) filled += inner;
    } else {
      filled += text.substr(open, close - open + 1);
    }
    text.remove_prefix(close + 1);
  }
  return filled;
}

bool IsEnglish(std::string_view language) {
  return language.size() >= 2 && (language[0] == 'e' || language[0] == 'E') &&
         (language[1] == 'n' || language[1] == 'N') &&
         (language.size() == 2 || language[2] == '-' || language[2] == '_');
}

Duration RetryDelay(const Error& error) {
  if (error.reason == Reason::kRateLimited) {
    const auto found = error.metadata.find("retry_ms");
    const int64_t ms = found == error.metadata.end() ? 0 : std::atoll(found->second.c_str());
    return Duration{ms > 0 ? ms : 1'000};
  }
  if (error.reason == Reason::kSignInThrottled) {
    const auto found = error.metadata.find("seconds");
    const int64_t wait = found == error.metadata.end() ? 0 : std::atoll(found->second.c_str());
    return std::chrono::seconds{std::max<int64_t>(wait, 1)};
  }
  if (error.reason == Reason::kQueueFull || error.reason == Reason::kRequestInProgress) {
    return std::chrono::seconds{1};
  }
  if (error.reason == Reason::kStoreUnavailable) return std::chrono::seconds{5};
  return Duration{0};
}

const ReasonText& TextOf(Reason reason) {
  const auto index = static_cast<size_t>(reason);
  CHECK(index < kTexts.size());
  return kTexts[index];
}

std::string Render(const FieldViolation& violation, std::string_view language) {
  Metadata metadata = violation.metadata;
  if (violation.reason == Reason::kConfigInvalid) {
    return Shown(violation.field + ": " + metadata[IsEnglish(language) ? "en" : "zh"]);
  }
  metadata["field"] = violation.field;
  const bool english = IsEnglish(language);
  return FillTemplate(TemplateFor(violation.reason, english),
                      english ? metadata : InChinese(std::move(metadata)));
}

std::string Render(const Error& error, std::string_view language) {
  const bool english = IsEnglish(language);
  Metadata metadata = FullMetadata(error);
  if (!english) metadata = InChinese(std::move(metadata));
  std::string text = FillTemplate(TemplateFor(error.reason, english), metadata);
  const bool lists =
      error.reason == Reason::kFieldViolations || error.reason == Reason::kConfigInvalid;
  if (!lists || error.violations.empty()) return text;
  text += english ? ": " : "：";
  size_t shown = 0;
  size_t bytes = 0;
  for (const FieldViolation& violation : error.violations) {
    const std::string part = Render(violation, language);
    bytes += part.size();
    if (shown > 0 && bytes > kViolationsInMessage) break;
    if (shown > 0) text += english ? " | " : "｜";
    text += part;
    ++shown;
  }
  if (const size_t rest = error.violations.size() - shown; rest > 0) {
    text += english ? " | and " + std::to_string(rest) + " more"
                    : "｜另有 " + std::to_string(rest) + " 处";
  }
  return text;
}

grpc::Status ToStatus(const Error& error, std::string_view language) {
  const StatusCode code = TextOf(error.reason).code;
  const std::string message = Render(error, "en");
  Metadata metadata = FullMetadata(error);

  google::rpc::Status status;
  status.set_code(code);
  status.set_message(message);

  size_t omitted = 0;
  const google::rpc::BadRequest bad_request = BadRequestOf(error, &omitted);
  if (omitted > 0) metadata["violations_omitted"] = std::to_string(omitted);
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(Name(error.reason)));
  info.set_domain("rebound");
  for (const auto& [key, value] : metadata) {
    (*info.mutable_metadata())[key] = Shown(value, LongestOf(key));
  }
  status.add_details()->PackFrom(info);
  // The same refusal has the same bytes: maps are else written in any order.
  status.mutable_details(0)->set_value(Sorted(info));

  if (bad_request.field_violations_size() > 0) status.add_details()->PackFrom(bad_request);
  if (code == StatusCode::FAILED_PRECONDITION) {
    status.add_details()->PackFrom(PreconditionOf(error, metadata, message));
  }
  if (const Duration delay = RetryDelay(error); delay > Duration{0}) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(delay.count() / 1'000);
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(delay.count() % 1'000) * 1'000'000);
    status.add_details()->PackFrom(retry);
  }
  google::rpc::LocalizedMessage localized;
  localized.set_locale(IsEnglish(language) ? "en" : "zh-CN");
  localized.set_message(Render(error, language));
  status.add_details()->PackFrom(localized);

  return grpc::Status(code, message, status.SerializeAsString());
}

}  // namespace rebound
