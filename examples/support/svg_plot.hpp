#pragma once
// Line plots as SVG files, with an axis on either side: what the examples and benchmarks draw their curves with.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace plot {

enum class Side { left, right };

struct Series {
  std::string name, color;
  Side side = Side::left;
  std::vector<double> x = {}, y = {};
  bool markers = false, dashed = false;
  void add(double at, double value) { x.push_back(at), y.push_back(value); }
};

/// An axis' range, and the numbers written on it: steps of 1, 2 or 5 times a power of ten.
struct Axis {
  std::string label;
  double low = 0, high = 1, step = 0.2;
  int decimals = 1;
  bool fixed = false;

  /// Instead of what fits the values; those beyond are cut off.
  void set(double least, double most, double between) {
    low = least, high = most, step = between;
    count_decimals();
    fixed = true;
  }
  void fit(double least, double most, int ticks) {
    if (!(most > least)) most = least + (least == 0 ? 1 : std::abs(least));
    const double rough = (most - least) / ticks, magnitude = std::pow(10.0, std::floor(std::log10(rough)));
    step = 10 * magnitude;
    for (double nice : {1.0, 2.0, 5.0})
      if (rough <= nice * magnitude * (1 + 1e-9)) {
        step = nice * magnitude;
        break;
      }
    low = std::floor(least / step + 1e-9) * step;
    high = std::ceil(most / step - 1e-9) * step;
    count_decimals();
  }
  void count_decimals() { decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9))); }
  double fraction(double value) const { return (value - low) / (high - low); }
};

class Plot {
 public:
  explicit Plot(std::string title) : title_(std::move(title)) {}
  Axis x, left, right;
  std::vector<Series> series;

  void write(const std::string& path) const;
  /// An <svg> element with its corner at a point of the picture around it.
  std::string text(double at_x, double at_y) {
    fit_axes();
    return panel(at_x, at_y);
  }
  static constexpr double width = 760, height = 440;

 private:
  static constexpr double plot_left = 72, plot_right = 688, plot_top = 56, plot_bottom = 380;

  void fit_axes() {
    fit(x, [](const Series&) { return true; }, [](const Series& s) -> const std::vector<double>& { return s.x; }, 8);
    fit(left, [](const Series& s) { return s.side == Side::left; }, [](const Series& s) -> const std::vector<double>& { return s.y; }, 6);
    fit(right, [](const Series& s) { return s.side == Side::right; }, [](const Series& s) -> const std::vector<double>& { return s.y; }, 6);
  }
  template <class Use, class Values>
  void fit(Axis& axis, Use use, Values values, int ticks) {
    if (axis.fixed) return;
    double least = HUGE_VAL, most = -HUGE_VAL;
    for (const Series& s : series)
      if (use(s))
        for (double v : values(s))
          if (std::isfinite(v)) least = std::min(least, v), most = std::max(most, v);
    if (most >= least) axis.fit(least, most, ticks);
  }

  static std::string number(double value, int decimals) {
    char buffer[48];
    std::snprintf(buffer, sizeof buffer, "%.*f", decimals, value + 0.0);
    return std::string(buffer) == "-0" ? "0" : buffer;
  }
  static std::string escaped(const std::string& plain) {
    std::string safe;
    for (char c : plain) safe += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
    return safe;
  }
  double across(double value) const { return plot_left + (plot_right - plot_left) * x.fraction(value); }
  double up(double value, Side side) const { return plot_bottom - (plot_bottom - plot_top) * (side == Side::left ? left : right).fraction(value); }

  static std::string label(double at_x, double at_y, const std::string& anchor, const std::string& what, const std::string& more = "") {
    return "<text x=\"" + number(at_x, 1) + "\" y=\"" + number(at_y, 1) + "\" text-anchor=\"" + anchor + "\"" + more + ">" + escaped(what) + "</text>\n";
  }
  static std::string line(double x1, double y1, double x2, double y2, const std::string& style) {
    return "<line x1=\"" + number(x1, 1) + "\" y1=\"" + number(y1, 1) + "\" x2=\"" + number(x2, 1) + "\" y2=\"" + number(y2, 1) + "\" " + style + "/>\n";
  }

  std::string axes() const {
    const std::string grid = "stroke=\"#e6e8eb\"", frame = "stroke=\"#8a9099\"";
    std::string svg;
    const auto ticks = [](const Axis& axis, auto draw) {
      for (int i = 0; axis.low + i * axis.step <= axis.high + 1e-9 * axis.step; ++i) draw(axis.low + i * axis.step);
    };
    ticks(left, [&](double v) {
      svg += line(plot_left, up(v, Side::left), plot_right, up(v, Side::left), grid);
      svg += label(plot_left - 8, up(v, Side::left) + 4, "end", number(v, left.decimals));
    });
    ticks(x, [&](double v) {
      svg += line(across(v), plot_bottom, across(v), plot_bottom + 5, frame);
      svg += label(across(v), plot_bottom + 20, "middle", number(v, x.decimals));
    });
    svg += line(plot_left, plot_bottom, plot_right, plot_bottom, frame) + line(plot_left, plot_top, plot_left, plot_bottom, frame);
    svg += label((plot_left + plot_right) / 2, plot_bottom + 44, "middle", x.label);
    svg += label(0, 0, "middle", left.label, " transform=\"translate(20 " + number((plot_top + plot_bottom) / 2, 0) + ") rotate(-90)\"");
    if (std::any_of(series.begin(), series.end(), [](const Series& s) { return s.side == Side::right; })) {
      svg += line(plot_right, plot_top, plot_right, plot_bottom, frame);
      ticks(right, [&](double v) {
        svg += line(plot_right, up(v, Side::right), plot_right + 5, up(v, Side::right), frame);
        svg += label(plot_right + 9, up(v, Side::right) + 4, "start", number(v, right.decimals));
      });
      svg += label(0, 0, "middle", right.label, " transform=\"translate(" + number(width - 14, 0) + " " + number((plot_top + plot_bottom) / 2, 0) + ") rotate(90)\"");
    }
    return svg;
  }

  std::string curve(const Series& s) const {
    std::string svg = "<polyline fill=\"none\" stroke=\"" + s.color + "\" stroke-width=\"2\"" + (s.dashed ? " stroke-dasharray=\"6 4\"" : "") + " stroke-linejoin=\"round\" points=\"";
    for (std::size_t i = 0; i < s.x.size(); ++i)
      if (std::isfinite(s.y[i])) svg += number(across(s.x[i]), 1) + "," + number(up(s.y[i], s.side), 1) + " ";
    svg += "\"/>\n";
    if (s.markers)
      for (std::size_t i = 0; i < s.x.size(); ++i)
        if (std::isfinite(s.y[i])) svg += "<circle cx=\"" + number(across(s.x[i]), 1) + "\" cy=\"" + number(up(s.y[i], s.side), 1) + "\" r=\"3.5\" fill=\"" + s.color + "\"/>\n";
    return svg;
  }

  /// What axes that were set cut off ends at the frame.
  std::string curves() const {
    const double margin = 4, x0 = plot_left - margin, y0 = plot_top - margin, w = plot_right - plot_left + 2 * margin, h = plot_bottom - plot_top + 2 * margin;
    const std::string frame = number(x0, 0) + "\" y=\"" + number(y0, 0) + "\" width=\"" + number(w, 0) + "\" height=\"" + number(h, 0);
    std::string svg = "<svg x=\"" + frame + "\" viewBox=\"" + number(x0, 0) + " " + number(y0, 0) + " " + number(w, 0) + " " + number(h, 0) + "\">\n";
    for (const Series& s : series) svg += curve(s);
    return svg + "</svg>\n";
  }

  std::string panel(double at_x, double at_y) const {
    std::string svg = "<svg x=\"" + number(at_x, 0) + "\" y=\"" + number(at_y, 0) + "\" width=\"" + number(width, 0) + "\" height=\"" + number(height, 0) + "\">\n";
    svg += label(plot_left, 26, "start", title_, " font-size=\"16\" font-weight=\"600\"");
    svg += axes() + curves();
    double at = plot_left;
    for (const Series& s : series) {
      svg += line(at, 42, at + 22, 42, "stroke=\"" + s.color + "\" stroke-width=\"3\"") + label(at + 28, 46, "start", s.name);
      at += 52 + 7 * static_cast<double>(s.name.size());
    }
    return svg + "</svg>\n";
  }

  std::string title_;
};

/// Several plots as one picture, row by row.
inline void write(const std::string& path, std::vector<Plot>& plots, int columns) {
  const int count = static_cast<int>(plots.size()), rows = (count + columns - 1) / columns;
  const std::string width = std::to_string(std::min(count, columns) * static_cast<int>(Plot::width)), height = std::to_string(rows * static_cast<int>(Plot::height));
  std::ofstream file(path);
  file << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << width << ' ' << height << "\" width=\"" << width << "\" height=\"" << height
       << "\" font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#33383f\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
  for (int i = 0; i < count; ++i) file << plots[static_cast<std::size_t>(i)].text(i % columns * Plot::width, i / columns * Plot::height);
  file << "</svg>\n";
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}
inline void Plot::write(const std::string& path) const {
  std::vector<Plot> one{*this};
  plot::write(path, one, 1);
}

}  // namespace plot
