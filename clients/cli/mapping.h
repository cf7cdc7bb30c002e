// Mapping files: which column of a CSV file becomes which field of a response.
//
//     version: 1
//     source_system: sfo-2017            # optional; whose ids external_id and customer ids are
//     zone: America/Los_Angeles          # optional; IANA zone of times written without an offset
//     fields:
//       score: NETPRO                    # short for {from: NETPRO}
//       program: {const: sfo-2017}
//       occur_time: {template: "2017-05-{INTDATE:02}"}
//       language: {from: LANG, map: {1: en, 2: es}, default: en}
//       attributes: rest                 # every column named nowhere else, as attributes.COLUMN
//
// Targets: program, source_system, external_id, customer.external_id, customer.source_system,
// score, occur_time, touchpoint, org_unit, channel, language, reason, suggestion, verbatim,
// respondent_role, account, order_reference, segment, items.KEY (integers), attributes.KEY (text).
//
// A field has exactly one of
//   from: COLUMN       the cell, without surrounding blanks
//   const: VALUE       the same for every row
//   template: TEXT     {COLUMN} is the cell, {COLUMN:04} the cell's digits padded with zeros to 4;
//                      {{ and }} are braces. If a cell it names is empty, the value is missing.
// and then, in this order,
//   map: {CODE: VALUE}  a code mapped to nothing (`0:` or `0: ""`) is a known blank: the value is
//                       missing, whatever `default` says. The code "" is the empty cell.
//   default: VALUE      for an empty cell and for a code that `map` does not have
//   type:               integer | string | time; score and items are always integer, occur_time is
//                       always time, the others string unless told. A `time` in another field is
//                       written as RFC 3339 in UTC.
//   required: true      a missing value refuses the row. score is required unless told otherwise.
//   zone: ZONE          for this field's times
//
//   trim: false         keeps the blanks around the cell: a text as it was written
//
// Complaints (`rebound import complaints`) have targets of their own instead: program,
// source_system, external_id, customer.external_id, customer.source_system, touchpoint, org_unit,
// account, respondent_role, order_reference, language, queue, request, topic, crm_reference,
// contact_person, authority, authority_reference, responsible_unit, handling_result, root_cause;
// and the times open_time (always required), dispatch_time, resolve_time, close_time; the last two
// are left out where handling_result is missing.
//
// Customers (`rebound import customers`): source_system and external_id are the customer's key;
// then name, language, time_zone, segment, account, org_unit, value ("CNY 2000"), and the contact
// points phone, sms, email, messenger. A field that a row leaves blank stays as it is; the contact
// points of a row replace all of the customer's.
//
// Behaviours (`rebound import behaviours`): source_system and external_id are the key of what was
// done, an order's say; customer.external_id (required) and customer.source_system whose it is;
// then kind (required: repurchase, churn, renewal, downgrade, referral), occur_time, amount
// ("CNY 2000").
//
// Times: RFC 3339 ("2017-05-13T10:00:00Z", any offset, space for T), or without an offset in the
// zone: YYYY-MM-DD, YYYY-MM-DD HH:MM[:SS[.fff]], year first with - or /. A date is the day's first
// instant; an hour that occurs twice is the earlier one; one that the zone skips is an error.
//
// Ranges, known programs and lengths are the server's to judge; what is caught here is what cannot
// be sent at all.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clients/cli/csv.h"

namespace rebound::cli {

// One row, ready to become a request. An empty optional is a missing value.
struct MappedRow {
  int64_t row = 0;  // see RowError
  int64_t line = 0;
  std::optional<std::string> program{};
  std::optional<std::string> source_system{};
  std::optional<std::string> external_id{};
  std::optional<std::string> customer_external_id{};
  std::optional<std::string> customer_source_system{};  // source_system, if not mapped
  std::optional<int64_t> score{};
  std::optional<int64_t> occur_time_ms{};  // UTC
  std::optional<std::string> touchpoint{};
  std::optional<std::string> org_unit{};
  std::optional<std::string> channel{};
  std::optional<std::string> language{};
  std::optional<std::string> reason{};
  std::optional<std::string> suggestion{};
  std::optional<std::string> verbatim{};
  std::optional<std::string> respondent_role{};
  std::optional<std::string> account{};
  std::optional<std::string> order_reference{};
  std::optional<std::string> segment{};
  std::map<std::string, std::string> details{};     // of a complaint, a customer, a behaviour
  std::map<std::string, int64_t> times_ms{};        // of a complaint: open_time, ...; UTC
  std::map<std::string, int64_t> items{};           // without missing ones
  std::map<std::string, std::string> attributes{};  // without missing ones
  std::vector<RowError> errors{};                   // not empty: do not send this row

  bool ok() const { return errors.empty(); }
};

// What the rows are.
enum class MappingOf { kResponses, kComplaints, kCustomers, kBehaviours };

// A read and checked mapping file. Immutable after Bind; Map may then run on many threads.
class Mapping {
 public:
  // Reads `yaml`; `name` is the file's name for messages. On any fault returns nothing and puts
  // every fault into `*errors`, as "NAME:LINE:COLUMN: expectation and fact".
  static std::optional<Mapping> Parse(std::string_view yaml, std::string_view name,
                                      std::vector<std::string>* errors,
                                      MappingOf of = MappingOf::kResponses);

  // Finds the columns in a file's header. On faults (a column that the header lacks or has twice)
  // returns false and puts all of them into `*errors`, as Parse does. May be called again for
  // another file.
  bool Bind(const std::vector<std::string>& header, std::vector<std::string>* errors);

  // REQUIRES: Bind returned true for the header that `row` stands under. The errors of `row` itself
  // are carried over, and then nothing is mapped.
  MappedRow Map(const CsvRow& row) const;

  // Whether the field is mapped at all, e.g. to know if a program must be given otherwise.
  bool Maps(std::string_view target) const;

  // The columns that a field is made of, in the mapping's order, each once; none for a constant and
  // for a field that is not mapped. An attribute that only `attributes: rest` covers is its own
  // column. REQUIRES: Bind returned true.
  std::vector<std::string> ColumnsOf(std::string_view target) const;

  // The value that every row has: a `const`, or for source_system the file's.
  std::optional<std::string> ConstantOf(std::string_view target) const;

 private:
  friend class MappingParser;

  enum class Type { kString, kInteger, kTime };

  // A place in the file, for the errors that only Bind can find.
  struct Mark {
    int line = 0;
    int column = 0;
  };

  // A stretch of a template: literal text, or a column.
  struct Piece {
    std::string text{};  // the literal or the column's name
    bool is_column = false;
    size_t pad = 0;
    size_t index = 0;  // of the column, after Bind
    Mark mark{};
  };

  struct Field {
    std::string target{};
    std::vector<Piece> pieces{};  // of `from` (one column) and `template`; empty for `const`
    std::optional<std::string> constant{};
    std::optional<std::map<std::string, std::string>> map{};  // "" is a known blank
    std::optional<std::string> fallback{};
    Type type = Type::kString;
    bool required = false;
    bool trim = true;
    std::string zone{};  // "" if neither the field nor the file has one
  };

  struct Value;

  Value Evaluate(const Field& field, const CsvRow& row) const;
  void Store(const Field& field, const CsvRow& row, MappedRow* mapped) const;

  std::string name_;
  std::optional<std::string> source_system_;
  std::vector<Field> fields_;
  bool rest_ = false;
  std::vector<std::pair<std::string, size_t>> rest_columns_;
};

// Reads an integer: an optional - and digits, nothing else (blanks around are ignored). Otherwise
// nothing, and `*reason` says what was expected and what was found.
std::optional<int64_t> ParseInteger(std::string_view text, std::string* reason);

// Reads a time as described above into ms since 1970 UTC; `zone` may be empty. Otherwise nothing
// and a reason. REQUIRES: `zone` is empty or IsKnownZone.
std::optional<int64_t> ParseTime(std::string_view text, const std::string& zone,
                                 std::string* reason);

bool IsKnownZone(const std::string& zone);

// "2017-05-13T07:00:00Z"; with ".mmm" if the milliseconds are not zero.
std::string FormatTimeUtc(int64_t ms);

// The candidate nearest to `word`, if it is near enough to be what was meant; else "".
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace rebound::cli
