#include <algorithm>
#include <cmath>
#include <cstring>

#include "src/dist/compression.hpp"
#include "tasuki/core/philox.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::dist {

namespace {

/// Gram-Schmidt, twice for each column, since once leaves them less than orthogonal. A column that has nothing of its own becomes zero.
void orthogonalize(float* p, std::int64_t rows, int rank) {
  const auto dot = [&](int a, int b) {
    double sum = 0;
    for (std::int64_t i = 0; i < rows; ++i) sum += static_cast<double>(p[i * rank + a]) * p[i * rank + b];
    return sum;
  };
  for (int k = 0; k < rank; ++k) {
    const double before = dot(k, k);
    for (int pass = 0; pass < 2; ++pass)
      for (int j = 0; j < k; ++j) {
        const auto along = static_cast<float>(dot(j, k));
        for (std::int64_t i = 0; i < rows; ++i) p[i * rank + k] -= along * p[i * rank + j];
      }
    const double after = dot(k, k);
    const float scale = after > 1e-12 * before && after > 0 ? static_cast<float>(1 / std::sqrt(after)) : 0.0f;
    for (std::int64_t i = 0; i < rows; ++i) p[i * rank + k] *= scale;
  }
}

/// A matrix M, summed over all processes, becomes P Q^T with P = orthogonal(sum M Q of the last step) and Q = sum M^T P.
class PowerSgd final : public ErrorFeedback {
 public:
  PowerSgd(int rank, const std::vector<std::int64_t>& counts, std::vector<std::vector<BucketMatrix>> matrices) : ErrorFeedback(counts), rank_(rank), matrices_(std::move(matrices)) {
    for (std::size_t b = 0; b < counts.size(); ++b) {
      std::int64_t columns = 0;
      for (const BucketMatrix& m : matrices_[b]) columns += is_compressed(m) ? m.columns : 0;
      starts_.push_back(empty({columns * rank_}));
      float* const q = data_of(starts_[b]);
      for (std::int64_t i = 0; i < columns * rank_; ++i) q[i] = static_cast<float>(philox_word({b, 0}, static_cast<std::uint64_t>(i))) * 0x1p-31f - 1.0f;  // the same on all processes
    }
  }

  std::size_t sum(Communicator& c, std::size_t bucket, float* data, std::int64_t count) override {
    float* const residual = this->residual(bucket);
    std::int64_t left = 0, right = 0;  // elements that travel first, and second
    for (const BucketMatrix& m : matrices_[bucket]) {
      left += is_compressed(m) ? m.rows * rank_ : m.rows * m.columns;
      right += is_compressed(m) ? m.columns * rank_ : 0;
    }
    first_.resize(static_cast<std::size_t>(left));
    float* const q = data_of(starts_[bucket]);
    each(bucket, [&](const BucketMatrix& m, float* p, float* q_of) {
      if (!is_compressed(m)) {
        std::memcpy(p, data + m.begin, static_cast<std::size_t>(m.rows * m.columns) * sizeof(float));
        return;
      }
      for (std::int64_t i = m.begin; i < m.begin + m.rows * m.columns; ++i) residual[i] += data[i];
      times(residual + m.begin, m, q_of, p);
    });
    c.all_reduce(first_.data(), left, f32);
    each(bucket, [&](const BucketMatrix& m, float* p, float* q_of) {
      if (!is_compressed(m)) return;
      orthogonalize(p, m.rows, rank_);
      transposed_times(residual + m.begin, m, p, q_of);
    });
    double given = 0, kept = 0;
    each(bucket, [&](const BucketMatrix& m, float* p, float* q_of) {  // what this process' part of P Q^T leaves
      if (is_compressed(m)) subtract_product(residual + m.begin, m, p, q_of, given, kept);
    });
    note(bucket, given, kept);
    c.all_reduce(q, right, f32);
    std::memset(data, 0, static_cast<std::size_t>(count) * sizeof(float));
    each(bucket, [&](const BucketMatrix& m, float* p, float* q_of) {
      if (!is_compressed(m)) std::memcpy(data + m.begin, p, static_cast<std::size_t>(m.rows * m.columns) * sizeof(float));
      else product(p, q_of, m, data + m.begin);
    });
    return static_cast<std::size_t>(left + right) * sizeof(float);
  }

  void append_common_state(std::vector<NamedTensor>& list) const override {
    for (std::size_t b = 0; b < starts_.size(); ++b) list.push_back({"start." + std::to_string(b), starts_[b]});
  }

 private:
  bool is_compressed(const BucketMatrix& m) const { return m.columns > 1 && (m.rows + m.columns) * rank_ < m.rows * m.columns; }

  /// f(matrix, its part of what travels first, its part of Q)
  template <class F>
  void each(std::size_t bucket, const F& f) {
    float *p = first_.data(), *q = data_of(starts_[bucket]);
    for (const BucketMatrix& m : matrices_[bucket]) {
      f(m, p, q);
      p += is_compressed(m) ? m.rows * rank_ : m.rows * m.columns;
      q += is_compressed(m) ? m.columns * rank_ : 0;
    }
  }
  /// p = M q
  void times(const float* values, const BucketMatrix& m, const float* q, float* p) const {
    for (std::int64_t i = 0; i < m.rows; ++i, values += m.columns, p += rank_) {
      std::fill_n(p, rank_, 0.0f);
      for (std::int64_t j = 0; j < m.columns; ++j)
        for (int k = 0; k < rank_; ++k) p[k] += values[j] * q[j * rank_ + k];
    }
  }
  /// q = M^T p
  void transposed_times(const float* values, const BucketMatrix& m, const float* p, float* q) const {
    std::fill_n(q, m.columns * rank_, 0.0f);
    for (std::int64_t i = 0; i < m.rows; ++i, values += m.columns, p += rank_)
      for (std::int64_t j = 0; j < m.columns; ++j)
        for (int k = 0; k < rank_; ++k) q[j * rank_ + k] += values[j] * p[k];
  }
  void product(const float* p, const float* q, const BucketMatrix& m, float* values) const {
    for (std::int64_t i = 0; i < m.rows; ++i, values += m.columns, p += rank_)
      for (std::int64_t j = 0; j < m.columns; ++j) {
        float sum = 0;
        for (int k = 0; k < rank_; ++k) sum += p[k] * q[j * rank_ + k];
        values[j] = sum;
      }
  }
  void subtract_product(float* values, const BucketMatrix& m, const float* p, const float* q, double& before, double& after) {
    approximation_.resize(static_cast<std::size_t>(m.rows * m.columns));
    product(p, q, m, approximation_.data());
    for (std::size_t i = 0; i < approximation_.size(); ++i) {
      before += static_cast<double>(values[i]) * values[i];
      values[i] -= approximation_[i];
      after += static_cast<double>(values[i]) * values[i];
    }
  }

  int rank_;
  std::vector<std::vector<BucketMatrix>> matrices_;  ///< by bucket
  std::vector<Tensor> starts_;                       ///< by bucket: each matrix' Q
  std::vector<float> first_, approximation_;
};

}  // namespace

std::unique_ptr<Compressor> make_power_sgd(int rank, const std::vector<std::int64_t>& counts, std::vector<std::vector<BucketMatrix>> matrices) {
  return std::make_unique<PowerSgd>(rank, counts, std::move(matrices));
}

}  // namespace tasuki::dist
