#include "bench/sensors.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "bench/measure.hpp"
#include "scratch.hpp"

namespace rigcast::bench {
namespace {

World machine(const std::filesystem::path& root, const std::string& nvml) {
  return {.root = root, .run = {}, .library = [nvml](std::string_view name) { return name == "libnvidia-ml.so.1" ? nvml : std::string(); }};
}

TEST(Sensors, NvmlTellsClocksPowerAndWhatHoldsThem) {
  const auto read = sensors_of(machine("/nonexistent", RIGCAST_FAKE_NVML), "0000:41:00.0");
  ASSERT_TRUE(read);
  const Conditions now = read();
  EXPECT_EQ(now.clock_mhz, 1695);
  EXPECT_EQ(now.memory_clock_mhz, 9751);
  EXPECT_EQ(now.temperature, 71);
  EXPECT_EQ(now.power, 219.5);
  EXPECT_EQ(now.held_by, (std::vector<std::string>{"power limit", "temperature"}));   // two bits mean heat
  EXPECT_FALSE(sensors_of(machine("/nonexistent", RIGCAST_FAKE_NVML), "0000:99:00.0"));
  EXPECT_FALSE(sensors_of(machine("/nonexistent", RIGCAST_BROKEN_NVML), "0000:41:00.0"));
}

TEST(Sensors, DriversFiles) {
  const auto root = rigcast::test::scratch_folder() / "sensors";
  const auto folder = root / "sys/bus/pci/devices/0000:03:00.0/hwmon/hwmon2";
  std::filesystem::create_directories(folder);
  const auto write = [&](const char* name, const char* text) { std::ofstream(folder / name) << text << "\n"; };
  write("freq1_input", "1725000000"), write("freq2_input", "1000000000"), write("temp1_input", "54000"), write("power1_average", "178000000");
  const auto read = sensors_of(machine(root, ""), "0000:03:00.0");
  ASSERT_TRUE(read);
  EXPECT_EQ(read().clock_mhz, 1725);
  EXPECT_EQ(read().memory_clock_mhz, 1000);
  EXPECT_EQ(read().temperature, 54);
  EXPECT_EQ(read().power, 178);
  std::filesystem::remove_all(root);
  EXPECT_FALSE(read().power);   // a card that went away tells nothing, and nothing breaks
  EXPECT_FALSE(sensors_of(machine(root, ""), ""));
}

TEST(Sensors, TheSummaryIsMediansTheHighestTemperatureAndEveryReason) {
  const Conditions all = summary({{.clock_mhz = 1800, .memory_clock_mhz = {}, .temperature = 60, .power = 300, .held_by = {}},
                                  {.clock_mhz = 1600, .memory_clock_mhz = {}, .temperature = 75, .power = 340, .held_by = {"power limit"}},
                                  {.clock_mhz = 1700, .memory_clock_mhz = {}, .temperature = 70, .power = 350, .held_by = {"power limit", "temperature"}}});
  EXPECT_EQ(all.clock_mhz, 1700);
  EXPECT_FALSE(all.memory_clock_mhz);
  EXPECT_EQ(all.temperature, 75);
  EXPECT_EQ(all.power, 340);
  EXPECT_EQ(all.held_by, (std::vector<std::string>{"power limit", "temperature"}));
}

}  // namespace
}  // namespace rigcast::bench
