#include "clients/cli/csv.h"

#include <unicode/ucnv.h>
#include <unicode/ustring.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace rebound::cli {
namespace {

constexpr size_t kChunkBytes = size_t{64} << 10;
constexpr std::string_view kUtf8Bom = "\xEF\xBB\xBF";
constexpr std::string_view kGb18030Bom = "\x84\x31\x95\x33";
constexpr std::string_view kUtf16LeBom = "\xFF\xFE";
constexpr std::string_view kUtf16BeBom = "\xFE\xFF";
// Of one row: a megabyte of NUL bytes is told as well by a few.
constexpr size_t kMaxErrorsOfARow = 16;

// How files begin that are taken for CSV by mistake. None is unpacked: what one holds has no bound.
struct Foreign {
  std::string_view magic;
  std::string_view what;
  std::string_view remedy;
};
using std::string_view_literals::operator""sv;
constexpr std::string_view kUnpack = "unpack it first";
constexpr std::string_view kSaveAsCsv = "save it as CSV";
constexpr Foreign kForeign[] = {
    {"\x1F\x8B"sv, "a gzip archive", kUnpack},
    {"PK\x03\x04"sv, "a zip archive or an XLSX workbook", "unpack it, or save it as CSV"},
    {"PK\x05\x06"sv, "a zip archive", kUnpack},
    {"BZh9"sv, "a bzip2 archive", kUnpack},
    {"\xFD\x37zXZ\0"sv, "an xz archive", kUnpack},
    {"\x28\xB5\x2F\xFD"sv, "a zstd archive", kUnpack},
    {"7z\xBC\xAF\x27\x1C"sv, "a 7z archive", kUnpack},
    {"Rar!\x1A\x07"sv, "a rar archive", kUnpack},
    {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, "an XLS workbook", kSaveAsCsv},
    {"%PDF-"sv, "a PDF", kSaveAsCsv},
};

unsigned char Byte(char c) { return static_cast<unsigned char>(c); }

std::string LowerAscii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(Byte(c)));
  return lower;
}

// The length of the well-formed UTF-8 sequence at `at`; 0 if it is broken; -1 if `text` ends inside
// a sequence that is well-formed so far. The byte ranges are table 3-7 of the Unicode standard.
int SequenceLength(std::string_view text, size_t at) {
  const unsigned char lead = Byte(text[at]);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const int length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (int i = 1; i < length; ++i) {
    const size_t next = at + static_cast<size_t>(i);
    if (next >= text.size()) return -1;
    if (Byte(text[next]) < low || Byte(text[next]) > high) return 0;
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

bool LooksLikeUtf8(std::string_view text) {
  size_t good = 0;
  size_t broken = 0;
  for (size_t at = 0; at < text.size();) {
    const int length = SequenceLength(text, at);
    if (length < 0) break;
    if (length == 0) ++broken;
    if (length > 1) ++good;
    at += static_cast<size_t>(std::max(length, 1));
  }
  return good >= broken;
}

size_t FirstNonAscii(std::string_view text) {
  const auto it = std::find_if(text.begin(), text.end(), [](char c) { return Byte(c) >= 0x80; });
  return static_cast<size_t>(it - text.begin());
}

std::string_view TrimBlanks(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool IsNumber(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  // from_chars would also take a second sign, "inf" and "nan".
  if (text.empty() || (text.front() != '.' && std::isdigit(Byte(text.front())) == 0)) return false;
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end;
}

struct BomOf {
  std::string_view bom;
  CsvEncoding encoding;
};
constexpr BomOf kBoms[] = {
    {kUtf8Bom, CsvEncoding::kUtf8},
    {kGb18030Bom, CsvEncoding::kGb18030},
    {kUtf16LeBom, CsvEncoding::kUtf16Le},
    {kUtf16BeBom, CsvEncoding::kUtf16Be},
};

// ASCII alone is UTF-8.
std::string NameInWords(CsvEncoding encoding) {
  switch (encoding) {
    case CsvEncoding::kAuto:
    case CsvEncoding::kUtf8: return "UTF-8";
    case CsvEncoding::kGb18030: return "GB18030";
    case CsvEncoding::kUtf16Le:
    case CsvEncoding::kUtf16Be: return "UTF-16";
  }
  return "";
}

std::string TooWideReason() {
  return "expected a row of at most " + std::to_string(kMaxColumns) + " columns, got more";
}

std::string TooLongReason(size_t limit) {
  return "expected a row of at most " + std::to_string(limit) +
         " bytes, got a longer one; is a closing quote missing?";
}

}  // namespace

std::optional<CsvEncoding> ParseCsvEncoding(std::string_view name) {
  const std::string lower = LowerAscii(name);
  if (lower == "auto") return CsvEncoding::kAuto;
  if (lower == "utf-8" || lower == "utf8") return CsvEncoding::kUtf8;
  if (lower == "gb18030" || lower == "gbk" || lower == "gb2312") return CsvEncoding::kGb18030;
  if (lower == "utf-16le") return CsvEncoding::kUtf16Le;
  if (lower == "utf-16be") return CsvEncoding::kUtf16Be;
  return std::nullopt;
}

std::string_view CsvEncodingName(CsvEncoding encoding) {
  switch (encoding) {
    case CsvEncoding::kAuto: return "auto";
    case CsvEncoding::kUtf8: return "utf-8";
    case CsvEncoding::kGb18030: return "gb18030";
    case CsvEncoding::kUtf16Le: return "utf-16le";
    case CsvEncoding::kUtf16Be: return "utf-16be";
  }
  return "";
}

std::optional<char> ParseCsvDelimiter(std::string_view name) {
  const std::string lower = LowerAscii(name);
  if (lower == "auto") return '\0';
  if (lower == "comma" || lower == ",") return ',';
  if (lower == "semicolon" || lower == ";") return ';';
  if (lower == "tab" || lower == "\t" || lower == "\\t") return '\t';
  return std::nullopt;
}

bool IsValidUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const int length = SequenceLength(text, at);
    if (length <= 0) return false;
    at += static_cast<size_t>(length);
  }
  return true;
}

std::string Excerpt(std::string_view text, size_t code_points) {
  std::string out;
  size_t at = 0;
  for (; at < text.size() && code_points > 0; --code_points) {
    const int length = SequenceLength(text, at);
    if (length <= 0 || text[at] == '\0') {
      out += '?';
      ++at;
    } else {
      out += text.substr(at, static_cast<size_t>(length));
      at += static_cast<size_t>(length);
    }
  }
  if (at < text.size()) out += "…";
  return out;
}

// ---- Utf8Source

struct Utf8Source::Converter {
  explicit Converter(CsvEncoding encoding) {
    UErrorCode status = U_ZERO_ERROR;
    // ICU has the same names.
    icu = ucnv_open(std::string(CsvEncodingName(encoding)).c_str(), &status);
    if (U_SUCCESS(status)) {
      ucnv_setToUCallBack(icu, UCNV_TO_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &status);
    }
  }
  ~Converter() { ucnv_close(icu); }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  UConverter* icu = nullptr;
  std::vector<UChar> utf16{};
  std::vector<char> utf8{};
};

Utf8Source::Utf8Source(std::istream& in, CsvEncoding encoding)
    : in_(in), encoding_(encoding), guesses_(encoding == CsvEncoding::kAuto) {}
Utf8Source::~Utf8Source() = default;

bool Utf8Source::Fill() {
  const size_t before = raw_.size();
  raw_.resize(before + kChunkBytes);
  in_.read(raw_.data() + before, static_cast<std::streamsize>(kChunkBytes));
  const auto got = static_cast<size_t>(in_.gcount());
  raw_.resize(before + got);
  bytes_read_ += got;
  return got > 0;
}

void Utf8Source::Decide() {
  if (!started_) {
    started_ = true;
    const std::string_view start = raw_;
    for (const Foreign& foreign : kForeign) {
      if (!start.starts_with(foreign.magic)) continue;
      refusal_ = "expected a CSV file, got " + std::string(foreign.what) + "; " +
                 std::string(foreign.remedy);
    }
    for (const BomOf& known : kBoms) {
      if (!start.starts_with(known.bom)) continue;
      if (guesses_) encoding_ = known.encoding;
      if (encoding_ != known.encoding) {
        refusal_ = "expected " + std::string(CsvEncodingName(encoding_)) +
                   ", got the byte order mark of " + std::string(CsvEncodingName(known.encoding));
      }
    }
  }
  if (encoding_ != CsvEncoding::kAuto) return;
  const size_t first = FirstNonAscii(raw_);
  if (first == raw_.size()) return;
  while (raw_.size() - first < kChunkBytes && Fill()) {
  }
  const std::string_view sample = std::string_view(raw_).substr(first, kChunkBytes);
  encoding_ = LooksLikeUtf8(sample) ? CsvEncoding::kUtf8 : CsvEncoding::kGb18030;
}

void Utf8Source::Decode(std::string* out, bool at_end) {
  if (!converter_) converter_ = std::make_unique<Converter>(encoding_);
  const char* from = raw_.data();
  const char* const end = from + raw_.size();
  // One UTF-16 unit a byte is the most that any encoding here gives, so no call stops for want of
  // room, and no surrogate pair is cut.
  converter_->utf16.resize(raw_.size() + 16);
  converter_->utf8.resize(converter_->utf16.size() * 3);
  for (bool again = true; again;) {
    UErrorCode status = U_ZERO_ERROR;
    UChar* to = converter_->utf16.data();
    ucnv_toUnicode(converter_->icu, &to, to + converter_->utf16.size(), &from, end, nullptr, at_end,
                   &status);
    again = U_FAILURE(status) && status != U_BUFFER_OVERFLOW_ERROR;
    int32_t length = 0;
    UErrorCode written = U_ZERO_ERROR;
    u_strToUTF8(converter_->utf8.data(), static_cast<int32_t>(converter_->utf8.size()), &length,
                converter_->utf16.data(), static_cast<int32_t>(to - converter_->utf16.data()),
                &written);
    out->append(converter_->utf8.data(), static_cast<size_t>(length));
    if (again) {
      out->push_back('\xFF');
      again = from < end;
    }
  }
  raw_.clear();
}

bool Utf8Source::Read(std::string* out) {
  const size_t before = out->size();
  // A chunk may decode to nothing (half a character); that is not the end of the file.
  while (out->size() == before) {
    const bool filled = raw_.empty() ? Fill() : true;
    if (!filled && !converter_) return false;
    Decide();
    if (encoding_ == CsvEncoding::kAuto || encoding_ == CsvEncoding::kUtf8) {
      out->append(raw_);
      raw_.clear();
    } else {
      Decode(out, !filled);
    }
    if (!bom_done_) {
      bom_done_ = true;
      if (std::string_view(*out).substr(before).starts_with(kUtf8Bom)) {
        out->erase(before, kUtf8Bom.size());
      }
    }
    if (!filled) return out->size() > before;
  }
  return true;
}

bool Utf8Source::WasUtf8(std::string_view text) const {
  if (!guesses_ || encoding_ != CsvEncoding::kGb18030 || !converter_) return false;
  if (FirstNonAscii(text) == text.size()) return false;
  UErrorCode status = U_ZERO_ERROR;
  std::vector<UChar> utf16(text.size() + 1);
  int32_t length = 0;
  u_strFromUTF8(utf16.data(), static_cast<int32_t>(utf16.size()), &length, text.data(),
                static_cast<int32_t>(text.size()), &status);
  std::string bytes(static_cast<size_t>(length) * 4 + 16, '\0');
  const int32_t written =
      ucnv_fromUChars(converter_->icu, bytes.data(), static_cast<int32_t>(bytes.size()),
                      utf16.data(), length, &status);
  if (U_FAILURE(status)) return false;
  bytes.resize(static_cast<size_t>(written));
  // Two characters of three bytes each are three of GB18030, of which one is rare and one stands
  // where no hanzi do. One word of two bytes each may well be both.
  int long_ones = 0;
  for (size_t at = 0; at < bytes.size();) {
    const int size = SequenceLength(bytes, at);
    if (size <= 0) return false;
    if (size > 2) ++long_ones;
    at += static_cast<size_t>(size);
  }
  return long_ones >= 2;
}

// ---- CsvReader

CsvReader::CsvReader(std::istream& in, CsvOptions options)
    : in_(in), source_(in, options.encoding), options_(options) {}

bool CsvReader::More() {
  if (!at_end_ && !source_.Read(&buffer_)) at_end_ = true;
  return !at_end_;
}

bool CsvReader::Peek(char* c) {
  while (position_ >= buffer_.size()) {
    if (!More()) return false;
  }
  *c = buffer_[position_];
  return true;
}

void CsvReader::DetectDelimiter() {
  if (options_.delimiter != '\0') return;
  std::array<size_t, 3> counts{};
  constexpr std::string_view kDelimiters = ",;\t";
  bool quoted = false;
  char c = '\0';
  for (; Peek(&c) && position_ < options_.max_row_bytes; ++position_) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n' || c == '\r') break;
    const size_t which = kDelimiters.find(c);
    if (which != std::string_view::npos) ++counts[which];
  }
  position_ = 0;
  const auto most = std::max_element(counts.begin(), counts.end());
  options_.delimiter = kDelimiters[static_cast<size_t>(most - counts.begin())];
}

std::optional<std::string> CsvReader::ReadHeader() {
  char c = '\0';
  if (!Peek(&c)) {
    return in_.bad() ? "the file cannot be read" : "expected a header row, got an empty file";
  }
  if (!source_.refusal().empty()) return source_.refusal();
  DetectDelimiter();
  switch (ReadRecord(&header_)) {
    case Fault::kNone: break;
    case Fault::kUnterminatedQuote: return "the header row has a quote that is never closed";
    case Fault::kStrayQuote: return "the header row has a quote inside a field; double it";
    case Fault::kTooLong: return "header: " + TooLongReason(options_.max_row_bytes);
    case Fault::kTooWide: return "header: " + TooWideReason();
  }
  if (blank_) return "expected a header row, got a blank line";
  for (std::string& name : header_) {
    if (!IsValidUtf8(name) || name.find('\0') != std::string::npos) {
      return "expected a header row of UTF-8 or GB18030 text without NUL, got \"" +
             Excerpt(name, kExcerptCodePoints) +
             "\"; a UTF-16 file needs a byte order mark or --encoding utf-16le";
    }
    name = std::string(TrimBlanks(name));
  }
  return std::nullopt;
}

void CsvReader::EndLine(char c) {
  ++position_;
  char next = '\0';
  if (c == '\r' && Peek(&next) && next == '\n') ++position_;
  ++line_;
  if (first_line_end_ == 0) first_line_end_ = position_;
}

void CsvReader::SkipLine() {
  char c = '\0';
  while (Peek(&c)) {
    if (c == '\n' || c == '\r') {
      EndLine(c);
      return;
    }
    ++position_;
    if (position_ >= buffer_.size()) {
      // What is skipped is never read again.
      buffer_.clear();
      position_ = 0;
    }
  }
}

CsvReader::Fault CsvReader::ReadQuoted(std::string* field) {
  ++position_;
  char c = '\0';
  while (Peek(&c)) {
    const size_t stop = std::min(buffer_.find_first_of("\"\r\n", position_), buffer_.size());
    field->append(buffer_, position_, stop - position_);
    position_ = stop;
    if (position_ > record_limit_) return Fault::kTooLong;
    if (stop == buffer_.size()) continue;
    c = buffer_[position_];
    if (c != '"') {
      const size_t start = position_;
      EndLine(c);
      field->append(buffer_, start, position_ - start);
      continue;
    }
    ++position_;
    if (!Peek(&c) || c == options_.delimiter || c == '\n' || c == '\r') return Fault::kNone;
    if (c != '"') return Fault::kStrayQuote;
    *field += '"';
    ++position_;
  }
  return Fault::kUnterminatedQuote;
}

CsvReader::Fault CsvReader::ReadPlain(std::string* field) {
  const std::array<char, 4> stops = {'"', '\r', '\n', options_.delimiter};
  const std::string_view stop_set(stops.data(), stops.size());
  char c = '\0';
  while (Peek(&c)) {
    const size_t stop = std::min(buffer_.find_first_of(stop_set, position_), buffer_.size());
    field->append(buffer_, position_, stop - position_);
    position_ = stop;
    if (position_ > record_limit_) return Fault::kTooLong;
    if (stop == buffer_.size()) continue;
    return buffer_[stop] == '"' ? Fault::kStrayQuote : Fault::kNone;
  }
  return Fault::kNone;
}

CsvReader::Fault CsvReader::ReadFields(std::vector<std::string>* fields) {
  for (;;) {
    if (fields->size() == kMaxColumns) return Fault::kTooWide;
    std::string& field = fields->emplace_back();
    char c = '\0';
    const bool quoted = Peek(&c) && c == '"';
    const Fault fault = quoted ? ReadQuoted(&field) : ReadPlain(&field);
    if (fault != Fault::kNone) return fault;
    if (!Peek(&c)) return Fault::kNone;
    if (c != options_.delimiter) {
      blank_ = fields->size() == 1 && field.empty() && !quoted;
      EndLine(c);
      return Fault::kNone;
    }
    ++position_;
  }
}

// REQUIRES: a byte is left. Leaves position_ at the start of the next record, but for a header at
// fault.
CsvReader::Fault CsvReader::ReadRecord(std::vector<std::string>* fields) {
  // Moving the rest of the buffer for every record would cost a copy of it per row.
  if (position_ >= kChunkBytes || position_ == buffer_.size()) {
    buffer_.erase(0, position_);
    position_ = 0;
  }
  fields->clear();
  blank_ = false;
  ++row_;
  const int64_t start_line = line_;
  first_line_end_ = 0;
  record_limit_ = position_ + options_.max_row_bytes;
  const Fault fault = ReadFields(fields);
  // Behind a header at fault nothing is read: /dev/zero has no end.
  if (fault == Fault::kNone || row_ == 1) return fault;
  if (first_line_end_ != 0) {
    position_ = first_line_end_;
    line_ = start_line + 1;
  } else {
    SkipLine();
  }
  return fault;
}

bool CsvReader::Next(CsvRow* row) {
  char c = '\0';
  Fault fault = Fault::kNone;
  do {
    if (!Peek(&c)) return false;
    row->line = line_;
    fault = ReadRecord(&row->fields);
    row->row = row_;
  } while (blank_ && header_.size() > 1);

  row->errors.clear();
  const auto refuse = [row](std::string_view column, std::string reason, std::string_view value) {
    row->errors.push_back({row->row, row->line, std::string(column), std::move(reason),
                           Excerpt(value, kExcerptCodePoints)});
  };
  const auto column = [this](size_t i) {
    return i < header_.size() ? std::string_view(header_[i]) : std::string_view();
  };
  if (fault != Fault::kNone) {
    const size_t last = row->fields.empty() ? 0 : row->fields.size() - 1;
    const std::string_view value = row->fields.empty() ? std::string_view() : row->fields[last];
    if (fault == Fault::kUnterminatedQuote) {
      refuse(column(last), "expected a closing quote, got the end of the file", value);
    } else if (fault == Fault::kStrayQuote) {
      refuse(column(last), "expected quotes inside a field to be doubled, got a single one", value);
    } else if (fault == Fault::kTooWide) {
      refuse("", TooWideReason(), "");
    } else {
      refuse(column(last), TooLongReason(options_.max_row_bytes), value);
    }
    return true;
  }
  if (row->fields.size() != header_.size()) {
    refuse(column(row->fields.size()),
           "expected " + std::to_string(header_.size()) + " columns, got " +
               std::to_string(row->fields.size()),
           "");
  }
  for (size_t i = 0; i < row->fields.size() && row->errors.size() < kMaxErrorsOfARow; ++i) {
    const std::string& field = row->fields[i];
    if (!IsValidUtf8(field)) {
      refuse(column(i), "expected " + NameInWords(encoding()) + " text, got a broken byte", field);
    } else if (field.find('\0') != std::string::npos) {
      refuse(column(i), "expected text, got a NUL byte", field);
    } else if (source_.WasUtf8(field)) {
      refuse(column(i), "expected GB18030 text like the rows before, got UTF-8", field);
    }
  }
  return true;
}

// ---- CsvWriter

CsvWriter::CsvWriter(std::ostream& out, CsvWriterOptions options) : out_(out), options_(options) {}

void CsvWriter::Write(std::initializer_list<std::string> cells) {
  Write(std::span<const std::string>(cells.begin(), cells.size()));
}

void CsvWriter::Write(std::span<const std::string> cells) {
  constexpr std::string_view kFormulaStarts = "=+-@\t\r\n";
  std::string record;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) record += options_.delimiter;
    std::string cell = cells[i];
    if (options_.guard_formulas && !cell.empty() &&
        kFormulaStarts.find(cell.front()) != std::string_view::npos && !IsNumber(cell)) {
      cell.insert(0, 1, '\'');
    }
    const bool quote = cell.find_first_of("\"\r\n") != std::string::npos ||
                       cell.find(options_.delimiter) != std::string::npos ||
                       // A lone empty cell would read back as a blank line.
                       (cell.empty() && cells.size() == 1);
    if (!quote) {
      record += cell;
      continue;
    }
    record += '"';
    for (const char c : cell) {
      if (c == '"') record += '"';
      record += c;
    }
    record += '"';
  }
  out_ << record << options_.line_end;
}

}  // namespace rebound::cli
