#include "tasuki/data/loader.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"

namespace ts = tasuki;
using ts::data::Batch;
using ts::data::Loader;
using ts::data::TensorDataset;
using tasuki::testing::error_text;

namespace {

using Order = std::vector<std::int64_t>;

/// Example i is the number i, its target 10 i.
TensorDataset counting(std::int64_t n) {
  const ts::Tensor x = ts::arange(n);
  return TensorDataset(x.reshape({n, 1}), ts::arange(0, 10 * n, 10));
}

/// One epoch as the indices that it visited; every target is checked.
Order epoch_of(Loader& loader) {
  Order order;
  for (auto [x, t] : loader) {
    const auto index = x.to_vector<std::int64_t>(), target = t.to_vector<std::int64_t>();
    REQUIRE(index.size() == target.size());
    for (std::size_t i = 0; i < index.size(); ++i) REQUIRE(target[i] == 10 * index[i]);
    order.insert(order.end(), index.begin(), index.end());
  }
  return order;
}

Order sorted(Order order) {
  std::sort(order.begin(), order.end());
  return order;
}

struct Slow : ts::data::Dataset {
  std::atomic<int>* made;
  explicit Slow(std::atomic<int>* counter) : made(counter) {}
  std::int64_t size() const override { return 1000; }
  Batch get(std::int64_t i) const override {
    ++*made;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    return {ts::tensor(i), ts::tensor(10 * i)};
  }
};

struct Failing : ts::data::Dataset {
  std::int64_t size() const override { return 20; }
  Batch get(std::int64_t i) const override {
    if (i == 13) throw std::runtime_error("example 13 is unlucky");
    return {ts::tensor(i), ts::tensor(10 * i)};
  }
};

struct Ragged : ts::data::Dataset {
  std::int64_t size() const override { return 3; }
  Batch get(std::int64_t i) const override { return {ts::zeros({2 + i / 2}), {}}; }
};

}  // namespace

TEST_CASE("without shuffling an epoch is the dataset in order, the last batch what is left") {
  Loader loader(counting(10), {.batch = 4});
  CHECK(loader.size() == 3);
  std::vector<std::int64_t> sizes;
  for (auto [x, t] : loader) sizes.push_back(x.size(0));
  CHECK(sizes == std::vector<std::int64_t>{4, 4, 2});
  CHECK(epoch_of(loader) == Order{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("drop_last leaves the short batch out") {
  Loader loader(counting(10), {.batch = 4, .drop_last = true});
  CHECK(loader.size() == 2);
  CHECK(epoch_of(loader).size() == 8);
}

TEST_CASE("a loader works as the temporary of a range-for, as the sketch of the API has it") {
  std::int64_t sum = 0;
  for (auto [x, t] : Loader{counting(6), {.batch = 4}})
    for (const std::int64_t v : t.to_vector<std::int64_t>()) sum += v;
  CHECK(sum == 150);
}

TEST_CASE("shuffling visits every example once, in an order of its own per epoch and seed") {
  Loader loader(counting(100), {.batch = 7, .shuffle = true, .seed = 3});
  const Order first = epoch_of(loader), second = epoch_of(loader);
  Loader plain(counting(100));
  CHECK(sorted(first) == epoch_of(plain));
  CHECK(sorted(second) == sorted(first));
  CHECK_FALSE(std::is_sorted(first.begin(), first.end()));
  CHECK(first != second);
  Loader other(counting(100), {.batch = 7, .shuffle = true, .seed = 4});
  CHECK(epoch_of(other) != first);
}

TEST_CASE("the order depends on seed and epoch only: not on workers, prefetch or the batches before") {
  Loader reference(counting(100), {.batch = 7, .shuffle = true, .seed = 3});
  const Order first = epoch_of(reference), second = epoch_of(reference);
  for (const int workers : {1, 2, 5}) {
    for (const int prefetch : {1, 3}) {
      CAPTURE(workers, prefetch);
      Loader loader(counting(100), {.batch = 7, .shuffle = true, .seed = 3, .workers = workers, .prefetch = prefetch});
      CHECK(epoch_of(loader) == first);
      CHECK(epoch_of(loader) == second);
    }
  }
  Loader resumed(counting(100), {.batch = 11, .shuffle = true, .seed = 3});
  resumed.set_epoch(1);
  CHECK(resumed.epoch() == 1);
  CHECK(epoch_of(resumed) == second);
}

TEST_CASE("shards share each batch of one process, without repeating an example, in equally many steps") {
  for (const std::int64_t n : {12, 13, 14, 17}) {
    Loader whole(counting(n), {.batch = 6, .shuffle = true});
    std::vector<Order> batches;
    for (auto [x, t] : whole) batches.push_back(sorted(x.to_vector<std::int64_t>()));
    std::vector<Order> together(batches.size());
    for (int rank = 0; rank < 3; ++rank) {
      Loader part(counting(n), {.batch = 2, .shuffle = true, .workers = rank, .shard = {rank, 3}});
      CHECK(part.size() == whole.size());
      std::size_t k = 0;
      for (auto [x, t] : part) {
        REQUIRE(k < together.size());
        for (const std::int64_t i : x.to_vector<std::int64_t>()) together[k].push_back(i);
        ++k;
      }
      CHECK(k == batches.size());
    }
    for (std::size_t k = 0; k < batches.size(); ++k) CHECK(sorted(together[k]) == batches[k]);
  }
  Loader dropping(counting(13), {.batch = 2, .drop_last = true, .shard = {2, 3}});
  CHECK(epoch_of(dropping) == Order{2, 5, 8, 11});
}

TEST_CASE("a shard without an example in the last batch gets one of zero rows, shaped and transformed like the others") {
  const auto scaled = [](Batch& batch) { batch.x = batch.x.to(ts::f32) / 2; };
  Loader part(TensorDataset(ts::zeros({7, 3, 2}), ts::zeros({7}, {.dtype = ts::i64})), {.batch = 2, .shard = {1, 3}, .transform = scaled});
  std::vector<ts::Shape> shapes;
  for (auto [x, t] : part) {
    shapes.push_back(x.shape());
    CHECK(t.shape() == ts::Shape{x.size(0)});
  }
  CHECK(shapes == std::vector<ts::Shape>{{2, 3, 2}, {0, 3, 2}});
}

TEST_CASE("a run goes on in mid-epoch, with another number of shards too") {
  Loader whole(counting(50), {.batch = 6, .shuffle = true, .seed = 4});
  Order all = epoch_of(whole);
  Loader first(counting(50), {.batch = 3, .shuffle = true, .seed = 4, .workers = 1, .shard = {0, 2}});
  int steps = 0;
  for ([[maybe_unused]] auto batch : first)
    if (++steps == 4) break;
  const ts::data::LoaderPosition reached = first.position();
  CHECK(reached == ts::data::LoaderPosition{0, 24});
  for (const int shards : {1, 2, 3}) {
    Order rest;
    for (int rank = 0; rank < shards; ++rank) {
      Loader next(counting(50), {.batch = 6 / shards, .shuffle = true, .seed = 4, .shard = {rank, shards}});
      next.set_position(reached);
      const Order part = epoch_of(next);
      rest.insert(rest.end(), part.begin(), part.end());
      CHECK(next.position() == ts::data::LoaderPosition{1, 0});
      CHECK(epoch_of(next).size() == static_cast<std::size_t>((50 - rank + shards - 1) / shards));
    }
    CHECK(sorted(rest) == sorted(Order(all.begin() + 24, all.end())));
  }
  CHECK(error_text([&] { first.set_position({0, 50}); }) ==
        "ValueError: data::Loader::set_position\n"
        "  expected  position.epoch >= 0 && position.examples >= 0 && position.examples < size\n"
        "  position is {0, 50}, the dataset has 50 examples\n  called at <here>");
}

TEST_CASE("with a global batch, each step sees the same examples for any number of shards") {
  Loader whole(counting(53), {.global_batch = 10, .shuffle = true, .seed = 9});
  for (const int shards : {1, 2, 3, 8, 13}) {
    CAPTURE(shards);
    std::vector<Order> steps(6);
    for (int rank = 0; rank < shards; ++rank) {
      Loader part(counting(53), {.global_batch = 10, .shuffle = true, .seed = 9, .shard = {rank, shards}});
      CHECK(part.size() == 6);
      std::size_t step = 0;
      for (auto [x, t] : part) {
        const auto mine = x.to_vector<std::int64_t>();
        CHECK(static_cast<std::int64_t>(mine.size()) <= (10 + shards - 1) / shards);
        steps[step].insert(steps[step].end(), mine.begin(), mine.end());
        ++step;
      }
      CHECK(step == 6);
    }
    whole.set_epoch(0);
    std::size_t step = 0;
    for (auto [x, t] : whole) CHECK(sorted(steps[step++]) == sorted(x.to_vector<std::int64_t>()));
  }
}

TEST_CASE("a global batch that no number of shards divides is resumed in mid-epoch on any") {
  Loader whole(counting(53), {.global_batch = 10, .shuffle = true, .seed = 9});
  const Order all = epoch_of(whole);
  Loader first(counting(53), {.global_batch = 10, .shuffle = true, .seed = 9, .shard = {2, 3}});
  int steps = 0;
  for ([[maybe_unused]] auto batch : first)
    if (++steps == 3) break;
  CHECK(first.position() == ts::data::LoaderPosition{0, 30});
  for (const int shards : {1, 4, 7}) {
    Order rest;
    for (int rank = 0; rank < shards; ++rank) {
      Loader next(counting(53), {.global_batch = 10, .shuffle = true, .seed = 9, .shard = {rank, shards}});
      next.set_position(first.position());
      const Order part = epoch_of(next);
      rest.insert(rest.end(), part.begin(), part.end());
    }
    CHECK(sorted(rest) == sorted(Order(all.begin() + 30, all.end())));
  }
}

TEST_CASE("leaving a loop early stops the workers, and the next loop is a whole epoch") {
  std::atomic<int> made{0};
  Loader loader(Slow(&made), {.batch = 1, .workers = 3, .prefetch = 2});
  for (auto [x, t] : loader) {
    CHECK(x.size(0) == 1);
    break;
  }
  const int after_break = made;
  CHECK(after_break <= 1 + 3 * 2 + 3);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(made == after_break);
}

TEST_CASE("workers never run further ahead than prefetch allows") {
  std::atomic<int> made{0};
  Loader loader(Slow(&made), {.batch = 1, .workers = 2, .prefetch = 2});
  const auto settles_at = [&](int expected) {
    for (int waited = 0; made < expected && waited < 10'000; ++waited) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return made == expected;
  };
  auto batch = loader.begin();
  CHECK(settles_at(5));  // the one in use and two for each worker
  ++batch;
  CHECK(settles_at(6));
}

TEST_CASE("two loops over one loader can run side by side") {
  Loader loader(counting(8), {.batch = 2, .workers = 1});
  auto a = loader.begin(), b = loader.begin();
  for (int i = 0; i < 4; ++i, ++a, ++b) CHECK(a->x.to_vector<std::int64_t>() == b->x.to_vector<std::int64_t>());
  CHECK_FALSE(a != loader.end());
}

TEST_CASE("an exception of the dataset arrives at its batch, with its text") {
  for (const int workers : {0, 2}) {
    CAPTURE(workers);
    Loader loader(Failing(), {.batch = 5, .workers = workers});
    int batches = 0;
    std::string message;
    try {
      for (auto [x, t] : loader) ++batches;
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    CHECK(batches == 2);
    CHECK(message == "example 13 is unlucky");
  }
}

TEST_CASE("an error of Tasuki's from a worker says which batch it was") {
  Loader loader(Ragged(), {.batch = 3, .workers = 1});
  CHECK(error_text([&] { loader.begin(); }) ==
        "ShapeError: expected  inputs of one shape in a batch: [2], as in example 0\n  actual    [3] in example 2\n  in a worker of data::Loader, while it made batch 0");
}

TEST_CASE("a transform sees every batch") {
  for (const int workers : {0, 2}) {
    Loader loader(counting(9), {.batch = 4, .workers = workers, .transform = [](Batch& batch) { batch.t = batch.t.to(ts::f32); }});
    for (auto [x, t] : loader) CHECK(t.dtype() == ts::f32);
  }
}

TEST_CASE("examples of a user's dataset are stacked; targets may be absent") {
  std::atomic<int> made{0};
  Loader loader(Slow(&made), {.batch = 3});
  const auto batch = loader.begin();
  CHECK(batch->x.shape() == ts::Shape{3});
  CHECK(batch->t.to_vector<std::int64_t>() == Order{0, 10, 20});
  Loader unlabelled(TensorDataset(ts::arange(4).reshape({2, 2})), {.batch = 2});
  for (auto [x, t] : unlabelled) {
    CHECK(x.to_vector<std::int64_t>() == Order{0, 1, 2, 3});
    CHECK_FALSE(t.defined());
  }
}

TEST_CASE("a dataset of strided or empty rows is gathered right") {
  const ts::Tensor x = ts::arange(6).reshape({2, 3}).transpose(0, 1);
  Loader loader(TensorDataset(x, ts::zeros({3, 0})), {.batch = 2});
  const auto batch = loader.begin();
  CHECK(batch->x.to_vector<std::int64_t>() == Order{0, 3, 1, 4});
  CHECK(batch->t.shape() == ts::Shape{2, 0});
}

TEST_CASE("what makes no batch is refused where the loader is made") {
  CHECK(error_text([] { Loader{TensorDataset()}; }) == "ValueError: data::Loader\n  expected  dataset->size() > 0\n  actual    0 <= 0\n  the dataset is empty\n  called at <here>");
  CHECK(error_text([] { Loader(counting(4), {.batch = 0}); }) == "ValueError: data::Loader\n  expected  o.batch >= 1\n  actual    0 < 1\n  called at <here>");
  CHECK(error_text([] { Loader(counting(4), {.batch = 2, .global_batch = 4}); }) ==
        "ValueError: data::Loader\n  expected  o.global_batch == 0 || o.batch == 1\n  batch is 2, global_batch 4: one of them is enough\n  called at <here>");
  CHECK(error_text([] { Loader(counting(4), {.global_batch = 5, .drop_last = true, .shard = {0, 2}}); })
            .find("drop_last leaves no batch of 5\n  called") != std::string::npos);
  CHECK(error_text([] { Loader(counting(4), {.workers = -1}); }) == "ValueError: data::Loader\n  expected  o.workers >= 0\n  actual    -1 < 0\n  called at <here>");
  CHECK(error_text([] { Loader(counting(4), {.batch = 5, .drop_last = true}); }) ==
        "ValueError: data::Loader\n  expected  dataset->size() >= least\n  actual    4 < 5\n  drop_last leaves no batch of 5\n  called at <here>");
  CHECK(error_text([] { Loader(counting(4), {.shard = {2, 2}}); }).find("shard 2 of 2") != std::string::npos);
  CHECK(error_text([] { TensorDataset(ts::zeros({3, 2}), ts::zeros({4})); }) ==
        "ShapeError: TensorDataset\n  expected  x.size(0) == t.size(0)\n  actual    3 != 4\n  each example needs one target\n  x: f32[3, 2] cpu   t: f32[4] cpu\n  called at <here>");
  CHECK(error_text([] { counting(3).get(3); }) ==
        "IndexError: expected  index >= 0 && index < size\n  the index is 3, the dataset has 3 examples");
}
