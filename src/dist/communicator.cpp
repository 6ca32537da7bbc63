#include "tasuki/dist/communicator.hpp"

namespace tasuki::dist {

Communicator::~Communicator() = default;

void Communicator::reduce_scatter(void* data, const std::int64_t* bounds, DType dtype) { all_reduce(data, bounds[size()], dtype); }

void Communicator::all_gather_parts(void* data, const std::int64_t* bounds) {
  for (int r = 0; r < size(); ++r) broadcast(static_cast<char*>(data) + bounds[r], static_cast<std::size_t>(bounds[r + 1] - bounds[r]), r);
}

void Communicator::send(const void*, std::size_t bytes, int to) {
  TASUKI_THROW(DistributedError, description(), " does not send ", bytes, " bytes to process ", to);
}

void Communicator::receive(void*, std::size_t bytes, int from) {
  TASUKI_THROW(DistributedError, description(), " does not receive ", bytes, " bytes from process ", from);
}

void Communicator::share(void*, std::size_t) {}
void Communicator::unshare(void*) noexcept {}

}  // namespace tasuki::dist
