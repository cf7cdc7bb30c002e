#include "clients/cli/options.h"

namespace rebound::cli {

CLI::App* AddVerb(CLI::App& noun, const std::string& name, const std::string& help,
                  const std::string& example) {
  CLI::App* verb = noun.add_subcommand(name, help);
  verb->footer("Example:\n  rebound " + example);
  return verb;
}

CLI::Option* AddTime(CLI::App* app, const std::string& name,
                     std::function<google::protobuf::Timestamp*()> target,
                     const std::string& help) {
  return app
      ->add_option_function<std::string>(
          name,
          [name, target = std::move(target)](const std::string& text) {
            std::string reason;
            const std::optional<google::protobuf::Timestamp> time = ReadTime(text, &reason);
            if (!time) throw CLI::ValidationError(name, reason);
            *target() = *time;
          },
          help)
      ->type_name("TIME");
}

CLI::Option* AddSpan(CLI::App* app, const std::string& name,
                     std::function<google::protobuf::Duration*()> target, const std::string& help) {
  return app
      ->add_option_function<std::string>(
          name,
          [name, target = std::move(target)](const std::string& text) {
            std::string reason;
            const std::optional<google::protobuf::Duration> span = ReadSpan(text, &reason);
            if (!span) throw CLI::ValidationError(name, reason);
            *target() = *span;
          },
          help)
      ->type_name("SPAN");
}

CLI::Option* AddMoney(CLI::App* app, const std::string& name, std::function<v1::Money*()> target,
                      const std::string& help) {
  return app
      ->add_option_function<std::string>(
          name,
          [name, target = std::move(target)](const std::string& text) {
            std::string reason;
            const std::optional<v1::Money> money = ReadMoney(text, &reason);
            if (!money) throw CLI::ValidationError(name, reason);
            *target() = *money;
          },
          help)
      ->type_name("MONEY");
}

CLI::Option* AddInteger(CLI::App* app, const std::string& name, std::function<void(int64_t)> take,
                        const std::string& help) {
  return app
      ->add_option_function<std::string>(
          name,
          [name, take = std::move(take)](const std::string& text) {
            std::string reason;
            const std::optional<int64_t> number = ParseInteger(text, &reason);
            if (!number) throw CLI::ValidationError(name, reason);
            take(*number);
          },
          help)
      ->type_name("N");
}

CLI::Option* AddKey(CLI::App* app, const std::string& name,
                    std::function<v1::ExternalKey*()> target, const std::string& help) {
  return app
      ->add_option_function<std::string>(
          name,
          [name, target = std::move(target)](const std::string& text) {
            const std::optional<v1::ExternalKey> key = ReadKey(text);
            if (!key) {
              throw CLI::ValidationError(
                  name, "expected SOURCE:KEY, for example crm:88, got \"" + text + "\"");
            }
            *target() = *key;
          },
          help)
      ->type_name("SOURCE:KEY");
}

CLI::Option* AddPairs(CLI::App* app, const std::string& name, Pairs* target,
                      const std::string& help) {
  return app
      ->add_option_function<std::vector<std::string>>(
          name,
          [name, target](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              const size_t equals = text.find('=');
              if (equals == std::string::npos || equals == 0) {
                throw CLI::ValidationError(name, "expected NAME=VALUE, got \"" + text + "\"");
              }
              target->emplace_back(text.substr(0, equals), text.substr(equals + 1));
            }
          },
          help)
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
}

void AddRequestId(CLI::App* app, std::string* request_id) {
  app->add_option("--request-id", *request_id,
                  "Name this change; the same name and content again change nothing")
      ->type_name("ID");
}

void FillRequestId(std::string* request_id) {
  if (request_id->empty()) *request_id = NewRequestId();
}

void AddPaging(CLI::App* app, Paging* paging) {
  CLI::Option* all = app->add_flag("--all", paging->all, "Show all of them");
  app->add_option("--limit", paging->limit, "Show at most this many")
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000'000}))
      ->type_name("N")
      ->capture_default_str()
      ->excludes(all);
}

}  // namespace rebound::cli
