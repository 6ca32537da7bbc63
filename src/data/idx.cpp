#include "tasuki/data/idx.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "src/data/byte_source.hpp"
#include "src/data/idx_parser.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::data {

namespace {

struct ElementType {
  unsigned char code;
  int bytes;
  DType dtype;
};
constexpr ElementType element_types[] = {{0x08, 1, DType::u8},  {0x09, 1, DType::i32}, {0x0B, 2, DType::i32},
                                         {0x0C, 4, DType::i32}, {0x0D, 4, DType::f32}, {0x0E, 8, DType::f64}};

std::string hex(unsigned char byte) {
  constexpr char digits[] = "0123456789abcdef";
  return {'0', 'x', digits[byte >> 4], digits[byte & 15]};
}

std::uint64_t big_endian(const unsigned char* bytes, int count) {
  std::uint64_t value = 0;
  for (int i = 0; i < count; ++i) value = value << 8 | bytes[i];
  return value;
}

/// Reads n elements of `file_bytes` each, and puts convert(big-endian number) into the tensor.
template <class T, class Convert>
std::int64_t read_elements(ByteSource& source, T* out, std::int64_t n, int file_bytes, Convert convert) {
  unsigned char buffer[8 * 1024];
  const auto per_buffer = static_cast<std::int64_t>(sizeof buffer) / file_bytes;
  for (std::int64_t done = 0; done < n;) {
    const std::int64_t wanted = n - done < per_buffer ? n - done : per_buffer;
    const auto got = static_cast<std::int64_t>(source.read(buffer, static_cast<std::size_t>(wanted * file_bytes))) / file_bytes;
    for (std::int64_t i = 0; i < got; ++i) out[done + i] = convert(big_endian(buffer + i * file_bytes, file_bytes));
    done += got;
    if (got < wanted) return done;
  }
  return n;
}

std::int64_t read_elements(ByteSource& source, const ElementType& type, void* out, std::int64_t n) {
  switch (type.code) {
    case 0x08: return static_cast<std::int64_t>(source.read(out, static_cast<std::size_t>(n)));
    case 0x09:
      return read_elements(source, static_cast<std::int32_t*>(out), n, 1, [](std::uint64_t v) { return static_cast<std::int8_t>(v); });
    case 0x0B:
      return read_elements(source, static_cast<std::int32_t*>(out), n, 2, [](std::uint64_t v) { return static_cast<std::int16_t>(v); });
    case 0x0C:
      return read_elements(source, static_cast<std::int32_t*>(out), n, 4, [](std::uint64_t v) { return static_cast<std::int32_t>(v); });
    case 0x0D:
      return read_elements(source, static_cast<float*>(out), n, 4, [](std::uint64_t v) {
        const auto bits = static_cast<std::uint32_t>(v);
        float f;
        std::memcpy(&f, &bits, 4);
        return f;
      });
    default:
      return read_elements(source, static_cast<double*>(out), n, 8, [](std::uint64_t v) {
        double d;
        std::memcpy(&d, &v, 8);
        return d;
      });
  }
}

const ElementType& element_type(unsigned char code, std::string_view path) {
  for (const ElementType& type : element_types)
    if (type.code == code) return type;
  TASUKI_THROW(FileError, path, ": not an IDX file\nexpected  0x08, 0x09, 0x0b, 0x0c, 0x0d or 0x0e as type code in byte 2\nactual    ", hex(code));
}

Shape read_shape(ByteSource& source, int ndim, std::string_view path) {
  Shape shape;
  for (int d = 0; d < ndim; ++d) {
    unsigned char size[4];
    if (source.read(size, 4) < 4) TASUKI_THROW(FileError, path, ": the file is cut off\nexpected  ", ndim, " sizes of 4 bytes\nactual    the file ends in size ", d);
    shape.push_back(static_cast<std::int64_t>(big_endian(size, 4)));
  }
  return shape;
}

}  // namespace

Tensor parse_idx(const unsigned char* bytes, std::size_t size, std::string_view path) {
  ByteSource source(bytes, size, path);
  unsigned char magic[4];
  const std::size_t got = source.read(magic, 4);
  if (got < 4) TASUKI_THROW(FileError, path, ": not an IDX file\nexpected  at least 4 bytes\nactual    ", got);
  if (magic[0] != 0 || magic[1] != 0)
    TASUKI_THROW(FileError, path, ": not an IDX file\nexpected  two zero bytes at the start\nactual    ", hex(magic[0]), " ", hex(magic[1]),
                 source.is_gzip() ? "" : "\nif it is compressed, gzip is what can be read here");
  const ElementType& type = element_type(magic[2], path);
  if (magic[3] == 0 || magic[3] > max_dims)
    TASUKI_THROW(FileError, path, ": not an IDX file that can be read here\nexpected  1 to ", max_dims, " dimensions\nactual    ", int{magic[3]});

  const Shape shape = read_shape(source, magic[3], path);
  std::int64_t elements = 1, most_bytes = 0;
  bool overflow = false, empty = false;
  for (const std::int64_t n : shape) {
    // a size of zero must not hide an overflow: strides are products of the other sizes
    if (n == 0) empty = true;
    else overflow |= __builtin_mul_overflow(elements, n, &elements);
  }
  // bytes and shorts take more room in memory than in the file
  overflow |= __builtin_mul_overflow(elements, std::max<std::int64_t>(type.bytes, static_cast<std::int64_t>(size_of(type.dtype))), &most_bytes);
  const std::int64_t file_bytes = empty || overflow ? 0 : elements * type.bytes;
  if (overflow || static_cast<std::uint64_t>(file_bytes) > source.most_remaining())
    TASUKI_THROW(FileError, path, ": the file is cut off, or its sizes are wrong\nexpected  ", overflow ? std::string("more bytes than 64 bits can count") : std::to_string(file_bytes) + " bytes",
                 " for ", shape, " elements of ", type.bytes, " bytes\nactual    at most ", source.most_remaining(), " bytes follow the sizes");

  Tensor result = detail::allocate(Device::cpu(), shape, type.dtype, OwnerClass::input);
  const std::int64_t read = result.numel() == 0 ? 0 : read_elements(source, type, result.impl()->address(), result.numel());
  if (read != result.numel())
    TASUKI_THROW(FileError, path, ": the file is cut off\nexpected  ", result.numel(), " elements for the sizes ", shape, "\nactual    ", read);
  unsigned char beyond;
  if (source.read(&beyond, 1) != 0) TASUKI_THROW(FileError, path, ": bytes follow the last element\nexpected  the end of the file after ", result.numel(), " elements for the sizes ", shape, "\nactual    more");
  return result;
}

Tensor read_idx(std::string_view path) {
  const std::vector<unsigned char> bytes = read_file(path);
  return parse_idx(bytes.data(), bytes.size(), path);
}

}  // namespace tasuki::data
