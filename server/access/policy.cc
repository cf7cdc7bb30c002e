#include "server/access/policy.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace rebound {
namespace {

using RoleSet = uint8_t;
constexpr RoleSet kAdmin = 1, kManager = 2, kAgent = 4, kIntegration = 8, kViewer = 16;

// Bit i of a RoleSet.
constexpr std::array<std::string_view, 5> kRoles{"admin", "manager", "agent", "integration",
                                                 "viewer"};

// Admins may call everything.
constexpr RoleSet kEveryone = kAdmin | kManager | kAgent | kIntegration | kViewer;
constexpr RoleSet kStaff = kAdmin | kManager | kAgent;
constexpr RoleSet kStaffAndIntegration = kStaff | kIntegration;
constexpr RoleSet kManaging = kAdmin | kManager;
constexpr RoleSet kMeasuring = kAdmin | kManager | kViewer;
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
    {"CaseService/SuperviseCase", kManaging},
    {"CaseService/AssistCase", kStaff},
    {"CaseService/ExtendCase", kStaff},
    {"CaseService/DecideExtension", kManaging},
    {"CaseService/EscalateCase", kStaff},
    {"CaseService/VerifyCase", kStaff},
    {"CaseService/MoveCase", kStaff},
    {"CaseService/WithdrawCase", kStaffAndIntegration},
    {"CaseService/MigrateCase", kManaging},
    {"CaseService/MergeCase", kStaff},
    {"CaseService/UnmergeCase", kStaff},
    {"CaseService/LinkCase", kStaffAndIntegration},
    {"CaseService/BulkCases", kManaging},
    {"CaseService/ProposeVerdict", kStaff},
    {"CaseService/DecideVerdict", kManaging},
    {"CaseService/FindLiability", kManaging},
    {"CaseService/AppealLiability", kStaff},
    {"CaseService/DecideAppeal", kManaging},
    {"CaseService/AcknowledgeAlert", kStaff},
    {"CaseService/CompleteStep", kStaff},
    {"CaseService/BeginCase", kManaging},
    {"CaseService/ListRemedyOptions", kStaff},

    {"CustomerService/UpsertCustomer", kAdmin | kManager | kIntegration},
    {"CustomerService/AddCustomerAlias", kAdmin | kManager | kIntegration},
    {"CustomerService/GetCustomer", kStaffAndIntegration},
    {"CustomerService/ListCustomers", kStaffAndIntegration},
    {"CustomerService/GetCustomerHistory", kStaff},
    {"CustomerService/SetCustomerConsent", kStaffAndIntegration},
    {"CustomerService/FindCustomerMatches", kStaff},
    {"CustomerService/EraseCustomer", kManaging},
    {"CustomerService/ExportCustomer", kManaging},

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

    {"OperationsService/GetStatus", kEveryone},
    {"OperationsService/ConfirmClock", kAdmin},
};

constexpr bool AdminsMayCallEverything() {
  for (const Row& row : kTable) {
    if ((row.roles & kAdmin) == 0) return false;
  }
  return true;
}
static_assert(AdminsMayCallEverything());

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
  if (IsRole(role)) return role;
  const auto found =
      std::find_if(roles.begin(), roles.end(), [role](const RoleDef& r) { return r.id == role; });
  return found == roles.end() ? std::string_view() : std::string_view(found->base);
}

bool Allowed(std::string_view role, std::string_view method) {
  const Row* row = FindRow(method);
  const auto found = std::find(kRoles.begin(), kRoles.end(), role);
  if (row == nullptr || found == kRoles.end()) return false;
  return (row->roles >> (found - kRoles.begin()) & 1) != 0;
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
