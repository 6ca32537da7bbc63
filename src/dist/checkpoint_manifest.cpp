#include "src/dist/checkpoint_manifest.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/io/safetensors_header.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::dist {

namespace {

using Json = nlohmann::json;

std::vector<std::int64_t> list_of(const Shape& shape) { return {shape.begin(), shape.end()}; }

Shape shape_of(const Json& list) { return Shape(list.get<std::vector<std::int64_t>>()); }

Manifest::Whole whole_of(const std::string& name, const Json& json, std::size_t shards) {
  Manifest::Whole whole;
  const auto dtype = safetensors::dtype_from(json.at("dtype").get<std::string>());
  if (!dtype) TASUKI_THROW(FileError, "the dtype of ", name, " is unknown");
  whole.dtype = *dtype;
  whole.shape = shape_of(json.at("shape"));
  if (json.contains("order")) whole.order = shape_of(json.at("order"));
  if (!whole.order.empty()) {
    std::vector<std::int64_t> dims = list_of(whole.order);
    std::sort(dims.begin(), dims.end());
    for (std::size_t d = 0; d < dims.size(); ++d)
      if (dims.size() != whole.shape.size() || dims[d] != static_cast<std::int64_t>(d)) TASUKI_THROW(FileError, "the order of dimensions of ", name, " is none");
  }
  std::int64_t covered = 0;
  for (const Json& s : json.at("slices")) {
    const Manifest::Slice slice{s.at("shard").get<std::size_t>(), s.at("begin").get<std::int64_t>(), s.at("end").get<std::int64_t>()};
    if (slice.shard >= shards || slice.begin != covered || slice.end < slice.begin) TASUKI_THROW(FileError, "the slices of ", name, " do not follow one another");
    covered = slice.end;
    whole.slices.push_back(slice);
  }
  if (covered != whole.shape.numel()) TASUKI_THROW(FileError, "the slices of ", name, " are ", covered, " elements, its shape is ", whole.shape);
  return whole;
}

}  // namespace

std::string name_in_shard(const std::string& name, const Shape& shape, std::int64_t begin, std::int64_t end) {
  if (begin == 0 && end == shape.numel()) return name;
  return name + "[" + std::to_string(begin) + ":" + std::to_string(end) + "]";
}

/// One line for each shard and each tensor.
std::string Manifest::to_json() const {
  const Json head = {{"format", "tasuki checkpoint"}, {"version", newest_version}, {"library", library}, {"step", step}, {"processes", processes}, {"texts", texts}};
  std::string text = head.dump();
  text.back() = ',';
  const auto list = [&](const char* name, char open, char close, const std::vector<std::string>& lines) {
    text += "\n\"" + std::string(name) + "\":" + open;
    for (std::size_t i = 0; i < lines.size(); ++i) text += (i ? ",\n " : "\n ") + lines[i];
    text += close;
  };
  std::vector<std::string> lines;
  for (const Shard& s : shards) lines.push_back(Json{{"file", s.file}, {"bytes", s.bytes}, {"crc32", s.crc32}}.dump());
  list("shards", '[', ']', lines);
  text += ",";
  lines.clear();
  for (const auto& [name, whole] : tensors) {
    Json t = {{"dtype", safetensors::name_in_file(whole.dtype)}, {"shape", list_of(whole.shape)}, {"slices", Json::array()}};
    if (!whole.order.empty()) t["order"] = list_of(whole.order);
    for (const Slice& s : whole.slices) t["slices"].push_back({{"shard", s.shard}, {"begin", s.begin}, {"end", s.end}});
    lines.push_back(Json(name).dump() + ":" + t.dump());
  }
  list("tensors", '{', '}', lines);
  return text + "}\n";
}

Manifest Manifest::parse(const std::string& text, const std::string& path) {
  try {
    const Json json = Json::parse(text);
    if (!json.is_object() || json.value("format", "") != "tasuki checkpoint") TASUKI_THROW(FileError, "it is not the manifest of a checkpoint");
    if (const int version = json.at("version").get<int>(); version < 1 || version > newest_version)
      TASUKI_THROW(NewerFormat, "cannot read ", path, ": its format is version ", version, ", written by Tasuki ", json.value("library", "of unknown version"), "\nthis version reads formats up to ",
                   newest_version, "; build the program with a newer one");
    Manifest m;
    m.step = json.at("step").get<std::int64_t>();
    m.processes = json.at("processes").get<int>();
    m.library = json.value("library", "");
    for (const Json& s : json.at("shards")) {
      m.shards.push_back({s.at("file").get<std::string>(), s.at("bytes").get<std::uint64_t>(), s.at("crc32").get<std::uint32_t>()});
      if (m.shards.back().file.find('/') != std::string::npos) TASUKI_THROW(FileError, "a shard lies outside the checkpoint: ", m.shards.back().file);
    }
    if (json.contains("texts")) m.texts = json.at("texts").get<std::map<std::string, std::string>>();
    for (const auto& [name, t] : json.at("tensors").items()) m.tensors[name] = whole_of(name, t, m.shards.size());
    return m;
  } catch (const Json::exception& e) {
    TASUKI_THROW(FileError, "cannot read ", path, ": it is not the manifest of a checkpoint, or damaged\n", e.what());
  } catch (const NewerFormat&) {
    throw;
  } catch (const FileError& e) {
    throw FileError("cannot read " + path + ": " + e.body());
  } catch (const Error& e) {
    throw FileError("cannot read " + path + ": it is damaged\n" + e.body());
  }
}

std::string ShardReport::to_json() const {
  Json json = {{"file", shard.file}, {"bytes", shard.bytes}, {"crc32", shard.crc32}, {"parts", Json::array()}};
  for (const Part& p : parts)
    json["parts"].push_back({p.name, safetensors::name_in_file(p.dtype), list_of(p.shape), list_of(p.order), p.begin, p.end});
  return json.dump();
}

ShardReport ShardReport::parse(const std::string& text) {
  const Json json = Json::parse(text);
  ShardReport report{{json.at("file"), json.at("bytes"), json.at("crc32")}, {}};
  for (const Json& p : json.at("parts")) report.parts.push_back({p.at(0), *safetensors::dtype_from(p.at(1).get<std::string>()), shape_of(p.at(2)), shape_of(p.at(3)), p.at(4), p.at(5)});
  return report;
}

void add_reports(Manifest& manifest, const std::vector<ShardReport>& reports) {
  for (std::size_t r = 0; r < reports.size(); ++r) {
    manifest.shards.push_back(reports[r].shard);
    for (const ShardReport::Part& p : reports[r].parts) {
      const auto [place, is_new] = manifest.tensors.try_emplace(p.name, Manifest::Whole{p.dtype, p.shape, p.order, {}});
      Manifest::Whole& whole = place->second;
      if (!is_new && (whole.dtype != p.dtype || whole.shape != p.shape || whole.order != p.order))
        TASUKI_THROW(ValueError, p.name, " is ", p.dtype, p.shape, " on rank ", r, " and ", whole.dtype, whole.shape, " on a rank below");
      whole.slices.push_back({r, p.begin, p.end});
    }
  }
  for (auto& [name, whole] : manifest.tensors) {
    std::stable_sort(whole.slices.begin(), whole.slices.end(), [](const auto& a, const auto& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
    const auto same = [](const Manifest::Slice& a, const Manifest::Slice& b) { return a.begin == b.begin && a.end == b.end; };
    whole.slices.erase(std::unique(whole.slices.begin(), whole.slices.end(), same), whole.slices.end());
    std::int64_t covered = 0;
    for (const Manifest::Slice& s : whole.slices) {
      if (s.begin != covered) break;
      covered = s.end;
    }
    if (covered != whole.shape.numel())
      TASUKI_THROW(ValueError, "the slices of ", name, " on all processes do not make it up: elements from ", covered, " on are missing, or are in two different slices");
  }
}

}  // namespace tasuki::dist
