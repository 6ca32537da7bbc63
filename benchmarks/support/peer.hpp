#pragma once
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "benchmarks/support/report.hpp"

/// Another framework in a process of its own, driven line by line over pipes, so that its runs interleave with ours.
namespace tasuki::benchmark {

class Peer {
 public:
  /// `environment`: NAME=value pairs to add.
  Peer(const std::string& program, const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {}) {
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) return;
    process_ = fork();
    if (process_ == 0) {
      dup2(to[0], 0);
      dup2(from[1], 1);
      for (int fd : {to[0], to[1], from[0], from[1]}) close(fd);
      for (const std::string& pair : environment) putenv(const_cast<char*>(pair.c_str()));
      std::vector<char*> argv{const_cast<char*>(program.c_str())};
      for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
      argv.push_back(nullptr);
      execvp(argv[0], argv.data());
      _exit(127);
    }
    close(to[0]);
    close(from[1]);
    to_ = fdopen(to[1], "w");
    from_ = fdopen(from[0], "r");
  }
  ~Peer() {
    if (to_) std::fclose(to_);  // end of input: the peer leaves
    if (from_) std::fclose(from_);
    if (process_ > 0) waitpid(process_, nullptr, 0);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// Sends a line and waits for one; "" when the peer has gone.
  std::string ask(const std::string& line) {
    if (!to_ || !from_ || std::fprintf(to_, "%s\n", line.c_str()) < 0 || std::fflush(to_) != 0) return {};
    return answer();
  }
  std::string answer() {
    std::string text;
    for (int c; from_ && (c = std::fgetc(from_)) != EOF && c != '\n';) text += static_cast<char>(c);
    return text;
  }

 private:
  int process_ = -1;
  std::FILE *to_ = nullptr, *from_ = nullptr;
};

/// A program of benchmarks/peers and the Python that runs it.
struct PeerProgram {
  std::string python;  ///< --python, else $TASUKI_PYTHON, else python3; "none" for no peer
  std::string script;  ///< from --peers, else from the sources that this was built from
  bool is_asked_for;   ///< by name: then a benchmark without it fails
};

inline PeerProgram peer_program(int argc, char** argv, const std::string& name) {
  const char* environment = std::getenv("TASUKI_PYTHON");
  const std::string given = option(argc, argv, "python", environment ? environment : ""), folder = option(argc, argv, "peers", "");
  PeerProgram program{given.empty() ? "python3" : given, folder + "/" + name, !given.empty()};
  if (!folder.empty()) return program;
  // The name of this file may be relative to where the compiler ran (under ccache it is): the program lies below the sources, too.
  const std::string source = __FILE__;
  program.script = source.substr(0, source.find_last_of('/')) + "/../peers/" + name;
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  for (auto above = self.parent_path(); access(program.script.c_str(), R_OK) != 0 && above.has_relative_path(); above = above.parent_path())
    if (const auto candidate = above / "benchmarks/peers" / name; std::filesystem::exists(candidate, error)) program.script = candidate;
  return program;
}

/// Starts a peer and says which PyTorch it is, or why there is none; one that was asked for by name must be there. `left_out` is the reason.
inline std::unique_ptr<Peer> start_peer(const PeerProgram& program, const std::vector<std::string>& environment, std::string& version, std::string& left_out) {
  if (program.python == "none") return nullptr;
  if (access(program.script.c_str(), R_OK) != 0) {
    left_out = "there is no " + program.script + "; --peers names the folder";
  } else {
    auto peer = std::make_unique<Peer>(program.python, std::vector<std::string>{program.script}, environment);
    const std::string hello = peer->answer();
    version = hello.rfind("ready ", 0) == 0 ? hello.substr(6) : "";
    if (!version.empty()) return peer;
    left_out = program.python + (hello.empty() ? " did not start" : " has none: " + hello);
  }
  std::fprintf(stderr, "PyTorch is left out: %s\n", left_out.c_str());
  if (program.is_asked_for) std::exit(2);
  return nullptr;
}

/// The numbers of a line "1.5 2 3".
inline std::vector<double> numbers(const std::string& line) {
  std::vector<double> values;
  const char* p = line.c_str();
  for (char* end; *p; p = end) {
    const double v = std::strtod(p, &end);
    if (end == p) break;
    values.push_back(v);
  }
  return values;
}

}  // namespace tasuki::benchmark
