#include "tasuki/dist/checkpoints.hpp"

#include <algorithm>
#include <cstdio>
#include <set>

#include "src/core/annotated.hpp"
#include "src/dist/checkpoint_folder.hpp"
#include "src/dist/checkpoint_items.hpp"
#include "src/dist/checkpoint_reader.hpp"
#include "src/dist/gather.hpp"
#include "src/dist/library_version.hpp"
#include "src/io/atomic_file.hpp"
#include "src/io/misfits.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki {

using namespace dist;

ShardedState::~ShardedState() = default;

namespace {

std::string shard_name(int rank, int size) {
  char text[64];
  std::snprintf(text, sizeof text, "shard-%05d-of-%05d.safetensors", rank, size);
  return text;
}

}  // namespace

struct Checkpoints::Impl {
  CheckpointFolder folder;
  CheckpointOptions options;
  std::vector<Item> items{};
  std::vector<std::pair<std::string, std::string*>> texts{};

  void add(std::string_view name, Item item) {
    check_name(name);
    item.name = name;
    items.push_back(std::move(item));
  }
  void check_name(std::string_view name) const {
    TASUKI_CHECK(ValueError, !name.empty() && name.find('/') == std::string_view::npos, "what a checkpoint holds is given the name \"", name, "\"");
    bool taken = name == "random";
    for (const Item& item : items) taken = taken || item.name == name;
    for (const auto& text : texts) taken = taken || text.first == name;
    TASUKI_CHECK(ValueError, !taken, "the checkpoint has something by the name \"", name, "\" already", name == "random" ? ": the default random stream" : name == "compression" ? ": what compressed gradients hold back" : "");
  }
  std::vector<Piece> pieces(int processes) const {
    std::vector<Piece> all;
    for (const Item& item : items)
      for (Piece& p : item.pieces(processes)) {
        p.slice.name = p.slice.name.empty() ? item.name : item.name + "/" + p.slice.name;
        all.push_back(std::move(p));
      }
    return all;
  }
  std::vector<TensorSlice> to_write() const {
    const World w = world();
    std::vector<TensorSlice> mine, shared;
    for (Piece& p : pieces(w.size())) {
      if (p.writer == Writer::owner && p.slice.values.numel() == 0 && p.slice.shape.numel() > 0) continue;  // the others have it
      if (p.writer == Writer::shared_out) shared.push_back(std::move(p.slice));
      else if (p.writer == Writer::owner || w.rank() == 0) mine.push_back(std::move(p.slice));
    }
    for (TensorSlice& s : share_of(shared, w.rank(), w.size())) mine.push_back(std::move(s));
    return mine;
  }
  ShardReport write_shard(const std::string& draft, std::int64_t step) const;
  void save(std::int64_t step) const;
  Misfits compare(const Manifest& manifest, const std::vector<Piece>& wanted) const;
  void read(const std::string& checkpoint, const Manifest& manifest) const;
  std::int64_t try_to_read(const std::string& checkpoint) const;
};

// ---- writing

ShardReport Checkpoints::Impl::write_shard(const std::string& draft, std::int64_t step) const {
  ShardReport report;
  std::vector<NamedTensor> tensors;
  for (const TensorSlice& s : to_write()) {
    const std::int64_t end = s.begin + s.values.numel();
    tensors.push_back({name_in_shard(s.name, s.shape, s.begin, end), s.values});
    report.parts.push_back({s.name, s.values.dtype(), s.shape, s.order, s.begin, end});
    // A whole tensor is always written in its shape, row-major.
    if (s.values.shape() == s.shape) report.parts.back().order = {};
  }
  const std::string file = shard_name(world().rank(), world().size());
  save_tensors(tensors, draft + "/" + file, {{"step", std::to_string(step)}});
  report.shard = describe_shard(draft, file);
  return report;
}

void Checkpoints::Impl::save(std::int64_t step) const {
  const World w = world();
  const std::string draft = folder.draft_of(step);
  try {
    all_or_none(w, [&] {
      if (w.rank() == 0) folder.begin_draft(step);
    });
    std::string report;
    all_or_none(w, [&] { report = write_shard(draft, step).to_json(); });
    const std::vector<std::string> reports = gather_list(w, report);
    all_or_none(w, [&] {
      if (w.rank() > 0) return;
      Manifest manifest;
      manifest.step = step;
      manifest.processes = w.size();
      manifest.library = library_version();
      for (const auto& [name, text] : texts) manifest.texts[name] = *text;
      std::vector<ShardReport> parsed;
      for (const std::string& r : reports) parsed.push_back(ShardReport::parse(r));
      add_reports(manifest, parsed);
      const std::string json = manifest.to_json();
      AtomicFile file(manifest_path(draft));
      file.write(json.data(), json.size());
      file.commit();
      folder.publish(step);
      folder.keep_newest(options.keep);
    });
  } catch (const Error&) {
    if (w.rank() == 0) folder.discard_draft(step);
    throw;
  }
}

// ---- reading

Misfits Checkpoints::Impl::compare(const Manifest& manifest, const std::vector<Piece>& wanted) const {
  Misfits misfits;
  std::set<std::string> known;
  for (const Piece& p : wanted) {
    const TensorSlice& s = p.slice;
    known.insert(s.name);
    const auto found = manifest.tensors.find(s.name);
    if (found == manifest.tensors.end()) {
      if (p.may_lack) continue;
      misfits.missing.push_back(s.name);
      continue;
    }
    const Manifest::Whole& stored = found->second;
    const bool convertible = stored.dtype == s.values.dtype() || (is_floating(stored.dtype) && is_floating(s.values.dtype()));
    if (stored.shape != s.shape || !convertible)
      misfits.mismatching.push_back(detail::concat({s.name, ": expected ", s.values.dtype(), s.shape, ", the checkpoint has ", stored.dtype, stored.shape}));
  }
  const auto is_spread = [&](const std::string& name) {
    return std::any_of(items.begin(), items.end(), [&](const Item& item) { return item.spread && name.rfind(item.name + "/", 0) == 0; });
  };
  for (const auto& entry : manifest.tensors)
    if (!known.count(entry.first) && !is_spread(entry.first)) misfits.unexpected.push_back(entry.first);
  for (const auto& text : texts)
    if (!manifest.texts.count(text.first)) misfits.missing.push_back(text.first);
  for (const auto& entry : manifest.texts)
    if (std::none_of(texts.begin(), texts.end(), [&](const auto& text) { return text.first == entry.first; })) misfits.unexpected.push_back(entry.first);
  return misfits;
}

void Checkpoints::Impl::read(const std::string& checkpoint, const Manifest& manifest) const {
  const World w = world();
  std::vector<Piece> wanted;
  all_or_none(w, [&] {
    wanted = pieces(manifest.processes);
    if (const Misfits misfits = compare(manifest, wanted); !misfits.empty())
      throw FileError(checkpoint + " is not a checkpoint of what is trained here" + misfits.list("checkpoint"));
  });
  CheckpointReader reader(checkpoint, manifest);
  all_or_none(w, [&] {
    for (const Piece& p : wanted)
      if (p.checked) reader.fill(p.slice);
    for (const Item& item : items)
      if (item.check) item.check();
  });
  all_or_none(w, [&] {
    for (const Piece& p : wanted)
      if (!p.checked && (!p.may_lack || manifest.tensors.count(p.slice.name))) reader.fill(p.slice);
    for (const Item& item : items) item.loaded();
    for (const auto& [name, text] : texts) *text = manifest.texts.at(name);
  });
}

/// The step, or -1 for a checkpoint that is not whole.
std::int64_t Checkpoints::Impl::try_to_read(const std::string& checkpoint) const {
  const World w = world();
  Manifest manifest;
  const auto is_whole = [&](const auto& examine) {
    std::string problem;
    all_or_none(w, [&] {
      try {
        examine(problem);
      } catch (const NewerFormat&) {
        throw;
      } catch (const FileError& e) {
        problem = e.body();
      }
    });
    for (const std::string& p : gather_list(w, problem)) {
      if (p.empty()) continue;
      if (w.rank() == 0) std::fprintf(stderr, "tasuki: passed over a checkpoint: %s\n", p.c_str());
      return false;
    }
    return true;
  };
  const auto read = [&](std::string&) {
    if (w.rank() == 0) manifest = read_manifest(checkpoint);
  };
  if (!is_whole(read)) return -1;
  all_or_none(w, [&] { manifest = read_manifest(checkpoint); });  // whoever does not see what rank 0 sees has another folder
  if (!is_whole([&](std::string& problem) { problem = problems_of(checkpoint, manifest, w.rank(), w.size()); })) return -1;
  this->read(checkpoint, manifest);
  return manifest.step;
}

// ---- what users call

Checkpoints::Checkpoints(std::string_view folder, const CheckpointOptions& options, SourceLocation at) : impl_(nullptr) {
  annotated("Checkpoints", at, [&] {
    TASUKI_CHECK(ValueError, !folder.empty(), "the folder for checkpoints has no name");
    TASUKI_CHECK_OP(ValueError, options.keep, >=, 1);
  });
  impl_ = new Impl{CheckpointFolder(folder), options};
  impl_->items.push_back(item_of(default_generator()));
  impl_->items.back().name = "random";
  impl_->items.push_back(compression_item());
}
Checkpoints::~Checkpoints() { delete impl_; }

void Checkpoints::add(std::string_view name, nn::Module& module) { impl_->add(name, item_of(module)); }
void Checkpoints::add(std::string_view name, optim::Optimizer& optimizer) { impl_->add(name, item_of(optimizer)); }
void Checkpoints::add(std::string_view name, optim::Schedule& schedule) { impl_->add(name, item_of(schedule)); }
void Checkpoints::add(std::string_view name, data::Loader& loader) { impl_->add(name, item_of(loader, name)); }
void Checkpoints::add(std::string_view name, Generator& generator) { impl_->add(name, item_of(generator)); }
void Checkpoints::add(std::string_view name, ShardedState& state) { impl_->add(name, item_of(state)); }
void Checkpoints::add(std::string_view name, const Tensor& tensor) { impl_->add(name, item_of(tensor)); }
void Checkpoints::add(std::string_view name, std::int64_t& number) { impl_->add(name, item_of(number)); }
void Checkpoints::add(std::string_view name, double& number) { impl_->add(name, item_of(number)); }
void Checkpoints::add(std::string_view name, std::string& text) {
  impl_->check_name(name);
  impl_->texts.emplace_back(name, &text);
}

void Checkpoints::save(std::int64_t step, SourceLocation at) {
  const NoGrad off;
  annotated("Checkpoints::save", at, [&] {
    TASUKI_CHECK_OP(ValueError, step, >=, 0);
    impl_->save(step);
  });
}

std::int64_t Checkpoints::load(std::string_view checkpoint, SourceLocation at) {
  const NoGrad off;
  return annotated("Checkpoints::load", at, [&] {
    const World w = world();
    const std::string path(checkpoint);
    Manifest manifest;
    all_or_none(w, [&] {
      manifest = read_manifest(path);
      if (const std::string problem = problems_of(path, manifest, w.rank(), w.size()); !problem.empty()) throw FileError(problem);
    });
    impl_->read(path, manifest);
    return manifest.step;
  });
}

std::int64_t Checkpoints::resume(SourceLocation at) {
  const NoGrad off;
  return annotated("Checkpoints::resume", at, [&]() -> std::int64_t {
    const World w = world();
    // All processes must read the same one: rank 0's view of the folder counts.
    std::string listed;
    for (const std::string& checkpoint : list()) listed = checkpoint + "\n" + listed;
    const std::string candidates = gather_list(w, listed)[0];
    for (std::size_t begin = 0, end; (end = candidates.find('\n', begin)) != std::string::npos; begin = end + 1)
      if (const std::int64_t step = impl_->try_to_read(candidates.substr(begin, end - begin)); step >= 0) return step;
    if (!candidates.empty()) TASUKI_THROW(FileError, "no checkpoint in ", impl_->folder.path(), " is whole\nremove them to begin anew");
    return 0;
  });
}

std::vector<std::string> Checkpoints::list() const { return impl_->folder.list(); }

}  // namespace tasuki
