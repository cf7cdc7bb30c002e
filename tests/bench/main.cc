// rebound_bench: what the write path, the import, the queue page, a check of the blacklist and the
// start cost, each beside the least that could do the same work, in the same run. See RESULTS.md
// for how to read it.
#include <fcntl.h>
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <set>

#include "rebound/v1/blacklist_service.pb.h"
#include "rebound/v1/case_service.grpc.pb.h"
#include "rebound/v1/customer_service.pb.h"
#include "rebound/v1/operations_service.grpc.pb.h"
#include "rebound/v1/response_service.grpc.pb.h"
#include "server/storage/migrations.h"
#include "tests/bench/answers.h"
#include "tests/bench/baselines.h"
#include "tests/bench/entries.h"
#include "tests/bench/http_load.h"
#include "tests/bench/load.h"
#include "tests/bench/million.h"
#include "tests/bench/process.h"
#include "tests/bench/report.h"
#include "tests/bench/rules.h"
#include "tests/bench/watches.h"

namespace rebound::bench {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string server;
  std::string folder = "build/bench";
  std::string config = "config";
  std::string results = "tests/bench/RESULTS.md";
  std::vector<std::string> only{};
  std::vector<int> in_flight = {1, 8, 64, 256};
  int rounds = 3;
  double seconds = 3;
  int64_t cases = 1'000'000;
  int64_t import_rows = 100'000;
  int64_t entries = 1'000'000;
  bool quick = false;
  bool write = false;
  std::string baseline{};
  std::string database{};
};

void Say(const std::string& what) { std::cerr << what << "\n"; }

void RemoveDatabase(const std::string& path) {
  for (const char* more : {"", "-wal", "-shm", ".lock", ".log"}) fs::remove(path + more);
}

// A baseline in a process of its own: this program again.
class Baseline {
 public:
  Baseline(const std::string& kind, const std::string& database, const std::string& log)
      : process_({fs::read_symlink("/proc/self/exe"), "--baseline", kind, "--database", database},
                 log) {
    target_ = bench::Connect(process_.pid(), "127.0.0.1:" + process_.ReadLine(), "none");
  }
  const Target& target() const { return target_; }

 private:
  Process process_;
  Target target_;
};

class Bench {
 public:
  explicit Bench(Arguments arguments) : arguments_(std::move(arguments)) {}

  int Run() {
    fs::create_directories(arguments_.folder);
    config_ = arguments_.folder + "/config";
    WriteConfig(arguments_.config, config_);
    text_ = "Measured " + Machine() + ".\n\n";
    if (Wants("start")) Start();
    if (Wants("submit")) Submit();
    if (Wants("import")) Import();
    if (Wants("page")) Page();
    if (Wants("claim")) Claim();
    if (Wants("rules")) Rules();
    if (Wants("entries")) Entries();
    if (Wants("timers")) OverdueTimers();
    if (Wants("bulk")) Bulk();
    if (Wants("watches")) WatchedEvents();
    if (Wants("gateway")) Gateway();
    if (Wants("peers")) Peers();
    RemoveDatabase(Scratch());
    RemoveDatabase(Copy());
    text_ += "## Goals\n\n" + Markdown(GoalTable(goals_)) + "\n";
    std::cout << text_;
    if (arguments_.write) WriteResults(arguments_.results, text_);
    return 0;
  }

 private:
  bool Wants(const std::string& section) const {
    return arguments_.only.empty() || std::find(arguments_.only.begin(), arguments_.only.end(),
                                                section) != arguments_.only.end();
  }
  std::string Scratch() const { return arguments_.folder + "/scratch.db"; }
  std::string Copy() const { return arguments_.folder + "/copy.db"; }

  std::unique_ptr<RunningServer> ServeEmpty() const {
    RemoveDatabase(Scratch());
    return std::make_unique<RunningServer>(arguments_.server, Scratch(), config_);
  }

  // The large database, which stays as it was made; what writes works on a copy.
  std::string Cases() {
    const std::string path = fmt::format("{}/cases-{}-schema-{}.db", arguments_.folder,
                                         arguments_.cases, kSqliteMigrations.size());
    const double seconds = MakeCases(path, config_, {.cases = arguments_.cases});
    if (seconds > 0) Say(fmt::format("made {} cases in {:.0f} s", arguments_.cases, seconds));
    return path;
  }
  std::string CopyOfCases() {
    const std::string original = Cases();
    if (!copied_) {
      Say("copying the large database");
      RemoveDatabase(Copy());
      fs::copy_file(original, Copy());
      // Otherwise writing it back would compete with the first rounds.
      const int file = open(Copy().c_str(), O_RDWR | O_CLOEXEC);
      if (file < 0 || fsync(file) != 0) throw std::runtime_error("cannot sync " + Copy());
      close(file);
      copied_ = true;
      answers_of_copy_ =
          std::make_unique<Answers>(Answers::Mix{}, arguments_.cases, arguments_.cases);
    }
    return Copy();
  }

  std::string RequestId() {
    return fmt::format("b-{:x}-{:x}", static_cast<unsigned>(getpid()), request_.fetch_add(1));
  }

  UnaryCall<v1::SubmitResponseRequest, v1::SubmitResponseResponse> SubmitCall(Answers* answers) {
    return {"/rebound.v1.ResponseService/SubmitResponse",
            [this, answers](int, v1::SubmitResponseRequest* request) {
              request->set_request_id(RequestId());
              answers->Next(request->mutable_response());
            },
            {}};
  }

  void Start() {
    Say("start: memory and time");
    std::vector<double> empty_ms, large_ms, empty_mib, large_mib;
    RemoveDatabase(Scratch());
    const std::string large = CopyOfCases();
    for (int round = 0; round < 5; ++round) {
      for (const bool is_large : {false, true}) {
        const RunningServer server(arguments_.server, is_large ? large : Scratch(), config_);
        (is_large ? large_ms : empty_ms).push_back(server.start_time().count());
        std::this_thread::sleep_for(std::chrono::seconds(1));
        (is_large ? large_mib : empty_mib).push_back(server.Memory());
      }
    }
    const auto median = [](std::vector<double> values) {
      std::sort(values.begin(), values.end());
      return values[values.size() / 2];
    };
    const std::string cases = Whole(static_cast<double>(arguments_.cases)) + " cases";
    Table table{{"start", "small database", cases}};
    table.push_back({"process start to SERVING, ms", fmt::format("{:.0f}", median(empty_ms)),
                     fmt::format("{:.0f}", median(large_ms))});
    table.push_back({"idle memory (PSS), MiB", fmt::format("{:.1f}", median(empty_mib)),
                     fmt::format("{:.1f}", median(large_mib))});
    text_ += "## Start\n\n" + Markdown(table) + "\n";
    goals_.push_back({"cold start, " + cases, fmt::format("{:.0f} ms", median(large_ms)),
                      "peers 1,750 and 4,300 ms", median(large_ms), 100, true, " ms"});
    goals_.push_back({"idle memory, " + cases, fmt::format("{:.1f} MiB", median(large_mib)),
                      "peers 206 and 227 MiB", median(large_mib), 40, true, " MiB"});
  }

  void Submit() {
    const std::string cases = Whole(static_cast<double>(arguments_.cases)) + " cases";
    Baseline echo("echo", "", arguments_.folder + "/baseline.log");
    RunningServer large(arguments_.server, CopyOfCases(), config_);
    const Target large_target = large.Connect();
    Answers echoed({}, 0, 0);
    Table table{{"in flight", "bare echo", "empty database", "of echo", cases, "of echo",
                 "p99 of echo's", "server us a call"}};
    for (const int in_flight : arguments_.in_flight) {
      const auto empty = ServeEmpty();
      const Target empty_target = empty->Connect();
      Answers answers({}, 0, 0);
      std::vector<Measured> echo_rounds, empty_rounds, large_rounds;
      for (int round = 0; round < arguments_.rounds; ++round) {
        Say(fmt::format("submit: {} in flight, round {} of {}", in_flight, round + 1,
                        arguments_.rounds));
        echo_rounds.push_back(
            Drive(echo.target(), SubmitCall(&echoed), in_flight, arguments_.seconds));
        empty_rounds.push_back(
            Drive(empty_target, SubmitCall(&answers), in_flight, arguments_.seconds));
        large_rounds.push_back(
            Drive(large_target, SubmitCall(answers_of_copy_.get()), in_flight, arguments_.seconds));
      }
      const Measured e = Median(echo_rounds), s = Median(empty_rounds), l = Median(large_rounds);
      const double empty_ratio = s.per_second / e.per_second;
      const double large_ratio = l.per_second / e.per_second;
      table.push_back(
          {std::to_string(in_flight), Rates(e), Rates(s), Ratio(empty_ratio), Rates(l),
           Ratio(large_ratio), Ratio(s.p99_us / e.p99_us) + " and " + Ratio(l.p99_us / e.p99_us),
           fmt::format("{:.0f}, {:.0f}, {:.0f}", e.server_us, s.server_us, l.server_us)});
      if (in_flight == 256) {
        goals_.push_back({"submit, 256 in flight, empty", Whole(s.per_second) + "/s",
                          "echo " + Whole(e.per_second) + "/s", empty_ratio, 0.35, false, ""});
        goals_.push_back({"submit, 256 in flight, " + cases, Whole(l.per_second) + "/s",
                          "echo " + Whole(e.per_second) + "/s", large_ratio, 0.35, false, ""});
      } else if (in_flight == 64) {
        goals_.push_back({"submit p99, 64 in flight, empty", Whole(s.p99_us) + " us",
                          "echo " + Whole(e.p99_us) + " us", s.p99_us / e.p99_us, 3, true, ""});
        goals_.push_back({"submit p99, 64 in flight, " + cases, Whole(l.p99_us) + " us",
                          "echo " + Whole(e.p99_us) + " us", l.p99_us / e.p99_us, 3, true, ""});
      }
    }
    text_ +=
        "## Durable SubmitResponse beside a bare echo\n\nCalls a second (p50 / p99 in "
        "microseconds).\n\n" +
        Markdown(table) + "\n";
  }

  // Rows a second of one import by so many streams. Messages are made before the clock starts.
  double ImportRows(const RunningServer& server, Answers* answers, bool history, int streams) {
    constexpr int64_t kRows = 500;
    constexpr int kAhead = 4;  // batches sent before the answer of the first
    const Target target = server.Connect();
    const int64_t each = arguments_.import_rows / streams;
    std::vector<std::vector<v1::ImportResponsesRequest>> messages(static_cast<size_t>(streams));
    const int64_t begin_s = history ? 1'500'000'000 : 1'750'000'000;
    for (int64_t made = 0; made < each; made += kRows) {
      for (auto& stream : messages) {
        auto* rows = stream.emplace_back().mutable_rows();
        for (int64_t i = made; i < std::min(made + kRows, each); ++i) {
          v1::ImportRow* row = rows->add_rows();
          row->set_row(i + 1);
          const int64_t number = answers->Next(row->mutable_response());
          row->mutable_response()->mutable_occur_time()->set_seconds(begin_s + number * 60);
        }
      }
    }
    std::atomic<int64_t> accepted = 0;
    const auto run = [&](int number) {
      auto stub = v1::ResponseService::NewStub(
          target.channels[static_cast<size_t>(number) % target.channels.size()]);
      grpc::ClientContext context;
      context.AddMetadata("authorization", target.authorization);
      auto stream = stub->ImportResponses(&context);
      v1::ImportResponsesRequest header;
      header.mutable_header()->set_request_id(RequestId());
      header.mutable_header()->set_history(history);
      stream->Write(header);
      const auto& mine = messages[static_cast<size_t>(number)];
      std::mutex mutex;
      std::condition_variable answered;
      size_t answers_seen = 0;
      bool broken = false;
      std::thread reader([&] {
        v1::ImportResponsesResponse reply;
        while (stream->Read(&reply)) {
          accepted += reply.accepted_count();
          std::lock_guard lock(mutex);
          ++answers_seen;
          answered.notify_one();
        }
        std::lock_guard lock(mutex);
        broken = answers_seen < mine.size();
        answered.notify_one();
      });
      for (size_t i = 0; i < mine.size(); ++i) {
        std::unique_lock lock(mutex);
        answered.wait(lock, [&] { return i < answers_seen + kAhead || broken; });
        lock.unlock();
        if (!stream->Write(mine[i])) break;
      }
      stream->WritesDone();
      reader.join();
      if (const grpc::Status status = stream->Finish(); !status.ok()) {
        Say("import: " + status.error_message());
      }
    };
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::thread> threads;
    for (int i = 0; i < streams; ++i) threads.emplace_back(run, i);
    for (std::thread& thread : threads) thread.join();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    if (accepted != each * streams) {
      throw std::runtime_error(
          fmt::format("import: {} of {} rows accepted", accepted.load(), each * streams));
    }
    return static_cast<double>(accepted) / elapsed.count();
  }

  void Import() {
    Table table{{"import", "bare SQLite loop", "1 stream", "of bare", "2 streams", "of bare"}};
    const auto median = [](std::vector<double> values) {
      std::sort(values.begin(), values.end());
      return values[values.size() / 2];
    };
    for (const bool history : {false, true}) {
      std::vector<double> bare, one, two;
      for (int round = 0; round < arguments_.rounds; ++round) {
        Say(fmt::format("import: {}, round {} of {}", history ? "history" : "live", round + 1,
                        arguments_.rounds));
        {
          const auto server = ServeEmpty();
          Answers answers({}, 0, 0);
          one.push_back(ImportRows(*server, &answers, history, 1));
        }
        {
          const BareRows rows(Scratch());
          RemoveDatabase(Scratch() + ".bare");
          bare.push_back(rows.Insert(Scratch() + ".bare"));
          RemoveDatabase(Scratch() + ".bare");
        }
        const auto server = ServeEmpty();
        Answers answers({}, 0, 0);
        two.push_back(ImportRows(*server, &answers, history, 2));
      }
      const std::string name = history ? "history" : "live";
      const double b = median(bare), o = median(one), t = median(two);
      table.push_back(
          {name + ", rows/s", Whole(b), Whole(o), Ratio(o / b), Whole(t), Ratio(t / b)});
      const double best = std::max(o, t);
      goals_.push_back({"import, " + name, Whole(best) + " rows/s", "", best, 30'000, false, "/s"});
      goals_.push_back({"import, " + name, Whole(best) + " rows/s",
                        "bare loop " + Whole(b) + " rows/s", best / b, 0.6, false, ""});
    }
    text_ += "## Import beside a bare SQLite loop\n\n" + Markdown(table) + "\n";
  }

  // Each call in flight walks the first twenty pages of the queue, again and again.
  struct Walk {
    std::string token{};
    int pages = 0;
  };
  UnaryCall<v1::ListCasesRequest, v1::ListCasesResponse> PageCall(std::vector<Walk>* walks,
                                                                  size_t* bytes) {
    return {"/rebound.v1.CaseService/ListCases",
            [walks](int slot, v1::ListCasesRequest* request) {
              request->set_filter("queue = \"default\"");
              request->set_order_by("next_due_time");
              request->set_page_size(50);
              request->set_page_token((*walks)[static_cast<size_t>(slot)].token);
            },
            [walks, bytes](int slot, const v1::ListCasesResponse& response) {
              if (response.cases_size() != 50) throw std::runtime_error("expected a page of 50");
              Walk& walk = (*walks)[static_cast<size_t>(slot)];
              walk.token = ++walk.pages % 20 == 0 ? "" : response.next_page_token();
              if (slot == 0) *bytes = response.ByteSizeLong();
            }};
  }

  void Page() {
    const std::string database = Cases();
    RunningServer server(arguments_.server, database, config_);
    const Target target = server.Connect();
    Baseline bare("page", database, arguments_.folder + "/baseline.log");
    Table table{{"in flight", "bare page", "Rebound", "of bare"}};
    size_t bare_bytes = 0, bytes = 0;
    for (const int in_flight : {1, 8, 64}) {
      std::vector<Measured> bare_rounds, rounds;
      for (int round = 0; round < arguments_.rounds; ++round) {
        Say(fmt::format("page: {} in flight, round {} of {}", in_flight, round + 1,
                        arguments_.rounds));
        std::vector<Walk> bare_walks(static_cast<size_t>(in_flight));
        std::vector<Walk> walks(static_cast<size_t>(in_flight));
        bare_rounds.push_back(Drive(bare.target(), PageCall(&bare_walks, &bare_bytes), in_flight,
                                    arguments_.seconds));
        rounds.push_back(Drive(target, PageCall(&walks, &bytes), in_flight, arguments_.seconds));
      }
      const Measured b = Median(bare_rounds), m = Median(rounds);
      const double ratio = m.per_second / b.per_second;
      table.push_back({std::to_string(in_flight), Rates(b), Rates(m), Ratio(ratio)});
      if (in_flight == 8) {
        goals_.push_back({"queue page of 50, 8 in flight", Whole(m.per_second) + "/s",
                          "bare page " + Whole(b.per_second) + "/s", ratio, 0.7, false, ""});
      }
    }
    text_ += fmt::format(
        "## Queue page of 50 among {} cases\n\nPages a second (p50 / p99 in microseconds). A page "
        "is {} bytes, a bare one {}.\n\n{}\n",
        Whole(static_cast<double>(arguments_.cases)), Whole(static_cast<double>(bytes)),
        Whole(static_cast<double>(bare_bytes)), Markdown(table));
  }

  // Agents who take the next case, beside a bare read of the first row of a queue on the same file:
  // what claiming costs beyond finding the case is deciding, storing and syncing it.
  void Claim() {
    constexpr int kAgents = 64;
    const std::string database = CopyOfCases();
    Baseline bare("page", database, arguments_.folder + "/baseline.log");
    RunningServer server(arguments_.server, database, config_);
    const Target target = server.Connect();
    std::vector<Measured> bare_rounds, rounds;
    for (int round = 0; round < arguments_.rounds; ++round) {
      Say(fmt::format("claim: round {} of {}", round + 1, arguments_.rounds));
      bare_rounds.push_back(Drive<v1::ListCasesRequest, v1::ListCasesResponse>(
          bare.target(),
          {"/rebound.v1.CaseService/ListCases",
           [](int, v1::ListCasesRequest* request) {
             request->set_filter("queue = default");
             request->set_page_size(1);
           },
           {}},
          kAgents, arguments_.seconds));
      rounds.push_back(Drive<v1::ClaimNextCaseRequest, v1::ClaimNextCaseResponse>(
          target,
          {"/rebound.v1.CaseService/ClaimNextCase",
           [this](int, v1::ClaimNextCaseRequest* request) {
             request->set_request_id(RequestId());
             request->set_queue_id("default");
           },
           {}},
          kAgents, arguments_.seconds));
    }
    const Measured b = Median(bare_rounds), m = Median(rounds);
    const double ratio = m.per_second / b.per_second;
    Table table{{"in flight", "bare read of one row", "ClaimNextCase", "of bare"}};
    table.push_back({std::to_string(kAgents), Rates(b), Rates(m), Ratio(ratio)});
    text_ += fmt::format(
        "## Claiming among {} open cases\n\nClaims a second (p50 / p99 in microseconds), each "
        "decided and on disk.\n\n{}\n",
        Whole(static_cast<double>(arguments_.cases)), Markdown(table));
  }

  void Rules() {
    std::vector<double> evaluate, store;
    for (int round = 0; round < arguments_.rounds; ++round) {
      Say(fmt::format("rules: round {} of {}", round + 1, arguments_.rounds));
      const RulesCost cost =
          MeasureRules(arguments_.folder, config_, arguments_.quick ? 5'000 : 20'000);
      evaluate.push_back(cost.evaluate_us);
      store.push_back(cost.store_us);
    }
    std::sort(evaluate.begin(), evaluate.end());
    std::sort(store.begin(), store.end());
    const double e = evaluate[evaluate.size() / 2], s = store[store.size() / 2];
    text_ += fmt::format(
        "## Rules beside the write of the same answer\n\n500 conditions of three comparisons: "
        "{:.1f} us an answer; deciding and storing the answer, 64 a commit: {:.1f} us.\n\n",
        e, s);
    goals_.push_back({"evaluating 500 rules", fmt::format("{:.1f} us", e),
                      fmt::format("store write {:.1f} us", s), e / s, 0.1, true, ""});
  }

  // What is asked before anything is done with or for a customer.
  void Entries() {
    const int64_t entries = arguments_.entries - arguments_.entries % kEntriesOfAMix;
    const std::string database = fmt::format("{}/entries-{}-schema-{}.db", arguments_.folder,
                                             entries, kSqliteMigrations.size());
    const double seconds = MakeEntries(database, entries);
    if (seconds > 0) Say(fmt::format("made {} entries in {:.0f} s", entries, seconds));
    Say("entries: checks beside point reads");
    const EntriesCost cost =
        MeasureChecks(database, arguments_.rounds, arguments_.quick ? 5'000 : 50'000);
    const auto both = [](const Latency& l) {
      return fmt::format("{:.2f} / {:.2f}", l.p50_us, l.p99_us);
    };
    const auto times = [](const Latency& l, const Latency& bare) {
      return Ratio(l.p50_us / bare.p50_us) + " / " + Ratio(l.p99_us / bare.p99_us);
    };
    Table table{{"customer with", "anywhere, us", "of bare", "in the cache, us", "of bare"},
                {"(bare point read)", both(cost.anywhere.bare), "", both(cost.cached.bare), ""}};
    for (size_t i = 0; i < kChecked.size(); ++i) {
      const Latency &far = cost.anywhere.checks[i], &near = cost.cached.checks[i];
      table.push_back({kChecked[i], both(far), times(far, cost.anywhere.bare), both(near),
                       times(near, cost.cached.bare)});
    }
    const std::string among = Whole(static_cast<double>(entries)) + " entries";
    text_ += fmt::format(
        "## A check among {}\n\np50 / p99 in microseconds: the open entries of the customer and "
        "of every alias, and what they say to a call by phone; beside the body of any one entry "
        "by its primary key.\n\n{}\n",
        among, Markdown(table));
    const auto goal = [&](const std::string& what, const ChecksCost& of, double Latency::*figure) {
      double worst = 0;
      for (size_t i = 0; i < kCheckedAlone; ++i) worst = std::max(worst, of.checks[i].*figure);
      goals_.push_back({what + ", " + among, fmt::format("{:.2f} us", worst),
                        fmt::format("point read {:.2f} us", of.bare.*figure),
                        worst / (of.bare.*figure), 2, true, ""});
    };
    goal("check", cost.anywhere, &Latency::p50_us);
    goal("check p99", cost.anywhere, &Latency::p99_us);
    goal("check, all in the cache", cost.cached, &Latency::p50_us);
    CheckCalls(database, cost.customer_ids);
  }

  // For information: over the wire a check is lost among what any call costs.
  void CheckCalls(const std::string& database, const std::vector<std::string>& customer_ids) {
    RunningServer server(arguments_.server, database, config_);
    const Target target = server.Connect();
    std::atomic<size_t> next = 0;
    const auto name_next = [&](auto* request) {
      request->set_customer_id(customer_ids[next.fetch_add(1) % customer_ids.size()]);
    };
    Table table{{"in flight", "GetCustomer", "CheckCustomer", "of GetCustomer"}};
    for (const int in_flight : {1, 8, 64}) {
      std::vector<Measured> gets, checks;
      for (int round = 0; round < arguments_.rounds; ++round) {
        Say(fmt::format("entries: {} in flight, round {} of {}", in_flight, round + 1,
                        arguments_.rounds));
        gets.push_back(Drive<v1::GetCustomerRequest, v1::GetCustomerResponse>(
            target,
            {"/rebound.v1.CustomerService/GetCustomer",
             [&](int, v1::GetCustomerRequest* request) { name_next(request); },
             {}},
            in_flight, arguments_.seconds));
        checks.push_back(Drive<v1::CheckCustomerRequest, v1::CheckCustomerResponse>(
            target,
            {"/rebound.v1.BlacklistService/CheckCustomer",
             [&](int, v1::CheckCustomerRequest* request) {
               request->Clear();  // of the call before
               name_next(request);
               v1::RestrictedAction* action = request->add_actions();
               action->set_kind(v1::RESTRICTED_ACTION_KIND_CONTACT);
               action->set_channel(v1::CHANNEL_PHONE);
             },
             {}},
            in_flight, arguments_.seconds));
      }
      const Measured g = Median(gets), c = Median(checks);
      table.push_back(
          {std::to_string(in_flight), Rates(g), Rates(c), Ratio(c.per_second / g.per_second)});
    }
    text_ += "### The same over the wire\n\nCalls a second (p50 / p99 in microseconds).\n\n" +
             Markdown(table) + "\n";
  }

  // The backlog after a stop: everything is overdue when the server starts. Staff look at their
  // queue meanwhile.
  void OverdueTimers() {
    constexpr int kPagesInFlight = 4;
    const std::string original =
        fmt::format("{}/overdue-schema-{}.db", arguments_.folder, kSqliteMigrations.size());
    const int64_t overdue = arguments_.quick ? 20'000 : 100'000;
    const std::string made = fmt::format("{}-{}", original, overdue);
    MakeCases(made, config_,
              {.cases = overdue,
               .program = "bench-overdue",
               .span = std::chrono::hours{1},
               .ago = std::chrono::hours{2}});
    std::vector<double> drains, ratios, shares;
    std::vector<Measured> intakes;
    Table table{{"round", "timers/s", "intake/s", "share", "page p99 draining, us",
                 "page p99 idle, us", "times"}};
    for (int round = 0; round < arguments_.rounds; ++round) {
      Say(fmt::format("timers: round {} of {}", round + 1, arguments_.rounds));
      RemoveDatabase(Scratch());
      fs::copy_file(made, Scratch());
      std::vector<Walk> walks(kPagesInFlight);
      size_t bytes = 0;
      RunningServer server(arguments_.server, Scratch(), config_);
      const Target target = server.Connect();
      const auto begin = std::chrono::steady_clock::now();
      std::vector<Measured> busy;
      double seconds = 0;
      while (Overdue(target) > 0) {
        busy.push_back(Drive(target, PageCall(&walks, &bytes), kPagesInFlight, 0.5));
        seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      }
      if (busy.empty()) throw std::runtime_error("the timers had fired before a page was read");
      const Measured idle =
          Drive(target, PageCall(&walks, &bytes), kPagesInFlight, arguments_.seconds);
      Answers answers({}, overdue, overdue);
      const Measured intake = Drive(target, SubmitCall(&answers), 256, arguments_.seconds);
      double p99 = 0;
      for (const Measured& each : busy) p99 = std::max(p99, each.p99_us);
      const double drain = static_cast<double>(overdue) / seconds;
      drains.push_back(drain);
      shares.push_back(drain / intake.per_second);
      ratios.push_back(p99 / idle.p99_us);
      table.push_back({std::to_string(round + 1), Whole(drain), Whole(intake.per_second),
                       Ratio(shares.back()), Whole(p99), Whole(idle.p99_us), Ratio(ratios.back())});
    }
    std::sort(shares.begin(), shares.end());
    std::sort(ratios.begin(), ratios.end());
    const double share = shares[shares.size() / 2], ratio = ratios[ratios.size() / 2];
    text_ += fmt::format(
        "## {} overdue timers\n\nFrom the start of the server until none is overdue, while {} "
        "readers walk a queue. The page figure is the worst half second's.\n\n{}\n",
        Whole(static_cast<double>(overdue)), kPagesInFlight, Markdown(table));
    goals_.push_back({"overdue timers drain", Whole(drains[drains.size() / 2]) + "/s",
                      "intake at 256 in flight", share, 0.25, false, ""});
    goals_.push_back({"queue page p99 meanwhile", "", "idle", ratio, 3, true, ""});
  }

  static int64_t Overdue(const Target& target) {
    grpc::ClientContext context;
    context.AddMetadata("authorization", target.authorization);
    v1::GetStatusResponse status;
    auto stub = v1::OperationsService::NewStub(target.channels.front());
    if (const grpc::Status got = stub->GetStatus(&context, {}, &status); !got.ok()) {
      throw std::runtime_error("GetStatus: " + got.error_message());
    }
    return status.overdue_timer_count();
  }

  // A supervisor gives one verb to 10,000 cases, as many to a call as one takes, while others read.
  // Everybody who follows has the event about when so many bare answers could have been given.
  void WatchedEvents() {
    constexpr int kWatches = 1'000;
    constexpr int kAnswers = 50;
    constexpr int kEchoesInFlight = 256;
    Baseline echo("echo", "", arguments_.folder + "/baseline.log");
    Answers echoed({}, 0, 0);
    RemoveDatabase(Scratch());
    RunningServer server(arguments_.server, Scratch(), config_,
                         {"--streams-per-principal", std::to_string(kWatches)});
    const Target target = server.Connect();
    const double memory_before = server.Memory();
    Watches watches(target, kWatches);
    const double memory = (server.Memory() - memory_before) * 1024 / kWatches;
    Table table{{"round", "answer stored, us", "everybody has it, p50 us", "p99 us",
                 "1,000 bare echoes, us", "p99 of those"}};
    std::vector<double> ratios, p99s;
    for (int round = 0; round < arguments_.rounds; ++round) {
      Say(fmt::format("watches: round {} of {}", round + 1, arguments_.rounds));
      const Measured bare =
          Drive(echo.target(), SubmitCall(&echoed), kEchoesInFlight, arguments_.seconds);
      const FanOut out = watches.Measure(target, kAnswers);
      const double echoes_us = kWatches / bare.per_second * 1e6;
      ratios.push_back(out.p99_us / echoes_us);
      p99s.push_back(out.p99_us);
      table.push_back({std::to_string(round + 1), Whole(out.stored_us), Whole(out.p50_us),
                       Whole(out.p99_us), Whole(echoes_us), Ratio(ratios.back())});
    }
    std::sort(ratios.begin(), ratios.end());
    std::sort(p99s.begin(), p99s.end());
    const double ratio = ratios[ratios.size() / 2];
    text_ += fmt::format(
        "## Watches\n\n{} open watches, each gets each of {} answers' CaseOpened; from sending the "
        "answer. {:.0f} KiB of memory for each open watch.\n\n{}\n",
        kWatches, kAnswers, memory, Markdown(table));
    goals_.push_back({"an event at 1,000 watches, p99", Whole(p99s[p99s.size() / 2]) + " us",
                      "1,000 bare echoes", ratio, 3, true, ""});
    goals_.push_back({"memory of an open watch", fmt::format("{:.0f} KiB", memory), "", memory, 64,
                      true, " KiB"});
  }

  // The same unary calls as JSON over HTTP/1.1 and as protobuf over gRPC, on one server.
  void Gateway() {
    RunningServer server(arguments_.server, CopyOfCases(), config_);
    const Target target = server.Connect();
    std::atomic<int64_t> number = 1;
    const auto next = [&] { return 1 + number.fetch_add(1) % arguments_.cases; };
    const UnaryCall<v1::GetCaseRequest, v1::GetCaseResponse> get{
        "/rebound.v1.CaseService/GetCase",
        [&](int, v1::GetCaseRequest* request) {
          request->set_case_id("C-" + std::to_string(next()));
        },
        {}};
    const HttpCall get_json{get.method,
                            [&] { return fmt::format(R"({{"caseId":"C-{}"}})", next()); }};
    const auto submit = SubmitCall(answers_of_copy_.get());
    const HttpCall submit_json{submit.method, [&] {
                                 v1::SubmitResponseRequest request;
                                 submit.next(0, &request);
                                 std::string json;
                                 const auto made =
                                     google::protobuf::util::MessageToJsonString(request, &json);
                                 if (!made.ok()) throw std::runtime_error("no JSON of a request");
                                 return json;
                               }};
    Table table{
        {"call", "in flight", "gRPC", "JSON", "of gRPC", "server us a call, gRPC and JSON"}};
    const auto measure = [&](const std::string& what, const auto& call, const HttpCall& json,
                             int in_flight) {
      std::vector<Measured> grpc_rounds, http_rounds;
      for (int round = 0; round < arguments_.rounds; ++round) {
        Say(fmt::format("gateway: {}, {} in flight, round {} of {}", what, in_flight, round + 1,
                        arguments_.rounds));
        grpc_rounds.push_back(Drive(target, call, in_flight, arguments_.seconds));
        http_rounds.push_back(DriveHttp(target.server, server.http_address(), target.authorization,
                                        json, in_flight, arguments_.seconds));
      }
      const Measured g = Median(grpc_rounds), h = Median(http_rounds);
      const double ratio = h.per_second / g.per_second;
      table.push_back({what, std::to_string(in_flight), Rates(g), Rates(h), Ratio(ratio),
                       fmt::format("{:.0f}, {:.0f}", g.server_us, h.server_us)});
      if (in_flight == 64) {
        goals_.push_back({what + " as JSON, 64 in flight", Whole(h.per_second) + "/s",
                          "gRPC " + Whole(g.per_second) + "/s", ratio, 0.5, false, ""});
      }
    };
    for (const int in_flight : {1, 8, 64}) measure("GetCase", get, get_json, in_flight);
    for (const int in_flight : {1, 8, 64})
      measure("SubmitResponse", submit, submit_json, in_flight);
    text_ += fmt::format(
        "## The gateway beside gRPC\n\nCalls a second (p50 / p99 in microseconds), {} "
        "cases.\n\n{}\n",
        Whole(static_cast<double>(arguments_.cases)), Markdown(table));
  }

  void Bulk() {
    constexpr int64_t kMany = 10'000;
    constexpr int64_t kEach = 500;
    constexpr int kPagesInFlight = 4;
    RunningServer server(arguments_.server, CopyOfCases(), config_);
    const Target target = server.Connect();
    std::vector<double> rates, ratios;
    Table table{{"round", "cases/s", "page p99 meanwhile, us", "page p99 idle, us", "times"}};
    size_t bytes = 0;
    for (int round = 0; round < arguments_.rounds; ++round) {
      Say(fmt::format("bulk: round {} of {}", round + 1, arguments_.rounds));
      std::vector<Walk> walks(kPagesInFlight);
      const Measured idle =
          Drive(target, PageCall(&walks, &bytes), kPagesInFlight, arguments_.seconds);
      std::string error;
      double seconds = 0;
      std::atomic<bool> over = false;
      std::thread bulk([&] {
        auto stub = v1::CaseService::NewStub(target.channels.front());
        const auto begin = std::chrono::steady_clock::now();
        for (int64_t from = 1; from <= kMany && error.empty(); from += kEach) {
          v1::BulkCasesRequest request;
          request.set_request_id(RequestId());
          for (int64_t i = from; i < from + kEach; ++i) {
            request.add_case_ids("C-" + std::to_string(i));
          }
          request.mutable_supervise()->set_note("Nobody has answered these for a week.");
          grpc::ClientContext context;
          context.AddMetadata("authorization", target.authorization);
          v1::BulkCasesResponse response;
          const grpc::Status status = stub->BulkCases(&context, request, &response);
          if (!status.ok()) error = "BulkCases: " + status.error_message();
          for (const auto& result : response.results()) {
            if (result.has_error()) error = "BulkCases: " + result.error().message();
          }
        }
        seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        over = true;
      });
      std::vector<Measured> busy;
      while (!over) busy.push_back(Drive(target, PageCall(&walks, &bytes), kPagesInFlight, 0.25));
      bulk.join();
      if (!error.empty()) throw std::runtime_error(error);
      double p99 = 0;
      for (const Measured& each : busy) p99 = std::max(p99, each.p99_us);
      rates.push_back(static_cast<double>(kMany) / seconds);
      ratios.push_back(p99 / idle.p99_us);
      table.push_back({std::to_string(round + 1), Whole(rates.back()), Whole(p99),
                       Whole(idle.p99_us), Ratio(ratios.back())});
    }
    std::sort(rates.begin(), rates.end());
    std::sort(ratios.begin(), ratios.end());
    text_ += fmt::format(
        "## A bulk action on {} cases\n\n{} cases a call, one call after the other, while {} "
        "readers walk a queue. The page figure is the worst quarter second's.\n\n{}\n",
        Whole(kMany), kEach, kPagesInFlight, Markdown(table));
    goals_.push_back({"queue page p99 during a bulk action",
                      Whole(rates[rates.size() / 2]) + " cases/s", "idle",
                      ratios[ratios.size() / 2], 3, true, ""});
  }

  void Peers() {
    RunningServer server(arguments_.server, CopyOfCases(), config_);
    const Target target = server.Connect();
    std::vector<Measured> creates, moves, pages;
    std::atomic<int64_t> number = 1;
    std::vector<Walk> walks(1);
    size_t bytes = 0;
    for (int round = 0; round < arguments_.rounds; ++round) {
      Say(fmt::format("peers: round {} of {}", round + 1, arguments_.rounds));
      creates.push_back(Drive<v1::OpenCaseRequest, v1::OpenCaseResponse>(
          target,
          {"/rebound.v1.CaseService/OpenCase",
           [this](int, v1::OpenCaseRequest* request) {
             request->set_request_id(RequestId());
             v1::Case* c = request->mutable_case_();
             c->set_program_id(kProgram);
             c->set_touchpoint("channel/hotline");
             c->set_customer_request("Asked twice for a corrected invoice; wants a call back.");
             c->set_order_reference("O-1");
             c->set_severity(3);
           },
           {}},
          8, arguments_.seconds));
      moves.push_back(Drive<v1::LogAttemptRequest, v1::LogAttemptResponse>(
          target,
          {"/rebound.v1.CaseService/LogAttempt",
           [&](int, v1::LogAttemptRequest* request) {
             request->set_request_id(RequestId());
             request->set_case_id("C-" + std::to_string(number.fetch_add(1)));
             request->mutable_attempt()->set_channel(v1::CHANNEL_PHONE);
             request->mutable_attempt()->set_direction(v1::DIRECTION_OUTBOUND);
             request->mutable_attempt()->set_outcome(v1::ATTEMPT_OUTCOME_REACHED);
             request->mutable_attempt()->set_note("Apologised; the refund is on its way.");
           },
           {}},
          8, arguments_.seconds));
      pages.push_back(Drive(target, PageCall(&walks, &bytes), 1, arguments_.seconds));
    }
    const Measured create = Median(creates), move = Median(moves), page = Median(pages);
    Table table{{"work", "Request Tracker 5.0.3", "Redmine 5.0.4", "Rebound", "times the better"}};
    const auto add = [&](const std::string& what, const std::string& tracker,
                         const std::string& redmine, const std::string& ours, double times) {
      table.push_back({what, tracker, redmine, ours, Whole(times)});
      goals_.push_back({what, ours, "peers", times, 100, false, " x"});
    };
    add("create a case, 8 at once", "9.7/s, p50 825 ms", "32.5/s, p50 236 ms",
        fmt::format("{}/s, p50 {:.2f} ms", Whole(create.per_second), create.p50_us / 1000),
        create.per_second / 32.5);
    add("change its state, 8 at once", "58/s", "43/s", Whole(move.per_second) + "/s",
        move.per_second / 58);
    add("a queue page of 50 by due date", "p50 417 ms", "p50 221 ms",
        fmt::format("p50 {:.2f} ms", page.p50_us / 1000), 221'000 / page.p50_us);
    text_ +=
        "## Beside the peers\n\nTheirs were measured once on this kind of machine with 51,000 "
        "tickets on PostgreSQL 15; ours with " +
        Whole(static_cast<double>(arguments_.cases)) + " cases.\n\n" + Markdown(table) + "\n";
  }

  const Arguments arguments_;
  std::string config_;
  std::string text_;
  std::vector<Goal> goals_;
  std::atomic<uint64_t> request_ = 1;
  bool copied_ = false;
  std::unique_ptr<Answers> answers_of_copy_;
};

int Main(int argc, char** argv) {
  CLI::App app{"rebound_bench: Rebound beside bare baselines, in one run"};
  Arguments arguments;
  app.add_option("--server", arguments.server, "the reboundd to measure");
  app.add_option("--folder", arguments.folder, "where databases go")->capture_default_str();
  app.add_option("--config", arguments.config, "the shipped configuration")->capture_default_str();
  app.add_option(
         "--only", arguments.only,
         "start, submit, import, page, claim, rules, entries, timers, bulk, watches, gateway or "
         "peers; may be repeated")
      ->check(CLI::IsMember({"start", "submit", "import", "page", "claim", "rules", "entries",
                             "timers", "bulk", "watches", "gateway", "peers"}));
  app.add_option("--in-flight", arguments.in_flight, "calls in flight of submit")
      ->capture_default_str();
  app.add_option("--rounds", arguments.rounds, "rounds of each; the median counts")
      ->capture_default_str();
  app.add_option("--seconds", arguments.seconds, "length of a round")->capture_default_str();
  app.add_option("--cases", arguments.cases, "size of the large database")->capture_default_str();
  app.add_option("--import-rows", arguments.import_rows, "rows of an import")
      ->capture_default_str();
  app.add_option("--entries", arguments.entries, "blacklist entries that checks are made among")
      ->check(CLI::Range(kEntriesOfAMix, int64_t{100'000'000}))
      ->capture_default_str();
  app.add_flag("--quick", arguments.quick,
               "a minute: 100,000 cases and entries, one short round of each");
  app.add_flag("--write", arguments.write, "writes the results into --results");
  app.add_option("--results", arguments.results)->capture_default_str();
  // How this program starts its own baselines.
  app.add_option("--baseline", arguments.baseline)->group("");
  app.add_option("--database", arguments.database)->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    if (arguments.baseline == "echo") return ServeEcho();
    if (arguments.baseline == "page") return ServePages(arguments.database);
    if (arguments.server.empty()) throw std::runtime_error("--server is needed; see --help");
    if (arguments.quick) {
      arguments.cases = std::min<int64_t>(arguments.cases, 100'000);
      arguments.import_rows = std::min<int64_t>(arguments.import_rows, 20'000);
      arguments.entries = std::min<int64_t>(arguments.entries, 100'000);
      arguments.rounds = 1;
      arguments.seconds = 1;
    }
    return Bench(std::move(arguments)).Run();
  } catch (const std::exception& e) {
    std::cerr << "rebound_bench: " << e.what() << "\n";
    return 1;
  }
}

}  // namespace
}  // namespace rebound::bench

int main(int argc, char** argv) { return rebound::bench::Main(argc, argv); }
