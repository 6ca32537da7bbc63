#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <string>
#include <thread>

#include "src/dist/decorators.hpp"

namespace tasuki::dist {

namespace {

using Clock = std::chrono::steady_clock;

class LinkCommunicator final : public Decorator {
 public:
  LinkCommunicator(std::unique_ptr<Communicator> inner, const EmulatedLink& link) : Decorator(std::move(inner)) { change(link); }
  void change(const EmulatedLink& link) {
    link_ = link;
    processes_ = link.processes > 0 ? link.processes : inner_->size();
  }
  int carriers() const { return inner_->size(); }
  int size() const override { return processes_; }
  std::string description() const override {
    return inner_->description() + detail::concat({" behind an emulated link of ", link_.seconds * 1e6, " us and ", link_.bytes_per_second / 1e9, " GB/s"});
  }

  void all_reduce(void* data, std::int64_t count, DType dtype) override {
    const Pace pace(ring(2, count * static_cast<std::int64_t>(size_of(dtype))));
    inner_->all_reduce(data, count, dtype);
  }
  void reduce_scatter(void* data, const std::int64_t* bounds, DType dtype) override {
    const Pace pace(ring(1, bounds[processes_] * static_cast<std::int64_t>(size_of(dtype))));
    if (!alone()) inner_->reduce_scatter(data, bounds, dtype);
  }
  void all_gather_parts(void* data, const std::int64_t* bounds) override {
    const Pace pace(ring(1, bounds[processes_]));
    if (!alone()) inner_->all_gather_parts(data, bounds);
  }
  void all_gather(const void* mine, std::size_t bytes, void* all) override {
    const Pace pace(ring(1, processes_ * static_cast<std::int64_t>(bytes)));
    if (!alone()) return inner_->all_gather(mine, bytes, all);
    for (int r = 0; r < processes_; ++r) std::memcpy(static_cast<char*>(all) + static_cast<std::size_t>(r) * bytes, mine, bytes);
  }
  void broadcast(void* data, std::size_t bytes, int root) override {
    const Pace pace(std::ceil(std::log2(processes_)) * link_.seconds + transfer(static_cast<double>(bytes)));
    if (!alone()) inner_->broadcast(data, bytes, root);
  }
  void send(const void* data, std::size_t bytes, int to) override {
    const Pace pace(link_.seconds + transfer(static_cast<double>(bytes)));
    inner_->send(data, bytes, to);
  }
  void receive(void* data, std::size_t bytes, int from) override {
    const Pace pace(link_.seconds + transfer(static_cast<double>(bytes)));
    inner_->receive(data, bytes, from);
  }
  void barrier() override {
    const Pace pace(std::ceil(std::log2(processes_)) * link_.seconds);
    inner_->barrier();
  }

 private:
  /// Ends so many seconds after it began, or later.
  class Pace {
   public:
    explicit Pace(double seconds) : end_(Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))) {}
    ~Pace() { std::this_thread::sleep_until(end_); }

   private:
    Clock::time_point end_;
  };
  /// Others are only imagined.
  bool alone() const { return inner_->size() < processes_; }
  double transfer(double bytes) const { return link_.bytes_per_second > 0 ? bytes / link_.bytes_per_second : 0; }
  double ring(int rounds, std::int64_t bytes) const {
    return rounds * (processes_ - 1) * (link_.seconds + transfer(static_cast<double>(bytes) / processes_));
  }

  EmulatedLink link_;
  int processes_ = 1;
};

}  // namespace

std::unique_ptr<Communicator> make_emulated_link(std::unique_ptr<Communicator>&& inner, const EmulatedLink& link) {
  if (!(link.seconds >= 0) || !(link.bytes_per_second >= 0))
    TASUKI_THROW(ValueError, "expected  a link of some seconds and bytes per second\nactual    ", link.seconds, " s and ", link.bytes_per_second, " bytes/s");
  auto* const before = dynamic_cast<LinkCommunicator*>(inner.get());
  const int carriers = before ? before->carriers() : inner->size();
  if (link.processes < 0 || (link.processes > 0 && carriers > 1 && link.processes != carriers))
    TASUKI_THROW(ValueError, "expected  one process, to emulate ", link.processes, "\nactual    ", carriers);
  if (before) {
    before->change(link);
    return std::move(inner);
  }
  return std::make_unique<LinkCommunicator>(std::move(inner), link);
}

}  // namespace tasuki::dist
