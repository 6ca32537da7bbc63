#pragma once
#include <cstdint>
#include <initializer_list>

#include "tasuki/core/function_ref.hpp"
#include "tasuki/core/intrusive.hpp"
#include "tasuki/core/small_vector.hpp"
#include "tasuki/core/view.hpp"

/// Everything that is expensive to decide or create for one op on one set of shapes (oneDNN primitives: 60-300 us each) is a Plan.
/// Plans are found again by key in tens of nanoseconds; a Function keeps the pointer it got in infer for its forward and backward.
namespace tasuki::cpu {

/// Immutable once made, so that any number of threads may run it at once. Counted; may outlive its place in the cache.
class Plan {
 public:
  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  virtual ~Plan() = default;
  void retain() noexcept { count_up(references_); }
  void release() noexcept {
    if (count_down(references_)) delete this;
  }

 private:
  unsigned references_ = 1;
};

template <class P>
using PlanPtr = intrusive_ptr<P>;

/// All that a choice may depend on, as words: op, dtype, sizes, strides. The number of threads is added by itself.
class PlanKey {
 public:
  enum Op : std::int64_t { gemm, conv_x, conv_weight, conv_y };
  explicit PlanKey(Op op);
  PlanKey& add(std::int64_t word) {
    words_.push_back(word);
    return *this;
  }
  PlanKey& add(std::initializer_list<std::int64_t> words) {
    for (std::int64_t word : words) words_.push_back(word);
    return *this;
  }
  /// Sizes, strides and dtype.
  PlanKey& add(const View& view);
  std::uint64_t hash() const;
  bool operator==(const PlanKey& o) const;

 private:
  SmallVector<std::int64_t, 48> words_;
};

namespace detail {
PlanPtr<Plan> find_or_make(const PlanKey& key, function_ref<Plan*()> make);
}

/// The plan of this key, made now if it is new. P must be the only plan class that is used with the key's op.
template <class P>
PlanPtr<P> find_or_make_plan(const PlanKey& key, function_ref<Plan*()> make) {
  PlanPtr<Plan> plan = detail::find_or_make(key, make);
  return PlanPtr<P>::adopt(static_cast<P*>(plan.detach()));
}

}  // namespace tasuki::cpu
