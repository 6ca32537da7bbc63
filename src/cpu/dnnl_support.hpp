#pragma once
#include <atomic>
#include <dnnl.hpp>
#include <initializer_list>
#include <vector>

#include "tasuki/core/dtype.hpp"

/// What every user of oneDNN in Tasuki shares. Written for 2.6 (Debian 12) and 3.x (Debian 13): version 3 dropped the operation
/// descriptors, so primitive descriptors are made through the templates below.
namespace tasuki::cpu {

dnnl::engine& dnnl_engine();
/// A stream of this thread; execution on it is synchronous.
dnnl::stream& dnnl_stream();
/// How many threads oneDNN gives a primitive that is created now; part of every plan's key.
int thread_count();
dnnl::memory::data_type dnnl_type(DType dtype);
/// Attributes with the caller's scratch memory, so that every byte is counted; `accumulate` adds to the destination.
dnnl::primitive_attr dnnl_attributes(bool accumulate = false);
/// True when this processor multiplies bf16 through oneDNN's fast paths (native, or emulated with AVX-512).
bool has_fast_bf16();

/// A created primitive with its memory objects, which are made once: an execution only sets addresses.
class BoundPrimitive {
 public:
  struct Argument {
    int id;
    dnnl::memory::desc desc;
  };
  BoundPrimitive() = default;
  BoundPrimitive(dnnl::primitive primitive, std::vector<Argument> arguments, const dnnl::memory::desc& scratchpad);
  BoundPrimitive(BoundPrimitive&& o) noexcept;
  BoundPrimitive& operator=(BoundPrimitive&& o) noexcept;

  explicit operator bool() const { return static_cast<bool>(primitive_); }
  std::size_t scratch_bytes() const { return scratch_bytes_; }
  /// `data` in the order of the arguments; `scratch` has scratch_bytes. Threads may call this at once.
  void execute(std::initializer_list<const void*> data, void* scratch) const;

 private:
  struct Bindings {
    std::vector<dnnl::memory> memories;
    std::vector<dnnl_exec_arg_t> arguments;
  };
  Bindings bind() const;
  void run(Bindings& bindings, std::initializer_list<const void*> data, void* scratch) const;

  dnnl::primitive primitive_;
  std::vector<Argument> arguments_;  // the scratchpad comes last
  std::size_t scratch_bytes_ = 0;
  mutable Bindings bindings_;
  mutable std::atomic<bool> bindings_in_use_{false};
};

/// A reorder between two layouts (and types), or an empty one where they are equal.
BoundPrimitive make_reorder(const dnnl::memory::desc& from, const dnnl::memory::desc& to);

/// Scratch regions are cut from one block at multiples of a cache line.
constexpr std::size_t aligned_bytes(std::size_t bytes) { return (bytes + 63) / 64 * 64; }
template <class T = void>
T* at_byte(void* base, std::size_t offset) {
  return reinterpret_cast<T*>(static_cast<char*>(base) + offset);
}

/// True for oneDNN's reference loops, which it falls back to without a word and which are up to a thousand times slower.
template <class PrimitiveDesc>
bool is_reference(const PrimitiveDesc& desc) {
  const std::string_view name = desc.impl_info_str();
  return name.substr(0, 3) == "ref" || name.find(":ref") != std::string_view::npos;
}

/// The descriptor of Primitive for these arguments (those of v3's constructor between engine and attributes, or of v2's operation
/// descriptor), with an optional forward hint; empty where oneDNN has no implementation.
template <class Primitive, class... Hint>
struct DescriptorMaker {
  template <class... A>
  static typename Primitive::primitive_desc make(const dnnl::primitive_attr& attributes, const Hint&... hint, const A&... arguments) {
    try {
#if DNNL_VERSION_MAJOR >= 3
      return typename Primitive::primitive_desc(dnnl_engine(), arguments..., hint..., attributes);
#else
      return typename Primitive::primitive_desc(typename Primitive::desc(arguments...), attributes, dnnl_engine(), hint...);
#endif
    } catch (const dnnl::error& e) {
      if (e.status == dnnl_unimplemented || e.status == dnnl_invalid_arguments) return {};
      throw;
    }
  }
};

}  // namespace tasuki::cpu
