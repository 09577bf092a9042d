#include "model/safetensors.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "safetensors_writer.hpp"
#include "scratch.hpp"

namespace rigcast::model {
namespace {

namespace fs = std::filesystem;
using test::GgufWriter;
using test::SafetensorsWriter;

Result<Safetensors> read(std::string_view bytes, std::uint64_t size) { return read_safetensors_part(ByteWindow::over(bytes, size, "m.safetensors")); }

// The error of a header with this JSON before `data` bytes.
std::string error_of(std::string_view json, std::uint64_t data = 0) {
  const std::string bytes = SafetensorsWriter::with_length(json);
  const auto result = read(bytes, bytes.size() + data);
  return result ? std::string{} : to_text(result.error());
}

TEST(Safetensors, ReadsNamesShapesAndBytes) {
  SafetensorsWriter writer;
  writer.tensor("b.weight", {4096, 1024}).tensor("a.qweight", {512, 128}, "I32", 32).tensor("c", {3, 5}, "F4", 4);
  const auto model = read(writer.header(), writer.file_size());
  ASSERT_TRUE(model) << to_text(model.error());
  ASSERT_EQ(model->tensors.size(), 3u);
  EXPECT_EQ(model->tensors[0].name, "a.qweight");
  EXPECT_EQ(model->tensors[0].bytes, 512u * 128 * 4);
  EXPECT_EQ(model->tensors[1].shape, (std::vector<std::int64_t>{4096, 1024}));
  EXPECT_EQ(model->tensors[2].bytes, 8u);  // 15 elements of 4 bits
}

TEST(Safetensors, MetadataIsPassedOver) { EXPECT_EQ(error_of(R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})", 4), ""); }

TEST(SafetensorsMalformed, LengthMissing) {
  EXPECT_EQ(to_text(read("abc", 3).error()), "m.safetensors: byte 0: the file ends at byte 3 within the header length (8 bytes wanted): incomplete download or damaged header");
}

TEST(SafetensorsMalformed, LengthLies) {
  std::string bytes;
  GgufWriter::put(bytes, std::uint64_t{1} << 62);
  EXPECT_EQ(to_text(read(bytes, 1000).error()), "m.safetensors: byte 0: claims a header of 4611686018427387904 bytes; at most 100000000 are allowed");
}

TEST(SafetensorsMalformed, LengthBeyondTheFile) {
  std::string bytes;
  GgufWriter::put(bytes, std::uint64_t{1000});
  EXPECT_EQ(to_text(read(bytes, 8).error()), "m.safetensors: byte 8: the file ends at byte 8 within the header (1000 bytes wanted): incomplete download or damaged header");
}

TEST(SafetensorsMalformed, NoObject) { EXPECT_EQ(error_of("[]"), "m.safetensors: byte 8: the header does not begin with '{': not a safetensors file"); }

TEST(SafetensorsMalformed, BadJson) { EXPECT_EQ(error_of(R"({"a":)"), "m.safetensors: byte 14: is not valid JSON here"); }

TEST(SafetensorsMalformed, DeepNesting) {
  const std::string json = "{\"a\":" + std::string(100'000, '[');
  EXPECT_EQ(error_of(json), "m.safetensors: byte 8: tensor 'a' has a list where dtype, shape and data_offsets belong");
}

TEST(SafetensorsMalformed, ObjectWithinATensor) {
  EXPECT_EQ(error_of(R"({"a":{"dtype":{}}})"), "m.safetensors: byte 8: tensor 'a' has an object where dtype, shape and data_offsets belong");
}

TEST(SafetensorsMalformed, FieldMissing) { EXPECT_EQ(error_of(R"({"a":{"dtype":"F32","shape":[1]}})"), "m.safetensors: byte 8: tensor 'a' lacks dtype, shape or two data_offsets"); }

TEST(SafetensorsMalformed, NegativeDimension) {
  EXPECT_EQ(error_of(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})"), "m.safetensors: byte 8: tensor 'a' has a negative number where dtype, shape and data_offsets belong");
}

TEST(SafetensorsMalformed, TooManyDimensions) {
  EXPECT_EQ(error_of(R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})"),
            "m.safetensors: byte 8: tensor 'a' has a list of more than 16 numbers where dtype, shape and data_offsets belong");
}

TEST(SafetensorsMalformed, DtypeUnknown) {
  EXPECT_EQ(error_of(R"({"a":{"dtype":"Q9","shape":[1],"data_offsets":[0,4]}})", 4), "m.safetensors: byte 8: tensor 'a' has dtype 'Q9', which nobody has described");
}

TEST(SafetensorsMalformed, ShapeOverflows) {
  EXPECT_EQ(error_of(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})"), "m.safetensors: byte 8: tensor 'a' has more than 2^53 elements");
}

TEST(SafetensorsMalformed, OffsetsBackwards) {
  EXPECT_EQ(error_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4), "m.safetensors: byte 8: tensor 'a' ends at byte 0 before it begins at 4");
}

TEST(SafetensorsMalformed, OffsetsBeyondTheFile) {
  EXPECT_EQ(error_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 3), "m.safetensors: byte 8: tensor 'a' ends at byte 4 of 3 of data: incomplete download?");
}

TEST(SafetensorsMalformed, SizeIsNotThatOfTheShape) {
  EXPECT_EQ(error_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4), "m.safetensors: byte 8: tensor 'a' takes 4 bytes where its shape and dtype take 8");
}

TEST(SafetensorsMalformed, TensorsOverlap) {
  EXPECT_EQ(error_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})", 6),
            "m.safetensors: byte 8: tensor 'b' begins at byte 2 of the data where the one before ends at 4");
}

TEST(SafetensorsMalformed, HoleInTheData) {
  EXPECT_EQ(error_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8), "m.safetensors: byte 8: tensor 'a' begins at byte 4 of the data where the one before ends at 0");
}

TEST(SafetensorsMalformed, DataLeftOver) {
  EXPECT_EQ(error_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 9), "m.safetensors: byte 8: its tensors end at byte 4 of 9 of data");
}

TEST(SafetensorsMalformed, TensorTwice) {
  EXPECT_EQ(error_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8), "m.safetensors: tensor 'a' occurs twice");
}

// A folder of its own for each test, removed afterwards.
class SafetensorsFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = test::scratch_folder() / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    SafetensorsWriter().tensor("a", {4}).write(folder_ / "model-1.safetensors");
    SafetensorsWriter().tensor("b", {4}).write(folder_ / "model-2.safetensors");
  }
  void TearDown() override { fs::remove_all(folder_); }
  void index(const std::string& json) const { GgufWriter::write_bytes(folder_ / "model.safetensors.index.json", json); }
  std::string error() const {
    const auto result = read_safetensors(folder_);
    return result ? std::string{} : to_text(result.error());
  }
  std::string index_path() const { return (folder_ / "model.safetensors.index.json").string(); }
  fs::path folder_;
};

TEST_F(SafetensorsFolder, Indexed) {
  index(R"({"metadata":{"total_size":16},"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}})");
  const auto model = read_safetensors(folder_);
  ASSERT_TRUE(model) << to_text(model.error());
  EXPECT_EQ(model->files.size(), 2u);
  EXPECT_EQ(model->tensors.size(), 2u);
}

TEST_F(SafetensorsFolder, WithoutIndexAllFiles) {
  SafetensorsWriter().tensor("a", {4}).write(folder_ / "consolidated.safetensors");
  const auto model = read_safetensors(folder_);
  ASSERT_TRUE(model) << to_text(model.error());
  EXPECT_EQ(model->tensors.size(), 2u);
}

TEST_F(SafetensorsFolder, IndexNamesAnAbsentFile) {
  index(R"({"weight_map":{"a":"model-1.safetensors","b":"model-3.safetensors"}})");
  EXPECT_EQ(error(), index_path() + ": names 'model-3.safetensors', which is not there: incomplete download?");
}

TEST_F(SafetensorsFolder, IndexNamesAFileElsewhere) {
  index(R"({"weight_map":{"a":"../../etc/passwd"}})");
  EXPECT_EQ(error(), index_path() + ": tensor 'a' lies in '../../etc/passwd', which is not a file beside the index");
}

TEST_F(SafetensorsFolder, IndexPromisesAnAbsentTensor) {
  index(R"({"weight_map":{"a":"model-1.safetensors","c":"model-2.safetensors"}})");
  EXPECT_EQ(error(), index_path() + ": promises tensor 'c' in 'model-2.safetensors', which does not hold it");
}

TEST_F(SafetensorsFolder, IndexIsNoIndex) {
  index(R"({"weight_map":{"a":[1]}})");
  EXPECT_EQ(error(), index_path() + ": byte 0: weight_map names no file for 'a'");
}

TEST_F(SafetensorsFolder, TensorInTwoFiles) {
  SafetensorsWriter().tensor("a", {4}).write(folder_ / "model-2.safetensors");
  EXPECT_EQ(error(), folder_.string() + ": tensor 'a' occurs in two files");
}

}  // namespace
}  // namespace rigcast::model
