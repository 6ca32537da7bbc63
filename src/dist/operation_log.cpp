#include "src/dist/operation_log.hpp"

#include <algorithm>

#include "src/core/clock.hpp"
#include "src/dist/signal_safe_text.hpp"
#include "src/optim/step_clock.hpp"

namespace tasuki::dist {

OperationLog::OperationLog() : start_(now()) {}

double OperationLog::seconds() const noexcept { return now() - start_; }

std::uint64_t OperationLog::issue(const char* what, std::uint64_t bytes) {
  const std::uint64_t number = issued_.load(std::memory_order_relaxed) + 1;
  Slot& slot = at(number);
  slot.number.store(0, std::memory_order_relaxed);
  slot.what.store(what, std::memory_order_relaxed);
  slot.bytes.store(bytes, std::memory_order_relaxed);
  slot.step.store(optim::latest_step().load(std::memory_order_relaxed), std::memory_order_relaxed);
  slot.issued.store(seconds(), std::memory_order_relaxed);
  slot.begun.store(0, std::memory_order_relaxed);
  slot.ended.store(0, std::memory_order_relaxed);
  slot.number.store(number, std::memory_order_release);
  issued_.store(number, std::memory_order_release);
  return number;
}

OperationLog::Entry OperationLog::entry(std::uint64_t number) const noexcept {
  const Slot& slot = slots_[number % remembered];
  const auto read = [](const auto& value) { return value.load(std::memory_order_relaxed); };
  const Entry e{slot.number.load(std::memory_order_acquire), read(slot.what), read(slot.bytes), read(slot.step), read(slot.issued), read(slot.begun), read(slot.ended)};
  return e.number == number ? e : Entry{};
}

OperationLog::Entry OperationLog::last() const noexcept { return entry(issued_.load(std::memory_order_acquire)); }

std::string OperationLog::recent(std::size_t count) const {
  std::string text;
  const std::uint64_t last = issued_.load(std::memory_order_acquire);
  for (std::uint64_t number = last > count ? last - count + 1 : 1; number <= last; ++number) {
    const Entry e = entry(number);
    text += "\n  " + std::to_string(number) + " " + e.what + " of " + std::to_string(e.bytes) + " bytes";
  }
  return text;
}

void OperationLog::write(int descriptor) const noexcept {
  const std::uint64_t last = issued_.load(std::memory_order_acquire);
  for (std::uint64_t number = last > remembered ? last - remembered + 1 : 1; number <= last; ++number) {
    const Entry e = entry(number);
    if (e.number == 0) continue;
    SignalSafeText line;
    line << "operation " << e.number << "  step " << static_cast<std::uint64_t>(std::max<std::int64_t>(e.step, 0)) << "  " << e.what << "  " << e.bytes << " bytes  issued ";
    line.seconds(e.issued) << " s";
    if (e.begun > 0) (line << "  begun ").seconds(e.begun) << " s";
    if (e.ended > 0) (line << "  ended ").seconds(e.ended) << " s";
    line << "\n";
    line.write(descriptor);
  }
}

}  // namespace tasuki::dist
