#pragma once
#include <utility>

namespace tasuki {

/// Owning pointer to an object that counts its own references. T provides `void retain() noexcept` and `void release() noexcept`
/// (found as members; release destroys at zero). A new object starts with a count of one and is adopted.
template <class T>
class intrusive_ptr {
 public:
  constexpr intrusive_ptr() = default;
  constexpr intrusive_ptr(decltype(nullptr)) {}
  static intrusive_ptr adopt(T* p) {
    intrusive_ptr r;
    r.p_ = p;
    return r;
  }
  explicit intrusive_ptr(T* p) : p_(p) {
    if (p_) p_->retain();
  }
  intrusive_ptr(const intrusive_ptr& o) : p_(o.p_) {
    if (p_) p_->retain();
  }
  intrusive_ptr(intrusive_ptr&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  intrusive_ptr& operator=(intrusive_ptr o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~intrusive_ptr() {
    if (p_) p_->release();
  }
  T* get() const { return p_; }
  T* operator->() const { return p_; }
  T& operator*() const { return *p_; }
  explicit operator bool() const { return p_ != nullptr; }
  T* detach() { return std::exchange(p_, nullptr); }
  bool operator==(const intrusive_ptr&) const = default;

 private:
  T* p_ = nullptr;
};

/// Atomic counting without <atomic>, which costs a public header 0.2 MB.
inline void count_up(unsigned& count) { __atomic_fetch_add(&count, 1u, __ATOMIC_RELAXED); }
/// True when this was the last reference.
inline bool count_down(unsigned& count) {
  // A sole owner needs no read-modify-write: nobody else can hold or gain a reference.
  if (__atomic_load_n(&count, __ATOMIC_ACQUIRE) == 1u) return true;
  return __atomic_fetch_sub(&count, 1u, __ATOMIC_ACQ_REL) == 1u;
}

}  // namespace tasuki
