#include "src/dist/reducer.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "tasuki/autograd/after_backward.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/autograd/leaf.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::dist {

namespace {
LeafState& leaf_of(const FlatLayout::Entry& e) { return LeafState::of(*e.parameter.impl()); }
}  // namespace

Reducer::Reducer(const World& world, nn::Module& net, optim::Optimizer& optimizer, const DataParallelOptions& options)
    : world_(world), net_(net), layout_(optimizer.layout()), options_(options) {
  check_same_network(net);
  const NoGrad off;
  for (const NamedTensor& t : net.named_parameters()) world_.broadcast(t.tensor);
  broadcast_buffers();
  make_buckets();
}

/// The hooks cannot be taken off again: they own the reducer together with whoever made it.
void Reducer::hook_up() {
  for (std::size_t i = 0; i < layout_.entries().size(); ++i)
    layout_.entries()[i].parameter.register_post_accumulate_hook([self = intrusive_ptr<Reducer>(this), i](const Tensor&) { self->arrived(i); });
}

Reducer::~Reducer() = default;

void Reducer::detach() { detached_ = true; }

/// Line by line, so that the error can name the first difference.
void Reducer::check_same_network(const nn::Module& net) const {
  std::string mine = "Tasuki " TASUKI_VERSION_TEXT "\n";
  for (const NamedTensor& t : net.named_state()) mine += t.name + ": " + t.tensor.describe() + "\n";
  const std::string all = world_.gather_texts(mine, "\f");
  std::vector<std::string> texts{""};
  for (const char c : all)
    if (c == '\f') texts.emplace_back();
    else texts.back() += c;
  for (std::size_t r = 1; r < texts.size(); ++r) {
    if (texts[r] == texts[0]) continue;
    std::size_t at = 0;
    while (at < texts[0].size() && at < texts[r].size() && texts[0][at] == texts[r][at]) ++at;
    const auto line = [&](const std::string& text) {
      const std::size_t newline = text.rfind('\n', at ? at - 1 : 0), begin = at == 0 || newline == std::string::npos ? 0 : newline + 1;
      const std::string found = text.substr(begin, text.find('\n', begin) - begin);
      return found.empty() ? std::string("nothing more") : found;
    };
    TASUKI_THROW(DistributedError, "expected  the same network on all processes\nactual    rank 0 has  ", line(texts[0]), "\n          rank ", static_cast<std::int64_t>(r), " has  ", line(texts[r]));
  }
}

void Reducer::broadcast_buffers() {
  const NoGrad off;
  for (const NamedTensor& t : net_.named_buffers()) world_.broadcast(t.tensor);
}

void Reducer::make_buckets() {
  const auto& entries = layout_.entries();
  buckets_.clear();
  bucket_of_.assign(entries.size(), 0);
  arenas_.clear();
  for (const FlatLayout::Group& g : layout_.groups()) {
    if (!g.device.is_cpu()) TASUKI_THROW(DeviceError, "expected  parameters on the cpu\nactual    on ", g.device, "\nthis version sums gradients over processes on CPUs only");
    arenas_.push_back(g.gradients->data());
  }
  for (std::size_t g = 0; g < layout_.groups().size(); ++g) {
    bool open = false;
    for (std::size_t i = entries.size(); i-- > 0;) {
      const FlatLayout::Entry& e = entries[i];
      if (e.group != g) continue;
      if (!open || buckets_.back().bytes >= options_.bucket_bytes) {
        buckets_.push_back({g, e.offset, 0, {}, 0, nullptr, {}});
        buckets_.back().bytes = e.bytes;
        open = true;
      }
      Bucket& b = buckets_.back();
      b.bytes += b.offset - e.offset;
      b.offset = e.offset;
      b.entries.push_back(i);
      bucket_of_[i] = buckets_.size() - 1;
    }
  }
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
  const FlatLayout::Entry& e = layout_.entries()[entry];
  if (const Tensor& grad = leaf_of(e).grad; !grad.is_same(e.gradient) && &grad.storage() == &e.gradient.storage())
    TASUKI_THROW(AutogradError, "this gradient was added to one that is summed over the processes already; summing again would count that ", world_.size(),
                 " times\ncall zero_grad() ahead of backward(); to accumulate, run all backward passes but the last one under parallel.no_sync()");
  --buckets_[bucket_of_[entry]].missing;
  while (next_ < buckets_.size() && buckets_[next_].missing == 0) issue(buckets_[next_++]);
}

void Reducer::begin_pass() {
  bool moved = arenas_.size() != layout_.groups().size();
  for (std::size_t g = 0; g < layout_.groups().size() && !moved; ++g) moved = arenas_[g] != layout_.groups()[g].gradients->data();
  if (moved) make_buckets();
  in_pass_ = true;
  next_ = 0;
  for (Bucket& b : buckets_) b.missing = b.entries.size();
  after_backward(PassEnd(*this));
}

void Reducer::issue(Bucket& b) {
  const NoGrad off;
  b.pins = std::make_unique<Pins>();
  std::size_t elements = 0;
  for (const std::size_t i : b.entries) {
    const FlatLayout::Entry& e = layout_.entries()[i];
    LeafState& leaf = leaf_of(e);
    if (!leaf.grad.defined()) e.gradient.zero_();
    else if (!leaf.grad.is_same(e.gradient)) e.gradient.copy_(leaf.grad);
    b.pins->add(e.gradient.storage(), true);
    e.gradient.storage().mark_written("all_reduce");
  }
  const FlatLayout::Group& g = layout_.groups()[b.group];
  elements = b.bytes / size_of(g.dtype);
  void* data = static_cast<char*>(g.gradients->data()) + b.offset;
  b.work = world_.post("gradients", b.bytes, [data, elements, dtype = g.dtype](Communicator& c) { c.all_reduce(data, static_cast<std::int64_t>(elements), dtype); });
}

void Reducer::finish_pass() {
  const auto& entries = layout_.entries();
  // What took no part here may have done so elsewhere.
  std::vector<std::int32_t> parts(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) parts[i] = leaf_of(entries[i]).grad.defined();
  while (next_ < buckets_.size()) issue(buckets_[next_++]);
  const Work counted = world_.post("parameters in use", parts.size() * sizeof(std::int32_t),
                                   [&](Communicator& c) { c.all_reduce(parts.data(), static_cast<std::int64_t>(parts.size()), i32); });
  for (Bucket& b : buckets_) {
    b.work.wait();
    b.pins.reset();
  }
  counted.wait();
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (parts[i] > 0) leaf_of(entries[i]).grad = entries[i].gradient.detach();  // another name, by which the next pass knows it
  in_pass_ = false;
}

/// An exception ended the pass: what is under way must be over before anybody touches the gradients.
void Reducer::abandon_pass() noexcept {
  for (Bucket& b : buckets_) {
    try {
      b.work.wait();
    } catch (const Error&) {
    }
    b.pins.reset();
  }
  in_pass_ = false;
}

// ---- what users call

DataParallel::DataParallel(const World& world, nn::Module& net, optim::Optimizer& optimizer, const DataParallelOptions& options, SourceLocation at) {
  try {
    reducer_ = intrusive_ptr<Reducer>::adopt(new Reducer(world, net, optimizer, options));
    reducer_->hook_up();
  } catch (Error& error) {
    error.add_op("DataParallel", "", "", at);
    throw;
  }
  if (world.size() > 1) set_batch_count(reducer_.get());
}

DataParallel::~DataParallel() {
  if (BatchCount* current = set_batch_count(nullptr); current != reducer_.get()) set_batch_count(current);
  reducer_->detach();
}

std::size_t DataParallel::bucket_count() const { return reducer_->bucket_count(); }
void DataParallel::broadcast_buffers() { reducer_->broadcast_buffers(); }

DataParallel::NoSync::NoSync(DataParallel& parallel) : parallel_(parallel) { parallel_.reducer_->be_quiet(1); }
DataParallel::NoSync::~NoSync() { parallel_.reducer_->be_quiet(-1); }

}  // namespace tasuki::dist
