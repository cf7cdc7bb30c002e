#include "clients/cli/unmask.h"

#include <memory>
#include <vector>

#include "clients/cli/customers.h"
#include "clients/cli/options.h"
#include "clients/cli/verbs.h"
#include "clients/cli/words.h"
#include "rebound/v1/customer_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using v1::CustomerService;

struct UnmaskOptions {
  v1::UnmaskContactRequest request;
  v1::UnmaskReason reason = v1::UNMASK_REASON_UNSPECIFIED;
  std::string customer;  // as it was typed; empty: a case
};

std::string Points(const v1::Contact& contact, bool chinese) {
  std::string text;
  for (const v1::ContactPoint& point : contact.contact_points()) {
    text += (text.empty() ? "" : "\n") + EnumWord(point.channel(), chinese) + " " + point.address();
  }
  return text;
}

std::string KeysOf(const v1::Contact& contact) {
  std::string text;
  for (const v1::ExternalKey& key : contact.external_keys()) {
    text += (text.empty() ? "" : " ") + FormatKey(key);
  }
  return text;
}

std::vector<Column<v1::Contact>> ContactColumns() {
  using Record = const v1::Contact&;
  return {
      {"customer", "", Align::kLeft, [](Record r) { return r.customer_id(); }},
      {"name", "", Align::kLeft, [](Record r) { return r.display_name(); }},
      {"reached_by", "", Align::kLeft, [](Record r) { return Points(r, false); }},
      {"contact_person", "", Align::kLeft, [](Record r) { return r.contact_person(); }},
      {"keys", "", Align::kLeft, [](Record r) { return KeysOf(r); }},
      {"account", "", Align::kLeft, [](Record r) { return r.account_id(); }},
  };
}

int Unmask(Session& session, UnmaskOptions* options) {
  v1::UnmaskContactRequest& request = options->request;
  if (!options->customer.empty()) {
    const int code = FindCustomer(session, options->customer, request.mutable_customer_id());
    if (code != kExitOk) return code;
  }
  request.set_reason(options->reason);
  FillRequestId(request.mutable_request_id());
  v1::UnmaskContactResponse reply;
  const int code = session.Call(&CustomerService::Stub::UnmaskContact, request, &reply);
  if (code != kExitOk) return code;
  PrintRecord(session, reply, reply.contact(), ContactColumns(),
              RenderContact(reply.contact(), session.chinese));
  return kExitOk;
}

// What both have in common.
void AddUnmask(CLI::App* verb, Session& session, const std::shared_ptr<UnmaskOptions>& options) {
  AddEnum(verb, "--reason", &options->reason, "What it is needed for; goes on record")->required();
  verb->add_option("--note", *options->request.mutable_note(), "In words; needed with other")
      ->type_name("TEXT");
  AddRequestId(verb, options->request.mutable_request_id());
  verb->callback([options, &session] {
    session.command = [options, &session] { return Unmask(session, options.get()); };
  });
}

}  // namespace

std::string RenderContact(const v1::Contact& contact, bool chinese) {
  const Word word{chinese};
  return RenderFacts(
      {
          {word("customer", "客户"), contact.customer_id()},
          {word("name", "姓名"), contact.display_name()},
          {word("reached by", "联系方式"), Points(contact, chinese)},
          {word("contact person", "联系人"), contact.contact_person()},
          {word("keys", "外部编号"), KeysOf(contact)},
          {word("account", "账户"), contact.account_id()},
      },
      "");
}

void AddCustomerUnmask(CLI::App& customers, Session& session) {
  auto options = std::make_shared<UnmaskOptions>();
  CLI::App* verb =
      customers.add_subcommand("unmask", "Show a customer's contact data in clear, on record");
  verb->footer("Example:\n  rebound customers unmask crm:88 --reason contact");
  verb->add_option("customer", options->customer,
                   "The customer's id, or a key of theirs like crm:88")
      ->required()
      ->type_name("ID|SOURCE:KEY");
  AddUnmask(verb, session, options);
}

void AddCaseUnmask(CLI::App& cases, Session& session) {
  auto options = std::make_shared<UnmaskOptions>();
  CLI::App* verb = AddVerb(cases, "unmask",
                           "Show how to reach whoever the case is about, in clear and on record",
                           options->request.mutable_case_id(), "unmask C-1042 --reason contact");
  AddUnmask(verb, session, options);
}

}  // namespace rebound::cli
