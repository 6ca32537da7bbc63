// How far data parallel training of ResNet-50 scales, simulated: events of compute and communication on clusters of up to 1,024 GPUs
// whose links take alpha + n beta for a message of n bytes. Nothing here is measured; what the model is given stands in the table, and
// beside it what others have published of such machines.
//
//     bench_scaling [--json FILE] [--svg FILE]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "benchmarks/scaling/collectives.hpp"
#include "benchmarks/scaling/network.hpp"
#include "benchmarks/support/report.hpp"
#include "examples/support/svg_plot.hpp"
#include "tasuki/tasuki.hpp"

namespace ts = tasuki;
using namespace tasuki::benchmark;

namespace {

constexpr int steps = 60;

/// A step's gradients in the order in which backward makes them, joined into buckets.
struct Bucket {
  double bytes, ready;  ///< ready: share of the step's compute that is done then
};

/// Backward takes twice the work of forward.
std::vector<Bucket> buckets_of(const std::vector<Layer>& layers, const Cluster& c, double bucket_bytes) {
  double work = 0, done = 0;
  for (const Layer& l : layers) work += l.work;
  std::vector<Bucket> buckets;
  for (auto l = layers.rbegin(); l != layers.rend(); ++l) {
    done += l->work;
    if (buckets.empty() || buckets.back().bytes >= bucket_bytes) buckets.push_back({0, 0});
    buckets.back().bytes += static_cast<double>(l->parameters) * c.bytes_per_gradient;
    buckets.back().ready = c.overlapped ? (1 + 2 * done / work) / 3 : 1;
  }
  return buckets;
}

/// Times of one step of each rank relative to the mean; the slowest decides when a bucket can be summed.
std::vector<double> slowest_of_each_step(int P, double jitter) {
  ts::Generator generator(static_cast<std::uint64_t>(P));
  std::vector<double> slowest;
  for (int s = 0; s < steps; ++s) slowest.push_back(1 + jitter * static_cast<double>(ts::max(ts::randn({P}, {}, &generator)).item<float>()));
  return slowest;
}

struct Outcome {
  double efficiency = 0, bucket_bytes = 0, communication = 0;  ///< communication: seconds of a step's collectives alone
};

/// A step after another: backward makes buckets ready, one stream sums them in order, and the next step starts behind the last one.
Outcome simulate(const std::vector<Layer>& layers, const Cluster& c, Algorithm algorithm, int P, const std::vector<double>& slowest) {
  const double compute = c.batch / c.images_per_second;
  Outcome best;
  for (double mib = 1; mib <= 128; mib *= 2) {
    const std::vector<Bucket> buckets = buckets_of(layers, c, mib * (1 << 20));
    std::vector<double> seconds;
    std::map<double, double> known;  // buckets of the same size take the same time
    for (const Bucket& b : buckets) {
      const auto found = known.find(b.bytes);
      seconds.push_back(found != known.end() ? found->second : known[b.bytes] = all_reduce_seconds(algorithm, P, b.bytes, c));
    }
    double total = 0, communication = 0;
    for (const double s : seconds) communication += s;
    for (const double pace : slowest) {
      double stream = 0;
      for (std::size_t b = 0; b < buckets.size(); ++b) stream = std::max(stream, buckets[b].ready * compute * pace) + seconds[b];
      total += std::max(stream, compute * pace);
    }
    const double efficiency = compute * steps / total;
    if (efficiency > best.efficiency) best = {efficiency, mib * (1 << 20), communication};
  }
  return best;
}

struct Anchor {
  int gpus;
  double efficiency;
  const char* source;
};
struct Study {
  Cluster cluster;
  std::vector<Anchor> anchors;
};

/// Speeds of links are three quarters of what is on their data sheets, which is what applications see of them.
std::vector<Study> studies() {
  return {
      {{"P100, 8 to a node, InfiniBand FDR; f16 on the wire, summed after backward", 8, 190, 32, 8e-6, 1 / 9e9, 5e-6, 1 / 5.2e9, 2, 0.01, false},
       {{128, 0.90, "ChainerMN"}, {1024, 0.80, "ChainerMN"}}},
      {{"P100, 8 to a node, 50 Gbit Ethernet; f32, overlapped", 8, 190, 32, 8e-6, 1 / 25e9, 15e-6, 1 / 4.7e9, 4, 0.01, true}, {{256, 0.90, "Goyal et al."}}},
      {{"P100, 4 to a node, 25 Gbit RoCE; f32, overlapped", 4, 190, 64, 8e-6, 1 / 9e9, 8e-6, 1 / 2.3e9, 4, 0.01, true}, {{512, 0.90, "Horovod"}}},
      {{"V100, 4 to a node, 2 InfiniBand EDR; f16 on the wire, overlapped", 4, 700, 64, 5e-6, 1 / 37e9, 4e-6, 1 / 18.7e9, 2, 0.01, true}, {{1088, 0.916, "Sony, 2-D torus"}}},
  };
}

/// The closed forms of the textbook, which the sums over messages must equal on a flat network.
bool agrees_with_closed_forms() {
  Cluster flat = studies()[0].cluster;
  flat.gpus_per_node = 1;
  bool agrees = true;
  for (const int P : {2, 8, 64, 1024})
    for (const double n : {1e3, 1e6, 1e8}) {
      const double ring = 2.0 * (P - 1) * flat.alpha_between + 2.0 * (P - 1) / P * n * flat.beta_between;
      agrees = agrees && std::abs(all_reduce_seconds(Algorithm::ring, P, n, flat) / ring - 1) < 1e-9;
    }
  return agrees;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<Layer> layers = resnet50();
  std::int64_t parameters = 0;
  for (const Layer& l : layers) parameters += l.parameters;
  const std::string json = option(argc, argv, "json", ""), svg = option(argc, argv, "svg", "");
  Report report("scaling");
  std::vector<plot::Plot> pictures;
  bool met = agrees_with_closed_forms() && parameters == 25'557'032;
  std::printf("SIMULATED: weak scaling of ResNet-50 (%lld parameters) by events in an alpha-beta model; %s\n", static_cast<long long>(parameters),
              met ? "rings agree with their closed form" : "THE MODEL CONTRADICTS ITSELF");
  std::printf("An upper bound: no input pipeline, no other traffic on the network, no failures. Runs that were published had those.\n");
  const char* colors[] = {"#8a9099", "#0f766e", "#1d4ed8", "#c2410c"};
  for (const Study& study : studies()) {
    const Cluster& c = study.cluster;
    std::printf("\n%s\n", c.name.c_str());
    std::printf("  given: %d images per GPU and step, %g images/s; inside a node alpha %g us, %g GB/s; between nodes %g us, %g GB/s a node; %g bytes a gradient; times of a step vary by %g %%\n",
                c.batch, c.images_per_second, c.alpha_inside * 1e6, 1e-9 / c.beta_inside, c.alpha_between * 1e6, 1e-9 / c.beta_between, c.bytes_per_gradient, c.jitter * 100);
    std::printf("  %6s", "GPUs");
    for (const Algorithm a : all_algorithms) std::printf(" %13s", name_of(a));
    std::printf("   best: bucket, seconds of communication alone, of compute\n");
    plot::Plot picture("simulated: " + c.name);
    picture.x.label = "log2 of GPUs", picture.left.label = "efficiency";
    picture.left.set(0.5, 1, 0.1);
    for (const Algorithm a : all_algorithms) picture.series.push_back({name_of(a), colors[static_cast<int>(a)], plot::Side::left, {}, {}, false, false});
    for (int P = c.gpus_per_node; P <= 1024; P *= 2) {
      const std::vector<double> slowest = slowest_of_each_step(P, c.jitter);
      std::printf("  %6d", P);
      Outcome best;
      Algorithm by = Algorithm::ring;
      for (const Algorithm a : all_algorithms) {
        const Outcome o = simulate(layers, c, a, P, slowest);
        std::printf(" %13.3f", o.efficiency);
        picture.series[static_cast<std::size_t>(a)].add(std::log2(P), o.efficiency);
        if (o.efficiency > best.efficiency) best = o, by = a;
        report.begin_row();
        report.add_flag("simulated", true);
        report.add("cluster", c.name);
        report.add("gpus", P);
        report.add("algorithm", name_of(a));
        report.add("efficiency", o.efficiency);
        report.add("bucket_bytes", o.bucket_bytes);
        report.add("communication_seconds", o.communication);
        report.add("compute_seconds", c.batch / c.images_per_second);
      }
      std::printf("   %s: %g MiB, %.4f, %.4f\n", name_of(by), best.bucket_bytes / (1 << 20), best.communication, c.batch / c.images_per_second);
      if (c.name.rfind("V100", 0) == 0 && ((P == 128 && best.efficiency < 0.90) || (P == 1024 && best.efficiency < 0.916))) met = false;
    }
    plot::Series published{"published", "#111111", plot::Side::left, {}, {}, true, true};
    for (const Anchor& anchor : study.anchors) {
      std::printf("  published: %d GPUs %.3f (%s)\n", anchor.gpus, anchor.efficiency, anchor.source);
      published.add(std::log2(anchor.gpus), anchor.efficiency);
      report.begin_row();
      report.add_flag("simulated", false);
      report.add("cluster", c.name);
      report.add("gpus", anchor.gpus);
      report.add("efficiency", anchor.efficiency);
      report.add("source", std::string(anchor.source));
    }
    picture.series.push_back(published);
    pictures.push_back(std::move(picture));
  }
  std::printf("\ntarget, V100 with the best algorithm: 0.90 at 128 GPUs and 0.916 at 1,024: %s\n", met ? "met" : "MISSED");
  if (!svg.empty()) plot::write(svg, pictures, 2);
  return (json.empty() || report.save(json)) && met ? 0 : 1;
}
