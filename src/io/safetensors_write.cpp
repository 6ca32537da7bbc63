#include <algorithm>
#include <bit>
#include <set>

#include <nlohmann/json.hpp>

#include "src/io/atomic_file.hpp"
#include "src/io/safetensors_header.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki {

namespace {

static_assert(std::endian::native == std::endian::little, "the format is little endian");

/// The order of dtypes in the reference implementation, from the widest.
int rank_of(DType dtype) {
  constexpr int ranks[dtype_count] = {2, 1, 4, 5, 0, 3, 6, 7};  // I64 F64 F32 I32 BF16 F16 U8 BOOL
  return ranks[static_cast<int>(dtype)];
}

std::string json_string(const std::string& text, std::string_view what) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    TASUKI_THROW(ValueError, "expected  ", what, " in UTF-8, as the format demands\nactual    ", safetensors::shown(text));
  }
}

void check_names(const std::vector<NamedTensor>& tensors, const Metadata& metadata) {
  std::set<std::string_view> seen;
  for (const NamedTensor& t : tensors) {
    TASUKI_CHECK(ValueError, !t.name.empty() && t.name != "__metadata__", "a tensor cannot be saved under the name ", safetensors::shown(t.name));
    TASUKI_CHECK(ValueError, t.tensor.defined(), "the tensor ", safetensors::shown(t.name), " is undefined");
    TASUKI_CHECK(ValueError, seen.insert(t.name).second, "two tensors have the name ", safetensors::shown(t.name));
  }
  seen.clear();
  for (const auto& entry : metadata) TASUKI_CHECK(ValueError, seen.insert(entry.first).second, "the metadata have two entries ", safetensors::shown(entry.first));
}

std::string header_of(const std::vector<const NamedTensor*>& order, const Metadata& metadata) {
  std::string header = "{";
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      if (header.back() != '{') header += ',';
      header += json_string(key, "metadata") + ':' + json_string(value, "metadata");
    }
    header += '}';
  }
  std::size_t at = 0;
  for (const NamedTensor* t : order) {
    if (header.size() > 1) header += ',';
    header += json_string(t->name, "tensor names") + ":{\"dtype\":\"" + safetensors::name_in_file(t->tensor.dtype()) + "\",\"shape\":[";
    for (int d = 0; d < t->tensor.ndim(); ++d) header += (d ? "," : "") + std::to_string(t->tensor.size(d));
    header += "],\"data_offsets\":[" + std::to_string(at) + ',' + std::to_string(at + t->tensor.nbytes()) + "]}";
    at += t->tensor.nbytes();
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');  // the elements begin aligned to 8 bytes
  return header;
}

}  // namespace

void save_tensors(const std::vector<NamedTensor>& tensors, std::string_view path, const Metadata& metadata) {
  const NoGrad off;
  check_names(tensors, metadata);
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& t : tensors) order.push_back(&t);
  std::sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    const int left = rank_of(a->tensor.dtype()), right = rank_of(b->tensor.dtype());
    return left != right ? left < right : a->name < b->name;
  });
  const std::string header = header_of(order, metadata);
  TASUKI_CHECK_OP(ValueError, header.size(), <=, safetensors::max_header_bytes, "names and metadata are too long for the format");

  AtomicFile file(path);
  const std::uint64_t length = header.size();
  file.write(&length, sizeof length);
  file.write(header.data(), header.size());
  for (const NamedTensor* t : order) {
    if (t->tensor.numel() == 0) continue;
    const Tensor host = t->tensor.cpu().contiguous();
    file.write(host.impl()->address(), host.nbytes());
  }
  file.commit();
}

}  // namespace tasuki
