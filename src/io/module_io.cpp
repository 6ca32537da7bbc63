#include "tasuki/io/module_io.hpp"

#include <set>

#include "src/io/misfits.hpp"
#include "src/io/safetensors_header.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki {

namespace {

/// Why the file's tensor cannot be copied into the module's; empty when it can.
std::string mismatch(const NamedTensor& target, const safetensors::TensorInfo& info, std::string_view path) {
  const DType stored = safetensors::supported_dtype(info, path), wanted = target.tensor.dtype();
  if (info.shape == target.tensor.shape() && (stored == wanted || (is_floating(stored) && is_floating(wanted)))) return {};
  return detail::concat({target.name, ": expected ", wanted, target.tensor.shape(), ", the file has ", stored, info.shape});
}

}  // namespace

LoadReport load_state(const std::vector<NamedTensor>& state, std::string_view path, const LoadOptions& options) {
  const safetensors::File file(path);
  LoadReport report;
  std::vector<std::string> mismatching;
  struct Copy {
    Tensor to;
    std::string name;
  };
  std::vector<Copy> copies;
  std::set<std::string_view> known;
  std::set<const TensorImpl*> found, reported;
  for (const NamedTensor& t : state) {
    known.insert(t.name);
    if (!file.contains(t.name)) continue;
    found.insert(t.tensor.impl());
    std::string problem = mismatch(t, file.info(t.name), file.path());
    if (problem.empty()) copies.push_back({t.tensor, t.name});
    else mismatching.push_back(std::move(problem));
  }
  for (const NamedTensor& t : state)
    if (!found.count(t.tensor.impl()) && reported.insert(t.tensor.impl()).second) report.missing.push_back(t.name);
  for (const auto& info : file.tensors())
    if (!known.count(info.name)) report.unexpected.push_back(info.name);

  if (!mismatching.empty() || (options.strict && (!report.missing.empty() || !report.unexpected.empty()))) {
    std::string text = detail::concat({path, " does not fit the module"}) + Misfits{report.missing, report.unexpected, mismatching}.list("file");
    if (mismatching.empty()) text += "\nload with {.strict = false} to take what fits";
    throw FileError(std::move(text));
  }

  const NoGrad off;
  for (const Copy& copy : copies) {
    if (copy.to.numel() == 0) continue;
    copy.to.copy_(file.tensor(copy.name).to(copy.to.dtype()).to(copy.to.device()));
  }
  return report;
}

}  // namespace tasuki
