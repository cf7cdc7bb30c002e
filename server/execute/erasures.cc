#include "server/execute/erasures.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <stdexcept>
#include <utility>

#include "server/log.h"

namespace rebound {
namespace {

constexpr const char* kSecretFile = "suppression.key";
constexpr const char* kListFile = "erased.list";

[[noreturn]] void Fail(const std::string& doing, const std::filesystem::path& path) {
  throw std::runtime_error("cannot " + doing + " " + path.string() + ": " + std::strerror(errno));
}

// Appends and syncs, the folder's entry too when the file is new.
void Append(const std::filesystem::path& path, std::string_view bytes) {
  const bool is_new = !std::filesystem::exists(path);
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) Fail("write", path);
  const bool written =
      write(file, bytes.data(), bytes.size()) == std::ssize(bytes) && fsync(file) == 0;
  close(file);
  if (!written) Fail("write", path);
  if (!is_new) return;
  const int folder = open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && fsync(folder) == 0;
  if (folder >= 0) close(folder);
  if (!synced) Fail("sync", path.parent_path());
}

std::string Hex(const Hash256& hash) {
  std::string text(hash.size() * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), hash.data(), hash.size());
  text.pop_back();
  return text;
}

Work SystemWork(Command command) {
  Work work;
  work.caller.principal = "system";
  work.caller.method = "erasure";
  work.commands.push_back(std::move(command));
  return work;
}

}  // namespace

KeyFolder::KeyFolder(std::filesystem::path path, bool needs_secret) : path_(std::move(path)) {
  std::filesystem::create_directories(path_);
  std::filesystem::permissions(path_, std::filesystem::perms::owner_all);
  const std::filesystem::path file = path_ / kSecretFile;
  if (!std::filesystem::exists(file)) {
    if (needs_secret) {
      throw std::runtime_error(
          "expected " + file.string() +
          ", because some who were erased are not to be contacted if they come again, and only by "
          "that key are they known; put it back from where you keep it, or name its folder with "
          "--keys");
    }
    SuppressionSecret fresh{};
    randombytes_buf(fresh.data(), fresh.size());
    Append(file, {reinterpret_cast<const char*>(fresh.data()), fresh.size()});
  }
  std::ifstream in(file, std::ios::binary);
  in.read(reinterpret_cast<char*>(secret_.data()), static_cast<std::streamsize>(secret_.size()));
  if (in.gcount() != std::ssize(secret_) || in.peek() != std::ifstream::traits_type::eof()) {
    throw std::runtime_error("expected 32 bytes in " + file.string() +
                             ", but it has another size; put back the one you keep");
  }
}

Hash256 KeyFolder::HashOf(const CustomerId& customer) const {
  // No identity has this name: a customer's id is never taken for what somebody is known by.
  return SuppressionHash({IdentityKey{IdentityKind::kUnset, "customer_id", ToString(customer)}},
                         secret_);
}

std::vector<Hash256> KeyFolder::Listed() const {
  std::vector<Hash256> listed;
  std::ifstream in(path_ / kListFile);
  for (std::string line; std::getline(in, line);) {
    Hash256 hash{};
    size_t size = 0;
    if (sodium_hex2bin(hash.data(), hash.size(), line.data(), line.size(), nullptr, &size,
                       nullptr) == 0 &&
        size == hash.size()) {
      listed.push_back(hash);
    }
  }
  return listed;
}

void KeyFolder::Add(const std::vector<CustomerId>& customers) {
  const std::vector<Hash256> known = Listed();
  const std::set<Hash256> listed(known.begin(), known.end());
  std::string lines;
  for (const CustomerId& customer : customers) {
    const Hash256 hash = HashOf(customer);
    if (!listed.contains(hash)) lines += Hex(hash) + "\n";
  }
  if (lines.empty()) return;
  // What a crash cut off must not run into the next line.
  Append(path_ / kListFile, "\n" + lines);
}

Erasures::Erasures(Store& store, Executor& executor, KeyFolder* keys, Step step)
    : store_(store), executor_(executor), keys_(keys), step_(std::move(step)) {}

size_t Erasures::Replay() {
  if (keys_ == nullptr) return 0;
  const std::vector<Hash256> listed = keys_->Listed();
  std::set<Hash256> missing(listed.begin(), listed.end());
  std::vector<CustomerId> again;
  store_.Read([&](Reader& reader) {
    for (const CustomerId& id : reader.ErasedCustomers(/*unfinished_only=*/false)) {
      missing.erase(keys_->HashOf(id));
    }
    if (missing.empty()) return;
    reader.ScanCustomers([&](const Customer& customer) {
      if (missing.contains(keys_->HashOf(customer.id))) again.push_back(customer.id);
    });
  });
  size_t erased = 0;
  for (const CustomerId& id : again) {
    const auto result =
        executor_.Call(SystemWork(EraseCustomer{id, ErasureGround::kLegalObligation, {}}), true);
    if (!result.front()) {
      throw std::runtime_error("customer " + ToString(id) +
                               " was erased before this copy of the database was made, and could "
                               "not be erased again: " +
                               std::string(Name(result.front().error().reason)));
    }
    erased += 1;
  }
  if (erased > 0) {
    Log(Level::kWarning, "an older copy of the database: erased again who had been erased since",
        {{"customers", erased}});
  }
  return erased;
}

size_t Erasures::Finish() {
  std::lock_guard lock(mutex_);
  const auto step = [this](const char* name) {
    if (step_) step_(name);
  };
  std::vector<CustomerId> pending;
  store_.Read([&](Reader& reader) { pending = reader.ErasedCustomers(/*unfinished_only=*/true); });
  if (pending.empty()) return 0;
  step("list");
  if (keys_ != nullptr) keys_->Add(pending);
  step("scrub");
  if (!store_.Scrub(executor_.Now())) return 0;
  step("finish");
  size_t finished = 0;
  for (const CustomerId& id : pending) {
    const auto result = executor_.Call(SystemWork(FinishErasure{id}), /*bulk=*/true);
    if (result.front()) {
      finished += 1;
    } else {
      Log(Level::kError, "an erasure could not be finished",
          {{"customer", ToString(id)}, {"reason", Name(result.front().error().reason)}});
    }
  }
  step("finished");
  return finished;
}

}  // namespace rebound
