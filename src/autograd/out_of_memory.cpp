#include "src/autograd/out_of_memory.hpp"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <vector>

namespace tasuki {

namespace {

std::size_t bytes_of(const DeviceRuntime& runtime, const TensorImpl& t) {
  return runtime.block_bytes(static_cast<std::size_t>(t.numel) * size_of(t.dtype));
}

/// What a launch holds at once: each storage counts once.
class Held {
 public:
  explicit Held(const DeviceRuntime& runtime) : runtime_(runtime) {}
  void add(const TensorImpl* t) {
    if (!t || std::find(storages_.begin(), storages_.end(), t->storage) != storages_.end()) return;
    storages_.push_back(t->storage);
    bytes += runtime_.block_bytes(t->storage->bytes());
  }
  std::size_t bytes = 0;

 private:
  const DeviceRuntime& runtime_;
  SmallVector<const Storage*, 12> storages_;
};

std::size_t forward_bytes(const DeviceRuntime& runtime, Node& n) {
  Held held(runtime);
  // What an in-place op reads lies where its output does.
  for (std::size_t i = n.in_place ? 1 : 0; i < n.input_count(); ++i) held.add(n.inputs()[i].record);
  for (std::size_t j = 0; j < n.output_count(); ++j) held.add(n.outputs()[j].record);
  return held.bytes + runtime.block_bytes(n.workspace);
}

}  // namespace

std::size_t backward_bytes(const DeviceRuntime& runtime, Node& n) {
  Held held(runtime);
  std::size_t gradients = 0;
  for (std::size_t i = 0; i < n.input_count(); ++i) {
    if (n.saves_input(i)) held.add(n.inputs()[i].record);
    if (n.edges()[i].exists()) gradients += bytes_of(runtime, *n.inputs()[i].record);
  }
  for (std::size_t j = 0; j < n.output_count(); ++j) {
    const TensorImpl& y = *n.outputs()[j].record;
    if (n.saves_output(j)) held.add(&y);
    if (is_floating(y.dtype)) gradients += bytes_of(runtime, y);
  }
  return held.bytes + gradients + runtime.block_bytes(n.backward_workspace);
}

namespace {

std::size_t largest_launch(const DeviceRuntime& runtime, const SmallVector<const Node*, 8>& tape) {
  std::size_t largest = 0;
  std::vector<Node*> waiting;
  std::unordered_set<const Node*> seen;
  const auto visit = [&](Node* n) {
    if (n && seen.insert(n).second) waiting.push_back(n);
  };
  for (const Node* n : tape) visit(const_cast<Node*>(n));
  while (!waiting.empty()) {
    Node& n = *waiting.back();
    waiting.pop_back();
    if (!n.is_view) largest = std::max({largest, forward_bytes(runtime, n), backward_bytes(runtime, n)});
    for (std::size_t i = 0; i < n.input_count(); ++i) visit(n.edges()[i].node);
  }
  return largest;
}

/// Bytes in use that no budget could move: small storages, what libraries keep.
std::size_t unmovable_bytes(DeviceRuntime& runtime) {
  std::size_t movable = 0;
  runtime.storages().for_each([](void* sum, Storage& s) { *static_cast<std::size_t*>(sum) += s.movable_bytes(); }, &movable);
  const std::size_t in_use = runtime.memory_stats().current_bytes;
  return in_use > movable ? in_use - movable : 0;
}

}  // namespace

std::size_t smallest_budget(DeviceRuntime& runtime, const Shortage& shortage) {
  return unmovable_bytes(runtime) + std::max(shortage.bytes, largest_launch(runtime, shortage.tape));
}

std::string bytes_literal(std::size_t bytes, std::size_t least) {
  struct Unit {
    const char* suffix;
    std::size_t bytes;
  };
  for (const Unit unit : {Unit{"_GiB", std::size_t{1} << 30}, Unit{"_MiB", std::size_t{1} << 20}, Unit{"_KiB", std::size_t{1} << 10}}) {
    const std::size_t count = bytes / unit.bytes, whole = count * unit.bytes;
    if (count > 0 && whole >= least && (bytes - whole) * 50 < bytes) return std::to_string(count) + unit.suffix;
  }
  return std::to_string(bytes);
}

void advise_budget(OutOfMemory& error, DeviceRuntime& runtime, const Shortage& shortage) {
  const MemoryStats stats = runtime.memory_stats();
  const std::size_t smallest = smallest_budget(runtime, shortage);
  // Without a limit, what was obtained once is known to be there.
  const std::size_t available = stats.limit_bytes ? stats.limit_bytes : std::max(stats.peak_bytes, smallest);
  error.add_line(detail::concat({"this launch holds ", shortage.bytes, " bytes, scratch and operands included; the peak so far is ", stats.peak_bytes}));
  if (smallest > available)
    return error.add_line(detail::concat({"no budget would do: one launch at a time, the step needs ", smallest, " bytes; use a smaller batch"}));
  error.add_line(detail::concat({"as far as it came, the step fits in a budget of ", smallest, " bytes; add before the first step"}));
  error.add_line("  ts::memory::Budget budget{device, " + bytes_literal(available, smallest) + "};");
}

}  // namespace tasuki
