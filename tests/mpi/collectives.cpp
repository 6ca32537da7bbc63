// Sums, gathers and messages, through the window, in shared memory and between hosts.
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tasuki/tensor/tensor_impl.hpp"
#include "tests/mpi/ranks.hpp"

namespace ts = tasuki;

namespace {

/// Parts of any size, some of them empty: sums with the bits of all_reduce, and everybody's parts together again.
void parts(const ts::dist::World& world) {
  const int n = world.size(), r = world.rank();
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64})
    for (const std::int64_t size : {std::int64_t{0}, std::int64_t{5}, std::int64_t{1000003}}) {
      std::vector<std::int64_t> bounds{0};
      for (int p = 1; p < n; ++p) bounds.push_back(p % 3 == 2 ? bounds.back() : size * p / n);
      bounds.push_back(size);
      const ts::Tensor mine = (ts::randn({size}) * 100).to(dtype), whole = world.sum(mine), sum = mine.clone();
      const auto part = [&](const ts::Tensor& x) { return x.slice(0, bounds[static_cast<std::size_t>(r)], bounds[static_cast<std::size_t>(r) + 1]); };
      const auto agree = [&](const ts::Tensor& a, const ts::Tensor& b) { return a.numel() == 0 || ts::sum(a.ne(b)).item<std::int64_t>() == 0; };
      void* const data = sum.impl()->address();
      world.post("reduce_scatter", sum.nbytes(), [&](ts::dist::Communicator& c) { c.reduce_scatter(data, bounds.data(), dtype); }).wait();
      CHECK(agree(part(sum), part(whole)));
      const ts::Tensor own = part(sum).clone();
      if (size > 0) sum.zero_();
      if (own.numel() > 0) part(sum).copy_(own);
      std::vector<std::int64_t> in_bytes;
      for (const std::int64_t b : bounds) in_bytes.push_back(b * static_cast<std::int64_t>(ts::size_of(dtype)));
      world.post("all_gather", sum.nbytes(), [&](ts::dist::Communicator& c) { c.all_gather_parts(data, in_bytes.data()); }).wait();
      CHECK(agree(sum, whole));
    }
}

/// Memory that processes share: the bits of what goes through the window, wherever in it the data begin, and also where not all have theirs
/// at the same place.
void shared_memory(const ts::dist::World& world) {
  const int n = world.size(), r = world.rank();
  const std::size_t bytes = std::size_t{3} << 20;
  void* const pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED);
  char* const begin = static_cast<char*>(pages);
  std::memset(begin, 17 + r, bytes);
  world.post("share", bytes, [&](ts::dist::Communicator& c) { c.share(begin, bytes); }).wait();
  CHECK(std::all_of(begin, begin + bytes, [&](char c) { return c == 17 + r; }));
  ts::manual_seed(300 + static_cast<std::uint64_t>(r));
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64})
    for (const std::int64_t count : {std::int64_t{1}, std::int64_t{63}, std::int64_t{100003}, std::int64_t{290001}})
      for (const int place : {0, 1, 2}) {
        const ts::Tensor mine = (ts::randn({count}) * 100).to(dtype), whole = world.sum(mine);
        // begin, elsewhere, or on process 0 in memory of its own
        std::vector<char> own(mine.nbytes());
        char* const data = place == 2 && r == 0 ? own.data() : begin + place * 192;
        const auto fill = [&] { std::memcpy(data, mine.impl()->address(), mine.nbytes()); };
        const auto same = [&](std::int64_t from, std::int64_t to) {
          const std::size_t element = mine.element_size();
          return std::memcmp(data + static_cast<std::size_t>(from) * element, static_cast<const char*>(whole.impl()->address()) + static_cast<std::size_t>(from) * element, static_cast<std::size_t>(to - from) * element) == 0;
        };
        fill();
        world.post("all_reduce", mine.nbytes(), [&](ts::dist::Communicator& c) { c.all_reduce(data, count, dtype); }).wait();
        CHECK(same(0, count));
        fill();
        std::vector<std::int64_t> bounds;
        for (int p = 0; p <= n; ++p) bounds.push_back(count * p / n);
        world.post("reduce_scatter", mine.nbytes(), [&](ts::dist::Communicator& c) { c.reduce_scatter(data, bounds.data(), dtype); }).wait();
        CHECK(same(bounds[static_cast<std::size_t>(r)], bounds[static_cast<std::size_t>(r) + 1]));
        for (std::int64_t& b : bounds) b *= static_cast<std::int64_t>(mine.element_size());
        world.post("all_gather", mine.nbytes(), [&](ts::dist::Communicator& c) { c.all_gather_parts(data, bounds.data()); }).wait();
        CHECK(same(0, count));
      }
  world.post("unshare", 0, [&](ts::dist::Communicator& c) { c.unshare(begin); }).wait();
  munmap(pages, bytes);
}

}  // namespace

void collectives(const ts::dist::World& world) {
  const int n = world.size(), r = world.rank();
  CHECK(world.sum(r + 1.0) == n * (n + 1) / 2);
  // Sizes around a chunk of the shared window, none a multiple of the number of processes.
  for (const std::int64_t size : {std::int64_t{0}, std::int64_t{1}, std::int64_t{7}, std::int64_t{4099}, std::int64_t{262144}, std::int64_t{600001}})
    for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32}) {
      std::vector<std::int64_t> numbers(static_cast<std::size_t>(size));
      for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::int64_t>(i % 61);
      const ts::Tensor base = ts::from(numbers), mine = (base + r).to(dtype), kept = mine.clone();
      const ts::Tensor expected = (base * n + n * (n - 1) / 2).to(dtype);
      const ts::Tensor sum = world.sum(mine);
      CHECK(sum.dtype() == dtype);
      CHECK(size == 0 || ts::sum(sum.ne(expected)).item<std::int64_t>() == 0);
      CHECK(size == 0 || ts::sum(mine.ne(kept)).item<std::int64_t>() == 0);
    }
  // Floats whose sum depends on the order: the same bits on all processes, and every time.
  ts::manual_seed(100 + static_cast<std::uint64_t>(r));
  const ts::Tensor noise = ts::randn({100003});
  const auto first = world.sum(noise).to_vector<float>();
  for (int again = 0; again < 3; ++again) CHECK(world.sum(noise).to_vector<float>() == first);
  const std::string bits(reinterpret_cast<const char*>(first.data()), 4000);
  const std::string all = world.gather_texts(bits, "");
  for (int other = 0; other < n; ++other) CHECK(all.substr(static_cast<std::size_t>(other) * 4000, 4000) == bits);

  for (int root = 0; root < n; ++root) {
    const ts::Tensor x = ts::full({3, 5}, r).transpose(0, 1);
    world.broadcast(x, root);
    CHECK(ts::sum(x.ne(root)).item<std::int64_t>() == 0);
  }
  std::string expected;
  for (int other = 0; other < n; ++other) expected += (other ? "," : "") + std::string(static_cast<std::size_t>(other), 'x');
  CHECK(world.gather_texts(std::string(static_cast<std::size_t>(r), 'x'), ",") == expected);

  const ts::Tensor message = ts::full({100, 7}, r);
  if (r == 0) {
    for (int other = 1; other < n; ++other) {
      world.receive(message, other);
      CHECK(ts::sum(message.ne(other)).item<std::int64_t>() == 0);
    }
  } else {
    world.send(message.transpose(0, 1), 0);
  }
  parts(world);
  shared_memory(world);

  std::vector<ts::Tensor> many;
  std::vector<ts::dist::Work> works;
  for (int i = 0; i < 40; ++i) {
    many.push_back(ts::full({1000 + i}, i));
    works.push_back(world.all_reduce(many.back()));
  }
  for (int i = 39; i >= 0; --i) {
    works[static_cast<std::size_t>(i)].wait();
    CHECK(works[static_cast<std::size_t>(i)].ready());
    CHECK(many[static_cast<std::size_t>(i)][0].item<float>() == static_cast<float>(i * n));
  }
  world.barrier();
}

/// What the leader of each host sends over its cable, as the system counts it, against what must be sent. For several hosts for real.
void link_bytes(const ts::dist::World& world) {
  const auto sent = [] {
    std::ifstream counters("/proc/self/net/dev");
    for (std::string line; std::getline(counters, line);) {
      double values[9] = {};
      const std::size_t colon = line.find("eth0:");
      if (colon == std::string::npos) continue;
      std::istringstream numbers(line.substr(colon + 5));
      for (double& v : values) numbers >> v;
      return values[8];
    }
    return 0.0;
  };
  const int hosts = world.size() / world.local_size();
  const std::int64_t count = std::int64_t{4} << 20;
  std::vector<float> values(static_cast<std::size_t>(count), 1.0f);
  std::vector<std::int64_t> bounds;
  for (int p = 0; p <= world.size(); ++p) bounds.push_back(count * p / world.size());
  std::vector<std::int64_t> in_bytes = bounds;
  for (std::int64_t& b : in_bytes) b *= static_cast<std::int64_t>(sizeof(float));
  const double once = (hosts - 1.0) / hosts * static_cast<double>(count) * sizeof(float);
  const auto check = [&](const char* what, double formula, const auto& run) {
    world.post("barrier", 0, [](ts::dist::Communicator& c) { c.barrier(); }).wait();
    const double before = sent();
    const auto start = std::chrono::steady_clock::now();
    world.post(what, values.size() * sizeof(float), [&](ts::dist::Communicator& c) { run(c), c.barrier(); }).wait();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const double bytes = sent() - before;
    if (world.rank() == 0) std::printf("%s of %.0f MB over %d hosts: %.1f MB sent, %.1f by the formula, in %.3f s: %.2f Gbit/s\n", what, static_cast<double>(values.size()) * 4e-6, hosts, bytes / 1e6, formula / 1e6, seconds.count(), 8e-9 * bytes / seconds.count());
    // headers, acknowledgements and the launcher's own come on top
    CHECK(bytes >= formula && bytes <= 1.08 * formula + 5e4);
  };
  check("all_reduce", 2 * once, [&](ts::dist::Communicator& c) { c.all_reduce(values.data(), count, ts::f32); });
  check("reduce_scatter", once, [&](ts::dist::Communicator& c) { c.reduce_scatter(values.data(), bounds.data(), ts::f32); });
  check("all_gather", once, [&](ts::dist::Communicator& c) { c.all_gather_parts(values.data(), in_bytes.data()); });
  world.barrier();
}
