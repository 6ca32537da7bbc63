#include "tasuki/debug/counters.hpp"

#include <algorithm>
#include <mutex>

#include "tasuki/autograd/listener.hpp"

namespace tasuki::debug {

class Counters::Listener final : public LaunchListener {
 public:
  void after_launch(const LaunchRecord& r) override {
    const std::lock_guard lock(mutex_);
    Counts& c = counts_[static_cast<int>(r.phase)];
    ++c.launches;
    c.flops += r.flops;
    for (std::size_t i = 0; i < r.input_count; ++i) c.bytes_read += r.inputs[i].view.bytes();
    for (std::size_t j = 0; j < r.output_count; ++j) c.bytes_written += r.outputs[j].view.bytes();
    c.largest_workspace = std::max<std::uint64_t>(c.largest_workspace, r.workspace_bytes);
  }
  Counts of(LaunchPhase phase) {
    const std::lock_guard lock(mutex_);
    return counts_[static_cast<int>(phase)];
  }
  void reset() {
    const std::lock_guard lock(mutex_);
    for (Counts& c : counts_) c = {};
  }

 private:
  std::mutex mutex_;
  Counts counts_[3];  // by LaunchPhase
};

Counters::Counters() : listener_(new Listener) { add_listener(*listener_); }
Counters::~Counters() {
  remove_listener(*listener_);
  delete listener_;
}

Counts Counters::forward() const { return listener_->of(LaunchPhase::forward); }
Counts Counters::backward() const { return listener_->of(LaunchPhase::backward); }
Counts Counters::replay() const { return listener_->of(LaunchPhase::replay); }
Counts Counters::total() const {
  Counts sum;
  for (const Counts& c : {forward(), backward(), replay()}) {
    sum.launches += c.launches;
    sum.flops += c.flops;
    sum.bytes_read += c.bytes_read;
    sum.bytes_written += c.bytes_written;
    sum.largest_workspace = std::max(sum.largest_workspace, c.largest_workspace);
  }
  return sum;
}
void Counters::reset() { listener_->reset(); }

}  // namespace tasuki::debug
