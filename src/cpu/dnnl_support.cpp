#include "src/cpu/dnnl_support.hpp"

#include "tasuki/core/error.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace tasuki::cpu {

dnnl::engine& dnnl_engine() {
  static dnnl::engine& engine = *new dnnl::engine(dnnl::engine::kind::cpu, 0);  // outlives all plans
  return engine;
}

dnnl::stream& dnnl_stream() {
  thread_local dnnl::stream stream(dnnl_engine());
  return stream;
}

int thread_count() {
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

dnnl::memory::data_type dnnl_type(DType dtype) {
  switch (dtype) {
    case f32: return dnnl::memory::data_type::f32;
    case bf16: return dnnl::memory::data_type::bf16;
    default: TASUKI_THROW(InternalError, "oneDNN is not used for ", dtype);
  }
}

dnnl::primitive_attr dnnl_attributes(bool accumulate) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.f);
    attributes.set_post_ops(sum);
  }
  return attributes;
}

bool has_fast_bf16() {
  static const bool fast = [] {
    switch (dnnl::get_effective_cpu_isa()) {
      case dnnl::cpu_isa::avx512_core:
      case dnnl::cpu_isa::avx512_core_vnni:
      case dnnl::cpu_isa::avx512_core_bf16:
        return true;
      default:
        // Later instruction sets have larger values and contain AVX-512 with bf16, except AVX2 with VNNI.
        return static_cast<unsigned>(dnnl::get_effective_cpu_isa()) > static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
    }
  }();
  return fast;
}

BoundPrimitive::BoundPrimitive(dnnl::primitive primitive, std::vector<Argument> arguments, const dnnl::memory::desc& scratchpad)
    : primitive_(std::move(primitive)), arguments_(std::move(arguments)), scratch_bytes_(scratchpad.get_size()) {
  arguments_.push_back({DNNL_ARG_SCRATCHPAD, scratchpad});
  bindings_ = bind();
}

BoundPrimitive::BoundPrimitive(BoundPrimitive&& o) noexcept { *this = std::move(o); }

BoundPrimitive& BoundPrimitive::operator=(BoundPrimitive&& o) noexcept {
  primitive_ = std::move(o.primitive_);
  arguments_ = std::move(o.arguments_);
  scratch_bytes_ = o.scratch_bytes_;
  bindings_ = std::move(o.bindings_);
  return *this;
}

BoundPrimitive::Bindings BoundPrimitive::bind() const {
  Bindings b;
  for (const Argument& a : arguments_) {
    b.memories.emplace_back(a.desc, dnnl_engine(), nullptr);
    b.arguments.push_back({a.id, b.memories.back().get()});
  }
  return b;
}

void BoundPrimitive::run(Bindings& bindings, std::initializer_list<const void*> data, void* scratch) const {
  auto memory = bindings.memories.begin();
  for (const void* address : data) (memory++)->set_data_handle(const_cast<void*>(address));
  memory->set_data_handle(scratch);
  dnnl::error::wrap_c_api(dnnl_primitive_execute(primitive_.get(), dnnl_stream().get(), static_cast<int>(bindings.arguments.size()),
                                                 bindings.arguments.data()),
                          "oneDNN could not execute a primitive");
}

void BoundPrimitive::execute(std::initializer_list<const void*> data, void* scratch) const {
  if (!bindings_in_use_.exchange(true, std::memory_order_acquire)) {
    struct Release {
      std::atomic<bool>& flag;
      ~Release() { flag.store(false, std::memory_order_release); }
    } release{bindings_in_use_};
    run(bindings_, data, scratch);
  } else {
    Bindings own = bind();  // another thread runs the same primitive just now
    run(own, data, scratch);
  }
}

BoundPrimitive make_reorder(const dnnl::memory::desc& from, const dnnl::memory::desc& to) {
  if (from == to) return {};
  const dnnl::reorder::primitive_desc desc(dnnl_engine(), from, dnnl_engine(), to, dnnl_attributes());
  return BoundPrimitive(dnnl::reorder(desc), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}, desc.scratchpad_desc());
}

}  // namespace tasuki::cpu
