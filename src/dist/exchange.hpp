#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "src/dist/buckets.hpp"
#include "src/runtime/pins.hpp"
#include "tasuki/dist/world.hpp"

namespace tasuki::dist {

/// What becomes of a bucket's gradients when all of them are there. Buckets are started in one order on all processes.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual const std::vector<BucketRange>& buckets() const = 0;
  virtual void start(std::size_t bucket) = 0;
  /// All buckets have been started. `in_use`: by entry, whether the parameter took part on any process.
  virtual void finish(const std::vector<bool>& in_use) = 0;
  /// An exception ended the pass: what is under way must be over before anybody touches the gradients.
  virtual void abandon() noexcept = 0;
  /// The entry's gradient is a sum over the processes already.
  virtual bool is_summed(std::size_t entry) const = 0;
  /// The parameters have been packed anew.
  virtual void repacked() = 0;
};

/// Brings a bucket's gradients into their slots, zeros for those that took no part, and pins them there.
void settle_in_slots(const FlatLayout& layout, const BucketRange& bucket, Pins& pins);

/// Sums buckets in place: every process has all gradients.
class AllReduceExchange : public Exchange {
 public:
  AllReduceExchange(const World& world, FlatLayout& layout, std::size_t bucket_bytes);
  const std::vector<BucketRange>& buckets() const override { return buckets_; }
  void start(std::size_t bucket) override;
  void finish(const std::vector<bool>& in_use) override;
  void abandon() noexcept override;
  bool is_summed(std::size_t entry) const override;
  void repacked() override;

 protected:
  /// Sums the elements of a bucket that has settled, in place.
  virtual Work sum(std::size_t bucket, void* data, std::int64_t count, DType dtype);
  World world_;
  FlatLayout& layout_;

 private:
  struct UnderWay {
    std::unique_ptr<Pins> pins;
    Work work;
  };
  std::size_t bucket_bytes_;
  std::vector<BucketRange> buckets_;
  std::vector<UnderWay> under_way_;  ///< by bucket
};

}  // namespace tasuki::dist
