#include "clients/cli/csv.h"

#include <gtest/gtest.h>

#include <sstream>

namespace rebound::cli {
namespace {

struct Reading {
  std::optional<std::string> refusal;
  std::vector<std::string> header;
  std::vector<CsvRow> rows;
  CsvEncoding encoding = CsvEncoding::kAuto;
  char delimiter = '\0';
};

Reading Read(const std::string& text, CsvOptions options = {}) {
  std::istringstream in(text);
  CsvReader reader(in, options);
  Reading reading;
  reading.refusal = reader.ReadHeader();
  if (reading.refusal) return reading;
  reading.header = reader.header();
  CsvRow row;
  while (reader.Next(&row)) reading.rows.push_back(row);
  reading.encoding = reader.encoding();
  reading.delimiter = reader.delimiter();
  EXPECT_EQ(reader.bytes_read(), text.size());
  return reading;
}

using Fields = std::vector<std::string>;

TEST(CsvReaderTest, QuotedFieldsKeepCommasQuotesAndLineBreaks) {
  const Reading reading = Read("id,text\r\n1,\"a, \"\"b\"\"\r\nc\"\r\n2,\r\n");
  EXPECT_EQ(reading.header, (Fields{"id", "text"}));
  ASSERT_EQ(reading.rows.size(), 2u);
  EXPECT_EQ(reading.rows[0].fields, (Fields{"1", "a, \"b\"\r\nc"}));
  EXPECT_EQ(reading.rows[1].fields, (Fields{"2", ""}));
  EXPECT_EQ(reading.rows[0].row, 2);
  EXPECT_EQ(reading.rows[0].line, 2);
  EXPECT_EQ(reading.rows[1].row, 3);
  EXPECT_EQ(reading.rows[1].line, 4);
}

TEST(CsvReaderTest, EveryLineEndingAndTheByteOrderMarkReadTheSame) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    for (const std::string bom : {"", "\xEF\xBB\xBF"}) {
      for (const std::string last : {"", "x"}) {
        const Reading reading =
            Read(bom + "a,b" + end + "1,2" + end + end + "3,4" + (last.empty() ? end : ""));
        EXPECT_EQ(reading.header, (Fields{"a", "b"}));
        ASSERT_EQ(reading.rows.size(), 2u);
        EXPECT_EQ(reading.rows[0].fields, (Fields{"1", "2"}));
        EXPECT_EQ(reading.rows[1].fields, (Fields{"3", "4"}));
        EXPECT_EQ(reading.rows[1].row, 4) << "the blank line counts, as in a spreadsheet";
        EXPECT_EQ(reading.rows[1].line, 4);
      }
    }
  }
}

TEST(CsvReaderTest, DetectsTheDelimiterFromTheHeaderLine) {
  EXPECT_EQ(Read("a;b,c;d\n").delimiter, ';');
  EXPECT_EQ(Read("a\tb\n1\t2").rows[0].fields, (Fields{"1", "2"}));
  EXPECT_EQ(Read("\"a;b;c\",d\n").delimiter, ',');
  EXPECT_EQ(Read("a\n").delimiter, ',');
  EXPECT_EQ(Read("a;b,c\n", {.delimiter = ','}).header, (Fields{"a;b", "c"}));
}

TEST(CsvReaderTest, ASingleColumnTakesABlankLineAsAnEmptyValue) {
  const Reading reading = Read("score\n9\n\n8\n");
  ASSERT_EQ(reading.rows.size(), 3u);
  EXPECT_EQ(reading.rows[1].fields, Fields{""});
}

TEST(CsvReaderTest, ReadsUnicodeAcrossChunkBorders) {
  // Three bytes a character, so that every chunk of a power of two cuts one.
  std::string text = "id,text\n";
  std::string words;
  for (int i = 0; i < 20'000; ++i) words += "修";
  for (int i = 0; i < 10; ++i) text += std::to_string(i) + "," + words + "\n";
  const Reading reading = Read(text);
  EXPECT_EQ(reading.encoding, CsvEncoding::kUtf8);
  ASSERT_EQ(reading.rows.size(), 10u);
  for (const CsvRow& row : reading.rows) {
    EXPECT_TRUE(row.errors.empty());
    EXPECT_EQ(row.fields[1], words);
  }
}

// GB18030: 客户 is BF CD BB A7; a supplementary character (U+20000) has four bytes, 95 32 82 36, of
// which two are ASCII digits.
TEST(CsvReaderTest, ReadsGb18030AcrossChunkBorders) {
  std::string words;
  std::string expected;
  for (int i = 0; i < 5'000; ++i) {
    words += "\xBF\xCD\xBB\xA7\x95\x32\x82\x36";
    expected += "客户𠀀";
  }
  for (const std::string pad : {"", "p", "pp", "ppp"}) {
    std::string text = "id,text" + pad + "\n";
    for (int i = 0; i < 10; ++i) text += "x,\"" + words + ",\n\"\n";
    const Reading reading = Read(text);
    EXPECT_EQ(reading.encoding, CsvEncoding::kGb18030);
    ASSERT_EQ(reading.rows.size(), 10u);
    for (const CsvRow& row : reading.rows) {
      EXPECT_TRUE(row.errors.empty());
      EXPECT_EQ(row.fields[1], expected + ",\n");
    }
  }
}

TEST(CsvReaderTest, DecidesTheEncodingAtTheFirstByteThatIsNotAscii) {
  std::string text = "id,text\n";
  while (text.size() < 300'000) text += "1,plain\n";
  EXPECT_EQ(Read(text).encoding, CsvEncoding::kAuto);
  EXPECT_EQ(Read(text + "2,\xBF\xCD\xBB\xA7\n").rows.back().fields[1], "客户");
  EXPECT_EQ(Read(text + "2,客户\n").rows.back().fields[1], "客户");
  EXPECT_EQ(Read("a\n\xBF\xCD\n", {.encoding = CsvEncoding::kGb18030}).rows[0].fields[0], "客");
}

TEST(CsvReaderTest, OneBrokenByteCostsOneRowOfAUtf8File) {
  const Reading reading = Read("id,text\n1,客户\n2,bad\xFFtext\n3,回访\n");
  ASSERT_EQ(reading.rows.size(), 3u);
  EXPECT_TRUE(reading.rows[0].errors.empty());
  ASSERT_EQ(reading.rows[1].errors.size(), 1u);
  EXPECT_EQ(reading.rows[1].errors[0],
            (RowError{3, 3, "text", "expected UTF-8 text, got a broken byte", "bad?text"}));
  EXPECT_TRUE(reading.rows[2].errors.empty());
}

TEST(CsvReaderTest, ABrokenByteCostsOneRowOfAGb18030File) {
  const Reading reading = Read("id,text\n1,\xBF\xCD\xBB\xA7\n2,\xFF\n3,\xBF\xCD\n4,\xBF");
  ASSERT_EQ(reading.rows.size(), 4u);
  EXPECT_EQ(reading.encoding, CsvEncoding::kGb18030);
  EXPECT_EQ(reading.rows[0].fields[1], "客户");
  ASSERT_EQ(reading.rows[1].errors.size(), 1u);
  EXPECT_EQ(reading.rows[1].errors[0].reason, "expected GB18030 text, got a broken byte");
  EXPECT_EQ(reading.rows[2].fields[1], "客");
  EXPECT_EQ(reading.rows[3].errors.size(), 1u) << "half a character at the end of the file";
}

// With a byte order mark.
std::string InUtf16(std::u16string_view text, bool big_endian) {
  std::string bytes;
  const auto add = [&](char16_t unit) {
    const char high = static_cast<char>(unit >> 8);
    const char low = static_cast<char>(unit & 0xFF);
    bytes += big_endian ? high : low;
    bytes += big_endian ? low : high;
  };
  add(u'\xFEFF');
  for (const char16_t unit : text) add(unit);
  return bytes;
}

TEST(CsvReaderTest, ReadsUtf16OfEitherOrderAcrossChunkBorders) {
  std::u16string words;
  std::string expected;
  for (int i = 0; i < 20'000; ++i) {
    words += u"客𠀀";
    expected += "客𠀀";
  }
  for (const bool big_endian : {false, true}) {
    for (const std::u16string pad : {u"", u"p"}) {
      std::u16string text = u"id,text" + pad + u"\r\n";
      for (int i = 0; i < 5; ++i) text += u"x,\"" + words + u",\n\"\r\n";
      const Reading reading = Read(InUtf16(text, big_endian));
      EXPECT_EQ(reading.encoding, big_endian ? CsvEncoding::kUtf16Be : CsvEncoding::kUtf16Le);
      EXPECT_EQ(reading.header[0], "id") << "without the byte order mark";
      ASSERT_EQ(reading.rows.size(), 5u);
      for (const CsvRow& row : reading.rows) {
        EXPECT_TRUE(row.errors.empty());
        EXPECT_EQ(row.fields[1], expected + ",\n");
      }
    }
  }
  const std::string unmarked = InUtf16(u"a\n客\n", false).substr(2);
  EXPECT_EQ(Read(unmarked, {.encoding = CsvEncoding::kUtf16Le}).rows.at(0).fields[0], "客");
}

TEST(CsvReaderTest, ABrokenCharacterOfUtf16CostsOneRow) {
  std::u16string text = u"id,text\n1,客户\n2,?\n3,回访\n4,\n";
  text[text.find(u'?')] = u'\xDC00';
  std::string bytes = InUtf16(text, false);
  bytes.pop_back();  // half a unit at the end of the file
  const Reading reading = Read(bytes);
  ASSERT_EQ(reading.rows.size(), 4u);
  EXPECT_TRUE(reading.rows[0].errors.empty());
  ASSERT_EQ(reading.rows[1].errors.size(), 1u);
  EXPECT_EQ(reading.rows[1].errors[0],
            (RowError{3, 3, "text", "expected UTF-16 text, got a broken byte", "?"}));
  EXPECT_EQ(reading.rows[2].fields[1], "回访");
  EXPECT_EQ(reading.rows[3].errors.size(), 1u);
}

// Files put together from two systems: the rows of the second encoding are refused, not garbled.
TEST(CsvReaderTest, RowsInAnotherEncodingThanTheFilesAreRefused) {
  const std::string gb = "g,\xBF\xCD\xBB\xA7\xB7\xFE\xCE\xF1\n";  // 客户服务
  const std::string utf8 = "u,客户服务\n";
  const Reading first_utf8 = Read("id,text\n" + utf8 + utf8 + gb + utf8);
  EXPECT_EQ(first_utf8.encoding, CsvEncoding::kUtf8);
  ASSERT_EQ(first_utf8.rows.size(), 4u);
  ASSERT_EQ(first_utf8.rows[2].errors.size(), 1u);
  EXPECT_EQ(first_utf8.rows[2].errors[0].row, 4);
  EXPECT_EQ(first_utf8.rows[2].errors[0].column, "text");
  EXPECT_EQ(first_utf8.rows[3].fields[1], "客户服务");
  const Reading first_gb = Read("id,text\n" + gb + gb + gb + utf8 + gb);
  EXPECT_EQ(first_gb.encoding, CsvEncoding::kGb18030);
  ASSERT_EQ(first_gb.rows.size(), 5u);
  for (const size_t good : {0u, 1u, 2u, 4u}) EXPECT_EQ(first_gb.rows[good].fields[1], "客户服务");
  ASSERT_EQ(first_gb.rows[3].errors.size(), 1u);
  EXPECT_EQ(first_gb.rows[3].errors[0].row, 5);
  EXPECT_EQ(first_gb.rows[3].errors[0].reason,
            "expected GB18030 text like the rows before, got UTF-8");
  // Whoever names the encoding is believed.
  const Reading named = Read("id,text\n" + gb + utf8, {.encoding = CsvEncoding::kGb18030});
  EXPECT_TRUE(named.rows[1].errors.empty());
}

TEST(CsvReaderTest, ArchivesAndWorkbooksAreNamedInsteadOfRead) {
  struct Row {
    std::string bytes;
    const char* said;
  };
  for (const Row& row : {
           Row{"\x1F\x8B\x08\x01", "a gzip archive; unpack it first"},
           Row{"PK\x03\x04rest", "a zip archive or an XLSX workbook; unpack it, or save it as CSV"},
           Row{"7z\xBC\xAF\x27\x1C", "a 7z archive"},
           Row{"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "an XLS workbook; save it as CSV"},
           Row{"%PDF-1.7", "a PDF"},
       }) {
    const Reading reading = Read(row.bytes);
    ASSERT_TRUE(reading.refusal) << row.said;
    EXPECT_NE(reading.refusal->find(row.said), std::string::npos) << *reading.refusal;
  }
  EXPECT_EQ(Read("PK,name\n1,x\n").header, (Fields{"PK", "name"}));
}

TEST(CsvReaderTest, ARowOfVeryManyCellsCostsNoMoreThanAnotherBadRow) {
  const std::string many(3'000'000, ',');
  const std::string nuls = [] {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += std::string("\0,", 2);
    return text;
  }();
  const Reading reading = Read("id,text\n" + many + "\n" + nuls + "\n2,good\n");
  ASSERT_EQ(reading.rows.size(), 3u);
  EXPECT_LE(reading.rows[0].fields.size(), kMaxColumns);
  ASSERT_EQ(reading.rows[0].errors.size(), 1u);
  EXPECT_EQ(reading.rows[0].errors[0].reason, "expected a row of at most 16384 columns, got more");
  EXPECT_GT(reading.rows[1].errors.size(), 1u);
  EXPECT_LT(reading.rows[1].errors.size(), 20u);
  EXPECT_EQ(reading.rows[2].fields, (Fields{"2", "good"}));
}

struct BadRow {
  std::string name;
  std::string text;  // the row between two good ones
  std::string column;
  std::string reason;
};

TEST(CsvReaderTest, ABadRowIsNamedAndTheNextOnesAreRead) {
  const std::string nul("1,a\0b\n", 6);
  const BadRow kCases[] = {
      {"too few", "1\n", "text", "expected 2 columns, got 1"},
      {"too many", "1,2,3\n", "", "expected 2 columns, got 3"},
      {"quote in plain text", "1,5\" nail\n", "text",
       "expected quotes inside a field to be doubled, got a single one"},
      {"quote in quoted text", "1,\"a \"b\" c\"\n", "text",
       "expected quotes inside a field to be doubled, got a single one"},
      {"never closed", "1,\"abc\n", "text", "expected a closing quote, got the end of the file"},
      {"NUL", nul, "text", "expected text, got a NUL byte"},
  };
  for (const BadRow& bad : kCases) {
    SCOPED_TRACE(bad.name);
    const Reading reading = Read("id,text\n0,good\n" + bad.text + "2,good\n3,good\n");
    ASSERT_EQ(reading.rows.size(), 4u);
    ASSERT_EQ(reading.rows[1].errors.size(), 1u);
    EXPECT_EQ(reading.rows[1].errors[0].row, 3);
    EXPECT_EQ(reading.rows[1].errors[0].line, 3);
    EXPECT_EQ(reading.rows[1].errors[0].column, bad.column);
    EXPECT_EQ(reading.rows[1].errors[0].reason, bad.reason);
    for (const size_t good : {0u, 2u, 3u}) {
      EXPECT_TRUE(reading.rows[good].errors.empty());
      EXPECT_EQ(reading.rows[good].fields[1], "good");
    }
    EXPECT_EQ(reading.rows[3].row, 5);
    EXPECT_EQ(reading.rows[3].line, 5);
  }
}

TEST(CsvReaderTest, AnOpenQuoteDoesNotSwallowLaterQuotedRows) {
  const Reading reading = Read("id,text\n1,\"open\n2,\"good\"\n3,\"two\nlines\"\n");
  ASSERT_EQ(reading.rows.size(), 3u);
  EXPECT_EQ(reading.rows[0].errors.size(), 1u);
  EXPECT_EQ(reading.rows[1].fields, (Fields{"2", "good"}));
  EXPECT_EQ(reading.rows[2].fields, (Fields{"3", "two\nlines"}));
  EXPECT_EQ(reading.rows[2].line, 4);
}

TEST(CsvReaderTest, ARowOverTheLimitIsRefusedAndTheNextLineIsRead) {
  const std::string huge(600'000, 'x');
  for (const std::string& row : {"1," + huge, "1,\"" + huge + "\"", "1,\"" + huge}) {
    const Reading reading =
        Read("id,text\n" + row + "\n2,good\n3,\"good\"\n", {.max_row_bytes = 100'000});
    ASSERT_EQ(reading.rows.size(), 3u);
    ASSERT_EQ(reading.rows[0].errors.size(), 1u);
    EXPECT_EQ(reading.rows[0].errors[0].reason,
              "expected a row of at most 100000 bytes, got a longer one; is a closing quote "
              "missing?");
    EXPECT_EQ(reading.rows[1].fields, (Fields{"2", "good"}));
    EXPECT_EQ(reading.rows[2].line, 4);
  }
}

TEST(CsvReaderTest, AFileWithoutAUsableHeaderIsRefused) {
  EXPECT_EQ(Read("").refusal, "expected a header row, got an empty file");
  EXPECT_EQ(Read("\na,b\n").refusal, "expected a header row, got a blank line");
  EXPECT_EQ(Read("a,\"b\n1,2\n").refusal, "the header row has a quote that is never closed");
  const std::string unmarked = InUtf16(u"a,b\n", false).substr(2);
  EXPECT_NE(Read(unmarked).refusal->find("byte order mark"), std::string::npos);
  EXPECT_EQ(Read(InUtf16(u"a,b\n", false), {.encoding = CsvEncoding::kUtf8}).refusal,
            "expected utf-8, got the byte order mark of utf-16le");
  EXPECT_EQ(Read(std::string(kMaxColumns, ',') + "\n").refusal,
            "header: expected a row of at most 16384 columns, got more");
  EXPECT_EQ(Read(" a , b\n").header, (Fields{"a", "b"}));
}

// As /dev/zero is: what has no end is not read to its end.
TEST(CsvReaderTest, NothingIsReadBehindAHeaderAtFault) {
  std::istringstream in(std::string(2'000'000, 'x'));
  CsvReader reader(in, {.max_row_bytes = 100'000});
  EXPECT_TRUE(reader.ReadHeader());
  EXPECT_LT(reader.bytes_read(), 400'000u);
}

TEST(CsvReaderTest, OptionsAreParsedByName) {
  EXPECT_EQ(ParseCsvEncoding("UTF-8"), CsvEncoding::kUtf8);
  EXPECT_EQ(ParseCsvEncoding("gbk"), CsvEncoding::kGb18030);
  EXPECT_EQ(ParseCsvEncoding("UTF-16LE"), CsvEncoding::kUtf16Le);
  EXPECT_EQ(ParseCsvEncoding("utf-16be"), CsvEncoding::kUtf16Be);
  EXPECT_EQ(ParseCsvEncoding("latin1"), std::nullopt);
  EXPECT_EQ(ParseCsvDelimiter("tab"), '\t');
  EXPECT_EQ(ParseCsvDelimiter("auto"), '\0');
  EXPECT_EQ(ParseCsvDelimiter("|"), std::nullopt);
}

TEST(CsvWriterTest, WhatIsWrittenReadsBack) {
  const Fields cells = {"plain", "a,b", "say \"hi\"", "two\r\nlines", "", "客户"};
  std::ostringstream out;
  CsvWriter writer(out);
  writer.Write({"a", "b", "c", "d", "e", "f"});
  writer.Write(cells);
  const Reading reading = Read(out.str());
  ASSERT_EQ(reading.rows.size(), 1u);
  EXPECT_EQ(reading.rows[0].fields, cells);
}

TEST(CsvWriterTest, FormulasAreDefusedAndNumbersStayNumbers) {
  const Fields cells = {"=1+1", "+49 30", "-cmd", "@SUM(A1)", "\tx", "-16.70",
                        "+3",   "-.5e3",  "-inf", "9",        "-",   "a=b"};
  std::ostringstream guarded;
  CsvWriter(guarded).Write(cells);
  EXPECT_EQ(guarded.str(), "'=1+1,'+49 30,'-cmd,'@SUM(A1),'\tx,-16.70,+3,-.5e3,'-inf,9,'-,a=b\n");
  std::ostringstream plain;
  CsvWriter(plain, {.guard_formulas = false}).Write({"=1+1", "\rx"});
  EXPECT_EQ(plain.str(), "=1+1,\"\rx\"\n");
}

}  // namespace
}  // namespace rebound::cli
