#pragma once
#include <cstdint>

#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/random.hpp"
#include "tasuki/tensor/tensor.hpp"

/// Random tensors. Every element is a function of (seed, offset, index) alone: the same on any number of threads, and again on
/// replay. Each function draws from `generator`, or from default_generator() when it is null, and moves it past what it used.
///
///     ts::manual_seed(7);
///     auto x = ts::randn({64, 784});
///     auto mask = ts::bernoulli({64, 784}, 0.9, {.dtype = ts::bool_});
///     ts::Generator mine(1);
///     auto order = ts::randperm(60000, {}, &mine);
///
/// Errors: ValueError for parameters that make no distribution, DTypeError for a dtype that cannot hold the numbers. None of them
/// is differentiable.
namespace tasuki {

/// Uniform on [0, 1): 24 random bits, 53 for f64. bf16 and f16 never round up to 1. Floating dtypes.
Tensor rand(const Shape& shape, const TensorOptions& options = {}, Generator* generator = nullptr,
            SourceLocation at = SourceLocation::current());
/// Uniform on [low, high).
Tensor uniform(const Shape& shape, double low, double high, const TensorOptions& options = {}, Generator* generator = nullptr,
               SourceLocation at = SourceLocation::current());
/// Normal with mean 0 and variance 1 (Box-Muller). Floating dtypes.
Tensor randn(const Shape& shape, const TensorOptions& options = {}, Generator* generator = nullptr,
             SourceLocation at = SourceLocation::current());
/// Normal with a given mean and standard deviation (std >= 0).
Tensor normal(const Shape& shape, double mean, double std, const TensorOptions& options = {}, Generator* generator = nullptr,
              SourceLocation at = SourceLocation::current());
/// Normal with a given mean and standard deviation (std > 0), restricted to [low, high]: no resampling, by the inverse distribution.
Tensor truncated_normal(const Shape& shape, double mean = 0, double std = 1, double low = -2, double high = 2,
                        const TensorOptions& options = {}, Generator* generator = nullptr, SourceLocation at = SourceLocation::current());
/// 1 with probability p, else 0. Any dtype.
Tensor bernoulli(const Shape& shape, double p, const TensorOptions& options = {}, Generator* generator = nullptr,
                 SourceLocation at = SourceLocation::current());
/// For each element of a floating tensor of probabilities: 1 with that probability, else 0, in its dtype.
Tensor bernoulli(const Tensor& probabilities, Generator* generator = nullptr, SourceLocation at = SourceLocation::current());
/// Integers low, ..., high - 1, equally likely (to within 2^-32). i64 unless the options name another dtype, floating ones included.
Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape, const InferredOptions& options = {}, Generator* generator = nullptr,
               SourceLocation at = SourceLocation::current());
/// Of the shape, dtype, device and (where it is dense) memory layout of `like`, unless the options say otherwise.
Tensor rand_like(const Tensor& like, const InferredOptions& options = {}, Generator* generator = nullptr, SourceLocation at = SourceLocation::current());
Tensor randn_like(const Tensor& like, const InferredOptions& options = {}, Generator* generator = nullptr, SourceLocation at = SourceLocation::current());
Tensor randint_like(const Tensor& like, std::int64_t low, std::int64_t high, const InferredOptions& options = {}, Generator* generator = nullptr,
                    SourceLocation at = SourceLocation::current());
/// A random order of 0, ..., n - 1: i64[n].
Tensor randperm(std::int64_t n, const InferredOptions& options = {}, Generator* generator = nullptr,
                SourceLocation at = SourceLocation::current());
inline Tensor permutation(std::int64_t n, const InferredOptions& options = {}, Generator* generator = nullptr,
                          SourceLocation at = SourceLocation::current()) {
  return randperm(n, options, generator, at);
}

/// Indices (i64) drawn with the weights that `probabilities` [n] or [m, n] give (floating, finite, none negative, not all 0; they need not add
/// up to 1): [samples] or [m, samples]. Without replacement no index is drawn twice, and there must be as many weights above 0. ValueError
/// where not; waits for the device.
struct MultinomialOptions {
  bool replacement = false;
};
Tensor multinomial(const Tensor& probabilities, std::int64_t samples, const MultinomialOptions& options = {}, Generator* generator = nullptr,
                   SourceLocation at = SourceLocation::current());

/// In place, for initializers: they write over x's elements and return x.
const Tensor& uniform_(const Tensor& x, double low = 0, double high = 1, Generator* generator = nullptr,
                       SourceLocation at = SourceLocation::current());
const Tensor& normal_(const Tensor& x, double mean = 0, double std = 1, Generator* generator = nullptr,
                      SourceLocation at = SourceLocation::current());
const Tensor& truncated_normal_(const Tensor& x, double mean = 0, double std = 1, double low = -2, double high = 2,
                                Generator* generator = nullptr, SourceLocation at = SourceLocation::current());
const Tensor& bernoulli_(const Tensor& x, double p = 0.5, Generator* generator = nullptr, SourceLocation at = SourceLocation::current());
const Tensor& random_(const Tensor& x, std::int64_t low, std::int64_t high, Generator* generator = nullptr,
                      SourceLocation at = SourceLocation::current());

}  // namespace tasuki
