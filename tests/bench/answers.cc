#include "tests/bench/answers.h"

#include <fmt/format.h>

#include <array>

namespace rebound::bench {
namespace {

constexpr std::array kReasons = {
    "The technician came two days late and nobody called to say so; I had taken leave for it.",
    "I was charged twice for the same month, and the hotline told me to wait for the next bill.",
    "网络经常断线，打了三次客服电话都没有解决，希望尽快派人上门检查一下线路。",
    "Staff were friendly, but the queue was long and only one of four counters was open.",
    "Everything worked at the first try, and the explanation on the phone was clear.",
};
constexpr std::array kTouchpoints = {"channel/hotline", "channel/store", "billing/overage-alert",
                                     "delivery/home", "repair/on-site"};
constexpr std::array kChannels = {"web", "sms", "app"};

// Spreads numbers: splitmix64.
uint64_t Mixed(int64_t number) {
  uint64_t z = static_cast<uint64_t>(number) * 0x9E3779B97F4A7C15U + 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

}  // namespace

int64_t Answers::Next(v1::Response* out) {
  const int64_t number = answers_.fetch_add(1);
  uint64_t bits = Mixed(number);
  const auto take = [&bits](uint64_t below) {
    const uint64_t value = bits % below;
    bits = Mixed(static_cast<int64_t>(bits));
    return static_cast<int64_t>(value);
  };
  const bool detractor = take(100) < mix_.detractor_percent;
  const bool is_new = take(100) < mix_.new_customer_percent || customers_.load() == 0;
  const int64_t customer =
      is_new ? customers_.fetch_add(1) : take(static_cast<uint64_t>(customers_.load()));
  out->Clear();
  out->set_program_id(kProgram);
  out->mutable_external_key()->set_source_system("survey");
  out->mutable_external_key()->set_external_id(fmt::format("R{:012}", number));
  out->mutable_customer_key()->set_source_system("crm");
  out->mutable_customer_key()->set_external_id(fmt::format("K{:010}", customer));
  out->set_score(detractor ? take(7) : 7 + take(4));
  out->set_reason(kReasons[static_cast<size_t>(take(kReasons.size()))]);
  out->set_touchpoint(kTouchpoints[static_cast<size_t>(take(kTouchpoints.size()))]);
  out->set_org_unit_id(fmt::format("province-{:02}/city-{}/store-{}", take(30), take(9), take(20)));
  out->set_survey_channel(kChannels[static_cast<size_t>(take(kChannels.size()))]);
  out->set_language("en");
  out->set_order_reference(fmt::format("O-{:09}", number));
  (*out->mutable_attributes())["device"] = "android";
  return number;
}

}  // namespace rebound::bench
