#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "src/io/readable_file.hpp"
#include "src/io/safetensors_header.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::safetensors {

/// The mapped file. Tensors over its bytes and File handles keep it alive.
class File::Mapping {
 public:
  explicit Mapping(std::string_view file_path) : path(file_path) {
    map();
    try {
      header = parse_header(bytes, size, path);
      for (std::size_t i = 0; i < header.tensors.size(); ++i) by_name.emplace(header.tensors[i].name, i);
    } catch (...) {
      unmap();
      throw;
    }
  }
  void retain() noexcept { count_up(references); }
  void release() noexcept {
    if (count_down(references)) delete this;
  }
  unsigned char* data() const { return bytes + header.data_offset; }

  std::string path;
  unsigned char* bytes = nullptr;
  std::size_t size = 0;
  Header header;
  std::unordered_map<std::string_view, std::size_t> by_name;  // keys live in header.tensors
  unsigned references = 1;

 private:
  ~Mapping() { unmap(); }
  void unmap() noexcept {
    if (bytes) ::munmap(bytes, size);
  }
  void map() {
    const ReadableFile file(path);
    size = file.size();
    if (size == 0) return;  // an empty file cannot be mapped; the header's check explains it
    // Private pages: a tensor over them can be written like any other, and the file never changes.
    void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.descriptor(), 0);
    if (address == MAP_FAILED) file.fail(errno);
    bytes = static_cast<unsigned char*>(address);
  }
};

File::File(std::string_view path) : mapping_(intrusive_ptr<Mapping>::adopt(new Mapping(path))) {}
File::File(const File&) = default;
File& File::operator=(const File&) = default;
File::~File() = default;

const std::string& File::path() const { return mapping_->path; }
const Metadata& File::metadata() const& { return mapping_->header.metadata; }
const std::vector<TensorInfo>& File::tensors() const& { return mapping_->header.tensors; }
bool File::contains(std::string_view name) const { return mapping_->by_name.count(name) != 0; }

std::vector<std::string> File::names() const {
  std::vector<std::string> names;
  for (const TensorInfo& t : tensors()) names.push_back(t.name);
  return names;
}

const TensorInfo& File::info(std::string_view name) const {
  const auto found = mapping_->by_name.find(name);
  if (found == mapping_->by_name.end()) {
    std::string some;
    for (std::size_t i = 0; i < tensors().size() && i < 5; ++i) some += (i ? ", " : "") + shown(tensors()[i].name);
    TASUKI_THROW(FileError, path(), "\nexpected  a tensor ", shown(name), "\nactual    ", tensors().size(), " others", tensors().empty() ? "" : ": ", some,
                 tensors().size() > 5 ? ", ..." : "");
  }
  return tensors()[found->second];
}

Tensor File::tensor(std::string_view name) const {
  const TensorInfo& t = info(name);
  const DType dtype = supported_dtype(t, path());
  unsigned char* at = mapping_->data() + t.begin;
  if (t.begin == t.end || reinterpret_cast<std::uintptr_t>(at) % size_of(dtype) != 0) return copy_tensor(t, mapping_->data(), path());
  check_values(t, mapping_->data(), path());
  return from_blob(at, t.shape, dtype, [keep = mapping_](void*) {});
}

}  // namespace tasuki::safetensors

namespace tasuki {

std::vector<NamedTensor> load_tensors(std::string_view path) {
  const safetensors::File file(path);
  std::vector<NamedTensor> tensors;
  for (const auto& info : file.tensors()) {
    const Tensor mapped = file.tensor(info.name);
    Tensor own = empty(mapped.shape(), {.dtype = mapped.dtype(), .device = Device::cpu()});
    if (own.numel() > 0) std::memcpy(own.impl()->address(), mapped.impl()->address(), own.nbytes());
    tensors.push_back({info.name, std::move(own)});
  }
  return tensors;
}

}  // namespace tasuki
