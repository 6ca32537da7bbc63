#include "src/dist/exchange.hpp"

#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/autograd/leaf.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::dist {

void settle_in_slots(const FlatLayout& layout, const BucketRange& bucket, Pins& pins) {
  const NoGrad off;
  for (const std::size_t i : bucket.entries) {
    const FlatLayout::Entry& e = layout.entries()[i];
    const LeafState& leaf = LeafState::of(*e.parameter.impl());
    if (!leaf.grad.defined()) e.gradient.zero_();
    else if (!leaf.grad.is_same(e.gradient)) e.gradient.copy_(leaf.grad);
    pins.add(e.gradient.storage(), true);
    e.gradient.storage().mark_written("all_reduce");
  }
}

AllReduceExchange::AllReduceExchange(const World& world, FlatLayout& layout, std::size_t bucket_bytes) : world_(world), layout_(layout), bucket_bytes_(bucket_bytes) {
  AllReduceExchange::repacked();
}

void AllReduceExchange::repacked() {
  buckets_ = bucket_ranges(layout_, bucket_bytes_);
  under_way_ = std::vector<UnderWay>(buckets_.size());
}

void AllReduceExchange::start(std::size_t bucket) {
  const BucketRange& b = buckets_[bucket];
  const FlatLayout::Group& g = layout_.groups()[b.group];
  UnderWay& u = under_way_[bucket];
  u.pins = std::make_unique<Pins>();
  settle_in_slots(layout_, b, *u.pins);
  u.work = sum(bucket, static_cast<char*>(g.gradients->data()) + b.offset, static_cast<std::int64_t>(b.bytes / size_of(g.dtype)), g.dtype);
}

Work AllReduceExchange::sum(std::size_t, void* data, std::int64_t count, DType dtype) {
  return world_.post("gradients", static_cast<std::size_t>(count) * size_of(dtype), [=](Communicator& c) { c.all_reduce(data, count, dtype); });
}

void AllReduceExchange::finish(const std::vector<bool>& in_use) {
  for (UnderWay& u : under_way_) {
    u.work.wait();
    u.pins.reset();
  }
  const auto& entries = layout_.entries();
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (in_use[i]) LeafState::of(*entries[i].parameter.impl()).grad = entries[i].gradient.detach();  // another name, by which the next pass knows it
}

void AllReduceExchange::abandon() noexcept {
  for (UnderWay& u : under_way_) {
    u.work.settle();
    u.pins.reset();
  }
}

bool AllReduceExchange::is_summed(std::size_t entry) const {
  const FlatLayout::Entry& e = layout_.entries()[entry];
  const Tensor& grad = LeafState::of(*e.parameter.impl()).grad;
  return grad.defined() && !grad.is_same(e.gradient) && &grad.storage() == &e.gradient.storage();
}

}  // namespace tasuki::dist
