#include "tests/support/op_case.hpp"

#include <utility>

namespace tasuki::testing {
namespace {

std::vector<std::pair<std::string, CaseList>>& registry() {
  static std::vector<std::pair<std::string, CaseList>> stems;
  return stems;
}

}  // namespace

bool register_cases(const char* stem, CaseList list) {
  registry().emplace_back(stem, list);
  return true;
}

std::vector<OpCase> all_cases() {
  std::vector<OpCase> cases;
  for (const auto& [stem, list] : registry())
    for (OpCase& c : list()) cases.push_back(std::move(c));
  return cases;
}

std::function<HostArrays(const HostArrays&)> pointwise(double (*f)(double)) {
  return [f](const HostArrays& in) {
    HostArray out(in[0].shape);
    for (std::int64_t i = 0; i < out.numel(); ++i) out[i] = f(in[0][i]);
    return HostArrays(std::move(out));
  };
}

std::function<HostArrays(const HostArrays&)> pointwise(double (*f)(double, double)) {
  return [f](const HostArrays& in) {
    HostArray out(broadcast_shape(in[0].shape, in[1].shape));
    for (std::int64_t i = 0; i < out.numel(); ++i) out[i] = f(in[0].broadcast(out.shape, i), in[1].broadcast(out.shape, i));
    return HostArrays(std::move(out));
  };
}

}  // namespace tasuki::testing
