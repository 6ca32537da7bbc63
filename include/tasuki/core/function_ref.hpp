#pragma once
#include <type_traits>
#include <utility>

namespace tasuki {

template <class Signature>
class function_ref;

/// A borrowed callable: two words, valid while the callable lives (for arguments, until the call returns).
template <class R, class... A>
class function_ref<R(A...)> {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, function_ref> && std::is_invocable_r_v<R, F&, A...>)
  function_ref(F&& f)
      : object_(const_cast<void*>(static_cast<const void*>(&f))),
        call_([](void* o, A... a) -> R { return (*static_cast<std::remove_reference_t<F>*>(o))(std::forward<A>(a)...); }) {}
  R operator()(A... a) const { return call_(object_, std::forward<A>(a)...); }

 private:
  void* object_;
  R (*call_)(void*, A...);
};

template <class Signature>
class Callback;

/// An owned callable, movable and not copyable: std::function without <functional>.
template <class R, class... A>
class Callback<R(A...)> {
 public:
  Callback() = default;
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, Callback> && std::is_invocable_r_v<R, std::remove_cvref_t<F>&, A...>)
  Callback(F&& f)
      : object_(new std::remove_cvref_t<F>(std::forward<F>(f))),
        call_([](void* o, A... a) -> R { return (*static_cast<std::remove_cvref_t<F>*>(o))(std::forward<A>(a)...); }),
        destroy_([](void* o) { delete static_cast<std::remove_cvref_t<F>*>(o); }) {}
  Callback(Callback&& o) noexcept
      : object_(std::exchange(o.object_, nullptr)), call_(o.call_), destroy_(o.destroy_) {}
  Callback& operator=(Callback o) noexcept {
    std::swap(object_, o.object_);
    std::swap(call_, o.call_);
    std::swap(destroy_, o.destroy_);
    return *this;
  }
  ~Callback() {
    if (object_) destroy_(object_);
  }
  explicit operator bool() const { return object_ != nullptr; }
  R operator()(A... a) const { return call_(object_, std::forward<A>(a)...); }

 private:
  void* object_ = nullptr;
  R (*call_)(void*, A...) = nullptr;
  void (*destroy_)(void*) = nullptr;
};

}  // namespace tasuki
