#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "src/dist/exchange.hpp"
#include "src/dist/spread_parameters.hpp"
#include "tasuki/optim/optimizer.hpp"
#include "tasuki/optim/step_share.hpp"

namespace tasuki::dist {

/// Redundancy taken out of data parallel training (ZeRO): every bucket has a slice for each process, which alone updates it. The
/// optimizer's state exists as slices from stage 1 on, gradients from stage 2 on, and parameters, outside of their use, in stage 3.
class Zero final : public Exchange, public optim::StepShare {
 public:
  Zero(const World& world, int stage, optim::Optimizer& optimizer, std::size_t bucket_bytes);
  ~Zero() override;

  const std::vector<BucketRange>& buckets() const override { return buckets_; }
  void start(std::size_t bucket) override;
  void finish(const std::vector<bool>& in_use) override;
  void abandon() noexcept override;
  bool is_summed(std::size_t entry) const override { return !in_use_.empty() && in_use_[entry]; }
  void repacked() override;

  const std::vector<optim::Piece>& pieces() const override { return pieces_; }
  bool has_gradient(std::size_t parameter) const override { return !in_use_.empty() && in_use_[parameter]; }
  std::int64_t number_of(const Tensor& parameter) const override;
  void begin_update() override;
  void updated(const char* optimizer) override;
  bool spreads_values() const override { return spread_ != nullptr; }
  void values_loaded() override;
  void drop_gradients() override { in_use_.clear(); }
  std::vector<Tensor> whole(const std::vector<Tensor>& of_pieces) override;
  double combine(double value, bool largest) override;

  /// Keeps all parameters in memory until it is called with false.
  void keep_whole(bool on);

 private:
  /// This process' slice of a bucket.
  struct Slice {
    std::vector<std::int64_t> bounds;  ///< of all slices, in elements
    std::size_t offset = 0, bytes = 0;  ///< in the group's arenas of slices
    std::size_t first_piece = 0, pieces = 0;
  };
  struct UnderWay {
    Tensor flat;  ///< the bucket's gradients, where they have no slots
    std::unique_ptr<Pins> pins;
    Work work;
  };
  void check(const optim::Optimizer& optimizer) const;
  void cut();
  void spread();
  void start_from_slots(std::size_t bucket, UnderWay& u);
  void start_from_tensors(std::size_t bucket, UnderWay& u);
  Tensor flat_gradients(const BucketRange& bucket) const;
  std::size_t element_bytes(const BucketRange& b) const { return size_of(layout_.groups()[b.group].dtype); }
  void end_oldest();

  World world_;
  int stage_;
  optim::Optimizer& optimizer_;
  FlatLayout& layout_;
  std::vector<BucketRange> buckets_;
  std::vector<Slice> slices_;                          ///< by bucket
  std::vector<std::size_t> slice_bytes_;               ///< by group
  std::vector<intrusive_ptr<Arena>> gradient_slices_, parameter_slices_;  ///< by group, in stages 2 and 3
  std::vector<optim::Piece> pieces_;
  std::vector<bool> in_use_;                           ///< by entry; empty without gradients
  std::deque<UnderWay> under_way_;
  SpreadParameters* spread_ = nullptr;                 ///< in stage 3; lives as long as the parameters
};

}  // namespace tasuki::dist
