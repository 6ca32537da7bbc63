#include "tasuki/dist/world.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include "src/core/annotated.hpp"
#include "src/dist/back_end.hpp"
#include "src/dist/communication_thread.hpp"
#include "src/dist/decorators.hpp"
#include "src/dist/failure.hpp"
#include "src/dist/self_communicator.hpp"
#include "src/runtime/pins.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::dist {

namespace {

/// What this process is part of. It lives until the process ends, so that handles never dangle.
struct Job {
  std::unique_ptr<Communicator> communicator = std::make_unique<SelfCommunicator>();
  std::unique_ptr<CommunicationThread> thread;
  bool begun = false, failed = false;
  ~Job() {
    if (thread) thread->leave(failed ? Progress::failed : Progress::ended);
    // After a failure the others may wait for this process in something that it will never do.
    if (failed || (thread && thread->is_stuck())) communicator->abort(thread && thread->failure_code() ? thread->failure_code() : failure::exception_code);
    failure::stop_watching();
    thread.reset();
  }
};

Job& job() {
  static Job the_job;
  return the_job;
}

CommunicationThread& thread_of(Job& j) {
  if (!j.thread) j.thread = std::make_unique<CommunicationThread>(*j.communicator, Options{}.timeout_seconds);
  return *j.thread;
}

int number_in(const char* variable) {
  const char* text = std::getenv(variable);
  return text ? std::atoi(text) : 0;
}

/// Processes that a launcher has announced; 0 without one.
int announced_size() {
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"})
    if (const int size = number_in(variable)) return size;
  return std::getenv("SLURM_PROCID") ? number_in("SLURM_NTASKS") : 0;
}

void choose_threads(const Communicator& c, const Options& options) {
  if (options.threads > 0) return set_num_threads(options.threads);
  if (c.local_size() == 1 || std::getenv("OMP_NUM_THREADS")) return;
  // With the default each process takes all cores, and their threads wait for each other spinning.
  set_num_threads(std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / c.local_size()));
}

void check_on_cpu(const Tensor& x) {
  if (!x.defined()) TASUKI_THROW(ValueError, "expected  a tensor\nactual    an undefined one");
  if (!x.device().is_cpu()) TASUKI_THROW(DeviceError, "expected  a tensor on the cpu\nactual    ", x.describe(), "\nmove it there: x.to(ts::Device::cpu())");
}

void check_peer(const World& world, int peer) {
  if (peer < 0 || peer >= world.size() || peer == world.rank())
    TASUKI_THROW(ValueError, "expected  another one of ", world.size(), " processes\nactual    ", peer, ", on process ", world.rank());
}

void note_written(const Tensor& x, const char* by) {
  x.storage().mark_written(by);
  x.storage().set_producer(nullptr, 0);  // what made the bytes before does not make these
}

template <class F>
auto with_operand(const char* op, const Tensor& x, SourceLocation at, const F& f) {
  return annotated(op, "", at, [&] { return x.defined() ? "x: " + x.describe() : std::string(); }, f);
}

}  // namespace

World init(int& argc, char**& argv, const Options& options) {
  Job& j = job();
  if (j.begun) return world();
  double timeout = options.timeout_seconds;
  if (const char* text = std::getenv("TASUKI_DIST_TIMEOUT")) timeout = std::atof(text);
  if (!(timeout > 0)) TASUKI_THROW(ValueError, "expected  a timeout of some seconds\nactual    ", timeout);
  const int announced = announced_size();
  if (announced > 1 && !&tasuki_mpi_communicator)
    TASUKI_THROW(DistributedError, "this process was started as one of ", announced,
                 ", and cannot reach the others: the program is built without MPI\nlink the CMake target tasuki::mpi; where find_package(tasuki) has none, install libopenmpi-dev "
                 "and build Tasuki again");
  if (j.thread) TASUKI_THROW(ValueError, "dist::init was called after something had been summed or broadcast\ncall it first in main");
  if (announced > 0 && &tasuki_mpi_communicator) j.communicator.reset(tasuki_mpi_communicator(&argc, &argv, announced, timeout));
  const Communicator& c = *j.communicator;
  j.thread = std::make_unique<CommunicationThread>(*j.communicator, timeout);
  j.begun = true;
  if (c.size() > 1) failure::watch(*j.communicator, j.thread->log());
  choose_threads(c, options);
  if (options.announce && c.rank() == 0 && c.size() > 1)
    std::fprintf(stderr, "tasuki: %d processes, %s; %d %s each\n", c.size(), c.description().c_str(), num_threads(), num_threads() == 1 ? "thread" : "threads");
  return World(std::uncaught_exceptions());
}

World world() { return World(); }

namespace {
/// The thread is kept: those who watch over the job look at it.
template <class Make>
void decorate(const Make& make) {
  Job& j = job();
  j.communicator = make(std::move(j.communicator));
  thread_of(j).use(*j.communicator);
}
}  // namespace

void emulate_link(const EmulatedLink& link) {
  decorate([&](std::unique_ptr<Communicator>&& inner) { return make_emulated_link(std::move(inner), link); });
}
void inject_fault(const Fault& fault) {
  decorate([&](std::unique_ptr<Communicator>&& inner) { return make_faulty(std::move(inner), fault); });
}

World::~World() {
  if (uncaught_ >= 0 && std::uncaught_exceptions() > uncaught_ && size() > 1 && !job().failed) {
    job().failed = true;
    failure::report(job().thread->failure_code() ? "the processes are not together any more; the job ends" : "an exception has ended it; the job ends");
    job().thread->leave(Progress::failed);
  }
}

int World::rank() const { return job().communicator->rank(); }
int World::size() const { return job().communicator->size(); }
int World::local_rank() const { return job().communicator->local_rank(); }
int World::local_size() const { return job().communicator->local_size(); }
std::string World::description() const { return job().communicator->description(); }

Work World::post(const char* what, std::size_t bytes, Callback<void(Communicator&)> operation) const {
  return thread_of(job()).post(what, bytes, std::move(operation));
}

Work World::all_reduce(const Tensor& x, SourceLocation at) const {
  return with_operand("all_reduce", x, at, [&] {
    check_on_cpu(x);
    if (!x.is_contiguous()) TASUKI_THROW(ValueError, "expected  a contiguous tensor, to sum it in place\nactual    strides ", x.strides());
    if (grad_enabled() && x.requires_grad()) TASUKI_THROW(AutogradError, "summing over processes in place is not on the tape\nuse world.sum(x), or do it under ts::NoGrad");
    struct Operand {
      Tensor x;
      Pins pins;
    };
    auto operand = std::make_shared<Operand>();
    operand->x = x;
    operand->pins.add(x.storage(), true);
    note_written(x, "all_reduce");
    return post("all_reduce", x.nbytes(), [operand](Communicator& c) { c.all_reduce(operand->x.impl()->address(), operand->x.numel(), operand->x.dtype()); });
  });
}

Tensor World::sum(const Tensor& x, SourceLocation at) const {
  return with_operand("sum over processes", x, at, [&] {
    check_on_cpu(x);
    const NoGrad off;
    const Tensor mine = x.detach().contiguous().clone();
    all_reduce(mine, at).wait();
    return mine;
  });
}

double World::sum(double x) const {
  post("sum", sizeof x, [&x](Communicator& c) { c.all_reduce(&x, 1, f64); }).wait();
  return x;
}

void World::broadcast(const Tensor& x, int root, SourceLocation at) const {
  with_operand("broadcast", x, at, [&] {
    check_on_cpu(x);
    if (root < 0 || root >= size()) TASUKI_THROW(ValueError, "expected  a root among ", size(), " processes\nactual    ", root);
    const NoGrad off;
    const Tensor whole = x.is_contiguous() ? x.detach() : x.detach().contiguous();
    {
      Pins pins;
      pins.add(whole.storage(), true);
      void* data = whole.impl()->address();
      const std::size_t bytes = whole.nbytes();
      post("broadcast", bytes, [=](Communicator& c) { c.broadcast(data, bytes, root); }).wait();
      note_written(whole, "broadcast");
    }
    if (!x.is_contiguous()) x.detach().copy_(whole);
  });
}

std::string World::gather_texts(const std::string& mine, const char* separator) const {
  std::vector<std::uint64_t> lengths(static_cast<std::size_t>(size()));
  const std::uint64_t length = mine.size();
  post("gather", sizeof length, [&](Communicator& c) { c.all_gather(&length, sizeof length, lengths.data()); }).wait();
  const std::size_t longest = *std::max_element(lengths.begin(), lengths.end());
  std::string padded = mine, all(longest * lengths.size(), '\0'), joined;
  padded.resize(longest);
  post("gather", longest, [&](Communicator& c) { c.all_gather(padded.data(), longest, all.data()); }).wait();
  for (std::size_t r = 0; r < lengths.size(); ++r) joined += (r ? separator : "") + all.substr(r * longest, lengths[r]);
  return joined;
}

void World::send(const Tensor& x, int to, SourceLocation at) const {
  with_operand("send", x, at, [&] {
    check_on_cpu(x);
    check_peer(*this, to);
    const NoGrad off;
    const Tensor whole = x.detach().contiguous();
    Pins pins;
    pins.add(whole.storage());
    post("send", whole.nbytes(), [data = whole.impl()->address(), bytes = whole.nbytes(), to](Communicator& c) { c.send(data, bytes, to); }).wait();
  });
}

void World::receive(const Tensor& x, int from, SourceLocation at) const {
  with_operand("receive", x, at, [&] {
    check_on_cpu(x);
    check_peer(*this, from);
    if (!x.is_contiguous()) TASUKI_THROW(ValueError, "expected  a contiguous tensor, to receive into\nactual    strides ", x.strides());
    Pins pins;
    pins.add(x.storage(), true);
    post("receive", x.nbytes(), [data = x.impl()->address(), bytes = x.nbytes(), from](Communicator& c) { c.receive(data, bytes, from); }).wait();
    note_written(x, "receive");
  });
}

double World::waited_seconds() const { return thread_of(job()).waited_seconds(); }

void World::barrier() const {
  post("barrier", 0, [](Communicator& c) { c.barrier(); }).wait();
}

}  // namespace tasuki::dist
