#include "src/io/safetensors_header.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include <nlohmann/json.hpp>

#include "tasuki/core/error.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::safetensors {

namespace {

using detail::Text;

struct FormatType {
  const char* name;
  std::uint64_t bits;
};
constexpr FormatType format_types[] = {{"F64", 64}, {"I64", 64}, {"U64", 64}, {"F32", 32}, {"I32", 32}, {"U32", 32}, {"F16", 16}, {"BF16", 16},
                                       {"I16", 16}, {"U16", 16}, {"I8", 8},   {"U8", 8},   {"BOOL", 8}, {"F8_E4M3", 8}, {"F8_E5M2", 8},
                                       {"F8_E8M0", 8}, {"C64", 64}};

/// Builds the header while the JSON is read, and rejects whatever the format does not have at that place: nothing is kept that
/// was not asked for, and no nesting can be deep.
class HeaderReader final : public nlohmann::json::json_sax_t {
 public:
  HeaderReader(Header& header, std::string_view path) : header_(header), path_(path) {}

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(number_integer_t value) override { return unexpected(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return unexpected(text); }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::shape) {
      if (value > static_cast<std::uint64_t>(INT64_MAX)) return unexpected(std::to_string(value));
      if (tensor_.shape.ndim() == max_dims) fail({"tensor ", shown(tensor_.name), "\nexpected  at most ", max_dims, " dimensions\nactual    more"});
      tensor_.shape.push_back(static_cast<std::int64_t>(value));
      return true;
    }
    if (place_ == Place::offsets && offsets_ < 2) {
      (offsets_ == 0 ? tensor_.begin : tensor_.end) = value;
      ++offsets_;
      return true;
    }
    return unexpected(std::to_string(value));
  }

  bool string(string_t& value) override {
    if (place_ == Place::dtype) {
      tensor_.dtype = value;
      place_ = Place::tensor;
      return true;
    }
    if (place_ == Place::metadata_value) {
      header_.metadata.back().second = value;
      place_ = Place::metadata;
      return true;
    }
    return unexpected(shown(value));
  }

  bool start_object(std::size_t) override {
    switch (place_) {
      case Place::start: place_ = Place::top; return true;
      case Place::metadata_start: place_ = Place::metadata; return true;
      case Place::tensor_start: place_ = Place::tensor; return true;
      default: return unexpected("an object");
    }
  }

  bool key(string_t& name) override {
    switch (place_) {
      case Place::top:
        if (!names_.insert(name).second) fail({"expected  each name once\nactual    ", shown(name), " is there twice"});
        if (name == "__metadata__") {
          place_ = Place::metadata_start;
        } else {
          tensor_ = TensorInfo();
          tensor_.name = name;
          fields_.clear();
          offsets_ = 0;
          place_ = Place::tensor_start;
        }
        return true;
      case Place::metadata:
        for (const auto& [known, value] : header_.metadata)
          if (known == name) fail({"expected  each key of __metadata__ once\nactual    ", shown(name), " is there twice"});
        header_.metadata.emplace_back(name, "");
        place_ = Place::metadata_value;
        return true;
      default:  // Place::tensor
        if (!fields_.insert(name).second) fail({"tensor ", shown(tensor_.name), "\nexpected  each field once\nactual    ", shown(name), " is there twice"});
        if (name == "dtype") place_ = Place::dtype;
        else if (name == "shape") place_ = Place::shape_start;
        else if (name == "data_offsets") place_ = Place::offsets_start;
        else fail({"tensor ", shown(tensor_.name), "\nexpected  the fields dtype, shape, data_offsets\nactual    ", shown(name)});
        return true;
    }
  }

  bool end_object() override {
    if (place_ == Place::tensor) {
      for (const char* field : {"dtype", "shape", "data_offsets"})
        if (!fields_.count(field)) fail({"tensor ", shown(tensor_.name), "\nexpected  the fields dtype, shape, data_offsets\nactual    no ", field});
      header_.tensors.push_back(std::move(tensor_));
    }
    place_ = place_ == Place::top ? Place::end : Place::top;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::shape_start) place_ = Place::shape;
    else if (place_ == Place::offsets_start) place_ = Place::offsets;
    else return unexpected("an array");
    return true;
  }

  bool end_array() override {
    if (place_ == Place::offsets && offsets_ != 2)
      fail({"tensor ", shown(tensor_.name), "\nexpected  data_offsets of two numbers\nactual    ", offsets_});
    place_ = Place::tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    // the library's text quotes the file, whatever bytes are there; its reason starts behind the last colon it adds itself
    std::string reason;
    for (const char c : std::string_view(error.what()).substr(0, 200)) reason += static_cast<unsigned char>(c) < 32 || static_cast<unsigned char>(c) > 126 ? '?' : c;
    fail({"expected  a JSON header\nactual    no JSON at byte ", position, " of it: ", reason});
  }

 private:
  enum class Place { start, top, metadata_start, metadata, metadata_value, tensor_start, tensor, dtype, shape_start, shape, offsets_start, offsets, end };

  [[noreturn]] void fail(std::initializer_list<Text> pieces) const {
    throw FileError(detail::concat({path_, ": the safetensors header is malformed\n", detail::concat(pieces)}));
  }
  bool unexpected(const std::string& what) const {
    switch (place_) {
      case Place::start: fail({"expected  an object of tensors\nactual    ", what});
      case Place::metadata_start: fail({"expected  __metadata__ to be an object of strings\nactual    ", what});
      case Place::metadata_value: fail({"expected  a string for ", shown(header_.metadata.back().first), " in __metadata__\nactual    ", what});
      case Place::tensor_start: fail({"expected  an object for tensor ", shown(tensor_.name), "\nactual    ", what});
      case Place::dtype: fail({"tensor ", shown(tensor_.name), "\nexpected  a string for dtype\nactual    ", what});
      case Place::shape_start:
      case Place::shape: fail({"tensor ", shown(tensor_.name), "\nexpected  a list of sizes for shape\nactual    ", what});
      default: fail({"tensor ", shown(tensor_.name), "\nexpected  two numbers for data_offsets\nactual    ", what});
    }
  }

  Header& header_;
  std::string_view path_;
  Place place_ = Place::start;
  TensorInfo tensor_;
  std::set<std::string> names_, fields_;
  int offsets_ = 0;
};

/// The number of bytes that dtype and shape ask for.
std::uint64_t bytes_of(const TensorInfo& tensor, std::string_view path) {
  const auto* type = std::find_if(std::begin(format_types), std::end(format_types), [&](const FormatType& t) { return tensor.dtype == t.name; });
  if (type == std::end(format_types))
    TASUKI_THROW(FileError, path, ": tensor ", shown(tensor.name), "\nexpected  a dtype of the safetensors format (F32, BF16, I64, ...)\nactual    ",
                 shown(tensor.dtype));
  // a size of zero must not hide an overflow: strides are products of the other sizes
  std::int64_t bytes = static_cast<std::int64_t>(type->bits / 8);
  bool overflow = false, empty = false;
  for (const std::int64_t size : tensor.shape) {
    if (size == 0) empty = true;
    else overflow |= __builtin_mul_overflow(bytes, size, &bytes);
  }
  if (overflow)
    TASUKI_THROW(FileError, path, ": tensor ", shown(tensor.name), "\nexpected  a shape whose bytes 64 bits can count\nactual    ", tensor.shape, " of ", tensor.dtype);
  return empty ? 0 : static_cast<std::uint64_t>(bytes);
}

/// Every byte of the data belongs to exactly one tensor.
void check_layout(std::vector<TensorInfo>& tensors, std::uint64_t data_bytes, std::string_view path) {
  for (const TensorInfo& t : tensors) {
    if (t.begin > t.end || t.end > data_bytes)
      TASUKI_THROW(FileError, path, ": tensor ", shown(t.name), "\nexpected  data_offsets with 0 <= begin <= end <= ", data_bytes, ", the bytes of data\nactual    [",
                   t.begin, ", ", t.end, "]\nis the file complete?");
    const std::uint64_t wanted = bytes_of(t, path);
    if (t.end - t.begin != wanted)
      TASUKI_THROW(FileError, path, ": tensor ", shown(t.name), "\nexpected  ", wanted, " bytes for ", t.dtype, t.shape, "\nactual    ", t.end - t.begin,
                   " bytes in data_offsets [", t.begin, ", ", t.end, "]");
  }
  std::stable_sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
  std::uint64_t at = 0;
  for (const TensorInfo& t : tensors) {
    if (t.begin != at)
      TASUKI_THROW(FileError, path, ": tensor ", shown(t.name), "\nexpected  its data to begin at byte ", at, ", where the tensor before it ends\nactual    ", t.begin,
                   t.begin < at ? ": they overlap" : ": there is a gap");
    at = t.end;
  }
  if (at != data_bytes)
    TASUKI_THROW(FileError, path, "\nexpected  ", at, " bytes of data, as the header says\nactual    ", data_bytes, ": ", data_bytes - at, " bytes belong to no tensor");
}

}  // namespace

std::string shown(std::string_view name) {
  std::string text = "\"";
  for (const char c : name.substr(0, 80)) text += static_cast<unsigned char>(c) < 32 || c == 127 ? '?' : c;
  if (name.size() > 80) text += "...";
  return text + '"';
}

std::optional<DType> dtype_from(std::string_view name) {
  for (int d = 0; d < dtype_count; ++d)
    if (name == name_in_file(static_cast<DType>(d))) return static_cast<DType>(d);
  return std::nullopt;
}

const char* name_in_file(DType dtype) {
  constexpr const char* names[dtype_count] = {"F32", "F64", "BF16", "F16", "I64", "I32", "U8", "BOOL"};
  return names[static_cast<int>(dtype)];
}

Header parse_header(const unsigned char* bytes, std::size_t size, std::string_view path) {
  if (size < 8)
    TASUKI_THROW(FileError, path, ": not a safetensors file\nexpected  at least 8 bytes, the length of the header\nactual    ", size);
  std::uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | bytes[i];
  if (length > max_header_bytes)
    TASUKI_THROW(FileError, path, ": not a safetensors file\nexpected  a header of at most ", max_header_bytes, " bytes\nactual    ", length);
  if (length > size - 8)
    TASUKI_THROW(FileError, path, ": the file is cut off or not a safetensors file\nexpected  a header of ", length, " bytes\nactual    ", size - 8, " bytes follow");
  const auto* text = reinterpret_cast<const char*>(bytes + 8);
  if (length == 0 || text[0] != '{')
    TASUKI_THROW(FileError, path, ": not a safetensors file\nexpected  a header that begins with {\nactual    ",
                 length == 0 ? std::string("an empty header") : shown(std::string_view(text, 1)));
  Header header;
  header.data_offset = 8 + static_cast<std::size_t>(length);
  HeaderReader reader(header, path);
  nlohmann::json::sax_parse(text, text + length, &reader);
  check_layout(header.tensors, size - header.data_offset, path);
  return header;
}

DType supported_dtype(const TensorInfo& info, std::string_view path) {
  const auto dtype = dtype_from(info.dtype);
  if (!dtype)
    TASUKI_THROW(FileError, path, ": tensor ", shown(info.name), "\nexpected  F32, F64, BF16, F16, I64, I32, U8 or BOOL, the types that Tasuki has\nactual    ", info.dtype);
  return *dtype;
}

void check_values(const TensorInfo& info, const unsigned char* data, std::string_view path) {
  if (info.dtype != "BOOL") return;
  for (std::uint64_t i = info.begin; i < info.end; ++i)
    if (data[i] > 1)
      TASUKI_THROW(FileError, path, ": tensor ", shown(info.name), "\nexpected  bytes of 0 and 1 for BOOL\nactual    ", int{data[i]}, " as element ", i - info.begin);
}

Tensor copy_tensor(const TensorInfo& info, const unsigned char* data, std::string_view path) {
  const DType dtype = supported_dtype(info, path);
  check_values(info, data, path);
  Tensor result = detail::allocate(Device::cpu(), info.shape, dtype, OwnerClass::input);
  if (info.end > info.begin) std::memcpy(result.impl()->address(), data + info.begin, static_cast<std::size_t>(info.end - info.begin));
  return result;
}

}  // namespace tasuki::safetensors
