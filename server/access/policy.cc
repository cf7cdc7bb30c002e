#include "server/access/policy.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>

namespace rebound {
namespace {

using RoleSet = uint8_t;
constexpr RoleSet kAdmin = 1, kManager = 2, kSupervisor = 4, kAgent = 8, kIntegration = 16,
                  kViewer = 32;

// Bit i of a RoleSet.
constexpr std::array<std::string_view, 6> kRoles{"admin", "manager",     "supervisor",
                                                 "agent", "integration", "viewer"};

// Admins may call everything, managers what supervisors may, and supervisors what agents may.
constexpr RoleSet kEveryone = kAdmin | kManager | kSupervisor | kAgent | kIntegration | kViewer;
constexpr RoleSet kStaff = kAdmin | kManager | kSupervisor | kAgent;
constexpr RoleSet kStaffAndIntegration = kStaff | kIntegration;
constexpr RoleSet kLeading = kAdmin | kManager | kSupervisor;
constexpr RoleSet kManaging = kAdmin | kManager;
constexpr RoleSet kMeasuring = kLeading | kViewer;
// No role but nobody: whoever has no identity may call it, too.
constexpr RoleSet kStranger = 64;
constexpr RoleSet kAnybody = kEveryone | kStranger;
constexpr RoleSet kFeeding = kAdmin | kIntegration;

struct Row {
  std::string_view method;  // without the package
  RoleSet roles;
};

constexpr std::string_view kPackage = "rebound.v1.";
constexpr Row kTable[] = {
    {"ResponseService/SubmitResponse", kFeeding},
    {"ResponseService/BatchSubmitResponses", kFeeding},
    {"ResponseService/ImportResponses", kFeeding},
    {"ResponseService/GetResponse", kStaffAndIntegration},
    {"ResponseService/ListResponses", kStaffAndIntegration},

    {"CaseService/OpenCase", kStaffAndIntegration},
    {"CaseService/BatchOpenCases", kFeeding},
    {"CaseService/GetCase", kStaffAndIntegration},
    {"CaseService/ListCases", kStaffAndIntegration},
    {"CaseService/ListCaseEvents", kStaffAndIntegration},
    {"CaseService/ClaimNextCase", kStaff},
    {"CaseService/AssignCase", kStaff},
    {"CaseService/LogAttempt", kStaff},
    {"CaseService/MakeCommitment", kStaff},
    {"CaseService/RemedyCase", kStaff},
    {"CaseService/ResolveCase", kStaff},
    {"CaseService/CloseCase", kStaff},
    {"CaseService/ReopenCase", kStaff},
    {"CaseService/DispatchCase", kStaff},
    {"CaseService/AcceptCase", kStaff},
    {"CaseService/ReturnCase", kStaff},
    {"CaseService/SettleCommitment", kStaff},
    {"CaseService/PauseCase", kStaff},
    {"CaseService/ResumeCase", kStaff},
    {"CaseService/ChaseCase", kStaffAndIntegration},
    {"CaseService/SuperviseCase", kLeading},
    {"CaseService/AssistCase", kStaff},
    {"CaseService/ExtendCase", kStaff},
    {"CaseService/DecideExtension", kLeading},
    {"CaseService/EscalateCase", kStaff},
    {"CaseService/VerifyCase", kStaff},
    {"CaseService/MoveCase", kStaff},
    {"CaseService/WithdrawCase", kStaffAndIntegration},
    {"CaseService/MigrateCase", kManaging},
    {"CaseService/MergeCase", kStaff},
    {"CaseService/UnmergeCase", kStaff},
    {"CaseService/LinkCase", kStaffAndIntegration},
    {"CaseService/BulkCases", kLeading},
    {"CaseService/ProposeVerdict", kStaff},
    {"CaseService/DecideVerdict", kLeading},
    {"CaseService/FindLiability", kManaging},
    {"CaseService/AppealLiability", kStaff},
    {"CaseService/DecideAppeal", kManaging},
    {"CaseService/AcknowledgeAlert", kStaff},
    {"CaseService/CompleteStep", kStaff},
    {"CaseService/BeginCase", kManaging},
    {"CaseService/ListRemedyOptions", kStaff},

    {"CustomerService/UpsertCustomer", kAdmin | kManager | kIntegration},
    {"CustomerService/BatchUpsertCustomers", kAdmin | kManager | kIntegration},
    {"CustomerService/RecordBehaviour", kStaffAndIntegration},
    {"CustomerService/BatchRecordBehaviours", kAdmin | kManager | kIntegration},
    {"CustomerService/AddCustomerAlias", kAdmin | kManager | kIntegration},
    {"CustomerService/GetCustomer", kStaffAndIntegration},
    {"CustomerService/ListCustomers", kStaffAndIntegration},
    {"CustomerService/GetCustomerHistory", kStaff},
    {"CustomerService/SetCustomerConsent", kStaffAndIntegration},
    {"CustomerService/FindCustomerMatches", kStaff},
    {"CustomerService/EraseCustomer", kManaging},
    {"CustomerService/ExportCustomer", kManaging},
    {"CustomerService/UnmaskContact", kStaff},

    {"BlacklistService/ProposeEntry", kStaff},
    {"BlacklistService/WarnEntry", kManaging},
    {"BlacklistService/DecideEntry", kManaging},
    {"BlacklistService/RequestEntryExtension", kStaff},
    {"BlacklistService/DecideEntryExtension", kManaging},
    {"BlacklistService/AppealEntry", kStaff},
    {"BlacklistService/DecideEntryAppeal", kManaging},
    {"BlacklistService/LiftEntry", kManaging},
    {"BlacklistService/GetEntry", kStaff},
    {"BlacklistService/PreviewEntryNotice", kStaff},
    {"BlacklistService/ListEntries", kStaff},
    {"BlacklistService/CheckCustomer", kStaff},
    {"BlacklistService/DryRunRules", kManaging},
    {"BlacklistService/ExportCustomerEntries", kManaging},
    {"BlacklistService/GetBlacklistStatistics", kManaging},

    {"ExportService/ExportRecords", kAdmin | kManager | kIntegration},

    {"SurveyService/GetProgram", kEveryone},
    {"SurveyService/ListPrograms", kEveryone},

    {"ReportService/GetNpsReport", kMeasuring},
    {"ReportService/GetFunnelReport", kMeasuring},
    {"ReportService/GetRecoveryReport", kMeasuring},
    {"ReportService/GetPauseReport", kMeasuring},
    {"ReportService/GetRemedyReport", kMeasuring},

    {"EventService/Subscribe", kStaffAndIntegration},
    {"EventService/Watch", kStaffAndIntegration},
    {"EventService/ListEvents", kStaffAndIntegration},
    {"EventService/CreateSubscription", kStaffAndIntegration},
    {"EventService/GetSubscription", kStaffAndIntegration},
    {"EventService/ListSubscriptions", kStaffAndIntegration},
    {"EventService/DeleteSubscription", kStaffAndIntegration},
    {"EventService/CommitSubscription", kStaffAndIntegration},

    {"DeliveryService/CreateEndpoint", kFeeding},
    {"DeliveryService/GetEndpoint", kFeeding},
    {"DeliveryService/ListEndpoints", kFeeding},
    {"DeliveryService/UpdateEndpoint", kFeeding},
    {"DeliveryService/DeleteEndpoint", kFeeding},
    {"DeliveryService/EnableEndpoint", kFeeding},
    {"DeliveryService/DisableEndpoint", kFeeding},
    {"DeliveryService/RotateEndpointSecret", kFeeding},
    {"DeliveryService/TestEndpoint", kFeeding},
    {"DeliveryService/ListDeliveries", kFeeding},
    {"DeliveryService/ReplayDeliveries", kFeeding},

    {"ConfigService/ValidateConfig", kManaging},
    {"ConfigService/ApplyConfig", kAdmin},
    {"ConfigService/ListRevisions", kManaging},
    {"ConfigService/GetRevision", kManaging},
    {"ConfigService/DiffRevisions", kManaging},
    {"ConfigService/RollBackConfig", kAdmin},
    {"ConfigService/GetLifecycle", kEveryone},
    {"ConfigService/ExplainCase", kStaff},
    {"ConfigService/TestRules", kManaging},
    {"ConfigService/FormatCondition", kManaging},
    {"ConfigService/BacktestConfig", kManaging},

    {"AccessService/SignIn", kAnybody},
    {"AccessService/SetUpAdmin", kAnybody},
    {"AccessService/RedeemLink", kAnybody},
    {"AccessService/SignOut", kEveryone},
    {"AccessService/WhoAmI", kEveryone},
    {"AccessService/ListSessions", kEveryone},
    {"AccessService/RevokeSession", kEveryone},
    {"AccessService/SetPassword", kEveryone},
    {"AccessService/CreateUser", kManaging},
    {"AccessService/GetUser", kManaging},
    {"AccessService/ListUsers", kManaging},
    {"AccessService/UpdateUser", kManaging},
    {"AccessService/DisableUser", kManaging},
    {"AccessService/EnableUser", kManaging},
    {"AccessService/ResetPassword", kManaging},
    {"AccessService/CreateApiKey", kEveryone},
    {"AccessService/ListApiKeys", kEveryone},
    {"AccessService/RevokeApiKey", kEveryone},
    {"AccessService/RotateApiKey", kEveryone},

    {"OperationsService/GetStatus", kEveryone},
    {"OperationsService/ConfirmClock", kAdmin},

    {"AuditService/ListAuditEntries", kAdmin},
    {"AuditService/VerifyAudit", kAdmin},
};

// Whoever has one role of a pair may do what the other may.
constexpr bool RolesStandAbove() {
  for (const Row& row : kTable) {
    const auto has = [&row](RoleSet role) { return (row.roles & role) != 0; };
    if (!has(kAdmin) || (has(kSupervisor) && !has(kManager)) || (has(kAgent) && !has(kSupervisor)))
      return false;
  }
  return true;
}
static_assert(RolesStandAbove());

// Those whose answers hold contact data in clear for every role that may call them.
constexpr std::string_view kInClear[] = {"rebound.v1.CustomerService/UnmaskContact",
                                         "rebound.v1.CustomerService/ExportCustomer"};

constexpr int64_t kReadCost = 1, kChangeCost = 2, kHeavyCost = 10;
// Beside those whose name begins with one of kHeavyVerbs.
constexpr std::string_view kHeavyVerbs[] = {"Batch",    "Bulk",   "Import",
                                            "Backtest", "Export", "DryRun"};

int64_t CostOfMethod(const google::protobuf::MethodDescriptor& method) {
  const bool heavy =
      method.service()->name() == "ReportService" ||
      std::any_of(std::begin(kHeavyVerbs), std::end(kHeavyVerbs), [&](std::string_view verb) {
        return std::string_view(method.name()).starts_with(verb);
      });
  if (heavy) return kHeavyCost;
  const bool reads =
      method.options().idempotency_level() == google::protobuf::MethodOptions::NO_SIDE_EFFECTS;
  return reads ? kReadCost : kChangeCost;
}

std::map<std::string, int64_t, std::less<>> AllCosts() {
  std::map<std::string, int64_t, std::less<>> costs;
  for (const Row& row : kTable) {
    const std::string name = std::string(kPackage) + std::string(row.method);
    std::string dotted = name;
    std::replace(dotted.begin(), dotted.end(), '/', '.');
    const auto* method =
        google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(dotted);
    if (method != nullptr) costs.emplace(name, CostOfMethod(*method));
  }
  return costs;
}

const Row* FindRow(std::string_view method) {
  if (method.starts_with('/')) method.remove_prefix(1);
  if (!method.starts_with(kPackage)) return nullptr;
  method.remove_prefix(kPackage.size());
  const auto row = std::find_if(std::begin(kTable), std::end(kTable),
                                [method](const Row& r) { return r.method == method; });
  return row == std::end(kTable) ? nullptr : row;
}

}  // namespace

std::span<const std::string_view> Roles() { return kRoles; }

bool IsRole(std::string_view name) {
  return std::find(kRoles.begin(), kRoles.end(), name) != kRoles.end();
}

std::string_view BaseOf(std::string_view role, std::span<const RoleDef> roles) {
  if (IsRole(role) && role != "supervisor") return role;
  const auto found =
      std::find_if(roles.begin(), roles.end(), [role](const RoleDef& r) { return r.id == role; });
  if (found == roles.end()) return IsRole(role) ? role : std::string_view();
  return found->base;
}

bool Allowed(std::string_view role, std::string_view method) {
  const Row* row = FindRow(method);
  const auto found = std::find(kRoles.begin(), kRoles.end(), role);
  if (row == nullptr || found == kRoles.end()) return false;
  return (row->roles >> (found - kRoles.begin()) & 1) != 0;
}

bool SeesContact(std::string_view role, std::span<const RoleDef> roles, std::string_view method) {
  if (method.starts_with('/')) method.remove_prefix(1);
  if (std::find(std::begin(kInClear), std::end(kInClear), method) != std::end(kInClear))
    return true;
  const auto found =
      std::find_if(roles.begin(), roles.end(), [role](const RoleDef& r) { return r.id == role; });
  if (found != roles.end() && found->sees_contact) return *found->sees_contact;
  return BaseOf(role, roles) == "integration";
}

int64_t CostOf(std::string_view method) {
  static const auto& costs = *new std::map<std::string, int64_t, std::less<>>(AllCosts());
  if (method.starts_with('/')) method.remove_prefix(1);
  const auto found = costs.find(method);
  return found == costs.end() ? kChangeCost : found->second;
}

bool Includes(std::string_view role, std::string_view other) {
  const auto bit = [](std::string_view name) -> RoleSet {
    const auto found = std::find(kRoles.begin(), kRoles.end(), name);
    return found == kRoles.end() ? RoleSet{0} : static_cast<RoleSet>(1 << (found - kRoles.begin()));
  };
  const RoleSet of_role = bit(role), of_other = bit(other);
  return of_role != 0 && of_other != 0 &&
         std::all_of(std::begin(kTable), std::end(kTable), [&](const Row& row) {
           return (row.roles & of_other) == 0 || (row.roles & of_role) != 0;
         });
}

bool OpenToStrangers(std::string_view method) {
  const Row* row = FindRow(method);
  return row != nullptr && (row->roles & kStranger) != 0;
}

bool OpenToKeys(std::string_view method) {
  const Row* row = FindRow(method);
  return row != nullptr &&
         (!row->method.starts_with("AccessService/") || row->method == "AccessService/WhoAmI");
}

std::vector<std::string> PolicyMethods() {
  std::vector<std::string> methods;
  for (const Row& row : kTable) methods.push_back(std::string(kPackage) + std::string(row.method));
  return methods;
}

std::vector<std::string> MissingMethods(std::span<const std::string> services) {
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  std::vector<std::string> missing;
  for (const std::string& name : services) {
    if (!name.starts_with(kPackage)) continue;
    const google::protobuf::ServiceDescriptor* service = pool->FindServiceByName(name);
    if (service == nullptr) {
      missing.push_back(name);
      continue;
    }
    for (int i = 0; i < service->method_count(); ++i) {
      const std::string method = name + "/" + service->method(i)->name();
      if (FindRow(method) == nullptr) missing.push_back(method);
    }
  }
  return missing;
}

}  // namespace rebound
