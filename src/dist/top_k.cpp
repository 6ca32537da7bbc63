#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "src/dist/compression.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::dist {

namespace {

/// The largest elements of gradient + residual; what is not sent is the next residual.
class TopK final : public ErrorFeedback {
 public:
  TopK(const Compression& options, const std::vector<std::int64_t>& counts) : ErrorFeedback(counts), options_(options) {
    for (const std::int64_t n : counts) velocities_.push_back(zeros({options.momentum > 0 ? n : 0}));
  }

  std::size_t sum(Communicator& c, std::size_t bucket, float* data, std::int64_t count) override {
    float* const residual = this->residual(bucket);
    float* const velocity = data_of(velocities_[bucket]);
    gather_up(data, residual, velocity, count);
    const auto k = static_cast<std::size_t>(std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(options_.fraction * static_cast<double>(count))), 1, count));
    choose(residual, count, k);
    std::vector<Entry> mine(k), all(k * static_cast<std::size_t>(c.size()));
    double given = 0, sent = 0;
    for (std::int64_t i = 0; i < count; ++i) given += static_cast<double>(residual[i]) * residual[i];
    for (std::size_t i = 0; i < k; ++i) {
      const std::uint32_t at = order_[i];
      mine[i] = {at, residual[at]};
      sent += static_cast<double>(residual[at]) * residual[at];
      residual[at] = 0;
      if (options_.momentum > 0) velocity[at] = 0;
    }
    note(bucket, given, std::max(0.0, given - sent));
    c.all_gather(mine.data(), k * sizeof(Entry), all.data());
    std::memset(data, 0, static_cast<std::size_t>(count) * sizeof(float));
    for (const Entry& e : all) data[e.at] += e.value;  // in the order of ranks
    return k * sizeof(Entry);
  }

  void append_state(std::vector<NamedTensor>& list) const override {
    ErrorFeedback::append_state(list);
    for (std::size_t b = 0; options_.momentum > 0 && b < velocities_.size(); ++b) list.push_back({"velocity." + std::to_string(b), velocities_[b]});
  }

 private:
  struct Entry {
    std::uint32_t at;
    float value;
  };
  void gather_up(const float* data, float* residual, float* velocity, std::int64_t count) const {
    const auto momentum = static_cast<float>(options_.momentum);
    for (std::int64_t i = 0; i < count; ++i) residual[i] += momentum > 0 ? velocity[i] = momentum * velocity[i] + data[i] : data[i];
  }
  /// Ties go to the lower index, so that every run chooses alike.
  void choose(const float* values, std::int64_t count, std::size_t k) {
    order_.resize(static_cast<std::size_t>(count));
    std::iota(order_.begin(), order_.end(), 0u);
    const auto larger = [values](std::uint32_t a, std::uint32_t b) {
      const float x = std::fabs(values[a]), y = std::fabs(values[b]);
      return x > y || (!(y > x) && a < b);
    };
    if (k < order_.size()) std::nth_element(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(k), order_.end(), larger);
  }

  Compression options_;
  std::vector<Tensor> velocities_;  ///< by bucket
  std::vector<std::uint32_t> order_;
};

}  // namespace

std::unique_ptr<Compressor> make_top_k(const Compression& options, const std::vector<std::int64_t>& counts) { return std::make_unique<TopK>(options, counts); }

}  // namespace tasuki::dist
