#include "clients/cli/import_job.h"

#include <fmt/format.h>
#include <sodium.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>
#include <utility>

#include "clients/cli/output.h"

namespace rebound::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuccessful = "/successful.csv";
constexpr std::string_view kUnprocessed = "/unprocessed.csv";
constexpr std::string_view kJob = "/job.json";

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr size_t kHashBytes = 16;

std::string Hex(const std::array<unsigned char, kHashBytes>& bytes) {
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

// Of the file's bytes and of `identity`; "" if the file cannot be read.
std::string HashOf(const std::string& path, std::string_view identity) {
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, kHashBytes);
  const auto add = [&](std::string_view text) {
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(text.data()),
                              text.size());
  };
  add(fmt::format("{}:", identity.size()));
  add(identity);
  std::ifstream in(path, std::ios::binary);
  std::string chunk(size_t{1} << 16, '\0');
  while (in) {
    in.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    add(std::string_view(chunk).substr(0, static_cast<size_t>(in.gcount())));
  }
  if (!in.eof()) return "";
  std::array<unsigned char, kHashBytes> hash{};
  crypto_generichash_final(&state, hash.data(), hash.size());
  return Hex(hash);
}

// FNV-1a, going on from `sum`: against edits, not against forgers.
uint64_t Checksum(std::string_view text, uint64_t sum) {
  if (sum == 0) sum = 0xCBF29CE484222325;
  for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return sum;
}

// Of the file's first bytes.
uint64_t ChecksumOf(const std::string& path, uintmax_t bytes) {
  std::ifstream in(path, std::ios::binary);
  std::string chunk(size_t{1} << 16, '\0');
  uint64_t sum = 0;
  while (in && bytes > 0) {
    in.read(chunk.data(), static_cast<std::streamsize>(std::min<uintmax_t>(bytes, chunk.size())));
    const auto got = static_cast<size_t>(in.gcount());
    sum = Checksum(std::string_view(chunk).substr(0, got), sum);
    bytes -= got;
  }
  return sum;
}

// Cells as they were: a guard against formulas would change what is imported again.
CsvWriter Verbatim(std::ostream& out) { return CsvWriter(out, {.guard_formulas = false}); }

}  // namespace

size_t SizeInMemory(const CsvRow& row) {
  size_t size = sizeof(row);
  for (const std::string& field : row.fields) size += sizeof(field) + field.size();
  return size;
}

ImportJob::ImportJob(std::string directory, std::string file, std::string_view identity)
    : directory_(std::move(directory)), file_(std::move(file)), identity_(identity) {}

std::string ImportJob::Open(const std::vector<std::string>& header, bool resume,
                            ImportSummary* summary) {
  header_ = header;
  std::error_code fault;
  if (!fs::is_regular_file(file_, fault)) {
    return "expected a file with --results, because it is read again when the import goes on";
  }
  fs::create_directories(directory_, fault);
  if (fault) return "cannot make the directory " + directory_ + ": " + fault.message();
  hash_ = HashOf(file_, identity_);
  if (hash_.empty()) return "cannot read " + file_;
  const bool known = fs::exists(directory_ + std::string(kJob), fault);
  if (known && !resume) {
    return directory_ +
           " holds the results of an import; go on with it by --resume, or name another directory";
  }
  if (known) {
    if (std::string wrong = Resume(summary); !wrong.empty()) return wrong;
  }
  fs::remove(directory_ + std::string(kUnprocessed), fault);
  const auto mode = std::ios::binary | (known ? std::ios::app : std::ios::trunc);
  successful_.open(directory_ + std::string(kSuccessful), mode);
  failed_.open(failed_path(), mode);
  if (!known) {
    successful_ << kByteOrderMark;
    Verbatim(successful_).Write(header_);
    std::vector<std::string> more = header_;
    for (const char* name : {"rebound.row", "rebound.column", "rebound.reason"}) {
      // A mended failed.csv has them already.
      if (std::find(more.begin(), more.end(), name) == more.end()) more.emplace_back(name);
    }
    std::ostringstream head;
    head << kByteOrderMark;
    Verbatim(head).Write(more);
    AddToFailed(head.str());
    if (!Save(*summary)) return "cannot write into " + directory_;
  }
  return successful_.good() && failed_.good() ? "" : "cannot write into " + directory_;
}

std::string ImportJob::Resume(ImportSummary* summary) {
  const std::string path = directory_ + std::string(kJob);
  try {
    const YAML::Node job = YAML::LoadFile(path);  // JSON is YAML
    if (job["hash"].as<std::string>() != hash_) {
      return path + " is of another import: the file, the mapping or an option changed since";
    }
    const auto number = [&job](const char* name) { return job[name].as<int64_t>(); };
    const auto cut = [&](const std::string& result, const char* name) {
      const auto size = job[name].as<uintmax_t>();
      // What the operating system lost cannot be made up by zeros.
      if (fs::file_size(result) < size) return result + " is shorter than " + path + " says";
      fs::resize_file(result, size);
      return std::string();
    };
    if (std::string wrong = cut(directory_ + std::string(kSuccessful), "successfulBytes");
        !wrong.empty()) {
      return wrong;
    }
    failed_checksum_ = job["failedChecksum"].as<uint64_t>();
    if (ChecksumOf(failed_path(), job["failedBytes"].as<uintmax_t>()) != failed_checksum_) {
      return failed_path() +
             " was changed since; import it into another directory, and put back the one that was "
             "written";
    }
    if (std::string wrong = cut(failed_path(), "failedBytes"); !wrong.empty()) return wrong;
    rows_done_ = number("rowsDone");
    summary->read = number("read");
    summary->accepted = number("accepted");
    summary->replayed = number("replayed");
    summary->rejected = number("rejected");
    summary->opened_cases = number("openedCases");
    if (summary->rejected > 0) summary->rejects_file = failed_path();
  } catch (const YAML::Exception&) {
    return path + " cannot be read; name another directory";
  } catch (const fs::filesystem_error& error) {
    return "cannot go on in " + directory_ + ": " + error.code().message();
  }
  return "";
}

// The result files first: what job.json counts is there.
bool ImportJob::Save(const ImportSummary& summary) {
  successful_.flush();
  failed_.flush();
  if (!successful_.good() || !failed_.good()) return false;
  const std::string path = directory_ + std::string(kJob);
  const std::string next = path + ".next";
  std::error_code fault;
  const uintmax_t successful_bytes = fs::file_size(directory_ + std::string(kSuccessful), fault);
  if (fault) return false;
  const uintmax_t failed_bytes = fs::file_size(failed_path(), fault);
  if (fault) return false;
  std::ofstream out(next, std::ios::binary | std::ios::trunc);
  out << fmt::format(
      "{{\"hash\": {}, \"rowsDone\": {}, \"read\": {}, \"accepted\": {}, \"replayed\": {}, "
      "\"rejected\": {}, \"openedCases\": {}, \"successfulBytes\": {}, \"failedBytes\": {}, "
      "\"failedChecksum\": {}}}\n",
      JsonString(hash_), rows_done_, summary.accepted + summary.replayed + summary.rejected,
      summary.accepted, summary.replayed, summary.rejected, summary.opened_cases, successful_bytes,
      failed_bytes, failed_checksum_);
  out.close();
  if (!out.good()) return false;
  fs::rename(next, path, fault);
  return !fault;
}

std::string ImportJob::RequestId(int64_t first_row) const {
  return fmt::format("import-{}-{}", hash_, first_row);
}

void ImportJob::AddToFailed(const std::string& text) {
  failed_ << text;
  failed_checksum_ = Checksum(text, failed_checksum_);
}

void ImportJob::Add(const CsvRow& row) { waiting_.push_back(row); }

bool ImportJob::Settle(int64_t last_row, const std::vector<Reject>& rejects,
                       const ImportSummary& summary) {
  CsvWriter successful = Verbatim(successful_);
  std::ostringstream refused;
  CsvWriter failed = Verbatim(refused);
  auto reject = rejects.begin();
  while (!waiting_.empty() && waiting_.front().row <= last_row) {
    CsvRow row = std::move(waiting_.front());
    waiting_.pop_front();
    std::vector<std::string> columns;
    std::string reason;
    for (; reject != rejects.end() && reject->row == row.row; ++reject) {
      const bool named = std::find(columns.begin(), columns.end(), reject->column) != columns.end();
      if (!named && !reject->column.empty()) columns.push_back(reject->column);
      reason += (reason.empty() ? "" : "; ") + OneLine(reject->reason);
    }
    if (reason.empty()) {
      successful.Write(row.fields);
      continue;
    }
    std::vector<std::string> surplus;
    if (row.fields.size() > header_.size()) {
      surplus.assign(row.fields.begin() + static_cast<ptrdiff_t>(header_.size()), row.fields.end());
    }
    row.fields.resize(header_.size());
    std::string column;
    for (const std::string& name : columns) column += (column.empty() ? "" : "+") + name;
    const std::pair<const char*, std::string> told[] = {{"rebound.row", std::to_string(row.row)},
                                                        {"rebound.column", column},
                                                        {"rebound.reason", reason}};
    for (const auto& [name, value] : told) {
      const auto at = std::find(header_.begin(), header_.end(), name);
      if (at == header_.end()) {
        row.fields.push_back(value);
      } else {
        row.fields[static_cast<size_t>(at - header_.begin())] = value;
      }
    }
    row.fields.insert(row.fields.end(), surplus.begin(), surplus.end());
    failed.Write(row.fields);
  }
  AddToFailed(refused.str());
  rows_done_ = std::max(rows_done_, last_row);
  return Save(summary);
}

bool ImportJob::WriteUnprocessed(CsvReader* rest) {
  std::ofstream out(directory_ + std::string(kUnprocessed), std::ios::binary | std::ios::trunc);
  CsvWriter csv = Verbatim(out);
  out << kByteOrderMark;
  csv.Write(header_);
  for (const CsvRow& row : waiting_) csv.Write(row.fields);
  CsvRow row;
  while (out.good() && rest != nullptr && rest->Next(&row)) csv.Write(row.fields);
  out.close();
  return out.good();
}

}  // namespace rebound::cli
