// Malformed GGUF files by name: each ends in one line that says what is wrong and where, and none allocates what it claims.

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "model/gguf_test_support.hpp"

namespace rigcast::model {
namespace {

using test::GgufWriter;
namespace ggml = test::ggml;

constexpr std::uint64_t kHuge = std::uint64_t{1} << 62;

// A small file that is in order. Its header: 24 bytes of magic, version and counts; general.architecture to byte 69 (8 + 20 + 4 + 8 + 5);
// llama.block_count to 102 (8 + 17 + 4 + 4); token_embd.weight to 159 (8 + 17 + 4 + 2 x 8 + 4 + 8); output_norm.weight to 209.
GgufWriter good() {
  GgufWriter out("llama");
  out.u32("llama.block_count", 1);
  out.tensor("token_embd.weight", {64, 10}, ggml::f32).tensor("output_norm.weight", {64}, ggml::f32);
  return out;
}

// `bytes` with the number at `offset` replaced.
template <class T>
std::string patched(std::string bytes, std::size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
  return bytes;
}

std::string error_of(const GgufWriter& writer) { return model::error_of(writer.header(), writer.file_size()); }

// A header of one key-value whose bytes after the key are `value`.
std::string one_value(std::string_view key, std::uint32_t type, std::string_view value) {
  std::string out = "GGUF";
  GgufWriter::put(out, std::uint32_t{3});
  GgufWriter::put(out, std::uint64_t{0});
  GgufWriter::put(out, std::uint64_t{1});
  GgufWriter::put_text(out, key);
  GgufWriter::put(out, type);
  return out + std::string(value);
}

// A header without key-values and one tensor info.
std::string one_tensor(std::string_view name, std::uint32_t dimensions, const std::vector<std::int64_t>& shape, std::uint32_t type, std::uint64_t offset) {
  std::string out = "GGUF";
  GgufWriter::put(out, std::uint32_t{3});
  GgufWriter::put(out, std::uint64_t{1});
  GgufWriter::put(out, std::uint64_t{0});
  GgufWriter::put_text(out, name);
  GgufWriter::put(out, dimensions);
  for (const std::int64_t length : shape) GgufWriter::put(out, length);
  GgufWriter::put(out, type);
  GgufWriter::put(out, offset);
  return out;
}

std::string bytes_of(std::uint64_t value) {
  std::string out;
  GgufWriter::put(out, value);
  return out;
}

std::string array_of(std::uint32_t element, std::uint64_t count) {
  std::string out;
  GgufWriter::put(out, element);
  GgufWriter::put(out, count);
  return out;
}

TEST(GgufMalformed, GoodFileIsInOrder) { EXPECT_EQ(error_of(good()), ""); }

TEST(GgufMalformed, Empty) {
  EXPECT_EQ(model::error_of("", 0), "m.gguf: byte 0: the file ends at byte 0 within the magic 'GGUF' (4 bytes wanted): incomplete download or damaged header");
}

TEST(GgufMalformed, WrongMagic) { EXPECT_EQ(model::error_of("GGML\3\0\0\0", 8), "m.gguf: byte 0: does not begin with 'GGUF': not a GGUF file"); }

TEST(GgufMalformed, VersionMissing) {
  EXPECT_EQ(model::error_of("GGUF", 4), "m.gguf: byte 4: the file ends at byte 4 within the version (4 bytes wanted): incomplete download or damaged header");
}

TEST(GgufMalformed, VersionZero) { EXPECT_EQ(model::error_of(patched(good().header(), 4, 0u), 4096), "m.gguf: byte 4: GGUF version 0; versions 2 and 3 are known"); }

TEST(GgufMalformed, VersionOne) {
  EXPECT_EQ(model::error_of(patched(good().header(), 4, 1u), 4096), "m.gguf: byte 4: GGUF version 1 (August 2023), which llama.cpp no longer loads; convert the model again");
}

TEST(GgufMalformed, VersionFromTheFuture) { EXPECT_EQ(model::error_of(patched(good().header(), 4, 4u), 4096), "m.gguf: byte 4: GGUF version 4; versions 2 and 3 are known"); }

TEST(GgufMalformed, BigEndian) {
  EXPECT_EQ(model::error_of(patched(good().header(), 4, 0x03000000u), 4096), "m.gguf: byte 4: a big-endian GGUF file; only little-endian ones are read");
}

TEST(GgufMalformed, VersionTwoIsRead) { EXPECT_EQ(model::error_of(patched(good().header(), 4, 2u), good().file_size()), ""); }

TEST(GgufMalformed, TensorCountLies) {
  EXPECT_EQ(model::error_of(patched(good().header(), 8, kHuge), 4096), "m.gguf: byte 8: claims 4611686018427387904 tensors, which cannot be");
}

// Counts that any model has, in a file that ends before so many can be described.
TEST(GgufMalformed, AFileCutWithinItsHeaderIsIncomplete) {
  EXPECT_EQ(model::error_of(patched(good().header(), 8, std::uint64_t{291}).substr(0, 100), 100),
            "m.gguf: byte 100: the file ends within its header of 2 key-values and 291 tensors: incomplete download or damaged header");
}

// The count fits a huge sparse file, yet no model has so many.
TEST(GgufMalformed, TensorCountLiesInAHugeFile) {
  EXPECT_EQ(model::error_of(patched(good().header(), 8, std::uint64_t{1} << 30), std::uint64_t{1} << 40), "m.gguf: byte 8: claims 1073741824 tensors, which cannot be");
}

TEST(GgufMalformed, KeyValueCountLies) {
  EXPECT_EQ(model::error_of(patched(good().header(), 16, kHuge), 4096), "m.gguf: byte 16: claims 4611686018427387904 key-values, which cannot be");
}

TEST(GgufMalformed, OneTensorTooMany) {
  const std::string header = patched(good().header(), 8, std::uint64_t{3});
  EXPECT_EQ(model::error_of(header, header.size()), "m.gguf: byte 209: the file ends at byte 209 within a tensor name (8 bytes wanted): incomplete download or damaged header");
}

TEST(GgufMalformed, CutAtEveryByteOfTheHeader) {
  const std::string header = good().header();
  for (std::size_t length = 0; length < header.size(); ++length) EXPECT_NE(model::error_of(header.substr(0, length), length), "") << length;
}

TEST(GgufMalformed, CutWithinTheData) {
  // Two tensors of 2560 and 256 bytes at 224: the second lies at 2784 to 3040.
  EXPECT_EQ(model::error_of(good().header(), 3039), "m.gguf: byte 3039: the file ends before the data of tensor 'output_norm.weight' (bytes 2784 to 3040): incomplete download?");
}

TEST(GgufMalformed, KeyEmpty) { EXPECT_EQ(model::error_of(one_value("", 4, std::string(4, '\0')), 4096), "m.gguf: byte 24: an empty key"); }

TEST(GgufMalformed, KeyOfAbsurdLength) {
  EXPECT_EQ(model::error_of(patched(one_value("k", 4, ""), 24, kHuge), kHuge + 100), "m.gguf: byte 32: a key of 4611686018427387904 bytes; at most 65535 are allowed");
}

TEST(GgufMalformed, KeyLongerThanTheFile) {
  EXPECT_EQ(model::error_of(patched(one_value("k", 4, std::string(4, '\0')), 24, std::uint64_t{1000}), 41),
            "m.gguf: byte 32: the file ends at byte 41 within a key (1000 bytes wanted): incomplete download or damaged header");
}

TEST(GgufMalformed, KeyTwice) {
  EXPECT_EQ(error_of(GgufWriter("llama").u32("a", 1).u32("a", 1)), "m.gguf: byte 86: the key 'a' occurs twice");
}

TEST(GgufMalformed, ValueTypeUnknown) { EXPECT_EQ(model::error_of(one_value("k", 13, ""), 4096), "m.gguf: byte 33: 'k' has value type 13; types are 0 to 12"); }

TEST(GgufMalformed, ValueMissing) {
  EXPECT_EQ(model::error_of(one_value("k", 10, "1234"), 41), "m.gguf: byte 37: the file ends at byte 41 within the value of 'k' (8 bytes wanted): incomplete download or damaged header");
}

TEST(GgufMalformed, BooleanIsTwo) { EXPECT_EQ(model::error_of(one_value("k", 7, "\2"), 4096), "m.gguf: byte 37: 'k' is a boolean of neither 0 nor 1"); }

TEST(GgufMalformed, TextLongerThanTheFile) {
  EXPECT_EQ(model::error_of(one_value("k", 8, bytes_of(kHuge)), 4096),
            "m.gguf: byte 45: the file ends at byte 4096 within the text of 'k' (4611686018427387904 bytes wanted): incomplete download or damaged header");
}

TEST(GgufMalformed, ArrayElementTypeUnknown) { EXPECT_EQ(model::error_of(one_value("k", 9, array_of(99, 1)), 4096), "m.gguf: byte 37: 'k' has value type 99; types are 0 to 12"); }

TEST(GgufMalformed, ArrayOfArrays) {
  EXPECT_EQ(model::error_of(one_value("k", 9, array_of(9, 1)), 4096), "m.gguf: byte 41: 'k' is an array of arrays, which GGUF readers do not accept");
}

TEST(GgufMalformed, ArrayCountLies) {
  EXPECT_EQ(model::error_of(one_value("k", 9, array_of(4, kHuge)), 4096), "m.gguf: byte 41: 'k' claims 4611686018427387904 elements; the file is not that long");
}

// 2^62 elements of 8 bytes would wrap round to 0 bytes.
TEST(GgufMalformed, ArrayCountWrapsRound) {
  EXPECT_EQ(model::error_of(one_value("k", 9, array_of(10, kHuge)), kHuge), "m.gguf: byte 41: 'k' claims 4611686018427387904 elements; the file is not that long");
}

TEST(GgufMalformed, TextArrayCountLies) {
  EXPECT_EQ(model::error_of(one_value("k", 9, array_of(8, kHuge)), 4096),
            "m.gguf: byte 49: the file ends at byte 4096 within the array 'k' (4611686018427387904 bytes wanted): incomplete download or damaged header");
}

TEST(GgufMalformed, TextInArrayLies) {
  EXPECT_EQ(model::error_of(one_value("k", 9, array_of(8, 2) + bytes_of(0) + bytes_of(kHuge)), 4096),
            "m.gguf: byte 65: the file ends at byte 4096 within the array 'k' (4611686018427387904 bytes wanted): incomplete download or damaged header");
}

TEST(GgufMalformed, TensorNameEmpty) { EXPECT_EQ(model::error_of(one_tensor("", 1, {4}, 0, 0), 4096), "m.gguf: byte 24: a tensor without a name"); }

TEST(GgufMalformed, TensorNameTooLong) {
  EXPECT_EQ(model::error_of(one_tensor(std::string(64, 'x'), 1, {4}, 0, 0), 4096), "m.gguf: byte 32: a tensor name of 64 bytes; at most 63 are allowed");
}

TEST(GgufMalformed, TensorTwice) {
  EXPECT_EQ(error_of(GgufWriter("llama").tensor("a", {4}, ggml::f32).tensor("a", {4}, ggml::f32)), "m.gguf: byte 135: tensor 'a' occurs twice");
}

TEST(GgufMalformed, FiveDimensions) { EXPECT_EQ(model::error_of(one_tensor("a", 5, {1, 1, 1, 1, 1}, 0, 0), 4096), "m.gguf: byte 33: tensor 'a' has 5 dimensions; at most 4 exist"); }

TEST(GgufMalformed, DimensionZero) { EXPECT_EQ(model::error_of(one_tensor("a", 2, {4, 0}, 0, 0), 4096), "m.gguf: byte 33: tensor 'a' has a dimension of 0"); }

TEST(GgufMalformed, DimensionNegative) { EXPECT_EQ(model::error_of(one_tensor("a", 2, {4, -1}, 0, 0), 4096), "m.gguf: byte 33: tensor 'a' has a dimension of -1"); }

// 2^32 x 2^32 is 2^64, which 64 bits cannot hold.
TEST(GgufMalformed, ShapeOverflows) {
  EXPECT_EQ(model::error_of(one_tensor("a", 2, {std::int64_t{1} << 32, std::int64_t{1} << 32}, 0, 0), 4096), "m.gguf: byte 33: tensor 'a' has more than 2^53 elements");
}

// 2^52 elements are allowed, 2^54 bytes of them are not.
TEST(GgufMalformed, SizeOverflows) { EXPECT_EQ(model::error_of(one_tensor("a", 1, {std::int64_t{1} << 52}, 0, 0), 4096), "m.gguf: byte 45: tensor 'a' has more than 2^53 bytes"); }

TEST(GgufMalformed, FormatUnknown) {
  EXPECT_EQ(model::error_of(one_tensor("a", 1, {4}, 777, 0), 4096), "m.gguf: byte 45: tensor 'a' has ggml type 777, a number format nobody has described");
}

TEST(GgufMalformed, FormatOfAbsurdNumber) {
  EXPECT_EQ(model::error_of(one_tensor("a", 1, {4}, 0xFFFFFFFF, 0), 4096), "m.gguf: byte 45: tensor 'a' has ggml type 4294967295, a number format nobody has described");
}

TEST(GgufMalformed, RowIsNoWholeNumberOfBlocks) {
  EXPECT_EQ(model::error_of(one_tensor("a", 1, {100}, 12, 0), 4096), "m.gguf: byte 45: tensor 'a' has rows of 100 elements, which blocks of 256 (Q4_K) do not divide");
}

TEST(GgufMalformed, OffsetNotAligned) {
  EXPECT_EQ(model::error_of(one_tensor("a", 1, {4}, 0, 5), 4096), "m.gguf: byte 57: tensor 'a' begins at byte 5 of the data, not a multiple of 32");
}

TEST(GgufMalformed, OffsetLeavesAGap) {
  EXPECT_EQ(model::error_of(one_tensor("a", 1, {4}, 0, 32), 4096), "m.gguf: byte 57: tensor 'a' begins at byte 32 of the data where the one before ends at 0");
}

TEST(GgufMalformed, OffsetBeyondTheFile) {
  EXPECT_EQ(model::error_of(one_tensor("a", 1, {4}, 0, kHuge), 4096), "m.gguf: byte 57: tensor 'a' begins at byte 4611686018427387904 of the data where the one before ends at 0");
}

TEST(GgufMalformed, TensorsOverlap) {
  GgufWriter writer("llama");
  writer.tensor("a", {64}, ggml::f32).tensor("b", {64}, ggml::f32);
  // The second tensor's offset is the last number of the header.
  const std::string header = patched(writer.header(), writer.header().size() - 8, std::uint64_t{32});
  EXPECT_EQ(model::error_of(header, 4096), "m.gguf: byte 135: tensor 'b' begins at byte 32 of the data where the one before ends at 256");
}

TEST(GgufMalformed, AlignmentIsNoPowerOfTwo) {
  EXPECT_EQ(error_of(GgufWriter("llama").u32("general.alignment", 48)), "m.gguf: byte 98: general.alignment is 48, not a power of two up to 2^20");
}

TEST(GgufMalformed, AlignmentZero) {
  EXPECT_EQ(error_of(GgufWriter("llama").u32("general.alignment", 0)), "m.gguf: byte 98: general.alignment is 0, not a power of two up to 2^20");
}

TEST(GgufMalformed, AlignmentHuge) {
  EXPECT_EQ(error_of(GgufWriter("llama").u32("general.alignment", 1u << 31)), "m.gguf: byte 98: general.alignment is 2147483648, not a power of two up to 2^20");
}

TEST(GgufMalformed, AlignmentOfWrongType) {
  EXPECT_EQ(error_of(GgufWriter("llama").text("general.alignment", "32")), "m.gguf: byte 98: general.alignment is not a 32-bit number");
}

// A sparse file of zeroes behind a plausible beginning costs nothing.
TEST(GgufMalformed, VocabularyOfZeroesInAHugeFile) {
  const std::string header = one_value("k", 9, array_of(8, std::uint64_t{1} << 40));
  EXPECT_EQ(model::error_of(header, std::uint64_t{1} << 50),
            "m.gguf: byte 49: the file ends at byte 1125899906842624 within the array 'k' (8 bytes wanted): incomplete download or damaged header");
}

}  // namespace
}  // namespace rigcast::model
