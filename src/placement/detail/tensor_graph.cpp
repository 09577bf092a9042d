#include "placement/detail/tensor_graph.hpp"

#include <algorithm>

namespace rigcast::placement::detail {

bool may_overwrite(TensorOp op) {
  switch (op) {
    case TensorOp::rms_norm: case TensorOp::add: case TensorOp::add_expert: case TensorOp::multiply: case TensorOp::divide:
    case TensorOp::subtract: case TensorOp::scale: case TensorOp::unary: case TensorOp::clamp: case TensorOp::square_root:
    case TensorOp::fill: case TensorOp::rope: case TensorOp::softmax:
      return true;
    default:
      return false;
  }
}

namespace {

Shape dense_stride(const ElementType& type, const Shape& shape) {
  Shape stride{};
  stride[0] = type.block_bytes;
  stride[1] = type.block_bytes * (shape[0] / type.block_elements);
  stride[2] = stride[1] * shape[1];
  stride[3] = stride[2] * shape[2];
  return stride;
}

// From the first byte to the last, whatever the strides leave out in between.
std::int64_t span_bytes(const ElementType& type, const Shape& shape, const Shape& stride) {
  if (std::any_of(shape.begin(), shape.end(), [](std::int64_t n) { return n <= 0; })) return 0;
  std::int64_t bytes = type.block_elements == 1 ? type.block_bytes + (shape[0] - 1) * stride[0]
                                                : shape[0] * stride[0] / type.block_elements;
  for (std::size_t i = 1; i < 4; ++i) bytes += (shape[i] - 1) * stride[i];
  return bytes;
}

// The same where nothing is left out.
std::int64_t dense_bytes(const ElementType& type, const Shape& shape, const Shape& stride) {
  if (type.block_elements != 1) return span_bytes(type, shape, stride);
  const bool empty = shape[0] <= 0 || shape[1] <= 0 || shape[2] <= 0 || shape[3] <= 0;
  return empty ? 0 : stride[3] * shape[3];
}

}  // namespace

TensorGraph::TensorGraph(ElementType key, ElementType value)
    : types_{ElementType{1, 4}, ElementType{1, 2}, ElementType{1, 4}, ElementType{1, 8}, key, value, ElementType{1, 1}} {
  tensors.reserve(4096);
}

TensorId TensorGraph::dense(TensorOp op, std::uint8_t type, const Shape& shape) {
  const Shape of = shape;   // which may lie in a tensor that moves
  GraphTensor& tensor = tensors.emplace_back();
  tensor.op = op;
  tensor.type = type;
  tensor.shape = of;
  tensor.stride = dense_stride(types_[type], of);
  tensor.bytes = dense_bytes(types_[type], of, tensor.stride);
  return last();
}

TensorId TensorGraph::weight(const Shape& shape, std::int64_t bytes, int place, int number) {
  const TensorId id = dense(TensorOp::none, kWeight, shape);
  (*this)[id].bytes = bytes;
  (*this)[id].is_weight = true;
  (*this)[id].weight = number;
  (*this)[id].place = place;
  return id;
}

TensorId TensorGraph::cache(std::uint8_t type, const Shape& shape, int place) {
  const TensorId id = dense(TensorOp::none, type, shape);
  (*this)[id].place = place;
  return id;
}

TensorId TensorGraph::input(const char* label, std::uint8_t type, const Shape& shape) {
  const TensorId id = dense(TensorOp::none, type, shape);
  (*this)[id].is_input = true;
  (*this)[id].label = label;
  return id;
}

TensorId TensorGraph::scratch(std::uint8_t type, const Shape& shape) { return dense(TensorOp::none, type, shape); }

TensorId TensorGraph::operation(TensorOp op, std::uint8_t type, const Shape& shape, std::initializer_list<TensorId> sources) {
  const TensorId id = dense(op, type, shape);
  std::copy(sources.begin(), sources.end(), (*this)[id].source.begin());
  (*this)[id].source_count = static_cast<std::uint8_t>(sources.size());
  return id;
}

TensorId TensorGraph::elementwise(TensorOp op, TensorId first, std::initializer_list<TensorId> rest) {
  const Shape shape = this->shape(first);
  const TensorId id = dense(op, (*this)[first].type, shape);
  (*this)[id].source[0] = first;
  std::copy(rest.begin(), rest.end(), (*this)[id].source.begin() + 1);
  (*this)[id].source_count = static_cast<std::uint8_t>(1 + rest.size());
  return id;
}

TensorId TensorGraph::matmul(TensorId weights, TensorId x) {
  return operation(TensorOp::matmul, kF32, {shape(weights)[1], shape(x)[1], shape(x)[2], shape(x)[3]}, {weights, x});
}

TensorId TensorGraph::matmul_experts(TensorId weights, TensorId x, TensorId chosen) {
  return operation(TensorOp::matmul_experts, kF32, {shape(weights)[1], shape(chosen)[0], shape(x)[2], 1}, {weights, x, chosen});
}

TensorId TensorGraph::gather(TensorId table, TensorId rows) {
  const std::uint8_t type = (*this)[table].type == kI32 ? kI32 : kF32;
  return operation(TensorOp::gather, type, {shape(table)[0], shape(rows)[0], shape(rows)[1], shape(rows)[2]}, {table, rows});
}

TensorId TensorGraph::scatter(TensorId into, TensorId values, TensorId rows) {
  const Shape into_shape = shape(into), into_stride = stride(into);
  const TensorId id = view_tensor(TensorOp::scatter, into, into_shape, into_stride);
  (*this)[id].source[0] = values;
  (*this)[id].source[1] = rows;
  (*this)[id].source[2] = into;
  (*this)[id].source_count = 3;
  return id;
}

TensorId TensorGraph::attention(TensorId q, TensorId k, TensorId v, TensorId mask, TensorId sinks) {
  return operation(TensorOp::attention, kF32, {shape(v)[0], shape(q)[2], shape(q)[1], shape(q)[3]}, {q, k, v, mask, sinks});
}

TensorId TensorGraph::gated_unit(TensorId gate, TensorId up) {
  Shape result = shape(gate);
  if (up == kNoTensor) result[0] /= 2;
  return operation(TensorOp::gated_unit, kF32, result, {gate, up});
}

TensorId TensorGraph::concatenate(TensorId a, TensorId b, int dimension) {
  Shape result = shape(a);
  result[static_cast<std::size_t>(dimension)] += shape(b)[static_cast<std::size_t>(dimension)];
  return operation(TensorOp::concatenate, (*this)[a].type, result, {a, b});
}

TensorId TensorGraph::contiguous(TensorId a) { return contiguous(a, Shape(shape(a))); }
TensorId TensorGraph::contiguous(TensorId a, const Shape& result) {
  return operation(TensorOp::contiguous, (*this)[a].type, result, {a});
}
TensorId TensorGraph::convert(TensorId a, std::uint8_t type) { return operation(TensorOp::convert, type, Shape(shape(a)), {a}); }

TensorId TensorGraph::view_tensor(TensorOp op, TensorId a, const Shape& shape, const Shape& stride) {
  const Shape of = shape, by = stride;   // which may lie in a tensor that moves
  GraphTensor& tensor = tensors.emplace_back();
  tensor.op = op;
  tensor.type = (*this)[a].type;
  tensor.shape = of;
  tensor.stride = by;
  tensor.bytes = tensor.type == kWeight ? (*this)[a].bytes : span_bytes(types_[tensor.type], of, by);
  tensor.source[0] = a;
  tensor.source_count = 1;
  tensor.view_of = root(a);
  return last();
}

TensorId TensorGraph::reshape(TensorId a, const Shape& shape) {
  return view_tensor(TensorOp::reshape, a, shape, dense_stride(types_[(*this)[a].type], shape));
}

TensorId TensorGraph::view(TensorId a, const Shape& shape, const Shape& stride) {
  return view_tensor(TensorOp::view, a, shape, stride);
}

TensorId TensorGraph::permute(TensorId a, int p0, int p1, int p2, int p3) {
  Shape shape{}, stride{};
  const std::array<int, 4> to{p0, p1, p2, p3};
  for (std::size_t i = 0; i < 4; ++i) {
    shape[static_cast<std::size_t>(to[i])] = this->shape(a)[i];
    stride[static_cast<std::size_t>(to[i])] = this->stride(a)[i];
  }
  return view_tensor(TensorOp::permute, a, shape, stride);
}

TensorId TensorGraph::transpose(TensorId a) {
  Shape shape = this->shape(a), stride = this->stride(a);
  std::swap(shape[0], shape[1]);
  std::swap(stride[0], stride[1]);
  return view_tensor(TensorOp::transpose, a, shape, stride);
}

TensorId TensorGraph::copy_of(TensorId a) {
  GraphTensor& tensor = tensors.emplace_back();
  tensor.type = (*this)[a].type;
  tensor.shape = shape(a);
  tensor.stride = stride(a);
  tensor.bytes = (*this)[a].bytes;
  tensor.label = (*this)[a].label;
  if (tensor.bytes == (*this)[root(a)].bytes) tensor.weight = (*this)[root(a)].weight;   // no part of one
  return last();
}

TensorId TensorGraph::alias_of(TensorId a) {
  const Shape a_shape = shape(a), a_stride = stride(a);
  return view_tensor(TensorOp::none, a, a_shape, a_stride);
}

std::int64_t TensorGraph::row_bytes(std::uint8_t type, std::int64_t elements) const {
  return elements / types_[type].block_elements * types_[type].block_bytes;
}

void TensorGraph::expand(TensorId a) {
  expanded_.resize(tensors.size(), 0);
  // Depth first without recursion: graphs of a thousand layers must not exhaust the stack.
  const auto enter = [&](TensorId id) {
    if (expanded_[static_cast<std::size_t>(id)]) return;
    expanded_[static_cast<std::size_t>(id)] = 1;
    path_.push_back({id, 0});
  };
  enter(a);
  while (!path_.empty()) {
    const TensorId id = path_.back().tensor;
    const auto source = (*this)[id].sources();
    if (path_.back().next < source.size()) {
      const TensorId next = source[path_.back().next++];
      if (next != kNoTensor) enter(next);
      continue;
    }
    ((*this)[id].op == TensorOp::none ? leaves : operations).push_back(id);
    path_.pop_back();
  }
}

}  // namespace rigcast::placement::detail
