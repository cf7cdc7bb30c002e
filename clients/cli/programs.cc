#include "clients/cli/programs.h"

#include <fmt/format.h>

#include "clients/cli/commands.h"
#include "clients/cli/options.h"
#include "rebound/v1/survey_service.grpc.pb.h"

namespace rebound::cli {

std::string ScaleText(const v1::Scale& scale) {
  return fmt::format("{} {}-{}, detractor {} {}, promoter {} {}", EnumName(scale.kind()),
                     scale.min(), scale.max(), scale.lower_is_better() ? "from" : "to",
                     scale.detractor_limit(), scale.lower_is_better() ? "to" : "from",
                     scale.promoter_limit());
}

std::vector<Column<v1::Program>> ProgramColumns(bool chinese) {
  using Record = const v1::Program&;
  const auto name = [chinese](Record r) {
    return chinese && !r.display_name_zh().empty() ? r.display_name_zh() : r.display_name();
  };
  return {
      {"id", "id", Align::kLeft, [](Record r) { return r.id(); }},
      {"name", "name", Align::kLeft, name},
      {"kind", "kind", Align::kLeft, [](Record r) { return EnumName(r.kind()); }},
      {"scale", "scale", Align::kLeft, [](Record r) { return ScaleText(r.scale()); }},
      {"window", "window", Align::kLeft,
       [](Record r) {
         return r.has_recovery_window() ? FormatDuration(r.recovery_window()) : "unlimited";
       }},
      {"anonymous", "anonymous", Align::kLeft,
       [](Record r) { return std::string(r.allow_anonymous() ? "allowed" : "no"); }},
      {"currency", "currency", Align::kLeft, [](Record r) { return r.currency_code(); }},
      {"zone", "zone", Align::kLeft, [](Record r) { return r.time_zone(); }},
  };
}

void AddProgramCommands(CLI::App& app, Session& session) {
  CLI::App* programs = app.add_subcommand("programs", "Look at the survey programs");
  programs->require_subcommand(1);
  CLI::App* list = programs->add_subcommand("list", "List the programs");
  list->footer("Example:\n  rebound programs list -o json");
  auto paging = std::make_shared<Paging>();
  AddPaging(list, paging.get());
  list->callback([paging, &session] {
    session.command = [paging, &session] {
      return PrintPages<v1::Program>(
          session, *paging, &v1::SurveyService::Stub::ListPrograms, v1::ListProgramsRequest(),
          ProgramColumns(session.chinese),
          [](const v1::ListProgramsResponse& reply) -> const auto& { return reply.programs(); },
          "No programs are configured.");
    };
  });
}

}  // namespace rebound::cli
