#pragma once
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>

#include "tasuki/dist/communicator.hpp"
#include "tasuki/dist/studies.hpp"

namespace tasuki::dist {

/// A communicator around another one, which does the work.
class Decorator : public Communicator {
 public:
  explicit Decorator(std::unique_ptr<Communicator> inner) : inner_(std::move(inner)) {}
  int rank() const override { return inner_->rank(); }
  int size() const override { return inner_->size(); }
  int local_rank() const override { return inner_->local_rank(); }
  int local_size() const override { return inner_->local_size(); }
  void tell(const Progress& progress) override { inner_->tell(progress); }
  void share(void* begin, std::size_t bytes) override { inner_->share(begin, bytes); }
  void unshare(void* begin) noexcept override { inner_->unshare(begin); }
  [[noreturn]] void abort(int code) override {
    inner_->abort(code);
    std::abort();  // never reached, which the compiler cannot see through a virtual call
  }

 protected:
  std::unique_ptr<Communicator> inner_;
};

/// Take `inner` unless they throw ValueError.
std::unique_ptr<Communicator> make_emulated_link(std::unique_ptr<Communicator>&& inner, const EmulatedLink& link);
std::unique_ptr<Communicator> make_faulty(std::unique_ptr<Communicator>&& inner, const Fault& fault);

}  // namespace tasuki::dist
