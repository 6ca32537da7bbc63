#include "src/dist/checkpoint_items.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "src/dist/compression.hpp"
#include "src/optim/pieces.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/dist/world.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/optim/step_share.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki::dist {

namespace {

Piece whole(std::string name, const Tensor& t, Writer writer) { return {{std::move(name), t.shape(), 0, t, {}}, writer}; }

/// Tensors below this are written whole.
constexpr std::size_t least_part = std::size_t{64} << 10;

/// Numbers that travel as a tensor: `get` gives them, `set` takes them back. All processes have the same.
template <class T, class Get, class Set>
Item numbers_item(Get get, Set set) {
  const auto state = std::make_shared<Tensor>();
  Item item;
  item.pieces = [state, get](int) { return std::vector<Piece>{whole("", *state = from(std::vector<T>(get())), Writer::rank_0)}; };
  item.loaded = [state, set] { set(state->to_vector<T>()); };
  return item;
}

}  // namespace

std::vector<TensorSlice> share_of(const std::vector<TensorSlice>& all, int rank, int size) {
  std::size_t total = 0, at = 0;
  for (const TensorSlice& s : all) total += s.values.nbytes();
  const auto boundary = [&](int r) { return total / static_cast<std::size_t>(size) * static_cast<std::size_t>(r) + (r == size ? total % static_cast<std::size_t>(size) : 0); };
  const std::size_t first = boundary(rank), last = boundary(rank + 1);
  std::vector<TensorSlice> mine;
  for (const TensorSlice& s : all) {
    const std::size_t bytes = s.values.nbytes(), element = s.values.element_size();
    if (bytes < least_part) {
      const std::size_t middle = at + bytes / 2;
      if ((first <= middle && middle < last) || (middle >= total && rank + 1 == size)) mine.push_back(s);
    } else {
      const auto place = [&](std::size_t byte) { return static_cast<std::int64_t>((std::clamp(byte, at, at + bytes) - at) / element); };
      const std::int64_t begin = place(first), end = rank + 1 == size ? s.values.numel() : place(last);
      if (end - begin == s.values.numel()) mine.push_back(s);
      else if (begin < end) mine.push_back({s.name, s.shape, begin, s.values.detach().reshape({-1}).slice(0, begin, end), {}});
    }
    at += bytes;
  }
  return mine;
}

namespace {

/// The order of dimensions in which the elements of a dense tensor lie in memory; empty where that is row-major.
Dims order_in_memory(const Tensor& t) {
  Dims order;
  for (int d = 0; d < t.shape().ndim(); ++d) order.push_back(d);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return t.strides()[static_cast<int>(a)] > t.strides()[static_cast<int>(b)]; });
  std::int64_t last = -1;
  for (const std::int64_t d : order) {
    if (t.shape()[static_cast<int>(d)] == 1) continue;
    if (d < last) return order;
    last = d;
  }
  return {};
}

/// A part of something of a parameter's layout; `values` without elements tell that this process has none of it, and what it is.
Piece part_of(std::string name, const Tensor& parameter, std::int64_t begin, const Tensor& values) {
  return {{std::move(name), parameter.shape(), begin, values, order_in_memory(parameter)}, Writer::owner};
}

/// What this process has of a parameter that is spread over all.
void add_parts(std::vector<Piece>& list, const NamedTensor& parameter, const optim::StepShare& share, const optim::PieceNumbers& numbers) {
  const auto number = static_cast<std::size_t>(share.number_of(parameter.tensor));
  const bool any = optim::for_each_piece(numbers, number, [&](std::size_t p) {
    const optim::Piece& piece = share.pieces()[p];
    list.push_back(part_of(parameter.name, parameter.tensor, piece.begin, piece.values));
  });
  if (!any) list.push_back(part_of(parameter.name, parameter.tensor, 0, empty({0}, {.dtype = parameter.tensor.dtype()})));
}

}  // namespace

/// Of parameters that are spread over the processes (ZeRO, stage 3) each writes and reads what it has.
Item item_of(nn::Module& module) {
  Item item;
  const auto spread = std::make_shared<std::map<optim::StepShare*, optim::PieceNumbers>>();
  item.pieces = [&module, spread](int) {
    std::vector<Piece> list;
    std::set<std::string> buffers;
    spread->clear();
    for (const NamedTensor& t : module.named_buffers()) buffers.insert(t.name);
    for (const NamedTensor& t : module.named_state()) {
      optim::StepShare* const share = optim::share_of(t.tensor);
      if (!share || !share->spreads_values() || t.tensor.numel() == 0) {
        list.push_back(whole(t.name, t.tensor, buffers.count(t.name) ? Writer::rank_0 : Writer::shared_out));
        continue;
      }
      const auto [numbers, is_first] = spread->try_emplace(share);
      if (is_first) {
        numbers->second = optim::piece_numbers(*share);
        share->begin_update();
      }
      add_parts(list, t, *share, numbers->second);
    }
    return list;
  };
  item.loaded = [spread] {
    for (const auto& [share, numbers] : *spread) share->values_loaded();
  };
  return item;
}

Item item_of(optim::Optimizer& optimizer) {
  const auto state = std::make_shared<std::vector<NamedTensor>>();
  Item item;
  item.pieces = [&optimizer, state](int) {
    const bool in_parts = optimizer.step_share() != nullptr;
    *state = in_parts ? optimizer.named_counters() : optimizer.named_state();
    std::vector<Piece> list;
    for (const NamedTensor& t : *state) list.push_back(whole(t.name, t.tensor, Writer::shared_out));
    if (!in_parts) return list;
    for (const auto& part : optimizer.state_parts()) {
      const Tensor& parameter = optimizer.layout().entries()[part.parameter].parameter;
      if (parameter.numel() > 0) list.push_back(part_of(part.name, parameter, part.begin, part.values));
      else list.push_back(whole(part.name, empty(parameter.shape(), {.dtype = part.values.dtype()}), Writer::rank_0));
    }
    return list;
  };
  item.loaded = [&optimizer, state] {
    if (optimizer.step_share()) optimizer.load_counters(*state);
    else optimizer.load_state(*state);
  };
  return item;
}

Item item_of(optim::Schedule& schedule) {
  return numbers_item<std::int64_t>([&schedule] { return std::vector{schedule.step_count()}; }, [&schedule](const auto& v) { schedule.set_step_count(v[0]); });
}

Item item_of(std::int64_t& number) {
  return numbers_item<std::int64_t>([&number] { return std::vector{number}; }, [&number](const auto& v) { number = v[0]; });
}

Item item_of(double& number) {
  return numbers_item<double>([&number] { return std::vector{number}; }, [&number](const auto& v) { number = v[0]; });
}

Item item_of(data::Loader& loader, std::string_view name) {
  const auto state = std::make_shared<Tensor>();
  Item item;
  item.pieces = [&loader, state](int) {
    const data::LoaderPosition p = loader.position();
    const data::LoaderOptions& o = loader.options();
    *state = from(std::vector<std::int64_t>{p.epoch, p.examples, loader.example_count(), o.shuffle, o.shuffle ? static_cast<std::int64_t>(o.seed) : 0});
    return std::vector<Piece>{{whole("", *state, Writer::rank_0).slice, Writer::rank_0, true}};
  };
  item.check = [&loader, state, name = std::string(name)] {
    const auto saved = state->to_vector<std::int64_t>();
    if (saved[2] != loader.example_count())
      TASUKI_THROW(FileError, "\"", name, "\" had ", saved[2], " examples when the checkpoint was written, and has ", loader.example_count(), " here");
    const auto order = [](bool shuffle, std::uint64_t seed) { return shuffle ? "shuffled from the seed " + std::to_string(seed) : std::string("not shuffled"); };
    const std::string before = order(saved[3] != 0, static_cast<std::uint64_t>(saved[4])), here = order(loader.options().shuffle, loader.options().seed);
    if (before != here) TASUKI_THROW(FileError, "the examples of \"", name, "\" were ", before, " when the checkpoint was written, and are ", here, " here");
  };
  item.loaded = [&loader, state] {
    const auto saved = state->to_vector<std::int64_t>();
    loader.set_position({saved[0], saved[1]});
  };
  return item;
}

Item item_of(Generator& generator) {
  const auto state = std::make_shared<Tensor>();
  Item item;
  item.spread = true;
  item.pieces = [&generator, state](int processes) {
    const PhiloxState s = generator.state();
    *state = from(std::vector<std::int64_t>{static_cast<std::int64_t>(s.seed), static_cast<std::int64_t>(s.offset)});
    const int rank = processes == world().size() ? world().rank() : 0;
    return std::vector<Piece>{whole("rank-" + std::to_string(rank), *state, Writer::owner)};
  };
  item.loaded = [&generator, state] {
    const auto values = state->to_vector<std::int64_t>();
    generator.set_state({static_cast<std::uint64_t>(values[0]), static_cast<std::uint64_t>(values[1])});
  };
  return item;
}

Item item_of(ShardedState& state) {
  Item item;
  item.spread = true;
  item.pieces = [&state](int) {
    std::vector<Piece> list;
    for (TensorSlice& s : state.slices()) list.push_back({std::move(s), Writer::owner});
    return list;
  };
  item.loaded = [&state] { state.loaded(); };
  return item;
}

Item item_of(const Tensor& tensor) {
  Item item;
  item.pieces = [tensor](int) { return std::vector<Piece>{whole("", tensor, Writer::rank_0)}; };
  return item;
}

/// As many processes as before take back what was theirs. Others share it out: what process r of them held back goes to process
/// r modulo their number, so that the sum over all processes, which is what counts, is what it was.
Item compression_item() {
  struct HeldBack {
    Tensor mine;                ///< of this process
    std::vector<Tensor> saved;  ///< of those that it takes over
  };
  struct State {
    std::vector<HeldBack> held;
    std::vector<std::pair<CompressedExchange*, Tensor>> passes;
  };
  const auto state = std::make_shared<State>();
  Item item;
  item.name = "compression";
  item.spread = true;
  item.pieces = [state](int processes) {
    *state = {};
    const World w = world();
    std::vector<Piece> list;
    std::size_t number = 0;
    const auto add = [&](const std::string& name, const Tensor& t, Writer writer) {
      list.push_back(whole(std::to_string(number) + "." + name, t, writer));
      list.back().may_lack = true;
    };
    for (CompressedExchange* exchange : CompressedExchange::all()) {
      for (const NamedTensor& t : exchange->state()) {
        HeldBack held{t.tensor, {}};
        for (int r = w.rank(); r < processes; r += w.size()) {
          held.saved.push_back(processes == w.size() ? t.tensor : zeros_like(t.tensor));
          add(t.name + ".rank-" + std::to_string(r), held.saved.back(), Writer::owner);
        }
        state->held.push_back(std::move(held));
      }
      for (const NamedTensor& t : exchange->common_state()) add(t.name, t.tensor, Writer::rank_0);
      state->passes.emplace_back(exchange, from(std::vector<std::int64_t>{exchange->passes()}));
      add("passes", state->passes.back().second, Writer::rank_0);
      ++number;
    }
    return list;
  };
  item.loaded = [state] {
    for (const HeldBack& held : state->held) {
      if (held.saved.size() == 1 && held.saved[0].is_same(held.mine)) continue;
      held.mine.zero_();
      for (const Tensor& saved : held.saved) held.mine.add_(saved);
    }
    for (const auto& [exchange, passes] : state->passes) exchange->passes() = passes.item<std::int64_t>();
  };
  return item;
}

}  // namespace tasuki::dist
