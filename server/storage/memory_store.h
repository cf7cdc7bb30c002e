// The store of the simulator and of fast tests: the same promises as store.h, but for the disk.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "server/storage/store.h"

namespace rebound {

// Thread-safe as Store says. A Read keeps Execute waiting, and the other way round: what Read and
// Execute run must be short and must not call the store.
class MemoryStore final : public Store {
 public:
  // Called at "begin", "save" and "saved" (before and after each Save), "commit" and "committed".
  // May throw: StoreFailure undoes the batch and the store refuses further ones, as after a failed
  // fsync; anything else undoes it as a crash would. From "committed" on everything is kept.
  using FaultHook = std::function<void(std::string_view point)>;

  explicit MemoryStore(FaultHook fault = {});
  ~MemoryStore() override;

  void Execute(size_t count, const std::function<bool(size_t, Transaction&)>& run) override;
  void Read(const std::function<void(Reader&)>& read) override;
  bool Scrub(Timestamp now) override;
  void AppendAudit(std::vector<AuditEntry> entries) override;
  std::string_view Name() const override { return "memory"; }
  int32_t SchemaVersion() const override { return 1; }
  std::optional<Principal> FindPrincipal(const std::array<uint8_t, 32>& token_hash) override;
  void PutPrincipal(const Principal& principal,
                    const std::optional<std::array<uint8_t, 32>>& token_hash) override;
  void ReadAccess(const std::function<void(AccessRecords&)>& read) override;
  void WriteAccess(const std::function<bool(AccessRecords&)>& write) override;
  void ReadDeliveries(const std::function<void(DeliveryRecords&)>& read) override;
  void WriteDeliveries(const std::function<bool(DeliveryRecords&)>& write) override;
  void PutSubscriptions(const std::vector<RowChange<Subscription>>& changes,
                        std::vector<AuditEntry> entries) override;
  std::array<uint8_t, 32> Secret(std::string_view name) override;

  // Outbox rows after the sequence of an event, oldest first: what is to be sent, and was not
  // cancelled since.
  void ScanOutbox(int64_t after, const std::function<void(int64_t sequence, const CaseId&)>& visit);

  // Deletes a text's value, as erasing a person will.
  void EraseText(const TextId& id);

 private:
  struct State;
  template <typename Base>
  class Reads;
  class Writer;

  const std::unique_ptr<State> state_;
};

}  // namespace rebound
