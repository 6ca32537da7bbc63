#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include "src/dist/decorators.hpp"

namespace tasuki::dist {

namespace {

class FaultyCommunicator final : public Decorator {
 public:
  FaultyCommunicator(std::unique_ptr<Communicator> inner, const Fault& fault) : Decorator(std::move(inner)), fault_(fault) {}
  std::string description() const override { return inner_->description() + ", with a fault"; }

  void all_reduce(void* data, std::int64_t count, DType dtype) override { strike(), inner_->all_reduce(data, count, dtype); }
  void reduce_scatter(void* data, const std::int64_t* bounds, DType dtype) override { strike(), inner_->reduce_scatter(data, bounds, dtype); }
  void all_gather_parts(void* data, const std::int64_t* bounds) override { strike(), inner_->all_gather_parts(data, bounds); }
  void all_gather(const void* mine, std::size_t bytes, void* all) override { strike(), inner_->all_gather(mine, bytes, all); }
  void broadcast(void* data, std::size_t bytes, int root) override { strike(), inner_->broadcast(data, bytes, root); }
  void send(const void* data, std::size_t bytes, int to) override { strike(), inner_->send(data, bytes, to); }
  void receive(void* data, std::size_t bytes, int from) override { strike(), inner_->receive(data, bytes, from); }
  void barrier() override { strike(), inner_->barrier(); }

 private:
  void strike() {
    if (++operations_ != fault_.operation || inner_->rank() != fault_.rank) return;
    switch (fault_.kind) {
      case Fault::Kind::delay: return std::this_thread::sleep_for(std::chrono::duration<double>(fault_.seconds));
      case Fault::Kind::die: std::raise(SIGKILL); break;
      case Fault::Kind::drop: break;
    }
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }

  Fault fault_;
  std::int64_t operations_ = 0;
};

}  // namespace

std::unique_ptr<Communicator> make_faulty(std::unique_ptr<Communicator>&& inner, const Fault& fault) {
  if (fault.rank < 0 || fault.rank >= inner->size() || fault.operation < 1 || !(fault.seconds >= 0))
    TASUKI_THROW(ValueError, "expected  a rank among ", inner->size(), " processes, an operation from 1 on and some seconds\nactual    rank ", fault.rank, ", operation ", fault.operation, ", ",
                 fault.seconds, " s");
  return std::make_unique<FaultyCommunicator>(std::move(inner), fault);
}

}  // namespace tasuki::dist
