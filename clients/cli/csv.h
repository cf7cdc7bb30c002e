// Reading and writing CSV (RFC 4180) as real exports hold it: byte order marks, any line ending,
// line breaks and doubled quotes inside quoted fields, UTF-8, GB18030 or UTF-16. Memory stays
// constant: one record (at most `max_row_bytes` and kMaxColumns) and one chunk of the file. A bad
// record is reported and the file goes on. Classes here are thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <istream>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rebound::cli {

enum class CsvEncoding { kAuto, kUtf8, kGb18030, kUtf16Le, kUtf16Be };

// As many as a spreadsheet has.
inline constexpr size_t kMaxColumns = 16'384;

// "auto", "utf-8" (or "utf8"), "gb18030" (or "gbk", "gb2312", its subsets), "utf-16le", "utf-16be";
// any case.
std::optional<CsvEncoding> ParseCsvEncoding(std::string_view name);
std::string_view CsvEncodingName(CsvEncoding encoding);

// "auto" is '\0', "comma" or ",", "semicolon" or ";", "tab" or "\t".
std::optional<char> ParseCsvDelimiter(std::string_view name);

struct CsvOptions {
  char delimiter = '\0';  // '\0': the one of , ; TAB that the header line has most often
  CsvEncoding encoding = CsvEncoding::kAuto;
  size_t max_row_bytes = size_t{4} << 20;  // of one record, in UTF-8
};

// Of a cell or a name in a message.
inline constexpr size_t kExcerptCodePoints = 80;

// Why one row cannot be taken.
//
// `row` is the number a spreadsheet shows for a file without line breaks inside fields: records
// count from 1, the header is row 1, the first data row is row 2; blank lines count. `line` is the
// physical line, from 1, on which the record begins, for an editor.
struct RowError {
  int64_t row = 0;
  int64_t line = 0;
  std::string column{};  // its header name; empty: the row as a whole
  std::string reason{};  // expectation, then fact
  std::string value{};   // at most kExcerptCodePoints of the cell

  friend bool operator==(const RowError&, const RowError&) = default;
};

// One data record. `fields` stands in header order and is complete, valid UTF-8 without NUL exactly
// if `errors` is empty. Of a row with very many bad cells the first few have an error.
struct CsvRow {
  int64_t row = 0;
  int64_t line = 0;
  std::vector<std::string> fields{};
  std::vector<RowError> errors{};
};

// Decodes a stream to UTF-8, chunk by chunk. With kAuto it decides at the first byte that is not
// ASCII: UTF-8 if the text from there (up to 64 KiB) has at least as many well-formed UTF-8
// sequences as broken ones, else GB18030; a byte order mark decides at once, and UTF-16 is found by
// its mark only. Broken input becomes the byte 0xFF, which no UTF-8 text holds, so that the row
// that has it can be refused.
class Utf8Source {
 public:
  Utf8Source(std::istream& in, CsvEncoding encoding);
  ~Utf8Source();
  Utf8Source(const Utf8Source&) = delete;
  Utf8Source& operator=(const Utf8Source&) = delete;

  // Appends the next decoded chunk to `*out`; false at the end of the file.
  bool Read(std::string* out);

  // kAuto until a byte has decided; a file of ASCII alone never decides.
  CsvEncoding encoding() const { return encoding_; }
  uint64_t bytes_read() const { return bytes_read_; }
  // Why the file as a whole is none that can be decoded: it begins as an archive or a workbook
  // does, or with the byte order mark of another encoding than the one it is said to have. "" if
  // it may be. Known after the first Read.
  const std::string& refusal() const { return refusal_; }
  // Whether a text that was decoded from GB18030 is mojibake: its bytes are UTF-8, and long enough
  // to be so by no chance. Always false unless this source chose GB18030 by itself.
  bool WasUtf8(std::string_view text) const;

 private:
  struct Converter;  // ICU's, made when it is first needed

  bool Fill();
  void Decide();
  void Decode(std::string* out, bool at_end);

  std::istream& in_;
  CsvEncoding encoding_;
  const bool guesses_;
  std::unique_ptr<Converter> converter_;
  std::string raw_;
  uint64_t bytes_read_ = 0;
  bool started_ = false;
  bool bom_done_ = false;
  std::string refusal_;
};

// The records of one file, in order. Does not own the stream.
//
// A broken quote (never closed, or followed by text) costs one row: reading goes on at the line
// after the one on which that record began, because the quote, not the next lines, is what is
// wrong. A record over a limit is refused and reading goes on at the next line likewise.
class CsvReader {
 public:
  explicit CsvReader(std::istream& in, CsvOptions options = {});

  // Reads the header record. Returns why the file cannot be read, or nothing. Names are trimmed of
  // ASCII blanks. REQUIRES: called once, before Next.
  std::optional<std::string> ReadHeader();

  // The next data record, good or bad; false at the end of the file. Blank lines are skipped
  // (unless the file has a single column, where they are an empty value).
  bool Next(CsvRow* row);

  const std::vector<std::string>& header() const { return header_; }
  char delimiter() const { return options_.delimiter; }
  CsvEncoding encoding() const { return source_.encoding(); }
  // Bytes of the file taken so far, for a progress bar; ahead of the rows by at most a chunk.
  uint64_t bytes_read() const { return source_.bytes_read(); }
  // The stream failed (not: ended). The rows so far are good, the rest is unread.
  bool read_failed() const { return in_.bad(); }

 private:
  enum class Fault { kNone, kUnterminatedQuote, kStrayQuote, kTooLong, kTooWide };

  bool More();
  bool Peek(char* c);
  void DetectDelimiter();
  Fault ReadRecord(std::vector<std::string>* fields);
  Fault ReadFields(std::vector<std::string>* fields);
  Fault ReadQuoted(std::string* field);
  Fault ReadPlain(std::string* field);
  void EndLine(char c);
  void SkipLine();

  std::istream& in_;
  Utf8Source source_;
  CsvOptions options_;
  std::vector<std::string> header_;
  std::string buffer_;         // decoded text from the start of the current record on
  size_t position_ = 0;        // of the next byte in buffer_
  size_t first_line_end_ = 0;  // where the line after the record's first one begins; 0: not met
  size_t record_limit_ = 0;    // position_ may not pass it within the current record
  bool at_end_ = false;
  bool blank_ = false;  // the last record was an empty line
  int64_t row_ = 0;     // of the record last read
  int64_t line_ = 1;    // of the next byte
};

struct CsvWriterOptions {
  char delimiter = ',';
  std::string_view line_end = "\n";
  // Puts ' before a cell that a spreadsheet would run as a formula: one that starts with = + - @
  // TAB CR or LF and is not a plain number.
  bool guard_formulas = true;
};

// Writes records; quotes only where needed. Does not own the stream.
class CsvWriter {
 public:
  explicit CsvWriter(std::ostream& out, CsvWriterOptions options = {});
  void Write(std::span<const std::string> cells);
  void Write(std::initializer_list<std::string> cells);

 private:
  std::ostream& out_;
  CsvWriterOptions options_;
};

// Whether `text` is well-formed UTF-8 (no overlong forms, surrogates or values over U+10FFFF).
bool IsValidUtf8(std::string_view text);

// At most `code_points` of `text`, then "…" if some were left out; broken bytes become "?".
std::string Excerpt(std::string_view text, size_t code_points);

}  // namespace rebound::cli
