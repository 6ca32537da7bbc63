#include "src/dist/compression.hpp"

#include <cmath>
#include <cstdio>
#include <numeric>

#include "kernels/copy.hpp"
#include "src/core/clock.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::dist {

namespace {

View flat_view(void* data, const std::int64_t* count, DType dtype) {
  static constexpr std::int64_t one = 1;
  return {data, count, &one, *count, dtype, 1, true, true};
}

/// Both ways in 16 bits.
class Narrowing final : public Compressor {
 public:
  explicit Narrowing(DType wire) : wire_(wire) {}
  std::size_t sum(Communicator& c, std::size_t, float* data, std::int64_t count) override {
    narrow_.resize(static_cast<std::size_t>(count));
    const View wide = flat_view(data, &count, f32), narrow = flat_view(narrow_.data(), &count, wire_);
    kernels::cpu::copy(wide, narrow);
    c.all_reduce(narrow_.data(), count, wire_);
    kernels::cpu::copy(narrow, wide);
    return narrow_.size() * sizeof narrow_[0];
  }

 private:
  DType wire_;
  std::vector<std::uint16_t> narrow_;
};

std::vector<CompressedExchange*> exchanges;

std::vector<BucketMatrix> matrices_of(const FlatLayout& layout, const BucketRange& bucket) {
  std::vector<BucketMatrix> list;
  for (std::size_t k = bucket.entries.size(); k-- > 0;) {
    const FlatLayout::Entry& e = layout.entries()[bucket.entries[k]];
    const std::int64_t count = e.shape.numel(), rows = e.shape.ndim() > 1 ? e.shape[0] : count;
    // Rows lie one after the other in all layouts that parameters have; otherwise it is no matrix.
    const bool by_rows = rows > 0 && e.shape.ndim() > 1 && e.strides[0] == count / rows;
    list.push_back({static_cast<std::int64_t>((e.offset - bucket.offset) / sizeof(float)), by_rows ? rows : count, by_rows ? count / rows : 1});
  }
  return list;
}

}  // namespace

ErrorFeedback::ErrorFeedback(const std::vector<std::int64_t>& counts) : given_(counts.size()), kept_(counts.size()) {
  for (const std::int64_t n : counts) residuals_.push_back(zeros({n}));
}
void ErrorFeedback::append_state(std::vector<NamedTensor>& list) const {
  for (std::size_t b = 0; b < residuals_.size(); ++b) list.push_back({"residual." + std::to_string(b), residuals_[b]});
}
double ErrorFeedback::kept_squares() const { return std::accumulate(kept_.begin(), kept_.end(), 0.0); }
double ErrorFeedback::given_squares() const { return std::accumulate(given_.begin(), given_.end(), 0.0); }
float* ErrorFeedback::data_of(const Tensor& t) { return static_cast<float*>(t.impl()->address()); }

std::unique_ptr<Compressor> make_narrowing(DType wire) { return std::make_unique<Narrowing>(wire); }

std::unique_ptr<Compressor> make_compressor(const Compression& o, const FlatLayout& layout, const std::vector<BucketRange>& buckets) {
  if (!(o.fraction > 0 && o.fraction <= 1)) TASUKI_THROW(ValueError, "expected  0 < fraction <= 1\nactual    ", o.fraction);
  if (o.rank < 1) TASUKI_THROW(ValueError, "expected  a rank of 1 or more\nactual    ", o.rank);
  if (!(o.momentum >= 0 && o.momentum < 1)) TASUKI_THROW(ValueError, "expected  0 <= momentum < 1\nactual    ", o.momentum);
  std::vector<std::int64_t> counts;
  std::vector<std::vector<BucketMatrix>> matrices;
  for (const BucketRange& b : buckets) {
    const bool compressed = layout.groups()[b.group].dtype == f32;
    counts.push_back(compressed ? static_cast<std::int64_t>(b.bytes / sizeof(float)) : 0);
    matrices.push_back(compressed ? matrices_of(layout, b) : std::vector<BucketMatrix>());
  }
  switch (o.kind) {
    case Compression::Kind::bf16: return make_narrowing(bf16);
    case Compression::Kind::f16: return make_narrowing(f16);
    case Compression::Kind::top_k: return make_top_k(o, counts);
    case Compression::Kind::power_sgd: return make_power_sgd(o.rank, counts, std::move(matrices));
    case Compression::Kind::none: break;
  }
  return nullptr;
}

CompressedExchange::CompressedExchange(const World& world, FlatLayout& layout, std::size_t bucket_bytes, const Compression& options)
    : AllReduceExchange(world, layout, bucket_bytes), options_(options), compressor_(make_compressor(options, layout, buckets())) {
  exchanges.push_back(this);
}

CompressedExchange::~CompressedExchange() { std::erase(exchanges, this); }

const std::vector<CompressedExchange*>& CompressedExchange::all() { return exchanges; }

void CompressedExchange::repacked() {
  AllReduceExchange::repacked();
  compressor_ = make_compressor(options_, layout_, buckets());
}

Work CompressedExchange::sum(std::size_t bucket, void* data, std::int64_t count, DType dtype) {
  if (dtype != f32 || passes_ < options_.warm_up) return AllReduceExchange::sum(bucket, data, count, dtype);
  return world_.post("compressed gradients", static_cast<std::size_t>(count) * sizeof(float), [this, bucket, data, count](Communicator& c) {
    const double start = now();
    report_.sent_bytes += compressor_->sum(c, bucket, static_cast<float*>(data), count);
    report_.whole_bytes += static_cast<std::size_t>(count) * sizeof(float);
    report_.seconds += now() - start;
  });
}

void CompressedExchange::finish(const std::vector<bool>& in_use) {
  AllReduceExchange::finish(in_use);
  ++passes_;
}

CompressionReport CompressedExchange::report() const {
  CompressionReport r = report_;
  if (const double given = compressor_->given_squares(); given > 0) r.residual = std::sqrt(compressor_->kept_squares() / given);
  return r;
}

std::vector<NamedTensor> CompressedExchange::state() const {
  std::vector<NamedTensor> list;
  compressor_->append_state(list);
  return list;
}

std::vector<NamedTensor> CompressedExchange::common_state() const {
  std::vector<NamedTensor> list;
  compressor_->append_common_state(list);
  return list;
}

std::string CompressionReport::to_string() const {
  char text[160];
  std::snprintf(text, sizeof text, "%.1f of %.1f MB sent (%.1f %%), %.2f s, residual %.2f", static_cast<double>(sent_bytes) / 1e6, static_cast<double>(whole_bytes) / 1e6,
                whole_bytes ? 100.0 * static_cast<double>(sent_bytes) / static_cast<double>(whole_bytes) : 0.0, seconds, residual);
  return text;
}

}  // namespace tasuki::dist
