#include "src/dist/zero.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "src/optim/flat_part.hpp"
#include "src/optim/pieces.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/autograd/leaf.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::dist {

namespace {

/// Buckets whose gradients are on their way at the same time, where they take memory of their own.
constexpr std::size_t most_under_way = 2;

LeafState& leaf_of(const FlatLayout::Entry& e) { return LeafState::of(*e.parameter.impl()); }

Tensor in_arena(Arena& arena, std::size_t offset, DType dtype, std::int64_t count, OwnerClass owner) {
  Storage* const storage = Storage::in_arena(arena, offset, static_cast<std::size_t>(count) * size_of(dtype), owner);
  return Tensor::adopt(TensorImpl::create(storage, 0, dtype, Shape(count), Strides(1)));
}

std::vector<std::int64_t> in_bytes(std::vector<std::int64_t> bounds, std::size_t element_bytes) {
  for (std::int64_t& b : bounds) b *= static_cast<std::int64_t>(element_bytes);
  return bounds;
}

/// The elements of a flat tensor from `begin` on, laid out as an entry's parameter.
Tensor laid_out_as(const FlatLayout::Entry& e, const Tensor& flat, std::size_t begin) {
  Storage& storage = flat.storage();
  storage.retain();
  storage.retain_bytes();
  return Tensor::adopt(TensorImpl::create(&storage, static_cast<std::int64_t>(begin), flat.dtype(), e.shape, e.strides));
}

}  // namespace

Zero::Zero(const World& world, int stage, optim::Optimizer& optimizer, std::size_t bucket_bytes)
    : world_(world), stage_(stage), optimizer_(optimizer), layout_(optimizer.layout()), buckets_(bucket_ranges(layout_, bucket_bytes)) {
  check(optimizer);
  if (stage_ > 1) layout_.release_gradient_slots();
  cut();
  if (stage_ == 3) spread();
  optimizer_.share_step(this);
}

Zero::~Zero() {
  abandon();
  optimizer_.share_step(nullptr);
  if (spread_) spread_->end();
}

void Zero::check(const optim::Optimizer& optimizer) const {
  optim::check_is_elementwise(optimizer);
  if (optimizer.step_share()) TASUKI_THROW(ValueError, "the steps of this ", optimizer.name(), " are shared by another DataParallel");
  for (const FlatLayout::Entry& e : layout_.entries())
    if (!e.packed) TASUKI_THROW(ValueError, "zero needs parameters that own their memory; ", e.parameter.describe(), " is a part of another tensor\ngive the layer a copy: parameter = tensor.clone()");
}

void Zero::repacked() {
  TASUKI_THROW(ValueError, "parameters have moved to another device, dtype or shape while several processes share their update\nmove them ahead of DataParallel");
}

/// Every bucket into slices, and this process' slices into pieces of parameters.
void Zero::cut() {
  const auto mine = static_cast<std::size_t>(world_.rank());
  slice_bytes_.assign(layout_.groups().size(), 0);
  for (const BucketRange& b : buckets_) {
    Slice s;
    s.bounds = slice_bounds(b.bytes, world_.size(), element_bytes(b));
    s.offset = slice_bytes_[b.group];
    s.bytes = static_cast<std::size_t>(s.bounds[mine + 1] - s.bounds[mine]) * element_bytes(b);
    slice_bytes_[b.group] += (s.bytes + FlatLayout::alignment - 1) / FlatLayout::alignment * FlatLayout::alignment;
    slices_.push_back(std::move(s));
  }
  for (std::size_t g = 0; g < layout_.groups().size(); ++g) {
    DeviceRuntime& runtime = runtime_of(layout_.groups()[g].device);
    gradient_slices_.push_back(stage_ > 1 ? Arena::create(runtime, slice_bytes_[g]) : nullptr);
    parameter_slices_.push_back(stage_ > 2 ? Arena::create(runtime, slice_bytes_[g]) : nullptr);
  }
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    const BucketRange& bucket = buckets_[b];
    Slice& s = slices_[b];
    s.first_piece = pieces_.size();
    // Slices are copied as they are, with what lies between parameters, of which a budget knows nothing.
    for (const auto* arenas : {&gradient_slices_, &parameter_slices_})
      if (Arena* const arena = (*arenas)[bucket.group].get()) arena->runtime().commit({arena->data(), arena->bytes(), s.offset, s.bytes});
    const std::size_t element = element_bytes(bucket);
    for (std::size_t k = bucket.entries.size(); k-- > 0;) {
      const FlatLayout::Entry& e = layout_.entries()[bucket.entries[k]];
      const auto start = static_cast<std::int64_t>((e.offset - bucket.offset) / element), length = static_cast<std::int64_t>(e.bytes / element);
      const std::int64_t begin = std::max<std::int64_t>(s.bounds[mine] - start, 0), end = std::min(s.bounds[mine + 1] - start, length);
      if (begin >= end) continue;
      const std::size_t at = s.offset + static_cast<std::size_t>(start + begin - s.bounds[mine]) * element;
      const DType dtype = layout_.groups()[bucket.group].dtype;
      optim::Piece piece{bucket.entries[k], begin, end - begin, Tensor(), Tensor()};
      piece.gradient = stage_ > 1 ? in_arena(*gradient_slices_[bucket.group], at, dtype, piece.count, OwnerClass::gradient) : optim::flat_part(e.gradient, begin, piece.count);
      piece.values = stage_ > 2 ? in_arena(*parameter_slices_[bucket.group], at, dtype, piece.count, OwnerClass::parameter) : optim::flat_part(e.parameter, begin, piece.count);
      pieces_.push_back(std::move(piece));
    }
    s.pieces = pieces_.size() - s.first_piece;
  }
}

void Zero::spread() {
  std::vector<SpreadParameters::Range> ranges;
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    const BucketRange& bucket = buckets_[b];
    SpreadParameters::Range r{layout_.groups()[bucket.group].parameters.get(), bucket.offset, bucket.bytes, in_bytes(slices_[b].bounds, element_bytes(bucket)),
                              static_cast<char*>(parameter_slices_[bucket.group]->data()) + slices_[b].offset, {}, {}};
    for (std::size_t p = 0; p < slices_[b].pieces; ++p) r.pieces.push_back(&pieces_[slices_[b].first_piece + p].values.storage());
    for (const std::size_t i : bucket.entries) r.parameters.push_back(&layout_.entries()[i].parameter.storage());
    ranges.push_back(std::move(r));
  }
  spread_ = SpreadParameters::make(world_, std::move(ranges));
}

std::int64_t Zero::number_of(const Tensor& parameter) const {
  const auto& entries = layout_.entries();
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const FlatLayout::Entry& e) { return e.parameter.is_same(parameter); });
  return found == entries.end() ? -1 : found - entries.begin();
}

// ---- gradients

void Zero::start(std::size_t bucket) {
  if (stage_ > 1 && under_way_.size() == most_under_way) end_oldest();
  UnderWay& u = under_way_.emplace_back();
  u.pins = std::make_unique<Pins>();
  if (stage_ > 1) start_from_tensors(bucket, u);
  else start_from_slots(bucket, u);
}

void Zero::start_from_slots(std::size_t bucket, UnderWay& u) {
  const BucketRange& b = buckets_[bucket];
  const FlatLayout::Group& g = layout_.groups()[b.group];
  settle_in_slots(layout_, b, *u.pins);
  char* const data = static_cast<char*>(g.gradients->data()) + b.offset;
  u.work = world_.post("gradients", b.bytes, [=, &bounds = slices_[bucket].bounds, dtype = g.dtype](Communicator& c) { c.reduce_scatter(data, bounds.data(), dtype); });
}

/// A large parameter's gradient lies flat as it is; others are copied side by side. The bytes between them are nobody's.
Tensor Zero::flat_gradients(const BucketRange& b) const {
  const FlatLayout::Entry& only = layout_.entries()[b.entries[0]];
  if (const Tensor& grad = leaf_of(only).grad; b.entries.size() == 1 && grad.defined() && grad.strides() == only.strides && grad.storage_offset() == 0 && grad.storage().bytes_unique())
    return optim::flat_part(grad, 0, grad.numel());
  const FlatLayout::Group& g = layout_.groups()[b.group];
  const Tensor flat = empty({static_cast<std::int64_t>(b.bytes / size_of(g.dtype))}, {.dtype = g.dtype, .device = g.device});
  for (const std::size_t i : b.entries) {
    const FlatLayout::Entry& e = layout_.entries()[i];
    const Tensor place = laid_out_as(e, flat, (e.offset - b.offset) / size_of(g.dtype));
    if (const Tensor& grad = leaf_of(e).grad; grad.defined()) place.copy_(grad);
    else place.zero_();
  }
  return flat;
}

void Zero::start_from_tensors(std::size_t bucket, UnderWay& u) {
  const NoGrad off;
  const BucketRange& b = buckets_[bucket];
  const Slice& s = slices_[bucket];
  u.flat = flat_gradients(b);
  for (const std::size_t i : b.entries) leaf_of(layout_.entries()[i]).grad = Tensor();
  u.pins->add(u.flat.storage(), true);
  for (std::size_t p = s.first_piece; p < s.first_piece + s.pieces; ++p) u.pins->add(pieces_[p].gradient.storage(), true);
  char* const data = static_cast<char*>(u.flat.impl()->address());
  const auto mine = static_cast<std::size_t>(world_.rank());
  char* const slice = s.bytes ? static_cast<char*>(gradient_slices_[b.group]->data()) + s.offset : nullptr;
  const std::size_t begin = static_cast<std::size_t>(s.bounds[mine]) * element_bytes(b);
  u.work = world_.post("gradients", b.bytes, [=, &s, dtype = u.flat.dtype()](Communicator& c) {
    c.reduce_scatter(data, s.bounds.data(), dtype);
    if (s.bytes) std::memcpy(slice, data + begin, s.bytes);
  });
}

void Zero::end_oldest() {
  under_way_.front().work.wait();
  under_way_.pop_front();
}

void Zero::finish(const std::vector<bool>& in_use) {
  while (!under_way_.empty()) end_oldest();
  for (const FlatLayout::Entry& e : layout_.entries()) leaf_of(e).grad = Tensor();  // a sum over this process alone is nothing to read
  in_use_ = in_use;
}

void Zero::abandon() noexcept {
  for (UnderWay& u : under_way_) u.work.settle();
  under_way_.clear();
}

// ---- the step

void Zero::begin_update() {
  if (spread_) spread_->write_back();
}

void Zero::updated(const char* optimizer) {
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    const BucketRange& bucket = buckets_[b];
    const bool any = std::any_of(bucket.entries.begin(), bucket.entries.end(), [&](std::size_t i) { return has_gradient(i); });
    if (!any) continue;
    if (stage_ < 3) {
      Pins pins;  // of one bucket at a time, since a budget may have room for no more
      for (const std::size_t i : bucket.entries) pins.add(layout_.entries()[i].parameter.storage(), true);
      const std::vector<std::int64_t> bounds = in_bytes(slices_[b].bounds, element_bytes(bucket));
      char* const data = static_cast<char*>(layout_.groups()[bucket.group].parameters->data()) + bucket.offset;
      world_.post("parameters", bucket.bytes, [&](Communicator& c) { c.all_gather_parts(data, bounds.data()); }).wait();
    }
    for (const std::size_t i : bucket.entries) {
      Storage& storage = layout_.entries()[i].parameter.storage();
      storage.mark_written(optimizer);
      storage.set_producer(nullptr, 0);
    }
  }
  if (spread_) spread_->slices_changed();
}

void Zero::values_loaded() {
  for (const FlatLayout::Entry& e : layout_.entries()) {
    e.parameter.storage().mark_written("a checkpoint");
    e.parameter.storage().set_producer(nullptr, 0);
  }
  if (spread_) spread_->slices_changed();
}

void Zero::keep_whole(bool on) {
  if (spread_) spread_->keep_whole(on);
}

std::vector<Tensor> Zero::whole(const std::vector<Tensor>& of_pieces) {
  const NoGrad off;
  std::vector<Tensor> all;
  for (const FlatLayout::Entry& e : layout_.entries()) {
    const FlatLayout::Group& g = layout_.groups()[e.group];
    all.push_back(empty_like(e.parameter, {.dtype = g.dtype == f64 ? f64 : f32}));
  }
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    const BucketRange& bucket = buckets_[b];
    const Slice& s = slices_[b];
    const DType dtype = all[bucket.entries[0]].dtype();
    const Tensor flat = empty({s.bounds.back()}, {.dtype = dtype});
    for (std::size_t p = s.first_piece; p < s.first_piece + s.pieces; ++p) {
      const auto start = static_cast<std::int64_t>((layout_.entries()[pieces_[p].parameter].offset - bucket.offset) / element_bytes(bucket));
      optim::flat_part(flat, start + pieces_[p].begin, pieces_[p].count).copy_(of_pieces[p]);
    }
    const std::vector<std::int64_t> bounds = in_bytes(s.bounds, size_of(dtype));
    {
      Pins pins;
      pins.add(flat.storage(), true);
      char* const data = static_cast<char*>(flat.impl()->address());
      world_.post("optimizer state", flat.nbytes(), [&](Communicator& c) { c.all_gather_parts(data, bounds.data()); }).wait();
    }
    for (const std::size_t i : bucket.entries) {
      const FlatLayout::Entry& e = layout_.entries()[i];
      all[i].copy_(laid_out_as(e, flat, (e.offset - bucket.offset) / element_bytes(bucket)));
    }
  }
  return all;
}

double Zero::combine(double value, bool largest) {
  std::vector<double> values(static_cast<std::size_t>(world_.size()));
  world_.post("gather", sizeof value, [&](Communicator& c) { c.all_gather(&value, sizeof value, values.data()); }).wait();
  double combined = 0;
  for (const double v : values) combined = !largest ? combined + v : std::isnan(combined) || combined >= v ? combined : v;
  return combined;
}

}  // namespace tasuki::dist
