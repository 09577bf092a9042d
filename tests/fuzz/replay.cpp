// Runs a fuzz target without libFuzzer: on every seed, on every seed cut short, and on every seed with single bytes changed. What
// changes is decided by the seed alone, so that a failure repeats.
//   fuzz_gguf FOLDER|FILE...

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

// Each seed is cut and bent in at most this many places, spread over its length.
constexpr std::size_t kPlaces = 400;

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void run(const std::string& input) { LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()); }

std::size_t replay(const std::string& seed) {
  run(seed);
  const std::size_t step = std::max<std::size_t>(1, seed.size() / kPlaces);
  std::size_t runs = 1;
  for (std::size_t at = 0; at < seed.size(); at += step) {
    run(seed.substr(0, at));
    for (const unsigned change : {0x01u, 0x80u, 0xFFu}) {
      std::string bent = seed;
      bent[at] = static_cast<char>(static_cast<unsigned char>(bent[at]) ^ change);
      run(bent);
    }
    runs += 4;
  }
  return runs;
}

}  // namespace

int main(int count, char** names) {
  std::vector<fs::path> files;
  for (int i = 1; i < count; ++i) {
    if (fs::is_directory(names[i])) std::copy(fs::directory_iterator(names[i]), fs::directory_iterator(), std::back_inserter(files));
    else files.emplace_back(names[i]);
  }
  std::sort(files.begin(), files.end());
  std::size_t runs = 0;
  for (const fs::path& file : files) runs += replay(read(file));
  std::printf("%zu seeds, %zu inputs\n", files.size(), runs);
  return files.empty() ? 1 : 0;
}
