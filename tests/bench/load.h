// A closed loop of unary calls: so many are in flight at any time, each answer starts the next one.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace rebound::bench {

// Where calls go. Connections are made once and shared by all rounds. Thread-safe once made.
struct Target {
  pid_t server = 0;
  std::string authorization{};  // sent with each call, to baselines too: the same bytes
  std::vector<std::shared_ptr<grpc::Channel>> channels{};
};

// Opens a few connections, since one thread of the server reads each. Throws std::runtime_error
// when nobody answers within ten seconds.
Target Connect(pid_t server, const std::string& address, const std::string& token);

// Processor time that a process used so far, in microseconds.
double ProcessorTime(pid_t process);

// Latencies are of calls that ended within the measured time.
struct Measured {
  double per_second = 0;
  double p50_us = 0;
  double p99_us = 0;
  int64_t calls = 0;
  double server_us = 0;  // processor time of the server for one call
};

// Sorts `micros`.
Measured Summarise(std::vector<uint32_t>* micros, double seconds);
// The round whose rate is in the middle; p50 and p99 are medians of their own.
Measured Median(std::vector<Measured> rounds);

template <typename Request, typename Response>
struct UnaryCall {
  std::string method{};  // "/rebound.v1.CaseService/GetCase"
  // Both run on the load's threads; `slot` is one of the calls in flight, from 0.
  std::function<void(int slot, Request*)> next{};
  std::function<void(int slot, const Response&)> done{};  // may be empty
};

// Throws std::runtime_error with the first error, if any call fails: a refused call is no work
// done. The first tenth of the time is not measured.
template <typename Request, typename Response>
Measured Drive(const Target& target, const UnaryCall<Request, Response>& call, int in_flight,
               double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const auto since = [&](double share) {
    return begin + std::chrono::duration_cast<Clock::duration>(
                       std::chrono::duration<double>(seconds * share));
  };
  const auto measured_from = since(0.1);
  const auto until = since(1.1);

  struct Slot {
    int number = 0;
    Request request{};
    Response response{};
    grpc::Status status{};
    std::optional<grpc::ClientContext> context{};
    std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader{};
    Clock::time_point start{};
  };
  struct Lane {
    std::vector<uint32_t> micros{};
    std::string error{};
  };
  const int threads = in_flight < 8 ? 1 : 2;
  std::vector<Lane> lanes(static_cast<size_t>(threads));
  const double processor_before = ProcessorTime(target.server);
  std::atomic<int64_t> calls = 0;
  const auto run = [&](int lane_number) {
    Lane& lane = lanes[static_cast<size_t>(lane_number)];
    grpc::CompletionQueue queue;
    std::vector<std::unique_ptr<Slot>> slots;
    std::vector<grpc::TemplatedGenericStub<Request, Response>> stubs;
    for (const auto& channel : target.channels) stubs.emplace_back(channel);
    const auto start = [&](Slot* slot) {
      call.next(slot->number, &slot->request);
      slot->context.emplace();
      slot->context->AddMetadata("authorization", target.authorization);
      slot->context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
      auto& stub = stubs[static_cast<size_t>(slot->number / threads) % stubs.size()];
      slot->start = Clock::now();
      slot->reader = stub.PrepareUnaryCall(&*slot->context, call.method, slot->request, &queue);
      slot->reader->StartCall();
      slot->reader->Finish(&slot->response, &slot->status, slot);
    };
    for (int i = lane_number; i < in_flight; i += threads) {
      slots.push_back(std::make_unique<Slot>());
      slots.back()->number = i;
      start(slots.back().get());
    }
    size_t running = slots.size();
    void* tag = nullptr;
    bool ok = false;
    while (running > 0 && queue.Next(&tag, &ok)) {
      auto* slot = static_cast<Slot*>(tag);
      const auto now = Clock::now();
      if (!slot->status.ok()) {
        lane.error = call.method + ": " + slot->status.error_message();
      } else if (now >= measured_from && now < until) {
        lane.micros.push_back(static_cast<uint32_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(now - slot->start).count()));
      }
      calls.fetch_add(1, std::memory_order_relaxed);
      if (call.done && slot->status.ok()) call.done(slot->number, slot->response);
      if (now < until && lane.error.empty()) {
        start(slot);
      } else {
        --running;
      }
    }
    queue.Shutdown();
    while (queue.Next(&tag, &ok)) continue;
  };
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back(run, i);
  run(0);
  for (std::thread& thread : others) thread.join();
  std::vector<uint32_t> micros;
  for (const Lane& lane : lanes) {
    if (!lane.error.empty()) throw std::runtime_error(lane.error);
    micros.insert(micros.end(), lane.micros.begin(), lane.micros.end());
  }
  Measured measured = Summarise(&micros, seconds);
  measured.server_us =
      (ProcessorTime(target.server) - processor_before) / static_cast<double>(calls.load());
  return measured;
}

}  // namespace rebound::bench
