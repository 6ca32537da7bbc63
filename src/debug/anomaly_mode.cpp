#include "tasuki/debug/anomaly_mode.hpp"

#include <cmath>
#include <string>
#include <string_view>

#include "tasuki/autograd/function.hpp"
#include "tasuki/autograd/listener.hpp"
#include "tasuki/core/half.hpp"

namespace tasuki::debug {
namespace {

/// What a scan of one operand found.
struct Finding {
  std::int64_t count = 0;
  std::int64_t first = -1;  // row-major position
  double value = 0;
  explicit operator bool() const { return count != 0; }
};

template <class T>
Finding scan(const View& view, bool infinities) {
  Finding found;
  const T* data = view.as<T>();
  for (std::int64_t i = 0; i < view.numel; ++i) {
    std::int64_t offset = i;
    if (!view.contiguous) {
      offset = 0;
      for (std::int64_t d = view.ndim - 1, rest = i; d >= 0; --d) {
        offset += rest % view.shape[d] * view.strides[d];
        rest /= view.shape[d];
      }
    }
    using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;
    const Wide value = static_cast<Wide>(data[offset]);
    if (infinities ? std::isfinite(value) : !std::isnan(value)) continue;
    if (found.count++ == 0) {
      found.first = i;
      found.value = value;
    }
  }
  return found;
}

Finding scan(const View& view, bool infinities) {
  if (!view) return {};
  switch (view.dtype) {
    case DType::f32: return scan<float>(view, infinities);
    case DType::f64: return scan<double>(view, infinities);
    case DType::bf16: return scan<bfloat16>(view, infinities);
    case DType::f16: return scan<float16>(view, infinities);
    default: return {};
  }
}

std::string value_text(double v) { return std::isnan(v) ? "nan" : v > 0 ? "inf" : "-inf"; }

Shape index_of(const View& view, std::int64_t position) {
  Shape index(view.shape, view.ndim);
  for (int d = view.ndim - 1; d >= 0; --d) {
    index[d] = position % view.shape[d];
    position /= view.shape[d];
  }
  return index;
}

/// "x" for operand 0 of "x, weight, bias"; a list operand is named once, so later ones share the last name.
std::string_view operand_name(std::string_view names, std::size_t i) {
  for (; i > 0; --i) {
    const auto comma = names.find(", ");
    if (comma == std::string_view::npos) break;
    names.remove_prefix(comma + 2);
  }
  return names.substr(0, names.find(", "));
}

/// Says whether the op made the bad value or was given it.
std::string blame(const LaunchRecord& r, bool infinities) {
  for (std::size_t i = 0; i < r.input_count; ++i)
    if (const Finding bad = scan(r.inputs[i].view, infinities)) {
      // in backward the list holds saved tensors and gradients, which have no names
      const std::string who = r.phase == LaunchPhase::backward ? "a saved tensor or an incoming gradient, " : "operand " + std::string(operand_name(r.op->operands, i)) + ", ";
      return detail::concat({who, name_of(r.inputs[i].view.dtype), Shape(r.inputs[i].view.shape, r.inputs[i].view.ndim), ", held ", value_text(bad.value), " already"});
    }
  return "all operands were finite";
}

}  // namespace

class AnomalyMode::Listener final : public LaunchListener {
 public:
  explicit Listener(const AnomalyOptions& options) : options_(options) {}
  void after_launch(const LaunchRecord& r) override {
    if (DeviceRuntime& runtime = runtime_of(r.device); runtime.is_asynchronous()) runtime.synchronize(r.stream);
    for (std::size_t j = 0; j < r.output_count; ++j) {
      const View& view = r.outputs[j].view;
      const Finding bad = scan(view, options_.infinities);
      if (!bad) continue;
      TASUKI_THROW(NanError, "expected  ", options_.infinities ? "finite" : "no NaN in its", " outputs\nactual    ", value_text(bad.value), " at ",
                   index_of(view, bad.first), r.phase == LaunchPhase::backward ? " of gradient " : " of output ", j, ", ", view.dtype,
                   Shape(view.shape, view.ndim), " (", bad.count, " of ", view.numel, " elements), in ", name_of(r.phase), "\n",
                   blame(r, options_.infinities));
    }
  }

 private:
  AnomalyOptions options_;
};

AnomalyMode::AnomalyMode(const AnomalyOptions& options) : listener_(new Listener(options)) { add_listener(*listener_); }
AnomalyMode::~AnomalyMode() {
  remove_listener(*listener_);
  delete listener_;
}

}  // namespace tasuki::debug
