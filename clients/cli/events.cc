#include "clients/cli/events.h"

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <thread>
#include <utility>

#include "clients/cli/commands.h"
#include "clients/cli/options.h"
#include "clients/cli/table.h"
#include "clients/cli/values.h"
#include "rebound/v1/event_service.grpc.pb.h"

namespace rebound::cli {
namespace {

using std::chrono::milliseconds;
using v1::EventService;

constexpr milliseconds kFirstWait{250};
constexpr milliseconds kLongestWait{30'000};

std::string SubjectOf(const v1::Event& event) {
  if (!event.case_number().empty()) return event.case_number();
  if (!event.entry_id().empty()) return event.entry_id();
  return event.response_id().empty() ? event.customer_id() : event.response_id();
}

std::string DetailsOf(const v1::Event& event, bool chinese) {
  const std::map<std::string, std::string> details(event.details().begin(), event.details().end());
  std::string text;
  for (const auto& [key, value] : details) {
    text += (text.empty() ? "" : " ") + DetailWord(event.type(), key, value, chinese);
  }
  if (!event.note().empty()) text += (text.empty() ? "" : "  ") + event.note();
  return text;
}

std::string TimeOf(const v1::Event& event) {
  return event.has_occur_time() ? FormatTimeSeconds(event.occur_time()) : "";
}

void AddFilter(CLI::App* command, v1::EventFilter* filter) {
  const auto add = [&](const char* names, auto* field, const char* help, const char* type) {
    command
        ->add_option_function<std::vector<std::string>>(
            names,
            [field](const std::vector<std::string>& values) {
              for (const std::string& value : values) *field->Add() = value;
            },
            std::string(help) + "; may be repeated")
        ->type_name(type);
  };
  add("--case", filter->mutable_case_ids(), "Of this case", "ID|C-1042");
  add("--queue", filter->mutable_queue_ids(), "Of this queue", "KEY");
  add("--type,--kind", filter->mutable_types(), "Of this name, like CaseOpened", "NAME");
  add("--program", filter->mutable_program_ids(), "Of this program", "KEY");
  add("--org-unit", filter->mutable_org_unit_ids(), "Of this org unit and those below it", "PATH");
  add("--customer", filter->mutable_customer_ids(), "About this customer", "ID");
}

// ------------------------------------------------------------------------------------- following

struct Following {
  std::string from = "latest";
  std::string subscription{};
  v1::WatchRequest request{};
};

// Writes events as they come.
class EventPrinter {
 public:
  explicit EventPrinter(Session& session) : session_(session) {
    if (session.format != Format::kCsv) return;
    csv_ = std::make_unique<ListPrinter<v1::Event>>(session.out, Format::kCsv, 0,
                                                    EventColumns(session.chinese));
  }
  void Add(const v1::Event& event) {
    if (csv_) {
      csv_->Add(event);
    } else if (session_.format == Format::kJson) {
      session_.out << EventJson(event) << "\n";
    } else {
      session_.out << RenderEvent(event, session_.chinese, session_.style) << "\n";
    }
  }

 private:
  Session& session_;
  std::unique_ptr<ListPrinter<v1::Event>> csv_;
};

int CommitBatch(Session& session, const std::string& subscription, const std::string& cursor) {
  v1::CommitSubscriptionRequest request;
  FillRequestId(request.mutable_request_id());
  request.set_subscription_id(subscription);
  request.set_cursor(cursor);
  v1::CommitSubscriptionResponse reply;
  return session.Call(&EventService::Stub::CommitSubscription, request, &reply);
}

// Until the stream ends for good. What is printed is flushed before its cursor is kept, so that
// after a break some may be printed twice, and none is left out.
int Follow(Session& session, Following& following) {
  const Word word{session.chinese};
  EventPrinter printer(session);
  milliseconds wait = kFirstWait;
  for (;;) {
    EventService::Stub stub(session.Channel());
    grpc::ClientContext context;
    session.Authorize(&context);
    const auto stream = stub.Watch(&context, following.request);
    bool first = true;
    for (v1::WatchResponse message; stream->Read(&message);) {
      wait = kFirstWait;
      for (const v1::Event& event : message.batch().events()) printer.Add(event);
      session.out.flush();
      if (!session.out) return session.Fail(kExitFailed, "cannot write what came");
      following.request.mutable_start()->set_cursor(message.batch().latest_cursor());
      // The first only says where it begins. Others without events have passed over what was not
      // asked for: a place that stayed behind would grow too old.
      const bool begins = std::exchange(first, false) && message.batch().events().empty();
      if (following.subscription.empty() || begins) continue;
      const int code =
          CommitBatch(session, following.subscription, message.batch().latest_cursor());
      if (code != kExitOk && code != kExitUnavailable) return code;
    }
    const grpc::Status status = stream->Finish();
    if (status.ok()) return kExitOk;
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE) return session.Fail(status);
    session.err << fmt::format(
        fmt::runtime(word("The stream broke; trying again in {} ms from where it was.\n",
                          "连接中断；{} 毫秒后从中断处重试。\n")),
        wait.count());
    std::this_thread::sleep_for(wait);
    wait = std::min(wait * 2, kLongestWait);
  }
}

void AddFollow(CLI::App& events, Session& session) {
  auto following = std::make_shared<Following>();
  CLI::App* command =
      events.add_subcommand("follow", "Show events as they come; goes on by itself after a break");
  command->footer(
      "With -o json one event a line, with its cursor for --from.\n"
      "Example:\n  rebound events follow --queue desk -o json\n"
      "  rebound events follow --subscription crm-sync");
  CLI::Option* from =
      command->add_option("--from", following->from, "Begin at latest, earliest, or after a cursor")
          ->type_name("WHERE")
          ->capture_default_str();
  command
      ->add_option(
          "--subscription", following->subscription,
          "Begin where this subscription of yours was committed, and commit what was shown")
      ->type_name("NAME")
      ->excludes(from);
  AddFilter(command, following->request.mutable_filter());
  command->callback([following, &session] {
    session.command = [following, &session]() -> int {
      v1::EventStart* start = following->request.mutable_start();
      if (following->subscription.empty()) {
        *start = ReadStart(following->from);
      } else {
        start->set_subscription_id(following->subscription);
      }
      return Follow(session, *following);
    };
  });
}

// --------------------------------------------------------------------------------------- listing

struct Listing {
  std::string from = "earliest";
  Paging paging{};
  v1::ListEventsRequest request{};
};

int List(Session& session, Listing& listing) {
  constexpr int64_t kMaxPage = 1000;
  ListPrinter<v1::Event> printer(session.out, session.format, session.out_width,
                                 EventColumns(session.chinese));
  *listing.request.mutable_start() = ReadStart(listing.from);
  const Paging& paging = listing.paging;
  bool more = true;
  while (more && (paging.all || printer.count() < paging.limit)) {
    const int64_t left = paging.all ? kMaxPage : paging.limit - printer.count();
    listing.request.set_page_size(static_cast<int32_t>(std::min(left, kMaxPage)));
    v1::ListEventsResponse reply;
    const int code = session.Call(&EventService::Stub::ListEvents, listing.request, &reply);
    if (code != kExitOk) return code;
    for (const v1::Event& event : reply.batch().events()) printer.Add(event);
    listing.request.mutable_start()->set_cursor(reply.batch().latest_cursor());
    more = !reply.end_of_stream();
  }
  const Word word{session.chinese};
  printer.Finish(word("No events.", "没有事件。"));
  if (session.format == Format::kTable) {
    session.err << (more ? word("There may be more: --from ", "可能还有更多：--from ")
                         : word("The end of the log: --from ", "已到末尾：--from "))
                << listing.request.start().cursor() << "\n";
  }
  return kExitOk;
}

void AddEventList(CLI::App& events, Session& session) {
  auto listing = std::make_shared<Listing>();
  CLI::App* command = events.add_subcommand("list", "Show a part of the log, oldest first");
  command->footer("Example:\n  rebound events list --case C-1042 --all");
  command->add_option("--from", listing->from, "Begin at latest, earliest, or after a cursor")
      ->type_name("WHERE")
      ->capture_default_str();
  AddFilter(command, listing->request.mutable_filter());
  AddPaging(command, &listing->paging);
  command->callback([listing, &session] {
    session.command = [listing, &session] { return List(session, *listing); };
  });
}

// --------------------------------------------------------------------------------- subscriptions

std::vector<Column<v1::Subscription>> SubscriptionColumns() {
  using Record = const v1::Subscription&;
  return {
      {"name", "name", Align::kLeft, [](Record r) { return r.id(); }},
      {"created", "created", Align::kLeft,
       [](Record r) { return FormatTimeSeconds(r.create_time()); }},
      {"committed", "committed", Align::kLeft,
       [](Record r) {
         return r.has_commit_time() ? FormatTimeSeconds(r.commit_time()) : std::string();
       }},
      {"cursor", "cursor", Align::kLeft, [](Record r) { return r.cursor(); }},
  };
}

template <class Reply>
void PrintSubscription(Session& session, const Reply& reply) {
  PrintRecord(session, reply, reply.subscription(), SubscriptionColumns(),
              RenderSubscription(reply.subscription(), session.chinese));
}

void AddSubscriptionCreate(CLI::App& subscriptions, Session& session) {
  struct Options {
    std::string from = "latest";
    v1::CreateSubscriptionRequest request{};
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      subscriptions.add_subcommand("create", "Keep a place in the log under a name");
  command->footer("Example:\n  rebound subscriptions create crm-sync --from earliest");
  command->add_option("name", *options->request.mutable_subscription_id(), "Its name")
      ->required()
      ->type_name("NAME");
  command->add_option("--from", options->from, "Begin at latest, earliest, or after a cursor")
      ->type_name("WHERE")
      ->capture_default_str();
  AddRequestId(command, options->request.mutable_request_id());
  command->callback([options, &session] {
    session.command = [options, &session]() -> int {
      *options->request.mutable_start() = ReadStart(options->from);
      FillRequestId(options->request.mutable_request_id());
      v1::CreateSubscriptionResponse reply;
      const int code =
          session.Call(&EventService::Stub::CreateSubscription, options->request, &reply);
      if (code == kExitOk) PrintSubscription(session, reply);
      return code;
    };
  });
}

void AddSubscriptionShow(CLI::App& subscriptions, Session& session) {
  auto request = std::make_shared<v1::GetSubscriptionRequest>();
  CLI::App* command = subscriptions.add_subcommand("show", "Where a subscription stands");
  command->footer("Example:\n  rebound subscriptions show crm-sync");
  command->add_option("name", *request->mutable_subscription_id(), "Its name")
      ->required()
      ->type_name("NAME");
  command->callback([request, &session] {
    session.command = [request, &session]() -> int {
      v1::GetSubscriptionResponse reply;
      const int code = session.Call(&EventService::Stub::GetSubscription, *request, &reply);
      if (code == kExitOk) PrintSubscription(session, reply);
      return code;
    };
  });
}

void AddSubscriptionList(CLI::App& subscriptions, Session& session) {
  CLI::App* command = subscriptions.add_subcommand("list", "List your subscriptions");
  command->footer("Example:\n  rebound subscriptions list -o json");
  command->callback([&session] {
    session.command = [&session]() -> int {
      v1::ListSubscriptionsResponse reply;
      const int code = session.Call(&EventService::Stub::ListSubscriptions,
                                    v1::ListSubscriptionsRequest(), &reply);
      if (code != kExitOk) return code;
      ListPrinter<v1::Subscription> printer(session.out, session.format, session.out_width,
                                            SubscriptionColumns());
      for (const v1::Subscription& each : reply.subscriptions()) printer.Add(each);
      printer.Finish(Word{session.chinese}("You have no subscriptions.", "您没有订阅。"));
      return kExitOk;
    };
  });
}

void AddDelete(CLI::App& subscriptions, Session& session) {
  auto request = std::make_shared<v1::DeleteSubscriptionRequest>();
  CLI::App* command = subscriptions.add_subcommand("delete", "Give up a subscription");
  command->footer("Example:\n  rebound subscriptions delete crm-sync");
  command->add_option("name", *request->mutable_subscription_id(), "Its name")
      ->required()
      ->type_name("NAME");
  AddRequestId(command, request->mutable_request_id());
  command->callback([request, &session] {
    session.command = [request, &session]() -> int {
      FillRequestId(request->mutable_request_id());
      v1::DeleteSubscriptionResponse reply;
      const int code = session.Call(&EventService::Stub::DeleteSubscription, *request, &reply);
      if (code != kExitOk) return code;
      if (session.format == Format::kJson) {
        session.out << MessageJson(reply) << "\n";
      } else {
        const Word word{session.chinese};
        session.out << (reply.replayed()
                            ? word("There was none of that name.\n", "没有该名称的订阅。\n")
                            : word("It is deleted.\n", "已删除。\n"));
      }
      return kExitOk;
    };
  });
}

}  // namespace

v1::EventStart ReadStart(const std::string& from) {
  v1::EventStart start;
  if (from == "latest") {
    start.set_preset(v1::EVENT_PRESET_LATEST);
  } else if (from == "earliest") {
    start.set_preset(v1::EVENT_PRESET_EARLIEST);
  } else {
    start.set_cursor(from);
  }
  return start;
}

std::string RenderEvent(const v1::Event& event, bool chinese, const Style& style) {
  std::string line = style.Dim(TimeOf(event));
  for (const std::string& part :
       {style.Bold(OneLine(SubjectOf(event))), OneLine(EventWord(event.type(), chinese)),
        OneLine(event.status()), OneLine(event.actor()), OneLine(DetailsOf(event, chinese))}) {
    if (!part.empty()) line += "  " + part;
  }
  return line;
}

std::string EventJson(const v1::Event& event) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(event, &json);
  if (!status.ok()) return "{\"unprintable\": " + JsonString(status.ToString()) + "}";
  return json;
}

std::vector<Column<v1::Event>> EventColumns(bool chinese) {
  using Record = const v1::Event&;
  const Word word{chinese};
  return {
      {"id", "", Align::kLeft, [](Record r) { return r.id(); }},
      {"occurred", word("when", "时间"), Align::kLeft, [](Record r) { return TimeOf(r); }},
      {"recorded", "", Align::kLeft,
       [](Record r) {
         return r.has_record_time() ? FormatTimeSeconds(r.record_time()) : std::string();
       }},
      {"case", word("on", "对象"), Align::kLeft, [](Record r) { return SubjectOf(r); }},
      {"type", "", Align::kLeft, [](Record r) { return r.type(); }},
      {"", word("what", "事项"), Align::kLeft,
       [chinese](Record r) { return EventWord(r.type(), chinese); }},
      {"status", word("status", "状态"), Align::kLeft, [](Record r) { return r.status(); }},
      {"actor", word("who", "操作人"), Align::kLeft, [](Record r) { return r.actor(); }},
      {"program", "", Align::kLeft, [](Record r) { return r.program_id(); }},
      {"org_unit", "", Align::kLeft, [](Record r) { return r.org_unit_id(); }},
      {"queue", "", Align::kLeft, [](Record r) { return r.queue_id(); }},
      {"details", word("details", "详情"), Align::kLeft,
       [chinese](Record r) { return DetailsOf(r, chinese); }},
      {"cursor", "", Align::kLeft, [](Record r) { return r.cursor(); }},
  };
}

std::string RenderSubscription(const v1::Subscription& subscription, bool chinese) {
  const Word word{chinese};
  return RenderFacts(
      {{word("name", "名称"), subscription.id()},
       {word("owner", "所有者"), subscription.owner()},
       {word("created", "建立时间"), FormatTimeSeconds(subscription.create_time())},
       {word("committed", "上次提交"), subscription.has_commit_time()
                                           ? FormatTimeSeconds(subscription.commit_time())
                                           : std::string()},
       {word("cursor", "游标"), subscription.cursor()}});
}

void AddEventCommands(CLI::App& app, Session& session) {
  CLI::App* events = app.add_subcommand("events", "Follow what happens");
  events->require_subcommand(1);
  AddFollow(*events, session);
  AddEventList(*events, session);
  CLI::App* subscriptions =
      app.add_subcommand("subscriptions", "Places in the log of events, kept under a name");
  subscriptions->require_subcommand(1);
  AddSubscriptionCreate(*subscriptions, session);
  AddSubscriptionList(*subscriptions, session);
  AddSubscriptionShow(*subscriptions, session);
  AddDelete(*subscriptions, session);
}

}  // namespace rebound::cli
