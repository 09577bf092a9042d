#pragma once
// The graph of tensor operations that a ggml engine (llama.cpp and its relatives) builds for one batch: shapes, strides, who reads
// whom. No numbers are computed; the graph exists so that its compute buffers can be laid out exactly as the engine lays them out.
//
// A view shares the memory of another tensor. Operations are numbered in the order in which the engine would run them: an operation
// enters the order when something that needs it is expanded, its sources first, left to right.

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

namespace rigcast::placement::detail {

enum class TensorOp : std::uint8_t {
  none,  // a weight, a cache, an input
  reshape, view, permute, transpose,  // views: no work, no memory (is_view goes by their order)
  matmul, matmul_experts, gather, scatter, attention, softmax, rope,
  rms_norm, layer_norm, l2_norm, add, add_expert, multiply, divide, subtract, scale, unary, clamp, square_root, fill,  // may overwrite a source
  gated_unit, duplicate, contiguous, convert, concatenate, repeat, argsort, top_k, sum_rows, cumulative_sum, pad,
  short_convolution, state_scan, delta_scan, index_scores, mix_streams, weigh_streams, balance, spread, solve_triangular, triangle, diagonal,
};

inline bool is_view(TensorOp op) { return op >= TensorOp::reshape && op <= TensorOp::transpose; }
bool may_overwrite(TensorOp op);  // the result may take the place of a source of equal layout

using TensorId = int;
inline constexpr TensorId kNoTensor = -1;
inline constexpr int kNotPlaced = -1;

// Element types are only sizes here; equal indices mean equal types.
struct ElementType { std::int64_t block_elements = 1, block_bytes = 4; };
enum : std::uint8_t { kF32 = 0, kF16 = 1, kI32 = 2, kI64 = 3, kKey = 4, kValue = 5, kWeight = 6 };  // kWeight: opaque, bytes given

using Shape = std::array<std::int64_t, 4>;

struct GraphTensor {
  TensorOp op = TensorOp::none;
  std::uint8_t type = kF32;
  bool is_input = false;            // written by the engine before each batch
  bool is_output = false;           // read afterwards: never freed
  bool is_weight = false;
  bool wide = false;                // of a product: what it multiplies may leave the range of F16
  int place = kNotPlaced;           // buffer it lives in already (weight, cache); kNotPlaced: the compute buffer
  int pinned = kNotPlaced;          // backend the engine insists on
  int layer = -1;                   // of an operation that stands for many small ones: the engine asks whether it runs where its layer is
  Shape shape{1, 1, 1, 1}, stride{};  // stride in bytes
  std::array<TensorId, 8> source{kNoTensor, kNoTensor, kNoTensor, kNoTensor, kNoTensor, kNoTensor, kNoTensor, kNoTensor};
  std::uint8_t source_count = 0;    // behind these there are none; some of them may be missing
  TensorId view_of = kNoTensor;     // root of the view
  int weight = -1;                  // number of the weight that this is, or is a copy of
  std::int64_t bytes = 0;           // from first to last byte, gaps of the strides included
  const char* label = "";           // for people who debug a layout

  std::span<const TensorId> sources() const { return {source.data(), source_count}; }
};

class TensorGraph {
 public:
  explicit TensorGraph(ElementType key = {1, 2}, ElementType value = {1, 2});

  std::vector<GraphTensor> tensors;
  std::vector<TensorId> operations;  // in running order, views included
  std::vector<TensorId> leaves;      // inputs, weights and caches that the operations read

  // Leaves.
  TensorId weight(const Shape& shape, std::int64_t bytes, int place, int number);   // number: of its bytes, which another may share
  TensorId cache(std::uint8_t type, const Shape& shape, int place);
  TensorId input(const char* label, std::uint8_t type, const Shape& shape);
  TensorId scratch(std::uint8_t type, const Shape& shape);                    // nobody fills it beforehand

  // Operations; each returns its result. `elementwise` takes the first source's shape.
  TensorId elementwise(TensorOp op, TensorId first, std::initializer_list<TensorId> rest = {});
  TensorId operation(TensorOp op, std::uint8_t type, const Shape& shape, std::initializer_list<TensorId> sources);
  TensorId matmul(TensorId weights, TensorId x);                             // [k,m] x [k,n] -> [m,n]
  TensorId matmul_experts(TensorId weights, TensorId x, TensorId chosen);    // [k,m,experts], [k,.,n], [used,n] -> [m,used,n]
  TensorId gather(TensorId table, TensorId rows);
  TensorId scatter(TensorId into, TensorId values, TensorId rows);           // a view of `into`
  TensorId attention(TensorId q, TensorId k, TensorId v, TensorId mask, TensorId sinks = kNoTensor);
  TensorId gated_unit(TensorId gate, TensorId up);                           // up = kNoTensor: both halves in one tensor
  TensorId concatenate(TensorId a, TensorId b, int dimension);
  TensorId contiguous(TensorId a);
  TensorId contiguous(TensorId a, const Shape& shape);
  TensorId convert(TensorId a, std::uint8_t type);

  // Views.
  TensorId reshape(TensorId a, const Shape& shape);
  TensorId view(TensorId a, const Shape& shape, const Shape& stride);         // where it starts does not matter here
  TensorId permute(TensorId a, int p0, int p1, int p2, int p3);
  TensorId transpose(TensorId a);

  void expand(TensorId a);            // a and what it needs enter the running order
  std::int64_t row_bytes(std::uint8_t type, std::int64_t elements) const;
  std::int64_t block_elements(std::uint8_t type) const { return types_[type].block_elements; }
  const Shape& shape(TensorId a) const { return tensors[static_cast<std::size_t>(a)].shape; }
  const Shape& stride(TensorId a) const { return tensors[static_cast<std::size_t>(a)].stride; }
  GraphTensor& operator[](TensorId a) { return tensors[static_cast<std::size_t>(a)]; }
  const GraphTensor& operator[](TensorId a) const { return tensors[static_cast<std::size_t>(a)]; }
  TensorId root(TensorId a) const { return (*this)[a].view_of == kNoTensor ? a : (*this)[a].view_of; }  // a, or what it is a view of
  TensorId copy_of(TensorId a);       // a leaf of the same layout
  TensorId alias_of(TensorId a);      // a view that only keeps `a` alive until it is reached

 private:
  TensorId last() const { return static_cast<TensorId>(tensors.size()) - 1; }
  TensorId dense(TensorOp op, std::uint8_t type, const Shape& shape);
  TensorId view_tensor(TensorOp op, TensorId a, const Shape& shape, const Shape& stride);

  std::array<ElementType, 7> types_;
  struct Visit { TensorId tensor; std::size_t next; };
  std::vector<char> expanded_;
  std::vector<Visit> path_;           // of the expansion under way
};

}  // namespace rigcast::placement::detail
