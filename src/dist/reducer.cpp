#include "src/dist/reducer.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "src/core/annotated.hpp"
#include "src/core/clock.hpp"
#include "src/dist/compression.hpp"
#include "src/dist/first_difference.hpp"
#include "src/dist/gather.hpp"
#include "src/dist/zero.hpp"
#include "tasuki/autograd/after_backward.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/autograd/leaf.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::dist {

namespace {

/// All that processes must have in common of it.
std::string to_text(const Compression& c) {
  using Kind = Compression::Kind;
  if (c.kind == Kind::none) return "no compression";
  const std::string kind = c.kind == Kind::top_k       ? detail::concat({"top_k of ", c.fraction, " with momentum ", c.momentum})
                           : c.kind == Kind::power_sgd ? detail::concat({"power_sgd of rank ", c.rank})
                                                       : std::string(c.kind == Kind::bf16 ? "bf16" : "f16");
  return detail::concat({kind, ", warm-up ", c.warm_up});
}

[[noreturn]] void refuse_steps_in_backward() {
  TASUKI_THROW(ValueError, "gradients are summed over the processes when backward has made all of a bucket, and the optimizer updates the parameters ahead of that (StepInBackward)\n",
               "use one of them; with zero = 2 a process keeps no more gradients than a few buckets, too");
}

}  // namespace

Reducer::Reducer(const World& world, nn::Module& net, optim::Optimizer& optimizer, const DataParallelOptions& options)
    : world_(world), net_(net), layout_(optimizer.layout()), stage_(options.zero), bucket_bytes_(options.bucket_bytes) {
  if (options.zero < 0 || options.zero > 3) TASUKI_THROW(ValueError, "expected  zero = 0, 1, 2 or 3\nactual    ", options.zero);
  const bool compresses = options.compression.kind != Compression::Kind::none;
  if (options.zero > 0 && compresses) TASUKI_THROW(ValueError, "zero = ", options.zero, " and compression do not go together\ngive one of them");
  if (world.size() > 1 && optimizer.steps_in_backward()) refuse_steps_in_backward();
  check_same_network(net, optimizer, options);
  for (const FlatLayout::Group& g : layout_.groups())
    if (!g.device.is_cpu()) TASUKI_THROW(DeviceError, "expected  parameters on the cpu\nactual    on ", g.device, "\nthis version sums gradients over processes on CPUs only");
  layout_.keep_together();
  const NoGrad off;
  for (const NamedTensor& t : net.named_parameters()) world_.broadcast(t.tensor);
  broadcast_buffers();
  if (bucket_bytes_ == 0) bucket_bytes_ = options.zero == 0 && !compresses && world.size() > 1 ? best_bucket_bytes() : std::size_t{1} << 20;
  if (options.zero > 0 && world.size() > 1) {
    auto zero = std::make_unique<Zero>(world, options.zero, optimizer, bucket_bytes_);
    zero_ = zero.get();
    exchange_ = std::move(zero);
  } else if (compresses) {
    auto compressed = std::make_unique<CompressedExchange>(world, layout_, bucket_bytes_, options.compression);
    compressed_ = compressed.get();
    exchange_ = std::move(compressed);
  } else {
    exchange_ = std::make_unique<AllReduceExchange>(world, layout_, bucket_bytes_);
  }
  take_note_of_arenas();
}

/// The hooks cannot be taken off again: they own the reducer together with whoever made it. Frozen parameters get one as well, for
/// the day when they are trained again.
void Reducer::hook_up() {
  for (std::size_t i = 0; i < layout_.entries().size(); ++i)
    LeafState::of(*layout_.entries()[i].parameter.impl()).post_accumulate_hooks.push_back([self = intrusive_ptr<Reducer>(this), i](const Tensor&) { self->arrived(i); });
}

Reducer::~Reducer() = default;

void Reducer::detach() {
  detached_ = true;
  zero_ = nullptr;
  compressed_ = nullptr;
  exchange_.reset();  // the optimizer may be gone before the last hook
  unshare_arenas();
}

/// Line by line, so that the error can name the first difference.
void Reducer::check_same_network(const nn::Module& net, const optim::Optimizer& optimizer, const DataParallelOptions& o) const {
  std::string mine;
  for (const NamedTensor& t : net.named_state()) mine += t.name + ": " + t.tensor.describe() + "\n";
  mine += detail::concat({optimizer.name(), " of ", layout_.entries().size(), " parameters\n"});
  for (const FlatLayout::Entry& e : layout_.entries()) mine += "an optimized parameter: " + e.parameter.describe() + "\n";
  mine += detail::concat({"buckets of ", o.bucket_bytes ? std::to_string(o.bucket_bytes) + " bytes" : "measured size", ", zero = ", o.zero, ", ", to_text(o.compression), "\n"});
  if (const std::string difference = first_difference(gather_list(world_, mine)); !difference.empty()) TASUKI_THROW(DistributedError, "expected  the same network on all processes\n", difference);
}

void Reducer::broadcast_buffers() {
  const NoGrad off;
  for (const NamedTensor& t : net_.named_buffers()) world_.broadcast(t.tensor);
}

void Reducer::take_note_of_arenas() {
  arenas_.clear();
  for (const FlatLayout::Group& g : layout_.groups()) arenas_.push_back(g.parameters->data());
  bucket_of_.assign(layout_.entries().size(), 0);
  for (std::size_t b = 0; b < exchange_->buckets().size(); ++b)
    for (const std::size_t i : exchange_->buckets()[b].entries) bucket_of_[i] = b;
  order_.resize(exchange_->buckets().size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  order_observed_ = false;
  unshare_arenas();
  share_arenas();
}

/// Rank 0's, for all. What was not complete before the pass ended comes last.
void Reducer::take_note_of_order() {
  order_observed_ = true;
  std::vector<std::int64_t> order(completed_.begin(), completed_.end());
  for (std::size_t b = 0; b < exchange_->buckets().size(); ++b)
    if (std::find(completed_.begin(), completed_.end(), b) == completed_.end()) order.push_back(static_cast<std::int64_t>(b));
  world_.post("order of buckets", order.size() * sizeof order[0], [&](Communicator& c) { c.broadcast(order.data(), order.size() * sizeof order[0], 0); }).wait();
  order_.assign(order.begin(), order.end());
}

/// The best of several sums of two sizes, of the process that takes longest: all processes come to the same.
std::size_t Reducer::best_bucket_bytes() const {
  constexpr std::int64_t small = 1 << 10, large = 1 << 18;
  constexpr int times = 5;
  std::vector<float> values(large);
  double seconds[2] = {1e9, 1e9};
  for (int i = 0; i < times; ++i)
    for (const int which : {0, 1}) {
      const std::int64_t count = which ? large : small;
      world_.post("measurement", static_cast<std::size_t>(count) * sizeof(float), [&](Communicator& c) {
        c.barrier();
        const double start = now();
        c.all_reduce(values.data(), count, f32);
        seconds[which] = std::min(seconds[which], now() - start);
      }).wait();
    }
  std::vector<double> all(2 * static_cast<std::size_t>(world_.size()));
  world_.post("gather", sizeof seconds, [&](Communicator& c) { c.all_gather(seconds, sizeof seconds, all.data()); }).wait();
  for (std::size_t i = 0; i < all.size(); ++i) seconds[i % 2] = std::max(seconds[i % 2], all[i]);
  double bytes = 0;
  for (const FlatLayout::Group& g : layout_.groups()) bytes += static_cast<double>(g.bytes);
  const double beta = std::max(seconds[1] - seconds[0], 1e-9) / (sizeof(float) * (large - small)), alpha = seconds[0] - small * sizeof(float) * beta;
  const double best = std::sqrt(bytes * std::max(alpha, 1e-7) / beta);
  std::size_t rounded = std::size_t{1} << 16;
  while (rounded < (std::size_t{1} << 26) && static_cast<double>(rounded) * std::sqrt(2.0) < best) rounded *= 2;
  return rounded;
}

/// What is summed or gathered where it lies.
void Reducer::share_arenas() {
  const bool gradients = !compressed_ && stage_ <= 1, parameters = stage_ == 1 || stage_ == 2;
  for (const FlatLayout::Group& g : layout_.groups())
    for (const intrusive_ptr<Arena>& arena : {gradients ? g.gradients : nullptr, parameters ? g.parameters : nullptr}) {
      if (!arena || world_.size() == 1) continue;
      DeviceRuntime& runtime = arena->runtime();
      const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
      const std::size_t bytes = (arena->bytes() + page - 1) / page * page;
      if (runtime.decommittable({arena->data(), arena->bytes(), 0, arena->bytes()}) == 0) continue;  // its pages have others in them
      // A budget takes memory away from parts of an arena and gives it back, as private memory.
      void* const begin = runtime.manager() ? nullptr : arena->data();
      world_.post("share", bytes, [=](Communicator& c) { c.share(begin, bytes); }).wait();
      if (begin) shared_.push_back(arena);
    }
}

void Reducer::unshare_arenas() noexcept {
  for (const intrusive_ptr<Arena>& arena : shared_) {
    try {
      world_.post("unshare", 0, [begin = arena->data()](Communicator& c) { c.unshare(begin); }).wait();
    } catch (const Error&) {  // the job ends
    }
  }
  shared_.clear();
}

void Reducer::gather(const double* mine, std::size_t count, double* all) {
  world_.post("statistics", count * sizeof *mine, [=](Communicator& c) { c.all_gather(mine, count * sizeof *mine, all); }).wait();
}

// ---- a pass

struct Reducer::PassEnd {
  intrusive_ptr<Reducer> reducer;
  explicit PassEnd(Reducer& r) : reducer(&r) {}
  PassEnd(PassEnd&&) = default;
  ~PassEnd() {
    if (reducer) reducer->abandon_pass();
  }
  void operator()() { std::exchange(reducer, nullptr)->finish_pass(); }
};

void Reducer::arrived(std::size_t entry) {
  if (detached_ || quiet_ > 0 || world_.size() == 1) return;
  if (!in_pass_) begin_pass();
  if (exchange_->is_summed(entry))
    TASUKI_THROW(AutogradError, "this gradient was added to one that is summed over the processes already; summing again would count that ", world_.size(),
                 " times\ncall zero_grad() ahead of backward(); to accumulate, run all backward passes but the last one under parallel.no_sync()");
  arrived_[entry] = true;
  if (--missing_[bucket_of_[entry]] == 0) completed_.push_back(bucket_of_[entry]);
  start_ready();
}

void Reducer::start_ready() {
  while (next_ < order_.size() && missing_[order_[next_]] == 0) exchange_->start(order_[next_++]);
}

void Reducer::begin_pass() {
  if (!zero_ && !layout_.entries()[0].gradient.defined()) refuse_steps_in_backward();  // no slots: it was made later
  bool moved = arenas_.size() != layout_.groups().size();
  for (std::size_t g = 0; g < layout_.groups().size() && !moved; ++g) moved = arenas_[g] != layout_.groups()[g].parameters->data();
  if (moved) {
    exchange_->repacked();
    take_note_of_arenas();
  }
  in_pass_ = true;
  next_ = 0;
  completed_.clear();
  arrived_.assign(layout_.entries().size(), false);
  missing_.assign(exchange_->buckets().size(), 0);
  for (std::size_t i = 0; i < bucket_of_.size(); ++i) missing_[bucket_of_[i]] += layout_.entries()[i].parameter.requires_grad();
  after_backward(PassEnd(*this));
}

void Reducer::finish_pass() {
  // What took no part here may have done so elsewhere. Counted ahead of the rest, which may take the gradients away.
  const auto& entries = layout_.entries();
  std::vector<std::int32_t> parts(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) parts[i] = arrived_[i] || LeafState::of(*entries[i].parameter.impl()).grad.defined();
  while (next_ < order_.size()) exchange_->start(order_[next_++]);
  world_.post("parameters in use", parts.size() * sizeof(std::int32_t), [&](Communicator& c) { c.all_reduce(parts.data(), static_cast<std::int64_t>(parts.size()), i32); }).wait();
  std::vector<bool> in_use(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) in_use[i] = parts[i] > 0;
  exchange_->finish(in_use);
  if (!order_observed_) take_note_of_order();
  in_pass_ = false;
}

void Reducer::abandon_pass() noexcept {
  if (exchange_) exchange_->abandon();
  in_pass_ = false;
}

// ---- what users call

DataParallel::DataParallel(const World& world, nn::Module& net, optim::Optimizer& optimizer, const DataParallelOptions& options, SourceLocation at) {
  annotated("DataParallel", at, [&] {
    reducer_ = intrusive_ptr<Reducer>::adopt(new Reducer(world, net, optimizer, options));
    reducer_->hook_up();
  });
  if (world.size() > 1) set_batch_count(reducer_.get());
}

DataParallel::~DataParallel() {
  if (BatchCount* current = set_batch_count(nullptr); current != reducer_.get()) set_batch_count(current);
  reducer_->detach();
}

std::size_t DataParallel::bucket_count() const { return reducer_->bucket_count(); }
std::size_t DataParallel::bucket_bytes() const { return reducer_->bucket_bytes(); }
const std::vector<std::size_t>& DataParallel::bucket_order() const { return reducer_->bucket_order(); }
void DataParallel::broadcast_buffers() { reducer_->broadcast_buffers(); }

CompressionReport DataParallel::compression_report() const { return reducer_->compressed() ? reducer_->compressed()->report() : CompressionReport(); }
std::vector<NamedTensor> DataParallel::compression_state() const {
  if (!reducer_->compressed()) return {};
  std::vector<NamedTensor> all = reducer_->compressed()->state();
  for (NamedTensor& t : reducer_->compressed()->common_state()) all.push_back(std::move(t));
  return all;
}

DataParallel::WholeParameters::WholeParameters(DataParallel& parallel) : parallel_(parallel) {
  if (Zero* zero = parallel_.reducer_->zero()) zero->keep_whole(true);
}
DataParallel::WholeParameters::~WholeParameters() {
  try {
    if (Zero* zero = parallel_.reducer_->zero()) zero->keep_whole(false);
  } catch (const Error&) {  // the next use of a parameter says it again
  }
}

DataParallel::NoSync::NoSync(DataParallel& parallel) : parallel_(parallel) { parallel_.reducer_->be_quiet(1); }
DataParallel::NoSync::~NoSync() { parallel_.reducer_->be_quiet(-1); }

}  // namespace tasuki::dist
