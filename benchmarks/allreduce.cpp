// Sums of f32 over several processes: Tasuki's all-reduce beside MPI_Allreduce of the same MPI and beside memcpy, in turns, so that
// whatever else the machine does meets all of them. `./run bench distributed`, or
//
//     mpirun -np 4 bench_allreduce [--seconds S] [--largest MIB] [--json FILE] [--svg FILE]
//
// "gradients" is what a DataParallel does: what is summed lies in memory that the processes of a host share, and is summed there. "any
// buffer" is the sum of a tensor that lies elsewhere, and goes through the shared window.
//
// Bus bandwidth is 2 (P - 1) / P * bytes / seconds: what each process must send and receive at least, whatever the algorithm. A
// time is the slowest process'; a row has the median over rounds; best rounds and quartiles are in the JSON. MPI has memory as a program
// gets it by itself, and with huge pages, which are faster for it; the shared memory has none where the system gives it none.
#include <mpi.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include "benchmarks/support/report.hpp"
#include "examples/support/svg_plot.hpp"
#include "tasuki/tasuki.hpp"

namespace ts = tasuki;
using namespace tasuki::benchmark;

namespace {

struct Contender {
  const char* name;
  const char* color;
  std::vector<double> seconds{};
};

/// The slowest process' time, known to all.
double slowest(ts::dist::Communicator& c, double mine) {
  std::vector<double> all(static_cast<std::size_t>(c.size()));
  c.all_gather(&mine, sizeof mine, all.data());
  return *std::max_element(all.begin(), all.end());
}

/// Whole pages of their own, as the gradients of a DataParallel have.
class Pages {
 public:
  explicit Pages(std::size_t bytes, bool huge = false) : bytes_((bytes + 4095) / 4096 * 4096), data_(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    if (data_ == MAP_FAILED) throw std::bad_alloc();
    madvise(data_, bytes_, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  }
  ~Pages() { munmap(data_, bytes_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  std::size_t bytes() const { return bytes_; }
  float* data() const { return static_cast<float*>(data_); }

 private:
  std::size_t bytes_;
  void* data_;
};

/// Runs on the communication thread, the only one that calls MPI.
void measure(ts::dist::Communicator& c, std::size_t bytes, double seconds, std::vector<Contender>& contenders) {
  const std::size_t count = bytes / sizeof(float);
  const Pages shared(bytes), data(bytes), huge(bytes, true), other(bytes);
  c.share(shared.data(), shared.bytes());
  const auto run = [&](std::size_t which) {
    if (which == 0) c.all_reduce(shared.data(), static_cast<std::int64_t>(count), ts::f32);
    else if (which == 1) c.all_reduce(data.data(), static_cast<std::int64_t>(count), ts::f32);
    else if (which < 4) MPI_Allreduce(MPI_IN_PLACE, which == 2 ? data.data() : huge.data(), static_cast<int>(count), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    else std::memcpy(other.data(), data.data(), bytes);
  };
  const auto timed = [&](std::size_t which, int calls) {
    c.barrier();
    const double begin = now();
    for (int i = 0; i < calls; ++i) run(which);
    return slowest(c, (now() - begin) / calls);
  };
  std::vector<int> calls;  // so many that a time is well above the clock's resolution
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    timed(i, 1);
    calls.push_back(static_cast<int>(std::clamp(1e-3 / timed(i, 2), 1.0, 1000.0)));
    contenders[i].seconds.clear();
  }
  const double end = now() + seconds;
  for (double left = 1; left > 0 || contenders[0].seconds.size() < 7;) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      for (const Pages* p : {&shared, &data, &huge}) std::fill_n(p->data(), count, 1.0f);
      contenders[i].seconds.push_back(timed(i, calls[i]));
    }
    left = slowest(c, end - now());  // all go on, or none
  }
  c.unshare(shared.data());
}

std::string size_text(std::size_t bytes) { return bytes >= 1 << 20 ? std::to_string(bytes >> 20) + " MiB" : std::to_string(bytes >> 10) + " KiB"; }

}  // namespace

int main(int argc, char** argv) {
  const ts::dist::World world = ts::dist::init(argc, argv);
  const int processes = world.size();
  if (processes == 1) {
    std::printf("one process has nobody to sum with: mpirun -np 4 %s, or ./run bench distributed\n", argv[0]);
    return 0;
  }
  const double seconds = std::atof(option(argc, argv, "seconds", "1").c_str());
  const auto largest = static_cast<std::size_t>(std::atol(option(argc, argv, "largest", "64").c_str())) << 20;
  const bool speaks = world.rank() == 0;
  char version[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  world.post("version", 0, [&](ts::dist::Communicator&) { MPI_Get_library_version(version, &length); }).wait();
  const std::string library = std::string(version).substr(0, std::string(version).find(','));
  Report report("allreduce");
  plot::Plot picture("All-reduce of f32 on " + std::to_string(processes) + " processes: bus bandwidth");
  picture.x.label = "log2 of bytes", picture.left.label = "GB/s";
  std::vector<Contender> contenders{{"Tasuki, gradients", "#c2410c"}, {"Tasuki, any buffer", "#d9a066"}, {"MPI_Allreduce", "#1d4ed8"}, {"MPI_Allreduce, huge pages", "#7aa2e8"}, {"memcpy", "#8a9099"}};
  for (const Contender& c : contenders) picture.series.push_back({c.name, c.color, plot::Side::left, {}, {}, true, std::string(c.name) == "memcpy"});
  double load[1] = {0};
  if (::getloadavg(load, 1) < 1) load[0] = 0;
  if (speaks) {
    std::printf("%d processes, %s; %s; load %.1f before\n", processes, world.description().c_str(), library.c_str(), load[0]);
    std::printf("bus bandwidth in GB/s; memcpy: bytes copied by each process at the same time; ratios to MPI_Allreduce without and with huge pages\n\n");
    std::printf("%10s %10s %12s %14s %12s %8s   %14s   %14s\n", "bytes", "gradients", "any buffer", "MPI_Allreduce", "huge pages", "memcpy", "gradients", "any buffer");
  }
  for (const std::size_t bytes : {std::size_t{4} << 10, std::size_t{64} << 10, std::size_t{1} << 20, std::size_t{4} << 20, std::size_t{16} << 20, std::size_t{64} << 20}) {
    if (bytes > largest) continue;
    world.post("measurement", bytes, [&](ts::dist::Communicator& c) { measure(c, bytes, seconds, contenders); }).wait();
    const double bus = 2.0 * (processes - 1) / processes * static_cast<double>(bytes) / 1e9;
    double speeds[5], best[5];
    report.begin_row();
    report.add("processes", processes);
    report.add("on", world.description());
    report.add("mpi", library);
    report.add("load_before", load[0]);
    report.add("bytes", static_cast<double>(bytes));
    const char* keys[] = {"tasuki", "tasuki_any_buffer", "mpi_allreduce", "mpi_allreduce_huge_pages", "memcpy"};
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      const Sample s = summarize(contenders[i].seconds);
      const double moved = i < 4 ? bus : static_cast<double>(bytes) / 1e9;
      speeds[i] = moved / s.median;
      best[i] = moved / *std::min_element(contenders[i].seconds.begin(), contenders[i].seconds.end());
      report.add(std::string(keys[i]) + "_gb_per_s_best", best[i]);
      report.add(std::string(keys[i]) + "_gb_per_s", speeds[i]);
      report.add(std::string(keys[i]) + "_gb_per_s_low", moved / s.high);
      report.add(std::string(keys[i]) + "_gb_per_s_high", moved / s.low);
      picture.series[i].add(std::log2(static_cast<double>(bytes)), speeds[i]);
    }
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t m = 2; m < 4; ++m) report.add(std::string(keys[i]) + "_to_" + keys[m], speeds[i] / speeds[m]);
    report.add("rounds", static_cast<double>(contenders[0].seconds.size()));
    if (speaks)
      std::printf("%10s %10.2f %12.2f %14.2f %12.2f %8.2f   %6.1fx %5.1fx   %6.1fx %5.1fx\n", size_text(bytes).c_str(), speeds[0], speeds[1], speeds[2], speeds[3], speeds[4], speeds[0] / speeds[2],
                  speeds[0] / speeds[3], speeds[1] / speeds[2], speeds[1] / speeds[3]), std::fflush(stdout);
  }
  if (!speaks) return 0;
  const std::string json = option(argc, argv, "json", ""), svg = option(argc, argv, "svg", "");
  if (!svg.empty()) picture.write(svg);
  return json.empty() || report.save(json) ? 0 : 1;
}
