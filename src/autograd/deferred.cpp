#include "src/autograd/deferred.hpp"

#include <memory>
#include <new>
#include <string_view>
#include <vector>

#include "src/runtime/sim_runtime.hpp"
#include "tasuki/autograd/listener.hpp"
#include "tasuki/runtime/device_profile.hpp"
#include "tasuki/runtime/threads.hpp"

namespace tasuki {

namespace {

/// Views point at sizes and strides of tensors that may be gone, or lie elsewhere, when the work runs.
class OwnLayouts {
 public:
  void count(const View& view) { needed_ += 2u * view.ndim; }
  void adopt(View& view) {
    if (numbers_.capacity() < needed_) numbers_.reserve(needed_);  // before the first: pointers into it stay
    const std::int64_t* const shape = append(view.shape, view.ndim);
    view.strides = append(view.strides, view.ndim);
    view.shape = shape;
  }

 private:
  const std::int64_t* append(const std::int64_t* from, std::size_t count) {
    numbers_.insert(numbers_.end(), from, from + count);
    return numbers_.data() + numbers_.size() - count;
  }
  std::size_t needed_ = 0;
  std::vector<std::int64_t> numbers_;
};

/// The bytes that a launch moves, and the dtype that it computes in: of its last operand, which is a result.
struct Traffic {
  std::size_t bytes = 0;
  DType dtype = DType::f32;
  void add(const View& view, bool twice = false) {
    if (!view) return;
    bytes += view.bytes() * (twice ? 2 : 1);
    if (is_floating(view.dtype)) dtype = view.dtype;
  }
};

}  // namespace

double modelled_seconds(const DeviceProfile& profile, const LaunchRecord& record) {
  // The target of an in-place op is among the inputs and the outputs; what else is read and written is in one of them.
  const bool in_place = record.input_count && record.output_count && writes(record.inputs[0].access) && record.inputs[0].storage == record.outputs[0].storage;
  Traffic traffic;
  for (std::size_t i = 0; i < record.input_count; ++i)
    if (reads(record.inputs[i].access)) traffic.add(record.inputs[i].view, writes(record.inputs[i].access) && !(in_place && i == 0));
  for (std::size_t j = 0; j < record.output_count; ++j) traffic.add(record.outputs[j].view, reads(record.outputs[j].access) && !in_place);
  return profile.seconds(record.flops, traffic.dtype, traffic.bytes);
}

/// What both directions share: the thread count of the launching thread, and the words of an error.
class DeferredLaunch::Base : public SimWork {
 public:
  explicit Base(const LaunchSite& site) : site_(site), threads_(num_threads()) {}
  void run() final {
    if (num_threads() != threads_) set_num_threads(threads_);  // it is a property of the calling thread
    launch();
  }
  void explain(Error& error) const final { error.add_op(site_.op->name, site_.module, operands(), site_.at); }

 protected:
  virtual void launch() = 0;
  virtual std::string operands() const { return {}; }
  static void submit(std::unique_ptr<Base> work, const Traffic& traffic) {
    SimRuntime& runtime = sim_runtime(work->site_.device);
    const double seconds = runtime.profile().seconds(work->site_.flops, traffic.dtype, traffic.bytes);
    runtime.launch(std::move(work), seconds);
  }
  LaunchSite site_;
  OwnLayouts layouts_;

 private:
  int threads_;
};

class DeferredLaunch::Forward final : public Base {
 public:
  Forward(Function& op, const detail::FunctionTraits* traits, Node* keeper, Launch& l, const LaunchSite& site)
      : Base(site), keeper_(keeper), launch_(std::move(l)) {
    if (keeper_) {
      keeper_->retain_function();
      op_ = &op;
    } else {
      place_ = ::operator new(traits->size);
      op_ = traits->move_to(place_, op);
    }
    Traffic traffic;
    for (std::size_t i = 0; i < launch_.views_.size(); ++i) {
      layouts_.count(launch_.views_[i]);
      const bool read = i > 0 || !(site.op->flags & op_overwrites);
      if (read) traffic.add(launch_.views_[i], i < 32 && site.mutates >> i & 1u);
    }
    for (View& v : launch_.views_) layouts_.adopt(v);
    launch_.device_ = Device::cpu();  // whose kernels are borrowed
    traffic_ = traffic;
  }
  ~Forward() override {
    if (keeper_) {
      keeper_->release_function();
    } else {
      op_->~Function();
      ::operator delete(place_);
    }
  }
  static void submit(std::unique_ptr<Forward> work) {
    const Traffic traffic = work->traffic_;
    Base::submit(std::move(work), traffic);
  }

 protected:
  void launch() override { op_->forward(launch_); }
  std::string operands() const override {
    std::string line;
    std::string_view names = site_.op->operands;
    for (std::size_t i = 0; i < launch_.input_count(); ++i) {
      const auto comma = names.find(", ");
      const std::string_view name = names.substr(0, comma);
      if (comma != std::string_view::npos) names.remove_prefix(comma + 2);
      const View& v = launch_.in(i);
      if (!v) continue;
      if (!line.empty()) line += "   ";
      if (i >= 8) return line + "and " + std::to_string(launch_.input_count() - i) + " more";
      line += detail::concat({name, ": ", v.dtype, Shape(v.shape, v.ndim), " ", site_.device});
    }
    return line;
  }

 private:
  Node* keeper_;
  Launch launch_;
  void* place_ = nullptr;
  Function* op_ = nullptr;
  Traffic traffic_;
};

class DeferredLaunch::Reverse final : public Base {
 public:
  Reverse(Node& node, Backward& b, const LaunchSite& site) : Base(site), node_(node), launch_(std::move(b)) {
    node_.retain_function();
    for_each([&](View& v) {
      layouts_.count(v);
      traffic_.add(v);
    });
    for (const GradSlot& slot : launch_.slots_)
      if (slot.accumulate) traffic_.add(slot.view);  // it is read, too
    for_each([&](View& v) { layouts_.adopt(v); });
    launch_.device_ = Device::cpu();
  }
  ~Reverse() override { node_.release_function(); }
  static void submit(std::unique_ptr<Reverse> work) {
    const Traffic traffic = work->traffic_;
    Base::submit(std::move(work), traffic);
  }

 protected:
  void launch() override { node_.function().backward(launch_); }

 private:
  template <class F>
  void for_each(F f) {
    for (View& v : launch_.inputs_) f(v);
    for (View& v : launch_.outputs_) f(v);
    for (View& v : launch_.grads_out_) f(v);
    for (GradSlot& slot : launch_.slots_) f(slot.view);
  }
  Node& node_;  // its block: the node itself may be gone
  Backward launch_;
  Traffic traffic_;
};

void DeferredLaunch::forward(Function& op, const detail::FunctionTraits* traits, Node* keeper, Launch& launch, const LaunchSite& site) {
  Forward::submit(std::make_unique<Forward>(op, traits, keeper, launch, site));
}

void DeferredLaunch::backward(Node& node, Backward& launch, const LaunchSite& site) {
  Reverse::submit(std::make_unique<Reverse>(node, launch, site));
}

}  // namespace tasuki
